//! The root directory below which everything happens, and the way from it to a path.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use appliance::path::TargetPath;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::HostError;

/// Links on the way to one path, as the kernel counts them.
const MOST_LINKS: usize = 40;

const SEARCH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A machine, or the tree of one that is being built.
#[derive(Debug)]
pub struct Host {
    directory: PathBuf,
    root: OwnedFd,
    live: bool,
}

/// A name in a directory that is held open: nobody can put another directory in between.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The directory, open for searching only.
    pub directory: OwnedFd,
    /// The last part of the path; `.` for `/`.
    pub name: &'a str,
    /// The whole path, for messages.
    pub path: &'a TargetPath,
}

/// Why there is no way to a directory.
#[derive(Debug)]
pub(crate) enum Blocked {
    /// It is not there.
    Missing,
    /// A link that is not trusted, or something that is no directory, lies on the way.
    Obstructed(TargetPath),
    /// The kernel said no.
    Failed(Errno),
}

impl Host {
    /// This machine.
    pub fn live() -> Result<Self, HostError> {
        Self::open(Path::new("/"), true)
    }

    /// The tree below `directory`, which no link in it can leave.
    pub fn offline(directory: &Path) -> Result<Self, HostError> {
        Self::open(directory, false)
    }

    fn open(directory: &Path, live: bool) -> Result<Self, HostError> {
        let root = rustix::fs::open(directory, SEARCH, Mode::empty()).map_err(|errno| HostError::Root {
            directory: directory.to_owned(),
            source: errno.into(),
        })?;
        Ok(Self {
            directory: directory.to_owned(),
            root,
            live,
        })
    }

    /// A tree that has no path, such as a filesystem that is mounted nowhere.
    pub(crate) fn of_tree(directory: PathBuf, root: OwnedFd) -> Self {
        Self {
            directory,
            root,
            live: false,
        }
    }

    /// Whether this is a running machine.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The directory that is `/` on the target.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Refuses what only a running machine can do.
    pub(crate) fn require_live(&self, operation: &'static str) -> Result<(), HostError> {
        if self.live {
            Ok(())
        } else {
            Err(HostError::Offline { operation })
        }
    }

    /// Opens a directory for searching.
    pub(crate) fn directory_at(&self, path: &TargetPath) -> Result<OwnedFd, Blocked> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.root, path.relative(), SEARCH, Mode::empty(), resolve) {
            Ok(directory) => Ok(directory),
            Err(Errno::NOENT) => Err(Blocked::Missing),
            // The slow way finds out which link or file it was, and follows the links that may be followed. It is
            // also the only way in a unit with RestrictSUIDSGID=, whose filter says that there is no openat2.
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NOSYS) => Walk::along(self, path),
            Err(errno) => Err(Blocked::Failed(errno)),
        }
    }

    /// Opens the directory that holds `path`.
    pub(crate) fn place<'a>(&self, path: &'a TargetPath) -> Result<Place<'a>, Blocked> {
        let (directory, name) = match path.parent() {
            Some(parent) => (self.directory_at(&parent)?, path.name()),
            None => (self.directory_at(path)?, "."),
        };
        Ok(Place {
            directory,
            name,
            path,
        })
    }

    /// The same where the directory must be there.
    pub(crate) fn place_for<'a>(
        &self,
        operation: &'static str,
        path: &'a TargetPath,
    ) -> Result<Place<'a>, HostError> {
        self.place(path)
            .map_err(|blocked| blocked.into_error(operation, path))
    }
}

impl Blocked {
    pub(crate) fn into_error(self, operation: &'static str, path: &TargetPath) -> HostError {
        match self {
            Self::Missing => HostError::file(operation, path, Errno::NOENT),
            Self::Failed(errno) => HostError::file(operation, path, errno),
            Self::Obstructed(obstacle) => HostError::Obstructed {
                path: path.clone(),
                obstacle,
            },
        }
    }
}

