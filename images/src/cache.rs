//! Where things that outlive a run are kept, and the locks that keep two runs apart.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::{AtPath, Error, Result};

/// The cache directory: `$DATA_BROKER_CACHE`, else `$HOME/.cache/data-broker`. It must not lie on an
/// overlay file system, since the machines' own overlays are made in it.
pub fn directory() -> PathBuf {
    let from = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("DATA_BROKER_CACHE").unwrap_or_else(|| {
        from("HOME")
            .unwrap_or_else(|| PathBuf::from("/root"))
            .join(".cache/data-broker")
    })
}

/// Makes a directory and its parents. The mode lets the machines' users through, whatever our umask.
pub(crate) fn make(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .at("create", path)
}

/// A held lock. It ends with the value, and the kernel ends it with the process.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl Lock {
    /// Waits for the lock.
    pub fn wait(path: &Path) -> Result<Lock> {
        let file = open(path)?;
        flock(&file, FlockOperation::LockExclusive).at("lock", path)?;
        Ok(Lock(file))
    }

    /// Takes the lock beside others who only use what it guards, and notes the time.
    pub fn shared(path: &Path) -> Result<Lock> {
        let file = open(path)?;
        flock(&file, FlockOperation::LockShared).at("lock", path)?;
        file.set_modified(std::time::SystemTime::now())
            .at("touch", path)?;
        Ok(Lock(file))
    }

    /// Takes the lock, or says that somebody has it.
    pub fn attempt(path: &Path) -> Result<Option<Lock>> {
        let file = open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(why) => Err(why).at("lock", path),
        }
    }
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .at("open", path)
}

/// Writes a file of our own, one that nobody reads before we return.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).at("create", path)?;
    file.write_all(bytes).at("write", path)
}

/// Removes a tree, files that a machine made immutable included.
pub(crate) fn remove(path: &Path) -> Result<()> {
    if path.is_file() {
        return remove_file(path);
    }
    match std::fs::remove_dir_all(path) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(why) if why.kind() == std::io::ErrorKind::PermissionDenied => {
            // Files in a machine's overlay may carry the immutable flag.
            crate::command::Call::new(&[Path::new("chattr"), Path::new("-Rf"), Path::new("-ia"), path])
                .output()?;
            std::fs::remove_dir_all(path).at("remove", path)
        }
        other => other.at("remove", path),
    }
}

/// Removes a file that may be gone already.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(why).at("remove", path),
        _ => Ok(()),
    }
}

/// A path as text; ours are made of text.
pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| Error::Host(format!("{} is not UTF-8", path.display())))
}
