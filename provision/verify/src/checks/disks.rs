//! Each disk is where it belongs, protected, and not filling up.

use appliance::path::TargetPath;
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use appliance::disk::{Disk, DiskRole};
use host::facts::{LiveFacts, Mount};
use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

/// `/health` turns red at 90; a warning comes while there is time.
const FULL_PERCENT: u64 = 90;
const WARN_PERCENT: u64 = 80;
/// A disk that is well answers in microseconds.
const PATIENCE: Duration = Duration::from_secs(3);
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
    let (used, silent) = used_percent(points);
    for point in silent {
        let what = format!("does not say within {} s how full it is", PATIENCE.as_secs());
        findings.error(
            Class::Unchecked,
            point,
            what,
            "look at `dmesg`: the disk may be gone",
        );
    }
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
    // Whoever starts a container mounts its disks, and mounts them so.
    let next = if machine.appliance.platform().disk_prefix().is_some() {
        "run `appliance apply`, which mounts it anew".to_owned()
    } else {
        format!("`mount -o remount,bind,nodev,nosuid {}`", disk.mount)
    };
    for option in PROTECTING.iter().filter(|option| wants(option) && !has(option)) {
        let what = format!("is mounted without {option}");
        findings.error(Class::Mount, &disk.mount, what, next.as_str());
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

/// Asked in a thread of its own, since a disk
/// that does not answer would hold whoever asks; a point that is not there is another finding.
fn used_percent<'p>(points: impl Iterator<Item = &'p str>) -> (BTreeMap<String, u64>, Vec<String>) {
    let points: Vec<String> = points.map(str::to_owned).collect();
    let (answer, answers) = mpsc::channel();
    let asked = points.clone();
    std::thread::spawn(move || {
        for point in asked {
            let said = rustix::fs::statvfs(point.as_str());
            if answer.send((point, said.ok())).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + PATIENCE;
    let mut used = BTreeMap::new();
    let mut silent = points.clone();
    while let Ok((point, said)) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        silent.retain(|other| *other != point);
        if let Some(percent) = said.and_then(|said| percent(said.f_blocks, said.f_bfree, said.f_bavail)) {
            used.insert(point, percent);
        }
    }
    (used, silent)
}

/// As `df` counts: what is reserved for root is neither used nor to be had.
fn percent(blocks: u64, free: u64, available: u64) -> Option<u64> {
    let used = blocks.saturating_sub(free);
    used.saturating_mul(100)
        .checked_div(used.saturating_add(available))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_of_what_can_be_had() {
        assert_eq!(percent(1000, 150, 100), Some(89));
        assert_eq!(percent(1000, 999, 999), Some(0));
        assert_eq!(percent(0, 0, 0), None);
        let (used, silent) = used_percent(["/", "/not-there"].into_iter());
        assert!(used.contains_key("/") && silent.is_empty());
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
