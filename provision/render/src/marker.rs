//! The file by which a disk says what it is for.

use appliance::disk::DiskRole;
use appliance::name::DiskName;
use appliance::path::TargetPath;

/// Its name in the root directory of the disk.
pub const MARKER_NAME: &str = ".appliance-disk";
/// Its mode.
pub(crate) const MODE: &str = "0600";

/// Where it lies on a mounted disk.
pub(crate) fn path(mount: &TargetPath) -> Option<TargetPath> {
    mount.join(MARKER_NAME).ok()
}

/// What it says where nobody knows when the disk was made.
pub(crate) fn text(role: DiskRole, device: &DiskName) -> String {
    format!(r#"{{"role":"{role}","disk_id":"{device}","format_version":1}}"#)
}
