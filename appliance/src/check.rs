//! The rules that no single file can keep: what one names, another must have, and nothing has two owners.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Raw, SIZED_BY_INSTANCE};
use crate::instance::Instance;
use crate::name::{GroupName, UnitName, UserName};
use crate::path::TargetPath;
use crate::reader::{At, Findings, Place, Table};

/// Directories below which the definition may put things. A typing error elsewhere could break the system under us.
const ROOTS: [&str; 11] = [
    "/data",
    "/etc",
    "/home",
    "/mnt",
    "/opt/data-analyst",
    "/run",
    "/tmp",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/var/lib",
    "/var/www",
];
/// Users and groups that every Debian has and the definition may name without describing them.
const DEBIAN_USERS: [&str; 1] = ["root"];
const DEBIAN_GROUPS: [&str; 6] = ["root", "adm", "shadow", "sudo", "systemd-journal", "www-data"];

/// Checks a definition against itself.
pub(crate) fn definition(raw: &Raw, findings: &Findings) {
    paths_have_one_owner(raw, findings);
    paths_lie_within_the_roots(raw, findings);
    accounts_are_distinct(raw, findings);
    owners_exist(raw, findings);
    services_name_what_exists(raw, findings);
    units_form_no_cycle(raw, findings);
    links_form_no_cycle(raw, findings);
    disks_are_distinct(raw, findings);
    ports_are_distinct(raw, findings);
}

/// Checks what an instance says against the definition that it is an instance of.
pub(crate) fn instance(instance: &Instance, raw: &Raw, table: &Table<'_>) {
    for role in instance.disk_sizes.keys() {
        if *role != SIZED_BY_INSTANCE && !raw.disks.iter().any(|disk| disk.value.role == *role) {
            table.refuse(
                "disks",
                format!("the definition has no {role} disk"),
                "remove its size",
            );
        }
    }
    for name in instance.settings.keys() {
        let known = raw.settings.iter().find(|setting| setting.value.name == *name);
        match known {
            None => table.refuse(
                "settings",
                format!("there is no setting {name}"),
                "the list stands in docs/definition.md",
            ),
            Some(setting) if setting.value.derived => table.refuse(
                "settings",
                format!("the setting {name} follows from the rest of the definition"),
                "remove it",
            ),
            Some(_) => {}
        }
    }
    for admin in &instance.admins {
        if raw
            .accounts
            .iter()
            .any(|account| account.value.name == admin.username)
        {
            let what = format!("{} is a system account, not a person", admin.username);
            table.refuse("admins", what, "choose another name for this administrator");
        }
    }
}

/// Every path that something claims, with what claims it.
fn claimed_paths(raw: &Raw) -> Vec<(TargetPath, &Place, &'static str)> {
    let mut claims = Vec::new();
    claims.extend(
        raw.directories
            .iter()
            .map(|item| (item.value.path.clone(), &item.place, "a directory")),
    );
    claims.extend(
        raw.links
            .iter()
            .map(|item| (item.value.path.clone(), &item.place, "a link")),
    );
    claims.extend(
        raw.files
            .iter()
            .map(|item| (item.value.path.clone(), &item.place, "a file")),
    );
    claims.extend(
        raw.absences
            .iter()
            .map(|item| (item.value.path.clone(), &item.place, "absent")),
    );
    let in_directory = |directory: &str, name: &str| TargetPath::new(&format!("{directory}/{name}")).ok();
    let sudo = |item| -> Option<TargetPath> { in_directory("/etc/sudoers.d", item) };
    claims.extend(
        raw.sudo
            .iter()
            .filter_map(|item| Some((sudo(&item.value.name)?, &item.place, "a sudoers file"))),
    );
    let unit = |name: &UnitName| in_directory("/etc/systemd/system", name.as_str());
    claims.extend(
        raw.services
            .iter()
            .filter_map(|item| Some((unit(&item.value.name)?, &item.place, "a unit"))),
    );
    claims.extend(
        raw.timers
            .iter()
            .filter_map(|item| Some((unit(&item.value.name)?, &item.place, "a unit"))),
    );
    claims
}

fn paths_have_one_owner(raw: &Raw, findings: &Findings) {
    let mut first: BTreeMap<TargetPath, (&Place, &str)> = BTreeMap::new();
    for (path, place, kind) in claimed_paths(raw) {
        if let Some((other, other_kind)) = first.get(&path) {
            let what = format!("{path} has two owners: it is {kind} here and {other_kind} in {other}");
            findings.add(place, what, "keep one of the two");
        } else {
            first.insert(path, (place, kind));
        }
    }
}

