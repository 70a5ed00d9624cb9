//! Disks: where they are, what is on them, and whether nothing is.

use serde::Serialize;

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
    Found(FoundDisk),
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

/// Superblock of an ext filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ext {
    /// Volume label.
    pub label: String,
    /// Volume UUID, as `blkid` prints it.
    pub uuid: String,
    /// Bytes of one block.
    pub block_size: u64,
    /// Number of blocks.
    pub blocks: u64,
    /// Whether it has extents, which makes it ext4.
    pub ext4: bool,
    /// Whether the kernel noted an error in it.
    pub errors: bool,
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

impl Ext {
    /// Bytes that the filesystem takes.
    pub fn bytes(&self) -> u64 {
        self.block_size.saturating_mul(self.blocks)
    }
}

impl Blank {
    /// True when nothing is on the disk.
    pub fn is_blank(&self) -> bool {
        self.zero_ends && !self.partition_table && self.signature.is_none()
    }
}
