//! One change of a machine: what, on what, and why. Data, so that it can be printed, saved and carried out later
//! without deciding anything again.

use appliance::acl::Acl;
use appliance::disk::DiskRole;
use appliance::layout::Judge;
use appliance::mode::Mode;
use appliance::name::{CredentialName, PackageName, UnitName};
use appliance::path::TargetPath;
use render::Area;

/// Owner, mode and lists in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Mode.
    pub mode: Mode,
    /// Access list; none where the mode says it all.
    pub access: Option<Acl>,
    /// Default list of a directory.
    pub default: Option<Acl>,
}

/// A new line in the account files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// A group.
    AddGroup {
        /// Its name.
        name: String,
        /// Its number.
        gid: u32,
    },
    /// A user with a locked password.
    AddUser {
        /// Its name.
        name: String,
        /// Its number.
        uid: u32,
        /// The number of its first group.
        gid: u32,
        /// Its home.
        home: TargetPath,
        /// Its shell.
        shell: TargetPath,
    },
    /// Another home or shell.
    SetUser {
        /// Whose.
        name: String,
        /// Its home.
        home: TargetPath,
        /// Its shell.
        shell: TargetPath,
    },
    /// Into a group.
    AddMember {
        /// Which group.
        group: String,
        /// Who.
        member: String,
    },
    /// Out of a group.
    RemoveMember {
        /// Which group.
        group: String,
        /// Who.
        member: String,
    },
    /// No password opens the account.
    LockPassword {
        /// Whose.
        name: String,
    },
    /// Closed for good: no password, no shell, expired. The line stays, so that its number is never given again.
    Retire {
        /// Whose.
        name: String,
    },
}

/// The bytes of a file to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct NewContent {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// They are not to be shown.
    pub secret: bool,
}

impl std::fmt::Debug for NewContent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.secret {
            formatter.write_str("[redacted]")
        } else {
            write!(formatter, "{:?}", String::from_utf8_lossy(&self.bytes))
        }
    }
}

/// Where a device is and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskTarget {
    /// Its role.
    pub role: DiskRole,
    /// Its stable name below `/dev`.
    pub device: TargetPath,
    /// Its label.
    pub label: String,
    /// Where it belongs.
    pub mount: TargetPath,
    /// Options of fstab.
    pub options: String,
    /// Percent of blocks for root.
    pub reserved_percent: u32,
    /// What the marker file names it.
    pub disk_id: String,
    /// Size and serial, for the record of an interrupted formatting.
    pub bytes: u64,
}

