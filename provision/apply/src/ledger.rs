//! The ledger of what is ours, on disk before anything that it names is made.

use appliance::path::TargetPath;
use host::write::{self, NewFile};
use host::{Host, HostError, directory};
use plan::{LEDGER, Ledger};
use survey::Survey;

use crate::journal::STATE;

/// Writes the ledger as `change` makes it from the one that the survey found, when that is another.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(host: &Host, survey: &Survey, change: impl FnOnce(&Ledger) -> Ledger) -> Result<(), HostError> {
    let path = TargetPath::known(LEDGER);
    let text = change(&Ledger::of(&survey.facts)).print();
    if survey.facts.contents.get(&path) == Some(&text) {
        return Ok(());
    }
    directory::ensure(
        host,
        &TargetPath::known(STATE),
        &directory::Metadata::of_root(0o700),
    )?;
    write::replace(host, &NewFile::of_root(&path, &text, 0o600))
}
