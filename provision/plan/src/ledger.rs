//! What we put on a machine, so that it can go again when the definition no longer has it. Nothing that was there
//! before us stands in it: what is not in it is never removed.

mod adoption;

use std::collections::{BTreeMap, BTreeSet};

use appliance::name::{GroupName, PackageName, UserName};
use appliance::path::TargetPath;
use host::Facts;
use host::facts::package::PackageStatus;
use host::facts::{Digest, Kind};
use render::{Area, Node, Tree};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::step::{AccountChange, Action, Change};
use crate::{Plan, system_files};

/// Where it lies; root's alone.
pub const LEDGER: &str = "/var/lib/data-analyst/manifest.json";

/// The form that this program reads and writes.
const VERSION: u32 = 1;
/// A whole layout takes some 100 KiB. Far beyond that it is something else.
const LARGEST: usize = 8 << 20;

/// Fields of a later program, kept when this one writes the file.
type Unknown = BTreeMap<String, Value>;

/// Why a ledger cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Too many bytes to be one.
    #[error("it has {0} bytes, and no ledger has more than {LARGEST}")]
    TooLarge(usize),
    /// Not JSON, or not of this form.
    #[error("it cannot be understood: {0}")]
    Malformed(String),
    /// Of a later program.
    #[error("it has the version {0}, and this program reads {VERSION}; use the program that wrote it")]
    Later(u64),
    /// Not root's alone, so anybody may have written what is to be removed.
    #[error("others than root may have written it")]
    Untrusted,
}

/// What we created and is still there, or still defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// A run once ended with nothing to do.
    #[serde(default)]
    pub converged: bool,
    #[serde(default)]
    paths: BTreeMap<TargetPath, OwnedPath>,
    #[serde(default)]
    users: BTreeMap<UserName, OwnedUser>,
    #[serde(default)]
    groups: BTreeSet<GroupName>,
    #[serde(default)]
    members: BTreeMap<GroupName, BTreeSet<UserName>>,
    #[serde(default)]
    packages: BTreeSet<PackageName>,
    #[serde(default)]
    kernel: BTreeSet<String>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// A file, link or directory that we created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenPath", into = "WrittenPath")]
pub struct OwnedPath {
    /// The area that brought it about.
    pub area: Area,
    /// What it is.
    pub node: OwnedNode,
    unknown: Unknown,
}

/// What we put at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedNode {
    /// A file, with the digest of what we wrote; none for a secret, whose digest could be guessed from.
    File(Option<Digest>),
    /// A symbolic link, with what it says.
    Link(String),
    /// A directory.
    Directory,
}

/// A user that we created.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OwnedUser {
    /// It left the definition and was closed. It is never deleted, so that nobody inherits its number.
    #[serde(default)]
    retired: bool,
    #[serde(flatten)]
    unknown: Unknown,
}

/// A path as it stands in the file.
#[derive(Serialize, Deserialize)]
struct WrittenPath {
    kind: WrittenKind,
    area: Area,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenKind {
    File,
    Link,
    Directory,
}

impl TryFrom<WrittenPath> for OwnedPath {
    type Error = &'static str;
    fn try_from(written: WrittenPath) -> Result<Self, Self::Error> {
        let node = match (written.kind, written.sha256, written.target) {
            (WrittenKind::File, digest, None) => OwnedNode::File(digest),
            (WrittenKind::Link, None, Some(target)) => OwnedNode::Link(target),
            (WrittenKind::Link, _, None) => return Err("a link has no target"),
            (WrittenKind::Directory, None, None) => OwnedNode::Directory,
            (WrittenKind::File | WrittenKind::Link | WrittenKind::Directory, _, _) => {
                return Err("a path has a field of another kind");
            }
        };
        Ok(Self {
            area: written.area,
            node,
            unknown: written.unknown,
        })
    }
}

impl From<OwnedPath> for WrittenPath {
    fn from(path: OwnedPath) -> Self {
        let (kind, sha256, target) = match path.node {
            OwnedNode::File(digest) => (WrittenKind::File, digest, None),
            OwnedNode::Link(target) => (WrittenKind::Link, None, Some(target)),
            OwnedNode::Directory => (WrittenKind::Directory, None, None),
        };
        Self {
            kind,
            area: path.area,
            sha256,
            target,
            unknown: path.unknown,
        }
    }
}

impl OwnedNode {
    fn of(node: &Node) -> Option<Self> {
        match node {
            Node::File { content, .. } => Some(Self::of_bytes(content.bytes(), content.is_secret())),
            Node::Link { target, .. } => Some(Self::Link(target.clone())),
            Node::Directory { .. } => Some(Self::Directory),
            Node::Absent => None,
        }
    }

