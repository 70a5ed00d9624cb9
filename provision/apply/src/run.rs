//! The loop: look, plan, carry out, look again, until there is nothing to do.
//!
//! One round is enough for a machine that only drifted. A bare one needs a second: packages bring files, and a disk
//! that was mounted shows what lies on it. That the last look finds nothing to do is the proof.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use appliance::Appliance;
use appliance::path::TargetPath;
use host::lock::Lock;
use host::write;
use host::{Host, HostError, directory, read};
use plan::{Foreign, Ledger, SavedPlan, Step};
use render::{Area, Tree};
use survey::Survey;

use crate::carry_out::{Carrier, Progress};
use crate::confirmation::Inherited;
use crate::event::Event;
use crate::health::Health;
use crate::journal::{Journal, Mark, Past};
use crate::{ApplyError, confirmation, health, journal, ledger, saved, undo};

/// More rounds than these mean that something undoes our work.
const MOST_ROUNDS: usize = 4;
/// How long another run is waited for (spec 10, section 22.1).
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// What to do, and how far.
#[derive(Debug, Default)]
pub struct Options<'a> {
    /// These areas alone; empty for all.
    pub only: Vec<Area>,
    /// Carry out this plan and nothing else, or nothing when the machine is no longer the one it was made for.
    pub planned: Option<&'a SavedPlan>,
    /// What is not ours and is moved away.
    pub foreign: Vec<Foreign>,
    /// Set when the operator wants to stop: the step at hand is finished first.
    pub stop: Option<&'a AtomicBool>,
    /// What a run that fails did is left as it is, for somebody to look at.
    pub keep: bool,
    /// Who says that people can still get in.
    pub confirmation: Confirmation,
}

/// Who says, at the end of a run that changed sshd, sudo or the firewall, that people can still get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirmation {
    /// This machine, by what it can see of itself.
    #[default]
    ByItself,
    /// Somebody, with `appliance confirm`, and in this time.
    Awaited(Duration),
}

/// What an apply did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Steps carried out.
    pub steps: usize,
    /// Rounds that had something to do.
    pub rounds: usize,
    /// Steps that came to light while a saved plan was carried out and that nobody has read yet.
    pub left: usize,
}

/// Brings a machine to its definition.
///
/// # Errors
///
/// When something must be settled first (nothing was changed); when a step fails or the portal is sicker than before:
/// a machine that was as defined once is put back as it was, one that never was keeps what was done and the next run
/// goes on from there; when the machine does not stay as it was made.
pub fn apply(
    appliance: &Appliance,
    host: &Host,
    options: &Options<'_>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<Report, ApplyError> {
    let _lock = take_lock(host)?;
    let inherited = confirmation::inherit(host).map_err(not_journalled)?;
    let mut run = Run {
        appliance,
        host,
        options,
        tell,
        report: Report::default(),
        journal: None,
        health: None,
        was_whole: false,
        at_risk: inherited.at_risk,
        inherited,
    };
    match run.rounds().and_then(|survey| run.settle(&survey)) {
        Ok(()) => Ok(run.report),
        Err(error) => Err(run.fail(error)),
    }
}

/// One run, from its first look to its end.
struct Run<'a, 'b> {
    appliance: &'a Appliance,
    host: &'a Host,
    options: &'a Options<'a>,
    tell: &'a mut (dyn FnMut(Event<'_>) + 'b),
    report: Report,
    /// Opened by the first round that has something to do.
    journal: Option<Journal>,
    /// How the portal was before the first change.
    health: Option<Health>,
    /// The machine was as defined at the end of an earlier run: then there is something to go back to.
    was_whole: bool,
    /// What the run before this one left.
    inherited: Inherited,
    /// Something that could lock people out was changed and nobody has looked yet.
    at_risk: bool,
}

