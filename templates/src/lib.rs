#![doc = include_str!("../README.md")]

pub mod context;
mod engine;
pub mod escape;

pub use engine::{RenderError, render};

/// What every rendered file begins with, after the comment sign of its syntax.
pub const HEADER: &str =
    "Data Broker Appliance: written by \"appliance apply\"; manual changes are overwritten.";

/// A context that belongs to exactly one template.
///
/// The template is an associated constant of its context, so no call can bring the two together wrongly.
pub trait Template: serde::Serialize {
    /// Path of the template inside this crate; errors name it.
    const NAME: &'static str;
    /// The text of the template, compiled in.
    const SOURCE: &'static str;
}
