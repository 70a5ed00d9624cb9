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
mod world;

pub use metrics::Run;
pub use report::{Check, Class, Finding, Outcome, Report, Severity};
pub use walk::Depth;

use std::time::{SystemTime, UNIX_EPOCH};

use appliance::Appliance;
use appliance::path::TargetPath;
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

/// Asks the machine every question of the table, of every file. Nothing is changed.
///
/// # Errors
///
/// When the machine could not be looked at. One check that cannot be carried out is a finding of the report.
pub fn verify(appliance: &Appliance, host: &Host) -> Result<Report, VerifyError> {
    verify_to(appliance, host, &Depth::Whole).map(|(report, _)| report)
}

/// The same as far as `depth` goes; with the report comes what stood out below `/home` and `/data`, for the next
/// run that does not look there.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_to(
    appliance: &Appliance,
    host: &Host,
    depth: &Depth,
) -> Result<(Report, Vec<String>), VerifyError> {
    let deep_look = match depth {
        Depth::Whole => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        Depth::Again { deep_look, .. } => *deep_look,
    };
    let machine = Machine::look(appliance, host, depth)?;
    let checks = TABLE
        .iter()
        .map(|entry| Check {
            name: entry.name,
            question: entry.question,
            outcome: answer(entry, &machine, host),
        })
        .collect();
    Ok((Report { checks, deep_look }, machine.walk.stood_out()))
}

/// Files and links that nobody declared and that weaken the machine where they lie, each with the reason: what
/// `appliance apply --quarantine` moves aside. Never a path of the definition's, never what lies on the data disk,
/// and in homes nothing but lists of keys.
pub fn foreign(report: &Report) -> Vec<(TargetPath, String)> {
    let mut foreign: Vec<(TargetPath, String)> = report
        .strays()
        .filter_map(|finding| Some((TargetPath::new(&finding.target).ok()?, finding.what.clone())))
        .filter(|(path, _)| may_be_moved(path))
        .collect();
    foreign.sort();
    foreign.dedup_by(|one, other| one.0 == other.0);
    foreign
}

fn may_be_moved(path: &TargetPath) -> bool {
    let below = |top: &str| path.is_within(&TargetPath::known(top));
    let is_key_file = path.parent().is_some_and(|parent| parent.name() == ".ssh")
        && path.name().starts_with("authorized_keys");
    !below("/data") && (!below("/home") || is_key_file)
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
