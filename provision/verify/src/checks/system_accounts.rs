//! Accounts and groups of Debian are as Debian made them, no number stands twice, and nobody may let others into a
//! group.

use std::collections::BTreeMap;

use appliance::path::TargetPath;
use host::facts::account::{PasswdLine, PasswordState};
use host::{Host, HostError, read};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::registry::{self, Registry};
use crate::report::Class;

/// The accounts that every Debian has, as its package lists them.
const MASTER: &str = "/usr/share/base-passwd/passwd.master";
/// Numbers below are the system's.
const FIRST_PERSON: u32 = 1000;
const NOBODY: u32 = 65_534;
/// Accounts that packages of a machine of ours make, beside those whose name says it.
const OF_PACKAGES: [&str; 16] = [
    "avahi",
    "chrony",
    "dnsmasq",
    "landscape",
    "messagebus",
    "ntp",
    "ntpsec",
    "polkitd",
    "postfix",
    "rtkit",
    "sshd",
    "statd",
    "syslog",
    "tcpdump",
    "tss",
    "uuidd",
];
const PREFIXES: [&str; 5] = ["_", "systemd-", "Debian-", "debian-", "google-"];
/// Shells that let nobody do anything.
const NO_SHELLS: [&str; 5] = [
    "/usr/sbin/nologin",
    "/sbin/nologin",
    "/bin/false",
    "/usr/bin/false",
    "/bin/sync",
];

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new("accounts of Debian, numbers, administrators and passwords of groups");
    let master = read::file(host, &TargetPath::known(MASTER))?.unwrap_or_default();
    let master = String::from_utf8_lossy(&master);
    let master = master_lines(&master);
    for line in machine.facts.accounts.passwd.entries() {
        of_debian(machine, &master, line, &mut findings);
    }
    numbers(machine, &mut findings);
    groups(machine, &mut findings);
    homes(machine, &mut findings);
    Ok(findings)
}

/// Name to number, home and shell.
fn master_lines(text: &str) -> BTreeMap<&str, (u32, &str, &str)> {
    text.lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [name, _, uid, _, _, home, shell] => Some((*name, (uid.parse().ok()?, *home, *shell))),
                _ => None,
            }
        })
        .collect()
}

fn of_debian(
    machine: &Machine<'_>,
    master: &BTreeMap<&str, (u32, &str, &str)>,
    line: &PasswdLine,
    findings: &mut Findings,
) {
    let name = line.name.as_str();
    let declared = machine
        .appliance
        .accounts
        .iter()
        .any(|account| account.name.as_str() == name);
    // A second root is told by `accounts`.
    if declared || (line.uid >= FIRST_PERSON && line.uid != NOBODY) || (line.uid == 0 && name != "root") {
        return;
    }
    if let Some((uid, home, shell)) = master.get(name) {
        for (what, found, wanted, option) in [
            ("number", line.uid.to_string(), uid.to_string(), "uid"),
            ("home", line.home.clone(), (*home).to_owned(), "home"),
            ("shell", line.shell.clone(), (*shell).to_owned(), "shell"),
        ] {
            if found != wanted {
                let what = format!("has the {what} {found:?}, and Debian's has {wanted:?}");
                let next = format!("`usermod --{option} {wanted} {name}`, then find out who changed it");
                findings.error(Class::Account, name, what, next);
            }
        }
        return;
    }
    let known = OF_PACKAGES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if !NO_SHELLS.contains(&line.shell.as_str()) {
        let what = format!(
            "is an account of the system (uid {}) with the shell {:?}",
            line.uid, line.shell
        );
        let next = format!(
            "find out who made it, then `usermod --shell /usr/sbin/nologin {name}` or `userdel {name}`"
        );
        findings.error(Class::Account, name, what, next);
    } else if !known {
        let what = format!(
            "is an account of the system (uid {}) that nobody declared",
            line.uid
        );
        let next = format!("find out which program made it; `userdel {name}` if none did");
        findings.warning(Class::UnmanagedAccount, name, what, next);
    }
}

/// Two names with one number are one account.
fn numbers(machine: &Machine<'_>, findings: &mut Findings) {
    let accounts = &machine.facts.accounts;
    let mut users: BTreeMap<u32, &str> = BTreeMap::new();
    for line in accounts.passwd.entries().filter(|line| line.uid != 0) {
        if let Some(first) = users
            .insert(line.uid, &line.name)
            .filter(|first| *first != line.name)
        {
            let what = format!("has number {}, which is {first}'s", line.uid);
            let next = format!("find out who made it, then `userdel {}`", line.name);
            findings.error(Class::Account, &line.name, what, next);
        }
    }
    let mut groups: BTreeMap<u32, &str> = BTreeMap::new();
    for line in accounts.group.entries() {
        if let Some(first) = groups.insert(line.gid, &line.name) {
            let what = format!("is a group with number {}, which is {first}'s", line.gid);
            let next = format!("find out who made it, then `groupdel {}`", line.name);
            findings.error(Class::GroupMembership, &line.name, what, next);
        }
    }
}

