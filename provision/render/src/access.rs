//! Who may do what with a path, answered from the tree alone.

use std::collections::BTreeSet;

use appliance::Appliance;
use appliance::name::{GroupName, UserName};
use appliance::path::TargetPath;

use crate::Tree;

/// Somebody who asks the kernel for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub user: UserName,
    /// Every group of the process, the primary one included.
    pub groups: BTreeSet<GroupName>,
    /// True for root, whom permissions do not hold.
    pub is_root: bool,
}

impl Principal {
    /// An account of the definition, an administrator of the instance, or one of the roles `standard`,
    /// `privileged` and `admin` for people who do not exist yet; none for a name that means nobody.
    pub fn named(_appliance: &Appliance, _name: &str) -> Option<Self> {
        None
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Read a file, list a directory.
    Read,
    /// Write a file, create and delete in a directory.
    Write,
    /// Run a file, pass through a directory.
    Execute,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The path whose permissions decide: the path itself, or the directory on the way that lets nobody pass.
    pub decided_by: TargetPath,
    /// Which entry, in words.
    pub because: String,
}

/// Whether the kernel would allow it on a machine that holds exactly this tree.
pub fn can(_tree: &Tree, _principal: &Principal, _access: Access, path: &TargetPath) -> Verdict {
    Verdict {
        allowed: false,
        decided_by: path.clone(),
        because: String::new(),
    }
}
