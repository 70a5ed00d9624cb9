//! Who is taken over: everybody whom the old system let at the data, with what the account files say about them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use appliance::Appliance;
use appliance::name::UserName;
use appliance::path::TargetPath;
use host::Facts;
use host::facts::Kind;
use host::facts::account::PasswdLine;

use crate::Warning;
use crate::registry::{Account, Registry, Role, State};

/// Numbers of people on Debian, `nobody` and dynamic users excluded.
const PEOPLE: RangeInclusive<u32> = 1000..=59_999;
/// Whoever is in one of these has an account because of the data.
const OF_THE_DATA: [&str; 2] = ["dataread", "data-ops"];
/// Whoever is in one of these administers.
const ADMINISTER: [&str; 3] = ["sudo", "google-sudoers", "data-ops"];
/// Whoever is in it reads private data.
const PRIVILEGED: &str = "data-private";
/// Members become root, or read what only root should.
const POWERFUL: [&str; 7] = ["adm", "shadow", "disk", "docker", "root", "lxd", "kmem"];
/// Shells that let nobody in.
const CLOSED_SHELLS: [&str; 4] = [
    "/usr/sbin/nologin",
    "/sbin/nologin",
    "/bin/false",
    "/usr/bin/false",
];
/// Where homes are.
pub(crate) const HOMES: &str = "/home";
/// Directories that carry the numbers of those who once had an account.
pub(crate) const NUMBERED: [&str; 2] = [HOMES, "/data/user_sessions"];
/// Names that a filesystem or the appliance itself puts below homes.
const NOBODYS: [&str; 4] = ["lost+found", plan::MARKER_NAME, ".appliance", ".removed"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The machine, as far as it tells about people.
pub(crate) struct People<'a> {
    pub appliance: &'a Appliance,
    pub facts: &'a Facts,
    pub now: SystemTime,
}

