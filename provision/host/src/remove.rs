//! Removing one thing. Never a tree.

use appliance::path::TargetPath;

use crate::{Host, HostError};

/// Removes a regular file; `false` when nothing was there. Anything else is left.
pub fn file(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    let _ = (host, path);
    unimplemented!()
}

/// Removes a symbolic link; `false` when nothing was there. Anything else is left.
pub fn link(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    let _ = (host, path);
    unimplemented!()
}

/// Removes an empty directory; `false` when nothing was there. Anything else is left.
pub fn empty_directory(host: &Host, path: &TargetPath) -> Result<bool, HostError> {
    let _ = (host, path);
    unimplemented!()
}
