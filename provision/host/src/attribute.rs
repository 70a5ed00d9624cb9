//! The attributes of `chattr`.

use appliance::path::TargetPath;

use crate::directory::Outcome;
use crate::{Host, HostError};

/// Sets or clears `chattr +i`.
pub fn set_immutable(host: &Host, path: &TargetPath, on: bool) -> Result<Outcome, HostError> {
    let _ = (host, path, on);
    unimplemented!()
}

/// Sets or clears `chattr +a`.
pub fn set_append_only(host: &Host, path: &TargetPath, on: bool) -> Result<Outcome, HostError> {
    let _ = (host, path, on);
    unimplemented!()
}
