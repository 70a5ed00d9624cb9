//! The steps of one round, batch by batch: remembered, carried out, noted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use appliance::layout::Judge;
use appliance::name::UnitName;
use appliance::path::TargetPath;
use host::systemd::{self, Order};
use host::write::{self, NewFile};
use host::{Facts, Host, directory};
use plan::{Change, Step, UnitOrder};

use crate::event::{Event, Outcome};
use crate::journal::Journal;
use crate::order::{self, Numbered, Phase};
use crate::run::{not_journalled, step_error};
use crate::{
    ApplyError, StepError, accounts, certificate, confirmation, disks, images, names, packages, quarantine,
    rehearsal, secret,
};

/// How long units may take to start.
const UNIT_LIMIT: Duration = Duration::from_secs(120);

/// Who is told how far it is.
pub(crate) struct Progress<'a, 'b> {
    pub tell: &'a mut (dyn FnMut(Event<'_>) + 'b),
    pub steps: &'a mut usize,
}

/// Carries out one round.
pub(crate) struct Carrier<'a, 'b> {
    pub host: &'a Host,
    /// What the round was planned from.
    pub facts: &'a Facts,
    pub journal: &'a mut Journal,
    pub progress: Progress<'a, 'b>,
    pub stop: Option<&'a AtomicBool>,
    pub at_risk: &'a mut bool,
}

impl Carrier<'_, '_> {
    pub fn carry_out(&mut self, steps: &[Step]) -> Result<(), ApplyError> {
        let ordered = order::in_order(steps);
        let mut judged = None;
        for batch in order::batches(&ordered) {
            if self.stop.is_some_and(|stop| stop.load(Ordering::SeqCst)) {
                return Err(ApplyError::Interrupted);
            }
            let Some(first) = batch.first() else { continue };
            let phase = order::phase(&first.step.change);
            if phase >= Phase::Stops && judged.is_none() {
                let changes = ordered.iter().map(|numbered| numbered.step);
                judged = Some(rehearsal::judge(self.host, changes)?);
            }
            self.batch(batch, judged.as_ref().unwrap_or(&BTreeSet::new()))?;
        }
        Ok(())
    }

    fn batch(&mut self, batch: &[Numbered<'_>], judged: &BTreeSet<Judge>) -> Result<(), ApplyError> {
        let numbers: Vec<usize> = batch.iter().map(|numbered| numbered.number).collect();
        self.remember(batch)?;
        for numbered in batch {
            (self.progress.tell)(Event::Started {
                index: numbered.number,
                step: numbered.step,
            });
        }
        let result = carry_out(self.host, batch, judged);
        let outcome = if result.is_ok() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        for numbered in batch {
            (self.progress.tell)(Event::Ended {
                index: numbered.number,
                step: numbered.step,
                outcome,
            });
        }
        let error = result.as_ref().err().map(|error| error as &dyn std::error::Error);
        self.journal.ended(&numbers, error).map_err(not_journalled)?;
        result.map_err(|source| failed(batch, source))?;
        *self.progress.steps += batch.len();
        Ok(())
    }

    /// Keeps how things are, and sets the timer before the first change that could lock people out.
    fn remember(&mut self, batch: &[Numbered<'_>]) -> Result<(), ApplyError> {
        let images = images::capture(self.host, self.facts, batch).map_err(|source| failed(batch, source))?;
        self.journal.keep(self.host, images).map_err(not_journalled)?;
        let risky = batch.iter().any(|numbered| confirmation::is_risky(numbered.step));
        let has_manager = self.facts.live.as_ref().is_some_and(|live| live.units.is_some());
        if risky && has_manager && !*self.at_risk {
            confirmation::arm(self.journal).map_err(|error| {
                step_error("set", "the timer that puts back what locks people out", error)
            })?;
            *self.at_risk = true;
        }
        Ok(())
    }
}

fn failed(batch: &[Numbered<'_>], source: StepError) -> ApplyError {
    let targets: Vec<String> = batch.iter().map(|numbered| numbered.step.target()).collect();
    let verb = batch.first().map_or("carry out", |first| first.step.verb());
    ApplyError::Step {
        verb: verb.to_owned(),
        target: targets.join(", "),
        source: Box::new(source),
    }
}

fn carry_out(host: &Host, batch: &[Numbered<'_>], judged: &BTreeSet<Judge>) -> Result<(), StepError> {
    let Some(first) = batch.first() else { return Ok(()) };
    let steps = || batch.iter().map(|numbered| numbered.step);
    match &first.step.change {
        Change::InstallPackages(names) => packages::install(host, names),
        Change::RemovePackages(names) => packages::remove(host, names),
        Change::Account(_) => {
            let changes = steps().filter_map(|step| match &step.change {
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
        Change::Directory { .. } => names::make_directories(host, steps()),
        Change::Quarantine { path } => quarantine::take(host, path),
        Change::SetMetadata { .. }
        | Change::WriteFile { .. }
        | Change::Link { .. }
        | Change::Remove(_)
        | Change::RemoveDirectory(_) => names::change(host, steps()),
        Change::GenerateSecret { kept, credential, .. } => secret::generate(host, kept, credential),
        Change::MakePlaceholderCertificate {
            certificate,
            key,
            domain,
        } => certificate::make_placeholder(host, certificate, key, domain),
        Change::SetKernel { name, value } => Ok(host::kernel::set_sysctl(host, name, value)?),
        Change::LoadFirewall(rules) => Ok(host::firewall::load(host, rules.as_bytes())?),
        Change::ReloadUnitFiles => Ok(systemd::daemon_reload(host)?),
        Change::Unit { order, .. } => order_units(host, *order, batch, judged),
    }
}

fn order_units(
    host: &Host,
    order: UnitOrder,
    batch: &[Numbered<'_>],
    judged: &BTreeSet<Judge>,
) -> Result<(), StepError> {
    let mut names = Vec::new();
    for numbered in batch {
        if let Change::Unit { name, judge, .. } = &numbered.step.change {
            names.push(name);
            // What somebody else changed was not rehearsed.
            if let Some(judge) = judge.filter(|judge| !judged.contains(judge)) {
                rehearsal::judge_installed(host, judge)?;
            }
        }
    }
    let order = match order {
        UnitOrder::Stop => Order::Stop,
        UnitOrder::Start => Order::Start,
        UnitOrder::Restart => Order::Restart,
        UnitOrder::Reload => Order::ReloadOrRestart,
    };
    let begun = SystemTime::now();
    if matches!(order, Order::Start | Order::Restart) {
        // A unit that failed or was started too often refuses to start until that is forgotten.
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