    fn of_bytes(bytes: &[u8], secret: bool) -> Self {
        Self::File((!secret).then(|| Digest::of(bytes)))
    }
}

impl Default for Ledger {
    /// Nothing is ours.
    fn default() -> Self {
        Self {
            version: VERSION,
            converged: false,
            paths: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeSet::new(),
            members: BTreeMap::new(),
            packages: BTreeSet::new(),
            kernel: BTreeSet::new(),
            unknown: Unknown::new(),
        }
    }
}

impl Ledger {
    /// Reads the bytes of the file.
    ///
    /// # Errors
    ///
    /// When they are too many, no ledger, or one of a later program.
    pub fn parse(bytes: &[u8]) -> Result<Self, LedgerError> {
        #[derive(Deserialize)]
        struct Head {
            version: u64,
        }
        if bytes.len() > LARGEST {
            return Err(LedgerError::TooLarge(bytes.len()));
        }
        let malformed = |error: serde_json::Error| LedgerError::Malformed(error.to_string());
        // The version first: what a later program writes may differ in everything else.
        let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
        match head.version {
            0 => Err(LedgerError::Malformed("there was never a version 0".to_owned())),
            later if later > u64::from(VERSION) => Err(LedgerError::Later(later)),
            _ => serde_json::from_slice(bytes).map_err(malformed),
        }
    }

