//! Debian packages, through apt.

use std::time::Duration;

use appliance::name::PackageName;
use host::Host;
use host::command::Command;

use crate::StepError;

/// A slow mirror and fifty packages.
const LIMIT: Duration = Duration::from_secs(1200);

/// apt, in the tree of an offline machine too. A file that we wrote before the package came stays ours.
fn apt(host: &Host) -> Command {
    let command = if host.is_live() {
        Command::new("/usr/bin/env")
    } else {
        Command::new("/usr/sbin/chroot")
            .arg(host.directory().display().to_string())
            .arg("/usr/bin/env")
    };
    command
        .args([
            "DEBIAN_FRONTEND=noninteractive",
            "APT_LISTCHANGES_FRONTEND=none",
            "/usr/bin/apt-get",
        ])
        .args([
            "--yes",
            "--quiet",
            "-o",
            "Dpkg::Options::=--force-confold",
            "-o",
            "DPkg::Lock::Timeout=60",
        ])
        .limit(LIMIT)
}

/// Installs packages; the lists are fetched only when they do not know one of them.
pub(crate) fn install(host: &Host, names: &[PackageName]) -> Result<(), StepError> {
    let names = || names.iter().map(|name| name.as_str());
    let install = |host| {
        apt(host)
            .args(["install", "--no-install-recommends"])
            .args(names())
    };
    if install(host).run().is_ok() {
        return Ok(());
    }
    apt(host).arg("update").run()?;
    install(host).run()?;
    Ok(())
}

/// Removes packages; their settings stay.
pub(crate) fn remove(host: &Host, names: &[PackageName]) -> Result<(), StepError> {
    apt(host)
        .arg("remove")
        .args(names.iter().map(|name| name.as_str()))
        .run()?;
    Ok(())
}
