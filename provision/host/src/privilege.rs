//! What a user may really do, asked of the kernel as that user.

use appliance::path::TargetPath;

use crate::{Host, HostError};

/// Somebody, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// First group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Attempt {
    /// `access(2)` for reading.
    Read,
    /// `access(2)` for writing.
    Write,
    /// `access(2)` for executing or entering.
    Execute,
}

/// Tries all as `who` in one child, and says of each whether it is allowed. What is not there is not allowed.
pub fn try_as(
    host: &Host,
    who: &Identity,
    attempts: &[(TargetPath, Attempt)],
) -> Result<Vec<bool>, HostError> {
    let _ = (host, who, attempts);
    unimplemented!()
}