/// What an order to the service manager does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitOrder {
    /// Stop.
    Stop,
    /// Start.
    Start,
    /// End and start again.
    Restart,
    /// Read the configuration again.
    Reload,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Install Debian packages.
    InstallPackages(Vec<PackageName>),
    /// Remove Debian packages.
    RemovePackages(Vec<PackageName>),
    /// Change the account files.
    Account(AccountChange),
    /// Make the empty directory under a mount immutable.
    GuardMountPoint(TargetPath),
    /// Make a filesystem on a blank disk, or finish what an interrupted run began.
    FormatDisk(DiskTarget),
    /// Mount a disk after a look at its marker; give a new one its marker.
    MountDisk(DiskTarget),
    /// Give a mounted filesystem without marker its marker.
    MarkDisk(DiskTarget),
    /// Let the filesystem fill its device.
    GrowDisk(DiskTarget),
    /// Change the options of a mount.
    Remount {
        /// Where.
        point: TargetPath,
        /// Options as `mount -o remount` takes them.
        options: String,
    },
    /// Make the swap file.
    MakeSwap {
        /// Where.
        path: TargetPath,
        /// How large.
        bytes: u64,
        /// It is in use with another size and must be stopped first.
        in_use: bool,
    },
    /// Swap to it.
    StartSwap(TargetPath),
    /// Make a directory or bring it to this owner, mode and lists.
    Directory {
        /// Where.
        path: TargetPath,
        /// How.
        metadata: Metadata,
    },
    /// Owner, mode and lists of something that is there.
    SetMetadata {
        /// Where.
        path: TargetPath,
        /// How.
        metadata: Metadata,
    },
    /// Write a file whole.
    WriteFile {
        /// Where.
        path: TargetPath,
        /// Its bytes.
        content: NewContent,
        /// How.
        metadata: Metadata,
        /// Who judges it.
        judge: Option<Judge>,
    },
    /// Make a symbolic link, or turn one.
    Link {
        /// Where.
        path: TargetPath,
        /// Where to.
        target: String,
    },
    /// Remove a file or a link.
    Remove(TargetPath),
    /// Remove a directory that is empty by then.
    RemoveDirectory(TargetPath),
    /// Move a file or link that is not ours to where it does nothing and is kept.
    Quarantine {
        /// Where it is.
        path: TargetPath,
    },
    /// Make a secret that nobody brings.
    GenerateSecret {
        /// Which.
        name: CredentialName,
        /// Where it is kept on the data disk.
        kept: TargetPath,
        /// Where services read it.
        credential: TargetPath,
    },
    /// Make a self-signed certificate, so that nginx can start before a real one is issued.
    MakePlaceholderCertificate {
        /// Where it goes.
        certificate: TargetPath,
        /// Where its key goes.
        key: TargetPath,
        /// For which name.
        domain: String,
    },
    /// Set a kernel setting now.
    SetKernel {
        /// Its name, with dots.
        name: String,
        /// Its value.
        value: String,
    },
    /// Load our table into the kernel.
    LoadFirewall(String),
    /// Make systemd read unit files again.
    ReloadUnitFiles,
    /// Tell systemd what to do with a unit.
    Unit {
        /// Which.
        name: UnitName,
        /// What.
        order: UnitOrder,
        /// Who says first whether the unit will understand its configuration.
        judge: Option<Judge>,
    },
}

impl Change {
    /// How moving something aside is called in a plan; a saved one is read for it.
    pub const QUARANTINE_VERB: &str = "move away";

    /// True for a change after which nothing stands at a path any more.
    pub(crate) fn takes_away(&self, at: &TargetPath) -> bool {
        matches!(self, Self::Remove(path) | Self::RemoveDirectory(path) | Self::Quarantine { path } if path == at)
    }
}

/// Whether something comes, changes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It was not there.
    Create,
    /// It was different.
    Update,
    /// It should not be there.
    Remove,
    /// Something is told to act.
    Run,
}

/// How `verify` calls the difference that a step removes (spec 10, section 22.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    /// Something is not there.
    Missing,
    /// Other bytes.
    Content,
    /// Another mode.
    Mode,
    /// Another owner or group.
    Owner,
    /// Another access control list.
    Acl,
    /// A unit is not in its state.
    UnitState,
    /// A mount is missing or has other options.
    Mount,
    /// A package is missing or should not be there.
    Package,
    /// An account differs.
    Account,
    /// A member too many or too few.
    GroupMembership,
    /// The kernel's table is not ours.
    Firewall,
    /// A secret's file can be read by others.
    CredentialMode,
    /// Something private may be read by those who should not.
    PrivateAcl,
    /// The directory under a mount is not protected.
    ImmutableGuard,
    /// A kernel setting differs.
    Kernel,
    /// Something is there that should not be.
    Extra,
}

/// One change, ready to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The area that it belongs to.
    pub area: Area,
    /// What is done.
    pub change: Change,
    /// Whether it comes, changes or goes.
    pub action: Action,
    /// What kind of difference it removes.
    pub drift: Drift,
    /// Why.
    pub because: String,
    /// How it was, for people; empty when it was not there. Never a secret.
    pub before: String,
    /// How it will be, for people. Never a secret.
    pub after: String,
}

