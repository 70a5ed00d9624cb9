//! The one way to replace a file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use appliance::acl::Acl;
use appliance::mode::Mode;
use appliance::path::TargetPath;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use crate::directory::{self, Lists, Metadata};
use crate::root::{Blocked, Place, sync_directory};
use crate::temporary::{self, Unfinished};
use crate::{Host, HostError};

/// A file as it must be. Owner, mode and list are required, so that nothing is left to the umask or to a
/// default list of the directory.
#[derive(Clone)]
pub struct NewFile<'a> {
    /// Where.
    pub path: &'a TargetPath,
    /// All its bytes.
    pub content: &'a [u8],
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Mode; where a list is given its permission bits come from the list.
    pub mode: Mode,
    /// Access list; `None` for a file that has none.
    pub acl: Option<&'a Acl>,
}

impl<'a> NewFile<'a> {
    /// A file of root's without a list.
    pub fn of_root(path: &'a TargetPath, content: &'a [u8], mode: u32) -> Self {
        Self {
            path,
            content,
            uid: 0,
            gid: 0,
            mode: Mode::from_bits(mode),
            acl: None,
        }
    }
}

/// Its content may be a secret and is never shown.
impl std::fmt::Debug for NewFile<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} {} {}:{}, {} bytes",
            self.path,
            self.mode,
            self.uid,
            self.gid,
            self.content.len()
        )
    }
}

/// A file that is complete under a temporary name. Removed when dropped.
#[derive(Debug)]
#[must_use = "a staged file vanishes unless it is put in its place"]
pub struct Staged {
    unfinished: Unfinished<OwnedFd>,
    path: TargetPath,
    name: String,
    temporary: PathBuf,
}

/// Replaces or creates a file; a reader sees the old bytes or the new ones, and when this returns the new ones
/// are on disk.
pub fn replace(host: &Host, file: &NewFile<'_>) -> Result<(), HostError> {
    stage(host, file)?.put()
}

/// Writes the file under a temporary name beside its place, so that it can be examined before it counts. Holds
/// one descriptor: stage some hundred at a time, not thousands.
pub fn stage(host: &Host, file: &NewFile<'_>) -> Result<Staged, HostError> {
    let place = host.place_for("write", file.path)?;
    refuse_other_kinds(&place)?;
    let fail = |errno| place.error("write", errno);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Nobody may open it before owner and list are right; 0600 also makes every inherited entry void.
    let private = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let (name, descriptor) = temporary::make(place.name, |name| {
        rustix::fs::openat(&place.directory, name, flags, private)
    })
    .map_err(fail)?;
    let temporary = host
        .directory()
        .join(file.path.parent().unwrap_or_else(TargetPath::root).relative())
        .join(&name);
    let path = place.path.clone();
    let staged = Staged {
        name: place.name.to_owned(),
        unfinished: Unfinished::new(place.directory, name),
        path,
        temporary,
    };
    staged.fill(descriptor, file)
}

impl Staged {
    fn fill(self, descriptor: OwnedFd, file: &NewFile<'_>) -> Result<Self, HostError> {
        let fail = |errno: Errno| HostError::file("write", file.path, errno);
        let stat = rustix::fs::fstat(&descriptor).map_err(fail)?;
        let mut descriptor = std::fs::File::from(descriptor);
        descriptor
            .write_all(file.content)
            .map_err(|source| HostError::file("write", file.path, source))?;
        let lists = Lists::Exactly {
            access: file.acl.cloned(),
            default: None,
        };
        let metadata = Metadata {
            uid: file.uid,
            gid: file.gid,
            mode: file.mode,
            lists,
        };
        directory::set(descriptor.as_fd(), &stat, &metadata).map_err(fail)?;
        Ok(self)
    }

    /// Where the file will be.
    pub fn path(&self) -> &TargetPath {
        &self.path
    }

    /// Where it is now, on the machine that this program runs on, for a validator to read.
    pub fn temporary_path(&self) -> &std::path::Path {
        &self.temporary
    }

