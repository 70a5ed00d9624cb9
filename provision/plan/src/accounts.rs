//! Groups, system accounts and administrators.
//!
//! Only the accounts that the definition names are changed. Others in one of its groups are people whom somebody
//! added; `verify` names them and they stay.

use std::collections::BTreeSet;

use appliance::Appliance;
use appliance::path::TargetPath;
use host::Facts;
use host::facts::account::PasswordState;
use render::Area;

use crate::step::{AccountChange, Action, Change, Drift, RefusalKind};
use crate::{Ids, Planner, retirement};

/// An account as it should be.
struct Wanted<'a> {
    name: &'a str,
    home: &'a TargetPath,
    shell: &'a TargetPath,
    groups: Vec<&'a str>,
    because: &'a str,
    of_debian: bool,
}

pub(crate) fn plan(planner: &mut Planner<'_>) {
    let (appliance, facts) = (planner.appliance, planner.facts);
    for group in &appliance.groups {
        add_group(planner, group.name.as_str(), &group.because);
    }
    let homes: Vec<TargetPath> = appliance
        .instance
        .admins
        .iter()
        .filter_map(|admin| TargetPath::new(&format!("/home/{}", admin.username)).ok())
        .collect();
    for account in wanted(appliance, &homes) {
        add_group(planner, account.name, account.because);
        plan_user(planner, facts, &account);
    }
    plan_members(planner, &homes);
    let accounts = wanted(appliance, &homes);
    let names: BTreeSet<&str> = accounts.iter().map(|account| account.name).collect();
    retirement::plan(planner, &names, &settled_groups(appliance).collect());
    for (file, lines) in [
        ("/etc/passwd", facts.accounts.passwd.strange()),
        ("/etc/group", facts.accounts.group.strange()),
        ("/etc/shadow", facts.accounts.shadow.strange()),
    ] {
        for line in lines {
            planner.notice(
                Area::Accounts,
                file,
                format!("line {line} cannot be understood; it was left as it is"),
            );
        }
    }
}

fn wanted<'a>(appliance: &'a Appliance, homes: &'a [TargetPath]) -> Vec<Wanted<'a>> {
    let system = appliance.accounts.iter().map(|account| Wanted {
        name: account.name.as_str(),
        home: &account.home,
        shell: &account.shell,
        groups: account.groups.iter().map(|group| group.as_str()).collect(),
        because: &account.because,
        of_debian: account.of_debian,
    });
    let admins = appliance
        .instance
        .admins
        .iter()
        .zip(homes)
        .map(|(admin, home)| Wanted {
            name: admin.username.as_str(),
            home,
            shell: &appliance.people.shell,
            groups: appliance
                .people
                .admin_groups
                .iter()
                .map(|group| group.as_str())
                .collect(),
            because: "an administrator of this instance",
            of_debian: false,
        });
    system.chain(admins).collect()
}

fn add_group(planner: &mut Planner<'_>, name: &str, because: &str) {
    let groups = || planner.facts.accounts.group.entries();
    if groups().any(|line| line.name == name) {
        return;
    }
    let gid = planner.ids.group_number(name);
    if let Some(other) = groups().find(|line| line.gid == gid) {
        let reason = format!("its number {gid} belongs to the group {}", other.name);
        let next = format!("give {} another number with groupmod, or remove it", other.name);
        planner.refuse(
            RefusalKind::Safety,
            Area::Accounts,
            format!("group {name}"),
            reason,
            next,
        );
        return;
    }
    let change = Change::Account(AccountChange::AddGroup {
        name: name.to_owned(),
        gid,
    });
    planner.step(
        Area::Accounts,
        change,
        Action::Create,
        Drift::Account,
        because,
        "",
        &format!("gid {gid}"),
    );
}

