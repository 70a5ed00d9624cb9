//! The four disks and the swap file. A disk is known by its device name and its role, never by a kernel name.

use crate::name::DiskName;
use crate::path::TargetPath;
use crate::reader::Table;

/// What a disk is for. The system disk comes with the machine's image and is never formatted or mounted by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskRole {
    /// `/`, rebuilt rather than restored.
    System,
    /// `/data`
    Data,
    /// `/home`
    Home,
    /// `/tmp`, expendable.
    Temp,
}

impl DiskRole {
    /// Every role, in the order of the definition.
    pub const ALL: [Self; 4] = [Self::System, Self::Data, Self::Home, Self::Temp];

    /// The word that definition and marker file use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Data => "data",
            Self::Home => "home",
            Self::Temp => "temp",
        }
    }
}

impl std::fmt::Display for DiskRole {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for DiskRole {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no role of a disk; there are system, data, home and temp"))
    }
}

crate::reader::from_toml_text! { DiskRole = "data" }

/// A disk that we mount.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Disk {
    /// What it is for.
    pub role: DiskRole,
    /// Cloud disk name and device name.
    pub device: DiskName,
    /// Filesystem label, by which it is found when its device name is lost.
    pub label: String,
    /// Size in GB on a new machine.
    pub size_gb: u32,
    /// Where it is mounted.
    pub mount: TargetPath,
    /// Options in fstab.
    pub options: Vec<String>,
    /// Percent of blocks kept back for root.
    pub reserved_percent: u32,
    /// Whether the empty directory under the mount is made immutable, so that nothing fills the system disk while
    /// the disk is missing.
    pub guarded: bool,
    /// Whether snapshots are kept of it.
    pub snapshots: bool,
}

impl Disk {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let role = table.required("role");
        let device = table.required("device");
        let label = table.required::<String>("label");
        let size_gb = table.required("size_gb");
        let mount = table.required("mount");
        let options = table.filled_list("options");
        let reserved_percent = table.or("reserved_percent", 1);
        let guarded = table.required("guarded");
        let snapshots = table.required("snapshots");
        if label
            .as_ref()
            .is_some_and(|label| label.is_empty() || label.len() > 16)
        {
            table.refuse(
                "label",
                "an ext4 label has 1 to 16 bytes",
                "write a shorter label",
            );
        }
        Some(Self {
            role: role?,
            device: device?,
            label: label?,
            size_gb: size_gb?,
            mount: mount?,
            options,
            reserved_percent,
            guarded: guarded?,
            snapshots: snapshots?,
        })
    }
}

/// The swap file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Swap {
    /// Where it lies.
    pub path: TargetPath,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Swap {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let path = table.required("path");
        let bytes = table.required("bytes");
        Some(Self {
            path: path?,
            bytes: bytes?,
        })
    }
}
