//! Accounts and groups are those that were declared, by the definition, the instance or the registry of people.

use appliance::path::TargetPath;
use std::collections::{BTreeMap, BTreeSet};

use host::facts::account::{GroupLine, PasswdLine, PasswordState};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::registry::{self, Registry};
use crate::report::{Class, Severity};

/// Debian's numbers of people, `nobody` and dynamic users excluded.
const PEOPLE: std::ops::RangeInclusive<u32> = 1000..=59_999;
/// Groups whose members can become root, or read what only root should, beside those of the definition.
const POWERFUL: [&str; 24] = [
    "_ssh",
    "adm",
    "admin",
    "backup",
    "crontab",
    "disk",
    "docker",
    "incus",
    "incus-admin",
    "input",
    "kmem",
    "kvm",
    "libvirt",
    "lxd",
    "operator",
    "root",
    "shadow",
    "ssl-cert",
    "staff",
    "sudo",
    "systemd-journal",
    "tty",
    "utmp",
    "wheel",
];

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let passwd = &machine.facts.accounts.passwd;
    let mut findings = Findings::new(format!("{} accounts", passwd.entries().count()));
    let registry =
        Registry::parse(&machine.text(&TargetPath::known(registry::FILE))).unwrap_or_else(|error| {
            let next = "restore it from /home/.appliance/accounts.json or from a snapshot";
            findings.error(
                Class::Account,
                registry::FILE,
                format!("cannot be read: {error}"),
                next,
            );
            Registry::default()
        });
    lines(machine, &mut findings);
    let mut names = BTreeSet::new();
    for line in passwd.entries() {
        if !names.insert(line.name.as_str()) {
            let what = "stands twice in /etc/passwd";
            findings.error(
                Class::Account,
                &line.name,
                what,
                "remove one of the two with `vipw`",
            );
        }
        identity(machine, &registry, line, &mut findings);
    }
    passwords(machine, &mut findings);
    numbers(machine, &registry, &mut findings);
    members(machine, &registry, &mut findings);
    findings
}

/// Lines that nobody understands may still be accounts to the C library.
fn lines(machine: &Machine<'_>, findings: &mut Findings) {
    let accounts = &machine.facts.accounts;
    for (file, strange) in [
        ("/etc/passwd", accounts.passwd.strange()),
        ("/etc/group", accounts.group.strange()),
        ("/etc/shadow", accounts.shadow.strange()),
        ("/etc/gshadow", accounts.gshadow.strange()),
    ] {
        for number in strange {
            let what = format!("line {number} cannot be understood");
            findings.error(Class::Account, file, what, "repair it with `vipw` or `vigr`");
        }
    }
}

fn identity(machine: &Machine<'_>, registry: &Registry, line: &PasswdLine, findings: &mut Findings) {
    if line.uid == 0 && line.name != "root" {
        let what = "has number 0: it is a second root";
        findings.error(
            Class::Account,
            &line.name,
            what,
            "find out who made it, then remove it",
        );
    }
    let is_admin = machine
        .appliance
        .instance
        .admins
        .iter()
        .any(|admin| admin.username.as_str() == line.name);
    let is_service = machine
        .appliance
        .accounts
        .iter()
        .any(|account| account.name.as_str() == line.name);
    let is_registered = registry.present().any(|entry| entry.username == line.name);
    let is_retired = machine.ledger.is_retired(&line.name);
    if PEOPLE.contains(&line.uid) && !is_admin && !is_service && !is_registered && !is_retired {
        let what = format!("is a person's account (uid {}) that nobody declared", line.uid);
        let next =
            "if they belong here, name them in the instance file; else remove the account with `userdel`";
        findings.warning(Class::UnmanagedAccount, &line.name, what, next);
    }
}

fn passwords(machine: &Machine<'_>, findings: &mut Findings) {
    let accounts = &machine.facts.accounts;
    let of_accounts = accounts
        .passwd
        .entries()
        .map(|line| (&line.name, line.password.state()));
    let of_shadow = accounts
        .shadow
        .entries()
        .map(|line| (&line.name, line.password.state()));
    for (name, state) in of_accounts.chain(of_shadow) {
        match state {
            PasswordState::Empty => {
                let next =
                    format!("`passwd --lock {name}` at once, then look who logged in with `last {name}`");
                findings.error(
                    Class::Account,
                    name,
                    "has an empty password: anybody may become it",
                    next,
                );
            }
            PasswordState::Set => {
                let what = "has a password, and keys alone may open an account";
                findings.error(
                    Class::Account,
                    name,
                    what,
                    format!("`usermod --password '!*' {name}`"),
                );
            }
            PasswordState::Shadowed
            | PasswordState::LockedForever
            | PasswordState::Unusable
            | PasswordState::Locked => {}
        }
    }
}

