//! One command inside a machine, measured: called as `measure COMMAND…`, prints a line of JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::acct;
use serde_json::{Value, json};

/// What makes this program measure instead of being a benchmark.
pub const WORD: &str = "measure";

/// Where everything of the benchmark lies inside a machine.
pub const PLACE: &str = "/root/bench";

/// Where the measured command's output goes.
pub const LOG: &str = "/root/bench/last.log";

/// One record a process that ended, written by the kernel (acct(5), version 3).
const RECORDS: &str = "/root/bench/processes.acct";
const RECORD: usize = 64;
const PID: usize = 16;
const PARENT: usize = 20;

/// What a command cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Seconds from its start to its end.
    pub wall: f64,
    /// Seconds of CPU of all that it started, waited for or not; what systemd did on its behalf is not in here.
    pub cpu: f64,
    /// Seconds of CPU of the whole machine meanwhile: systemd and the units that it started too.
    pub machine_cpu: f64,
    /// MiB that the largest single process of it had in memory at once.
    pub peak: f64,
    /// Processes in its tree, itself included.
    pub processes: f64,
    /// Threads and processes that began anywhere in the machine meanwhile.
    pub tasks: f64,
}

impl Cost {
    /// From the line that [`run`] prints.
    pub fn read(text: &str) -> Result<Self> {
        let found: Value =
            serde_json::from_str(text.trim()).with_context(|| format!("not a measurement: {text}"))?;
        let number = |name: &str| found[name].as_f64().with_context(|| format!("no {name}"));
        ensure!(found["status"] == 0, "the command ended with {}", found["status"]);
        Ok(Self {
            wall: number("wall")?,
            cpu: number("cpu")?,
            machine_cpu: number("machine_cpu")?,
            peak: number("peak")?,
            processes: number("processes")?,
            tasks: number("tasks")?,
        })
    }
}

/// Runs the command and prints what it cost.
pub fn run(command: &[String]) -> Result<()> {
    let (program, words) = command.split_first().context("a command to measure")?;
    let log = File::create(LOG)?;
    let own = own_group()?;
    File::create(RECORDS)?;
    acct::enable(RECORDS).context("process accounting")?;
    let before = (cpu(&own)?, cpu("")?, last_pid()?);
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(words)
        .current_dir(PLACE)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let pid = child.id();
    let status = child.wait()?;
    let wall = began.elapsed().as_secs_f64();
    let after = (cpu(&own)?, cpu("")?, last_pid()?);
    acct::disable()?;
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
    let peak = used.max_rss() as f64 / 1024.0;
    let found = json!({
        "status": status.code().or(status.signal()),
        "wall": wall,
        "cpu": after.0 - before.0,
        "machine_cpu": after.1 - before.1,
        "peak": peak,
        "processes": tree(&std::fs::read(RECORDS)?, pid),
        "tasks": after.2 - before.2,
    });
    writeln!(std::io::stdout(), "{found}")?;
    Ok(())
}

/// The control group of this run: a transient unit's, so nobody else is in it.
fn own_group() -> Result<String> {
    let text = std::fs::read_to_string("/proc/self/cgroup")?;
    let line = text.lines().find_map(|line| line.strip_prefix("0::"));
    Ok(line.context("no unified control group")?.to_owned())
}

/// Seconds of CPU that a control group has used.
fn cpu(group: &str) -> Result<f64> {
    let path = format!("/sys/fs/cgroup{group}/cpu.stat");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let used = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
    Ok(used.with_context(|| path)?.parse::<f64>()? / 1e6)
}

/// The last number that the machine gave to a process or thread.
fn last_pid() -> Result<i64> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/ns_last_pid")?
        .trim()
        .parse()?)
}

/// Ended processes that descend from this one, itself included.
fn tree(records: &[u8], root: u32) -> usize {
    let number = |record: &[u8], at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
    let parents: BTreeMap<u32, u32> = records
        .chunks_exact(RECORD)
        .map(|record| (number(record, PID), number(record, PARENT)))
        .collect();
    let mut inside = BTreeSet::from([root]);
    loop {
        let found: Vec<u32> = parents
            .iter()
            .filter(|(pid, parent)| inside.contains(parent) && !inside.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if found.is_empty() {
            return inside.len();
        }
        inside.extend(found);
    }
}
