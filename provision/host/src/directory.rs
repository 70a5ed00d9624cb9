//! Directories, and the owner, mode and lists of things that exist.

use std::os::fd::{AsFd, BorrowedFd};

use appliance::acl::Acl;
use appliance::mode::Mode;
use appliance::path::TargetPath;
use rustix::fs::{AtFlags, CWD, FileType, OFlags, RenameFlags, Stat, XattrFlags};
use rustix::io::Errno;

use crate::facts::file::{ACCESS, DEFAULT, read_acl};
use crate::root::{Place, descriptor_path};
use crate::temporary::{self, Unfinished};
use crate::{Host, HostError};

/// Owner, mode and lists as they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Mode; where an access list is given its permission bits come from the list.
    pub mode: Mode,
    /// Whose business the lists are.
    pub lists: Lists,
}

/// Access lists of an inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lists {
    /// Left as they are: a user's own directory.
    Keep,
    /// Exactly these, `None` meaning that there is none.
    Exactly {
        /// `getfacl`
        access: Option<Acl>,
        /// `getfacl --default`; directories only.
        default: Option<Acl>,
    },
}

impl Metadata {
    /// A directory of root's, whose lists are left as they are.
    pub fn of_root(mode: u32) -> Self {
        Self {
            uid: 0,
            gid: 0,
            mode: Mode::from_bits(mode),
            lists: Lists::Keep,
        }
    }
}

/// Whether anything had to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was made.
    Created,
    /// It was there and differed.
    Changed,
    /// It was as wanted; not even its ctime moved.
    Unchanged,
}

/// Makes a directory, or brings the one that is there to this owner, mode and lists. Its parent must be there.
/// A new one has everything before it has its name, so nobody ever enters it too early.
pub fn ensure(host: &Host, path: &TargetPath, metadata: &Metadata) -> Result<Outcome, HostError> {
    let place = host.place_for("make", path)?;
    if place
        .look()
        .map_err(|errno| place.error("look at", errno))?
        .is_none()
        && make(&place, metadata)?
    {
        return Ok(Outcome::Created);
    }
    let fail = |errno| place.error("set owner, mode or lists of", errno);
    let directory = place.hold().map_err(fail)?;
    let stat = rustix::fs::fstat(&directory).map_err(fail)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => set(directory.as_fd(), &stat, metadata)
            .map_err(fail)
            .map(Outcome::changed),
        kind => Err(wrong_kind(path, kind, "directory")),
    }
}

/// False when somebody else was quicker.
fn make(place: &Place<'_>, metadata: &Metadata) -> Result<bool, HostError> {
    let fail = |errno| place.error("make", errno);
    // Nobody but root may enter while it is not finished.
    let private = rustix::fs::Mode::RWXU;
    let make = |name: &str| rustix::fs::mkdirat(&place.directory, name, private);
    let (name, ()) = temporary::make(place.name, make).map_err(fail)?;
    let mut unfinished = Unfinished::new(place.directory.as_fd(), name);
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::openat(
        &place.directory,
        &unfinished.name,
        flags,
        rustix::fs::Mode::empty(),
    )
    .map_err(fail)?;
    let stat = rustix::fs::fstat(&held).map_err(fail)?;
    set(held.as_fd(), &stat, metadata).map_err(fail)?;
    let renamed = rustix::fs::renameat_with(
        &place.directory,
        &unfinished.name,
        &place.directory,
        place.name,
        RenameFlags::NOREPLACE,
    );
    match renamed {
        Ok(()) => {
            unfinished.finished();
            Ok(true)
        }
        Err(Errno::EXIST) => Ok(false),
        Err(errno) => Err(fail(errno)),
    }
}

