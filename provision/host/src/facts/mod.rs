//! What the machine is now.

pub mod account;
pub mod block;
pub mod ext;
pub mod file;
pub mod firewall;
pub mod guard;
pub mod listener;
pub mod mount;
pub mod os;
pub mod package;
pub(crate) mod proc;
pub mod process;
pub mod program;
pub mod record;
pub mod swap;
pub mod sysctl;
mod tree;
pub mod unit;

use std::collections::BTreeMap;

use appliance::name::{PackageName, UnitName};
use appliance::path::TargetPath;
use serde::Serialize;

use crate::{Host, HostError, Question};
pub use account::AccountFiles;
pub use block::{DiskFact, FoundDisk};
pub use ext::Ext;
pub use file::{Digest, Inode, Kind, Timestamp};
pub use firewall::FirewallFact;
pub use guard::Guard;
pub use listener::Listener;
pub use mount::Mount;
pub use os::Os;
pub use package::PackageState;
pub use program::Program;
pub use swap::Swap;
pub use tree::Tree;
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
    /// Digests of the regular files asked for with [`crate::Look::Digest`]; none of one that is larger than anything
    /// that we write.
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
    /// What lies under the mounts that were asked about.
    pub guards: BTreeMap<TargetPath, Guard>,
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

/// Looks at the machine: everything that was asked, and nothing that was not.
pub fn gather(host: &Host, question: &Question) -> Result<Facts, HostError> {
    let mut facts = Facts {
        os: os::read_os(host)?,
        hostname: os::hostname(host)?,
        inodes: BTreeMap::new(),
        contents: BTreeMap::new(),
        digests: BTreeMap::new(),
        listings: BTreeMap::new(),
        obstructed: BTreeMap::new(),
        trees: BTreeMap::new(),
        free_bytes: BTreeMap::new(),
        accounts: AccountFiles::read(host)?,
        packages: package::read_all(host)?,
        live: None,
    };
    // Sorted, so that neighbours share the directory that is already open.
    let mut directories = file::Directories::new(host);
    for (path, look) in &question.paths {
        directories.look(path, *look, &mut facts)?;
    }
    for path in &question.trees {
        if let Some(tree) = tree::walk(host, path)? {
            facts.trees.insert(path.clone(), tree);
        }
    }
    for path in &question.free_space {
        if let Some(bytes) = file::free_bytes(host, path)? {
            facts.free_bytes.insert(path.clone(), bytes);
        }
    }
    if host.is_live() {
        facts.live = Some(LiveFacts::gather(host, question)?);
    }
    Ok(facts)
}

impl LiveFacts {
    fn gather(host: &Host, question: &Question) -> Result<Self, HostError> {
        let mounts = mount::read_machine()?;
        Ok(Self {
            guards: guard::read(host, &question.guards)?,
            disks: block::read(&question.disks, &mounts)?,
            mounts,
            swaps: swap::read()?,
            sysctl: sysctl::read(&question.sysctl)?,
            units: unit::read(&question.units)?,
            firewall: question.firewall_table.as_ref().map(firewall::read).transpose()?,
            listeners: question.listeners.then(listener::read).transpose()?,
            memory: os::memory()?,
        })
    }
}
