//! Changing the account files, under the lock that every account tool of Debian takes.

use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use appliance::mode::Mode;
use appliance::path::TargetPath;
use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::facts::AccountFiles;
use crate::facts::account::{Lines, path_of};
use crate::facts::file::inode_at;
use crate::facts::record::Record;
use crate::write::{self, NewFile, Staged};
use crate::{Host, HostError};

/// lckpwdf(3).
const LOCK: &str = "/etc/.pwd.lock";
/// As long as lckpwdf(3) itself waits.
const WAIT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);
/// Group `shadow` has this number on every Debian.
const SHADOW: u32 = 42;

/// Reads the four files under their lock, lets `change` work on them and writes those that differ; `false` when
/// none does. The text of the error that `change` returns reaches the operator, and nothing is written.
///
/// Groups are written before users and users before passwords: killed in between, there may be a group without
/// its user or a user who cannot log in, never one without a group or with somebody else's password.
pub fn edit<E: std::fmt::Display>(
    host: &Host,
    change: impl FnOnce(&mut AccountFiles) -> Result<(), E>,
) -> Result<bool, HostError> {
    let _lock = lock(host)?;
    let before = AccountFiles::read(host)?;
    let mut after = before.clone();
    change(&mut after).map_err(|reason| HostError::AccountEdit {
        reason: reason.to_string(),
    })?;
    let staged = [
        stage(host, &before.group, &after.group, Mode::from_bits(0o644), 0)?,
        stage(
            host,
            &before.gshadow,
            &after.gshadow,
            Mode::from_bits(0o640),
            SHADOW,
        )?,
        stage(host, &before.passwd, &after.passwd, Mode::from_bits(0o644), 0)?,
        stage(
            host,
            &before.shadow,
            &after.shadow,
            Mode::from_bits(0o640),
            SHADOW,
        )?,
    ];
    let staged: Vec<Staged> = staged.into_iter().flatten().collect();
    let changed = !staged.is_empty();
    staged.into_iter().try_for_each(Staged::put)?;
    Ok(changed)
}

/// A file keeps the owner, mode and list that it has; mode and group are for one that was not there.
fn stage<T: Record>(
    host: &Host,
    before: &Lines<T>,
    after: &Lines<T>,
    mode: Mode,
    gid: u32,
) -> Result<Option<Staged>, HostError> {
    if before == after {
        return Ok(None);
    }
    let path = path_of::<T>()?;
    let content = after.print().ok_or_else(|| HostError::AccountEdit {
        reason: format!("a new line of {path} holds a character that would end its field or line"),
    })?;
    let place = host.place_for("write", &path)?;
    let now = inode_at(place.directory.as_fd(), place.name.as_bytes())
        .map_err(|errno| place.error("look at", errno))?;
    let (uid, gid, mode, acl) = now.map_or((0, gid, mode, None), |now| (now.uid, now.gid, now.mode, now.acl));
    write::stage(
        host,
        &NewFile {
            path: &path,
            content: &content,
            uid,
            gid,
            mode,
            acl: acl.as_ref(),
        },
    )
    .map(Some)
}

/// Held until dropped. It is of the kind of fcntl(2), because that is the kind that the others take.
fn lock(host: &Host) -> Result<File, HostError> {
    let path = TargetPath::new(LOCK).map_err(|error| HostError::Malformed {
        path: LOCK.to_owned(),
        problem: error.to_string(),
    })?;
    let place = host.place_for("lock", &path)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let private = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let file = rustix::fs::openat(&place.directory, place.name, flags, private)
        .map_err(|errno| place.error("lock", errno))?;
    let deadline = Instant::now() + WAIT;
    loop {
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(File::from(file)),
            Err(Errno::AGAIN | Errno::ACCESS) if Instant::now() >= deadline => {
                return Err(HostError::LockHeld {
                    path,
                    holder: None,
                    waited: WAIT,
                });
            }
            Err(Errno::AGAIN | Errno::ACCESS | Errno::INTR) => std::thread::sleep(PAUSE),
            Err(errno) => return Err(place.error("lock", errno)),
        }
    }
}
