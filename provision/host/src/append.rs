//! Adding lines to a file that only grows.

use std::io::Write;

use appliance::mode::Mode;
use appliance::path::TargetPath;
use rustix::fs::OFlags;

use crate::{Host, HostError};

/// A file that is open at its end. Its directory must be there; a link is not followed.
#[derive(Debug)]
pub struct Appender {
    path: TargetPath,
    file: std::fs::File,
}

impl Appender {
    /// Opens the file, or makes it with this mode.
    pub fn open(host: &Host, path: &TargetPath, mode: Mode) -> Result<Self, HostError> {
        let place = host.place_for("open", path)?;
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = rustix::fs::Mode::from_raw_mode(mode.bits());
        let file = rustix::fs::openat(&place.directory, place.name, flags, mode)
            .map_err(|errno| place.error("open", errno))?;
        Ok(Self {
            path: path.clone(),
            file: file.into(),
        })
    }

    /// Adds one line, in one write, so that a reader sees whole ones.
    pub fn line(&mut self, text: &str) -> Result<(), HostError> {
        self.file
            .write_all(format!("{text}\n").as_bytes())
            .map_err(|source| HostError::file("write", &self.path, source))
    }

    /// Returns when every line so far is on disk.
    pub fn sync(&self) -> Result<(), HostError> {
        self.file
            .sync_data()
            .map_err(|source| HostError::file("sync", &self.path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_behind_those_that_are_there_and_no_link_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let host = Host::offline(directory.path()).unwrap();
        let path = TargetPath::new("/journal").unwrap();
        for text in ["one", "two"] {
            let mut appender = Appender::open(&host, &path, Mode::from_bits(0o600)).unwrap();
            appender.line(text).unwrap();
            appender.sync().unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(directory.path().join("journal")).unwrap(),
            "one\ntwo\n"
        );
        std::os::unix::fs::symlink("journal", directory.path().join("link")).unwrap();
        let link = TargetPath::new("/link").unwrap();
        assert!(Appender::open(&host, &link, Mode::from_bits(0o600)).is_err());
    }
}
