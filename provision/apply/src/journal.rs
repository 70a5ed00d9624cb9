//! What an apply did, one line a step, for whoever asks afterwards. Nothing is decided from it.

use std::time::SystemTime;

use appliance::mode::Mode;
use appliance::path::TargetPath;
use host::append::Appender;
use host::{Host, HostError, directory};
use plan::{Record, Step};
use serde_json::json;

/// Where it lies; root's alone, since it tells what the machine was before.
const JOURNAL: &str = "/var/lib/data-analyst/apply.journal";
const DIRECTORY: &str = "/var/lib/data-analyst";

/// The journal of one run.
pub(crate) struct Journal {
    appender: Appender,
    run: String,
}

impl Journal {
    /// Opens it for a run that has something to do.
    pub fn open(host: &Host) -> Result<Self, HostError> {
        directory::ensure(
            host,
            &TargetPath::known(DIRECTORY),
            &directory::Metadata::of_root(0o700),
        )?;
        let appender = Appender::open(host, &TargetPath::known(JOURNAL), Mode::from_bits(0o600))?;
        Ok(Self { appender, run: now() })
    }

    /// Notes what a round is about to do, before anything is touched.
    pub fn round(&mut self, steps: &[Step]) -> Result<(), HostError> {
        let records: Vec<Record> = steps
            .iter()
            .zip(1..)
            .map(|(step, id)| Record::of_step(id, step))
            .collect();
        self.note(&json!({ "run": self.run, "at": now(), "event": "round", "steps": records }))?;
        self.appender.sync()
    }

    /// Notes that steps, by their numbers in the round, are done, or why they are not.
    pub fn ended(
        &mut self,
        first: usize,
        last: usize,
        error: Option<&dyn std::error::Error>,
    ) -> Result<(), HostError> {
        let event = if error.is_none() { "done" } else { "failed" };
        let error = error.map(ToString::to_string);
        self.note(&json!({ "run": self.run, "at": now(), "event": event, "from": first, "to": last, "error": error }))
    }

    fn note(&mut self, line: &serde_json::Value) -> Result<(), HostError> {
        self.appender.line(&line.to_string())
    }
}

fn now() -> String {
    humantime::format_rfc3339_micros(SystemTime::now()).to_string()
}
