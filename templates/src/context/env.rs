//! Settings of a unit, without secrets.

use serde::Serialize;

/// `/opt/data-analyst/config/<unit>.env`, an `EnvironmentFile=`.
#[derive(Debug, Clone, Serialize)]
pub struct EnvFile {
    /// The unit that reads the file.
    pub unit: String,
    /// In file order.
    pub variables: Vec<EnvVariable>,
}
template!(EnvFile, "env/unit.env.j2");

/// `NAME="value"`.
#[derive(Debug, Clone, Serialize)]
pub struct EnvVariable {
    /// `[A-Za-z_][A-Za-z0-9_]*`
    pub name: String,
    /// Any text without control characters.
    pub value: String,
}
