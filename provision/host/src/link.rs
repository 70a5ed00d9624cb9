//! Symbolic links.

use appliance::path::TargetPath;

use crate::{Host, HostError};

/// Makes `path` a link to `target`, or turns a link that is there, in one step. Anything but a link is left.
pub fn replace(host: &Host, path: &TargetPath, target: &str, uid: u32, gid: u32) -> Result<(), HostError> {
    let _ = (host, path, target, uid, gid);
    unimplemented!()
}
