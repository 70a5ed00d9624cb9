//! The firewall table that is ours.

use crate::{Host, HostError};

/// Asks the kernel whether it would take the rules, without loading them.
pub fn check(host: &Host, rules: &[u8]) -> Result<(), HostError> {
    let _ = (host, rules);
    unimplemented!()
}

/// Loads the rules, all or nothing.
pub fn load(host: &Host, rules: &[u8]) -> Result<(), HostError> {
    let _ = (host, rules);
    unimplemented!()
}
