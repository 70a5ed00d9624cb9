//! systemd-tmpfiles.

use serde::Serialize;

/// One file of `/etc/tmpfiles.d`.
#[derive(Debug, Clone, Serialize)]
pub struct Tmpfiles {
    /// In file order.
    pub rows: Vec<TmpfilesRow>,
}
template!(Tmpfiles, "tmpfiles/tmpfiles.conf.j2");

/// One line: `type path mode user group age argument`.
#[derive(Debug, Clone, Serialize)]
pub struct TmpfilesRow {
    /// `d`, `D`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Absolute path; a `%` is no specifier.
    pub path: String,
    /// Octal digits, or `-`.
    pub mode: String,
    /// Name, or `-`.
    pub user: String,
    /// Name, or `-`.
    pub group: String,
    /// `7d`, or `-` for no sweep.
    pub age: String,
    /// The text of a file; taken literally.
    pub argument: Option<String>,
    /// Becomes a comment line.
    pub reason: Option<String>,
}
