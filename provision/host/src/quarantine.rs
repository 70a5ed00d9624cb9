//! Moving one file or link out of the way, whole: its bytes, owner, mode and lists, and the path that it had.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use appliance::path::TargetPath;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use crate::directory::{self, Lists, Metadata, wrong_kind};
use crate::facts::file::{Inode, inode_at};
use crate::root::{Blocked, Place};
use crate::{Host, HostError, attribute};

/// Moves `path` to the same path below `keep/stamp` and gives the new one; `None` when nothing is there. `keep` and
/// every directory in it are root's alone. What is already there is never overwritten.
///
/// Durable when it returns: killed before, the thing is at its old place, or at both.
pub fn take(
    host: &Host,
    path: &TargetPath,
    keep: &TargetPath,
    stamp: &str,
) -> Result<Option<TargetPath>, HostError> {
    let place = match host.place(path) {
        Ok(place) => place,
        Err(Blocked::Missing) => return Ok(None),
        Err(blocked) => return Err(blocked.into_error("move", path)),
    };
    let fail = |errno| place.error("move", errno);
    let Some(inode) = inode_at(place.directory.as_fd(), place.name.as_bytes()).map_err(fail)? else {
        return Ok(None);
    };
    let stat = place.look().map_err(fail)?.ok_or_else(|| fail(Errno::NOENT))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if !matches!(kind, FileType::RegularFile | FileType::Symlink) {
        return Err(wrong_kind(path, kind, "file or symbolic link"));
    }
    // Neither attribute lets it move, and both are there to make it stay.
    if inode.immutable {
        attribute::set_immutable(host, path, false)?;
    }
    if inode.append_only {
        attribute::set_append_only(host, path, false)?;
    }
    let target = make_room(host, path, keep, stamp)?;
    let room = host.place_for("move", &target)?;
    let renamed = rustix::fs::renameat_with(
        &place.directory,
        place.name,
        &room.directory,
        room.name,
        RenameFlags::NOREPLACE,
    );
    match renamed {
        Ok(()) => {}
        // Another filesystem.
        Err(Errno::XDEV) => copy(host, &place, &stat, &inode, &room)?,
        Err(errno) => return Err(fail(errno)),
    }
    // The new name first: a name too many can be removed, a lost one cannot be found again.
    room.sync_directory()?;
    place.sync_directory()?;
    Ok(Some(target))
}

/// Makes the directories in which the thing will lie.
fn make_room(
    host: &Host,
    path: &TargetPath,
    keep: &TargetPath,
    stamp: &str,
) -> Result<TargetPath, HostError> {
    let malformed = |problem: String| HostError::Malformed {
        path: path.to_string(),
        problem,
    };
    let root = Metadata::of_root(0o700);
    let above = keep.parent().into_iter().chain([keep.clone()]);
    for directory in above.filter(|directory| directory.parent().is_some()) {
        directory::ensure(host, &directory, &root)?;
    }
    let mut at = keep.clone();
    let parents = path.relative().split('/').collect::<Vec<_>>();
    let (name, parents) = parents.split_last().unwrap_or((&"", &[]));
    for part in [stamp].iter().chain(parents) {
        at = at.join(part).map_err(|error| malformed(error.to_string()))?;
        directory::ensure(host, &at, &root)?;
    }
    at.join(name).map_err(|error| malformed(error.to_string()))
}

/// The whole copy is on the disk before the original goes, and it goes only while it still is what was copied.
fn copy(host: &Host, from: &Place<'_>, stat: &Stat, inode: &Inode, to: &Place<'_>) -> Result<(), HostError> {
    let fail = |errno| from.error("copy", errno);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => copy_link(from, stat, to).map_err(fail)?,
        _ => copy_file(host, from, stat, inode, to)?,
    }
    to.sync_directory()?;
    let now = from.look().map_err(fail)?;
    let is_the_same = |now: &Stat| {
        (now.st_dev, now.st_ino, now.st_size) == (stat.st_dev, stat.st_ino, stat.st_size)
            && (now.st_mtime, now.st_mtime_nsec) == (stat.st_mtime, stat.st_mtime_nsec)
    };
    if now.as_ref().is_some_and(is_the_same) {
        rustix::fs::unlinkat(&from.directory, from.name, AtFlags::empty()).map_err(fail)
    } else {
        Err(fail(Errno::BUSY))
    }
}

fn copy_link(from: &Place<'_>, stat: &Stat, to: &Place<'_>) -> Result<(), Errno> {
    let target = rustix::fs::readlinkat(&from.directory, from.name, Vec::new())?;
    rustix::fs::symlinkat(target, &to.directory, to.name)?;
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::chownat(&to.directory, to.name, Some(uid), Some(gid), flags)
}

fn copy_file(
    host: &Host,
    from: &Place<'_>,
    stat: &Stat,
    inode: &Inode,
    to: &Place<'_>,
) -> Result<(), HostError> {
    let fail = |errno| from.error("copy", errno);
    let failed = |source: io::Error| HostError::file("copy", from.path, source);
    let common = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let source = rustix::fs::openat(&from.directory, from.name, OFlags::RDONLY | common, Mode::empty());
    let source = source.map_err(fail)?;
    let opened = rustix::fs::fstat(&source).map_err(fail)?;
    if (opened.st_dev, opened.st_ino) != (stat.st_dev, stat.st_ino) {
        return Err(fail(Errno::BUSY));
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | common;
    let private = Mode::RUSR | Mode::WUSR;
    let target = rustix::fs::openat(&to.directory, to.name, flags, private).map_err(fail)?;
    let (mut source, mut target) = (File::from(source), File::from(target));
    io::copy(&mut source, &mut target).map_err(failed)?;
    let metadata = Metadata {
        uid: inode.uid,
        gid: inode.gid,
        mode: inode.mode,
        lists: Lists::Exactly {
            access: inode.acl.clone(),
            default: None,
        },
    };
    directory::set_metadata(host, to.path, &metadata)?;
    let time = |seconds, nanoseconds: u32| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.into(),
    };
    let modified = time(inode.modified.seconds, inode.modified.nanoseconds);
    let times = Timestamps {
        last_access: modified,
        last_modification: modified,
    };
    rustix::fs::futimens(&target, &times).map_err(fail)?;
    target.sync_all().map_err(failed)
}