fn plan_user(planner: &mut Planner<'_>, facts: &Facts, account: &Wanted<'_>) {
    let name = account.name;
    let Some(line) = facts.accounts.passwd.entries().find(|line| line.name == name) else {
        let uid = planner.ids.user_number(name);
        let gid = planner.ids.group_number(name);
        if let Some(other) = facts.accounts.passwd.entries().find(|line| line.uid == uid) {
            let reason = format!("its number {uid} belongs to the user {}", other.name);
            let next = format!("give {} another number with usermod, or remove it", other.name);
            planner.refuse(
                RefusalKind::Safety,
                Area::Accounts,
                format!("user {name}"),
                reason,
                next,
            );
            return;
        }
        let change = Change::Account(AccountChange::AddUser {
            name: name.to_owned(),
            uid,
            gid,
            home: account.home.clone(),
            shell: account.shell.clone(),
        });
        let after = format!("uid {uid}, home {}, shell {}", account.home, account.shell);
        planner.step(
            Area::Accounts,
            change,
            Action::Create,
            Drift::Account,
            account.because,
            "",
            &after,
        );
        return;
    };
    if account.of_debian {
        return;
    }
    if line.home != account.home.as_str() || line.shell != account.shell.as_str() {
        let change = Change::Account(AccountChange::SetUser {
            name: name.to_owned(),
            home: account.home.clone(),
            shell: account.shell.clone(),
        });
        let before = format!("home {}, shell {}", line.home, line.shell);
        let after = format!("home {}, shell {}", account.home, account.shell);
        planner.step(
            Area::Accounts,
            change,
            Action::Update,
            Drift::Account,
            account.because,
            &before,
            &after,
        );
    }
    let opens = |state| matches!(state, PasswordState::Empty | PasswordState::Set);
    let shadow = facts.accounts.shadow.entries().find(|line| line.name == name);
    let retired = shadow.is_some_and(retirement::is_expired);
    if retired || opens(line.password.state()) || shadow.is_none_or(|shadow| opens(shadow.password.state())) {
        let change = Change::Account(AccountChange::LockPassword {
            name: name.to_owned(),
        });
        planner.step(
            Area::Accounts,
            change,
            Action::Update,
            Drift::Account,
            "people log in with keys, services not at all",
            if retired {
                "closed"
            } else {
                "a password may open it"
            },
            "locked",
        );
    }
}

/// The groups whose members the definition settles.
fn settled_groups(appliance: &Appliance) -> impl Iterator<Item = &str> {
    let ours = appliance.groups.iter().map(|group| group.name.as_str());
    ours.chain(["sudo"])
}

fn plan_members(planner: &mut Planner<'_>, homes: &[TargetPath]) {
    let appliance = planner.appliance;
    let accounts = wanted(appliance, homes);
    for group in settled_groups(appliance) {
        let line = planner
            .facts
            .accounts
            .group
            .entries()
            .find(|line| line.name == group);
        let members: Vec<String> = line.map(|line| line.members.clone()).unwrap_or_default();
        for account in &accounts {
            let is = members.iter().any(|member| member == account.name);
            let should = account.groups.contains(&group);
            let (member, group) = (account.name.to_owned(), group.to_owned());
            if should && !is {
                let change = Change::Account(AccountChange::AddMember { group, member });
                planner.step(
                    Area::Accounts,
                    change,
                    Action::Update,
                    Drift::GroupMembership,
                    account.because,
                    "not a member",
                    "a member",
                );
            } else if is && !should {
                let change = Change::Account(AccountChange::RemoveMember { group, member });
                planner.step(
                    Area::Accounts,
                    change,
                    Action::Remove,
                    Drift::GroupMembership,
                    "the definition does not put it there",
                    "a member",
                    "not a member",
                );
            }
        }
    }
}

impl Ids {
    fn group_number(&self, name: &str) -> u32 {
        appliance::name::GroupName::new(name).map_or(0, |name| self.group(&name))
    }

    fn user_number(&self, name: &str) -> u32 {
        appliance::name::UserName::new(name).map_or(0, |name| self.user(&name))
    }
}