    /// Gives the file its name.
    pub fn put(mut self) -> Result<(), HostError> {
        let fail = |errno: Errno| HostError::file("sync", &self.path, errno);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(
            &self.unfinished.directory,
            &self.unfinished.name,
            flags,
            rustix::fs::Mode::empty(),
        )
        .map_err(fail)?;
        // Before the rename: else a power cut may leave the new name with nothing in it.
        rustix::fs::fsync(file).map_err(fail)?;
        self.rename()?;
        sync_directory(self.unfinished.directory.as_fd())
            .map_err(|errno| HostError::file("sync the directory of", &self.path, errno))
    }

    /// Gives the file its name; durable only when [`sync`] was called before, for the content, and after.
    pub fn put_unsynced(mut self) -> Result<(), HostError> {
        self.rename()
    }

    fn rename(&mut self) -> Result<(), HostError> {
        let directory = &self.unfinished.directory;
        rustix::fs::renameat(directory, &self.unfinished.name, directory, &self.name)
            .map_err(|errno| HostError::file("put in its place", &self.path, errno))?;
        self.unfinished.finished();
        Ok(())
    }
}

/// Puts many staged files in their places, in the order given, with one sync a filesystem before the first and one
/// after the last. Stops at the first failure; what is then not in its place is gone.
pub fn put_all(host: &Host, staged: Vec<Staged>) -> Result<(), HostError> {
    let paths: Vec<TargetPath> = staged.iter().map(|staged| staged.path.clone()).collect();
    let paths: Vec<&TargetPath> = paths.iter().collect();
    sync(host, &paths)?;
    staged.into_iter().try_for_each(Staged::put_unsynced)?;
    sync(host, &paths)
}

/// Makes durable what was done to paths so far, with one sync for each of their filesystems. For many changes that
/// belong together: content first, then names, a sync after each.
pub fn sync(host: &Host, paths: &[&TargetPath]) -> Result<(), HostError> {
    let mut filesystems: BTreeMap<u64, (OwnedFd, &TargetPath)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let parent = path.parent().unwrap_or_else(TargetPath::root);
        if !seen.insert(parent.clone()) {
            continue;
        }
        let fail = |errno| HostError::file("sync the filesystem of", path, errno);
        let directory = match host.directory_at(&parent) {
            Ok(directory) => directory,
            Err(Blocked::Missing) => continue,
            Err(blocked) => return Err(blocked.into_error("sync the filesystem of", path)),
        };
        let device = rustix::fs::fstat(&directory).map_err(fail)?.st_dev;
        filesystems.entry(device).or_insert((directory, path));
    }
    for (directory, path) in filesystems.into_values() {
        let fail = |errno| HostError::file("sync the filesystem of", path, errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            rustix::fs::openat(&directory, ".", flags, rustix::fs::Mode::empty()).map_err(fail)?;
        rustix::fs::syncfs(directory).map_err(fail)?;
    }
    Ok(())
}

fn refuse_other_kinds(place: &Place<'_>) -> Result<(), HostError> {
    match place.look().map_err(|errno| place.error("look at", errno))? {
        Some(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(()),
            kind => Err(directory::wrong_kind(place.path, kind, "file")),
        },
        None => Ok(()),
    }
}

/// Removes what a crashed run left in `directory`; returns the names. Only under the lock that keeps other runs
/// away, since what another run is just writing looks the same.
pub fn sweep(host: &Host, directory: &TargetPath) -> Result<Vec<String>, HostError> {
    let fail = |errno| HostError::file("sweep", directory, errno);
    let held = match host.directory_at(directory) {
        Ok(held) => held,
        Err(Blocked::Missing) => return Ok(Vec::new()),
        Err(blocked) => return Err(blocked.into_error("sweep", directory)),
    };
    let (_, names) = crate::facts::file::names_in(held.as_fd(), ".").map_err(fail)?;
    let ours = |name: &String| temporary::is_ours(name);
    let names: Vec<String> = names
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .filter(ours)
        .collect();
    for name in &names {
        match temporary::remove(held.as_fd(), name) {
            // A directory in which somebody put something is not empty, and not ours any more.
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY) => {}
            Err(errno) => return Err(fail(errno)),
        }
    }
    Ok(names)
}
