//! Limits of login sessions, and kernel settings.

use serde::Serialize;

/// `/etc/security/limits.d/99-users.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct Limits {
    /// In file order.
    pub rows: Vec<LimitRow>,
}
template!(Limits, "limits/99-users.conf.j2");

/// One line: `domain type item value`.
#[derive(Debug, Clone, Serialize)]
pub struct LimitRow {
    /// `*`, a user, or `@group`.
    pub domain: String,
    /// `soft`, `hard` or `-` for both.
    #[serde(rename = "type")]
    pub kind: String,
    /// `nproc`, `as`, …
    pub item: String,
    /// A number or `unlimited`.
    pub value: String,
}

/// `/etc/sysctl.d/60-appliance.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct Sysctl {
    /// In file order.
    pub rows: Vec<SysctlRow>,
}
template!(Sysctl, "sysctl/60-appliance.conf.j2");

/// One line: `key = value`.
#[derive(Debug, Clone, Serialize)]
pub struct SysctlRow {
    /// `vm.swappiness`
    pub key: String,
    /// A single word.
    pub value: String,
}
