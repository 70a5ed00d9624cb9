//! Services of ours: the baseline sandbox, and how each deviates from it.

use appliance::Appliance;
use appliance::path::TargetPath;
use appliance::unit::{Directives, Service, ServiceKind};
use templates::context::{Directive, Unit, UnitValue};

use super::enablement::{self, Enabled};
use super::{add_unit, disk, lines, path_of, section};
use crate::RenderError;
use crate::draft::{Draft, sorted};
use crate::names::{AUDIT_SPOOL, CREDENTIALS, UNIT_FAILED, below};
use crate::settings;

/// Ten failures in five minutes, then systemd leaves it failed and the alert has the word.
const START_LIMIT: (i64, i64) = (300, 10);
/// Keys whose empty value is a strict one; everywhere else it means systemd's default, and the line is left out.
const EMPTY_IS_STRICT: [&str; 1] = ["CapabilityBoundingSet"];

pub(super) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for service in &draft.appliance.units.services {
        let unit = unit(draft, service)?;
        add_unit(draft, &service.name, &unit, &service.description)?;
        let enabled = enabled(draft, service)?;
        enablement::add(draft, &service.name, &service.wanted_by, &enabled)?;
    }
    Ok(())
}

fn enabled(draft: &Draft<'_>, service: &Service) -> Result<Enabled, RenderError> {
    if draft.inputs.enables(draft.appliance, service) {
        return enablement::ours(&service.name);
    }
    Ok(Enabled::No {
        because: format!("{} needs {}", service.name, missing_secrets(draft, service)),
    })
}

/// The secrets without which a service is disabled, those alone that are absent.
pub(super) fn missing_secrets(draft: &Draft<'_>, service: &Service) -> String {
    let needs = service.needs.iter();
    let absent = needs.filter(|name| !draft.inputs.has(draft.appliance, name));
    sorted(absent.map(|name| name.as_str())).join(", ")
}

fn unit(draft: &Draft<'_>, service: &Service) -> Result<Unit, RenderError> {
    let writes = writes(draft.appliance, service)?;
    let mut directives = identity(draft, service, &writes)?;
    let own: Vec<String> = directives.iter().map(|directive| directive.key.clone()).collect();
    for (key, values) in &effective(&draft.appliance.units.baseline, &service.directives) {
        if own.contains(key) {
            return Err(RenderError::Text {
                path: path_of(&service.name)?,
                text: key.clone(),
                problem: "follows from other keys of the service\nnext: remove it from its directives",
            });
        }
        directives.extend(lines(key, values));
    }
    Ok(Unit {
        sections: vec![
            section("Unit", relations(draft.appliance, service, &writes)),
            section("Service", directives),
        ],
    })
}

/// What a service says about itself and other units.
fn relations(appliance: &Appliance, service: &Service, writes: &[TargetPath]) -> Vec<Directive> {
    let mut directives = vec![Directive::new(
        "Description",
        UnitValue::specifiers(service.description.as_str()),
    )];
    let mounts = mounts(appliance, service, writes);
    let mut after: Vec<String> = service.after.iter().map(ToString::to_string).collect();
    if service.starts_without_disks {
        // It waits for them all the same, as its sandbox is made of what is mounted then.
        after.extend(appliance.disks.iter().map(|disk| disk::mount_unit(&disk.mount)));
    }
    let after = sorted(after);
    if !after.is_empty() {
        directives.push(Directive::new("After", UnitValue::words(after)));
    }
    if !mounts.is_empty() && !service.starts_without_disks {
        directives.push(Directive::new("RequiresMountsFor", UnitValue::words(mounts)));
    }
    if service.name.as_str() != UNIT_FAILED {
        let report = UNIT_FAILED.replace('@', "@%n");
        directives.push(Directive::new("OnFailure", UnitValue::specifiers(report)));
    }
    let (interval, burst) = START_LIMIT;
    directives.push(Directive::new(
        "StartLimitIntervalSec",
        UnitValue::Number(interval),
    ));
    directives.push(Directive::new("StartLimitBurst", UnitValue::Number(burst)));
    directives
}

/// Every path that it may write, its audit spool included.
fn writes(appliance: &Appliance, service: &Service) -> Result<Vec<TargetPath>, RenderError> {
    let mut writes = service.writes.clone();
    if let Some(spool) = &service.spool {
        let spool = below(AUDIT_SPOOL, spool)?;
        if !appliance
            .directories
            .iter()
            .any(|directory| directory.path == spool)
        {
            return Err(RenderError::Missing {
                path: path_of(&service.name)?,
                what: format!("directory {spool}"),
                file: "layout.toml",
            });
        }
        writes.push(spool);
    }
    Ok(sorted(writes))
}

/// The paths that must be mounted before it starts: those that it writes, and every disk that it or its command
/// touches, so that nothing is ever written beside a missing disk.
fn mounts(appliance: &Appliance, service: &Service, writes: &[TargetPath]) -> Vec<String> {
    let arguments = service.command.split_ascii_whitespace().skip(1);
    let named = arguments.filter_map(|word| TargetPath::new(word).ok());
    let touched: Vec<TargetPath> = writes.iter().cloned().chain(named).collect();
    let disks = appliance.disks.iter().map(|disk| &disk.mount);
    let on_disk = disks.filter(|mount| touched.iter().any(|path| path.is_within(mount)));
    sorted(writes.iter().chain(on_disk).map(ToString::to_string))
}

/// What follows from the service's own keys, in the order in which a person reads a unit.
fn identity(
    draft: &Draft<'_>,
    service: &Service,
    writes: &[TargetPath],
) -> Result<Vec<Directive>, RenderError> {
    let kind = match service.kind {
        ServiceKind::Notify => "notify",
        ServiceKind::Oneshot => "oneshot",
    };
    let mut directives = vec![
        Directive::new("Type", UnitValue::text(kind)),
        Directive::new("ExecStart", UnitValue::specifiers(service.command.as_str())),
        Directive::new("User", UnitValue::text(service.user.as_str())),
        Directive::new("Group", UnitValue::text(service.group.as_str())),
    ];
    let groups = sorted(service.supplementary.iter().map(|group| group.as_str()));
    if !groups.is_empty() {
        directives.push(Directive::new("SupplementaryGroups", UnitValue::words(groups)));
    }
    if !writes.is_empty() {
        // With a dash a path that is not there does not keep it from starting.
        let dash = if service.starts_without_disks { "-" } else { "" };
        let writes = writes.iter().map(|path| format!("{dash}{path}"));
        directives.push(Directive::new("ReadWritePaths", UnitValue::words(writes)));
    }
    if !settings::variables(draft.appliance, draft.inputs, service)?.is_empty() {
        let path = settings::path_of(service)?;
        directives.push(Directive::new("EnvironmentFile", UnitValue::text(path.as_str())));
    }
    for name in sorted(&service.credentials) {
        if draft.inputs.has(draft.appliance, name) {
            let load = format!("{name}:{CREDENTIALS}/{name}");
            directives.push(Directive::new("LoadCredential", UnitValue::text(load)));
        }
    }
    Ok(directives)
}

/// The baseline with what the service says instead or besides.
fn effective(baseline: &Directives, own: &Directives) -> Directives {
    let mut directives = baseline.clone();
    for (key, values) in own {
        let empty = values.0.iter().all(String::is_empty);
        if empty && !EMPTY_IS_STRICT.contains(&key.as_str()) {
            directives.remove(key);
        } else {
            directives.insert(key.clone(), values.clone());
        }
    }
    directives
}
