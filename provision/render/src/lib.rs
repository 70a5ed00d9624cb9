#![doc = include_str!("../README.md")]

mod access;
mod area;
mod error;
mod tree;

pub use access::{Access, Principal, Verdict, can};
pub use area::Area;
pub use error::RenderError;
pub use tree::{Content, Entry, Node, Ownership, Tree};

use std::collections::BTreeMap;

use appliance::Appliance;
use appliance::name::UserName;
use appliance::secret::Secrets;

/// What rendering needs beside the definition: facts that decide over a file's text, given as plain values.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The secrets that the machine has.
    pub secrets: Secrets,
    /// Numbers of accounts that the machine already had; they override the definition's.
    pub uids: BTreeMap<UserName, u32>,
    /// The domain's certificate has been issued.
    pub certificate_issued: bool,
}

/// Everything of the machine's filesystem that follows from a definition: the same input gives the same bytes.
///
/// # Errors
///
/// When the definition names a template that there is none of, or a value cannot be written in the syntax of
/// its file.
pub fn render(_appliance: &Appliance, _inputs: &Inputs) -> Result<Tree, RenderError> {
    Ok(Tree::default())
}
