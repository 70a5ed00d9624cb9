//! Where runs lie.

use std::io;
use std::path::{Path, PathBuf};

use appliance::path::TargetPath;
use host::{Host, HostError};

use crate::RunId;
use crate::arrive::PLACE;

/// Why the far side could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum FarError {
    /// The machine said no.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A file of a run could not be worked on.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// A verb.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No such run.
    #[error("there is no run {0} here: only the last ten are kept")]
    NoRun(RunId),
    /// The request cannot be read.
    #[error("the request cannot be understood: {0}")]
    Request(String),
    /// It was started, and did not come up.
    #[error("run {0} did not begin in time; `journalctl -u appliance-remote-{0}` may say why")]
    NotBegun(RunId),
    /// Somebody runs it already, or did.
    #[error("run {0} has begun before, and nothing is run twice")]
    BegunBefore(RunId),
}

/// What this crate keeps on a machine.
#[derive(Debug)]
pub struct Store {
    host: Host,
}

impl Store {
    /// Of this machine.
    pub fn of_this_machine() -> Result<Self, FarError> {
        Ok(Self { host: Host::live()? })
    }

    #[cfg(test)]
    pub(crate) fn below(directory: &Path) -> Self {
        let host = Host::offline(directory).expect("a directory");
        std::fs::create_dir_all(directory.join("var/lib")).expect("directories");
        Self { host }
    }

    /// Makes the directories that are not there.
    pub(crate) fn prepare(&self) -> Result<(), FarError> {
        let private = host::directory::Metadata::of_root(0o700);
        for path in ["/var/lib/data-analyst", PLACE, &format!("{PLACE}/runs")] {
            host::directory::ensure(&self.host, &TargetPath::known(path), &private)?;
        }
        Ok(())
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.place().join("runs")
    }

    pub(crate) fn programs(&self) -> PathBuf {
        self.place().join("bin")
    }

    pub(crate) fn run(&self, id: &RunId) -> PathBuf {
        self.runs().join(id.as_str())
    }

    fn place(&self) -> PathBuf {
        self.host.directory().join(PLACE.trim_start_matches('/'))
    }
}

/// Files of a run.
pub(crate) const REQUEST: &str = "request.json";
pub(crate) const FILES: &str = "files";
pub(crate) const OUTPUT: &str = "output";
pub(crate) const EXIT: &str = "exit";
pub(crate) const STOP: &str = "stop";

pub(crate) fn at(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> FarError {
    let path = path.to_owned();
    move |source| FarError::File {
        operation,
        path: path.clone(),
        source,
    }
}
