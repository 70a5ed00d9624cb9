//! The program `webapp`: wiring only.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use webapp::args::{self, Command, HELP};
use webapp::config::Config;
use webapp::health::linux::Linux;
use webapp::health::machine::Unknown;
use webapp::health::report::{Facts, Report};
use webapp::health::watched::Watched;
use webapp::log::{Level, event};

/// Wrong words or wrong settings.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    match args::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => say(HELP),
        Ok(Command::Version) => say(concat!("webapp ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::SelfCheck) => self_check(),
        Ok(Command::Check) => match Config::from_process() {
            Ok(_) => say("the settings are good\n"),
            Err(errors) => complain(&errors.to_string(), BAD_INPUT),
        },
        Ok(Command::Run) => match Config::from_process() {
            Ok(config) => run(config),
            Err(errors) => complain(&errors.to_string(), BAD_INPUT),
        },
        Err(word) => complain(
            &format!("webapp does not know {word:?}\nnext: webapp --help\n"),
            BAD_INPUT,
        ),
    }
}

fn run(config: Config) -> ExitCode {
    // One thread for the work; others only where the kernel may keep one waiting: four partitions,
    // the load, and what the bus client reads from files.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start the event loop: {error}\n"), 1),
    };
    let ended = runtime.block_on(webapp::service::run(config, Linux::default()));
    // Does not wait for a thread that a dead disk holds.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            event(
                Level::Error,
                "service.failed",
                &[("error", &format!("{error:#}"))],
            );
            ExitCode::FAILURE
        }
    }
}

/// A deploy asks the new program this before it trusts it: it loads, its time and its report work.
fn self_check() -> ExitCode {
    let facts = Facts::unknown(Unknown::Stale, SystemTime::now(), Duration::ZERO);
    let report = Report::judge(&Watched::default(), &facts);
    if report.unwell().is_empty() || report.to_json().is_empty() {
        return complain("an unknown machine was judged healthy\n", 1);
    }
    say("ok\n")
}

fn say(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(code)
}
