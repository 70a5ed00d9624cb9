//! strace in a machine: which calls a program makes, and the same program killed at one of them.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::container_fixture::{Appliance, here};

const PROGRAM: &str = "/usr/bin/strace";
/// Where it lies in the machine, with the libraries that it needs.
const THERE: &str = "/root/tracer";

/// A tracer that is on the machine.
#[derive(Debug)]
pub struct Tracer;

impl Tracer {
    /// Copies this host's strace to the machine, whose base has none.
    pub fn bring(appliance: &Appliance) -> Result<Self> {
        appliance.sh(&format!("mkdir -p {THERE}"))?;
        let needs = here(&["ldd", PROGRAM])?.stdout;
        let libraries = needs
            .split_ascii_whitespace()
            .filter(|word| word.starts_with("/lib") || word.starts_with("/usr/lib"));
        for file in libraries.chain([PROGRAM]) {
            let bytes = std::fs::read(file)
                .with_context(|| format!("{file}; next: run ./dev once, it installs strace"))?;
            let name = Path::new(file)
                .file_name()
                .context("a file")?
                .to_string_lossy()
                .into_owned();
            appliance.write(&format!("{THERE}/{name}"), &bytes, 0o755)?;
        }
        Ok(Self)
    }

    fn command(words: &str, command: &str) -> String {
        // The loader is called by name, so that the traced program has its own libraries.
        format!(
            "cd {THERE}; ./$(ls | grep '^ld-linux') --library-path . ./strace -qq {words} {command} >/dev/null 2>&1"
        )
    }

    /// The names of the calls that a command makes, of those asked for, in order. Its children are not followed.
    pub fn record(&self, appliance: &Appliance, calls: &[&str], command: &str) -> Result<Vec<String>> {
        let words = format!("-o {THERE}/record -e trace={} -e signal=none", calls.join(","));
        appliance.sh(&Self::command(&words, command))?;
        let record = appliance.sh(&format!("cat {THERE}/record"))?;
        let name = |line: &str| line.split_once('(').map(|(name, _)| name.to_owned());
        Ok(record.lines().filter_map(name).collect())
    }

    /// Runs a command and kills it when it makes a call for the given time. It may end before, when it has less to do.
    pub fn kill_at(&self, appliance: &Appliance, call: &str, count: usize, command: &str) -> Result<()> {
        let words = format!("-o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={count}");
        let out = appliance.try_sh(&Self::command(&words, command))?;
        ensure!(
            matches!(out.status, 0 | 137),
            "killed at {call} number {count} it ended with {}: {}",
            out.status,
            out.stderr
        );
        Ok(())
    }
}
