//! Removing one thing. Never a tree.

use appliance::path::TargetPath;
use rustix::fs::{AtFlags, FileType};

use crate::directory::wrong_kind;
use crate::root::Blocked;
use crate::{Host, HostError};

/// Removes a regular file; `false` when nothing was there. Anything else is left.
pub fn file(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    remove(host, path, FileType::RegularFile, "file", AtFlags::empty())
}

/// Removes a symbolic link; `false` when nothing was there. Anything else is left.
pub fn link(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    remove(host, path, FileType::Symlink, "symbolic link", AtFlags::empty())
}

/// Removes an empty directory; `false` when nothing was there. Anything else is left.
pub fn empty_directory(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    remove(host, path, FileType::Directory, "directory", AtFlags::REMOVEDIR)
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
            // A withdrawn right must not come back with the power.
            place.sync_directory()?;
            Ok(true)
        }
        Some(kind) => Err(wrong_kind(path, kind, word)),
    }
}