impl Place<'_> {
    /// Opens the thing itself without following it and without any right but to look and to change metadata.
    pub(crate) fn hold(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.directory, self.name, flags, Mode::empty())
    }

    /// `lstat`; `None` when nothing is there.
    pub(crate) fn look(&self) -> Result<Option<Stat>, Errno> {
        match rustix::fs::statat(&self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// The path under which programs of this process's children see the thing.
    pub(crate) fn error(&self, operation: &'static str, errno: Errno) -> HostError {
        HostError::file(operation, self.path, errno)
    }

    /// Makes the names in the directory durable.
    pub(crate) fn sync_directory(&self) -> Result<(), HostError> {
        sync_directory(self.directory.as_fd()).map_err(|errno| self.error("sync the directory of", errno))
    }
}

/// `fsync` of a directory that is open for searching only, which `fsync` itself does not take.
pub(crate) fn sync_directory(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::fsync(rustix::fs::openat(directory, ".", flags, Mode::empty())?)
}

/// The name by which system calls that take no descriptor reach what one holds.
pub(crate) fn descriptor_path(descriptor: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

/// Goes to a directory part by part. Only a link of root (or of this process) in a directory that nobody else
/// may write is followed, so that no user can lead a root process astray.
struct Walk {
    /// Every directory from the root to where the walk stands, with its name.
    at: Vec<(OwnedFd, String)>,
    ahead: VecDeque<String>,
    links: usize,
}

impl Walk {
    fn along(host: &Host, path: &TargetPath) -> Result<OwnedFd, Blocked> {
        let root = host.root.try_clone().map_err(|_| Blocked::Failed(Errno::MFILE))?;
        let mut walk = Self {
            at: vec![(root, String::new())],
            ahead: parts(path.relative()).collect(),
            links: 0,
        };
        while let Some(part) = walk.ahead.pop_front() {
            walk.step(part)?;
        }
        walk.at
            .pop()
            .map(|(directory, _)| directory)
            .ok_or(Blocked::Missing)
    }

    fn step(&mut self, part: String) -> Result<(), Blocked> {
        if part == ".." {
            if self.at.len() > 1 {
                self.at.pop();
            }
            return Ok(());
        }
        let Some((directory, _)) = self.at.last() else {
            return Err(Blocked::Missing);
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let next = match rustix::fs::openat(directory, &part, flags, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::NOENT) => return Err(Blocked::Missing),
            Err(errno) => return Err(Blocked::Failed(errno)),
        };
        let stat = rustix::fs::fstat(&next).map_err(Blocked::Failed)?;
        match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::Directory => {
                self.at.push((next, part));
                Ok(())
            }
            rustix::fs::FileType::Symlink if self.links < MOST_LINKS && self.trusts(&stat)? => {
                self.follow(&next)
            }
            _ => Err(self.obstructed(&part)),
        }
    }

    fn trusts(&self, link: &Stat) -> Result<bool, Blocked> {
        let Some((directory, _)) = self.at.last() else {
            return Ok(false);
        };
        let directory = rustix::fs::fstat(directory).map_err(Blocked::Failed)?;
        let own = |uid: u32| uid == 0 || uid == rustix::process::geteuid().as_raw();
        Ok(own(link.st_uid) && own(directory.st_uid) && directory.st_mode & 0o022 == 0)
    }

    fn follow(&mut self, link: &OwnedFd) -> Result<(), Blocked> {
        self.links += 1;
        let target = rustix::fs::readlinkat(link, "", Vec::new()).map_err(Blocked::Failed)?;
        let target = target.to_str().map_err(|_| Blocked::Failed(Errno::ILSEQ))?;
        if target.starts_with('/') {
            self.at.truncate(1);
        }
        for part in parts(target).collect::<Vec<_>>().into_iter().rev() {
            self.ahead.push_front(part);
        }
        Ok(())
    }

    fn obstructed(&self, part: &str) -> Blocked {
        let names = self.at.iter().map(|(_, name)| name.as_str()).chain([part]);
        let path = names.collect::<Vec<_>>().join("/");
        match TargetPath::new(&path) {
            Ok(path) => Blocked::Obstructed(path),
            Err(_) => Blocked::Failed(Errno::LOOP),
        }
    }
}

fn parts(path: &str) -> impl Iterator<Item = String> {
    path.split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .map(str::to_owned)
}

/// Opens a path of the machine that this program runs on, such as one below `/proc`; links are followed.
pub(crate) fn open_here(path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, flags | OFlags::CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, Host) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let host = Host::offline(directory.path()).expect("a host");
        (directory, host)
    }

    fn path(text: &str) -> TargetPath {
        TargetPath::new(text).expect("a good path")
    }

    #[test]
    fn a_link_of_root_is_followed_within_the_tree_only() {
        let (directory, host) = tree();
        std::fs::create_dir_all(directory.path().join("usr/lib")).expect("directories");
        symlink("usr/lib", directory.path().join("lib")).expect("a link");
        symlink("/etc", directory.path().join("outside")).expect("a link");
        symlink("../../../..", directory.path().join("usr/up")).expect("a link");
        assert!(host.directory_at(&path("/lib")).is_ok());
        assert!(matches!(
            host.directory_at(&path("/outside")),
            Err(Blocked::Missing)
        ));
        let up = host.directory_at(&path("/usr/up/usr")).expect("the same tree");
        let there = rustix::fs::fstat(&up).expect("a stat").st_ino;
        let usr = std::fs::metadata(directory.path().join("usr")).expect("metadata");
        assert_eq!(there, std::os::unix::fs::MetadataExt::ino(&usr));
    }

    #[test]
    fn a_link_of_a_user_or_in_a_shared_directory_is_not_followed() {
        let (directory, host) = tree();
        std::fs::create_dir_all(directory.path().join("home/eve")).expect("directories");
        symlink("/etc", directory.path().join("home/eve/server")).expect("a link");
        let theirs = Some(rustix::fs::Uid::from_raw(4242));
        rustix::fs::chownat(
            CWD,
            directory.path().join("home/eve/server"),
            theirs,
            None,
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .expect("run the tests as root");
        match host.place(&path("/home/eve/server/passwd")) {
            Err(Blocked::Obstructed(at)) => assert_eq!(at.as_str(), "/home/eve/server"),
            other => panic!("{other:?}"),
        }
        std::fs::File::create(directory.path().join("file")).expect("a file");
        match host.place(&path("/file/below")) {
            Err(Blocked::Obstructed(at)) => assert_eq!(at.as_str(), "/file"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_loop_of_links_ends() {
        let (directory, host) = tree();
        symlink("b", directory.path().join("a")).expect("a link");
        symlink("a", directory.path().join("b")).expect("a link");
        assert!(matches!(
            host.directory_at(&path("/a")),
            Err(Blocked::Obstructed(_))
        ));
    }
}
