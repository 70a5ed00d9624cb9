//! Who has an account, as the registry on the data disk says. Only what the checks compare is read of it.

use serde::Deserialize;

/// The primary copy.
pub const FILE: &str = "/data/.appliance/accounts.json";

/// The registry as far as it matters here.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Registry {
    /// Everybody who has or had an account.
    #[serde(default)]
    pub accounts: Vec<Entry>,
}

/// One account.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// The name of the account.
    pub username: String,
    /// Its number.
    pub uid: u32,
    /// Its groups beside the private one.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether it is in use.
    #[serde(default)]
    pub state: State,
}

/// Whether the account is in use. A removed one stays as a tombstone, so that its number is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In use.
    #[default]
    Active,
    /// Kept, but nobody gets in.
    Locked,
    /// Gone; the number stays taken.
    Removed,
}

impl Registry {
    /// From the file's text; an empty one is a machine without people.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text)
    }

    /// Everybody who should exist.
    pub fn present(&self) -> impl Iterator<Item = &Entry> {
        self.accounts.iter().filter(|entry| entry.state != State::Removed)
    }
}
