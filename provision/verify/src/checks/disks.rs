//! Each disk is where it belongs, protected, and not filling up.

use appliance::path::TargetPath;
use std::collections::BTreeMap;

use appliance::disk::{Disk, DiskRole};
use host::command::Command;
use host::facts::{LiveFacts, Mount};
use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

/// `/health` turns red at 90; a warning comes while there is time.
const FULL_PERCENT: u64 = 90;
const WARN_PERCENT: u64 = 80;
/// Options of a mount that keep what lies on it from gaining rights.
const PROTECTING: [&str; 2] = ["nodev", "nosuid"];

pub(super) fn check(machine: &Machine<'_>, _: &Host) -> Result<Findings, HostError> {
    let disks = &machine.appliance.disks;
    let mut findings = Findings::new(format!("{} disks and the system's", disks.len()));
    if let Some(live) = machine.live() {
        for disk in disks {
            mounted(machine, live, disk, &mut findings);
        }
        swap(machine, live, &mut findings);
    }
    let points = disks.iter().map(|disk| disk.mount.as_str()).chain(["/"]);
    let used = used_percent(points)?;
    for (point, percent) in &used {
        space(point, *percent, &mut findings);
    }
    Ok(findings)
}

fn mounted(machine: &Machine<'_>, live: &LiveFacts, disk: &Disk, findings: &mut Findings) {
    let point = disk.mount.as_str();
    // Of two mounts at one place the later one is seen.
    let at = |point: &str| live.mounts.iter().rfind(|mount| mount.point == point);
    let Some(mount) = at(point) else {
        let next = "look at `lsblk -f` and attach the disk; services that need it wait until it is there";
        findings.error(Class::Mount, point, "no disk is mounted here", next);
        return;
    };
    if at("/").is_some_and(|root| root.device == mount.device) {
        let what = "lies on the system disk, which it would fill";
        findings.error(Class::Mount, point, what, "mount the disk that belongs here");
    }
    options(machine, disk, mount, findings);
    marker(machine, disk, findings);
}

fn options(machine: &Machine<'_>, disk: &Disk, mount: &Mount, findings: &mut Findings) {
    let has = |option: &str| {
        mount
            .options
            .iter()
            .chain(&mount.super_options)
            .any(|found| found == option)
    };
    let wants = |option: &&str| disk.options.iter().any(|wanted| wanted == option);
    // Whoever starts a container mounts its disks.
    let ours = machine.appliance.platform().disk_prefix().is_some();
    for option in PROTECTING.iter().filter(|option| wants(option) && !has(option)) {
        let what = format!("is mounted without {option}");
        if ours {
            findings.error(
                Class::Mount,
                &disk.mount,
                what,
                "run `appliance apply`, which mounts it anew",
            );
        } else {
            findings.info(Class::Mount, &disk.mount, what, "");
        }
    }
    // Only the filesystem's own word counts: a unit's sandbox mounts everything read-only for itself.
    if mount.super_options.iter().any(|option| option == "ro") {
        let what = "has become read-only, which ext4 does after an error of the disk";
        findings.error(
            Class::Mount,
            &disk.mount,
            what,
            "look at `dmesg` before anything else; do not write to it",
        );
    }
}

/// The file by which a disk says what it is for: two disks that were swapped are seen by it.
fn marker(machine: &Machine<'_>, disk: &Disk, findings: &mut Findings) {
    #[derive(serde::Deserialize)]
    struct Marker {
        role: DiskRole,
    }
    let path = TargetPath::known(&format!("{}/{}", disk.mount, plan::MARKER_NAME));
    let text = machine.text(&path);
    match serde_json::from_str::<Marker>(&text) {
        Ok(marker) if marker.role == disk.role => {}
        Ok(marker) => {
            let what = format!(
                "the {} disk is mounted where the {} disk belongs",
                marker.role, disk.role
            );
            let next = "stop the services, unmount both disks and check their device names in the cloud";
            findings.error(Class::Mount, &disk.mount, what, next);
        }
        Err(_) if text.is_empty() => {
            findings.error(
                Class::Mount,
                &path,
                "is not there: the disk does not say what it is",
                "`appliance apply`",
            );
        }
        Err(error) => {
            let next =
                "look at the disk by hand; if it is the right one, remove the file and run `appliance apply`";
            findings.error(Class::Mount, &path, format!("cannot be read: {error}"), next);
        }
    }
}

fn swap(machine: &Machine<'_>, live: &LiveFacts, findings: &mut Findings) {
    let path = &machine.appliance.swap.path;
    let in_use = live.swaps.iter().any(|swap| swap.path == path.as_str());
    if machine.appliance.platform().owns_kernel() && !in_use {
        findings.error(Class::Mount, path, "is not in use as swap", "`appliance apply`");
    }
}

fn space(point: &str, percent: u64, findings: &mut Findings) {
    let what = format!("is {percent} % full");
    let next = format!("`du -xh --max-depth=2 {point} | sort -h | tail` shows where it went");
    if percent >= FULL_PERCENT {
        findings.error(Class::Space, point, what, next);
    } else if percent >= WARN_PERCENT {
        findings.warning(Class::Space, point, what, next);
    }
}

/// Used is what an unprivileged process cannot have: total less available. One child for all.
fn used_percent<'p>(points: impl Iterator<Item = &'p str>) -> Result<BTreeMap<String, u64>, HostError> {
    let words = ["--block-size=1K", "--output=target,size,avail"];
    // A mount point that is missing is another finding; `df` exits with 1 and tells about the rest.
    let output = Command::new("/usr/bin/df")
        .args(words)
        .args(points)
        .accept(&[0, 1])
        .run()?;
    Ok(parse_df(&String::from_utf8_lossy(&output.stdout)))
}

fn parse_df(text: &str) -> BTreeMap<String, u64> {
    let percent = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (target, size, free) = (words.next()?, words.next()?, words.next()?);
        let (size, free) = (size.parse::<u64>().ok()?, free.parse::<u64>().ok()?);
        let used = size.saturating_sub(free).saturating_mul(100).checked_div(size)?;
        Some((target.to_owned(), used))
    };
    text.lines().skip(1).filter_map(percent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_of_what_can_be_had() {
        let text = "Mounted on 1K-blocks   Avail\n/               1000     100\n/data           1000     999\n/x 0 0\n";
        let expected = [("/".to_owned(), 90), ("/data".to_owned(), 0)];
        assert_eq!(parse_df(text), BTreeMap::from(expected));
    }

    #[test]
    fn a_disk_that_fills_up_warns_before_health_turns_red() {
        for (percent, expected) in [
            (79, vec![]),
            (80, vec!["warning space /data"]),
            (90, vec!["error space /data"]),
        ] {
            let mut findings = Findings::new("");
            space("/data", percent, &mut findings);
            assert_eq!(findings.brief(), expected, "{percent}");
        }
    }
}