/// The registry's numbers are on the files of people; the definition's are only those of a new machine.
fn numbers(machine: &Machine<'_>, registry: &Registry, findings: &mut Findings) {
    let accounts = &machine.facts.accounts;
    let uids: BTreeMap<&str, u32> = accounts
        .passwd
        .entries()
        .map(|line| (line.name.as_str(), line.uid))
        .collect();
    for entry in registry.present() {
        if let Some(uid) = uids.get(entry.username.as_str()).filter(|uid| **uid != entry.uid) {
            let what = format!("has uid {uid}, and the registry says {}", entry.uid);
            let next =
                "files may belong to somebody else now: find out which is right before anything is changed";
            findings.error(Class::UidMismatch, &entry.username, what, next);
        }
    }
    let differs = |what: &str, found: u32, defined: u32| {
        format!("{what} {found} where a new machine has {defined}; a machine keeps the numbers that it has")
    };
    for account in &machine.appliance.accounts {
        if let Some(uid) = uids.get(account.name.as_str()).filter(|uid| **uid != account.id) {
            findings.info(
                Class::UidMismatch,
                &account.name,
                differs("has uid", *uid, account.id),
                "",
            );
        }
    }
    for group in &machine.appliance.groups {
        let found = accounts
            .group
            .entries()
            .find(|line| line.name == group.name.as_str());
        if let (Some(line), Some(gid)) = (found, group.gid)
            && line.gid != gid
        {
            findings.info(
                Class::UidMismatch,
                &group.name,
                differs("has gid", line.gid, gid),
                "",
            );
        }
    }
}

fn is_powerful(machine: &Machine<'_>, group: &str) -> bool {
    POWERFUL.contains(&group)
        || machine
            .appliance
            .groups
            .iter()
            .any(|known| known.name.as_str() == group)
}

/// Other groups of the system: what they give is little, and nobody has asked for it.
fn is_system(line: &GroupLine) -> bool {
    line.gid < *PEOPLE.start()
}

/// Who is in a group by its line, and who has it as first group: both count for the kernel.
fn members(machine: &Machine<'_>, registry: &Registry, findings: &mut Findings) {
    let accounts = &machine.facts.accounts;
    for line in accounts
        .group
        .entries()
        .filter(|line| is_powerful(machine, &line.name) || is_system(line))
    {
        let powerful = is_powerful(machine, &line.name);
        let by_first_group = accounts
            .passwd
            .entries()
            .filter(|user| user.gid == line.gid && user.name != line.name)
            .map(|user| user.name.as_str());
        let members: BTreeSet<&str> = line
            .members
            .iter()
            .map(String::as_str)
            .chain(by_first_group)
            .collect();
        for member in members
            .into_iter()
            .filter(|member| !may_be_in(machine, registry, member, &line.name))
            .filter(|member| powerful || is_person_or_ours(machine, member))
        {
            let what = format!("is in group {}, which nobody declared", line.name);
            let next = format!(
                "find out who added it, then `gpasswd --delete {member} {}`",
                line.name
            );
            let severity = if powerful {
                Severity::Error
            } else {
                Severity::Warning
            };
            findings.add(severity, Class::GroupMembership, member, what, next);
        }
    }
}

/// Whom Debian's packages do not put into groups.
fn is_person_or_ours(machine: &Machine<'_>, member: &str) -> bool {
    let is_person = |line: &PasswdLine| line.name == member && PEOPLE.contains(&line.uid);
    let is_ours = machine
        .appliance
        .accounts
        .iter()
        .any(|account| account.name.as_str() == member);
    is_ours || machine.facts.accounts.passwd.entries().any(is_person)
}

