//! Walking without remembering: a home of a million files passes by, and only what the caller keeps takes room.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use appliance::path::TargetPath;
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

use crate::facts::Timestamp;
use crate::facts::file::{Inode, escape, inode_at};
use crate::root::{Blocked, descriptor_path};
use crate::{Host, HostError};

/// Each level holds a descriptor, and a process has a thousand of them.
const DEEPEST: usize = 200;
/// So many places below which nobody looked are named.
const MOST_NAMED: usize = 100;

/// One thing that a walk comes by.
#[derive(Debug)]
pub struct Found<'a> {
    directory: BorrowedFd<'a>,
    name: &'a CStr,
    stat: &'a Stat,
    /// Where it lies. Bytes that are no text, and control characters, are written `\xNN`.
    pub path: &'a str,
    /// Whether the path is its name, byte by byte.
    pub nameable: bool,
    /// What it is.
    pub sort: Sort,
}

/// What a walk tells of a kind without asking further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A socket, a pipe or a device.
    Other,
}

/// Whether a directory is gone into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Yes; the same for what is no directory.
    Enter,
    /// No.
    Pass,
}

/// What a walk saw of a filesystem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many things passed by.
    pub count: usize,
    /// Directories that were not gone into because they lie too deep, a hundred at most.
    pub too_deep: Vec<String>,
}

impl Found<'_> {
    /// Owner.
    pub fn uid(&self) -> u32 {
        self.stat.st_uid
    }

    /// Group.
    pub fn gid(&self) -> u32 {
        self.stat.st_gid
    }

    /// The twelve bits.
    pub fn bits(&self) -> u32 {
        self.stat.st_mode & 0o7777
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// When the inode last changed.
    #[expect(
        clippy::unnecessary_cast,
        reason = "the fields are as wide as the architecture has them"
    )]
    pub fn changed(&self) -> Timestamp {
        Timestamp {
            seconds: self.stat.st_ctime as i64,
            nanoseconds: self.stat.st_ctime_nsec as u32,
        }
    }

    /// The path, where one can be written.
    pub fn target(&self) -> Option<TargetPath> {
        if self.nameable {
            TargetPath::new(self.path).ok()
        } else {
            None
        }
    }

    /// All that can be known of it; `None` when it is gone.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn inode(&self) -> Result<Option<Inode>, HostError> {
        inode_at(self.directory, self.name.to_bytes()).map_err(|errno| failed(self.path, errno))
    }

    /// Whether it carries file capabilities.
    pub fn has_capabilities(&self) -> bool {
        let mut path = descriptor_path(self.directory).into_bytes();
        path.push(b'/');
        path.extend_from_slice(self.name.to_bytes());
        let mut value = [0u8; 64];
        // Too long for the room is there, too.
        matches!(
            rustix::fs::lgetxattr(&path, "security.capability", &mut value),
            Ok(_) | Err(Errno::RANGE)
        )
    }
}

fn failed(path: &str, errno: Errno) -> HostError {
    HostError::Kernel {
        path: path.to_owned(),
        source: errno.into(),
    }
}

/// Walks everything below `top` that lies on its filesystem, in no order. Paths in `passed` are not even looked at:
/// a mount whose server is gone would hold the walk for ever. Nothing is opened but directories, no link is followed,
/// and what vanishes meanwhile is passed over.
///
/// # Errors
///
/// What `visit` gives, or a directory that cannot be read.
pub fn walk(
    host: &Host,
    top: &TargetPath,
    passed: &BTreeSet<String>,
    visit: &mut dyn FnMut(&Found<'_>) -> Result<Next, HostError>,
) -> Result<Seen, HostError> {
    let directory = match host.directory_at(top) {
        Ok(directory) => directory,
        Err(Blocked::Missing | Blocked::Obstructed(_)) => return Ok(Seen::default()),
        Err(blocked) => return Err(blocked.into_error("walk", top)),
    };
    let fail = |errno| HostError::file("walk", top, errno);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(&directory, ".", flags, rustix::fs::Mode::empty()).map_err(fail)?;
    let device = rustix::fs::fstat(&directory).map_err(fail)?.st_dev;
    let mut walk = Walk {
        device,
        passed,
        visit,
        path: top.as_str().trim_end_matches('/').to_owned(),
        nameable: true,
        seen: Seen::default(),
    };
    walk.directory(directory, 0)?;
    Ok(walk.seen)
}

struct Walk<'a> {
    device: u64,
    passed: &'a BTreeSet<String>,
    visit: &'a mut dyn FnMut(&Found<'_>) -> Result<Next, HostError>,
    path: String,
    nameable: bool,
    seen: Seen,
}

