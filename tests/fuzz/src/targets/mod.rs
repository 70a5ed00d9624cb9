//! The targets by what they read.

pub(crate) mod accounts;
pub(crate) mod debian;
pub(crate) mod definition;
pub(crate) mod kept;
pub(crate) mod kernel;
pub(crate) mod words;
