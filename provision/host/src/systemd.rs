//! Orders to the service manager, each for several units in one call.

use std::time::Duration;

use appliance::name::UnitName;

use crate::{Host, HostError};

/// What is to happen to units now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Order {
    /// Start.
    Start,
    /// Stop.
    Stop,
    /// Restart, or start.
    Restart,
    /// Read the configuration again without ending, or restart where a unit cannot.
    ReloadOrRestart,
}

/// Makes the manager read unit files again.
pub fn daemon_reload(host: &Host) -> Result<(), HostError> {
    let _ = host;
    unimplemented!()
}

/// Gives one order for all the units and waits until it is carried out.
pub fn order(host: &Host, order: Order, units: &[&UnitName], limit: Duration) -> Result<(), HostError> {
    let _ = (host, order, units, limit);
    unimplemented!()
}

/// Enables or disables units, on a live machine and in an offline tree alike.
pub fn enable(host: &Host, units: &[&UnitName], on: bool) -> Result<(), HostError> {
    let _ = (host, units, on);
    unimplemented!()
}

/// Masks or unmasks units.
pub fn mask(host: &Host, units: &[&UnitName], on: bool) -> Result<(), HostError> {
    let _ = (host, units, on);
    unimplemented!()
}

/// Forgets that units failed.
pub fn reset_failed(host: &Host, units: &[&UnitName]) -> Result<(), HostError> {
    let _ = (host, units);
    unimplemented!()
}

/// Creates and cleans what tmpfiles.d files say.
pub fn tmpfiles(host: &Host, files: &[&str]) -> Result<(), HostError> {
    let _ = (host, files);
    unimplemented!()
}
