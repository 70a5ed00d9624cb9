//! Making and growing filesystems.

use appliance::path::TargetPath;

use crate::{Host, HostError};

/// Why a filesystem may be made on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// The device is blank, and this is looked up once more right before.
    Blank,
    /// An earlier run was interrupted in the middle of making one: it left a pending record and no marker.
    Interrupted,
}

/// Makes an ext4 filesystem. Looks once more whether the device is in use or holds anything.
pub fn make_ext4(
    host: &Host,
    device: &TargetPath,
    label: &str,
    options: &[&str],
    permission: Permission,
) -> Result<(), HostError> {
    let _ = (host, device, label, options, permission);
    unimplemented!()
}

/// Grows a mounted ext4 filesystem to the size of its device.
pub fn grow(host: &Host, device: &TargetPath) -> Result<(), HostError> {
    let _ = (host, device);
    unimplemented!()
}
