//! The firewall table that is ours.

use crate::command::Command;
use crate::{Host, HostError};

pub(crate) const PROGRAM: &str = "/usr/sbin/nft";

/// Asks the kernel whether it would take the rules, without loading them.
pub fn check(host: &Host, rules: &[u8]) -> Result<(), HostError> {
    run(host, "check firewall rules", rules, &["--check"])
}

/// Loads the rules, all or nothing.
pub fn load(host: &Host, rules: &[u8]) -> Result<(), HostError> {
    run(host, "load firewall rules", rules, &[])
}

/// The rules go in over standard input: what was checked is what is loaded, whatever happens to the file.
fn run(
    host: &Host,
    operation: &'static str,
    rules: &[u8],
    options: &[&'static str],
) -> Result<(), HostError> {
    host.require_live(operation)?;
    Command::new(PROGRAM)
        .args(options.iter().copied())
        .args(["--file", "-"])
        .stdin(rules)
        .run()
        .map(drop)
}
