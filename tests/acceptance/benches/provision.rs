//! `./dev bench provision`: the whole layout with twelve people, first on a bare machine and then again with nothing
//! left to do, by us and by ansible-core, pyinfra and bash.
//!
//! Each round gives each of them a fresh copy of the same booted container, turn by turn, so that a busy host slows all
//! of them alike. What came of it is compared with ours each time: a peer whose machine differs fails the benchmark.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark is a program, not an interface; it may stop anywhere"
)]

#[path = "provision/machines.rs"]
mod machines;
#[path = "provision/measure.rs"]
mod measure;
#[path = "provision/report.rs"]
mod report;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use machines::{Contestant, Layout, Turn};
use report::Runs;

/// Rounds of those that take seconds.
const ROUNDS: usize = 5;
/// Rounds of Ansible, which takes minutes.
const ANSIBLE_ROUNDS: usize = 1;
/// Second applies of ours on each machine: one is too short to be told from noise.
const REPEATS: usize = 3;
/// No turn begins that would end later than this, going by the last one of the same contestant.
const BUDGET: Duration = Duration::from_secs(25 * 60);

fn main() -> Result<()> {
    // The same program measures inside a machine: it is small, and does not count into what it measures.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, command)) = arguments.split_first()
        && first == measure::WORD
    {
        return measure::run(command);
    }
    let (begun, load_before) = (Instant::now(), load()?);
    let rounds = number("BENCH_ROUNDS", ROUNDS)?;
    let ansible_rounds = number("BENCH_ANSIBLE_ROUNDS", ANSIBLE_ROUNDS.min(rounds))?;
    say("a reference machine, and the peers' layouts from it");
    let layout = Layout::make()?;
    let contestants = Contestant::all()?;
    let mut runs = Runs::default();
    let mut lasted: BTreeMap<&str, Duration> = BTreeMap::new();
    // The first round fills caches and does not count, but for Ansible, which no cache helps.
    for round in 0..=rounds {
        for contestant in &contestants {
            let name = contestant.name();
            if contestant.is_slow() && round >= ansible_rounds {
                continue;
            }
            if begun.elapsed() + lasted.get(name).copied().unwrap_or_default() > BUDGET {
                say(&format!("round {round}: {name:<8} left out, for lack of time"));
                continue;
            }
            let turn_begun = Instant::now();
            let turn = layout
                .turn(contestant, REPEATS)
                .with_context(|| format!("{name}, round {round}"))?;
            lasted.insert(name, turn_begun.elapsed());
            say(&line(round, contestant, &turn));
            if round > 0 || contestant.is_slow() {
                runs.add(name, turn);
            }
        }
    }
    for contestant in &contestants {
        if let Some(count) = layout.fsyncs(contestant)? {
            runs.fsyncs.insert(contestant.name(), count);
        }
    }
    let report = runs.report(&json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "load_before": load_before, "load_after": load()?,
        "seconds": begun.elapsed().as_secs(),
    }));
    writeln!(std::io::stdout(), "{}", report.table)?;
    let place = target_directory()?.join("bench");
    std::fs::create_dir_all(&place)?;
    let mut file = std::fs::File::create(place.join("provision.json"))?;
    writeln!(file, "{:#}", report.json)?;
    say(&format!("also in {}", place.join("provision.json").display()));
    Ok(())
}

fn line(round: usize, contestant: &Contestant, turn: &Turn) -> String {
    let again: Vec<String> = turn.again.iter().map(|run| format!("{:.3}", run.wall)).collect();
    format!(
        "round {round}: {:<8} first {:.3} s, again {} s",
        contestant.name(),
        turn.first.wall,
        again.join(" ")
    )
}

/// How many wanted to run on this host in the last minute: what times are worth.
fn load() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    let first = text.split_whitespace().next();
    Ok(first.context("/proc/loadavg is empty")?.parse()?)
}

fn number(name: &str, otherwise: usize) -> Result<usize> {
    std::env::var(name).map_or(Ok(otherwise), |text| {
        text.parse()
            .with_context(|| format!("{name}={text} is no number of rounds"))
    })
}

/// The target directory, told from where this program lies: TARGET/release/deps/provision-….
fn target_directory() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let target = here.ancestors().nth(3);
    Ok(target
        .context("a benchmark lies three directories below the target directory")?
        .to_owned())
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
