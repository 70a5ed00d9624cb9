//! The firewall table that is ours.

use serde::Serialize;

/// What `nft` says of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum FirewallFact {
    /// `nft` is not installed.
    NoProgram,
    /// There is no such table.
    NoTable,
    /// `nft --stateless list table`, counters not included.
    Table(String),
}