fn groups(machine: &Machine<'_>, findings: &mut Findings) {
    let accounts = &machine.facts.accounts;
    for line in accounts.gshadow.entries() {
        if !line.administrators.is_empty() {
            let who = line.administrators.join(", ");
            let what = format!("is a group into which {who} may let others");
            findings.error(
                Class::GroupMembership,
                &line.name,
                what,
                format!("`gpasswd --administrators '' {}`", line.name),
            );
        }
        if line.password.state() == PasswordState::Set {
            password(&line.name, findings);
        }
        let members = accounts
            .group
            .entries()
            .find(|group| group.name == line.name)
            .map(|group| &group.members);
        // Programs of the shadow tools that read this file only count them as members.
        for member in &line.members {
            if !line.members.is_empty() && members.is_some_and(|members| !members.contains(member)) {
                let what = format!("is in group {} in /etc/gshadow alone", line.name);
                let next = format!("`gpasswd --delete {member} {}`", line.name);
                findings.error(Class::GroupMembership, member, what, next);
            }
        }
    }
    for line in accounts.group.entries() {
        if line.password.state() == PasswordState::Set {
            password(&line.name, findings);
        }
    }
}

fn password(group: &str, findings: &mut Findings) {
    let what = "is a group with a password, by which others may enter it";
    findings.error(
        Class::GroupMembership,
        group,
        what,
        format!("`gpasswd --remove-password {group}`"),
    );
}

/// A registered person lives where their home is restored to.
fn homes(machine: &Machine<'_>, findings: &mut Findings) {
    let registry = Registry::parse(&machine.text(&TargetPath::known(registry::FILE))).unwrap_or_default();
    for entry in registry.present() {
        let home = format!("/home/{}", entry.username);
        let line = machine
            .facts
            .accounts
            .passwd
            .entries()
            .find(|line| line.name == entry.username);
        match line {
            Some(line) if line.home != home => {
                let what = format!("lives in {:?}, should in {home:?}", line.home);
                findings.error(
                    Class::Account,
                    &entry.username,
                    what,
                    format!("`usermod --home {home} {}`", entry.username),
                );
            }
            Some(_) => {}
            None => {
                let what = "is registered and has no account";
                findings.error(
                    Class::Account,
                    &entry.username,
                    what,
                    "`appliance recover` brings accounts back from the registry",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use host::Question;

    use super::*;
    use crate::fixture;

    #[expect(
        clippy::disallowed_methods,
        reason = "nobody reads these files while they are written"
    )]
    fn brief(passwd: &str, group: &str, gshadow: &str) -> Vec<String> {
        let root = tempfile::tempdir().expect("a directory");
        for directory in ["etc", "usr/share/base-passwd"] {
            fs::create_dir_all(root.path().join(directory)).expect("made");
        }
        let always = "root:x:0:0:root:/root:/bin/bash\ngames:x:5:60:games:/usr/games:/usr/sbin/nologin\n";
        for (file, text) in [
            ("etc/passwd", format!("{always}{passwd}")),
            ("etc/group", format!("root:x:0:\nsudo:x:27:alice\n{group}")),
            ("etc/gshadow", format!("root:*::\nsudo:*::alice\n{gshadow}")),
            (
                "usr/share/base-passwd/passwd.master",
                format!("{always}man:*:6:12:man:/var/cache/man:/usr/sbin/nologin\n"),
            ),
        ] {
            fs::write(root.path().join(file), text).expect("written");
        }
        let host = Host::offline(root.path()).expect("a tree");
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.facts.accounts = host::gather(&host, &Question::default()).expect("facts").accounts;
        check(&machine, &host).expect("checked").brief()
    }

    #[test]
    fn what_differs_from_debian_is_named() {
        for (passwd, group, gshadow, expected) in [
            ("", "", "", &[][..]),
            (
                "_x:x:101:101::/:/usr/sbin/nologin\nsshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n",
                "",
                "",
                &[],
            ),
            (
                "robot:x:103:103::/:/usr/sbin/nologin\n",
                "",
                "",
                &["warning unmanaged-account robot"],
            ),
            (
                "sshd:x:102:65534::/run/sshd:/bin/bash\n",
                "",
                "",
                &["error account sshd"],
            ),
            (
                "man:x:6:12:man:/tmp:/bin/sh\n",
                "",
                "",
                &["error account man", "error account man"],
            ),
            (
                "deploy2:x:5:60::/home/x:/usr/sbin/nologin\n",
                "",
                "",
                &["error account deploy2", "warning unmanaged-account deploy2"],
            ),
            ("bob:x:3001:3001::/home/bob:/bin/bash\n", "", "", &[]),
            ("", "wheel:x:27:bob\n", "", &["error group-membership wheel"]),
            ("", "", "adm:*:bob:\n", &["error group-membership adm"]),
            ("", "", "adm:$y$j9T$abcdefgh::\n", &["error group-membership adm"]),
            ("", "adm:x:4:\n", "adm:*::bob\n", &["error group-membership bob"]),
        ] {
            assert_eq!(
                brief(passwd, group, gshadow),
                expected,
                "{passwd}{group}{gshadow}"
            );
        }
    }
}
