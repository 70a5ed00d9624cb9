//! What the supervisor tells the other commands about the machine.

use std::path::PathBuf;

use anyhow::Context;
use image::Inside;
use serde::{Deserialize, Serialize};

/// The development machine's name.
pub const NAME: &str = "dev";

/// The development machine's domain; browsers and curl take `*.localhost` for the loopback device.
pub const DOMAIN: &str = "data-broker.localhost";

/// Written once the machine is up, removed with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub inside: Inside,
    pub address: String,
    pub supervisor: u32,
    pub https: u16,
    pub http: u16,
}

impl State {
    /// The state of the machine, when it runs. A file left by a killed supervisor does not count.
    pub fn of_running() -> anyhow::Result<Option<State>> {
        if !image::place::is_running(NAME).context("look at the machine's lock")? {
            return Ok(None);
        }
        let Ok(text) = std::fs::read(path()?) else {
            return Ok(None);
        };
        let state: State = serde_json::from_slice(&text).context("read the machine's state")?;
        Ok(state.inside.is_there().then_some(state))
    }

    pub fn url(&self) -> String {
        format!("https://{DOMAIN}:{}/", self.https)
    }
}

/// A file of the development machine's.
pub fn file(name: &str) -> anyhow::Result<PathBuf> {
    Ok(image::place::kept_directory(NAME)
        .context("find the machine's directory")?
        .join(name))
}

pub fn path() -> anyhow::Result<PathBuf> {
    file("state.json")
}
