//! The loop: look, plan, carry out, look again, until there is nothing to do.
//!
//! One round is enough for a machine that only drifted. A bare one needs a second: packages bring files, and a disk
//! that was mounted shows what lies on it. That the last look finds nothing to do is the proof.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use appliance::Appliance;
use appliance::name::UnitName;
use appliance::path::TargetPath;
use host::lock::Lock;
use host::systemd::{self, Order};
use host::write::{self, NewFile};
use host::{Host, HostError, directory, read};
use plan::{Change, Step, UnitOrder};
use render::{Area, Node, Tree};

use crate::event::{Event, Outcome};
use crate::journal::Journal;
use crate::{
    ApplyError, StepError, accounts, certificate, disks, files, leaving, packages, quarantine, secret,
    together,
};

/// More rounds than these mean that something undoes our work.
const MOST_ROUNDS: usize = 4;
/// How long another run is waited for (spec 10, section 22.1).
const LOCK_WAIT: Duration = Duration::from_secs(30);
/// How long units may take to start.
const UNIT_LIMIT: Duration = Duration::from_secs(120);

/// What to do, and how far.
#[derive(Debug, Default)]
pub struct Options<'a> {
    /// These areas alone; empty for all.
    pub only: Vec<Area>,
    /// Set when the operator wants to stop: the step at hand is finished first.
    pub stop: Option<&'a AtomicBool>,
}

/// What an apply did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Steps carried out.
    pub steps: usize,
    /// Rounds that had something to do.
    pub rounds: usize,
}

/// Brings a machine to its definition.
///
/// # Errors
///
/// When something must be settled first (nothing was changed), when a step fails (the error names it, and running
/// again goes on from there), or when the machine does not stay as it was made.
pub fn apply(
    appliance: &Appliance,
    host: &Host,
    options: &Options<'_>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<Report, ApplyError> {
    let _lock = take_lock(host)?;
    let mut report = Report::default();
    let mut journal = None;
    for round in 1..=MOST_ROUNDS {
        let survey = survey::take(appliance, host, &[], |_, _| {})?;
        if round == 1 {
            sweep_leftovers(host, &survey.tree)?;
        }
        let plan = survey.plan.only(&options.only);
        if !plan.refusals.is_empty() {
            return Err(ApplyError::Refused(plan.refusals));
        }
        if plan.steps.is_empty() {
            return Ok(report);
        }
        report.rounds = round;
        tell(Event::Round {
            round,
            steps: &plan.steps,
        });
        let journal = match &mut journal {
            Some(journal) => journal,
            none => none.insert(Journal::open(host).map_err(not_journalled)?),
        };
        journal.round(&plan.steps).map_err(not_journalled)?;
        carry_out(
            host,
            &plan.steps,
            options,
            &mut Progress {
                report: &mut report,
                journal,
                tell,
            },
        )?;
    }
    let rest = survey::take(appliance, host, &[], |_, _| {})?
        .plan
        .only(&options.only);
    if rest.is_empty() {
        return Ok(report);
    }
    Err(ApplyError::Restless(
        rest.steps.iter().map(Step::target).collect(),
    ))
}

/// Removes the unfinished files of a run that was killed. Under the lock, since another run's look the same.
fn sweep_leftovers(host: &Host, tree: &Tree) -> Result<(), ApplyError> {
    let is_file = |node: &Node| matches!(node, Node::File { .. } | Node::Link { .. });
    let directories: BTreeSet<TargetPath> = tree
        .iter()
        .filter(|(_, entry)| is_file(&entry.node))
        .filter_map(|(path, _)| path.parent())
        .collect();
    for directory in directories {
        write::sweep(host, &directory).map_err(|error| step_error("tidy", directory.to_string(), error))?;
    }
    Ok(())
}

