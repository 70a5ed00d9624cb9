#![doc = include_str!("../README.md")]

mod checks;
mod debian;
mod findings;
#[cfg(test)]
mod fixture;
mod machine;
mod metrics;
mod places;
pub mod registry;
mod report;
pub mod sshd;
pub mod sudoers;
mod text;
mod walk;

pub use report::{Check, Class, Finding, Outcome, Report, Severity};

use appliance::Appliance;
use host::{Host, HostError};
use survey::SurveyError;

use checks::{Entry, Needs, TABLE};
use findings::Findings;
use machine::Machine;

/// Why a machine could not be looked at, as opposed to looked at and found wrong.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Neither what should be nor what is could be told.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// A closer look failed.
    #[error("cannot look at the machine")]
    Host(#[from] HostError),
}

/// Asks the machine every question of the table. Nothing is changed.
///
/// # Errors
///
/// When the machine could not be looked at. One check that cannot be carried out is a finding of the report.
pub fn verify(appliance: &Appliance, host: &Host) -> Result<Report, VerifyError> {
    let machine = Machine::look(appliance, host)?;
    let checks = TABLE
        .iter()
        .map(|entry| Check {
            name: entry.name,
            question: entry.question,
            outcome: answer(entry, &machine, host),
        })
        .collect();
    Ok(Report { checks })
}

fn answer(entry: &Entry, machine: &Machine<'_>, host: &Host) -> Outcome {
    if entry.needs == Needs::RunningMachine && !host.is_live() {
        return Outcome::Skipped {
            because: "this is a tree of files, not a running machine".to_owned(),
        };
    }
    match (entry.ask)(machine, host) {
        Ok(findings) => findings.outcome(),
        Err(error) => {
            let mut findings = Findings::new("");
            let next = error.hint().unwrap_or("run `appliance verify` again");
            let what = format!("could not be checked: {}", chain(&error));
            findings.error(Class::Unchecked, entry.name, what, next);
            findings.outcome()
        }
    }
}

/// An error and all that it came from, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
