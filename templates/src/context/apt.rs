//! apt and unattended upgrades.

use serde::Serialize;

/// `/etc/apt/apt.conf.d/20auto-upgrades`: how often what runs.
#[derive(Debug, Clone, Serialize)]
pub struct AptPeriodic {
    /// Days between two runs of list update and upgrade.
    pub every_days: u32,
    /// Days between two cleanings of the package cache.
    pub clean_days: u32,
}
template!(AptPeriodic, "apt/20auto-upgrades.j2");

/// `/etc/apt/apt.conf.d/52unattended-appliance`.
#[derive(Debug, Clone, Serialize)]
pub struct UnattendedUpgrades {
    /// Patterns such as `origin=Debian,codename=${distro_codename}-security,label=Debian-Security`.
    pub origins: Vec<String>,
    /// `HH:MM`, UTC.
    pub reboot_time: String,
}
template!(UnattendedUpgrades, "apt/52unattended-appliance.j2");

/// `/etc/apt/apt.conf.d/60appliance`.
#[derive(Debug, Clone, Serialize)]
pub struct AptOptions {
    /// Whether downloaded packages stay on the system disk after installation.
    pub keep_downloads: bool,
}
template!(AptOptions, "apt/60appliance.j2");
