#![doc = include_str!("../README.md")]

pub mod accounts;
pub mod append;
pub mod attribute;
pub mod before;
mod bus;
pub mod command;
pub mod directory;
pub mod disk;
mod error;
pub mod facts;
pub mod firewall;
pub mod health;
pub mod kernel;
pub mod link;
pub mod lock;
pub mod mount;
pub mod privilege;
pub mod quarantine;
mod question;
pub mod reach;
pub mod read;
pub mod remove;
mod root;
pub mod scan;
pub mod shadow;
pub mod swap;
pub mod systemd;
mod temporary;
pub mod validate;
pub mod write;

pub use error::HostError;
pub use facts::{Facts, LiveFacts, gather};
pub use question::{DiskQuestion, Look, Question, TableName};
pub use root::Host;
