//! Whose rights are compared.

use std::collections::BTreeSet;

use appliance::Appliance;

use crate::Principal;

/// Roles and accounts that every definition has, in the order in which people ask for them.
const ALWAYS: [&str; 4] = ["standard", "privileged", "admin", "nobody"];

/// A principal as each side knows it.
pub(super) struct Pair {
    pub name: String,
    pub before: Option<Principal>,
    pub after: Option<Principal>,
}

impl Pair {
    pub fn is_unmoved(&self) -> bool {
        self.before == self.after
    }
}

/// Everybody whom either side knows, but root.
pub(super) fn pairs(before: &Appliance, after: &Appliance) -> Vec<Pair> {
    let named = |appliance: &Appliance, name: &str| Principal::named(appliance, name);
    let mut names: Vec<String> = ALWAYS.map(str::to_owned).to_vec();
    let more: BTreeSet<String> = [before, after].into_iter().flat_map(others).collect();
    names.extend(more);
    names
        .into_iter()
        .map(|name| Pair {
            before: named(before, &name),
            after: named(after, &name),
            name,
        })
        .filter(|pair| {
            ![&pair.before, &pair.after]
                .into_iter()
                .flatten()
                .any(|who| who.is_root)
        })
        .collect()
}

fn others(appliance: &Appliance) -> Vec<String> {
    let accounts = appliance.accounts.iter().map(|account| account.name.to_string());
    let admins = appliance.instance.admins.iter();
    let admins = admins.map(|admin| admin.username.to_string());
    // A unit whose groups are its account's own says nothing new.
    let services = appliance.units.services.iter().filter(|service| {
        let account = Principal::named(appliance, service.user.as_str());
        account.is_none_or(|account| account.groups != Principal::of_service(appliance, service).groups)
    });
    let services = services.map(|service| service.name.to_string());
    accounts
        .chain(admins)
        .chain(services)
        .filter(|name| !ALWAYS.contains(&name.as_str()))
        .collect()
}