fn paths_lie_within_the_roots(raw: &Raw, findings: &Findings) {
    let roots: Vec<TargetPath> = ROOTS
        .iter()
        .filter_map(|root| TargetPath::new(root).ok())
        .collect();
    let outside = |path: &TargetPath| !roots.iter().any(|root| path.is_within(root));
    let refuse = |place: &Place, path: &TargetPath| {
        let what = format!("{path} lies outside of what the appliance may own");
        findings.add(place, what, format!("choose a path below {}", ROOTS.join(", ")));
    };
    for (path, place, _) in claimed_paths(raw) {
        // The directory of our own tree stands for itself; so do `/data`, `/home` and `/tmp`.
        if outside(&path) {
            refuse(place, &path);
        }
    }
    for disk in &raw.disks {
        if outside(&disk.value.mount) {
            refuse(&disk.place, &disk.value.mount);
        }
    }
}

fn accounts_are_distinct(raw: &Raw, findings: &Findings) {
    let mut names = BTreeSet::new();
    let mut numbers: BTreeMap<u32, String> = BTreeMap::new();
    for At { place, value } in &raw.groups {
        if !names.insert(value.name.to_string()) {
            findings.add(
                place,
                format!("the group {} stands there twice", value.name),
                "remove one of the two",
            );
        }
        if let Some(gid) = value.gid
            && let Some(other) = numbers.insert(gid, value.name.to_string())
        {
            findings.add(
                place,
                format!("the number {gid} belongs to {other} and {}", value.name),
                "choose a free one",
            );
        }
    }
    for At { place, value } in &raw.accounts {
        if value.name.as_str() == "root" {
            findings.add(
                place,
                "root is nobody's service account",
                "run the service as a user of its own",
            );
        }
        let declared_as_group = raw.groups.iter().any(|group| {
            group.value.name.as_str() == value.name.as_str() && group.value.gid == Some(value.id)
        });
        if !names.insert(value.name.to_string()) && !declared_as_group {
            findings.add(
                place,
                format!("the name {} stands there twice", value.name),
                "choose another one",
            );
        }
        if value.id == 0 || value.id >= 1000 {
            findings.add(
                place,
                format!("{} is no number of a system account", value.id),
                "choose one from 1 to 999",
            );
        }
        if !declared_as_group && let Some(other) = numbers.insert(value.id, value.name.to_string()) {
            let what = format!("the number {} belongs to {other} and {}", value.id, value.name);
            findings.add(place, what, "choose a free one");
        }
    }
}

