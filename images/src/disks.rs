//! The three data disks as sparse image files.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use crate::cache;
use crate::command::run;
use crate::error::{AtPath, Result};

/// Bytes in a gibibyte.
pub const GIB: u64 = 1 << 30;

/// One of the disks that hold what must outlive the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disk {
    /// Mounted at /data.
    Data,
    /// Mounted at /home.
    Home,
    /// Mounted at /tmp.
    Tmp,
}

impl Disk {
    /// All of them, in the order in which the cloud attaches them.
    pub const ALL: [Disk; 3] = [Disk::Data, Disk::Home, Disk::Tmp];

    /// The word that its image file and its mount point share.
    pub fn word(self) -> &'static str {
        match self {
            Disk::Data => "data",
            Disk::Home => "home",
            Disk::Tmp => "tmp",
        }
    }

    /// The label of its file system.
    pub fn label(self) -> String {
        format!("appl-{}", self.word())
    }

    /// The serial number by which a machine finds it under /dev/disk/by-id.
    pub fn serial(self) -> String {
        format!("{}-disk", self.word())
    }

    pub(crate) fn image(self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.img", self.word()))
    }
}

/// How large the disks are, in bytes. The files are sparse, so only what is used takes room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Size of /data.
    pub data: u64,
    /// Size of /home.
    pub home: u64,
    /// Size of /tmp.
    pub tmp: u64,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            data: GIB,
            home: GIB,
            tmp: GIB,
        }
    }
}

impl Sizes {
    fn of(self, disk: Disk) -> u64 {
        match disk {
            Disk::Data => self.data,
            Disk::Home => self.home,
            Disk::Tmp => self.tmp,
        }
    }
}

/// Makes the blank image files that are not there yet.
pub(crate) fn make_blank(directory: &Path, sizes: Sizes) -> Result<()> {
    cache::make(directory)?;
    for disk in Disk::ALL {
        let path = disk.image(directory);
        if !path.exists() {
            sparse(&path, sizes.of(disk))?;
        }
    }
    Ok(())
}

/// Makes the image files that are not there yet, each with an ext4 under its label.
pub(crate) fn make_formatted(directory: &Path, sizes: Sizes) -> Result<()> {
    cache::make(directory)?;
    for disk in Disk::ALL {
        let path = disk.image(directory);
        if path.exists() {
            continue;
        }
        // Formatted under another name: a file of the right name always holds a file system.
        let partial = path.with_extension("partial");
        sparse(&partial, sizes.of(disk))?;
        run(&[
            "mkfs.ext4",
            "-q",
            "-F",
            "-m",
            "0",
            "-L",
            &disk.label(),
            cache::text(&partial)?,
        ])?;
        std::fs::rename(&partial, &path).at("rename", &partial)?;
    }
    Ok(())
}

/// An empty file of this size that takes no room yet.
pub(crate) fn sparse(path: &Path, bytes: u64) -> Result<()> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)
        .at("create", path)?;
    file.set_len(bytes).at("size", path)
}

/// Fills a file up to whole sectors, as a disk has them.
pub(crate) fn round_up(path: &Path) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path).at("open", path)?;
    let length = file.metadata().at("measure", path)?.len();
    file.set_len(length.next_multiple_of(4096).max(4096))
        .at("size", path)
}
