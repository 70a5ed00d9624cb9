//! The program that a process runs, which may no longer be the one that its path leads to.

use rustix::fs::{AtFlags, CWD, StatxFlags};
use serde::Serialize;

/// What the kernel adds to the path of a file that has no name any more.
const DELETED: &str = " (deleted)";

/// The file that a process was started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Its path when it was started.
    pub path: String,
    /// That file was removed or replaced since.
    pub deleted: bool,
    /// Filesystem, as the kernel's device number.
    pub device: u64,
    /// Inode number within the filesystem.
    pub number: u64,
}

impl Program {
    /// Of a process; `None` when it ended, is the kernel's, or may not be looked at.
    pub(super) fn of_process(pid: u32) -> Option<Self> {
        let link = format!("/proc/{pid}/exe");
        let target = rustix::fs::readlinkat(CWD, &link, Vec::new()).ok()?;
        let found = rustix::fs::statx(CWD, &link, AtFlags::empty(), StatxFlags::INO).ok()?;
        let target = target.to_string_lossy();
        let path = target.strip_suffix(DELETED);
        Some(Self {
            path: path.unwrap_or(&target).to_owned(),
            deleted: path.is_some(),
            device: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
            number: found.stx_ino,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_replaced_shows() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("sleep");
        std::fs::copy("/bin/sleep", &path).expect("a copy");
        let mut child = std::process::Command::new(&path)
            .arg("60")
            .spawn()
            .expect("started");
        let before = Program::of_process(child.id()).expect("a program");
        std::fs::copy("/bin/sleep", directory.path().join("new")).expect("a copy");
        std::fs::rename(directory.path().join("new"), &path).expect("replaced");
        let after = Program::of_process(child.id()).expect("a program");
        child.kill().and_then(|()| child.wait()).expect("ended");
        assert_eq!((before.deleted, after.deleted), (false, true));
        assert_eq!(before.path, path.to_string_lossy());
        assert_eq!(
            (before.path, before.device, before.number),
            (after.path, after.device, after.number)
        );
        assert_eq!(Program::of_process(u32::MAX), None);
    }
}
