//! The firewall table that is ours.

use crate::command::Command;
use crate::{Host, HostError};

pub(crate) const PROGRAM: &str = "/usr/sbin/nft";
/// Ours.
const TABLE: &str = "inet appliance";

/// Loads the rules, all or nothing.
pub fn load(host: &Host, rules: &[u8]) -> Result<(), HostError> {
    run(host, rules)
}

/// Loads our table as it was once listed, or takes it away where there was none. Tables of others are left.
pub fn restore(host: &Host, table: Option<&str>) -> Result<(), HostError> {
    // Named first, so that deleting it does not fail where it is not there.
    let rules = format!(
        "table {TABLE} {{\n}}\ndelete table {TABLE}\n{}",
        table.unwrap_or_default()
    );
    run(host, rules.as_bytes())
}

/// The rules go in over standard input: what was checked is what is loaded, whatever happens to the file.
fn run(host: &Host, rules: &[u8]) -> Result<(), HostError> {
    host.require_live("load firewall rules")?;
    Command::new(PROGRAM)
        .args(["--file", "-"])
        .stdin(rules)
        .run()
        .map(drop)
}
