#![doc = include_str!("../README.md")]

pub mod acl;
pub mod mode;
pub mod name;
pub mod path;
