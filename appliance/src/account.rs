//! Groups and system accounts: numbers that are the same on every machine, so that a disk can move between them.

use crate::name::{GroupName, UserName};
use crate::path::TargetPath;
use crate::reader::Table;

/// A group that the definition names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Its number on a new machine. A machine that already has the group keeps its own. None: the next free one.
    pub gid: Option<u32>,
    /// What it means to be in it.
    pub because: String,
}

impl Group {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let gid = table.optional("gid");
        let because = table.required("because");
        Some(Self {
            name: name?,
            gid,
            because: because?,
        })
    }
}

/// A system account, under which one of our programs runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Account {
    /// Its name, which its private group shares.
    pub name: UserName,
    /// uid and gid on a new machine.
    pub id: u32,
    /// Its home, which need not exist.
    pub home: TargetPath,
    /// Its login shell.
    pub shell: TargetPath,
    /// Supplementary groups in `/etc/group`, exactly.
    pub groups: Vec<GroupName>,
    /// What runs under it.
    pub because: String,
    /// Debian made it; only its groups are ours.
    pub of_debian: bool,
}

impl Account {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let id = table.required("id");
        let home = table.required("home");
        let shell = table.required("shell");
        let groups = table.list("groups");
        let because = table.required("because");
        let of_debian = table.or("of_debian", false);
        Some(Self {
            name: name?,
            id: id?,
            home: home?,
            shell: shell?,
            groups,
            because: because?,
            of_debian,
        })
    }

    /// The group with the account's name and number.
    pub fn private_group(&self) -> Option<GroupName> {
        GroupName::new(self.name.as_str()).ok()
    }
}

/// What an administrator is a member of, and the numbers that people get.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct People {
    /// The first number for a person.
    pub first_id: u32,
    /// The last number for a person.
    pub last_id: u32,
    /// Their login shell.
    pub shell: TargetPath,
    /// Supplementary groups of an administrator.
    pub admin_groups: Vec<GroupName>,
}

impl People {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let first_id = table.required("first_id");
        let last_id = table.required("last_id");
        let shell = table.required("shell");
        let admin_groups = table.filled_list("admin_groups");
        Some(Self {
            first_id: first_id?,
            last_id: last_id?,
            shell: shell?,
            admin_groups,
        })
    }
}

/// Names that no person may have: Debian's, ours, those of programs that people install, and words that tools
/// take for something else.
const RESERVED: &str = "root admin administrator www-data nginx apache nobody daemon bin sys sync games man lp mail \
    news uucp proxy backup list irc gnats sshd systemd messagebus syslog deploy git postgres mysql redis mongodb \
    elasticsearch docker ubuntu debian centos data test guest user ftp http data-ops dataread data-private sudo \
    google-sudoers adm wheel staff users shadow ops operator support security audit auditd chrony _chrony _apt \
    polkitd tss uuidd ssl-cert fail2ban caddy certbot appliance provision broker webapp portal notify-bot ws-gateway \
    lost+found home tmp all any none null true false";

/// What a person's account name may not begin with.
const RESERVED_PREFIXES: [&str; 5] = ["da-", "svc-", "systemd", "google", "sa_"];

/// Why a person may not have this name; nothing when they may.
pub fn reserved(name: &UserName) -> Option<String> {
    let name = name.as_str();
    if RESERVED
        .split_ascii_whitespace()
        .any(|word| word.eq_ignore_ascii_case(name))
    {
        return Some(format!("the user name {name:?} is reserved"));
    }
    RESERVED_PREFIXES
        .iter()
        .find(|prefix| name.starts_with(**prefix))
        .map(|prefix| format!("the user name {name:?} begins with {prefix:?}, which is kept for programs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_and_prefixes_are_told() {
        for bad in ["root", "deploy", "da-x", "svc-y", "google1", "sa_1", "portal"] {
            assert!(
                reserved(&UserName::new(bad).expect("well-formed")).is_some(),
                "{bad}"
            );
        }
        assert_eq!(reserved(&UserName::new("alice").expect("well-formed")), None);
    }
}
