//! The swap file.

use std::os::fd::AsFd;

use appliance::path::TargetPath;
use rustix::fs::{FallocateFlags, FileType, OFlags};

use crate::command::Command;
use crate::directory::wrong_kind;
use crate::root::Place;
use crate::temporary::{self, Unfinished};
use crate::{Host, HostError};

/// What has to stay free beside all that comes back from swap.
const RESERVE: u64 = 256 << 20;
/// `st_blocks` counts in these, whatever the filesystem does.
const BLOCK: u64 = 512;

/// Makes a swap file of `bytes` without holes, mode 0600 root. The file appears complete or not at all. One that
/// is in use must be switched off before.
pub fn make(host: &Host, path: &TargetPath, bytes: u64) -> Result<(), HostError> {
    let place = host.place_for("make a swap file at", path)?;
    let fail = |errno| place.error("make a swap file at", errno);
    if let Some(stat) = place.look().map_err(fail)? {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            kind => return Err(wrong_kind(path, kind, "file")),
        }
    }
    if host.is_live()
        && crate::facts::swap::read()?
            .iter()
            .any(|swap| swap.path == path.as_str())
    {
        return Err(refused("replace", path, "it is in use".to_owned()));
    }
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let private = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let (name, file) = temporary::make(place.name, |name| {
        rustix::fs::openat(&place.directory, name, flags, private)
    })
    .map_err(fail)?;
    let mut unfinished = Unfinished::new(place.directory.as_fd(), name);
    rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes).map_err(fail)?;
    let stat = rustix::fs::fstat(&file).map_err(fail)?;
    if u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(BLOCK) < bytes {
        return Err(refused("use", path, "the filesystem left holes in it".to_owned()));
    }
    sign(host, &place, &unfinished.name)?;
    rustix::fs::fsync(&file).map_err(fail)?;
    rustix::fs::renameat(&place.directory, &unfinished.name, &place.directory, place.name).map_err(fail)?;
    unfinished.finished();
    place.sync_directory()
}

/// Lets mkswap write its header.
fn sign(host: &Host, place: &Place<'_>, name: &str) -> Result<(), HostError> {
    let directory = place.path.parent().unwrap_or_else(TargetPath::root);
    let path = host.directory().join(directory.relative()).join(name);
    Command::new("/usr/sbin/mkswap")
        .arg(path.to_string_lossy())
        .run()
        .map(drop)
}

fn refused(operation: &'static str, path: &TargetPath, reason: String) -> HostError {
    HostError::Refused {
        operation,
        thing: path.to_string(),
        reason,
    }
}

/// Starts swapping to it.
pub fn on(host: &Host, path: &TargetPath) -> Result<(), HostError> {
    host.require_live("swap to a file")?;
    Command::new("/usr/sbin/swapon")
        .arg(path.as_str())
        .run()
        .map(drop)
}

/// Stops swapping to it; refused unless memory is free for all that is in it and 256 MiB more.
pub fn off(host: &Host, path: &TargetPath) -> Result<(), HostError> {
    host.require_live("stop swapping to a file")?;
    let swaps = crate::facts::swap::read()?;
    let used = swaps
        .iter()
        .find(|swap| swap.path == path.as_str())
        .map_or(0, |swap| swap.used);
    let available = crate::facts::os::memory()?.available;
    if available <= used.saturating_add(RESERVE) {
        let reason = format!("{used} bytes are in it and only {available} bytes of memory are free");
        return Err(refused("stop swapping to", path, reason));
    }
    Command::new("/usr/sbin/swapoff")
        .arg(path.as_str())
        .limit(std::time::Duration::from_secs(300))
        .run()
        .map(drop)
}
