//! What changes for people and programs between two definitions: who may do what with which path, and who may run,
//! listen to and join what. A change of a mode in one file is a change of rights in many places; this says which.

use std::collections::BTreeSet;
use std::fmt;

use appliance::Appliance;
use appliance::path::TargetPath;

use crate::{Access, Tree};

mod cause;
mod grants;
mod lines;
mod paths;
mod principals;

pub use cause::Cause;
pub use grants::{Grant, GrantKind};
pub use lines::{Line, Whom};

/// A definition and what follows from it.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The definition with its instance.
    pub appliance: &'a Appliance,
    /// What was rendered from it.
    pub tree: &'a Tree,
}

/// Whether somebody may more than before or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// May now.
    Gained,
    /// May no longer.
    Lost,
}

impl Direction {
    const fn of(gained: bool) -> Self {
        if gained { Self::Gained } else { Self::Lost }
    }

    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gained => "gained",
            Self::Lost => "lost",
        }
    }
}

/// What a right is to: a path, or what a program creates in a directory, which takes the directory's default list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The path, or the directory.
    pub path: TargetPath,
    /// True for a file that is created in the directory.
    pub created: bool,
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.created {
            write!(formatter, "new files in {}", self.path)
        } else {
            write!(formatter, "{}", self.path)
        }
    }
}

/// One right to one thing that one principal has on one side only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who: an account, a role, or a unit with the groups that it adds.
    pub who: String,
    /// To what.
    pub subject: Subject,
    /// Which right.
    pub right: Access,
    /// Gained or lost.
    pub direction: Direction,
    /// Why.
    pub cause: Cause,
}

/// Everything that changes; the same two sides give the same lists in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Rights to paths, by principal and path.
    pub changes: Vec<Change>,
    /// Grants other than to paths.
    pub grants: Vec<(Direction, Grant)>,
    /// How many principals were asked, by which "everybody" is known.
    pub(crate) principals: usize,
}

impl Difference {
    /// True when nobody may more or less than before.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.grants.is_empty()
    }
}

/// The difference from one side to the other.
///
/// Root is not asked, since permissions do not hold it. A principal that only one side knows is compared with what
/// everybody may on the other.
pub fn difference(before: Side<'_>, after: Side<'_>) -> Difference {
    let pairs = principals::pairs(before.appliance, after.appliance);
    let unmoved = before.tree == after.tree && pairs.iter().all(principals::Pair::is_unmoved);
    let changes = if unmoved {
        Vec::new()
    } else {
        paths::changes(before.tree, after.tree, &pairs)
    };
    let (old, new) = (grants::of(before.appliance), grants::of(after.appliance));
    Difference {
        changes,
        grants: moved(&old, &new),
        principals: pairs.len(),
    }
}

fn moved(old: &BTreeSet<Grant>, new: &BTreeSet<Grant>) -> Vec<(Direction, Grant)> {
    let mut moved: Vec<(Direction, Grant)> = new
        .difference(old)
        .map(|grant| (Direction::Gained, grant.clone()))
        .chain(old.difference(new).map(|grant| (Direction::Lost, grant.clone())))
        .collect();
    moved.sort_by(|(one, left), (other, right)| left.cmp(right).then(one.cmp(other)));
    moved
}
