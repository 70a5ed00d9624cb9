//! Looking at one file or path, for hands that must know what stands there right before they act.

use std::os::fd::AsFd;

use appliance::path::TargetPath;
use rustix::fs::FileType;

use crate::directory::wrong_kind;
use crate::facts::file;
use crate::root::Blocked;
use crate::{Host, HostError};

/// The bytes of a regular file; `None` when nothing is there. A link is not followed.
pub fn file(host: &Host, path: &TargetPath) -> Result<Option<Vec<u8>>, HostError> {
    let place = match host.place(path) {
        Ok(place) => place,
        Err(Blocked::Missing) => return Ok(None),
        Err(blocked) => return Err(blocked.into_error("read", path)),
    };
    match place.look().map_err(|errno| place.error("look at", errno))? {
        None => Ok(None),
        Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
            file::read_at(&place).map(Some)
        }
        Some(stat) => Err(wrong_kind(path, FileType::from_raw_mode(stat.st_mode), "file")),
    }
}

/// Whether anything stands at a path.
pub fn exists(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    match host.place(path) {
        Ok(place) => Ok(place
            .look()
            .map_err(|errno| place.error("look at", errno))?
            .is_some()),
        Err(Blocked::Missing) => Ok(false),
        Err(blocked) => Err(blocked.into_error("look at", path)),
    }
}

/// The names in a directory, sorted; none when it is not there. Names that are not UTF-8 are passed over.
pub fn names(host: &Host, path: &TargetPath) -> Result<Vec<String>, HostError> {
    let directory = match host.directory_at(path) {
        Ok(directory) => directory,
        Err(Blocked::Missing) => return Ok(Vec::new()),
        Err(blocked) => return Err(blocked.into_error("list", path)),
    };
    let (_, names) =
        file::names_in(directory.as_fd(), ".").map_err(|errno| HostError::file("list", path, errno))?;
    let mut names: Vec<String> = names
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}
