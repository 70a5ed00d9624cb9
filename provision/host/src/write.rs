//! The one way to replace a file.

use appliance::acl::Acl;
use appliance::mode::Mode;
use appliance::path::TargetPath;

use crate::{Host, HostError};

/// A file as it must be. Owner, mode and list are required, so that nothing is left to the umask or to a
/// default list of the directory.
#[derive(Debug, Clone)]
pub struct NewFile<'a> {
    /// Where.
    pub path: &'a TargetPath,
    /// All its bytes.
    pub content: &'a [u8],
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Mode; where a list is given its permission bits come from the list.
    pub mode: Mode,
    /// Access list; `None` for a file that has none.
    pub acl: Option<&'a Acl>,
}

/// A file that is complete on disk under a temporary name. Removed when dropped.
#[derive(Debug)]
#[must_use = "a staged file vanishes unless it is put in its place"]
pub struct Staged {}

/// Replaces or creates a file; a reader sees the old bytes or the new ones, and what is returned from is on disk.
pub fn replace(host: &Host, file: &NewFile<'_>) -> Result<(), HostError> {
    stage(host, file)?.put()
}

/// Writes the file under a temporary name beside its place, so that it can be examined before it counts.
pub fn stage(host: &Host, file: &NewFile<'_>) -> Result<Staged, HostError> {
    let _ = (host, file);
    unimplemented!()
}

/// Puts many staged files in their places with one sync per filesystem before and one sync per directory after.
pub fn put_all(host: &Host, staged: Vec<Staged>) -> Result<(), HostError> {
    let _ = (host, staged);
    unimplemented!()
}

/// Removes what a crashed run left in `directory`; returns the names.
pub fn sweep(host: &Host, directory: &TargetPath) -> Result<Vec<String>, HostError> {
    let _ = (host, directory);
    unimplemented!()
}

impl Staged {
    /// Where the temporary file is on the machine that this program runs on, for a validator to read.
    pub fn temporary_path(&self) -> std::path::PathBuf {
        unimplemented!()
    }
    /// Gives the file its name.
    pub fn put(self) -> Result<(), HostError> {
        unimplemented!()
    }
}
