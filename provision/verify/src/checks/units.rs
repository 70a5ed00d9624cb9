//! Units run as defined. Whether each of them is up stands in `as-defined`; here is what nobody declared.

use std::collections::BTreeSet;

use appliance::name::UnitName;
use appliance::path::TargetPath;
use appliance::unit::Wanted;
use host::facts::unit::{Active, Enablement, Load};
use host::facts::{Inode, Kind, UnitFact};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::places;
use crate::report::{Class, Severity};

const RELOAD: &str = "systemctl daemon-reload";

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let watched = watched(machine);
    let mut findings = Findings::new(format!("{} units", watched.len()));
    for (path, inode) in machine.foreign(places::UNITS) {
        unit_file(machine, &path, inode, &mut findings);
    }
    for directory in directories(machine) {
        for (path, inode) in machine.foreign(directory.as_str()) {
            below(machine, &watched, &directory, &path, inode, &mut findings);
        }
    }
    let units = machine.live().and_then(|live| live.units.as_ref());
    for (name, fact) in units.into_iter().flatten() {
        state(machine, name, fact, &mut findings);
    }
    findings
}

/// Units whose behaviour is ours to promise.
fn watched<'m>(machine: &'m Machine<'_>) -> BTreeSet<&'m str> {
    let units = &machine.appliance.units;
    let services = units.services.iter().map(|unit| &unit.name);
    let timers = units.timers.iter().map(|unit| &unit.name);
    let debian = units.debian.iter().map(|unit| &unit.name);
    services
        .chain(timers)
        .chain(debian)
        .map(UnitName::as_str)
        .collect()
}

fn directories(machine: &Machine<'_>) -> Vec<TargetPath> {
    let units = TargetPath::known(places::UNITS);
    let listed = machine.closer.listings.keys();
    listed
        .filter(|path| path.parent().as_ref() == Some(&units))
        .cloned()
        .collect()
}

/// Links of `systemctl enable` and `systemctl mask`, and what a package brought, are no strangers.
fn unit_file(machine: &Machine<'_>, path: &TargetPath, inode: &Inode, findings: &mut Findings) {
    let target = match &inode.kind {
        Kind::Directory => return,
        Kind::Link(target) => target.as_str(),
        Kind::File | Kind::Other(_) => "",
    };
    if target == "/dev/null" {
        let wanted = machine
            .appliance
            .units
            .debian
            .iter()
            .find(|unit| unit.name.as_str() == path.name());
        if wanted.is_none_or(|unit| unit.wanted != Wanted::Masked) {
            let next = format!("`systemctl unmask {}` if nobody meant it", path.name());
            findings.info(
                Class::UnitState,
                path,
                "forbids a unit, which nobody declared",
                next,
            );
        }
    } else if !is_vendors(target) && !machine.debian.owns(path.as_str()) {
        let what = "is a unit that nobody declared";
        findings.stray(
            Severity::Warning,
            Class::UnmanagedPath,
            path.as_str(),
            what,
            RELOAD,
        );
    }
}

fn is_vendors(target: &str) -> bool {
    target.starts_with("/lib/systemd/") || target.starts_with("/usr/lib/systemd/")
}

/// Below `X.wants` and `X.requires` lie links; below `X.d` drop-ins, which can undo a sandbox.
fn below(
    machine: &Machine<'_>,
    watched: &BTreeSet<&str>,
    directory: &TargetPath,
    path: &TargetPath,
    inode: &Inode,
    findings: &mut Findings,
) {
    let Some(unit) = directory.name().strip_suffix(".d") else {
        let goes_to_ours = |target: &str| {
            let named = target.rsplit('/').next().unwrap_or_default();
            TargetPath::new(&format!("{}/{named}", places::UNITS)).is_ok_and(|path| machine.is_ours(&path))
        };
        match &inode.kind {
            Kind::Link(target) if is_vendors(target) || goes_to_ours(target) => {}
            _ if machine.debian.owns(path.as_str()) => {}
            _ => {
                let what = "starts at boot something that nobody declared";
                findings.stray(
                    Severity::Warning,
                    Class::UnmanagedPath,
                    path.as_str(),
                    what,
                    RELOAD,
                );
            }
        }
        return;
    };
    if machine.debian.owns(path.as_str()) {
        return;
    }
    let what = format!("changes {unit}, which nobody declared");
    // `service.d` changes every service.
    let severity = if watched.contains(unit) || !unit.contains('.') {
        Severity::Error
    } else {
        Severity::Warning
    };
    findings.stray(severity, Class::UnmanagedPath, path.as_str(), what, RELOAD);
}

