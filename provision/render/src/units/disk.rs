//! A disk is mounted at boot only when it is the one that belongs there. fstab finds it by its device name alone; two
//! disks whose names were exchanged would be mounted in each other's place, and a boot would empty the data disk at
//! `/tmp`. So each mount waits for a look at the label.

use appliance::disk::Disk;
use appliance::path::TargetPath;
use templates::context::{Directive, Unit, UnitValue};

use super::{add_unit, drop_in, section};
use crate::RenderError;
use crate::draft::Draft;
use crate::names::{self, UNIT_FAILED};

/// Exits with 2 when the label is another.
const BLKID: &str = "/usr/sbin/blkid";

pub(super) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    let Some(prefix) = draft.appliance.platform().disk_prefix() else {
        return Ok(());
    };
    for disk in &draft.appliance.disks {
        let device = TargetPath::new(&format!("/dev/disk/by-id/{prefix}{}", disk.device))?;
        let check = names::unit(&format!("appliance-disk-{}.service", disk.role));
        let mount = mount_unit(&disk.mount);
        let unit = look(disk, &device, &mount);
        let because = format!("what is mounted at {} must be the {} disk", disk.mount, disk.role);
        add_unit(draft, &check, &unit, &because)?;
        let relation = |key: &str| Directive::new(key, UnitValue::text(check.as_str()));
        let waits = section("Unit", vec![relation("Requires"), relation("After")]);
        drop_in::add_one(
            draft,
            &mount,
            &Unit {
                sections: vec![waits],
            },
            &because,
        )?;
    }
    Ok(())
}

/// The unit that mounts at a path.
pub(super) fn mount_unit(point: &TargetPath) -> String {
    format!("{}.mount", escaped(point))
}

/// The unit that looks.
fn look(disk: &Disk, device: &TargetPath, mount: &str) -> Unit {
    let waited_for = format!("{}.device", escaped(device));
    let relations = vec![
        Directive::new(
            "Description",
            UnitValue::text(format!("Is {} the {} disk?", disk.device, disk.role)),
        ),
        Directive::new("DefaultDependencies", UnitValue::Flag(false))
            .because("Before any mount, so before all that units wait for otherwise."),
        Directive::new("Requires", UnitValue::text(waited_for.as_str())),
        Directive::new("After", UnitValue::text(waited_for)),
        Directive::new("Before", UnitValue::text(mount)),
        Directive::new(
            "OnFailure",
            UnitValue::specifiers(UNIT_FAILED.replace('@', "@%n")),
        ),
    ];
    let label = format!("LABEL={}", disk.label);
    let words = [
        BLKID,
        "--cache-file",
        "/dev/null",
        "--match-token",
        &label,
        "--output",
        "device",
    ];
    let command = words.into_iter().chain([device.as_str()]);
    let service = vec![
        Directive::new("Type", UnitValue::text("oneshot")),
        Directive::new("ExecStart", UnitValue::command(command)),
        Directive::new("CapabilityBoundingSet", UnitValue::Reset),
        Directive::new("NoNewPrivileges", UnitValue::Flag(true)),
        Directive::new("PrivateNetwork", UnitValue::Flag(true)),
    ];
    Unit {
        sections: vec![section("Unit", relations), section("Service", service)],
    }
}

/// A path as a part of a unit's name, as systemd-escape(1) writes it.
fn escaped(path: &TargetPath) -> String {
    let mut name = String::new();
    for (index, byte) in path.relative().bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if index > 0 => name.push('.'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(&format!("\\x{byte:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped_as_systemd_does() {
        for (path, expected) in [
            ("/data", "data"),
            ("/var/lib/x", "var-lib-x"),
            (
                "/dev/disk/by-id/virtio-data-disk",
                r"dev-disk-by\x2did-virtio\x2ddata\x2ddisk",
            ),
            ("/.a/.b", r"\x2ea-.b"),
        ] {
            assert_eq!(escaped(&TargetPath::known(path)), expected);
        }
    }
}
