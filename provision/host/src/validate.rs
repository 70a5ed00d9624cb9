//! Asking the program that will read a file whether it understands it.

use crate::{Host, HostError};

/// Who judges a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Judge {
    /// `visudo -cf`
    Sudoers,
    /// `sshd -t -f`
    Sshd,
    /// `nft -c -f`
    Nftables,
    /// `nginx -t -c`, for a whole configuration.
    Nginx,
    /// `systemd-analyze verify`
    Unit,
}

/// What a judge said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub enum Verdict {
    /// Good.
    Good,
    /// Wrong, in the judge's words.
    Bad(String),
    /// The program is not installed.
    NoJudge(&'static str),
}

/// Asks about bytes that are not on the machine yet, under the file name that they will have.
pub fn content(host: &Host, judge: Judge, name: &str, content: &[u8]) -> Result<Verdict, HostError> {
    let _ = (host, judge, name, content);
    unimplemented!()
}

/// Asks about what is on the machine now, the judge's own default files.
pub fn installed(host: &Host, judge: Judge) -> Result<Verdict, HostError> {
    let _ = (host, judge);
    unimplemented!()
}
