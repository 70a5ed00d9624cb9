//! Which secrets and settings there are. Their values never stand in a definition.

use std::collections::BTreeMap;
use std::fmt;

use crate::name::{CredentialName, SettingName};
use crate::reader::Table;

/// A secret that a unit may receive.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Credential {
    /// Its name as a credential and as a variable of `.env`.
    pub name: CredentialName,
    /// Made by the first apply when nobody brings one: 32 random bytes in hexadecimal.
    pub generated: bool,
}

impl Credential {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let generated = table.or("generated", false);
        Some(Self {
            name: name?,
            generated,
        })
    }
}

/// A setting that an instance may give a value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// Its name.
    pub name: SettingName,
    /// Its value when the instance gives none; none for one that is then left out.
    pub default: Option<String>,
    /// What it decides.
    pub because: String,
    /// Derived from the rest of the definition, so that an instance may not give it.
    pub derived: bool,
}

impl Setting {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let default = table.optional("default");
        let because = table.required("because");
        let derived = table.or("derived", false);
        Some(Self {
            name: name?,
            default,
            because: because?,
            derived,
        })
    }
}

/// The value of a secret. It prints as `[redacted]`; whoever opens it says so by name.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl SecretValue {
    /// Wraps a value.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself, for the one file that holds it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// The secrets that a machine has, by name.
pub type Secrets = BTreeMap<CredentialName, SecretValue>;
