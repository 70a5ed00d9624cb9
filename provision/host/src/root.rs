//! The root directory below which everything happens.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use crate::HostError;

/// A machine, or the tree of one that is being built.
#[derive(Debug)]
pub struct Host {
    directory: PathBuf,
    root: OwnedFd,
    live: bool,
}

impl Host {
    /// This machine.
    pub fn live() -> Result<Self, HostError> {
        unimplemented!()
    }
    /// The tree below `directory`, which no link in it can leave.
    pub fn offline(directory: &Path) -> Result<Self, HostError> {
        let _ = directory;
        unimplemented!()
    }
    /// Whether this is a running machine.
    pub fn is_live(&self) -> bool {
        self.live
    }
    /// The directory that is `/` on the target.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}
