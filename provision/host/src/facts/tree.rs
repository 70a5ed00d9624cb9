//! Walking a whole tree, for what must hold of every file in it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use appliance::path::TargetPath;
use rustix::io::Errno;
use serde::Serialize;

use crate::facts::file::{Inode, Kind, escape, inode_at, names_in};
use crate::root::Blocked;
use crate::{Host, HostError};

/// All that lies below a directory, on its own filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Tree {
    /// Everything below the top, and the top itself.
    pub inodes: BTreeMap<TargetPath, Inode>,
    /// Directories that are another filesystem's; not entered.
    pub other_filesystems: Vec<TargetPath>,
    /// Things whose name no [`TargetPath`] can hold, by their directory and escaped name; not entered.
    pub unnameable: Vec<(TargetPath, String, Inode)>,
}

/// Everything below `path`; `None` when it is not there or no directory.
pub(super) fn walk(host: &Host, path: &TargetPath) -> Result<Option<Tree>, HostError> {
    let place = match host.place(path) {
        Ok(place) => place,
        Err(Blocked::Missing | Blocked::Obstructed(_)) => return Ok(None),
        Err(blocked) => return Err(blocked.into_error("walk", path)),
    };
    let Some(top) = inode_at(place.directory.as_fd(), place.name.as_bytes())
        .map_err(|errno| place.error("look at", errno))?
    else {
        return Ok(None);
    };
    if top.kind != Kind::Directory {
        return Ok(None);
    }
    let mut tree = Tree::default();
    let device = top.device;
    tree.inodes.insert(path.clone(), top);
    tree.enter(place.directory.as_fd(), place.name, path, device)?;
    Ok(Some(tree))
}

impl Tree {
    /// Deep at most as a [`TargetPath`] is long, so the stack and the open descriptors are bounded.
    fn enter(
        &mut self,
        above: BorrowedFd<'_>,
        name: &str,
        path: &TargetPath,
        device: u64,
    ) -> Result<(), HostError> {
        let fail = |errno| HostError::file("walk", path, errno);
        let (directory, names) = match names_in(above, name) {
            Ok(found) => found,
            // Gone, or replaced by a link, since it was looked at: then it is not of this tree any more.
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Ok(()),
            Err(errno) => return Err(fail(errno)),
        };
        for name in names {
            let Some(inode) = inode_at(directory.as_fd(), name.as_bytes()).map_err(fail)? else {
                continue;
            };
            let below = name
                .to_str()
                .ok()
                .and_then(|name| Some((name, path.join(name).ok()?)));
            let Some((name, below)) = below else {
                self.unnameable
                    .push((path.clone(), escape(name.as_bytes()), inode));
                continue;
            };
            let enter = inode.kind == Kind::Directory && inode.device == device;
            if inode.kind == Kind::Directory && !enter {
                self.other_filesystems.push(below.clone());
            }
            self.inodes.insert(below.clone(), inode);
            if enter {
                self.enter(directory.as_fd(), name, &below, device)?;
            }
        }
        Ok(())
    }
}
