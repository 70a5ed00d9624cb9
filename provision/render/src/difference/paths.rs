//! Every right to every path of either tree, asked on both sides.

use std::collections::BTreeSet;

use appliance::path::TargetPath;

use super::principals::Pair;
use super::{Change, Direction, Subject, cause};
use crate::{Access, Node, Principal, Tree, Verdict, can};

const RIGHTS: [Access; 3] = [Access::Read, Access::Write, Access::Execute];
/// A name that no definition gives: what a program creates.
const CREATED: &str = "*";

/// A question that is asked of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub subject: &'a Subject,
    pub right: Access,
}

impl Asked<'_> {
    /// What the tree answers; nobody may anything with what is not there.
    pub fn of(&self, tree: &Tree, principal: &Principal) -> Verdict {
        if !stands(tree, &self.subject.path) {
            return Verdict {
                allowed: false,
                decided_by: self.subject.path.clone(),
                because: "it is not there".to_owned(),
            };
        }
        let path = &self.subject.path;
        if !self.subject.created {
            return can(tree, principal, self.right, path);
        }
        let created = path.join(CREATED).unwrap_or_else(|_| path.clone());
        can(tree, principal, self.right, &created)
    }
}

/// Whether a directory or a file of the definition stands there. Links lead to what is asked for itself.
pub(super) fn stands(tree: &Tree, path: &TargetPath) -> bool {
    matches!(
        tree.get(path).map(|entry| &entry.node),
        Some(Node::Directory { .. } | Node::File { .. })
    )
}

pub(super) fn changes(before: &Tree, after: &Tree, pairs: &[Pair]) -> Vec<Change> {
    let subjects = subjects(before, after);
    let mut changes = Vec::new();
    for pair in pairs {
        let (old, new) = (known(pair.before.as_ref()), known(pair.after.as_ref()));
        for subject in &subjects {
            for right in RIGHTS {
                let asked = Asked { subject, right };
                let was = asked.of(before, &old);
                let is = asked.of(after, &new);
                if was.allowed == is.allowed {
                    continue;
                }
                let moved = cause::Moved {
                    asked,
                    pair,
                    before: (before, &old, &was),
                    after: (after, &new, &is),
                };
                changes.push(Change {
                    who: pair.name.clone(),
                    subject: subject.clone(),
                    right,
                    direction: Direction::of(is.allowed),
                    cause: moved.cause(),
                });
            }
        }
    }
    changes
}

/// Where a side does not know somebody, what everybody may is what they may.
fn known(principal: Option<&Principal>) -> Principal {
    principal.cloned().unwrap_or_else(Principal::nobody)
}

fn subjects(before: &Tree, after: &Tree) -> Vec<Subject> {
    let paths: BTreeSet<&TargetPath> = [before, after]
        .into_iter()
        .flat_map(|tree| {
            tree.iter()
                .map(|(path, _)| path)
                .filter(|path| stands(tree, path))
        })
        .collect();
    let inherits = |tree: &Tree, path: &TargetPath| {
        matches!(
            tree.get(path).map(|entry| &entry.node),
            Some(Node::Directory { default: Some(_), .. })
        )
    };
    let mut subjects = Vec::new();
    for path in paths {
        let subject = |created| Subject {
            path: path.clone(),
            created,
        };
        subjects.push(subject(false));
        if inherits(before, path) || inherits(after, path) {
            subjects.push(subject(true));
        }
    }
    subjects
}
