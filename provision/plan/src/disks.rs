//! Disks by their stable names. A disk that holds anything is never formatted; one that is missing or swapped stops
//! everything, because what follows would land on the wrong disk.

use appliance::Appliance;
use appliance::disk::Disk;
use appliance::instance::Formatting;
use appliance::path::TargetPath;
use appliance::platform::Platform;
use host::Facts;
use host::facts::block::{Blank, FoundBy};
use host::facts::{DiskFact, FoundDisk, Guard, Mount};
use render::{Area, MARKER_NAME};

use crate::Planner;
use crate::question::{by_id_path, format_record_path, guarded};
use crate::step::{Action, Change, DiskTarget, Drift, RefusalKind};

/// Growing is worth it when at least this much of the device is not used.
const GROWTH_BYTES: u64 = 64 * 1024 * 1024;

/// Mount points of disks that this plan is going to mount.
pub(crate) fn mounting(appliance: &Appliance, facts: &Facts) -> Vec<TargetPath> {
    if appliance.platform().disk_prefix().is_none() {
        return Vec::new();
    }
    let Some(live) = &facts.live else {
        return Vec::new();
    };
    let is_mounted = |disk: &Disk| mount_at(&live.mounts, &disk.mount).is_some();
    appliance
        .disks
        .iter()
        .filter(|disk| !is_mounted(disk))
        .map(|disk| disk.mount.clone())
        .collect()
}

/// The mount that is seen at a path: the last one that was put there.
fn mount_at<'a>(mounts: &'a [Mount], path: &TargetPath) -> Option<&'a Mount> {
    mounts
        .iter()
        .rev()
        .find(|mount| mount.point == path.as_str() && mount.filesystem != "autofs")
}

pub(crate) fn plan(planner: &mut Planner<'_>) {
    let (appliance, facts) = (planner.appliance, planner.facts);
    let Some(live) = &facts.live else { return };
    for disk in &appliance.disks {
        let mount = mount_at(&live.mounts, &disk.mount);
        match (appliance.platform(), mount) {
            (Platform::Container, None) => refuse(
                planner,
                disk,
                format!(
                    "nothing is mounted at {}, and in a container that is up to whoever starts it",
                    disk.mount
                ),
                "start the container with its disks, as `./dev up` does".to_owned(),
            ),
            (Platform::Container, Some(_)) => plan_marker(planner, disk, None),
            (Platform::Gce | Platform::Qemu, mount) => {
                plan_device(planner, disk, mount, live.disks.get(disk.role.as_str()))
            }
        }
    }
    for disk in guarded(appliance) {
        plan_guard(planner, disk, live.guards.get(&disk.mount));
    }
    // The guards come before the mounts that cover them.
    planner.plan.steps.sort_by_key(|step| {
        (
            step.area,
            step.area == Area::Disks && !matches!(step.change, Change::GuardMountPoint(_)),
        )
    });
}

fn refuse(planner: &mut Planner<'_>, disk: &Disk, reason: String, next: String) {
    planner.refuse(
        RefusalKind::Safety,
        Area::Disks,
        format!("{} disk", disk.role),
        reason,
        next,
    );
}

fn plan_guard(planner: &mut Planner<'_>, disk: &Disk, guard: Option<&Guard>) {
    if guard.is_some_and(|guard| !guard.empty) {
        let text = "something lies on the system disk under this mount; it stays there and nobody sees it";
        planner.notice(Area::Disks, disk.mount.as_str(), text);
    }
    let guarded = guard.is_some_and(|Guard { inode, .. }| {
        inode.immutable && inode.mode.bits() == 0o555 && (inode.uid, inode.gid) == (0, 0)
    });
    if !guarded {
        let because = "a missing disk must not let services fill the system disk";
        let change = Change::GuardMountPoint(disk.mount.clone());
        planner.step(
            Area::Disks,
            change,
            Action::Update,
            Drift::ImmutableGuard,
            because,
            "",
            "immutable, mode 0555",
        );
    }
}

fn plan_device(planner: &mut Planner<'_>, disk: &Disk, mount: Option<&Mount>, fact: Option<&DiskFact>) {
    let by_id = by_id_path(planner.appliance.platform(), disk);
    let found = match fact {
        Some(DiskFact::Found(found)) => found,
        Some(DiskFact::Ambiguous { candidates }) => {
            let reason = format!(
                "{by_id} is missing and {} carry its label {}",
                candidates.join(" and "),
                disk.label
            );
            refuse(
                planner,
                disk,
                reason,
                "detach all but the right one, and run again".to_owned(),
            );
            return;
        }
        Some(DiskFact::Missing) | None => {
            let reason = format!(
                "neither {by_id} nor a filesystem with the label {} is there",
                disk.label
            );
            let next = format!(
                "attach the disk with the device name {}, then run `appliance plan`",
                disk.device
            );
            refuse(planner, disk, reason, next);
            return;
        }
    };
    let target = target(planner.appliance.platform(), disk, found);
    match mount {
        Some(mount) if mount.device == found.number => {
            plan_marker(planner, disk, Some(&target));
            plan_record(planner, &target);
            plan_options(planner, disk, mount);
            plan_growth(planner, disk, found, target);
        }
        Some(mount) => {
            let reason = format!("{} is mounted at {} in its place", mount.source, disk.mount);
            refuse(
                planner,
                disk,
                reason,
                format!("unmount {}, and run again", disk.mount),
            );
        }
        None => plan_mount(planner, disk, found, target),
    }
}

