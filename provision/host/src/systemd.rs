//! Orders to the service manager, each for several units in one call.

use std::time::Duration;

use appliance::name::UnitName;

use crate::command::Command;
use crate::{Host, HostError};

const SYSTEMCTL: &str = "/usr/bin/systemctl";

/// What is to happen to units now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
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
    host.require_live("reload the service manager")?;
    systemctl(["daemon-reload"])
        .limit(Duration::from_secs(60))
        .run()
        .map(drop)
}

/// Gives one order for all the units and waits until it is carried out. One call for several lets the manager
/// put them in their order and start side by side what may be.
pub fn order(host: &Host, order: Order, units: &[&UnitName], limit: Duration) -> Result<(), HostError> {
    host.require_live("start or stop units")?;
    let word = match order {
        Order::Start => "start",
        Order::Stop => "stop",
        Order::Restart => "restart",
        Order::ReloadOrRestart => "reload-or-restart",
    };
    for_units(systemctl([word]).limit(limit), units)
}

/// Enables or disables units, on a live machine and in an offline tree alike. Does not make the manager read
/// unit files again: that is done once, by [`daemon_reload`].
pub fn enable(host: &Host, units: &[&UnitName], on: bool) -> Result<(), HostError> {
    for_units(for_tree(host, if on { "enable" } else { "disable" }), units)
}

/// Masks or unmasks units.
pub fn mask(host: &Host, units: &[&UnitName], on: bool) -> Result<(), HostError> {
    for_units(for_tree(host, if on { "mask" } else { "unmask" }), units)
}

/// Forgets that units failed.
pub fn reset_failed(host: &Host, units: &[&UnitName]) -> Result<(), HostError> {
    host.require_live("forget that units failed")?;
    for_units(systemctl(["reset-failed"]), units)
}

/// Creates and cleans what the named files of tmpfiles.d say, such as `appliance.conf`; without a name, all.
pub fn tmpfiles(host: &Host, files: &[&str]) -> Result<(), HostError> {
    let mut command = Command::new("/usr/bin/systemd-tmpfiles").arg("--create");
    if !host.is_live() {
        command = command.arg(format!("--root={}", host.directory().display()));
    }
    command
        .args(files.iter().copied())
        .limit(Duration::from_secs(60))
        .run()
        .map(drop)
}

fn systemctl<const COUNT: usize>(words: [&'static str; COUNT]) -> Command {
    Command::new(SYSTEMCTL)
        .args(["--no-ask-password", "--no-pager"])
        .args(words)
}

fn for_tree(host: &Host, word: &'static str) -> Command {
    let command = systemctl([word]);
    if host.is_live() {
        command.arg("--no-reload")
    } else {
        command.arg(format!("--root={}", host.directory().display()))
    }
}

fn for_units(command: Command, units: &[&UnitName]) -> Result<(), HostError> {
    if units.is_empty() {
        return Ok(());
    }
    command
        .arg("--")
        .args(units.iter().map(|unit| unit.as_str()))
        .run()
        .map(drop)
}
