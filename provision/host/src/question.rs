//! What plan and verify want to know. Facts hold the answers to exactly this, so that a digest of them covers
//! everything that a plan relied on.

use std::collections::{BTreeMap, BTreeSet};

use appliance::name::UnitName;
use appliance::path::TargetPath;
use serde::Serialize;

/// How closely to look at one path. Each includes the inode itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Look {
    /// Owner, mode, lists and times.
    Inode,
    /// And the SHA-256 of a regular file, which is all that may be known of a secret one.
    Digest,
    /// And the bytes of a regular file.
    Content,
    /// And the names in a directory with their inodes.
    Listing,
}

/// Everything that one call of [`crate::gather`] is asked.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Question {
    /// Paths, each with how closely to look.
    pub paths: BTreeMap<TargetPath, Look>,
    /// Directories to walk whole: inodes only, one filesystem, links never followed.
    pub trees: Vec<TargetPath>,
    /// Paths whose filesystem is asked for its free space.
    pub free_space: BTreeSet<TargetPath>,
    /// Units to ask the service manager about.
    pub units: BTreeSet<UnitName>,
    /// Kernel settings in dotted form, such as `net.ipv4.tcp_syncookies`.
    pub sysctl: BTreeSet<String>,
    /// The one firewall table that is ours.
    pub firewall_table: Option<TableName>,
    /// Disks to find.
    pub disks: Vec<DiskQuestion>,
    /// Mount points under which to look.
    pub guards: BTreeSet<TargetPath>,
    /// Whether to list who listens; looks at every process and so is asked by `verify` only.
    pub listeners: bool,
}

/// An nftables table, such as `inet appliance`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TableName {
    /// `inet`, `ip` or `ip6`.
    pub family: String,
    /// The name within the family.
    pub name: String,
}

/// A disk that the definition declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiskQuestion {
    /// What it is for: `data`, `home` or `temp`. The key of the answer.
    pub role: String,
    /// Its stable name, such as `/dev/disk/by-id/google-data-disk`.
    pub by_id: TargetPath,
    /// The filesystem label by which it is found when the stable name is missing.
    pub label: String,
    /// Where it belongs.
    pub mount_point: TargetPath,
    /// Whether to find out if it is blank, which reads the disk and runs a program: asked only when formatting
    /// is considered.
    pub probe_blank: bool,
}
