//! Accounts that left the definition. A number is never used again, so no account is deleted: it is closed.

use std::collections::BTreeSet;

use host::facts::account::{PasswdLine, PasswordState, ShadowLine};
use render::Area;

use crate::Planner;
use crate::step::{AccountChange, Action, Change, Drift};

/// The shell of an account that nobody enters.
pub(crate) const CLOSED_SHELL: &str = "/usr/sbin/nologin";
/// The day on which a closed account expired, counted from 1970: then neither a key nor a timetable opens it.
pub(crate) const EXPIRED: &str = "1";

/// Takes from accounts that left what we gave them, and closes those that we made. `wanted` are the accounts that the
/// definition has, `ours` the groups whose members it settles.
pub(crate) fn plan(planner: &mut Planner<'_>, wanted: &BTreeSet<&str>, ours: &BTreeSet<&str>) {
    let left: BTreeSet<String> = planner
        .ledger
        .users()
        .filter(|name| !wanted.contains(name))
        .map(str::to_owned)
        .collect();
    let groups_left: BTreeSet<String> = planner
        .ledger
        .groups()
        .filter(|name| !ours.contains(name) && !wanted.contains(name))
        .map(str::to_owned)
        .collect();
    plan_members(planner, wanted, ours, &left, &groups_left);
    for name in &left {
        plan_user(planner, name);
    }
}

fn plan_members(
    planner: &mut Planner<'_>,
    wanted: &BTreeSet<&str>,
    ours: &BTreeSet<&str>,
    left: &BTreeSet<String>,
    groups_left: &BTreeSet<String>,
) {
    let facts = planner.facts;
    for line in facts.accounts.group.entries() {
        let group_left = groups_left.contains(&line.name);
        for member in &line.members {
            let we_added = planner.ledger.added(&line.name, member) && !wanted.contains(member.as_str());
            let of_ours = ours.contains(line.name.as_str()) && left.contains(member);
            let because = match (group_left, of_ours || we_added) {
                (true, _) => "the definition no longer has the group",
                (false, true) => "the definition no longer has the account",
                (false, false) => continue,
            };
            let change = Change::Account(AccountChange::RemoveMember {
                group: line.name.clone(),
                member: member.clone(),
            });
            planner.step(
                Area::Accounts,
                change,
                Action::Remove,
                Drift::GroupMembership,
                because,
                "a member",
                "not a member",
            );
        }
    }
}

fn plan_user(planner: &mut Planner<'_>, name: &str) {
    let facts = planner.facts;
    let line = facts.accounts.passwd.entries().find(|line| line.name == name);
    // A second root is nothing that we made, whatever its name.
    let Some(line) = line.filter(|line| line.uid != 0) else {
        return;
    };
    let shadow = facts.accounts.shadow.entries().find(|line| line.name == name);
    if is_closed(line, shadow) {
        return;
    }
    let change = Change::Account(AccountChange::Retire {
        name: name.to_owned(),
    });
    let because = "the definition no longer has it; its number and its files stay";
    let before = format!("shell {}", line.shell);
    planner.step(
        Area::Accounts,
        change,
        Action::Update,
        Drift::Account,
        because,
        &before,
        "closed",
    );
}

fn is_closed(line: &PasswdLine, shadow: Option<&ShadowLine>) -> bool {
    let opens = |state| matches!(state, PasswordState::Empty | PasswordState::Set);
    line.shell == CLOSED_SHELL
        && !opens(line.password.state())
        && shadow.is_some_and(|shadow| !opens(shadow.password.state()) && is_expired(shadow))
}

/// True for an account that was closed and not opened again.
pub(crate) fn is_expired(shadow: &ShadowLine) -> bool {
    // changed:min:max:warn:inactive:expire:
    shadow.rest.split(':').nth(5) == Some(EXPIRED)
}
