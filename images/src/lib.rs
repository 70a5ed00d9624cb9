#![doc = include_str!("../README.md")]

pub mod base;
mod base64;
pub mod cache;
mod command;
pub mod container;
pub mod disks;
mod error;
pub mod machine;
mod network;
mod place;
mod process;
mod qmp;
mod serial;
pub mod virt;

pub use base::Base;
pub use command::Output;
pub use container::{Container, Options};
pub use disks::{Disk, GIB, Sizes};
pub use error::{Error, Result};
pub use machine::{Exec, Kind, Machine};
pub use virt::{Attached, Virtual, VirtualOptions};
