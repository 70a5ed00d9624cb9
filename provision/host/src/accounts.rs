//! Changing the account files, under the lock that every account tool of Debian takes.

use crate::facts::AccountFiles;
use crate::{Host, HostError};

/// Reads the four files under their lock, lets `change` work on them and writes those that differ. The text of
/// the error that `change` returns reaches the operator, and nothing is written.
pub fn edit<E: std::fmt::Display>(
    host: &Host,
    change: impl FnOnce(&mut AccountFiles) -> Result<(), E>,
) -> Result<bool, HostError> {
    let _ = (host, change);
    unimplemented!()
}