struct Names {
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl Names {
    fn of(raw: &Raw) -> Self {
        let accounts = || raw.accounts.iter().map(|account| account.value.name.to_string());
        let users = accounts().chain(DEBIAN_USERS.map(str::to_owned)).collect();
        let groups = raw.groups.iter().map(|group| group.value.name.to_string());
        let groups = groups
            .chain(accounts())
            .chain(DEBIAN_GROUPS.map(str::to_owned))
            .collect();
        Self { users, groups }
    }

    fn user(&self, name: &UserName, place: &Place, findings: &Findings) {
        if !self.users.contains(name.as_str()) {
            findings.add(
                place,
                format!("there is no account {name}"),
                "add it to accounts.toml, or name another",
            );
        }
    }

    fn group(&self, name: &GroupName, place: &Place, findings: &Findings) {
        if !self.groups.contains(name.as_str()) {
            findings.add(
                place,
                format!("there is no group {name}"),
                "add it to accounts.toml, or name another",
            );
        }
    }
}

fn owners_exist(raw: &Raw, findings: &Findings) {
    let names = Names::of(raw);
    for At { place, value } in &raw.directories {
        names.user(&value.owner, place, findings);
        names.group(&value.group, place, findings);
        for acl in value
            .profile
            .iter()
            .flat_map(|profile| [&profile.access, &profile.default])
        {
            acl.users
                .keys()
                .for_each(|user| names.user(user, place, findings));
            acl.groups
                .keys()
                .for_each(|group| names.group(group, place, findings));
        }
    }
    for At { place, value } in &raw.files {
        names.user(&value.owner, place, findings);
        names.group(&value.group, place, findings);
    }
    for At { place, value } in &raw.accounts {
        value
            .groups
            .iter()
            .for_each(|group| names.group(group, place, findings));
    }
}

fn services_name_what_exists(raw: &Raw, findings: &Findings) {
    let names = Names::of(raw);
    let refuse = |place: &Place, what: String, file: &str| {
        findings.add(place, what, format!("add it to {file}, or name another"));
    };
    for At { place, value } in &raw.services {
        names.user(&value.user, place, findings);
        names.group(&value.group, place, findings);
        value
            .supplementary
            .iter()
            .for_each(|group| names.group(group, place, findings));
        for name in value.credentials.iter().chain(&value.needs) {
            if !raw.credentials.iter().any(|known| known.value.name == *name) {
                refuse(place, format!("there is no credential {name}"), "secrets.toml");
            }
        }
        for name in &value.settings {
            if !raw.settings.iter().any(|known| known.value.name == *name) {
                refuse(place, format!("there is no setting {name}"), "secrets.toml");
            }
        }
        for path in &value.writes {
            let declared = raw
                .directories
                .iter()
                .any(|directory| path.is_within(&directory.value.path));
            if !declared {
                refuse(
                    place,
                    format!("{} writes {path}, which is no directory of ours", value.name),
                    "layout.toml",
                );
            }
        }
    }
    for At { place, value } in &raw.timers {
        if !raw
            .services
            .iter()
            .any(|service| service.value.name == value.starts)
        {
            refuse(
                place,
                format!(
                    "{} starts {}, which is no service of ours",
                    value.name, value.starts
                ),
                "services.toml",
            );
        }
    }
    for At { place, value } in &raw.listeners {
        if let crate::network::Reach::Users(users) = &value.reach {
            users.iter().for_each(|user| names.user(user, place, findings));
        }
    }
}

/// A unit that comes after itself would never start.
fn units_form_no_cycle(raw: &Raw, findings: &Findings) {
    let after: BTreeMap<&UnitName, &Vec<UnitName>> = raw
        .services
        .iter()
        .map(|service| (&service.value.name, &service.value.after))
        .collect();
    for At { place, value } in &raw.services {
        let next = |unit: &UnitName| after.get(unit).map(|units| (*units).clone()).unwrap_or_default();
        if let Some(cycle) = cycle_from(&value.name, next) {
            let chain: Vec<&str> = cycle.iter().map(UnitName::as_str).collect();
            findings.add(
                place,
                format!("units wait for each other: {}", chain.join(" after ")),
                "remove one `after`",
            );
        }
    }
}

/// A link that leads back to itself resolves to nothing.
fn links_form_no_cycle(raw: &Raw, findings: &Findings) {
    let targets: BTreeMap<&TargetPath, TargetPath> = raw
        .links
        .iter()
        .filter_map(|link| {
            let link = &link.value;
            let target = if link.target.starts_with('/') {
                TargetPath::new(&link.target).ok()?
            } else {
                link.path.parent()?.join(&link.target).ok()?
            };
            Some((&link.path, target))
        })
        .collect();
    for At { place, value } in &raw.links {
        let next = |path: &TargetPath| targets.get(path).cloned().into_iter().collect();
        if let Some(cycle) = cycle_from(&value.path, next) {
            let chain: Vec<&str> = cycle.iter().map(TargetPath::as_str).collect();
            findings.add(
                place,
                format!("links lead in a circle: {}", chain.join(" to ")),
                "give one another target",
            );
        }
    }
}

/// The way from `start` back to `start`, if there is one.
fn cycle_from<T: Ord + Clone>(start: &T, next: impl Fn(&T) -> Vec<T>) -> Option<Vec<T>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start.clone()]];
    while let Some(way) = ways.pop() {
        for node in next(way.last()?) {
            let mut longer = way.clone();
            longer.push(node.clone());
            if node == *start {
                return Some(longer);
            }
            if seen.insert(node) {
                ways.push(longer);
            }
        }
    }
    None
}

fn disks_are_distinct(raw: &Raw, findings: &Findings) {
    for (index, At { place, value }) in raw.disks.iter().enumerate() {
        for At {
            place: other,
            value: before,
        } in &raw.disks[..index]
        {
            for (same, what) in [
                (value.role == before.role, "role"),
                (value.device == before.device, "device"),
                (value.label == before.label, "label"),
                (value.mount == before.mount, "mount point"),
            ] {
                if same {
                    findings.add(
                        place,
                        format!("this disk has the {what} of the one in {other}"),
                        "give it its own",
                    );
                }
            }
        }
    }
}

fn ports_are_distinct(raw: &Raw, findings: &Findings) {
    let mut ports = BTreeMap::new();
    for At { place, value } in &raw.listeners {
        if let Some(other) = ports.insert((value.protocol, value.port), &value.program) {
            let what = format!("port {} belongs to {other} and {}", value.port, value.program);
            findings.add(place, what, "choose a free port");
        }
    }
}
