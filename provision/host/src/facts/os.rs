//! Which operating system, kernel and how much memory.

use serde::Serialize;

/// From `os-release` and the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Os {
    /// `debian`
    pub id: String,
    /// `12`; empty on rolling systems.
    pub version_id: String,
    /// Release of the running kernel; `None` offline.
    pub kernel: Option<String>,
    /// Whether the machine shares its kernel with another, so that devices and kernel settings are not its own.
    pub container: bool,
}

/// Bytes of memory and swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Memory {
    /// `MemTotal`
    pub total: u64,
    /// `MemAvailable`
    pub available: u64,
    /// `SwapTotal`
    pub swap_total: u64,
    /// `SwapFree`
    pub swap_free: u64,
}
