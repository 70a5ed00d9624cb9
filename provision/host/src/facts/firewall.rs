//! The firewall table that is ours.

use serde::Serialize;

use crate::command::Command;
use crate::firewall::PROGRAM;
use crate::{HostError, TableName};

/// What `nft` says of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum FirewallFact {
    /// `nft` is not installed.
    NoProgram,
    /// There is no such table.
    NoTable,
    /// `nft --stateless --terse list table`: neither counters nor who is in a set right now.
    Table(String),
}

/// Asks for one table; the kernel has no file that tells.
pub fn read(table: &TableName) -> Result<FirewallFact, HostError> {
    let command = Command::new(PROGRAM)
        .args([
            "--stateless",
            "--terse",
            "list",
            "table",
            &table.family,
            &table.name,
        ])
        .accept(&[0, 1]);
    if !command.is_installed() {
        return Ok(FirewallFact::NoProgram);
    }
    let output = command.run()?;
    match output.code {
        0 => Ok(FirewallFact::Table(
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )),
        _ if output.stderr.contains("No such file or directory") => Ok(FirewallFact::NoTable),
        code => Err(HostError::Failed {
            command: command.to_string(),
            status: format!("exited with {code}"),
            stderr: output.stderr,
        }),
    }
}
