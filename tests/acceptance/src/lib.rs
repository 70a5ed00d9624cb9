#![doc = include_str!("../README.md")]

pub mod container_fixture;
pub mod virtual_machine;
