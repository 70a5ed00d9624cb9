//! Which path has a filesystem of its own, from `/proc/self/mountinfo`. Reads nothing itself.
//!
//! A mount point alone proves nothing: inside a sandboxed unit `/tmp` and `/home` are mount points
//! even when they lie on the root disk, bound onto themselves. So devices are compared.

use super::watched::PARTITIONS;

struct Mount<'a> {
    id: &'a str,
    parent: &'a str,
    device: &'a str,
    point: String,
}

/// Whether `partition` is mounted from a device that no partition before it in the list has.
/// The root is always its own.
pub fn own_filesystem(mountinfo: &str, partition: &str) -> bool {
    let mounts: Vec<Mount<'_>> = mountinfo.lines().filter_map(mount).collect();
    let Some(device) = device_of(&mounts, partition) else {
        return false;
    };
    PARTITIONS
        .iter()
        .take_while(|earlier| **earlier != partition)
        .all(|earlier| device_of(&mounts, earlier) != Some(device))
}

/// The device on top at a mount point: of stacked mounts, the one that no other is stacked on.
fn device_of<'a>(mounts: &[Mount<'a>], point: &str) -> Option<&'a str> {
    let here = || mounts.iter().filter(|mount| mount.point == point);
    here()
        .find(|top| !here().any(|above| above.parent == top.id && above.id != top.id))
        .map(|mount| mount.device)
}

/// `36 35 98:0 /root /point options…`, see proc_pid_mountinfo(5).
fn mount(line: &str) -> Option<Mount<'_>> {
    let mut fields = line.split(' ');
    let (id, parent, device) = (fields.next()?, fields.next()?, fields.next()?);
    let point = unescape(fields.nth(1)?);
    Some(Mount {
        id,
        parent,
        device,
        point,
    })
}

/// The kernel writes space, tab, line feed and backslash as three octal digits.
fn unescape(field: &str) -> String {
    let mut text = field.to_owned();
    for (escaped, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(escaped, plain);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken in a unit with the portal's sandbox on a machine with three extra disks.
    const SANDBOXED: &str = include_str!("../../tests/data/mountinfo-sandboxed.txt");
    /// The same machine without its disks: `/tmp` is a tmpfs there, which is a filesystem of its own.
    const DISKS_GONE: &str = include_str!("../../tests/data/mountinfo-disks-gone.txt");

    #[test]
    fn every_disk_is_found_through_the_sandbox() {
        for partition in PARTITIONS {
            assert!(own_filesystem(SANDBOXED, partition), "{partition}");
        }
        assert!(!own_filesystem(SANDBOXED, "/var"));
    }

    #[test]
    fn a_disk_that_is_gone_is_missed() {
        let found: Vec<_> = PARTITIONS
            .iter()
            .filter(|path| own_filesystem(DISKS_GONE, path))
            .collect();
        assert_eq!(found, [&"/", &"/tmp"]);
    }

    #[test]
    fn a_directory_bound_onto_itself_is_not_a_disk() {
        let text = "1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 /home /home ro - ext4 a rw\n\
                    3 1 8:1 /systemd-private/tmp /tmp rw - ext4 a rw\n";
        assert!(!own_filesystem(text, "/home") && !own_filesystem(text, "/tmp"));
    }

    #[test]
    fn one_disk_mounted_twice_counts_once() {
        let text =
            "1 0 8:1 / / rw - ext4 a rw\n2 1 8:16 / /data rw - ext4 b rw\n3 1 8:16 / /home rw - ext4 b rw\n";
        assert!(own_filesystem(text, "/data"));
        assert!(!own_filesystem(text, "/home"));
    }

    #[test]
    fn the_mount_on_top_counts() {
        let text =
            "1 0 8:1 / / rw - ext4 a rw\n2 1 8:16 / /data rw - ext4 b rw\n9 2 8:1 /x /data rw - ext4 a rw\n";
        assert!(!own_filesystem(text, "/data"));
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape("/a\\040b\\134c"), "/a b\\c");
    }
}
