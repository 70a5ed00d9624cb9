//! Nothing is mounted but what the definition and the system mount, and nothing lost the options that protect it.

use host::facts::Mount;

use crate::findings::{Findings, quoted};
use crate::machine::Machine;
use crate::report::{Class, Severity};
use crate::walk::is_below;

/// Filesystems that the kernel shows itself through.
const OF_KERNEL: [&str; 18] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];
/// Where the service manager mounts memory.
const OF_SYSTEM: [&str; 5] = ["/run", "/run/lock", "/dev/shm", "/dev", "/sys"];
/// What the kernel's own filesystems are mounted without, and what follows from it.
const PROTECTED: [(&str, &[&str]); 6] = [
    ("/proc", &["nosuid", "nodev", "noexec"]),
    ("/run", &["nosuid", "nodev"]),
    ("/run/lock", &["nosuid", "nodev"]),
    ("/dev/shm", &["nosuid", "nodev"]),
    ("/dev/pts", &["nosuid", "noexec"]),
    ("/sys/fs/cgroup", &["nosuid", "nodev", "noexec"]),
];
/// Below these a stranger's mount hides what is ours.
const COVERING: [&str; 8] = ["/etc", "/usr", "/opt", "/var", "/root", "/boot", "/data", "/home"];

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let mounts: &[Mount] = machine.live().map_or(&[], |live| &live.mounts);
    let mut findings = Findings::new(format!("{} mounts", mounts.len()));
    let is_container = !machine.appliance.platform().owns_kernel();
    let disks: Vec<&str> = machine
        .appliance
        .disks
        .iter()
        .map(|disk| disk.mount.as_str())
        .collect();
    for mount in mounts {
        let point = mount.point.as_str();
        let times = mounts
            .iter()
            .filter(|other| other.point == point && other.id <= mount.id)
            .count();
        let known = is_known(mount, &disks, is_container);
        // An automount and what it mounted share a place.
        let of_kernel = OF_KERNEL.contains(&mount.filesystem.as_str());
        if known && (times == 1 || of_kernel || may_be_twice(point, is_container)) {
            continue;
        }
        stranger(mount, times > 1, &mut findings);
    }
    for (point, options) in PROTECTED {
        let seen = mounts.iter().rfind(|mount| mount.point == point);
        for option in options
            .iter()
            .filter(|option| seen.is_some_and(|mount| !has(mount, option)))
        {
            let what = format!("is mounted without {option}");
            findings.error(
                Class::Mount,
                point,
                what,
                format!("`mount -o remount,{option} {point}`"),
            );
        }
    }
    findings
}

fn has(mount: &Mount, option: &str) -> bool {
    mount.options.iter().any(|found| found == option)
}

fn is_known(mount: &Mount, disks: &[&str], is_container: bool) -> bool {
    let (point, filesystem) = (mount.point.as_str(), mount.filesystem.as_str());
    let below = |top: &str| point == top || is_below(point, top);
    if ["/proc", "/sys", "/dev"].iter().any(|top| below(top)) {
        return OF_KERNEL.contains(&filesystem) || OF_SYSTEM.contains(&point) || is_container;
    }
    if below("/run") {
        let of_a_unit = is_below(point, "/run/credentials") && matches!(filesystem, "ramfs" | "tmpfs");
        let of_a_person =
            is_below(point, "/run/user") && matches!(filesystem, "tmpfs" | "fuse" | "fuse.portal");
        let of_a_namespace = is_below(point, "/run/netns");
        return OF_SYSTEM.contains(&point)
            || of_a_unit
            || of_a_person
            || of_a_namespace
            || (is_container && (point == "/run/host" || is_below(point, "/run/host")))
            || OF_KERNEL.contains(&filesystem);
    }
    point == "/"
        || disks.contains(&point)
        || matches!(point, "/tmp" | "/boot" | "/boot/efi" | "/efi")
        || (is_container && matches!(point, "/etc/hostname" | "/etc/hosts" | "/etc/resolv.conf"))
}

/// Whoever starts a container puts its mounts over those of its image.
fn may_be_twice(point: &str, is_container: bool) -> bool {
    is_container
        && ["/proc", "/sys", "/dev", "/run", "/tmp"]
            .iter()
            .any(|top| point == *top || is_below(point, top))
}

fn stranger(mount: &Mount, over: bool, findings: &mut Findings) {
    let point = mount.point.as_str();
    let covers = over || COVERING.iter().any(|top| point == *top || is_below(point, top));
    let from = if mount.root == "/" {
        mount.source.clone()
    } else {
        format!("{} of {}", mount.root, mount.source)
    };
    let what = if covers {
        format!(
            "is covered by {from} ({}), which nobody declared",
            mount.filesystem
        )
    } else {
        format!(
            "is a mount of {from} ({}), which nobody declared",
            mount.filesystem
        )
    };
    let severity = if covers {
        Severity::Error
    } else {
        Severity::Warning
    };
    let next = format!("look at it with `findmnt {0}`, then `umount {0}`", quoted(point));
    findings.add(severity, Class::Mount, point, what, next);
}

#[cfg(test)]
mod tests {
    use host::facts::LiveFacts;

    use super::*;
    use crate::fixture;

    fn mount(id: u32, point: &str, filesystem: &str, options: &str) -> Mount {
        Mount {
            id,
            parent: 1,
            device: (8, id),
            root: "/".to_owned(),
            point: point.to_owned(),
            options: options.split(',').map(str::to_owned).collect(),
            filesystem: filesystem.to_owned(),
            source: "x".to_owned(),
            super_options: Vec::new(),
        }
    }

    #[test]
    fn each_mount_that_nobody_declared_is_told() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.facts.live = Some(LiveFacts {
            mounts: vec![
                mount(1, "/", "ext4", "rw"),
                mount(2, "/proc", "proc", "rw,nosuid,nodev,noexec"),
                mount(3, "/run", "tmpfs", "rw,nosuid,nodev"),
                mount(4, "/dev/shm", "tmpfs", "rw,nosuid"),
                mount(5, "/data", "ext4", "rw,nosuid,nodev"),
                mount(6, "/run/credentials/webapp.service", "ramfs", "ro"),
                mount(7, "/etc/sudoers.d/webapp", "ext4", "rw"),
                mount(8, "/mnt", "ext4", "rw"),
                mount(9, "/data", "tmpfs", "rw"),
                mount(10, "/home/x", "tmpfs", "rw"),
            ],
            guards: Default::default(),
            disks: Default::default(),
            swaps: Vec::new(),
            sysctl: Default::default(),
            units: None,
            firewall: None,
            listeners: None,
            memory: Default::default(),
        });
        assert_eq!(
            check(&machine).brief(),
            [
                "error mount /data",
                "error mount /dev/shm",
                "error mount /etc/sudoers.d/webapp",
                "error mount /home/x",
                "warning mount /mnt",
            ]
        );
    }
}
