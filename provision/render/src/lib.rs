#![doc = include_str!("../README.md")]

mod access;
mod area;
mod credentials;
pub mod difference;
mod directories;
mod draft;
mod error;
mod files;
mod homes;
mod inputs;
mod keys;
mod links;
mod marker;
mod names;
mod principal;
mod settings;
mod sudoers;
mod tree;
mod units;

pub use access::{Access, Verdict, can, describes};
pub use area::Area;
pub use error::RenderError;
pub use files::area_of;
pub use inputs::Inputs;
pub use marker::MARKER_NAME;
pub use principal::Principal;
pub use tree::{Content, Entry, Node, Ownership, Tree};

use appliance::Appliance;

/// Everything of the machine's filesystem that follows from a definition: the same input gives the same bytes.
///
/// # Errors
///
/// When the definition names a template that there is none of, claims a path twice, lacks something that a file
/// must hold, or has a text that the syntax of its file cannot hold.
pub fn render(appliance: &Appliance, inputs: &Inputs) -> Result<Tree, RenderError> {
    let mut draft = draft::Draft::new(appliance, inputs);
    directories::add(&mut draft)?;
    links::add(&mut draft)?;
    files::add(&mut draft)?;
    settings::add(&mut draft)?;
    credentials::add(&mut draft)?;
    sudoers::add(&mut draft)?;
    keys::add(&mut draft)?;
    units::add(&mut draft)?;
    homes::add(&mut draft)?;
    Ok(draft.into_tree())
}
