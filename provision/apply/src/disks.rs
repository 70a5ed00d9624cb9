//! Guarding, formatting, mounting and marking disks.
//!
//! A record of what is about to be formatted is on the system disk before the first byte of the filesystem is, and is
//! removed when the disk has its marker. So a run that was interrupted in between is told from a disk with content.

use std::time::SystemTime;

use appliance::path::TargetPath;
use host::disk::Permission;
use host::mount::Detached;
use host::write::{self, NewFile};
use host::{Host, attribute, directory, read, remove};
use plan::{DiskTarget, MARKER_NAME};

use crate::StepError;

const STATE_DIRECTORY: &str = "/var/lib/data-analyst";
const FORMAT_RECORD: &str = "/var/lib/data-analyst/format.json";
/// The version of the marker's form.
const MARKER_VERSION: u32 = 1;

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Makes the directory under a mount immutable, whether something is mounted there or not.
pub(crate) fn guard(host: &Host, path: &TargetPath) -> Result<(), StepError> {
    let host = &host::mount::root_alone(host)?;
    let metadata = directory::Metadata::of_root(0o555);
    if read::exists(host, path)? {
        attribute::set_immutable(host, path, false)?;
    }
    directory::ensure(host, path, &metadata)?;
    attribute::set_immutable(host, path, true)?;
    Ok(())
}

/// Makes the filesystem, after the record that says so.
pub(crate) fn format(host: &Host, disk: &DiskTarget) -> Result<(), StepError> {
    let (state, record) = (
        TargetPath::known(STATE_DIRECTORY),
        TargetPath::known(FORMAT_RECORD),
    );
    let pending = read::file(host, &record)?;
    let interrupted = pending.is_some_and(|bytes| is_about(&bytes, disk));
    if interrupted && has_marker(host, disk)? {
        // The crash came after the marker was written: there is nothing to make.
        return Ok(());
    }
    let metadata = directory::Metadata::of_root(0o700);
    directory::ensure(host, &state, &metadata)?;
    let content = serde_json::json!({
        "device": disk.device.as_str(),
        "serial": disk.disk_id,
        "bytes": disk.bytes,
        "time": now(),
    });
    write::replace(
        host,
        &NewFile::of_root(&record, content.to_string().as_bytes(), 0o600),
    )?;
    let permission = if interrupted {
        Permission::Interrupted
    } else {
        Permission::Blank
    };
    let reserved = disk.reserved_percent.to_string();
    host::disk::make_ext4(host, &disk.device, &disk.label, &["-m", &reserved], permission)?;
    Ok(())
}

/// A record of another disk says nothing of this one.
fn is_about(record: &[u8], disk: &DiskTarget) -> bool {
    serde_json::from_slice::<serde_json::Value>(record).is_ok_and(|record| {
        record.get("device") == Some(&disk.device.as_str().into())
            && record.get("bytes") == Some(&disk.bytes.into())
    })
}

fn has_marker(host: &Host, disk: &DiskTarget) -> Result<bool, StepError> {
    // A filesystem that does not mount was not finished.
    let Ok(detached) = Detached::open(host, &disk.device, "ext4", &disk.options) else {
        return Ok(false);
    };
    Ok(read::file(detached.tree(), &TargetPath::known(&format!("/{MARKER_NAME}")))?.is_some())
}

fn marker(disk: &DiskTarget) -> String {
    let marker = serde_json::json!({
        "role": disk.role.as_str(),
        "disk_id": disk.disk_id,
        "created_at": now(),
        "format_version": MARKER_VERSION,
    });
    format!("{marker}\n")
}

/// Mounts a disk, after a look at its marker while it is mounted nowhere.
pub(crate) fn mount(host: &Host, disk: &DiskTarget) -> Result<(), StepError> {
    let detached = Detached::open(host, &disk.device, "ext4", &disk.options)?;
    let path = TargetPath::known(&format!("/{MARKER_NAME}"));
    match read::file(detached.tree(), &path)? {
        Some(bytes) => check_role(disk, &bytes)?,
        None => write::replace(
            detached.tree(),
            &NewFile::of_root(&path, marker(disk).as_bytes(), 0o600),
        )?,
    }
    detached.attach(host, &disk.mount)?;
    remove::file(host, &TargetPath::known(FORMAT_RECORD))?;
    Ok(())
}

fn check_role(disk: &DiskTarget, marker: &[u8]) -> Result<(), StepError> {
    let value: Option<serde_json::Value> = serde_json::from_slice(marker).ok();
    let role = value
        .as_ref()
        .and_then(|value| value.get("role"))
        .and_then(serde_json::Value::as_str);
    if role == Some(disk.role.as_str()) {
        return Ok(());
    }
    let says = role.map_or_else(
        || "does not say what it is for".to_owned(),
        |role| format!("says that it is the {role} disk"),
    );
    Err(StepError::WrongDisk(format!(
        "the disk that belongs at {} {says}: disks were swapped, and nothing was mounted there",
        disk.mount
    )))
}

/// Gives a mounted filesystem its marker.
pub(crate) fn mark(host: &Host, disk: &DiskTarget) -> Result<(), StepError> {
    let path = TargetPath::known(&format!("{}/{MARKER_NAME}", disk.mount));
    Ok(write::replace(
        host,
        &NewFile::of_root(&path, marker(disk).as_bytes(), 0o600),
    )?)
}
