//! Why a right comes or goes, told from the two trees and the two principals.

use std::collections::BTreeSet;
use std::fmt;

use appliance::mode::Mode;
use appliance::name::GroupName;
use appliance::path::TargetPath;

use super::paths::{Asked, stands};
use super::principals::Pair;
use crate::{Access, Node, Ownership, Principal, Tree, Verdict, can};

/// Why a right comes or goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The path is new.
    Appears,
    /// The path is gone.
    Vanishes,
    /// The account is new.
    NewAccount,
    /// The account is gone.
    LostAccount,
    /// The account is in other groups.
    Groups {
        /// Groups that it joined.
        joined: Vec<GroupName>,
        /// Groups that it left.
        left: Vec<GroupName>,
    },
    /// A directory above lets pass, or no longer does.
    Passage {
        /// The directory.
        directory: TargetPath,
        /// What changed there.
        because: Box<Cause>,
    },
    /// Owner or group.
    Owner {
        /// `owner:group` before.
        before: String,
        /// `owner:group` after.
        after: String,
    },
    /// The mode.
    Mode {
        /// Before.
        before: Mode,
        /// After.
        after: Mode,
    },
    /// Entries of the access list.
    List {
        /// Entries that went.
        gone: Vec<String>,
        /// Entries that came.
        come: Vec<String>,
    },
    /// Entries of the default list.
    DefaultList {
        /// Entries that went.
        gone: Vec<String>,
        /// Entries that came.
        come: Vec<String>,
    },
    /// Another path of the definition decides now.
    Elsewhere {
        /// Which one.
        at: TargetPath,
    },
}

impl Cause {
    /// The word for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Appears => "path-appears",
            Self::Vanishes => "path-vanishes",
            Self::NewAccount => "account-appears",
            Self::LostAccount => "account-vanishes",
            Self::Groups { .. } => "group-membership",
            Self::Passage { .. } => "passage",
            Self::Owner { .. } => "owner",
            Self::Mode { .. } => "mode",
            Self::List { .. } => "acl",
            Self::DefaultList { .. } => "default-acl",
            Self::Elsewhere { .. } => "another-path",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Appears => formatter.write_str("it is new"),
            Self::Vanishes => formatter.write_str("it leaves the definition"),
            Self::NewAccount => formatter.write_str("the account is new"),
            Self::LostAccount => formatter.write_str("the account leaves the definition"),
            Self::Groups { joined, left } => {
                let named = |verb: &str, groups: &[GroupName]| {
                    let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
                    (!names.is_empty()).then(|| format!("{verb} the group {}", names.join(", ")))
                };
                let parts: Vec<String> = named("joins", joined)
                    .into_iter()
                    .chain(named("leaves", left))
                    .collect();
                formatter.write_str(&parts.join(", "))
            }
            Self::Passage { directory, because } => {
                write!(formatter, "passage through {directory}: {because}")
            }
            Self::Owner { before, after } => write!(formatter, "owner {before} → {after}"),
            Self::Mode { before, after } => write!(formatter, "mode {before} → {after}"),
            Self::List { gone, come } => write!(formatter, "its list: {}", Entries(gone, come)),
            Self::DefaultList { gone, come } => {
                write!(formatter, "its default list: {}", Entries(gone, come))
            }
            Self::Elsewhere { at } => write!(formatter, "{at} decides otherwise"),
        }
    }
}

/// Entries that went and came, as a person reads them.
struct Entries<'a>(&'a [String], &'a [String]);

impl fmt::Display for Entries<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |mark: char, entries: &[String]| -> Vec<String> {
            entries.iter().map(|entry| format!("{mark}{entry}")).collect()
        };
        formatter.write_str(&[words('-', self.0), words('+', self.1)].concat().join(" "))
    }
}

