#![doc = include_str!("../README.md")]

mod arrive;
mod confirm;
mod destination;
mod errand;
mod error;
pub mod far;
mod follow;
mod frame;
mod link;
mod name;
mod request;
mod signals;

pub use destination::Destination;
pub use errand::{Errand, Heard, Way};
pub use error::{RemoteError, Trouble};
pub use far::RunRecord;
pub use frame::{Frame, Kind};
pub use name::{NameError, RunId};
pub use request::{FileName, Request, Word};
