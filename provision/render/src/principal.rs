//! Who asks: the groups of a process, as login or systemd would set them.

use std::collections::BTreeSet;

use appliance::Appliance;
use appliance::name::{GroupName, UserName};
use appliance::unit::Service;

use crate::names;

/// Roles of people who need not exist yet, and the groups of each beside the private one. An administrator's are
/// in the definition.
const ROLES: [(&str, &[&str]); 2] = [
    ("standard", &["dataread"]),
    ("privileged", &["dataread", "data-private"]),
];

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
    /// Who a name means: `root`, `nobody`, an account of the definition, an administrator of the instance, one of
    /// the roles `standard`, `privileged` and `admin` for people who do not exist yet, or a service such as
    /// `webapp.service` with the groups that its unit adds. None for a name that means nobody.
    pub fn named(appliance: &Appliance, name: &str) -> Option<Self> {
        let mut services = appliance.units.services.iter();
        if let Some(service) = services.find(|service| service.name.as_str() == name) {
            return Some(Self::of_service(appliance, service));
        }
        let user = UserName::new(name).ok()?;
        let groups = groups_of(appliance, &user)?;
        Some(Self {
            is_root: name == "root",
            user,
            groups,
        })
    }

    /// Somebody with none of our groups.
    pub fn nobody() -> Self {
        Self {
            user: names::user("nobody"),
            groups: BTreeSet::from([names::group("nogroup")]),
            is_root: false,
        }
    }

    /// A service, with the account's groups and those of its unit.
    pub fn of_service(appliance: &Appliance, service: &Service) -> Self {
        let mut groups = groups_of(appliance, &service.user).unwrap_or_default();
        // `Group=` takes the place of the account's own group.
        groups.retain(|group| group.as_str() != service.user.as_str());
        groups.insert(service.group.clone());
        groups.extend(service.supplementary.iter().cloned());
        Self {
            user: service.user.clone(),
            groups,
            is_root: service.user.as_str() == "root",
        }
    }
}

/// The groups of an account, its private one first among them; none for an account that nobody knows.
fn groups_of(appliance: &Appliance, user: &UserName) -> Option<BTreeSet<GroupName>> {
    let name = user.as_str();
    let mut accounts = appliance.accounts.iter();
    let mut admins = appliance.instance.admins.iter();
    let more: Vec<GroupName> = if let Some(account) = accounts.find(|account| account.name == *user) {
        account.groups.clone()
    } else if name == "admin" || admins.any(|admin| admin.username == *user) {
        appliance.people.admin_groups.clone()
    } else if let Some((_, groups)) = ROLES.iter().find(|(role, _)| *role == name) {
        groups.iter().map(|group| names::group(group)).collect()
    } else if name == "nobody" {
        return Some(BTreeSet::from([names::group("nogroup")]));
    } else if name == "root" {
        Vec::new()
    } else {
        return None;
    };
    Some(GroupName::new(name).ok().into_iter().chain(more).collect())
}
