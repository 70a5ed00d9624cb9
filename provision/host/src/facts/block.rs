//! Disks: where they are, what is on them, and whether nothing is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::command::Command;
use crate::facts::ext::{self, Ext};
use crate::facts::mount::Mount;
use crate::{DiskQuestion, HostError};

/// What was found for one declared disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum DiskFact {
    /// Neither its stable name nor its label is there.
    Missing,
    /// The stable name is missing and more than one device carries the label.
    Ambiguous {
        /// Kernel names of the candidates.
        candidates: Vec<String>,
    },
    /// Exactly one.
    Found(Box<FoundDisk>),
}

/// A disk that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundDisk {
    /// How it was found.
    pub by: FoundBy,
    /// Kernel name such as `sdb`: true until the next boot only, never to be written anywhere.
    pub name: String,
    /// Major and minor number.
    pub number: (u32, u32),
    /// The serial number that the device tells, which the cloud and qemu set to the device name.
    pub serial: Option<String>,
    /// Size.
    pub bytes: u64,
    /// Size of a logical sector.
    pub sector: u32,
    /// `removable` of the kernel.
    pub removable: bool,
    /// `ro` of the kernel.
    pub read_only: bool,
    /// Device-mapper and similar devices on top of it.
    pub holders: Vec<String>,
    /// Partitions that the kernel sees.
    pub partitions: Vec<String>,
    /// Where it is mounted.
    pub mounted_at: Vec<String>,
    /// Its ext2, ext3 or ext4 filesystem.
    pub filesystem: Option<Ext>,
    /// Whether it is blank; `None` when not asked.
    pub blank: Option<Blank>,
}

/// How a disk was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FoundBy {
    /// By `/dev/disk/by-id`.
    Id,
    /// By the label of its filesystem.
    Label,
}

/// The three things that make a disk blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blank {
    /// The first and the last MiB are zero.
    pub zero_ends: bool,
    /// Whether the kernel or the probe sees a partition table.
    pub partition_table: bool,
    /// What the low-level probe found; `None` for nothing.
    pub signature: Option<String>,
}

impl Blank {
    /// True when nothing is on the disk.
    pub fn is_blank(&self) -> bool {
        self.zero_ends && !self.partition_table && self.signature.is_none()
    }
}

const CLASS: &str = "/sys/class/block";
/// Whatever the logical sector is, sysfs counts in these.
const SYSFS_SECTOR: u64 = 512;
/// What has to be zero at each end: partition tables, RAID and LVM labels, filesystems all write there.
const END: usize = 1 << 20;

/// Finds the disks, by role.
pub fn read(questions: &[DiskQuestion], mounts: &[Mount]) -> Result<BTreeMap<String, DiskFact>, HostError> {
    questions
        .iter()
        .map(|question| Ok((question.role.clone(), find(question, mounts)?)))
        .collect()
}

fn find(question: &DiskQuestion, mounts: &[Mount]) -> Result<DiskFact, HostError> {
    let found = |by, name| {
        FoundDisk::look(by, name, question.probe_blank, mounts).map(|disk| DiskFact::Found(Box::new(disk)))
    };
    if let Some(name) = name_of(Path::new(question.by_id.as_str()))? {
        return found(FoundBy::Id, name);
    }
    let mut candidates = labelled(&question.label)?;
    match (candidates.pop(), candidates.is_empty()) {
        (None, _) => Ok(DiskFact::Missing),
        (Some(name), true) => found(FoundBy::Label, name),
        (Some(name), false) => {
            candidates.push(name);
            Ok(DiskFact::Ambiguous { candidates })
        }
    }
}

/// The kernel's name of the device behind a path; `None` when there is none.
pub(crate) fn name_of(path: &Path) -> Result<Option<String>, HostError> {
    let fail = |source| device_error(path, source);
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    if !metadata.file_type().is_block_device() {
        return Err(HostError::WrongKind {
            path: appliance::path::TargetPath::new(&path.to_string_lossy())
                .unwrap_or_else(|_| appliance::path::TargetPath::root()),
            found: "thing that is no block device",
            wanted: "disk",
        });
    }
    let (major, minor) = (
        rustix::fs::major(metadata.rdev()),
        rustix::fs::minor(metadata.rdev()),
    );
    let entry = fs::read_link(format!("/sys/dev/block/{major}:{minor}")).map_err(fail)?;
    Ok(entry.file_name().map(|name| name.to_string_lossy().into_owned()))
}

fn device_error(path: &Path, source: io::Error) -> HostError {
    HostError::Kernel {
        path: path.display().to_string(),
        source,
    }
}