fn state(machine: &Machine<'_>, name: &UnitName, fact: &UnitFact, findings: &mut Findings) {
    if fact.active == Active::Failed {
        let what = format!("failed: {}", fact.result);
        let next = format!("`journalctl -u {name} -b` says why; then `systemctl restart {name}`");
        findings.error(Class::UnitFailed, name, what, next);
    }
    let masked = fact.load == Load::Masked
        || matches!(fact.enablement, Enablement::Masked | Enablement::MaskedRuntime);
    let may_be_masked = machine
        .appliance
        .units
        .debian
        .iter()
        .any(|unit| unit.name == *name && unit.wanted == Wanted::Masked);
    if masked && !may_be_masked {
        let next = format!("`systemctl unmask {name}`, then `appliance apply`");
        findings.error(
            Class::UnitState,
            name,
            "is masked, so that nothing can start it",
            next,
        );
    }
    for path in &fact.drop_ins {
        // Those of /etc are judged by their directory, others by the walk; this is what neither saw.
        let elsewhere = !path.is_within(&TargetPath::known(places::UNITS))
            && !is_vendors(path.as_str())
            && !machine.walk.strays.contains_key(path.as_str());
        if elsewhere && !machine.debian.owns(path.as_str()) {
            let what = format!("changes {name} until it is removed");
            findings.error(
                Class::UnmanagedPath,
                path,
                what,
                format!("`systemctl revert {name}`"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn each_thing_in_the_unit_directory_is_judged_by_where_it_comes_from() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        let link = |target: &str| fixture::inode(Kind::Link(target.to_owned()), 0o777);
        machine.put("/etc/systemd/system/webapp.service", "");
        machine.put("/etc/systemd/system/backdoor.service", "");
        machine.put_inode(
            "/etc/systemd/system/sshd.service",
            link("/lib/systemd/system/ssh.service"),
        );
        machine.put_inode("/etc/systemd/system/apt-daily.timer", link("/dev/null"));
        std::mem::swap(&mut machine.facts, &mut machine.closer);
        for (path, target) in [
            (
                "multi-user.target.wants/cron.service",
                "/lib/systemd/system/cron.service",
            ),
            (
                "multi-user.target.wants/ours.service",
                "/etc/systemd/system/webapp.service",
            ),
            ("multi-user.target.wants/x.service", "/home/x.service"),
        ] {
            machine.put_inode(&format!("/etc/systemd/system/{path}"), link(target));
        }
        machine.put("/etc/systemd/system/webapp.service.d/x.conf", "");
        machine.put("/etc/systemd/system/getty@.service.d/x.conf", "");
        std::mem::swap(&mut machine.facts, &mut machine.closer);
        assert_eq!(
            check(&machine).brief(),
            [
                "error unmanaged-path /etc/systemd/system/webapp.service.d/x.conf",
                "info unit-state /etc/systemd/system/apt-daily.timer",
                "warning unmanaged-path /etc/systemd/system/backdoor.service",
                "warning unmanaged-path /etc/systemd/system/getty@.service.d/x.conf",
                "warning unmanaged-path /etc/systemd/system/multi-user.target.wants/x.service",
            ]
        );
    }
}
