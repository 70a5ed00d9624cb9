#![doc = include_str!("../README.md")]

pub mod args;
pub mod clock;
pub mod config;
pub mod health;
pub mod http;
pub mod log;
pub mod secret;
pub mod service;
