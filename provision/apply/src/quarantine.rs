//! What is not ours and may not stay where it is.

use std::time::SystemTime;

use appliance::path::TargetPath;
use host::Host;

use crate::StepError;

/// Moves a file or link into the quarantine, below the time at which that was done.
pub(crate) fn take(host: &Host, path: &TargetPath) -> Result<(), StepError> {
    let stamp = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
    host::quarantine::take(host, path, &TargetPath::known(plan::QUARANTINE), &stamp)?;
    Ok(())
}
