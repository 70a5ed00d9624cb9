//! What somebody else put on a machine and is what we would have put there: it becomes ours, so that it goes when the
//! definition drops it.

use std::collections::BTreeSet;

use appliance::Appliance;
use appliance::name::GroupName;
use appliance::path::TargetPath;
use host::Facts;
use host::facts::Kind;
use render::{Entry, Node, Tree};

use super::{Ledger, LedgerError, OwnedNode, OwnedPath, Unknown};
use crate::{Plan, Step, system_files};

/// Groups below this number are Debian's on every machine.
const FIRST_GROUP_OF_OTHERS: u32 = 100;
/// Gone with the next boot, so nobody has to remove it.
const VOLATILE: &str = "/run";

impl Ledger {
    /// The ledger of a machine with everything entered that stands there exactly as the definition has it. `of_debian`
    /// are paths that packages brought: they stay theirs.
    ///
    /// A machine that an apply once brought to its definition gets no entries: what was there before us and was only
    /// corrected cannot be told any more from what we made, and is not ours to remove.
    ///
    /// # Errors
    ///
    /// When there is a ledger and it cannot be used.
    pub fn adopting(
        appliance: &Appliance,
        tree: &Tree,
        facts: &Facts,
        plan: &Plan,
        of_debian: &BTreeSet<TargetPath>,
    ) -> Result<Self, LedgerError> {
        let mut ledger = Self::read(facts)?;
        if ledger.converged {
            return Ok(ledger);
        }
        let touched: BTreeSet<String> = plan
            .steps
            .iter()
            .map(Step::target)
            .chain(plan.refusals.iter().map(|refusal| refusal.target.clone()))
            .collect();
        let volatile = TargetPath::known(VOLATILE);
        for (path, entry) in tree.iter() {
            let passed_over = touched.contains(path.as_str())
                || of_debian.contains(path)
                || system_files::ALL.contains(&path.as_str())
                || path.is_within(&volatile);
            if passed_over || ledger.paths.contains_key(path) || !stands(path, entry, facts) {
                continue;
            }
            if let Some(node) = OwnedNode::of(&entry.node) {
                let (area, unknown) = (entry.area, Unknown::new());
                ledger
                    .paths
                    .insert(path.clone(), OwnedPath { area, node, unknown });
            }
        }
        ledger.adopt_accounts(appliance, facts, &touched);
        Ok(ledger)
    }

    fn adopt_accounts(&mut self, appliance: &Appliance, facts: &Facts, touched: &BTreeSet<String>) {
        let accounts = appliance
            .accounts
            .iter()
            .filter(|account| !account.of_debian)
            .map(|account| (&account.name, &account.groups));
        let admins = appliance
            .instance
            .admins
            .iter()
            .map(|admin| (&admin.username, &appliance.people.admin_groups));
        for (name, groups) in accounts.chain(admins) {
            let is_there = facts
                .accounts
                .passwd
                .entries()
                .any(|line| line.name == name.as_str() && line.uid != 0);
            if !is_there || touched.contains(&format!("user {name}")) {
                continue;
            }
            self.users.entry(name.clone()).or_default();
            self.adopt_group(facts, name.as_str());
            for group in groups {
                let line = facts
                    .accounts
                    .group
                    .entries()
                    .find(|line| line.name == group.as_str());
                if line.is_some_and(|line| line.members.iter().any(|member| member == name.as_str())) {
                    self.members
                        .entry(group.clone())
                        .or_default()
                        .insert(name.clone());
                }
            }
        }
        for group in &appliance.groups {
            self.adopt_group(facts, group.name.as_str());
        }
    }

    fn adopt_group(&mut self, facts: &Facts, name: &str) {
        let is_there = facts
            .accounts
            .group
            .entries()
            .any(|line| line.name == name && line.gid >= FIRST_GROUP_OF_OTHERS);
        if is_there {
            self.groups.extend(GroupName::new(name).ok());
        }
    }

    /// Everything that stands in it, as an operator reads it.
    pub fn names(&self) -> BTreeSet<String> {
        let paths = self.paths.keys().map(ToString::to_string);
        let users = self.users.keys().map(|name| format!("user {name}"));
        let groups = self.groups.iter().map(|name| format!("group {name}"));
        let members = self.members.iter().flat_map(|(group, members)| {
            members
                .iter()
                .map(move |member| format!("{member} in group {group}"))
        });
        paths.chain(users).chain(groups).chain(members).collect()
    }
}

/// Exactly what the tree has, as far as bytes and targets go; owners and modes are what steps are about.
fn stands(path: &TargetPath, entry: &Entry, facts: &Facts) -> bool {
    let Some(inode) = facts.inodes.get(path) else {
        return false;
    };
    match (&entry.node, &inode.kind) {
        (Node::File { content, .. }, Kind::File) => {
            facts.contents.get(path).map(Vec::as_slice) == Some(content.bytes())
        }
        // What is made once is left to others from then on.
        (Node::Link { target, once: false }, Kind::Link(found)) => target == found,
        (Node::Directory { .. }, Kind::Directory) => true,
        (
            Node::File { .. } | Node::Link { .. } | Node::Directory { .. } | Node::Absent,
            Kind::File | Kind::Link(_) | Kind::Directory | Kind::Other(_),
        ) => false,
    }
}
