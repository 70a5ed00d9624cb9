//! Programs that run are those that lie there, as the users that their units name.

use std::collections::BTreeMap;

use appliance::path::TargetPath;
use appliance::unit::Wanted;
use host::facts::process::{self, Process};
use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::{Class, Severity};
use crate::walk::is_below;

/// Where no program of root's lies.
const SHARED: [&str; 7] = [
    "/tmp", "/var/tmp", "/dev/shm", "/home", "/data", "/run", "/memfd:",
];
/// Where systemd finds the unit of a running service.
const UNIT_FILES: [&str; 3] = [
    "/etc/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator",
];

pub(super) fn check(machine: &Machine<'_>, _: &Host) -> Result<Findings, HostError> {
    let processes = process::read()?;
    let mut findings = Findings::new(format!("{} processes", processes.len()));
    let users: BTreeMap<&str, u32> = machine
        .facts
        .accounts
        .passwd
        .entries()
        .map(|line| (line.name.as_str(), line.uid))
        .collect();
    for process in &processes {
        judge(machine, &users, process, &mut findings);
    }
    Ok(findings)
}

fn judge(machine: &Machine<'_>, users: &BTreeMap<&str, u32>, process: &Process, findings: &mut Findings) {
    let unit = process.unit.as_deref().unwrap_or("no unit");
    let who = format!("{} (pid {})", process.name, process.pid);
    let program = process.program.as_deref().unwrap_or_default();
    let is_system = process.in_system;
    let watched = is_watched(machine, unit);
    let (path, gone) = match program.strip_suffix(" (deleted)") {
        Some(path) => (path, true),
        None => (program, false),
    };
    let shared = SHARED
        .iter()
        .any(|top| is_below(path, top) || (top.ends_with(':') && path.starts_with(top)));
    let next = format!(
        "`systemctl status {0}` and `ls -l /proc/{0}/exe` show it; then `kill {0}`",
        process.pid
    );
    if is_system && process.uid == 0 && shared {
        let what = format!("{who} of {unit} runs {path} as root, from where others may write");
        findings.error(Class::Process, unit, what, next);
    } else if is_system && gone {
        let what = format!("{who} still runs {path}, which was replaced or removed");
        let severity = if watched { Severity::Error } else { Severity::Info };
        findings.add(
            severity,
            Class::Process,
            unit,
            what,
            format!("`systemctl restart {unit}`"),
        );
    }
    if let Some(expected) = machine
        .appliance
        .units
        .services
        .iter()
        .find(|service| service.name.as_str() == unit)
        .and_then(|service| users.get(service.user.as_str()))
        && process.is_main
        && process.uid != *expected
    {
        let what = format!(
            "{who} runs as uid {}, and the definition says {expected}",
            process.uid
        );
        findings.error(
            Class::Process,
            unit,
            what,
            format!("`appliance apply`, then `systemctl restart {unit}`"),
        );
    }
    if is_system && unit.ends_with(".service") && !is_transient(unit) && !has_file(machine, unit) {
        let what = format!("{who} belongs to {unit}, of which there is no file any more");
        findings.warning(Class::Process, unit, what, format!("`systemctl stop {unit}`"));
    }
}

fn is_watched(machine: &Machine<'_>, unit: &str) -> bool {
    let units = &machine.appliance.units;
    units.services.iter().any(|service| service.name.as_str() == unit)
        || units
            .debian
            .iter()
            .any(|debian| debian.name.as_str() == unit && debian.wanted != Wanted::Masked)
}

/// Those without a file by their nature are told as units.
fn is_transient(unit: &str) -> bool {
    std::fs::exists(format!("/run/systemd/transient/{unit}")).unwrap_or(false)
}

/// A unit of a template has the template's file.
fn has_file(machine: &Machine<'_>, unit: &str) -> bool {
    let template = unit.split_once('@').map(|(name, _)| format!("{name}@.service"));
    [Some(unit.to_owned()), template]
        .into_iter()
        .flatten()
        .any(|name| {
            UNIT_FILES.iter().any(|directory| {
                let path = format!("{directory}/{name}");
                machine.debian.owns(&path)
                    || TargetPath::new(&path).is_ok_and(|target| machine.is_ours(&target))
                    || std::fs::symlink_metadata(&path).is_ok()
            })
        })
}
