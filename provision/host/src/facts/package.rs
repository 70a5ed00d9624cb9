//! Packages, from the database of dpkg.

use serde::Serialize;

/// What dpkg knows of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageState {
    /// How far it is installed.
    pub status: PackageStatus,
    /// Installed version; empty when only known.
    pub version: String,
    /// `amd64`, `all`
    pub architecture: String,
    /// Whether upgrades are held back.
    pub held: bool,
}

/// The third word of dpkg's `Status` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PackageStatus {
    /// Known, nothing on disk.
    NotInstalled,
    /// Removed, settings left behind.
    ConfigFiles,
    /// Interrupted while unpacking.
    HalfInstalled,
    /// Files are there, not configured.
    Unpacked,
    /// Interrupted while configuring.
    HalfConfigured,
    /// Waits for another package's trigger.
    TriggersAwaited,
    /// Has triggers of its own to run.
    TriggersPending,
    /// Complete.
    Installed,
}