/// A question with another answer, and all that it depends on.
pub(super) struct Moved<'a> {
    pub asked: Asked<'a>,
    pub pair: &'a Pair,
    pub before: (&'a Tree, &'a Principal, &'a Verdict),
    pub after: (&'a Tree, &'a Principal, &'a Verdict),
}

impl Moved<'_> {
    pub fn cause(&self) -> Cause {
        let path = &self.asked.subject.path;
        let ((old, old_principal, _), (new, new_principal, is)) = (self.before, self.after);
        if !stands(old, path) {
            return Cause::Appears;
        }
        if !stands(new, path) {
            return Cause::Vanishes;
        }
        // The trees alone may explain it: then it would have changed for the one who was asked before as well.
        if self.asked.of(new, old_principal).allowed == is.allowed {
            return self.in_the_tree();
        }
        match (&self.pair.before, &self.pair.after) {
            (None, _) => Cause::NewAccount,
            (_, None) => Cause::LostAccount,
            _ => {
                let without = |one: &BTreeSet<GroupName>, other: &BTreeSet<GroupName>| {
                    one.difference(other).cloned().collect()
                };
                Cause::Groups {
                    joined: without(&new_principal.groups, &old_principal.groups),
                    left: without(&old_principal.groups, &new_principal.groups),
                }
            }
        }
    }

    fn in_the_tree(&self) -> Cause {
        let subject = self.asked.subject;
        let ((old, old_principal, was), (new, _, _)) = (self.before, self.after);
        // The same principal on both sides: the side that refuses has the place that decides.
        let now = self.asked.of(new, old_principal);
        let (refusing, verdict) = if was.allowed { (new, &now) } else { (old, was) };
        let place = &verdict.decided_by;
        let enters = || can(refusing, old_principal, Access::Execute, place).allowed;
        let on_the_way = *place != subject.path || (subject.created && !enters());
        if !on_the_way {
            return at(old, new, place, subject.created);
        }
        Cause::Passage {
            directory: place.clone(),
            because: Box::new(at(old, new, place, false)),
        }
    }
}

/// What differs between what stands at a path on either side.
fn at(old: &Tree, new: &Tree, path: &TargetPath, created: bool) -> Cause {
    let node = |tree: &Tree| Stands::of(&tree.get(path)?.node);
    let (Some(before), Some(after)) = (node(old), node(new)) else {
        return Cause::Elsewhere { at: path.clone() };
    };
    let who = |ownership: &Ownership| format!("{}:{}", ownership.owner, ownership.group);
    let (was, is) = (&before.ownership, &after.ownership);
    let (gone, come) = if created {
        entries(&before.default, &after.default)
    } else {
        entries(&before.access, &after.access)
    };
    if who(was) != who(is) {
        Cause::Owner {
            before: who(was),
            after: who(is),
        }
    } else if created {
        Cause::DefaultList { gone, come }
    } else if !gone.is_empty() || !come.is_empty() {
        Cause::List { gone, come }
    } else if was.mode != is.mode {
        Cause::Mode {
            before: was.mode,
            after: is.mode,
        }
    } else {
        Cause::Elsewhere { at: path.clone() }
    }
}

/// A directory or a file with its lists as text.
struct Stands {
    ownership: Ownership,
    access: Option<String>,
    default: Option<String>,
}

impl Stands {
    fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Directory {
                ownership,
                access,
                default,
                ..
            } => Some(Self {
                ownership: ownership.clone(),
                access: access.as_ref().map(ToString::to_string),
                default: default.as_ref().map(ToString::to_string),
            }),
            Node::File { ownership, .. } => Some(Self {
                ownership: ownership.clone(),
                access: None,
                default: None,
            }),
            Node::Link { .. } | Node::Absent => None,
        }
    }
}

/// Entries of either list that the other one does not have.
fn entries(before: &Option<String>, after: &Option<String>) -> (Vec<String>, Vec<String>) {
    let words = |list: &Option<String>| -> Vec<String> {
        let text = list.as_deref().unwrap_or_default();
        text.split_ascii_whitespace().map(str::to_owned).collect()
    };
    let (before, after) = (words(before), words(after));
    let only = |one: &[String], other: &[String]| -> Vec<String> {
        one.iter()
            .filter(|entry| !other.contains(entry))
            .cloned()
            .collect()
    };
    (only(&before, &after), only(&after, &before))
}