impl Step {
    /// The path, unit, account or package that is changed.
    pub fn target(&self) -> String {
        match &self.change {
            Change::InstallPackages(names) | Change::RemovePackages(names) => names
                .iter()
                .map(PackageName::as_str)
                .collect::<Vec<_>>()
                .join(" "),
            Change::Account(change) => match change {
                AccountChange::AddGroup { name, .. } => format!("group {name}"),
                AccountChange::AddUser { name, .. }
                | AccountChange::SetUser { name, .. }
                | AccountChange::LockPassword { name }
                | AccountChange::Retire { name } => format!("user {name}"),
                AccountChange::AddMember { group, member }
                | AccountChange::RemoveMember { group, member } => {
                    format!("{member} in group {group}")
                }
            },
            Change::GuardMountPoint(path)
            | Change::StartSwap(path)
            | Change::Remove(path)
            | Change::RemoveDirectory(path)
            | Change::Quarantine { path }
            | Change::Remount { point: path, .. }
            | Change::MakeSwap { path, .. }
            | Change::Directory { path, .. }
            | Change::SetMetadata { path, .. }
            | Change::WriteFile { path, .. }
            | Change::Link { path, .. } => path.to_string(),
            Change::FormatDisk(disk)
            | Change::MountDisk(disk)
            | Change::MarkDisk(disk)
            | Change::GrowDisk(disk) => {
                format!("{} disk", disk.role)
            }
            Change::GenerateSecret { name, .. } => name.to_string(),
            Change::MakePlaceholderCertificate { certificate, .. } => certificate.to_string(),
            Change::SetKernel { name, .. } => name.clone(),
            Change::LoadFirewall(_) => "table inet appliance".to_owned(),
            Change::ReloadUnitFiles => "unit files".to_owned(),
            Change::Unit { name, .. } => name.to_string(),
        }
    }

    /// What happens, in two or three words.
    pub fn verb(&self) -> &'static str {
        match &self.change {
            Change::InstallPackages(_) => "install",
            Change::RemovePackages(_) => "uninstall",
            Change::Account(AccountChange::AddGroup { .. } | AccountChange::AddUser { .. }) => "create",
            Change::Account(AccountChange::AddMember { .. }) => "add",
            Change::Account(AccountChange::RemoveMember { .. }) => "remove",
            Change::Account(AccountChange::SetUser { .. }) => "change",
            Change::Account(AccountChange::LockPassword { .. }) => "lock the password of",
            Change::Account(AccountChange::Retire { .. }) => "close",
            Change::GuardMountPoint(_) => "guard",
            Change::FormatDisk(_) => "format",
            Change::MountDisk(_) => "mount",
            Change::MarkDisk(_) => "mark",
            Change::GrowDisk(_) => "grow",
            Change::Remount { .. } => "remount",
            Change::MakeSwap { .. } => "allocate",
            Change::StartSwap(_) => "swap to",
            Change::Directory { .. } | Change::WriteFile { .. } | Change::Link { .. } => match self.action {
                Action::Create => "create",
                Action::Update | Action::Remove | Action::Run => "change",
            },
            Change::SetMetadata { .. } => "set the owner, mode and lists of",
            Change::Remove(_) | Change::RemoveDirectory(_) => "remove",
            Change::Quarantine { .. } => Change::QUARANTINE_VERB,
            Change::GenerateSecret { .. } => "generate",
            Change::MakePlaceholderCertificate { .. } => "make",
            Change::SetKernel { .. } => "set",
            Change::LoadFirewall(_) => "load",
            Change::ReloadUnitFiles => "read again",
            Change::Unit { order, .. } => match order {
                UnitOrder::Stop => "stop",
                UnitOrder::Start => "start",
                UnitOrder::Restart => "restart",
                UnitOrder::Reload => "reload",
            },
        }
    }

    /// True when what it writes must not be shown.
    pub fn is_secret(&self) -> bool {
        match &self.change {
            Change::WriteFile { content, .. } => content.secret,
            Change::GenerateSecret { .. } => true,
            _ => false,
        }
    }
}

/// Why nothing is done at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusalKind {
    /// It could destroy something (exit 3).
    Safety,
    /// The machine lacks what an apply needs (exit 4).
    Precondition,
}

/// Something that must be settled by a person before anything is changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// How it ends.
    pub kind: RefusalKind,
    /// The area.
    pub area: Area,
    /// On what.
    pub target: String,
    /// Why.
    pub reason: String,
    /// What to do.
    pub next: String,
}

/// Something that an operator should know and that nothing is done about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Notice {
    /// The area.
    pub area: Area,
    /// On what.
    pub target: String,
    /// What.
    pub text: String,
}
