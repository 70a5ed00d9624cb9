//! Removing one thing. Never a tree, but for old records of our own.

use std::os::fd::{AsFd, BorrowedFd};

use appliance::path::TargetPath;
use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;

use crate::directory::wrong_kind;
use crate::root::Blocked;
use crate::{Host, HostError};

/// Removes a regular file; `false` when nothing was there. Anything else is left.
pub fn file(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    let removed = remove(host, path, FileType::RegularFile, "file", AtFlags::empty())?;
    sync_if(host, path, removed)
}

/// Removes a regular file or a link, durable only after [`crate::write::sync`] of the path. Anything else is left.
pub fn file_or_link_unsynced(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    match remove(host, path, FileType::RegularFile, "file", AtFlags::empty()) {
        Err(HostError::WrongKind { .. }) => {
            remove(host, path, FileType::Symlink, "symbolic link", AtFlags::empty())
        }
        other => other,
    }
}

/// Removes a symbolic link; `false` when nothing was there. Anything else is left.
pub fn link(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    let removed = remove(host, path, FileType::Symlink, "symbolic link", AtFlags::empty())?;
    sync_if(host, path, removed)
}

/// Removes an empty directory; `false` when nothing was there. Anything else is left.
pub fn empty_directory(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    let removed = remove(host, path, FileType::Directory, "directory", AtFlags::REMOVEDIR)?;
    sync_if(host, path, removed)
}

/// A withdrawn right must not come back with the power.
fn sync_if(host: &Host, path: &TargetPath, removed: bool) -> Result<bool, HostError> {
    if removed {
        host.place_for("remove", path)?.sync_directory()?;
    }
    Ok(removed)
}

fn remove(
    host: &Host,
    path: &TargetPath,
    wanted: FileType,
    word: &'static str,
    flags: AtFlags,
) -> Result<bool, HostError> {
    let place = match host.place(path) {
        Ok(place) => place,
        Err(Blocked::Missing) => return Ok(false),
        Err(blocked) => return Err(blocked.into_error("remove", path)),
    };
    let fail = |errno| place.error("remove", errno);
    match place
        .look()
        .map_err(fail)?
        .map(|stat| FileType::from_raw_mode(stat.st_mode))
    {
        None => Ok(false),
        Some(kind) if kind == wanted => {
            rustix::fs::unlinkat(&place.directory, place.name, flags).map_err(fail)?;
            Ok(true)
        }
        Some(kind) => Err(wrong_kind(path, kind, word)),
    }
}

/// Removes a directory of root's own records with all that lies in it; links in it are not followed.
pub fn records(host: &Host, path: &TargetPath) -> Result<(), HostError> {
    let place = match host.place(path) {
        Ok(place) => place,
        Err(Blocked::Missing) => return Ok(()),
        Err(blocked) => return Err(blocked.into_error("remove", path)),
    };
    match place.look().map_err(|errno| place.error("remove", errno))? {
        None => Ok(()),
        Some(stat) if stat.st_uid != rustix::process::geteuid().as_raw() => Err(HostError::Refused {
            operation: "remove",
            thing: path.to_string(),
            reason: "it belongs to somebody else".to_owned(),
        }),
        Some(_) => tree(place.directory.as_fd(), place.name).map_err(|errno| place.error("remove", errno)),
    }
}

fn tree(directory: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags, rustix::fs::Mode::empty()) {
        Ok(inner) => {
            for entry in Dir::read_from(&inner)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy();
                if !matches!(&*name, "." | "..") {
                    tree(inner.as_fd(), &name)?;
                }
            }
            rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)
        }
        Err(Errno::NOTDIR | Errno::LOOP) => rustix::fs::unlinkat(directory, name, AtFlags::empty()),
        Err(errno) => Err(errno),
    }
}
