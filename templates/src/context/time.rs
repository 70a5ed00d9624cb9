//! The clock.

use serde::Serialize;

/// `/etc/chrony/conf.d/10-appliance.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct Chrony {
    /// In file order.
    pub sources: Vec<TimeSource>,
}
template!(Chrony, "chrony/10-appliance.conf.j2");

/// Where the time comes from.
#[derive(Debug, Clone, Serialize)]
pub struct TimeSource {
    /// One server, or a name that stands for many.
    pub kind: TimeSourceKind,
    /// Name or address.
    pub address: String,
    /// Chosen before the others.
    pub prefer: bool,
}

/// One server, or a name that stands for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeSourceKind {
    /// `server`
    Server,
    /// `pool`
    Pool,
}
