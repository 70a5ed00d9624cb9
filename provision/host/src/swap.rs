//! The swap file.

use appliance::path::TargetPath;

use crate::{Host, HostError};

/// Makes a swap file of `bytes` without holes, mode 0600 root. The file appears complete or not at all.
pub fn make(host: &Host, path: &TargetPath, bytes: u64) -> Result<(), HostError> {
    let _ = (host, path, bytes);
    unimplemented!()
}

/// Starts swapping to it.
pub fn on(host: &Host, path: &TargetPath) -> Result<(), HostError> {
    let _ = (host, path);
    unimplemented!()
}

/// Stops swapping to it; refused unless memory is free for all that is in it and 256 MiB more.
pub fn off(host: &Host, path: &TargetPath) -> Result<(), HostError> {
    let _ = (host, path);
    unimplemented!()
}
