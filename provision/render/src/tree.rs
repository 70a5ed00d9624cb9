//! What a machine's filesystem should hold, path by path, in names rather than numbers.

use std::collections::BTreeMap;
use std::fmt;

use appliance::layout::{Judge, NamedAcl};
use appliance::mode::Mode;
use appliance::name::{GroupName, UserName};
use appliance::path::TargetPath;

use crate::Area;

/// Owner, group and mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Its owner.
    pub owner: UserName,
    /// Its group.
    pub group: GroupName,
    /// Its mode.
    pub mode: Mode,
}

/// The bytes of a file. Those of a secret never print.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Text that a plan may show.
    Plain(String),
    /// A secret.
    Secret(String),
}

impl Content {
    /// The bytes that go into the file.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(text) | Self::Secret(text) => text.as_bytes(),
        }
    }

    /// True for what must not be shown.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => fmt::Debug::fmt(text, formatter),
            Self::Secret(_) => formatter.write_str("[redacted]"),
        }
    }
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory with its lists, whole; none where the mode says it all.
    Directory {
        /// Who owns it.
        ownership: Ownership,
        /// Its access list.
        access: Option<NamedAcl>,
        /// What is created in it inherits.
        default: Option<NamedAcl>,
        /// Nothing at any depth below may name a group that the lists do not name.
        closed: bool,
        /// Nothing lies in it but what the tree puts there.
        exact: bool,
    },
    /// A file that is ours, whole.
    File {
        /// Who owns it.
        ownership: Ownership,
        /// Its bytes.
        content: Content,
        /// Who judges it before it takes its place.
        judge: Option<Judge>,
    },
    /// A symbolic link.
    Link {
        /// What it says.
        target: String,
        /// Made once, then left to others.
        once: bool,
    },
    /// Nothing.
    Absent,
}

/// A path of the machine that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The area that brings it about.
    pub area: Area,
    /// What stands there.
    pub node: Node,
    /// Why, for the plan.
    pub because: String,
}

/// Everything that is ours on the filesystem, parents before what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    entries: BTreeMap<TargetPath, Entry>,
}

impl Tree {
    /// Adds an entry. The definition was checked for two owners of one path; derived paths are distinct from it.
    pub fn insert(&mut self, path: TargetPath, entry: Entry) {
        self.entries.insert(path, entry);
    }

    /// The entry at a path.
    pub fn get(&self, path: &TargetPath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Every entry, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&TargetPath, &Entry)> {
        self.entries.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True for a tree that holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
