//! What kind of machine the appliance stands on, and what follows from it.

/// The kinds of machine that we know how to bring to the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// A Google Compute Engine VM.
    Gce,
    /// A qemu machine with the same four disks.
    Qemu,
    /// A container under systemd-nspawn: whoever starts it attaches the disks, and the kernel is not ours to tune.
    Container,
}

impl Platform {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Gce, Self::Qemu, Self::Container];

    /// The word that a definition uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gce => "gce",
            Self::Qemu => "qemu",
            Self::Container => "container",
        }
    }

    /// What stands before a disk's device name under `/dev/disk/by-id`; none where no disk is ours to mount.
    pub const fn disk_prefix(self) -> Option<&'static str> {
        match self {
            Self::Gce => Some("google-"),
            Self::Qemu => Some("virtio-"),
            Self::Container => None,
        }
    }

    /// True where the kernel runs for this machine alone, so that its settings, clock and swap are ours.
    pub const fn owns_kernel(self) -> bool {
        match self {
            Self::Gce | Self::Qemu => true,
            Self::Container => false,
        }
    }
}

impl std::str::FromStr for Platform {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no platform that we know; there are gce, qemu and container"))
    }
}

crate::reader::from_toml_text! { Platform = "gce" }