impl People<'_> {
    /// Accounts that the registry lacks, sorted by name and without their keys.
    pub fn newcomers(&self, registry: &Registry, warnings: &mut Vec<Warning>) -> Vec<Account> {
        let mut newcomers: BTreeMap<UserName, Account> = BTreeMap::new();
        let mut numbers: BTreeMap<u32, &str> = registry
            .accounts
            .iter()
            .map(|account| (account.uid, account.username.as_str()))
            .collect();
        for line in self.facts.accounts.passwd.entries() {
            let groups = self.groups(line);
            if !PEOPLE.contains(&line.uid) || !(self.is_admin(line) || is_in(&groups, &OF_THE_DATA)) {
                continue;
            }
            let mut warn = |what: String, next: &str| {
                warnings.push(Warning {
                    target: format!("user {}", line.name),
                    what,
                    next: next.to_owned(),
                });
            };
            if let Some(known) = registry.account(&line.name) {
                if known.state == State::Removed {
                    let next = "remove the account, or find out who made it again";
                    warn("was removed, as the registry says, and is there".to_owned(), next);
                } else if known.uid != line.uid {
                    let what = format!("has uid {}, and the registry says {}", line.uid, known.uid);
                    warn(what, "find out which is right before anything is changed");
                }
                continue;
            }
            let Ok(name) = UserName::new(&line.name) else {
                let next = "rename it with `usermod --login`, and run `appliance adopt` again";
                warn(
                    "has a name that no account of ours may have; it was left out".to_owned(),
                    next,
                );
                continue;
            };
            if let Some(other) = numbers.get(&line.uid).filter(|other| **other != line.name) {
                let what = format!("has the number {} of {other}; it was left out", line.uid);
                warn(
                    what,
                    "give it a number of its own, and its files too, then run `appliance adopt` again",
                );
                continue;
            }
            for group in groups.iter().filter(|group| POWERFUL.contains(&group.as_str())) {
                warn(
                    format!("is in group {group}, which gives root's rights"),
                    &format!(
                        "if nobody needs that, `gpasswd --delete {} {group}` before it is taken over",
                        line.name
                    ),
                );
            }
            numbers.insert(line.uid, &line.name);
            newcomers
                .entry(name.clone())
                .or_insert_with(|| self.account(name, line, &groups));
        }
        newcomers.into_values().collect()
    }

    fn account(&self, name: UserName, line: &PasswdLine, groups: &BTreeSet<String>) -> Account {
        let now = humantime::format_rfc3339_seconds(self.now).to_string();
        let mut account = Account::found(name, line, &now);
        account.role = self.role(line, groups);
        account.groups = self.supplementary(line);
        if self.is_locked(line) {
            account.state = State::Locked;
        }
        account
    }

    fn role(&self, line: &PasswdLine, groups: &BTreeSet<String>) -> Role {
        let is_service = self
            .appliance
            .accounts
            .iter()
            .any(|account| account.name.as_str() == line.name);
        if is_service {
            Role::Service
        } else if self.is_admin(line) || is_in(groups, &ADMINISTER) {
            Role::Admin
        } else if groups.contains(PRIVILEGED) {
            Role::Privileged
        } else {
            Role::Standard
        }
    }

    fn is_admin(&self, line: &PasswdLine) -> bool {
        let mut admins = self.appliance.instance.admins.iter();
        admins.any(|admin| admin.username.as_str() == line.name)
    }

    /// Groups by their lines, exactly.
    fn supplementary(&self, line: &PasswdLine) -> Vec<String> {
        let groups = self.facts.accounts.group.entries();
        let of_line = groups.filter(|group| group.members.contains(&line.name));
        let names: BTreeSet<String> = of_line.map(|group| group.name.clone()).collect();
        names.into_iter().collect()
    }

    /// These, and the first group: both count for the kernel.
    fn groups(&self, line: &PasswdLine) -> BTreeSet<String> {
        let groups = self.facts.accounts.group.entries();
        groups
            .filter(|group| group.gid == line.gid || group.members.contains(&line.name))
            .map(|group| group.name.clone())
            .collect()
    }

    /// Keys open an account whose password is locked; a shell that lets nobody in and a date keep everybody out.
    fn is_locked(&self, line: &PasswdLine) -> bool {
        let today = self
            .now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
            / DAY.as_secs();
        let shadow = self
            .facts
            .accounts
            .shadow
            .entries()
            .find(|shadow| shadow.name == line.name);
        // changed:min:max:warn:inactive:expire:
        let expires = shadow.and_then(|shadow| shadow.rest.split(':').nth(5)?.parse::<u64>().ok());
        CLOSED_SHELLS.contains(&line.shell.as_str()) || expires.is_some_and(|day| day <= today)
    }

    /// The highest number that is known to have been somebody's, be it that only their directories are left.
    pub fn highest(&self) -> u32 {
        let accounts = self.facts.accounts.passwd.entries().map(|line| line.uid);
        let listed = NUMBERED
            .iter()
            .filter_map(|path| self.facts.listings.get(&TargetPath::known(path)))
            .flat_map(|names| names.values().map(|inode| inode.uid));
        let people = accounts.chain(listed).filter(|uid| PEOPLE.contains(uid));
        people.max().unwrap_or_default()
    }

    /// Numbers of the definition's groups on this machine.
    pub fn group_numbers(&self) -> BTreeMap<String, u32> {
        let appliance = self.appliance;
        let groups = appliance.groups.iter().map(|group| group.name.as_str());
        let of_admins = appliance.people.admin_groups.iter().map(|group| group.as_str());
        let of_services = appliance.accounts.iter().map(|account| account.name.as_str());
        let names: BTreeSet<&str> = groups.chain(of_admins).chain(of_services).collect();
        let lines = self.facts.accounts.group.entries();
        lines
            .filter(|line| names.contains(line.name.as_str()))
            .map(|line| (line.name.clone(), line.gid))
            .collect()
    }

    /// One warning for each directory below /home that is nobody's.
    pub fn note_orphans(&self, warnings: &mut Vec<Warning>) {
        let homes = TargetPath::known(HOMES);
        for (name, inode) in self.facts.listings.get(&homes).into_iter().flatten() {
            let path = format!("{homes}/{name}");
            let mut lines = self.facts.accounts.passwd.entries();
            let is_home = lines.any(|line| line.home.trim_end_matches('/') == path);
            if inode.kind != Kind::Directory || NOBODYS.contains(&name.as_str()) || is_home {
                continue;
            }
            warnings.push(Warning {
                target: path,
                what: format!("is the home of no account; its owner is uid {}", inode.uid),
                next: "keep it until somebody says whose it was".to_owned(),
            });
        }
    }
}

fn is_in(groups: &BTreeSet<String>, names: &[&str]) -> bool {
    names.iter().any(|name| groups.contains(*name))
}
