//! What runs: started, stopped, and told to read what changed.

use appliance::layout::Judge;
use appliance::name::UnitName;
use appliance::path::TargetPath;
use appliance::unit::{DebianUnit, OnChange, Service, ServiceKind, Wanted};
use host::facts::UnitFact;
use host::facts::unit::{Active, Load};
use render::{Area, Node};

use crate::Planner;
use crate::due::due;
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
        let running = Running {
            name: &timer.name,
            on_change: OnChange::Restart,
            inputs: &[unit_path(&timer.name)],
            judge: None,
            program: None,
            disks: None,
        };
        plan_running(planner, units.get(&timer.name), &running);
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
        Wanted::Running => {
            let running = Running {
                name: &unit.name,
                on_change: unit.on_change,
                inputs: &unit.inputs,
                judge: unit.judge,
                program: None,
                disks: unit
                    .sees_disks
                    .then_some("it sees only what was mounted when it started"),
            };
            plan_running(planner, fact, &running);
        }
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
    let running = Running {
        name: &service.name,
        on_change: OnChange::Restart,
        inputs: &inputs,
        judge: None,
        program: program_paths(&service.command).into_iter().next(),
        disks: service
            .starts_without_disks
            .then_some("its sandbox is made of what was mounted when it started"),
    };
    plan_running(planner, fact, &running);
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

/// A unit that should be up, and what it reads.
pub(crate) struct Running<'a> {
    /// Which.
    pub name: &'a UnitName,
    /// What it does about a changed input.
    pub on_change: OnChange,
    /// What it reads.
    pub inputs: &'a [TargetPath],
    /// Who says first whether it will understand what it reads.
    pub judge: Option<Judge>,
    /// The path of its program, where we know it.
    pub program: Option<TargetPath>,
    /// Why it starts anew when a disk is mounted after it started.
    pub disks: Option<&'a str>,
}

fn plan_running(planner: &mut Planner<'_>, fact: Option<&UnitFact>, unit: &Running<'_>) {
    let why = "the definition wants it to run";
    let Some(fact) = fact.filter(|fact| fact.load != Load::NotFound) else {
        order(
            planner,
            unit.name,
            UnitOrder::Start,
            unit.judge,
            why,
            "unknown to systemd",
        );
        return;
    };
    if !is_up(fact) {
        let before = if fact.active == Active::Failed {
            format!("failed: {}", fact.result)
        } else {
            "inactive".to_owned()
        };
        order(planner, unit.name, UnitOrder::Start, unit.judge, why, &before);
        return;
    }
    if let Some((because, before, what)) = due(planner, fact, unit) {
        order(planner, unit.name, what, unit.judge, &because, before);
    }
}

/// Where the drop-ins of a unit lie.
pub(crate) fn drop_in_directory(name: &UnitName) -> TargetPath {
    TargetPath::known(&format!("{UNIT_DIRECTORY}/{name}.d"))
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
