//! Whether a unit that is up must start anew or read its configuration again: observed from times and from what it
//! runs, so that an interrupted run loses no restart.

use std::collections::BTreeSet;

use appliance::Appliance;
use appliance::name::UnitName;
use appliance::path::TargetPath;
use appliance::unit::OnChange;
use host::facts::{Inode, Kind, Timestamp, UnitFact};

use crate::Planner;
use crate::step::UnitOrder;
use crate::units::{Running, changed_path, drop_in_directory, is_up};

/// What a unit that is up must be told, why, and how it is now.
pub(crate) fn due(
    planner: &Planner<'_>,
    fact: &UnitFact,
    unit: &Running<'_>,
) -> Option<(String, &'static str, UnitOrder)> {
    if let Some(because) = unit.disks.filter(|_| misses_a_disk(planner, fact)) {
        return Some((because.to_owned(), "does without a disk", UnitOrder::Restart));
    }
    if let Some(program) = replaced(planner, fact, unit.program.as_ref()) {
        let because = format!("{program} was replaced");
        return Some((because, "runs the old program", UnitOrder::Restart));
    }
    // What a unit is allowed and given is settled when it starts: a drop-in is not read again by a reload.
    let drop_ins = [drop_in_directory(unit.name)];
    let started = ReadAt {
        files: fact.started_us,
        directories: fact.up_us,
    };
    let before = "reads what was there before";
    if let Some(changed) = changed_since(planner, &drop_ins, started) {
        return Some((format!("{changed} changed"), before, UnitOrder::Restart));
    }
    let (read, what) = match unit.on_change {
        OnChange::Restart => (started, UnitOrder::Restart),
        OnChange::Reload => (
            started.or_later(reloaded_at(planner, unit.name)),
            UnitOrder::Reload,
        ),
    };
    let changed = changed_since(planner, unit.inputs, read)?;
    Some((format!("{changed} changed"), before, what))
}

/// True for a unit that started before a disk was mounted: by this plan, or by a run that was killed behind that.
/// What a process sees of a mount that came later differs with its sandbox; when it came does not.
fn misses_a_disk(planner: &Planner<'_>, fact: &UnitFact) -> bool {
    let units = planner.facts.live.as_ref().and_then(|live| live.units.as_ref());
    let mounts = planner
        .appliance
        .disks
        .iter()
        .filter_map(|disk| mount_unit(&disk.mount));
    let mut mounts = mounts.filter_map(|name| units?.get(&name));
    !planner.mounting.is_empty()
        || mounts.any(|mount| is_up(mount) && mount.up_clock_us > fact.started_clock_us)
}

/// The unit that the service manager makes of a mount; none where its name would need escapes.
pub(crate) fn mount_unit(point: &TargetPath) -> Option<UnitName> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'/';
    let name = point.relative();
    let name = name.bytes().all(plain).then(|| name.replace('/', "-"))?;
    UnitName::new(&format!("{name}.mount")).ok()
}

/// The program that a unit runs and that is no longer what its path leads to.
fn replaced<'f>(planner: &Planner<'_>, fact: &'f UnitFact, path: Option<&TargetPath>) -> Option<&'f str> {
    let program = fact.program.as_ref()?;
    // What lies in memory alone never had a name.
    if program.deleted && !program.path.starts_with("/memfd:") {
        return Some(&program.path);
    }
    // A script is run by its interpreter, so the file that runs has another name.
    let path = path.filter(|path| program.path.ends_with(&format!("/{}", path.name())))?;
    let inode = planner.inode(path).filter(|inode| inode.kind == Kind::File)?;
    let runs = (program.device, program.number);
    (runs != (inode.device, inode.number)).then_some(&program.path)
}

/// When a unit read its inputs, in microseconds since 1970.
#[derive(Clone, Copy)]
struct ReadAt {
    /// When it began to start: a file that changed while it did may have been read before.
    files: u64,
    /// When it was up: what it starts beside itself may write into its directory, as augenrules does for auditd.
    directories: u64,
}

impl ReadAt {
    fn or_later(self, time: u64) -> Self {
        Self {
            files: self.files.max(time),
            directories: self.directories.max(time),
        }
    }
}

/// An input that this plan changes, or that changed since it was read. A directory among them stands for what the tree
/// puts in it, and its own time for what was removed from it or renamed.
fn changed_since(planner: &Planner<'_>, inputs: &[TargetPath], read: ReadAt) -> Option<TargetPath> {
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
    let counts = |path: &TargetPath| inputs.contains(path) || planner.tree.get(path).is_some();
    let is_later = |path: &TargetPath, inode: &Inode| match inode.kind {
        // Not ctime: an owner or a mode that was repaired is nothing that a unit reads.
        Kind::Directory => microseconds(inode.modified) > read.directories,
        Kind::File | Kind::Link(_) | Kind::Other(_) => {
            counts(path) && microseconds(inode.changed) > read.files
        }
    };
    let known = planner.facts.inodes.iter();
    known
        .filter(|(path, _)| is_input(path))
        .find(|(path, inode)| is_later(path, inode))
        .map(|(path, _)| path.clone())
}

/// The directories whose times say whether something went from the inputs of a unit: those that hold something that
/// is or was ours.
pub(crate) fn input_directories<'a>(
    appliance: &Appliance,
    paths: impl Iterator<Item = &'a TargetPath>,
) -> BTreeSet<TargetPath> {
    let debian = || {
        appliance
            .units
            .debian
            .iter()
            .filter(|unit| appliance.is_on(&unit.platforms))
    };
    let services = appliance.units.services.iter().map(|unit| &unit.name);
    let names = services.chain(debian().map(|unit| &unit.name));
    let drop_ins = names.filter(|name| !name.is_template()).map(drop_in_directory);
    let inputs: Vec<&TargetPath> = debian().flat_map(|unit| &unit.inputs).collect();
    let above = paths
        .filter(|path| {
            inputs
                .iter()
                .any(|input| path.is_within(input) && *path != *input)
        })
        .filter_map(TargetPath::parent);
    inputs
        .iter()
        .map(|path| (*path).clone())
        .chain(drop_ins)
        .chain(above)
        .collect()
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
