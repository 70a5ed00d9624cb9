//! The kernel grants each role what the model says: every directory of the tree is tried as each of them.

use std::collections::BTreeSet;

use appliance::name::{GroupName, UserName};
use appliance::path::TargetPath;
use host::facts::Mount;
use host::privilege::{self, Attempt, Identity};
use host::{Host, HostError};
use render::{Access, Node, Principal};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

/// A number that nobody has: systemd keeps 60578 to 61183 unused, and people end below it.
const NOBODYS: u32 = 60_900;

const RIGHTS: [(Access, Attempt, &str); 3] = [
    (Access::Read, Attempt::Read, "read"),
    (Access::Write, Attempt::Write, "write"),
    (Access::Execute, Attempt::Execute, "enter"),
];

/// Somebody to try as, in names for the model and in numbers for the kernel.
struct Role {
    name: &'static str,
    principal: Principal,
    identity: Identity,
}

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let paths = directories(machine);
    let roles = roles(machine);
    let mut findings = Findings::new(format!("{} roles in {} directories", roles.len(), paths.len()));
    let attempts: Vec<(TargetPath, Attempt)> = paths
        .iter()
        .flat_map(|path| RIGHTS.map(|(_, attempt, _)| (path.clone(), attempt)))
        .collect();
    let read_only = read_only_here(&paths)?;
    if !read_only.is_empty() {
        let what = format!(
            "{} directories are read-only to this run, which cannot try to write",
            read_only.len()
        );
        let next = "run `appliance verify` outside its unit to try that too";
        findings.info(Class::Unchecked, "rights to write", what, next);
    }
    for role in roles {
        let allowed = privilege::try_as(host, &role.identity, &attempts)?;
        for (path, answers) in paths.iter().zip(allowed.chunks(RIGHTS.len())) {
            let may_write = !read_only.contains(path);
            compare(machine, &role, path, answers, may_write, &mut findings);
        }
    }
    Ok(findings)
}

/// Directories on a mount that is read-only in the namespace of this process, as a unit's sandbox makes it.
fn read_only_here(paths: &[TargetPath]) -> Result<BTreeSet<&TargetPath>, HostError> {
    let mounts = host::facts::mount::read()?;
    let is_read_only = |path: &&TargetPath| {
        let covers = |mount: &&Mount| TargetPath::new(&mount.point).is_ok_and(|point| path.is_within(&point));
        let above = mounts.iter().filter(covers);
        // Of two mounts at one place the later one is seen.
        let nearest = above.max_by_key(|mount| (mount.point.len(), mount.id));
        nearest.is_some_and(|mount| mount.options.iter().any(|option| option == "ro"))
    };
    Ok(paths.iter().filter(is_read_only).collect())
}

/// Those that are there; what is missing is reported by `as-defined`.
fn directories(machine: &Machine<'_>) -> Vec<TargetPath> {
    let is_there = |path: &&TargetPath| machine.facts.inodes.contains_key(*path);
    machine
        .tree
        .iter()
        .filter(|(_, entry)| matches!(entry.node, Node::Directory { .. }))
        .map(|(path, _)| path)
        .filter(is_there)
        .cloned()
        .collect()
}

fn roles(machine: &Machine<'_>) -> Vec<Role> {
    let people = &machine.appliance.people;
    let mut roles = Vec::new();
    let mut person = |name, groups: &[&str]| roles.extend(role(machine, name, "nobody-yet", groups));
    person("a standard analyst", &["dataread"]);
    person("a privileged analyst", &["dataread", "data-private"]);
    let admin: Vec<&str> = people.admin_groups.iter().map(GroupName::as_str).collect();
    person("an administrator", &admin);
    person("somebody in no group", &[]);
    roles.extend(role(machine, "deploy", "deploy", &["data-ops"]));
    roles.extend(role(machine, "www-data", "www-data", &[]));
    roles.extend(role(machine, "the portal", "www-data", &["data-ops", "obs"]));
    roles
}

/// None when the machine does not have the account or one of the groups yet.
fn role(machine: &Machine<'_>, name: &'static str, user: &str, groups: &[&str]) -> Option<Role> {
    let accounts = &machine.facts.accounts;
    let gid = |name: &str| {
        accounts
            .group
            .entries()
            .find(|line| line.name == name)
            .map(|line| line.gid)
    };
    let account = accounts.passwd.entries().find(|line| line.name == user);
    let (uid, own) = account.map_or((NOBODYS, NOBODYS), |line| (line.uid, line.gid));
    let numbers = groups
        .iter()
        .map(|name| gid(name))
        .collect::<Option<Vec<u32>>>()?;
    let names = groups
        .iter()
        .copied()
        .chain([user])
        .filter_map(|name| GroupName::new(name).ok());
    Some(Role {
        name,
        principal: Principal {
            user: UserName::new(user).ok()?,
            groups: names.collect::<BTreeSet<_>>(),
            is_root: false,
        },
        identity: Identity {
            uid,
            gid: own,
            groups: numbers,
        },
    })
}

fn compare(
    machine: &Machine<'_>,
    role: &Role,
    path: &TargetPath,
    answers: &[bool],
    may_write: bool,
    findings: &mut Findings,
) {
    for ((access, attempt, verb), may) in RIGHTS.into_iter().zip(answers) {
        if attempt == Attempt::Write && !may_write {
            continue;
        }
        let verdict = render::can(&machine.tree, &role.principal, access, path);
        if verdict.allowed == *may {
            continue;
        }
        let what = if *may {
            format!("{} may {verb} it and should not: {}", role.name, verdict.because)
        } else {
            format!("{} cannot {verb} it and should: {}", role.name, verdict.because)
        };
        let next = format!("compare `getfacl {path}` and the directories above it with `appliance plan`");
        findings.error(Class::Acl, path, what, next);
    }
}
