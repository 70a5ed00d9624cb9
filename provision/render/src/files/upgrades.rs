//! apt and its unattended upgrades.

use templates::context::{AptOptions, AptPeriodic, UnattendedUpgrades};

/// Of Debian 12 (bookworm): the release itself, its updates, its security fixes.
const ORIGINS: [&str; 3] = [
    "origin=Debian,codename=${distro_codename},label=Debian",
    "origin=Debian,codename=${distro_codename}-updates,label=Debian",
    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
];
/// After the snapshots of 02:00, before the data sync of 06:00.
const REBOOT_TIME: &str = "03:30";

pub(super) fn options() -> AptOptions {
    AptOptions {
        keep_downloads: false,
    }
}

pub(super) fn periodic() -> AptPeriodic {
    AptPeriodic {
        every_days: 1,
        clean_days: 1,
    }
}

pub(super) fn unattended() -> UnattendedUpgrades {
    UnattendedUpgrades {
        origins: ORIGINS.map(str::to_owned).to_vec(),
        reboot_time: REBOOT_TIME.to_owned(),
    }
}
