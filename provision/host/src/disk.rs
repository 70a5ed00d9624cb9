//! Making and growing filesystems. The last look at a device lies here, as near to the change as it can.

use std::time::Duration;

use appliance::path::TargetPath;

use crate::command::Command;
use crate::facts::block::{FoundBy, FoundDisk, name_of};
use crate::{Host, HostError};

/// 100 GB of a slow cloud disk take some 20 s; ten times as much and more.
const LIMIT: Duration = Duration::from_secs(600);

/// Why a filesystem may be made on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Permission {
    /// The device is blank, and this is looked up once more right before.
    Blank,
    /// An earlier run was interrupted in the middle of making one: it left a pending record and no marker.
    Interrupted,
}

/// Makes an ext4 filesystem with the given label and options of mkfs.ext4. Looks once more whether the device is
/// in use or holds anything, and refuses then.
pub fn make_ext4(
    host: &Host,
    device: &TargetPath,
    label: &str,
    options: &[&str],
    permission: Permission,
) -> Result<(), HostError> {
    host.require_live("make a filesystem")?;
    let refuse = |reason: String| HostError::Refused {
        operation: "make a filesystem on",
        thing: device.to_string(),
        reason,
    };
    let path = std::path::Path::new(device.as_str());
    let name = name_of(path)?.ok_or_else(|| refuse("it is not there".to_owned()))?;
    let mounts = crate::facts::mount::read()?;
    let disk = FoundDisk::look(FoundBy::Id, name, permission == Permission::Blank, &mounts)?;
    if let Some(reason) = in_use(&disk).or_else(|| not_blank(&disk)) {
        return Err(refuse(reason));
    }
    let mut command = Command::new("/usr/sbin/mkfs.ext4")
        .args(["-q", "-L", label])
        .args(options.iter().copied());
    if permission == Permission::Interrupted {
        // Else it asks whether to overwrite its own half-made work.
        command = command.arg("-F");
    }
    command.arg(device.as_str()).limit(LIMIT).run().map(drop)
}

fn in_use(disk: &FoundDisk) -> Option<String> {
    if let Some(place) = disk.mounted_at.first() {
        return Some(format!("it is mounted at {place}"));
    }
    if let Some(holder) = disk.holders.first() {
        return Some(format!("{holder} lies on it"));
    }
    if let Some(partition) = disk.partitions.first() {
        return Some(format!("it has a partition, {partition}"));
    }
    disk.read_only.then(|| "it is read-only".to_owned())
}

fn not_blank(disk: &FoundDisk) -> Option<String> {
    let blank = disk.blank.as_ref()?;
    match &blank.signature {
        Some(signature) => Some(format!("it holds {signature}")),
        None if !blank.zero_ends => Some("its first or last MiB is not zero".to_owned()),
        None if blank.partition_table => Some("it has a partition table".to_owned()),
        None => None,
    }
}

/// Grows a mounted ext4 filesystem to the size of its device.
pub fn grow(host: &Host, device: &TargetPath) -> Result<(), HostError> {
    host.require_live("grow a filesystem")?;
    Command::new("/usr/sbin/resize2fs")
        .arg(device.as_str())
        .limit(LIMIT)
        .run()
        .map(drop)
}
