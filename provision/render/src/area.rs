//! The areas of a machine, in the order in which they are brought about.

use std::fmt;

/// A part of the machine that can be applied by itself. The order is the order of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// Debian packages.
    Packages,
    /// Groups and accounts.
    Accounts,
    /// Disks, filesystems, mounts.
    Disks,
    /// The swap file.
    Swap,
    /// The directory tree with its access control lists.
    Directories,
    /// Settings and credentials.
    Settings,
    /// Grants.
    Sudoers,
    /// Resource limits.
    Limits,
    /// The SSH daemon.
    Ssh,
    /// Kernel settings and /proc, the host's name and its zone.
    Kernel,
    /// nftables.
    Firewall,
    /// fail2ban, auditd, upgrades, time, logs.
    Security,
    /// Unit files.
    Units,
    /// nginx and TLS.
    Nginx,
    /// Homes of people.
    Homes,
    /// Programs.
    Release,
    /// What runs.
    Services,
}

impl Area {
    /// Every area, in the order of work.
    pub const ALL: [Self; 17] = [
        Self::Packages,
        Self::Accounts,
        Self::Disks,
        Self::Swap,
        Self::Directories,
        Self::Settings,
        Self::Sudoers,
        Self::Limits,
        Self::Ssh,
        Self::Kernel,
        Self::Firewall,
        Self::Security,
        Self::Units,
        Self::Nginx,
        Self::Homes,
        Self::Release,
        Self::Services,
    ];

    /// The word that `--only` takes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Accounts => "accounts",
            Self::Disks => "disks",
            Self::Swap => "swap",
            Self::Directories => "directories",
            Self::Settings => "settings",
            Self::Sudoers => "sudoers",
            Self::Limits => "limits",
            Self::Ssh => "ssh",
            Self::Kernel => "kernel",
            Self::Firewall => "firewall",
            Self::Security => "security",
            Self::Units => "units",
            Self::Nginx => "nginx",
            Self::Homes => "homes",
            Self::Release => "release",
            Self::Services => "services",
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl std::str::FromStr for Area {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|area| area.as_str() == text)
            .ok_or_else(|| {
                let words: Vec<&str> = Self::ALL.iter().map(|area| area.as_str()).collect();
                format!("there is no area {text:?}; there are {}", words.join(", "))
            })
    }
}