/// The lock of apply, deploy and recover.
fn take_lock(host: &Host) -> Result<Lock, ApplyError> {
    let root = directory::Metadata::of_root(0o755);
    for (path, exists_on_debian) in [
        ("/run", true),
        ("/run/lock", true),
        ("/run/lock/data-analyst", false),
    ] {
        let path = TargetPath::known(path);
        if exists_on_debian && read::exists(host, &path).map_err(ApplyError::Busy)? {
            continue;
        }
        directory::ensure(host, &path, &root)
            .map_err(|error| step_error("prepare", path.to_string(), error))?;
    }
    Lock::take(
        host,
        &TargetPath::known("/run/lock/data-analyst/provision.lock"),
        LOCK_WAIT,
    )
    .map_err(|error| match error {
        HostError::LockHeld { .. } => ApplyError::Busy(error),
        other => step_error("lock", "/run/lock/data-analyst/provision.lock".to_owned(), other),
    })
}

fn step_error(verb: &str, target: String, error: HostError) -> ApplyError {
    ApplyError::Step {
        verb: verb.to_owned(),
        target,
        source: Box::new(error.into()),
    }
}

/// Steps that are carried out in one go, because they share a lock, a sync or a transaction.
fn batches(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    steps.chunk_by(|left, right| match (&left.change, &right.change) {
        _ if together::belongs(left) || together::belongs(right) => {
            together::belongs(left) && together::belongs(right)
        }
        (Change::Account(_), Change::Account(_)) | (Change::Directory { .. }, Change::Directory { .. }) => {
            true
        }
        (Change::WriteFile { judge: None, .. }, Change::WriteFile { judge: None, .. }) => true,
        (Change::Unit { order: left, .. }, Change::Unit { order: right, .. }) => left == right,
        _ => false,
    })
}

/// Who is told how far it is.
struct Progress<'a, 'b> {
    report: &'a mut Report,
    journal: &'a mut Journal,
    tell: &'a mut (dyn FnMut(Event<'_>) + 'b),
}

fn not_journalled(error: HostError) -> ApplyError {
    step_error("write", "the journal".to_owned(), error)
}

fn carry_out(
    host: &Host,
    steps: &[Step],
    options: &Options<'_>,
    progress: &mut Progress<'_, '_>,
) -> Result<(), ApplyError> {
    let mut index = 0;
    for batch in batches(steps) {
        if options.stop.is_some_and(|stop| stop.load(Ordering::SeqCst)) {
            return Err(ApplyError::Interrupted);
        }
        for (offset, step) in batch.iter().enumerate() {
            (progress.tell)(Event::Started {
                index: index + offset + 1,
                step,
            });
        }
        let result = carry_out_batch(host, batch);
        let outcome = if result.is_ok() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        for (offset, step) in batch.iter().enumerate() {
            (progress.tell)(Event::Ended {
                index: index + offset + 1,
                step,
                outcome,
            });
        }
        let error = result.as_ref().err().map(|error| error as &dyn std::error::Error);
        progress
            .journal
            .ended(index + 1, index + batch.len(), error)
            .map_err(not_journalled)?;
        index += batch.len();
        result.map_err(|source| {
            let targets: Vec<String> = batch.iter().map(Step::target).collect();
            let verb = batch.first().map_or("carry out", Step::verb).to_owned();
            ApplyError::Step {
                verb,
                target: targets.join(", "),
                source: Box::new(source),
            }
        })?;
        progress.report.steps += batch.len();
    }
    Ok(())
}

