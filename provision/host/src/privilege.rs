//! What a user may really do, asked of the kernel as that user.
//!
//! Identity belongs to a thread, not to a process, as far as the kernel is concerned. So a thread becomes the
//! user, asks, and ends; no program is started and nothing of the rest of the process changes.

use appliance::path::TargetPath;
use rustix::fs::{Access, AtFlags, FileType, OFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use crate::root::open_here;
use crate::{Host, HostError};

/// Somebody, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// First group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Attempt {
    /// Read a file, list a directory.
    Read,
    /// Write a file, change the names in a directory, connect to a socket.
    Write,
    /// Execute a file, enter a directory.
    Execute,
}

/// Tries all as `who`, links followed as that user would follow them, and says of each whether it is allowed.
/// What is not there is not allowed.
pub fn try_as(
    host: &Host,
    who: &Identity,
    attempts: &[(TargetPath, Attempt)],
) -> Result<Vec<bool>, HostError> {
    host.require_live("try what a user may do")?;
    let outcome = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            become_(who).map_err(|errno| (TargetPath::root(), errno))?;
            attempts
                .iter()
                .map(|(path, attempt)| try_one(path, *attempt).map_err(|errno| (path.clone(), errno)))
                .collect()
        });
        thread
            .join()
            .unwrap_or_else(|_| Err((TargetPath::root(), Errno::IO)))
    });
    outcome.map_err(|(path, errno)| HostError::file("try access to", &path, errno))
}

/// Groups while it still may, the user last. With the last root identity all capabilities go.
fn become_(who: &Identity) -> Result<(), Errno> {
    let groups: Vec<Gid> = who.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    let (uid, gid) = (Uid::from_raw(who.uid), Gid::from_raw(who.gid));
    rustix::thread::set_thread_groups(&groups)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

fn try_one(path: &TargetPath, attempt: Attempt) -> Result<bool, Errno> {
    let access = match attempt {
        Attempt::Read => Access::READ_OK,
        Attempt::Write => Access::WRITE_OK,
        Attempt::Execute => Access::EXEC_OK,
    };
    let root = open_here("/", OFlags::PATH | OFlags::DIRECTORY)?;
    let may = |access| rustix::fs::accessat(&root, path.relative(), access, AtFlags::empty());
    // Names in a directory are changed by those alone who may enter it as well.
    let is_directory = || {
        let stat = rustix::fs::statat(&root, path.relative(), AtFlags::empty());
        stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    };
    let access = if attempt == Attempt::Write && is_directory() {
        access | Access::EXEC_OK
    } else {
        access
    };
    match may(access) {
        Ok(()) => Ok(true),
        Err(Errno::ACCESS | Errno::PERM | Errno::NOENT | Errno::NOTDIR | Errno::ROFS | Errno::LOOP) => {
            Ok(false)
        }
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_tried_and_root_stays_root() {
        let host = Host::live().expect("this machine");
        let path = |text: &str| TargetPath::new(text).expect("a path");
        let nobody = Identity {
            uid: 65534,
            gid: 65534,
            groups: vec![],
        };
        let attempts = [
            (path("/etc/passwd"), Attempt::Read),
            (path("/etc/passwd"), Attempt::Write),
            (path("/etc/shadow"), Attempt::Read),
            (path("/no/such/file"), Attempt::Read),
        ];
        assert_eq!(
            try_as(&host, &nobody, &attempts).expect("run as root"),
            [true, false, false, false]
        );
        let shadow = Identity {
            groups: vec![42],
            ..nobody
        };
        assert_eq!(
            try_as(&host, &shadow, &attempts).expect("run as root"),
            [true, false, true, false]
        );
        assert!(rustix::process::geteuid().is_root());
    }
}
