//! `machine`: the development machine, from boot to a verified appliance. `./dev` calls it.

mod args;
mod forward;
mod progress;
mod state;
mod supervise;
mod up;

use std::io::{IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use clap::Parser;

use args::{Args, Verb};
use state::State;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(why) => {
            let _unheard = writeln!(std::io::stderr(), "machine: {why:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.verb {
        Verb::Up { programs, json } => up::up(programs.as_deref(), *json)?,
        Verb::Down => supervise::end().context("stop the machine")?,
        Verb::Status { json } => return status(*json),
        Verb::Logs { follow, unit } => return logs(*follow, unit.as_deref()),
        Verb::Shell => return inside(true, &["/bin/bash", "--login"]),
        Verb::Run { command } => {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            return inside(false, &words);
        }
        Verb::Clean { keep_disks } => {
            supervise::end().context("stop the machine")?;
            image::place::remove_kept(state::NAME, *keep_disks).context("remove the machine's files")?;
        }
        Verb::Base => {
            let base = image::Base::stock().context("build the base")?;
            writeln!(std::io::stdout(), "{}", base.root().display())?;
        }
        Verb::Supervise => supervise::supervise()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn status(json: bool) -> anyhow::Result<ExitCode> {
    let state = State::of_running()?;
    let mut out = std::io::stdout();
    match (&state, json) {
        (_, true) => writeln!(out, "{}", serde_json::to_string(&state)?)?,
        (Some(state), false) => {
            writeln!(
                out,
                "up    {}  (machine {}, process {})",
                state.url(),
                state.address,
                state.supervisor
            )?;
        }
        (None, false) => writeln!(out, "down")?,
    }
    Ok(if state.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(3)
    })
}

fn logs(follow: bool, unit: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut argv = vec!["journalctl", "--no-pager", "--lines=200"];
    argv.extend(follow.then_some("--follow"));
    argv.extend(unit.map(|unit| ["--unit", unit]).iter().flatten());
    inside(false, &argv)
}

/// Becomes a command in the machine, with our own terminal and our own exit status.
fn inside(terminal: bool, argv: &[&str]) -> anyhow::Result<ExitCode> {
    let Some(state) = State::of_running()? else {
        bail!("the machine is down\nnext: ./dev up")
    };
    let terminal = terminal && std::io::stdin().is_terminal();
    let words = state.inside.attached(terminal, argv);
    Err(Command::new(&words[0]).args(&words[1..]).exec()).context("enter the machine")
}