/// Sets owner, mode and lists of what is there; of a symbolic link only the owner. A file with a second name is
/// left: whoever made that name may be somebody who wants to be given the file.
pub fn set_metadata(host: &Host, path: &TargetPath, metadata: &Metadata) -> Result<Outcome, HostError> {
    let place = host.place_for("set owner, mode or lists of", path)?;
    let fail = |errno| place.error("set owner, mode or lists of", errno);
    let held = place.hold().map_err(fail)?;
    let stat = rustix::fs::fstat(&held).map_err(fail)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink > 1 {
        return Err(HostError::Refused {
            operation: "set owner, mode or lists of",
            thing: path.to_string(),
            reason: format!("the file has {} names", stat.st_nlink),
        });
    }
    set(held.as_fd(), &stat, metadata)
        .map_err(fail)
        .map(Outcome::changed)
}

impl Outcome {
    pub(crate) fn changed(changed: bool) -> Self {
        if changed { Self::Changed } else { Self::Unchanged }
    }
}

/// Brings what is held to the wanted state; true when anything had to be done. The owner comes first, because
/// changing it takes away set-user-id and set-group-id.
pub(crate) fn set(held: BorrowedFd<'_>, stat: &Stat, wanted: &Metadata) -> Result<bool, Errno> {
    let mut changed = false;
    if (stat.st_uid, stat.st_gid) != (wanted.uid, wanted.gid) {
        let (uid, gid) = (
            rustix::fs::Uid::from_raw(wanted.uid),
            rustix::fs::Gid::from_raw(wanted.gid),
        );
        rustix::fs::chownat(held, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
        changed = true;
    }
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Symlink {
        return Ok(changed);
    }
    let path = descriptor_path(held);
    let mut mode = wanted.mode;
    if let Lists::Exactly { access, default } = &wanted.lists {
        if let Some(access) = access {
            mode = mode.with_permissions(access.mode_bits());
        }
        changed |= set_access(&path, mode, access.as_ref().filter(|access| !access.is_minimal()))?;
        if kind == FileType::Directory {
            changed |= set_default(&path, default.as_ref())?;
        }
    }
    // Read again: owner and list may just have changed it.
    let now = Mode::from_bits(rustix::fs::fstat(held)?.st_mode);
    if now != mode {
        rustix::fs::chmodat(
            CWD,
            path.as_str(),
            rustix::fs::Mode::from_raw_mode(mode.bits()),
            AtFlags::empty(),
        )?;
        changed = true;
    }
    Ok(changed)
}

/// One write sets the list and the permission bits together, so that there is no moment with the one and without
/// the other. A list that says no more than the mode makes the kernel drop the attribute.
fn set_access(path: &str, mode: Mode, wanted: Option<&Acl>) -> Result<bool, Errno> {
    if read_list(path, ACCESS)?.as_ref() == wanted {
        return Ok(false);
    }
    let list = wanted.map_or_else(|| Acl::from_mode(mode.bits()).to_attribute(), Acl::to_attribute);
    rustix::fs::setxattr(path, ACCESS, &list, XattrFlags::empty())?;
    Ok(true)
}

fn set_default(path: &str, wanted: Option<&Acl>) -> Result<bool, Errno> {
    let now = read_list(path, DEFAULT)?;
    if now.as_ref() == wanted {
        return Ok(false);
    }
    match wanted {
        Some(wanted) => rustix::fs::setxattr(path, DEFAULT, &wanted.to_attribute(), XattrFlags::empty())?,
        None => rustix::fs::removexattr(path, DEFAULT)?,
    }
    Ok(true)
}

/// A list of what a descriptor holds: the link below /proc is followed, which is what it is for.
fn read_list(path: &str, name: &str) -> Result<Option<Acl>, Errno> {
    read_acl(path.as_bytes(), name, |path, name, into| {
        rustix::fs::getxattr(path, name, into)
    })
}

pub(crate) fn wrong_kind(path: &TargetPath, kind: FileType, wanted: &'static str) -> HostError {
    let found = match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symbolic link",
        FileType::Socket => "socket",
        FileType::Fifo => "pipe",
        FileType::BlockDevice | FileType::CharacterDevice => "device",
        FileType::Unknown => "thing of unknown kind",
    };
    HostError::WrongKind {
        path: path.clone(),
        found,
        wanted,
    }
}
