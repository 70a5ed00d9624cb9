//! Swap in use, from `/proc/swaps`.

use serde::Serialize;

/// One swap file or partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// Its path.
    pub path: String,
    /// `file` or `partition`.
    pub kind: String,
    /// Usable bytes, one page less than the file.
    pub bytes: u64,
    /// Bytes in use.
    pub used: u64,
    /// The kernel's priority.
    pub priority: i32,
}
