//! One run at a time.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

use appliance::path::TargetPath;
use rustix::fs::{AtFlags, FileType, FlockOperation, OFlags};
use rustix::io::Errno;

use crate::root::{Blocked, Place};
use crate::{Host, HostError};

/// Between two tries. Short, because an apply that waits for a verify waits for tens of milliseconds.
const PAUSE: Duration = Duration::from_millis(20);

/// A lock that is held until dropped, and by no child.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting at most `wait` for another run to end. The lock file stays, with the number of
    /// its last holder; its directory is made when only that is missing.
    pub fn take(host: &Host, path: &TargetPath, wait: Duration) -> Result<Self, HostError> {
        let deadline = Instant::now() + wait;
        let place = place(host, path)?;
        refuse_shared(&place)?;
        loop {
            let mut file = open(&place)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_still_there(&place, &file)? => {
                    sign(&mut file).map_err(|source| HostError::file("write", path, source))?;
                    return Ok(Self { _file: file });
                }
                // Removed meanwhile: others would lock another file of that name.
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) if Instant::now() >= deadline => {
                    return Err(HostError::LockHeld {
                        path: path.clone(),
                        holder: holder(&mut file),
                        waited: wait,
                    });
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::sleep(PAUSE),
                Err(errno) => return Err(place.error("lock", errno)),
            }
        }
    }
}

/// On a fresh machine the directory below /run/lock is not there yet.
fn place<'a>(host: &Host, path: &'a TargetPath) -> Result<Place<'a>, HostError> {
    match host.place(path) {
        Ok(place) => return Ok(place),
        Err(Blocked::Missing) => {}
        Err(blocked) => return Err(blocked.into_error("lock", path)),
    }
    if let Some(parent) = path.parent() {
        let above = host.place_for("make", &parent)?;
        let mode = rustix::fs::Mode::from_raw_mode(0o755);
        match rustix::fs::mkdirat(&above.directory, above.name, mode) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(above.error("make", errno)),
        }
    }
    host.place_for("lock", path)
}

/// /run/lock is open to everybody, and whoever made a directory there could hold our lock for ever.
fn refuse_shared(place: &Place<'_>) -> Result<(), HostError> {
    let stat = rustix::fs::fstat(&place.directory).map_err(|errno| place.error("lock", errno))?;
    let ours = stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw();
    if ours && stat.st_mode & 0o022 == 0 {
        return Ok(());
    }
    Err(HostError::Refused {
        operation: "lock",
        thing: place.path.to_string(),
        reason: "others than root may write its directory".to_owned(),
    })
}

fn open(place: &Place<'_>) -> Result<File, HostError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let private = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let file = rustix::fs::openat(&place.directory, place.name, flags, private)
        .map_err(|errno| place.error("lock", errno))?;
    let stat = rustix::fs::fstat(&file).map_err(|errno| place.error("lock", errno))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(File::from(file)),
        kind => Err(crate::directory::wrong_kind(place.path, kind, "file")),
    }
}

fn is_still_there(place: &Place<'_>, file: &File) -> Result<bool, HostError> {
    let fail = |errno| place.error("lock", errno);
    let ours = rustix::fs::fstat(file).map_err(fail)?;
    match rustix::fs::statat(&place.directory, place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) => Ok((there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(fail(errno)),
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