    /// The bytes of the file; the same ledger gives the same bytes.
    pub fn print(&self) -> Vec<u8> {
        // Every key of its maps is text, and nothing else can fail.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The ledger of a machine; the empty one where there is none or a damaged one.
    pub fn of(facts: &Facts) -> Self {
        Self::read(facts).unwrap_or_default()
    }

    /// The same, with what is wrong with a damaged one.
    pub(crate) fn read(facts: &Facts) -> Result<Self, LedgerError> {
        let path = TargetPath::known(LEDGER);
        let Some(inode) = facts.inodes.get(&path) else {
            return Ok(Self::default());
        };
        let closed = inode.kind == Kind::File
            && inode.uid == 0
            && inode.mode.bits() & 0o022 == 0
            && inode.acl.is_none();
        if !closed {
            return Err(LedgerError::Untrusted);
        }
        Self::parse(facts.contents.get(&path).map_or(&[][..], Vec::as_slice))
    }

    /// What must be durable before the steps of a plan are carried out: what they create is ours even when the run is
    /// killed behind the first of them.
    pub fn intending(&self, plan: &Plan) -> Self {
        let mut ledger = self.clone();
        for step in &plan.steps {
            ledger.intend(step.area, step.action, &step.change);
        }
        ledger
    }

    fn intend(&mut self, area: Area, action: Action, change: &Change) {
        let (path, node) = match change {
            Change::WriteFile { path, content, .. } => {
                (path, OwnedNode::of_bytes(&content.bytes, content.secret))
            }
            Change::Link { path, target } => (path, OwnedNode::Link(target.clone())),
            Change::Directory { path, .. } => (path, OwnedNode::Directory),
            Change::Account(change) => return self.intend_account(change),
            Change::InstallPackages(names) => return self.packages.extend(names.iter().cloned()),
            Change::SetKernel { name, .. } => {
                self.kernel.insert(name.clone());
                return;
            }
            _ => return,
        };
        if action == Action::Create && !system_files::ALL.contains(&path.as_str()) {
            let unknown = Unknown::new();
            self.paths.insert(path.clone(), OwnedPath { area, node, unknown });
        } else if let Some(owned) = self.paths.get_mut(path) {
            owned.node = node;
        }
    }

    fn intend_account(&mut self, change: &AccountChange) {
        let user = |name: &String| UserName::new(name).ok();
        match change {
            AccountChange::AddGroup { name, .. } => self.groups.extend(GroupName::new(name).ok()),
            AccountChange::AddUser { name, .. } => self
                .users
                .extend(user(name).map(|name| (name, OwnedUser::default()))),
            AccountChange::SetUser { name, .. } | AccountChange::LockPassword { name } => {
                self.set_retired(name, false);
            }
            AccountChange::Retire { name } => self.set_retired(name, true),
            AccountChange::AddMember { group, member } => {
                self.set_retired(member, false);
                if let (Ok(group), Some(member)) = (GroupName::new(group), user(member)) {
                    self.members.entry(group).or_default().insert(member);
                }
            }
            AccountChange::RemoveMember { .. } => {}
        }
    }

    fn set_retired(&mut self, name: &str, retired: bool) {
        if let Some(user) = UserName::new(name)
            .ok()
            .and_then(|name| self.users.get_mut(&name))
        {
            user.retired = retired;
        }
    }

    /// What stays after a look that found nothing to do: what is still defined, and what left the definition and is
    /// still there, such as a directory that holds something of others.
    pub fn settled(&self, tree: &Tree, facts: &Facts) -> Self {
        let mut ledger = self.clone();
        ledger.converged = true;
        ledger.paths.retain(|path, owned| {
            match tree
                .get(path)
                .map(|entry| (entry.area, OwnedNode::of(&entry.node)))
            {
                Some((area, Some(node))) => {
                    (owned.area, owned.node) = (area, node);
                    true
                }
                Some((_, None)) | None => {
                    facts.inodes.contains_key(path) || facts.obstructed.contains_key(path)
                }
            }
        });
        let users = || facts.accounts.passwd.entries();
        let groups = || facts.accounts.group.entries();
        ledger
            .users
            .retain(|name, _| users().any(|line| line.name == name.as_str()));
        ledger
            .groups
            .retain(|name| groups().any(|line| line.name == name.as_str()));
        for (group, members) in &mut ledger.members {
            let line = groups().find(|line| line.name == group.as_str());
            members.retain(|name| {
                line.is_some_and(|line| line.members.iter().any(|member| member == name.as_str()))
            });
        }
        ledger.members.retain(|_, members| !members.is_empty());
        ledger.packages.retain(|name| {
            facts.packages.get(name).is_some_and(|state| {
                !matches!(
                    state.status,
                    PackageStatus::NotInstalled | PackageStatus::ConfigFiles
                )
            })
        });
        if let Some(live) = &facts.live {
            // Asked about are those that the definition sets.
            ledger.kernel.retain(|name| live.sysctl.contains_key(name));
        }
        ledger
    }

    /// Everything that we created and the tree no longer has, parents first.
    pub(crate) fn left<'a>(
        &'a self,
        tree: &'a Tree,
    ) -> impl Iterator<Item = (&'a TargetPath, &'a OwnedPath)> {
        let is_exact = |path: &TargetPath| {
            path.parent().is_some_and(|parent| {
                tree.get(&parent)
                    .is_some_and(|entry| matches!(entry.node, Node::Directory { exact: true, .. }))
            })
        };
        self.paths
            .iter()
            .filter(move |(path, _)| tree.get(path).is_none() && !is_exact(path))
    }

    /// Users that we created.
    pub(crate) fn users(&self) -> impl Iterator<Item = &str> {
        self.users.keys().map(UserName::as_str)
    }

    /// Groups that we created.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(GroupName::as_str)
    }

    /// Whether we put somebody into a group.
    pub(crate) fn added(&self, group: &str, member: &str) -> bool {
        let members = GroupName::new(group)
            .ok()
            .and_then(|group| self.members.get(&group));
        members.is_some_and(|members| members.iter().any(|name| name.as_str() == member))
    }

    /// Packages that we installed.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &PackageName> {
        self.packages.iter()
    }

    /// Kernel settings that we set.
    pub(crate) fn kernel(&self) -> impl Iterator<Item = &str> {
        self.kernel.iter().map(String::as_str)
    }

    /// True for a path that we created.
    pub fn has_path(&self, path: &TargetPath) -> bool {
        self.paths.contains_key(path)
    }

    /// True for an account of ours that left the definition and was closed.
    pub fn is_retired(&self, name: &str) -> bool {
        UserName::new(name)
            .ok()
            .and_then(|name| self.users.get(&name))
            .is_some_and(|user| user.retired)
    }
}
