#![doc = include_str!("../README.md")]

mod accounts;
mod carry_out;
mod certificate;
mod confirmation;
mod disks;
mod event;
mod health;
mod images;
mod journal;
mod leaving;
mod ledger;

mod names;
mod order;
mod packages;
mod quarantine;
mod rehearsal;
mod revert;
mod run;
mod saved;
mod secret;
mod undo;

pub use confirmation::{LIMIT as CONFIRMATION_LIMIT, give_word};
pub use event::{Event, Outcome};
pub use journal::RunName;
pub use ledger::write as write_ledger;
pub use revert::{Reverted, revert, revert_unconfirmed};
pub use run::{Confirmation, Options, Report, apply, take_lock};
pub use saved::plan_to_keep;

use host::HostError;
use plan::Refusal;
use survey::SurveyError;

/// Why an apply did not end with the machine as defined.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Another run is at work.
    #[error("another run is at work on this machine")]
    Busy(#[source] HostError),
    /// The machine could not be looked at or rendered for.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// Something must be settled by a person first; nothing was changed.
    #[error("{}", refused(.0))]
    Refused(Vec<Refusal>),
    /// A step failed. What came before it is done, what comes after it is not.
    #[error("cannot {verb} {target}")]
    Step {
        /// What was done.
        verb: String,
        /// On what.
        target: String,
        /// Why it failed.
        #[source]
        source: Box<StepError>,
    },
    /// After several rounds there is still something to do, which means that something else undoes it.
    #[error("the machine does not stay as it was made; something changes it back: {}", .0.join(", "))]
    Restless(Vec<String>),
    /// The machine is no longer the one that a saved plan was made for; nothing was changed.
    #[error("{}", moved_since(made_at, moved))]
    Moved {
        /// When the plan was made.
        made_at: String,
        /// What is no longer as it was then.
        moved: Vec<String>,
    },
    /// Something is sick that was well before.
    #[error("not well after the changes, and well before them: {0}")]
    Sicker(String),
    /// People would not get in any more.
    #[error("people might not get in any more: {0}")]
    LockedOut(String),
    /// The run failed, and what it had done was put back.
    #[error("{}", put_back(*count, failed))]
    PutBack {
        /// Things that are as they were before the run.
        count: usize,
        /// Things that are not, with reasons.
        failed: Vec<String>,
        /// Why the run failed.
        #[source]
        source: Box<ApplyError>,
    },
    /// The operator asked to stop.
    #[error("stopped on request; run the same command again to go on")]
    Interrupted,
}

/// Names in a message; the rest is counted.
const MOST_NAMED: usize = 12;

fn moved_since(made_at: &str, moved: &[String]) -> String {
    let mut names: Vec<String> = moved.iter().take(MOST_NAMED).cloned().collect();
    if moved.len() > MOST_NAMED {
        names.push(format!("and {} more", moved.len() - MOST_NAMED));
    }
    format!(
        "the plan was made at {made_at}, and these are no longer as they were: {}; nothing was changed\n    \
         next: make another with `appliance plan --out FILE`, and read it",
        names.join(", ")
    )
}

fn put_back(count: usize, failed: &[String]) -> String {
    let things = if count == 1 { "thing was" } else { "things were" };
    let done = format!("the run failed, and {count} {things} put back as before it");
    if failed.is_empty() {
        return done;
    }
    format!("{done}; these could not be: {}", failed.join("; "))
}

fn refused(refusals: &[Refusal]) -> String {
    let count = refusals.len();
    format!(
        "{count} {} must be settled first; nothing was changed",
        if count == 1 { "thing" } else { "things" }
    )
}

/// Why one step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The machine said no.
    #[error("{0}")]
    Host(#[from] HostError),
    /// A judge refused the candidate; the file that was there stays.
    #[error("{path} was refused by its own program, and the old one was kept:\n{}\n    next: correct what it names, then run again", words.trim_end())]
    Judged {
        /// Which file.
        path: String,
        /// What the judge said.
        words: String,
    },
    /// A disk is not the one that belongs there.
    #[error("{0}")]
    WrongDisk(String),
    /// A program printed something that it never prints.
    #[error("{program} printed something unexpected: {problem}")]
    Unexpected {
        /// Which program.
        program: &'static str,
        /// What was wrong.
        problem: &'static str,
    },
}

impl ApplyError {
    /// The exit code of spec 10, section 22.1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Busy(_) => 75,
            Self::Refused(refusals) => {
                if refusals
                    .iter()
                    .any(|refusal| refusal.kind == plan::RefusalKind::Safety)
                {
                    3
                } else {
                    4
                }
            }
            Self::Survey(SurveyError::Secrets(_)) | Self::Moved { .. } => 3,
            Self::Interrupted => 130,
            Self::PutBack { source, .. } => source.exit_code(),
            Self::Survey(_)
            | Self::Step { .. }
            | Self::Restless(_)
            | Self::Sicker(_)
            | Self::LockedOut(_) => 1,
        }
    }
}
