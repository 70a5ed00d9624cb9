//! The directories that mounts cover. They protect the system disk while a disk is missing, so they must be known
//! while it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use appliance::path::TargetPath;
use rustix::io::Errno;
use serde::Serialize;

use crate::facts::Inode;
use crate::facts::file::{inode_at, names_in};
use crate::root::Place;
use crate::{Host, HostError};

/// A directory of the root filesystem, whatever is mounted on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// Owner, mode, attributes.
    pub inode: Inode,
    /// Whether nothing lies in it.
    pub empty: bool,
}

/// Looks below the mounts; a directory that is not there has no entry.
pub fn read(host: &Host, paths: &BTreeSet<TargetPath>) -> Result<BTreeMap<TargetPath, Guard>, HostError> {
    let mut guards = BTreeMap::new();
    if paths.is_empty() {
        return Ok(guards);
    }
    let root = crate::mount::root_alone(host)?;
    for path in paths {
        let place = root.place_for("look under the mount at", path)?;
        if let Some(guard) =
            look(&place).map_err(|errno| HostError::file("look under the mount at", path, errno))?
        {
            guards.insert(path.clone(), guard);
        }
    }
    Ok(guards)
}

fn look(place: &Place<'_>) -> Result<Option<Guard>, Errno> {
    let Some(inode) = inode_at(place.directory.as_fd(), place.name.as_bytes())? else {
        return Ok(None);
    };
    let (_, names) = names_in(place.directory.as_fd(), place.name)?;
    let empty = names.is_empty();
    Ok(Some(Guard { inode, empty }))
}
