//! Directories, and the owner, mode and lists of things that exist.

use appliance::acl::Acl;
use appliance::mode::Mode;
use appliance::path::TargetPath;

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
pub fn ensure(host: &Host, path: &TargetPath, metadata: &Metadata) -> Result<Outcome, HostError> {
    let _ = (host, path, metadata);
    unimplemented!()
}

/// Sets owner, mode and lists of what is there; of a symbolic link only the owner.
pub fn set_metadata(host: &Host, path: &TargetPath, metadata: &Metadata) -> Result<Outcome, HostError> {
    let _ = (host, path, metadata);
    unimplemented!()
}
