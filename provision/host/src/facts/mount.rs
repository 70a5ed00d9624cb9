//! Mounts, from `/proc/self/mountinfo`.

use serde::Serialize;

/// One line of `mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Number of the mount, and that of the one it lies in.
    pub id: u32,
    /// Number of the mount in which it lies.
    pub parent: u32,
    /// Device as major and minor number.
    pub device: (u32, u32),
    /// The directory of the filesystem that is shown here; `/` but for bind mounts.
    pub root: String,
    /// Where it is mounted.
    pub point: String,
    /// Options of the mount, such as `rw`, `nodev`.
    pub options: Vec<String>,
    /// `ext4`, `tmpfs`
    pub filesystem: String,
    /// `/dev/sdb`, `tmpfs`
    pub source: String,
    /// Options of the filesystem.
    pub super_options: Vec<String>,
}
