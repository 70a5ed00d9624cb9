//! Units, asked of the service manager over its bus.

use appliance::path::TargetPath;
use serde::Serialize;

/// What systemd knows of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitFact {
    /// Whether its file could be read.
    pub load: Load,
    /// Whether it runs.
    pub active: Active,
    /// The finer state, such as `running`, `listening`, `waiting`.
    pub sub: String,
    /// What happens at boot.
    pub enablement: Enablement,
    /// Whether its files changed since systemd read them.
    pub needs_reload: bool,
    /// When it last began to start, microseconds since 1970; 0 for never.
    pub started_us: u64,
    /// When its state last changed, microseconds since 1970; 0 for never.
    pub changed_us: u64,
    /// Its file.
    pub fragment: Option<TargetPath>,
    /// Its drop-ins, in order.
    pub drop_ins: Vec<TargetPath>,
    /// Whether its conditions held when it was last started.
    pub condition: bool,
    /// `success`, or why the last run failed; empty for kinds that have no result.
    pub result: String,
    /// Main process of a service that runs.
    pub main_pid: Option<u32>,
}

/// `LoadState`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Load {
    /// Read and good.
    Loaded,
    /// There is no such unit.
    NotFound,
    /// Forbidden by a link to /dev/null.
    Masked,
    /// A setting in its file is wrong.
    BadSetting,
    /// Could not be read.
    Error,
    /// Anything that systemd adds later.
    Other,
}

/// `ActiveState`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Active {
    /// Up.
    Active,
    /// Up, reading its configuration again.
    Reloading,
    /// Down.
    Inactive,
    /// Down after a failure.
    Failed,
    /// Coming up.
    Activating,
    /// Going down.
    Deactivating,
    /// Anything that systemd adds later.
    Other,
}

/// `UnitFileState`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Enablement {
    /// Started at boot.
    Enabled,
    /// Started until the next boot.
    EnabledRuntime,
    /// Not started at boot.
    Disabled,
    /// Has nothing to enable.
    Static,
    /// Forbidden.
    Masked,
    /// Forbidden until the next boot.
    MaskedRuntime,
    /// Made by a generator, such as a mount of fstab.
    Generated,
    /// Another unit's name.
    Alias,
    /// Enabled through another unit.
    Indirect,
    /// Its file lies outside the search path.
    Linked,
    /// Made over the bus, without a file.
    Transient,
    /// No file, or one that cannot be read.
    None,
}
