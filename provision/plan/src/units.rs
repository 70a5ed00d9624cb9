//! What runs. A unit that read its inputs before they last changed starts anew or reads them again: observed from
//! times, so that an interrupted run loses no restart.

use appliance::layout::Judge;
use appliance::name::UnitName;
use appliance::path::TargetPath;
use appliance::unit::{DebianUnit, OnChange, Service, ServiceKind, Wanted};
use host::facts::unit::{Active, Load};
use host::facts::{Kind, Timestamp, UnitFact};
use render::{Area, Node};

use crate::Planner;
use crate::step::{Action, Change, Drift, UnitOrder};

/// Where unit files lie.
pub(crate) const UNIT_DIRECTORY: &str = "/etc/systemd/system";

pub(crate) fn plan(planner: &mut Planner<'_>) {
    let (appliance, facts) = (planner.appliance, planner.facts);
    let Some(units) = facts.live.as_ref().and_then(|live| live.units.as_ref()) else {
        return;
    };
    plan_reload(planner);
    for unit in appliance
        .units
        .debian
        .iter()
        .filter(|unit| appliance.is_on(&unit.platforms))
    {
        plan_debian(planner, unit, units.get(&unit.name));
    }
    for service in &appliance.units.services {
        if !service.name.is_template() {
            plan_service(planner, service, units.get(&service.name));
        }
    }
    for timer in &appliance.units.timers {
        let inputs = [unit_path(&timer.name)];
        plan_running(
            planner,
            &timer.name,
            units.get(&timer.name),
            OnChange::Restart,
            &inputs,
            None,
        );
    }
}

pub(crate) fn unit_path(name: &UnitName) -> TargetPath {
    TargetPath::known(&format!("{UNIT_DIRECTORY}/{name}"))
}

/// systemd reads unit files once; after a change it must read them again.
fn plan_reload(planner: &mut Planner<'_>) {
    let Some(units) = planner.facts.live.as_ref().and_then(|live| live.units.as_ref()) else {
        return;
    };
    let directory = TargetPath::known(UNIT_DIRECTORY);
    let changing = planner.plan.steps.iter().any(|step| {
        changed_path(&step.change)
            .is_some_and(|path| path.is_within(&directory) || path.as_str() == crate::system_files::FSTAB)
    });
    let stale: Vec<&str> = units
        .iter()
        .filter(|(_, fact)| fact.needs_reload)
        .map(|(name, _)| name.as_str())
        .collect();
    // A file that is there while systemd knows no such unit was written by a run that was interrupted.
    let unread = planner
        .appliance
        .units
        .services
        .iter()
        .map(|service| &service.name)
        .any(|name| {
            units.get(name).is_some_and(|fact| fact.load == Load::NotFound)
                && planner.inode(&unit_path(name)).is_some()
        });
    if changing || unread || !stale.is_empty() {
        let before = if stale.is_empty() {
            "older files".to_owned()
        } else {
            format!("older files of {}", stale.join(", "))
        };
        let because = "systemd reads unit files only when told";
        planner.step(
            Area::Services,
            Change::ReloadUnitFiles,
            Action::Run,
            Drift::UnitState,
            because,
            &before,
            "today's files",
        );
    }
}

/// The path whose file a change writes or removes.
pub(crate) fn changed_path(change: &Change) -> Option<&TargetPath> {
    match change {
        Change::WriteFile { path, .. }
        | Change::Link { path, .. }
        | Change::Remove(path)
        | Change::RemoveDirectory(path)
        | Change::Quarantine { path } => Some(path),
        Change::MakePlaceholderCertificate { certificate, .. } => Some(certificate),
        Change::GenerateSecret { credential, .. } => Some(credential),
        _ => None,
    }
}

fn plan_debian(planner: &mut Planner<'_>, unit: &DebianUnit, fact: Option<&UnitFact>) {
    match unit.wanted {
        Wanted::Running if unit.sees_disks && misses_a_disk(planner, fact) => {
            let because = "it sees only what was mounted when it started";
            order(
                planner,
                &unit.name,
                UnitOrder::Restart,
                unit.judge,
                because,
                MISSES_A_DISK,
            );
        }
        Wanted::Running => plan_running(
            planner,
            &unit.name,
            fact,
            unit.on_change,
            &unit.inputs,
            unit.judge,
        ),
        Wanted::Masked => {
            if fact.is_some_and(is_up) {
                order(
                    planner,
                    &unit.name,
                    UnitOrder::Stop,
                    None,
                    "the definition forbids it",
                    "active",
                );
            }
        }
    }
}

fn plan_service(planner: &mut Planner<'_>, service: &Service, fact: Option<&UnitFact>) {
    let enabled = service.wanted_by.iter().any(|target| {
        let link = TargetPath::known(&format!("{UNIT_DIRECTORY}/{target}.wants/{}", service.name));
        planner
            .tree
            .get(&link)
            .is_some_and(|entry| matches!(entry.node, Node::Link { .. }))
    });
    if !enabled {
        if service.kind == ServiceKind::Notify && fact.is_some_and(is_up) {
            order(
                planner,
                &service.name,
                UnitOrder::Stop,
                None,
                "a credential that it needs is absent",
                "active",
            );
        }
        return;
    }
    let mut inputs = vec![unit_path(&service.name)];
    inputs.extend(program_paths(&service.command));
    let stem = service.name.stem();
    inputs.push(TargetPath::known(&format!("/opt/data-analyst/config/{stem}.env")));
    inputs.extend(
        service
            .credentials
            .iter()
            .map(|name| TargetPath::known(&format!("{}/{name}", crate::CREDENTIALS_DIRECTORY))),
    );
    if service.starts_without_disks && misses_a_disk(planner, fact) {
        let because = "its sandbox is made of what was mounted when it started";
        order(
            planner,
            &service.name,
            UnitOrder::Restart,
            None,
            because,
            MISSES_A_DISK,
        );
        return;
    }
    plan_running(planner, &service.name, fact, OnChange::Restart, &inputs, None);
}

