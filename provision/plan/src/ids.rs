//! From names to numbers: those that the machine has, else those that the definition gives.

use std::collections::BTreeMap;

use appliance::Appliance;
use appliance::name::{GroupName, UserName};
use host::Facts;

/// The numbers of every account and group that the definition names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

/// System groups without a number of their own are allocated downwards from here, as `groupadd --system` does.
const LAST_SYSTEM_ID: u32 = 999;

impl Ids {
    /// What the machine has wins: a disk's files carry its numbers.
    pub fn new(appliance: &Appliance, facts: &Facts) -> Self {
        let mut ids = Self::default();
        for line in facts.accounts.group.entries() {
            ids.groups.entry(line.name.clone()).or_insert(line.gid);
        }
        for line in facts.accounts.passwd.entries() {
            ids.users.entry(line.name.clone()).or_insert(line.uid);
        }
        for group in &appliance.groups {
            if let Some(gid) = group.gid {
                ids.groups.entry(group.name.to_string()).or_insert(gid);
            }
        }
        for account in &appliance.accounts {
            ids.groups.entry(account.name.to_string()).or_insert(account.id);
            ids.users.entry(account.name.to_string()).or_insert(account.id);
        }
        for group in &appliance.groups {
            if !ids.groups.contains_key(group.name.as_str()) {
                let free = (1..=LAST_SYSTEM_ID)
                    .rev()
                    .find(|id| !ids.groups.values().any(|taken| taken == id));
                ids.groups
                    .insert(group.name.to_string(), free.unwrap_or(LAST_SYSTEM_ID));
            }
        }
        let mut next = ids.next_person(appliance);
        for admin in &appliance.instance.admins {
            let name = admin.username.as_str();
            let uid = *ids.users.entry(name.to_owned()).or_insert_with(|| {
                next += 1;
                next - 1
            });
            ids.groups.entry(name.to_owned()).or_insert(uid);
        }
        ids
    }

    /// One more than any person has had on this machine, so that nobody inherits another's files.
    fn next_person(&self, appliance: &Appliance) -> u32 {
        let people = appliance.people.first_id..=appliance.people.last_id;
        let taken = self
            .users
            .values()
            .chain(self.groups.values())
            .filter(|id| people.contains(id))
            .max();
        taken.map_or(appliance.people.first_id, |last| last + 1)
    }

    /// A user's number. The definition's check made sure that the name is one of its accounts or root's.
    pub fn user(&self, name: &UserName) -> u32 {
        self.users.get(name.as_str()).copied().unwrap_or(0)
    }

    /// A group's number.
    pub fn group(&self, name: &GroupName) -> u32 {
        self.groups.get(name.as_str()).copied().unwrap_or(0)
    }

    /// The numbers of the users, for rendering.
    pub fn users(&self) -> &BTreeMap<String, u32> {
        &self.users
    }

    /// The name of a user's number, or the number.
    pub fn user_name(&self, uid: u32) -> String {
        name_of(&self.users, uid)
    }

    /// The name of a group's number, or the number.
    pub fn group_name(&self, gid: u32) -> String {
        name_of(&self.groups, gid)
    }
}

fn name_of(names: &BTreeMap<String, u32>, id: u32) -> String {
    names
        .iter()
        .find(|(_, number)| **number == id)
        .map_or_else(|| id.to_string(), |(name, _)| name.clone())
}
