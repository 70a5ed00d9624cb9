//! Who may do what with a path, answered from the tree alone: the kernel's rules for modes and access control
//! lists. Sandboxes, mount options and capabilities of services only take away from what is said here.

use appliance::acl::{Acl, Permissions};
use appliance::layout::NamedAcl;
use appliance::path::TargetPath;

use crate::principal::Principal;
use crate::{Node, Ownership, Tree, homes};

mod link;

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

impl Access {
    /// The word for people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
        }
    }

    const fn permission(self) -> Permissions {
        match self {
            Self::Read => Permissions::READ,
            Self::Write => Permissions::WRITE,
            Self::Execute => Permissions::EXECUTE,
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The path whose permissions decide: the path itself, the directory on the way through which nobody passes, or
    /// the nearest directory that the tree knows.
    pub decided_by: TargetPath,
    /// Which entry, in words.
    pub because: String,
}

/// Whether the kernel would allow it on a machine that holds exactly this tree.
///
/// Links of the tree are followed. A path that the tree does not hold is judged as a file that was just created
/// below the nearest directory that it does hold, and where there is no such directory as one of Debian's own.
pub fn can(tree: &Tree, principal: &Principal, access: Access, path: &TargetPath) -> Verdict {
    let way = match link::follow(tree, path) {
        Ok(way) => way,
        Err(because) => {
            return Verdict {
                allowed: false,
                decided_by: path.clone(),
                because,
            };
        }
    };
    for directory in &way.passes {
        let verdict = judge(&Object::directory(tree, directory), principal, Access::Execute);
        if !verdict.allowed {
            let because = format!("no passage through {directory}: {}", verdict.because);
            return Verdict { because, ..verdict };
        }
    }
    if matches!(tree.get(&way.end).map(|entry| &entry.node), Some(Node::Absent)) {
        return Verdict {
            allowed: false,
            decided_by: way.end,
            because: "it must not be there".to_owned(),
        };
    }
    judge(&Object::file(tree, &way.end), principal, access)
}

/// Whether the tree says anything about a path: it holds it, or a directory above it, or it lies in a home.
pub fn describes(tree: &Tree, path: &TargetPath) -> bool {
    let holds = |path: &TargetPath| {
        tree.get(path)
            .is_some_and(|entry| !matches!(entry.node, Node::Link { .. }))
    };
    let followed = link::follow(tree, path).map_or_else(|_| path.clone(), |way| way.end);
    holds(&followed) || homes::holding(&followed).is_some() || followed.ancestors().iter().any(holds)
}

/// Something with an owner and a list, known or supposed.
struct Object {
    ownership: Ownership,
    acl: NamedAcl,
    is_directory: bool,
    /// The path that it was read from, and what was supposed.
    source: TargetPath,
    supposed: Option<String>,
}

impl Object {
    /// What the kernel wants for it: who creates or deletes a name in a directory also enters it, and one entry must
    /// allow both.
    fn permission(&self, access: Access) -> Permissions {
        let wanted = access.permission();
        if self.is_directory && access == Access::Write {
            wanted.or(Permissions::EXECUTE)
        } else {
            wanted
        }
    }

    fn directory(tree: &Tree, path: &TargetPath) -> Self {
        Self::at(tree, path, true)
    }

    fn file(tree: &Tree, path: &TargetPath) -> Self {
        Self::at(tree, path, false)
    }

    fn at(tree: &Tree, path: &TargetPath, is_directory: bool) -> Self {
        match tree.get(path).map(|entry| &entry.node) {
            Some(Node::Directory {
                ownership, access, ..
            }) => Self {
                ownership: ownership.clone(),
                acl: access.clone().unwrap_or_else(|| of_mode(ownership)),
                is_directory: true,
                source: path.clone(),
                supposed: None,
            },
            Some(Node::File { ownership, .. }) => Self {
                ownership: ownership.clone(),
                acl: of_mode(ownership),
                is_directory: false,
                source: path.clone(),
                supposed: None,
            },
            Some(Node::Link { .. } | Node::Absent) | None => Self::supposed(tree, path, is_directory),
        }
    }

    /// What is created below a directory of ours takes its default list, else its owner and mode.
    fn supposed(tree: &Tree, path: &TargetPath, is_directory: bool) -> Self {
        let kind = if is_directory { "directory" } else { "file" };
        let known = path.ancestors().into_iter().rev().find_map(|above| {
            let Node::Directory {
                ownership, default, ..
            } = &tree.get(&above)?.node
            else {
                return None;
            };
            Some((above, ownership, default))
        });
        if let Some((home, ownership)) = homes::holding(path)
            && known.as_ref().is_none_or(|(above, ..)| !above.is_within(&home))
        {
            return Self::in_home(path, home, ownership, is_directory);
        }
        let Some((above, ownership, default)) = known else {
            return Self::of_debian(path, is_directory);
        };
        let inherits = if default.is_some() {
            "its default list"
        } else {
            "its mode"
        };
        let mut acl = default.clone().unwrap_or_else(|| of_mode(ownership));
        if !is_directory {
            without_execution(&mut acl);
        }
        Self {
            ownership: ownership.clone(),
            acl,
            is_directory,
            supposed: Some(format!("taken as a {kind} created in {above}, with {inherits}")),
            source: above,
        }
    }

    /// People are no part of the definition, but how their homes are made is.
    fn in_home(path: &TargetPath, home: TargetPath, ownership: Ownership, is_directory: bool) -> Self {
        let is_directory = is_directory || *path == home;
        let mut acl = of_mode(&ownership);
        if !is_directory {
            without_execution(&mut acl);
        }
        let mode = ownership.mode;
        Self {
            acl,
            is_directory,
            supposed: Some(format!("{home} taken as a home with mode {mode}")),
            source: home,
            ownership,
        }
    }

    fn of_debian(path: &TargetPath, is_directory: bool) -> Self {
        let mode = if is_directory { 0o755 } else { 0o644 };
        let ownership = crate::draft::root_owned(mode);
        Self {
            acl: of_mode(&ownership),
            ownership,
            is_directory,
            source: path.clone(),
            supposed: Some(format!("not of ours: taken as root:root {mode:04o}")),
        }
    }
}

fn of_mode(ownership: &Ownership) -> NamedAcl {
    Acl::from_mode(ownership.mode.bits())
}

/// A file is created with 0666, which the mask, or the group where there is none, and the other two bound.
fn without_execution(acl: &mut NamedAcl) {
    let bound = Permissions::READ.or(Permissions::WRITE);
    acl.owner = acl.owner.and(bound);
    acl.other = acl.other.and(bound);
    match &mut acl.mask {
        Some(mask) => *mask = mask.and(bound),
        None => acl.group = acl.group.and(bound),
    }
}

fn judge(object: &Object, principal: &Principal, access: Access) -> Verdict {
    let (allowed, reason) = if principal.is_root {
        judge_root(object, access)
    } else {
        judge_entries(object, principal, object.permission(access))
    };
    let because = match &object.supposed {
        Some(supposed) => format!("{reason} ({supposed})"),
        None => reason,
    };
    Verdict {
        allowed,
        decided_by: object.source.clone(),
        because,
    }
}

fn judge_root(object: &Object, access: Access) -> (bool, String) {
    let acl = &object.acl;
    let any = [acl.owner, acl.mask.unwrap_or(acl.group), acl.other]
        .into_iter()
        .any(|bits| bits.allows(Permissions::EXECUTE));
    match access {
        Access::Execute if !object.is_directory && !any => {
            (false, "root may not run what nobody may run".to_owned())
        }
        Access::Read | Access::Write | Access::Execute => (true, "root may".to_owned()),
    }
}

/// posix_acl_permission() of the kernel: the owner's entry, a named user's, then all groups together, then other.
fn judge_entries(object: &Object, principal: &Principal, wanted: Permissions) -> (bool, String) {
    let (acl, ownership) = (&object.acl, &object.ownership);
    let mask = acl.mask.unwrap_or(Permissions::ALL);
    let answer = |who: String, bits: Permissions| (bits.allows(wanted), format!("{who} has {bits}"));
    if principal.user == ownership.owner {
        return answer(format!("the owner {}", ownership.owner), acl.owner);
    }
    // The kernel asks the list only where the mode's group bits, which are the mask, allow anything at all. Under an
    // empty mask those whom an entry names are everybody else.
    let closed = mask == Permissions::NONE;
    if let Some(bits) = acl.users.get(&principal.user).filter(|_| !closed) {
        return answer(format!("the user {}", principal.user), bits.and(mask));
    }
    let owning = principal
        .groups
        .contains(&ownership.group)
        .then_some((&ownership.group, acl.group));
    let named = acl.groups.iter().map(|(group, bits)| (group, *bits));
    let named = named.filter(|(group, _)| !closed && principal.groups.contains(*group));
    let matching: Vec<_> = owning
        .into_iter()
        .chain(named)
        .map(|(group, bits)| (group, bits.and(mask)))
        .collect();
    let grants = matching.iter().find(|(_, bits)| bits.allows(wanted));
    match grants.or(matching.first()) {
        // A group that matches without granting keeps `other` from being asked.
        Some((group, bits)) => answer(format!("the group {group}"), *bits),
        None => answer("everybody else".to_owned(), acl.other),
    }
}
