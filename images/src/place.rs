//! A machine's own directory: overlay, disks, logs. The lock in it says whether its machine lives.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cache::{self, Lock};
use crate::error::{AtPath, Error, Result};

/// Names of machines that go with their owner begin so; no kept one may.
const TEMPORARY: &str = "temporary-";

/// The directory of a kept machine, there or not.
pub fn kept_directory(name: &str) -> Result<PathBuf> {
    Ok(store()?.join(checked(name)?))
}

/// True while some process owns the kept machine of this name.
pub fn is_running(name: &str) -> Result<bool> {
    let lock = kept_directory(name)?.join("lock");
    Ok(lock.exists() && Lock::attempt(&lock)?.is_none())
}

/// Removes a kept machine that is not running: its root, its logs, and its disks unless they are kept.
pub fn remove_kept(name: &str, keep_disks: bool) -> Result<()> {
    let place = Place::kept(name)?;
    let directory = place.directory();
    if !keep_disks {
        return cache::remove(directory);
    }
    for entry in std::fs::read_dir(directory).at("list", directory)?.flatten() {
        if entry.file_name() != "disks" {
            cache::remove(&entry.path())?;
        }
    }
    Ok(())
}

fn checked(name: &str) -> Result<&str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.starts_with(TEMPORARY) || !name.chars().all(plain) {
        return Err(Error::Host(format!(
            "{name:?} is no name for a machine: lower-case letters, digits, -"
        )));
    }
    Ok(name)
}

#[derive(Debug)]
pub(crate) struct Place {
    name: String,
    directory: PathBuf,
    kept: bool,
    _lock: Lock,
}

impl Place {
    /// A directory that is removed with the value. Those of owners that were killed are removed first.
    pub fn temporary() -> Result<Place> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{TEMPORARY}{}-{count}", std::process::id());
        // Held while a directory has no lock yet, or another run would take it for a dead one.
        let _all = Lock::wait(&store()?.join(".lock"))?;
        sweep()?;
        let directory = store()?.join(&name);
        cache::remove(&directory)?;
        Place::locked(name, directory, false)
    }

    /// A directory that stays.
    pub fn kept(name: &str) -> Result<Place> {
        checked(name)?;
        Place::locked(name.to_owned(), store()?.join(name), true)
    }

    fn locked(name: String, directory: PathBuf, kept: bool) -> Result<Place> {
        cache::make(&directory)?;
        match Lock::attempt(&directory.join("lock"))? {
            Some(lock) => Ok(Place {
                name,
                directory,
                kept,
                _lock: lock,
            }),
            None => Err(Error::Host(format!("machine {name} is running already"))),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is swept by the next machine.
            let _left = cache::remove(&self.directory);
        }
    }
}

/// The directory of all machines.
pub(crate) fn store() -> Result<PathBuf> {
    let store = cache::directory().join("machines");
    cache::make(&store)?;
    Ok(store)
}

fn sweep() -> Result<()> {
    let store = store()?;
    for entry in std::fs::read_dir(&store).at("list", &store)?.flatten() {
        let temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if temporary && Lock::attempt(&entry.path().join("lock")).is_ok_and(|lock| lock.is_some()) {
            cache::remove(&entry.path())?;
        }
    }
    Ok(())
}