fn target(platform: Platform, disk: &Disk, found: &FoundDisk) -> DiskTarget {
    DiskTarget {
        role: disk.role,
        device: match found.by {
            FoundBy::Id => by_id_path(platform, disk),
            FoundBy::Label => TargetPath::known(&format!("/dev/disk/by-label/{}", disk.label)),
        },
        label: disk.label.clone(),
        mount: disk.mount.clone(),
        options: disk.options.join(","),
        reserved_percent: disk.reserved_percent,
        disk_id: disk.device.to_string(),
        bytes: found.bytes,
    }
}

/// The role in a marker file, if it is one.
pub(crate) fn role_of_marker(bytes: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    Some(value.get("role")?.as_str()?.to_owned())
}

/// The marker of a disk that is mounted.
fn plan_marker(planner: &mut Planner<'_>, disk: &Disk, target: Option<&DiskTarget>) {
    let path = TargetPath::known(&format!("{}/{MARKER_NAME}", disk.mount));
    match planner.facts.contents.get(&path) {
        None => {
            let target = target.cloned().unwrap_or_else(|| DiskTarget {
                role: disk.role,
                device: disk.mount.clone(),
                label: disk.label.clone(),
                mount: disk.mount.clone(),
                options: disk.options.join(","),
                reserved_percent: disk.reserved_percent,
                disk_id: disk.device.to_string(),
                bytes: 0,
            });
            let because = "a disk says what it is for, so that a swapped one is noticed";
            let after = format!("role {}", disk.role);
            planner.step(
                Area::Disks,
                Change::MarkDisk(target),
                Action::Create,
                Drift::Missing,
                because,
                "",
                &after,
            );
        }
        Some(bytes) => match role_of_marker(bytes) {
            Some(role) if role == disk.role.as_str() => {}
            Some(role) => {
                let reason = format!(
                    "the disk at {} says that it is the {role} disk: disks were swapped",
                    disk.mount
                );
                let next = "attach each disk under its own device name, and run again".to_owned();
                refuse(planner, disk, reason, next);
            }
            None => {
                let reason = format!("{path} cannot be understood");
                refuse(
                    planner,
                    disk,
                    reason,
                    format!("look at it; if the disk is the right one, remove {path}"),
                );
            }
        },
    }
}

/// A record whose disk is mounted was left by a run that was interrupted at its very end. Kept, it would say of the
/// next disk of this name and size that it was never finished.
fn plan_record(planner: &mut Planner<'_>, target: &DiskTarget) {
    if was_interrupted(planner, target) {
        let because = "the disk was finished after all";
        planner.step(
            Area::Disks,
            Change::Remove(format_record_path()),
            Action::Remove,
            Drift::Extra,
            because,
            "a pending record",
            "",
        );
    }
}

/// Options that the kernel shows, out of those that fstab has.
const VISIBLE_OPTIONS: [&str; 3] = ["nodev", "nosuid", "discard"];

fn plan_options(planner: &mut Planner<'_>, disk: &Disk, mount: &Mount) {
    let has = |option: &str| {
        mount
            .options
            .iter()
            .chain(&mount.super_options)
            .any(|set| set == option)
    };
    let missing: Vec<&str> = VISIBLE_OPTIONS
        .into_iter()
        .filter(|option| disk.options.iter().any(|wanted| wanted == option) && !has(option))
        .collect();
    if !missing.is_empty() {
        let change = Change::Remount {
            point: disk.mount.clone(),
            options: disk.options.join(","),
        };
        let before = format!("without {}", missing.join(", "));
        let because = "no device file and no set-user-id program of a data disk counts";
        planner.step(
            Area::Disks,
            change,
            Action::Update,
            Drift::Mount,
            because,
            &before,
            &disk.options.join(","),
        );
    }
}

fn plan_growth(planner: &mut Planner<'_>, disk: &Disk, found: &FoundDisk, target: DiskTarget) {
    let Some(filesystem) = &found.filesystem else {
        return;
    };
    let used = filesystem.blocks * filesystem.block_size;
    if found.bytes >= used + GROWTH_BYTES {
        let (before, after) = (format!("{used} bytes"), format!("{} bytes", found.bytes));
        let because = "the disk has grown";
        planner.step(
            Area::Disks,
            Change::GrowDisk(target),
            Action::Update,
            Drift::Mount,
            because,
            &before,
            &after,
        );
    }
    if found.bytes + GROWTH_BYTES < used {
        let reason = format!(
            "its filesystem has {used} bytes and the device only {}",
            found.bytes
        );
        refuse(
            planner,
            disk,
            reason,
            "a filesystem is never shrunk: attach a disk of the old size".to_owned(),
        );
    }
}

