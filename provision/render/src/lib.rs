#![doc = include_str!("../README.md")]

mod area;
mod tree;

pub use area::Area;
pub use tree::{Content, Entry, Node, Ownership, Tree};
