//! One run at a time.

use std::time::Duration;

use appliance::path::TargetPath;

use crate::{Host, HostError};

/// A lock that is held until dropped, and by no child.
#[derive(Debug)]
pub struct Lock {}

impl Lock {
    /// Takes the lock, waiting at most `wait` for another run to end.
    pub fn take(host: &Host, path: &TargetPath, wait: Duration) -> Result<Self, HostError> {
        let _ = (host, path, wait);
        unimplemented!()
    }
}
