//! The far side: what our own program does on the machine that it was copied to.

mod claim;
mod launch;
mod prune;
mod read;
mod run;
mod start;
mod store;

pub use read::{RunRecord, follow, list, sent};
pub use run::run;
pub use start::{start, stop};
pub use store::{FarError, Store};