fn plan_mount(planner: &mut Planner<'_>, disk: &Disk, found: &FoundDisk, target: DiskTarget) {
    if let Some(elsewhere) = found.mounted_at.first() {
        let reason = format!("it is mounted at {elsewhere}");
        refuse(
            planner,
            disk,
            reason,
            format!("unmount {elsewhere}, and run again"),
        );
        return;
    }
    let interrupted = was_interrupted(planner, &target);
    match &found.filesystem {
        Some(_) if interrupted => plan_format(planner, target.clone(), INTERRUPTED),
        Some(filesystem) => {
            if let Some(reason) = not_ours(filesystem.ext4, &filesystem.label, disk) {
                refuse(
                    planner,
                    disk,
                    reason,
                    "attach the right disk; a disk that holds a filesystem is never formatted".to_owned(),
                );
                return;
            }
        }
        None => {
            // What was interrupted early has no superblock yet, and may have anything else.
            let half_made = interrupted && holds_nothing_known(found);
            if !half_made && let Some((reason, next)) = why_not_format(planner, found) {
                refuse(planner, disk, reason, next);
                return;
            }
            let because = if half_made {
                INTERRUPTED
            } else {
                "it is blank from end to end"
            };
            plan_format(planner, target.clone(), because);
        }
    }
    let because = format!("{} lies on its own disk", disk.mount);
    let after = format!("at {} with {}", disk.mount, target.options);
    planner.step(
        Area::Disks,
        Change::MountDisk(target),
        Action::Update,
        Drift::Mount,
        &because,
        "not mounted",
        &after,
    );
}

const INTERRUPTED: &str = "an earlier run was interrupted while formatting";

/// Nothing that anybody could name is on the disk, and nothing uses it.
fn holds_nothing_known(found: &FoundDisk) -> bool {
    let unnamed = |blank: &Blank| blank.signature.is_none() && !blank.partition_table;
    !found.read_only
        && found.holders.is_empty()
        && found.partitions.is_empty()
        && found.blank.as_ref().is_some_and(unnamed)
}

fn plan_format(planner: &mut Planner<'_>, target: DiskTarget, because: &str) {
    let after = format!("ext4 with the label {}", target.label);
    planner.step(
        Area::Disks,
        Change::FormatDisk(target),
        Action::Create,
        Drift::Missing,
        because,
        "",
        &after,
    );
}

/// True when the record of an unfinished formatting is about this very disk.
fn was_interrupted(planner: &Planner<'_>, target: &DiskTarget) -> bool {
    let Some(bytes) = planner.facts.contents.get(&format_record_path()) else {
        return false;
    };
    let Ok(record) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return false;
    };
    let is = |key: &str, value: serde_json::Value| record.get(key) == Some(&value);
    is("device", target.device.as_str().into()) && is("bytes", target.bytes.into())
}

fn not_ours(ext4: bool, label: &str, disk: &Disk) -> Option<String> {
    if !ext4 {
        return Some("it holds a filesystem that is not ext4".to_owned());
    }
    if label != disk.label {
        return Some(format!(
            "its filesystem has the label {:?}, not {:?}: it is another disk",
            label, disk.label
        ));
    }
    None
}

/// Formatting needs every sign that a disk is blank.
fn why_not_format(planner: &Planner<'_>, found: &FoundDisk) -> Option<(String, String)> {
    let next =
        "attach a blank disk, or one that the appliance formatted; no disk with content is ever formatted";
    let refuse = |reason: &str| Some((reason.to_owned(), next.to_owned()));
    if planner.appliance.instance.format == Formatting::Never {
        let next = "set `format = \"if-blank\"` in the instance file if this disk is meant to be formatted";
        return Some((
            "it has no filesystem, and the instance forbids formatting".to_owned(),
            next.to_owned(),
        ));
    }
    if found.read_only {
        return refuse("it is read-only");
    }
    if !found.holders.is_empty() {
        return refuse(&format!("it is in use by {}", found.holders.join(" and ")));
    }
    if !found.partitions.is_empty() {
        return refuse(&format!("it has {} partitions", found.partitions.len()));
    }
    match &found.blank {
        None => refuse("nobody looked whether it is blank"),
        Some(Blank {
            signature: Some(signature),
            ..
        }) => refuse(&format!("it holds {signature}")),
        Some(Blank {
            partition_table: true,
            ..
        }) => refuse("it has a partition table"),
        Some(Blank { zero_ends: false, .. }) => {
            refuse("its first or last MiB is not all zero: it holds something unknown")
        }
        Some(Blank {
            zero_ends: true,
            partition_table: false,
            signature: None,
        }) => None,
    }
}
