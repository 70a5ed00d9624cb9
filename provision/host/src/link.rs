//! Symbolic links.

use std::os::fd::AsFd;

use appliance::path::TargetPath;
use rustix::fs::{AtFlags, FileType, RenameFlags};

use crate::directory::wrong_kind;
use crate::root::Place;
use crate::temporary::{self, Unfinished};
use crate::{Host, HostError};

/// Makes `path` a link to `target`, or turns a link that is there, in one step. Anything but a link is left.
pub fn replace(host: &Host, path: &TargetPath, target: &str, uid: u32, gid: u32) -> Result<(), HostError> {
    put(host, path, target, uid, gid)?.sync_directory()
}

/// The same, durable only after [`crate::write::sync`] of the path.
pub fn replace_unsynced(
    host: &Host,
    path: &TargetPath,
    target: &str,
    uid: u32,
    gid: u32,
) -> Result<(), HostError> {
    put(host, path, target, uid, gid).map(drop)
}

fn put<'a>(
    host: &Host,
    path: &'a TargetPath,
    target: &str,
    uid: u32,
    gid: u32,
) -> Result<Place<'a>, HostError> {
    let place = host.place_for("link", path)?;
    let fail = |errno| place.error("link", errno);
    // With nothing there, nothing may be replaced either, should somebody be quicker.
    let flags = match place
        .look()
        .map_err(fail)?
        .map(|stat| FileType::from_raw_mode(stat.st_mode))
    {
        None => RenameFlags::NOREPLACE,
        Some(FileType::Symlink) => RenameFlags::empty(),
        Some(kind) => return Err(wrong_kind(path, kind, "link")),
    };
    let make = |name: &str| rustix::fs::symlinkat(target, &place.directory, name);
    let (name, ()) = temporary::make(place.name, make).map_err(fail)?;
    let mut unfinished = Unfinished::new(place.directory.as_fd(), name);
    let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
    rustix::fs::chownat(
        &place.directory,
        &unfinished.name,
        Some(uid),
        Some(gid),
        AtFlags::SYMLINK_NOFOLLOW,
    )
    .map_err(fail)?;
    rustix::fs::renameat_with(
        &place.directory,
        &unfinished.name,
        &place.directory,
        place.name,
        flags,
    )
    .map_err(fail)?;
    unfinished.finished();
    drop(unfinished);
    Ok(place)
}