fn may_be_in(machine: &Machine<'_>, registry: &Registry, member: &str, group: &str) -> bool {
    let appliance = machine.appliance;
    let as_admin = appliance
        .instance
        .admins
        .iter()
        .any(|admin| admin.username.as_str() == member)
        && appliance
            .people
            .admin_groups
            .iter()
            .any(|name| name.as_str() == group);
    let as_service = appliance.accounts.iter().any(|account| {
        account.name.as_str() == member && account.groups.iter().any(|name| name.as_str() == group)
    });
    let as_registered = registry
        .present()
        .any(|entry| entry.username == member && entry.groups.iter().any(|name| name == group));
    as_admin || as_service || as_registered || (member == "root" && group == "root")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use host::{Host, Question};

    use super::*;
    use crate::fixture;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nalice:x:3000:3000::/home/alice:/bin/bash\n";
    const GROUP: &str = "root:x:0:\nsudo:x:27:alice\ndata-ops:x:880:alice\nstaff:x:50:\n";
    const SHADOW: &str = "root:*:1::::::\nalice:!*:1::::::\n";

    /// The findings for these lines more in the account files.
    #[expect(
        clippy::disallowed_methods,
        reason = "nobody reads these files while they are written"
    )]
    fn brief(passwd: &str, group: &str, shadow: &str, registry: &str) -> Vec<String> {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join("etc")).expect("made");
        for (file, text) in [
            ("passwd", format!("{PASSWD}{passwd}")),
            ("group", format!("{GROUP}{group}")),
            ("shadow", format!("{SHADOW}{shadow}")),
        ] {
            fs::write(root.path().join("etc").join(file), text).expect("written");
        }
        let host = Host::offline(root.path()).expect("a tree");
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.facts.accounts = host::gather(&host, &Question::default()).expect("facts").accounts;
        let file = TargetPath::known(registry::FILE);
        machine.facts.contents.insert(file, registry.as_bytes().to_vec());
        check(&machine).brief()
    }

    #[test]
    fn each_stranger_is_named_and_nobody_else() {
        let bob = "bob:x:3001:3001::/home/bob:/bin/bash\n";
        let registered = r#"{"accounts": [{"username": "bob", "uid": 3001, "groups": ["data-private"], "state": "active"}]}"#;
        for (passwd, group, shadow, registry, expected) in [
            ("", "", "", "", &[][..]),
            (bob, "", "", registered, &[]),
            (bob, "data-private:x:882:bob\n", "", registered, &[]),
            (bob, "", "", "", &["warning unmanaged-account bob"]),
            (
                bob,
                "disk:x:6:bob\n",
                "",
                registered,
                &["error group-membership bob"],
            ),
            (
                bob,
                "data-ops:x:880:bob\n",
                "",
                registered,
                &["error group-membership bob"],
            ),
            (
                "bob:x:3001:27::/home/bob:/bin/sh\n",
                "",
                "",
                registered,
                &["error group-membership bob"],
            ),
            (
                "bob:x:3002:3002::/home/bob:/bin/sh\n",
                "",
                "",
                registered,
                &["error uid-mismatch bob"],
            ),
            (
                "toor:x:0:0::/root:/bin/sh\n",
                "",
                "",
                "",
                &["error account toor", "error group-membership toor"],
            ),
            (
                "robot:x:500:500::/:/bin/sh\n",
                "",
                "robot::1::::::\n",
                "",
                &["error account robot"],
            ),
            (
                "robot::500:500::/:/bin/sh\n",
                "",
                "",
                "",
                &["error account robot"],
            ),
            (
                "robot:x:500:500::/:/bin/sh\n",
                "",
                "robot:$y$j9T$abcdefgh:1::::::\n",
                "",
                &["error account robot"],
            ),
            (
                "deploy:x:2014:2014::/home/deploy:/bin/sh\n",
                "",
                "",
                "",
                &["info uid-mismatch deploy"],
            ),
            (
                "alice:x:3009:3009::/:/bin/sh\n",
                "",
                "",
                "",
                &["error account alice"],
            ),
            ("not a line\n", "", "", "", &["error account /etc/passwd"]),
            ("", "", "", "{", &["error account /data/.appliance/accounts.json"]),
        ] {
            assert_eq!(
                brief(passwd, group, shadow, registry),
                expected,
                "{passwd}{group}{shadow}{registry}"
            );
        }
    }
}
