#![doc = include_str!("../README.md")]

pub mod account;
pub mod acl;
pub mod disk;
pub mod env_file;
pub mod instance;
pub mod layout;
pub mod limit;
pub mod mode;
pub mod name;
pub mod network;
pub mod operating_system;
pub mod package;
pub mod path;
pub mod platform;
pub mod reader;
pub mod secret;
pub mod ssh_key;
pub mod sudo;
pub mod unit;

mod check;
mod definition;

pub use definition::DefinitionFiles;
pub use instance::INSTANCE_SCHEMA;
pub use reader::{Problem, Problems};

use account::{Account, Group, People};
use disk::{Disk, DiskRole, Swap};
use instance::Instance;
use layout::{Absence, Directory, FileRule, Link};
use limit::Limit;
use network::{Egress, Listener};
use operating_system::OperatingSystem;
use package::Packages;
use platform::Platform;
use secret::{Credential, Setting};
use sudo::SudoFile;
use unit::Units;

/// The machine that we want, checked: whoever holds one need not ask again whether it makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appliance {
    /// What differs from one appliance to the next.
    pub instance: Instance,
    /// The system under it.
    pub operating_system: OperatingSystem,
    /// Debian packages.
    pub packages: Packages,
    /// Groups.
    pub groups: Vec<Group>,
    /// System accounts.
    pub accounts: Vec<Account>,
    /// Numbers and groups of people.
    pub people: People,
    /// Disks, with the sizes of the instance.
    pub disks: Vec<Disk>,
    /// The swap file.
    pub swap: Swap,
    /// Directories, parents first.
    pub directories: Vec<Directory>,
    /// Links.
    pub links: Vec<Link>,
    /// Files that templates make.
    pub files: Vec<FileRule>,
    /// What must not be there.
    pub absences: Vec<Absence>,
    /// Resource limits.
    pub limits: Vec<Limit>,
    /// Grants.
    pub sudo: Vec<SudoFile>,
    /// Ports.
    pub listeners: Vec<Listener>,
    /// What the firewall lets out.
    pub egress: Egress,
    /// Units.
    pub units: Units,
    /// Secrets by name.
    pub credentials: Vec<Credential>,
    /// Settings by name.
    pub settings: Vec<Setting>,
}

impl Appliance {
    /// Reads and checks a definition and an instance file, and tells every mistake in either.
    pub fn parse(files: &DefinitionFiles<'_>, instance_name: &str, instance: &str) -> Result<Self, Problems> {
        definition::parse(files, instance_name, instance)
    }

    /// What the machine is.
    pub fn platform(&self) -> Platform {
        self.instance.platform
    }

    /// The disk with a role.
    pub fn disk(&self, role: DiskRole) -> Option<&Disk> {
        self.disks.iter().find(|disk| disk.role == role)
    }

    /// True when something limited to `platforms` belongs on this machine; an empty list means all.
    pub fn is_on(&self, platforms: &[Platform]) -> bool {
        platforms.is_empty() || platforms.contains(&self.platform())
    }
}