/// Kernel names of all devices that carry the label, sorted.
fn labelled(label: &str) -> Result<Vec<String>, HostError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(CLASS).map_err(|source| device_error(Path::new(CLASS), source))? {
        let entry = entry.map_err(|source| device_error(Path::new(CLASS), source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A loop device without a file and a drive without a medium.
        if attribute(&name, "size").is_none_or(|size| size == "0") {
            continue;
        }
        if superblock(&name)?.is_some_and(|ext| ext.label == label) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A device's superblock; `None` where it has no ext filesystem, no medium or no node.
fn superblock(name: &str) -> Result<Option<Ext>, HostError> {
    let node = node_of(name);
    let device = match fs::File::open(&node) {
        Ok(device) => device,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(device_error(&node, error)),
    };
    let mut bytes = [0; ext::LENGTH];
    match device.read_exact_at(&mut bytes, ext::OFFSET) {
        Ok(()) => Ok(Ext::parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof || absent(&error) => Ok(None),
        Err(error) => Err(device_error(&node, error)),
    }
}

/// Not there, without a medium, or, in a container, somebody else's: root is refused a device (EPERM) only by the
/// device rules of its control group.
fn absent(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(Errno::NOENT | Errno::NXIO | Errno::NODEV | Errno::NOMEDIUM | Errno::PERM)
    )
}

/// `/dev/sdb`; the kernel writes a slash in a name as `!`.
pub(crate) fn node_of(name: &str) -> PathBuf {
    Path::new("/dev").join(name.replace('!', "/"))
}

fn attribute(name: &str, file: &str) -> Option<String> {
    let text = fs::read_to_string(format!("{CLASS}/{name}/{file}")).ok()?;
    Some(text.trim().to_owned())
}

fn names_below(path: &str) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Each kind of disk keeps it elsewhere: virtio, NVMe, and SCSI with four bytes of header.
fn serial(name: &str) -> Option<String> {
    let page = || {
        let page = fs::read(format!("{CLASS}/{name}/device/vpd_pg80")).ok()?;
        Some(
            String::from_utf8_lossy(page.get(4..)?)
                .trim_matches(['\0', ' '])
                .to_owned(),
        )
    };
    let serial = attribute(name, "serial")
        .or_else(|| attribute(name, "device/serial"))
        .or_else(page)?;
    (!serial.is_empty()).then_some(serial)
}

impl FoundDisk {
    /// Looks at a device by its kernel name.
    pub(crate) fn look(
        by: FoundBy,
        name: String,
        probe_blank: bool,
        mounts: &[Mount],
    ) -> Result<Self, HostError> {
        let missing = |file: &str| {
            device_error(
                &Path::new(CLASS).join(&name).join(file),
                io::Error::from(io::ErrorKind::InvalidData),
            )
        };
        let number = |file: &str| attribute(&name, file)?.parse::<u64>().ok();
        let device = attribute(&name, "dev").ok_or_else(|| missing("dev"))?;
        let device = device
            .split_once(':')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let device: (u32, u32) = device.ok_or_else(|| missing("dev"))?;
        let bytes = number("size")
            .ok_or_else(|| missing("size"))?
            .saturating_mul(SYSFS_SECTOR);
        let entry = format!("{CLASS}/{name}");
        let is_partition = |below: &String| Path::new(&format!("{entry}/{below}/partition")).exists();
        let partitions: Vec<String> = names_below(&entry).into_iter().filter(is_partition).collect();
        // A partition has its disk's queue.
        let sector = number("queue/logical_block_size").or_else(|| number("../queue/logical_block_size"));
        let filesystem = superblock(&name)?;
        let blank = probe_blank
            .then(|| Blank::look(&node_of(&name), bytes, !partitions.is_empty()))
            .transpose()?;
        Ok(Self {
            by,
            number: device,
            serial: serial(&name),
            bytes,
            sector: sector.and_then(|bytes| u32::try_from(bytes).ok()).unwrap_or(512),
            removable: number("removable") == Some(1),
            read_only: number("ro") == Some(1),
            holders: names_below(&format!("{entry}/holders")),
            partitions,
            mounted_at: mounts
                .iter()
                .filter(|mount| mount.device == device)
                .map(|mount| mount.point.clone())
                .collect(),
            filesystem,
            blank,
            name,
        })
    }
}

impl Blank {
    fn look(node: &Path, bytes: u64, partitions: bool) -> Result<Self, HostError> {
        let device = fs::File::open(node).map_err(|source| device_error(node, source))?;
        let zero_ends = zero_ends(&device, bytes).map_err(|source| device_error(node, source))?;
        // 2: nothing found; 8: more than one thing found, which is also something.
        let probe = Command::new("/usr/sbin/blkid").args(["--probe", "--output", "export"]);
        let output = probe.arg(node.to_string_lossy()).accept(&[0, 2, 8]).run()?;
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |key: &str| {
            found
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        };
        let table = value("PTTYPE");
        let signature = match output.code {
            2 => None,
            _ => Some(
                value("TYPE")
                    .or(table)
                    .unwrap_or("something that cannot be told")
                    .to_owned(),
            ),
        };
        Ok(Self {
            zero_ends,
            partition_table: partitions || table.is_some(),
            signature,
        })
    }
}

fn zero_ends(device: &fs::File, bytes: u64) -> io::Result<bool> {
    let mut end = vec![0; END.min(usize::try_from(bytes).unwrap_or(END))];
    for at in [0, bytes.saturating_sub(END as u64)] {
        device.read_exact_at(&mut end, at)?;
        if end.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_count_and_the_middle_does_not() {
        let image = tempfile::tempfile().expect("a file");
        let size = 4 * END as u64;
        image.set_len(size).expect("a size");
        assert!(zero_ends(&image, size).expect("readable"));
        image.write_all_at(&[1], size / 2).expect("a byte");
        assert!(zero_ends(&image, size).expect("readable"));
        image.write_all_at(&[1], size - 1).expect("a byte");
        assert!(!zero_ends(&image, size).expect("readable"));
    }

    #[test]
    fn a_path_that_is_no_disk_is_refused() {
        assert_eq!(
            name_of(Path::new("/dev/disk/by-id/no-such-disk")).expect("an answer"),
            None
        );
        assert!(name_of(Path::new("/etc/passwd")).is_err());
    }
}
