//! Names of things that are not finished. They begin with a dot, which the readers of every `*.d` directory pass
//! over, and end so that what a crash left can be told from anybody else's files.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

const MARK: &str = ".appliance-";
/// Eight digits of the process, eight that differ from call to call.
const DIGITS: usize = 16;
/// A name has at most 255 bytes; this much of the real one is shown.
const MOST_SHOWN: usize = 200;
/// Somebody who plants the next name would have to guess this many in a row.
const TRIES: usize = 16;

static COUNT: AtomicU32 = AtomicU32::new(0);

fn next(name: &str) -> String {
    let shown = name.floor_char_boundary(MOST_SHOWN.min(name.len()));
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    let differs = now.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9));
    format!(".{}{MARK}{:08x}{differs:08x}", &name[..shown], std::process::id())
}

/// Whether a name is one of these.
pub(crate) fn is_ours(name: &str) -> bool {
    let Some((before, digits)) = name.rsplit_once(MARK) else {
        return false;
    };
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    before.starts_with('.') && before.len() > 1 && digits.len() == DIGITS && digits.bytes().all(digit)
}

/// Makes something under a fresh name; `make` must fail with EEXIST where something is.
pub(crate) fn make<T>(
    name: &str,
    mut make: impl FnMut(&str) -> Result<T, Errno>,
) -> Result<(String, T), Errno> {
    for _ in 0..TRIES {
        let name = next(name);
        match make(&name) {
            Ok(made) => return Ok((name, made)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}

/// Something unfinished, removed when dropped.
#[derive(Debug)]
pub(crate) struct Unfinished<Directory: AsFd> {
    pub directory: Directory,
    pub name: String,
    armed: bool,
}

impl<Directory: AsFd> Unfinished<Directory> {
    pub fn new(directory: Directory, name: String) -> Self {
        Self {
            directory,
            name,
            armed: true,
        }
    }

    /// It got its name.
    pub fn finished(&mut self) {
        self.armed = false;
    }
}

impl<Directory: AsFd> Drop for Unfinished<Directory> {
    fn drop(&mut self) {
        if self.armed {
            let _ = remove(self.directory.as_fd(), &self.name);
        }
    }
}

/// Removes a file, a link or an empty directory.
pub(crate) fn remove(directory: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let flags = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => AtFlags::REMOVEDIR,
        _ => AtFlags::empty(),
    };
    rustix::fs::unlinkat(directory, name, flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_our_own_names_are_ours() {
        for other in [
            "sudoers",
            ".appliance-0123456789abcdef",
            ".x.appliance-0123",
            "x.appliance-0123456789abcdef",
            ".x.appliance-0123456789abcdeG",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_name_that_is_made_is_ours_and_fits(name in "[^/\0]{1,120}") {
            let made = next(&name);
            prop_assert!(is_ours(&made) && made.len() <= 255);
        }
    }
}