impl Run<'_, '_> {
    /// Gives the look that found nothing left to do, or nothing that somebody has said yes to.
    fn rounds(&mut self) -> Result<Survey, ApplyError> {
        for round in 1..=MOST_ROUNDS {
            let survey = self.look()?;
            if round == 1 {
                if self.inherited.cut_short {
                    sweep_leftovers(self.host, &survey.tree)?;
                }
                confirmation::take_over(self.host, &self.inherited).map_err(not_journalled)?;
                self.was_whole = Ledger::of(&survey.facts).converged;
            }
            if !survey.plan.refusals.is_empty() {
                return Err(ApplyError::Refused(survey.plan.refusals));
            }
            if survey.plan.steps.is_empty() {
                return Ok(survey);
            }
            if let Some(saved) = self.options.planned {
                if round > 1 {
                    self.report.left = survey.plan.steps.len();
                    return Ok(survey);
                }
                saved::refuse_moved(saved, &survey)?;
            }
            self.report.rounds = round;
            self.round(round, &survey)?;
        }
        let survey = self.look()?;
        if survey.plan.is_empty() {
            return Ok(survey);
        }
        Err(ApplyError::Restless(
            survey.plan.steps.iter().map(Step::target).collect(),
        ))
    }

    fn look(&self) -> Result<Survey, ApplyError> {
        let mut survey = survey::take(self.appliance, self.host, &self.options.foreign, |_, _| {})?;
        survey.plan = survey.plan.only(&self.options.only);
        Ok(survey)
    }

    fn round(&mut self, round: usize, survey: &Survey) -> Result<(), ApplyError> {
        let steps = &survey.plan.steps;
        (self.tell)(Event::Round { round, steps });
        if self.journal.is_none() {
            self.health = health::ask(self.appliance, self.host);
            self.journal = Some(Journal::open(self.host).map_err(not_journalled)?);
        }
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        journal.round(round, steps).map_err(not_journalled)?;
        ledger::write(self.host, survey, |ledger| ledger.intending(&survey.plan)).map_err(not_journalled)?;
        let mut carrier = Carrier {
            host: self.host,
            facts: &survey.facts,
            journal,
            progress: Progress {
                tell: &mut *self.tell,
                steps: &mut self.report.steps,
            },
            stop: self.options.stop,
            at_risk: &mut self.at_risk,
        };
        carrier.carry_out(steps)
    }

    /// The end of a run that found nothing more to do.
    fn settle(&mut self, survey: &Survey) -> Result<(), ApplyError> {
        if let Some(sick) = health::sicker(self.appliance, self.host, self.health.as_ref()) {
            return Err(ApplyError::Sicker(sick));
        }
        self.confirm()?;
        if self.options.only.is_empty() && survey.plan.is_empty() {
            ledger::write(self.host, survey, |ledger| {
                ledger.settled(&survey.tree, &survey.facts)
            })
            .map_err(not_journalled)?;
        }
        match self.journal.take() {
            Some(journal) => journal.end(self.host, Mark::Converged).map_err(not_journalled),
            None => Ok(()),
        }
    }

    /// Makes sure that people still get in, if this run put that at risk.
    fn confirm(&mut self) -> Result<(), ApplyError> {
        if !self.at_risk || !self.host.is_live() {
            return Ok(());
        }
        confirmation::door_is_open(self.host, self.sshd_is_wanted()).map_err(ApplyError::LockedOut)?;
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        if let Confirmation::Awaited(limit) = self.options.confirmation {
            (self.tell)(Event::AwaitingConfirmation {
                run: &journal.run,
                seconds: limit.as_secs(),
            });
            let given =
                confirmation::wait_for_word(self.host, &journal.run, limit).map_err(not_journalled)?;
            if !given {
                return Err(ApplyError::LockedOut("nobody confirmed in time".to_owned()));
            }
        }
        confirmation::confirm(journal).map_err(not_journalled)?;
        self.at_risk = false;
        Ok(())
    }

    fn sshd_is_wanted(&self) -> bool {
        let mut units = self.appliance.units.debian.iter();
        units.any(|unit| unit.name.as_str() == "ssh.service" && self.appliance.is_on(&unit.platforms))
    }

