//! What the machine is now.

pub mod account;
pub mod block;
pub mod file;
pub mod firewall;
pub mod listener;
pub mod mount;
pub mod os;
pub mod package;
pub mod swap;
pub mod sysctl;
pub mod unit;

use std::collections::BTreeMap;

use appliance::name::{PackageName, UnitName};
use appliance::path::TargetPath;
use serde::Serialize;

use crate::{Host, HostError, Question};
pub use account::AccountFiles;
pub use block::{DiskFact, FoundDisk};
pub use file::{Digest, Inode, Kind, Timestamp, Tree};
pub use firewall::FirewallFact;
pub use listener::Listener;
pub use mount::Mount;
pub use os::Os;
pub use package::PackageState;
pub use swap::Swap;
pub use unit::UnitFact;

/// The answer to a [`Question`]. A path that is not there has no entry; one that could not be read is an error,
/// never a gap.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// The operating system.
    pub os: Os,
    /// The name in `/etc/hostname`; on a live machine the one that the kernel knows. Empty when there is none.
    pub hostname: String,
    /// Every path that was asked about and is there.
    pub inodes: BTreeMap<TargetPath, Inode>,
    /// Bytes of the regular files asked for with [`crate::Look::Content`].
    #[serde(serialize_with = "file::serialize_contents")]
    pub contents: BTreeMap<TargetPath, Vec<u8>>,
    /// Digests of the regular files asked for with [`crate::Look::Digest`].
    pub digests: BTreeMap<TargetPath, Digest>,
    /// Names in the directories asked for with [`crate::Look::Listing`]; bytes that are not UTF-8 are written
    /// `\xNN`.
    pub listings: BTreeMap<TargetPath, BTreeMap<String, Inode>>,
    /// Paths that could not be looked at because a link that is not root's, or a file, stands in their way; the
    /// value is the path of that thing. They have no inode here.
    pub obstructed: BTreeMap<TargetPath, TargetPath>,
    /// Walked trees by their top; a tree that is not there has no entry.
    pub trees: BTreeMap<TargetPath, Tree>,
    /// Bytes that an unprivileged process could still write on the filesystem of each path asked about.
    pub free_bytes: BTreeMap<TargetPath, u64>,
    /// The four account files.
    pub accounts: AccountFiles,
    /// Packages that the package manager knows.
    pub packages: BTreeMap<PackageName, PackageState>,
    /// What only a running machine has; `None` for an offline tree, where nothing was asked.
    pub live: Option<LiveFacts>,
}

/// What only a running machine has.
#[derive(Debug, Clone, Serialize)]
pub struct LiveFacts {
    /// Mounts in the order of the kernel.
    pub mounts: Vec<Mount>,
    /// Disks by role, one for each that was asked about.
    pub disks: BTreeMap<String, DiskFact>,
    /// Swap files and partitions in use.
    pub swaps: Vec<Swap>,
    /// Kernel settings by dotted name; one that this kernel does not have has no entry.
    pub sysctl: BTreeMap<String, String>,
    /// Units that were asked about, those that do not exist included; `None` when no service manager runs.
    pub units: Option<BTreeMap<UnitName, UnitFact>>,
    /// Our firewall table; `None` when it was not asked about.
    pub firewall: Option<FirewallFact>,
    /// Who listens; `None` when it was not asked.
    pub listeners: Option<Vec<Listener>>,
    /// Memory, as `/proc/meminfo` has it.
    pub memory: os::Memory,
}

/// Looks at the machine.
pub fn gather(host: &Host, question: &Question) -> Result<Facts, HostError> {
    let _ = (host, question);
    unimplemented!()
}