fn carry_out_batch(host: &Host, batch: &[Step]) -> Result<(), StepError> {
    let Some(first) = batch.first() else { return Ok(()) };
    if together::belongs(first) {
        return together::change(host, batch);
    }
    match &first.change {
        Change::InstallPackages(names) => packages::install(host, names),
        Change::RemovePackages(names) => packages::remove(host, names),
        Change::Account(_) => {
            let changes = batch.iter().filter_map(|step| match &step.change {
                Change::Account(change) => Some(change),
                _ => None,
            });
            accounts::edit(host, changes)
        }
        Change::GuardMountPoint(path) => disks::guard(host, path),
        Change::FormatDisk(disk) => disks::format(host, disk),
        Change::MountDisk(disk) => disks::mount(host, disk),
        Change::MarkDisk(disk) => disks::mark(host, disk),
        Change::GrowDisk(disk) => Ok(host::disk::grow(host, &disk.device)?),
        Change::Remount { point, options } => Ok(host::mount::remount(host, point, options)?),
        Change::MakeSwap { path, bytes, in_use } => {
            if *in_use {
                host::swap::off(host, path)?;
            }
            Ok(host::swap::make(host, path, *bytes)?)
        }
        Change::StartSwap(path) => Ok(host::swap::on(host, path)?),
        Change::Directory { .. } => files::make_directories(host, batch),
        Change::SetMetadata { path, metadata } => {
            directory::set_metadata(host, path, &files::host_metadata(metadata))?;
            Ok(())
        }
        Change::WriteFile { judge: None, .. } => files::write_all(host, batch),
        Change::WriteFile {
            path,
            content,
            metadata,
            judge: Some(judge),
        } => files::write_judged(host, path, &content.bytes, metadata, *judge),
        Change::Link { path, target } => Ok(host::link::replace(host, path, target, 0, 0)?),
        Change::Remove(path) => files::remove(host, path),
        Change::Quarantine { path } => quarantine::take(host, path),
        Change::RemoveDirectory(path) => leaving::remove_directory(host, path),
        Change::GenerateSecret { kept, credential, .. } => secret::generate(host, kept, credential),
        Change::MakePlaceholderCertificate {
            certificate,
            key,
            domain,
        } => certificate::make_placeholder(host, certificate, key, domain),
        Change::SetKernel { name, value } => Ok(host::kernel::set_sysctl(host, name, value)?),
        Change::LoadFirewall(rules) => {
            host::firewall::check(host, rules.as_bytes())?;
            Ok(host::firewall::load(host, rules.as_bytes())?)
        }
        Change::ReloadUnitFiles => Ok(systemd::daemon_reload(host)?),
        Change::Unit { order, .. } => order_units(host, *order, batch),
    }
}

fn order_units(host: &Host, order: UnitOrder, batch: &[Step]) -> Result<(), StepError> {
    let names: Vec<_> = batch
        .iter()
        .filter_map(|step| match &step.change {
            Change::Unit { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    let order = match order {
        UnitOrder::Stop => Order::Stop,
        UnitOrder::Start => Order::Start,
        UnitOrder::Restart => Order::Restart,
        UnitOrder::Reload => Order::ReloadOrRestart,
    };
    for step in batch {
        if let Change::Unit {
            judge: Some(judge), ..
        } = &step.change
        {
            files::judge_installed(host, *judge)?;
        }
    }
    let begun = SystemTime::now();
    if order == Order::Start {
        // A unit that failed too often refuses to start until that is forgotten.
        systemd::reset_failed(host, &names)?;
    }
    systemd::order(host, order, &names, UNIT_LIMIT)?;
    if order == Order::ReloadOrRestart {
        note_reload(host, &names, begun)?;
    }
    Ok(())
}

/// Notes when a reload began, so that an input that changed since is noticed.
fn note_reload(host: &Host, names: &[&UnitName], begun: SystemTime) -> Result<(), StepError> {
    let microseconds = begun
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_micros())
        .to_string();
    for directory in ["/run/data-analyst", plan::RELOAD_STAMPS] {
        directory::ensure(
            host,
            &TargetPath::known(directory),
            &directory::Metadata::of_root(0o755),
        )?;
    }
    for name in names {
        let path = plan::reload_stamp(name);
        write::replace(host, &NewFile::of_root(&path, microseconds.as_bytes(), 0o644))?;
    }
    Ok(())
}