    /// The end of a run that failed: what it did is put back where there is something to go back to.
    fn fail(&mut self, error: ApplyError) -> ApplyError {
        let Some(journal) = self.journal.take() else {
            return self.put_back_inherited(error);
        };
        let locked_out = matches!(error, ApplyError::LockedOut(_));
        let goes_back = self.was_whole && !self.options.keep && !matches!(error, ApplyError::Interrupted);
        // A machine on the way to its first whole state goes on from where it stopped, but for what would keep people
        // from doing that.
        let areas = match (goes_back, locked_out) {
            (true, _) => None,
            (false, true) => Some(&confirmation::ACCESS[..]),
            (false, false) => return self.stop_there(journal, error),
        };
        if journal.images.is_empty() {
            let _ = journal.end(self.host, Mark::Stopped);
            return error;
        }
        (self.tell)(Event::PuttingBack { run: &journal.run });
        let undone = undo::put_back(self.host, &journal.run, &journal.images, areas);
        let failed = undone.failed.clone();
        let ended = self.end(journal, Mark::PutBack);
        ApplyError::PutBack {
            count: undone.count,
            failed: failed
                .into_iter()
                .chain(ended.err().map(|error| error.to_string()))
                .collect(),
            source: Box::new(error),
        }
    }

    /// A run that had nothing to do, and found that the one before it, which was killed, locked people out.
    fn put_back_inherited(&mut self, error: ApplyError) -> ApplyError {
        let (ApplyError::LockedOut(_), Some(run)) = (&error, &self.inherited.run) else {
            return error;
        };
        let Ok(Some(past)) = Past::read(self.host, run) else {
            return error;
        };
        (self.tell)(Event::PuttingBack { run });
        let undone = undo::put_back(self.host, run, &past.images(), Some(&confirmation::ACCESS));
        ApplyError::PutBack {
            count: undone.count,
            failed: undone.failed,
            source: Box::new(error),
        }
    }

    fn stop_there(&mut self, mut journal: Journal, error: ApplyError) -> ApplyError {
        // Whoever comes to look must be able to: otherwise the timer is left to do its work.
        if self.at_risk && confirmation::door_is_open(self.host, self.sshd_is_wanted()).is_ok() {
            let _ = confirmation::confirm(&mut journal);
        }
        let _ = journal.end(self.host, Mark::Stopped);
        error
    }

    fn end(&self, journal: Journal, mark: Mark) -> Result<(), HostError> {
        let run = journal.run.clone();
        journal.end(self.host, mark)?;
        if self.at_risk && self.host.is_live() {
            confirmation::disarm(&run)?;
        }
        Ok(())
    }
}

/// Removes the unfinished files of a run that was killed. Under the lock, since another run's look the same.
fn sweep_leftovers(host: &Host, tree: &Tree) -> Result<(), ApplyError> {
    let parents = tree.iter().filter_map(|(path, _)| path.parent());
    let edited = plan::SYSTEM_FILES
        .iter()
        .filter_map(|file| TargetPath::known(file).parent());
    let state = TargetPath::known(journal::STATE);
    let directories: BTreeSet<TargetPath> = parents.chain(edited).chain([state]).collect();
    for directory in directories {
        write::sweep(host, &directory).map_err(|error| step_error("tidy", directory.as_str(), error))?;
    }
    Ok(())
}

/// The lock of apply, adopt, deploy and recover.
///
/// # Errors
///
/// When another run holds it, or it cannot be made.
pub fn take_lock(host: &Host) -> Result<Lock, ApplyError> {
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
        directory::ensure(host, &path, &root).map_err(|error| step_error("prepare", path.as_str(), error))?;
    }
    let path = TargetPath::known("/run/lock/data-analyst/provision.lock");
    Lock::take(host, &path, LOCK_WAIT).map_err(|error| match error {
        HostError::LockHeld { .. } => ApplyError::Busy(error),
        other => step_error("lock", path.as_str(), other),
    })
}

pub(crate) fn step_error(verb: &str, target: &str, error: HostError) -> ApplyError {
    ApplyError::Step {
        verb: verb.to_owned(),
        target: target.to_owned(),
        source: Box::new(error.into()),
    }
}

pub(crate) fn not_journalled(error: HostError) -> ApplyError {
    step_error("write", "the journal", error)
}