impl Walk<'_> {
    fn directory(&mut self, directory: OwnedFd, depth: usize) -> Result<(), HostError> {
        let mut entries = Dir::new(directory).map_err(|errno| failed(&self.path, errno))?;
        while let Some(entry) = entries.read() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(failed(&self.path, errno)),
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let (length, nameable) = (self.path.len(), self.nameable);
            self.push(name);
            let directory = entries.fd().map_err(|errno| failed(&self.path, errno))?;
            let done = self.thing(directory, name, depth);
            self.path.truncate(length);
            self.nameable = nameable;
            done?;
        }
        Ok(())
    }

    fn push(&mut self, name: &CStr) {
        self.path.push('/');
        match name.to_str() {
            Ok(name) if name.bytes().all(|byte| matches!(byte, b' '..=b'~')) => self.path.push_str(name),
            _ => {
                let escaped = escape(name.to_bytes());
                self.nameable &= escaped.as_bytes() == name.to_bytes();
                self.path.push_str(&escaped);
            }
        }
    }

    fn thing(&mut self, directory: BorrowedFd<'_>, name: &CStr, depth: usize) -> Result<(), HostError> {
        if self.passed.contains(&self.path) {
            return Ok(());
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let stat = match rustix::fs::statat(directory, name, flags) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(failed(&self.path, errno)),
        };
        let sort = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Sort::File,
            FileType::Directory => Sort::Directory,
            FileType::Symlink => Sort::Link,
            _ => Sort::Other,
        };
        self.seen.count += 1;
        let next = (self.visit)(&Found {
            directory,
            name,
            stat: &stat,
            path: &self.path,
            nameable: self.nameable,
            sort,
        })?;
        if sort != Sort::Directory || next == Next::Pass || stat.st_dev != self.device {
            return Ok(());
        }
        if depth >= DEEPEST {
            if self.seen.too_deep.len() < MOST_NAMED {
                self.seen.too_deep.push(self.path.clone());
            }
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(directory.as_fd(), name, flags, rustix::fs::Mode::empty()) {
            Ok(below) => self.directory(below, depth + 1),
            // Gone, or replaced by a link, since it was looked at.
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(()),
            Err(errno) => Err(failed(&self.path, errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn everything_passes_by_and_no_link_is_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(at("a/b")).expect("made");
        std::fs::create_dir(at("mounted")).expect("made");
        std::fs::File::create(at("a/b/file")).expect("made");
        std::fs::File::create(directory.path().join(std::ffi::OsStr::from_bytes(b"a/\xffx\ny")))
            .expect("made");
        symlink("/etc", at("a/link")).expect("made");
        let host = Host::offline(directory.path()).expect("a host");
        let mut names = Vec::new();
        let passed = BTreeSet::from(["/mounted".to_owned()]);
        let seen = walk(&host, &TargetPath::root(), &passed, &mut |found| {
            names.push((found.path.to_owned(), found.sort, found.target().is_some()));
            Ok(Next::Enter)
        });
        assert_eq!(seen.expect("walked").count, 5);
        names.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [
            ("/a", Sort::Directory, true),
            ("/a/\\xffx\\x0ay", Sort::File, false),
            ("/a/b", Sort::Directory, true),
            ("/a/b/file", Sort::File, true),
            ("/a/link", Sort::Link, true),
        ];
        assert_eq!(
            names,
            expected.map(|(path, sort, target)| (path.to_owned(), sort, target))
        );
    }

    #[test]
    fn a_tree_without_a_bottom_ends_and_says_where() {
        let directory = tempfile::tempdir().expect("a directory");
        let deep = "d/".repeat(DEEPEST + 5);
        std::fs::create_dir_all(directory.path().join(deep)).expect("made");
        let host = Host::offline(directory.path()).expect("a host");
        let seen = walk(&host, &TargetPath::root(), &BTreeSet::new(), &mut |_| {
            Ok(Next::Enter)
        })
        .expect("walked");
        assert_eq!((seen.count, seen.too_deep.len()), (DEEPEST + 1, 1));
    }
}
