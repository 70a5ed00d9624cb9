#![doc = include_str!("../README.md")]

mod accounts;
mod certificate;
mod disks;
mod event;
mod files;
mod journal;
mod leaving;
mod packages;
mod quarantine;
mod run;
mod secret;
mod together;

pub use event::{Event, Outcome};
pub use run::{Options, Report, apply};

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
    /// The operator asked to stop.
    #[error("stopped on request; run the same command again to go on")]
    Interrupted,
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
            Self::Survey(SurveyError::Secrets(_)) => 3,
            Self::Interrupted => 130,
            Self::Survey(_) | Self::Step { .. } | Self::Restless(_) => 1,
        }
    }
}
