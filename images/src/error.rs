//! What can go wrong with a machine, one variant per kind of operation.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// An error of this crate. The cause is in `source()`, never repeated in the text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory on this host could not be used.
    #[error("cannot {what} {}", path.display())]
    File {
        /// The verb: create, read, lock.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start `{command}`\nnext: run ./dev once, it installs the programs that are missing")]
    Start {
        /// The command as an operator would type it.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ran past its deadline and was killed.
    #[error("`{command}` did not end within {after:?}")]
    Timeout {
        /// The command as an operator would type it.
        command: String,
        /// How long it was given.
        after: Duration,
    },
    /// A program ended with a status other than zero.
    #[error("`{command}` ended with status {status}: {stderr}")]
    Failed {
        /// The command as an operator would type it.
        command: String,
        /// Its exit status, or -1 when a signal ended it.
        status: i32,
        /// The tail of what it said.
        stderr: String,
    },
    /// A settings file of this crate says something that it may not.
    #[error("{file} is not valid")]
    Settings {
        /// Which file.
        file: &'static str,
        /// Why.
        source: toml::de::Error,
    },
    /// The machine did not come up, or went away.
    #[error("machine {machine}: {reason}\n{console}")]
    Boot {
        /// The machine's name.
        machine: String,
        /// What was waited for.
        reason: String,
        /// The last lines of its console.
        console: String,
    },
    /// Something that the host lacks.
    #[error("{0}")]
    Host(String),
}

/// Short for a result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Gives a file error its verb and path.
pub(crate) trait AtPath<T> {
    /// Names what was done to which file.
    fn at(self, what: &'static str, path: &Path) -> Result<T>;
}

impl<T, E: Into<std::io::Error>> AtPath<T> for Result<T, E> {
    fn at(self, what: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::File {
            what,
            path: path.to_path_buf(),
            source: source.into(),
        })
    }
}
