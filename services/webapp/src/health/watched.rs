//! What `/health` looks at. The units come from the configuration; the partitions are the layout's.

use std::time::Duration;

/// The partitions in the order in which they are reported. The data, home and temp disks are
/// separate on every machine of this kind, so a partition that is not is a disk that is missing.
pub const PARTITIONS: [&str; 4] = ["/", "/data", "/home", "/tmp"];

/// The units of this machine that must be well.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Services and sockets that must be active.
    pub services: Vec<String>,
    /// Timers that must be active and have run.
    pub timers: Vec<WatchedTimer>,
    /// Those of the above whose credentials are absent: listed, and well.
    pub disabled: Vec<String>,
    /// Whose load the kernel counts.
    pub load: LoadOf,
}

/// Whose load the kernel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadOf {
    /// This machine's alone: a high one makes it unwell.
    #[default]
    Machine,
    /// That of every container on one kernel: shown, and no verdict on this one.
    SharedKernel,
}

/// A timer and the rhythm it must keep.
#[derive(Debug, Clone)]
pub struct WatchedTimer {
    /// The timer's unit name.
    pub name: String,
    /// The longest time between two of its runs; before twice that, a first run is not missed.
    pub interval: Duration,
    /// How long ago the last run may be.
    pub oldest: Duration,
}

impl Watched {
    /// Whether the unit is listed without being asked for.
    pub fn is_disabled(&self, unit: &str) -> bool {
        self.disabled.iter().any(|name| name == unit)
    }
}
