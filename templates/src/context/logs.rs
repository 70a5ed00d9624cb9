//! What bounds the logs on the system disk: journald and logrotate.

use serde::Serialize;

/// `/etc/systemd/journald.conf.d/10-appliance.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct Journald {
    /// Most that the journal may take, such as `500M`.
    pub max_use: String,
    /// What must stay free on the disk, such as `1G`.
    pub keep_free: String,
    /// Oldest record, such as `30day`.
    pub retention: String,
    /// Window of the rate limit, such as `30s`.
    pub rate_interval: String,
    /// Records of one service in that window.
    pub rate_burst: u32,
}
template!(Journald, "systemd/journald.conf.j2");

/// One file of `/etc/logrotate.d`.
#[derive(Debug, Clone, Serialize)]
pub struct Logrotate {
    /// In file order.
    pub entries: Vec<LogrotateEntry>,
}
template!(Logrotate, "logrotate/logrotate.j2");

/// Logs that rotate in the same way.
#[derive(Debug, Clone, Serialize)]
pub struct LogrotateEntry {
    /// Absolute paths; `*` matches.
    pub paths: Vec<String>,
    /// When to rotate.
    pub schedule: LogrotateSchedule,
    /// How many old logs are kept.
    pub keep: u32,
    /// Rotate as this user: a must where a directory is writable by a group.
    pub rotate_as: Option<OwnedBy>,
    /// Owner of the new log; `None` leaves it to the program.
    pub create_as: Option<OwnedBy>,
    /// Mode of the new log, four octal digits.
    pub create_mode: String,
    /// A command that makes the writer open its log again; empty when it needs none.
    pub afterwards: Vec<String>,
}

/// When a log rotates.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum LogrotateSchedule {
    /// Every day.
    Daily,
    /// Above a size such as `10M`.
    Size(String),
}

/// User and group.
#[derive(Debug, Clone, Serialize)]
pub struct OwnedBy {
    /// User name.
    pub user: String,
    /// Group name.
    pub group: String,
}