const MISSES_A_DISK: &str = "does without a disk";

/// True for a unit that runs while a disk is not mounted that this plan mounts.
fn misses_a_disk(planner: &Planner<'_>, fact: Option<&UnitFact>) -> bool {
    !planner.mounting.is_empty() && fact.is_some_and(is_up)
}

/// The program of a command line, and the link that a deploy turns.
pub(crate) fn program_paths(command: &str) -> Vec<TargetPath> {
    let program = command.split_ascii_whitespace().next().unwrap_or_default();
    let current = program
        .starts_with(CURRENT_RELEASE)
        .then(|| TargetPath::known(CURRENT_RELEASE));
    TargetPath::new(program).into_iter().chain(current).collect()
}

/// The link to the release that runs.
pub(crate) const CURRENT_RELEASE: &str = "/opt/data-analyst/current";

/// A unit that waits to be restarted because it ended badly is not up, though systemd calls it activating.
pub(crate) fn is_up(fact: &UnitFact) -> bool {
    match fact.active {
        Active::Active | Active::Reloading => true,
        Active::Activating => fact.sub != "auto-restart",
        Active::Inactive | Active::Failed | Active::Deactivating | Active::Other => false,
    }
}

fn plan_running(
    planner: &mut Planner<'_>,
    name: &UnitName,
    fact: Option<&UnitFact>,
    on_change: OnChange,
    inputs: &[TargetPath],
    judge: Option<Judge>,
) {
    let why = "the definition wants it to run";
    let Some(fact) = fact.filter(|fact| fact.load != Load::NotFound) else {
        order(planner, name, UnitOrder::Start, judge, why, "unknown to systemd");
        return;
    };
    if !is_up(fact) {
        let before = if fact.active == Active::Failed {
            format!("failed: {}", fact.result)
        } else {
            "inactive".to_owned()
        };
        order(planner, name, UnitOrder::Start, judge, why, &before);
        return;
    }
    // What a unit is allowed and given is settled when it starts: a drop-in is not read again by a reload.
    let drop_ins = [TargetPath::known(&format!("{UNIT_DIRECTORY}/{name}.d"))];
    let (changed, unit) = match changed_since(planner, &drop_ins, fact.started_us) {
        Some(changed) => (changed, UnitOrder::Restart),
        None => {
            let (read_at, unit) = match on_change {
                OnChange::Restart => (fact.started_us, UnitOrder::Restart),
                OnChange::Reload => (reloaded_at(planner, name).max(fact.started_us), UnitOrder::Reload),
            };
            match changed_since(planner, inputs, read_at) {
                Some(changed) => (changed, unit),
                None => return,
            }
        }
    };
    order(
        planner,
        name,
        unit,
        judge,
        &format!("{changed} changed"),
        "reads what was there before",
    );
}

fn order(
    planner: &mut Planner<'_>,
    name: &UnitName,
    order: UnitOrder,
    judge: Option<Judge>,
    because: &str,
    before: &str,
) {
    let after = if order == UnitOrder::Stop {
        "inactive"
    } else {
        "active"
    };
    let change = Change::Unit {
        name: name.clone(),
        order,
        judge,
    };
    planner.step(
        Area::Services,
        change,
        Action::Run,
        Drift::UnitState,
        because,
        before,
        after,
    );
}

/// An input that this plan changes, or that changed after a time. Directories stand for what the tree puts in them.
fn changed_since(planner: &Planner<'_>, inputs: &[TargetPath], since_us: u64) -> Option<TargetPath> {
    let is_input = |path: &TargetPath| inputs.iter().any(|input| path.is_within(input));
    let planned = planner
        .plan
        .steps
        .iter()
        .filter_map(|step| changed_path(&step.change))
        .find(|path| is_input(path));
    if let Some(path) = planned {
        return Some(path.clone());
    }
    let is_directory = |node: &Node| matches!(node, Node::Directory { .. });
    let counts = |path: &TargetPath| {
        inputs.contains(path)
            || planner
                .tree
                .get(path)
                .is_some_and(|entry| !is_directory(&entry.node))
    };
    planner
        .facts
        .inodes
        .iter()
        .filter(|(path, inode)| is_input(path) && counts(path) && inode.kind != Kind::Directory)
        .find(|(_, inode)| microseconds(inode.changed) > since_us)
        .map(|(path, _)| path.clone())
}

/// Where an apply notes when the last reload of a unit that went well began, in microseconds since 1970. systemd
/// itself knows when a unit started and not when it last read its configuration; a reload that failed counts for
/// nothing.
pub fn reload_stamp(name: &UnitName) -> TargetPath {
    TargetPath::known(&format!("{RELOAD_STAMPS}/{name}"))
}

/// Gone after a boot, as the need for it is.
pub const RELOAD_STAMPS: &str = "/run/data-analyst/reloads";

fn reloaded_at(planner: &Planner<'_>, name: &UnitName) -> u64 {
    planner.text(&reload_stamp(name)).trim().parse().unwrap_or(0)
}

fn microseconds(time: Timestamp) -> u64 {
    u64::try_from(time.seconds).unwrap_or(0) * 1_000_000 + u64::from(time.nanoseconds) / 1000
}
