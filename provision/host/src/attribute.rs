//! The attributes of `chattr`.

use appliance::path::TargetPath;
use rustix::fs::{FileType, IFlags, OFlags};

use crate::directory::{Outcome, wrong_kind};
use crate::{Host, HostError};

/// Sets or clears `chattr +i`.
pub fn set_immutable(host: &Host, path: &TargetPath, on: bool) -> Result<Outcome, HostError> {
    set(host, path, IFlags::IMMUTABLE, on)
}

/// Sets or clears `chattr +a`.
pub fn set_append_only(host: &Host, path: &TargetPath, on: bool) -> Result<Outcome, HostError> {
    set(host, path, IFlags::APPEND, on)
}

fn set(host: &Host, path: &TargetPath, flag: IFlags, on: bool) -> Result<Outcome, HostError> {
    let place = host.place_for("set attributes of", path)?;
    let fail = |errno| place.error("set attributes of", errno);
    let stat = place
        .look()
        .map_err(fail)?
        .ok_or_else(|| fail(rustix::io::Errno::NOENT))?;
    // A device would take the call for one of its own.
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Directory => {}
        kind => return Err(wrong_kind(path, kind, "file or directory")),
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let held =
        rustix::fs::openat(&place.directory, place.name, flags, rustix::fs::Mode::empty()).map_err(fail)?;
    let now = rustix::fs::ioctl_getflags(&held).map_err(fail)?;
    let wanted = if on { now | flag } else { now - flag };
    if wanted == now {
        return Ok(Outcome::Unchanged);
    }
    rustix::fs::ioctl_setflags(&held, wanted).map_err(fail)?;
    Ok(Outcome::Changed)
}
