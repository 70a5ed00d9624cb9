#![doc = include_str!("../README.md")]

pub mod base;
mod base64;
pub mod cache;
mod command;
pub mod container;
pub mod disks;
mod error;
mod inside;
pub mod install;
pub mod machine;
mod network;
pub mod place;
mod process;
mod qemu;
mod qmp;
mod serial;
pub mod virt;

pub use base::Base;
pub use command::Output;
pub use container::{Container, Options};
pub use disks::{Disk, GIB, Sizes};
pub use error::{Error, Result};
pub use inside::Inside;
pub use install::Release;
pub use machine::{Exec, Kind, Machine};
pub use virt::{Attached, Virtual, VirtualOptions};
