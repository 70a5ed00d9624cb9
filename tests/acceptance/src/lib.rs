#![doc = include_str!("../README.md")]

pub mod container_fixture;
pub mod operator;
pub mod tracer;
pub mod virtual_machine;
