//! Why something on another machine did not come to its end here.

use std::io;
use std::time::Duration;

use crate::{Destination, RunId};

/// What went wrong, with the machine's name in it.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No connection, or one that broke.
    #[error("{}{}", trouble.what(there), indented(said))]
    Connection {
        /// Which machine.
        there: Destination,
        /// What kind of trouble.
        trouble: Trouble,
        /// What ssh said.
        said: String,
    },
    /// The machine is not one that this program is for.
    #[error("{there} is {found}, and this program is for {wanted}")]
    WrongMachine {
        /// Which machine.
        there: Destination,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// The account may not become root.
    #[error("the account on {there} is not root, and {why}")]
    NotRoot {
        /// Which machine.
        there: Destination,
        /// Why not.
        why: &'static str,
    },
    /// The program does not fit.
    #[error("{there} has {free} MiB free for this program, and {needed} MiB are needed")]
    NoSpace {
        /// Which machine.
        there: Destination,
        /// MiB.
        free: u64,
        /// MiB.
        needed: u64,
    },
    /// The program arrived and cannot be run.
    #[error("this program cannot be run on {there}{}", indented(said))]
    NotExecutable {
        /// Which machine.
        there: Destination,
        /// What the machine said.
        said: String,
    },
    /// The program there is not what its name says.
    #[error("{path} on {there} is not the program that was put there: its digest is another")]
    Tampered {
        /// Which machine.
        there: Destination,
        /// The file.
        path: String,
    },
    /// The program did not arrive.
    #[error("this program could not be copied to {there}: {why}{}", indented(said))]
    Copy {
        /// Which machine.
        there: Destination,
        /// What stopped it.
        why: &'static str,
        /// What the machine said.
        said: String,
    },
    /// The program there said no.
    #[error("{there} could not {operation}{}", indented(said))]
    FarSide {
        /// Which machine.
        there: Destination,
        /// A verb and what it is about.
        operation: String,
        /// What it said.
        said: String,
    },
    /// The run has ended and nobody wrote down how.
    #[error("run {id} on {there} ended without an exit code: it was killed, or the machine was restarted")]
    Vanished {
        /// Which machine.
        there: Destination,
        /// Which run.
        id: RunId,
    },
    /// The connection did not come back in time.
    #[error("no connection to {there} for {}; run {id} goes on there, or has ended there{}",
        humantime::format_duration(*waited), indented(said))]
    Lost {
        /// Which machine.
        there: Destination,
        /// Which run.
        id: RunId,
        /// How long it was tried.
        waited: Duration,
        /// What ssh said last.
        said: String,
    },
    /// The operator let go.
    #[error("left alone: run {id} goes on on {there}")]
    Detached {
        /// Which machine.
        there: Destination,
        /// Which run.
        id: RunId,
    },
    /// Ctrl-C before anything was started.
    #[error("stopped on request; nothing was started on {there}")]
    Interrupted {
        /// Which machine.
        there: Destination,
    },
    /// Something on the operator's own machine.
    #[error("cannot {operation} on this machine")]
    Here {
        /// A verb and what it is about.
        operation: String,
        /// Why.
        source: io::Error,
    },
}

/// Kinds of trouble with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No such name.
    UnknownName,
    /// Nothing answers.
    Unreachable,
    /// It answers, but not with sshd.
    Refused,
    /// A key that nobody has seen before.
    HostKeyUnknown,
    /// Another key than before.
    HostKeyChanged,
    /// The key or account is not let in.
    Denied,
    /// It was there and broke.
    Broken,
}

impl Trouble {
    /// Told from what ssh said.
    pub(crate) fn of(said: &str) -> Self {
        let table: [(&str, Self); 9] = [
            ("REMOTE HOST IDENTIFICATION HAS CHANGED", Self::HostKeyChanged),
            ("Host key verification failed", Self::HostKeyUnknown),
            ("Permission denied", Self::Denied),
            ("Too many authentication failures", Self::Denied),
            ("Could not resolve hostname", Self::UnknownName),
            ("Connection refused", Self::Refused),
            ("timed out", Self::Unreachable),
            ("No route to host", Self::Unreachable),
            ("unreachable", Self::Unreachable),
        ];
        table
            .iter()
            .find(|(words, _)| said.contains(words))
            .map_or(Self::Broken, |(_, trouble)| *trouble)
    }

    fn what(self, there: &Destination) -> String {
        match self {
            Self::UnknownName => format!("no machine is known by the name {}", there.host()),
            Self::Unreachable => format!("{there} does not answer"),
            Self::Refused => format!("{there} refuses connections"),
            Self::HostKeyUnknown => format!("the host key of {there} is not known here"),
            Self::HostKeyChanged => format!("the host key of {there} is not the one that is known here"),
            Self::Denied => format!("{there} does not let this account or key in"),
            Self::Broken => format!("the connection to {there} broke"),
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::UnknownName => "check the name, or write a `Host` for it into ~/.ssh/config",
            Self::Unreachable => "check the address, that the machine is up, and the firewall on the way",
            Self::Refused => "check the port, and that sshd runs there",
            Self::HostKeyUnknown => {
                "compare the key with the machine's own (its console shows it), then log in once with ssh to accept it"
            }
            Self::HostKeyChanged => {
                "if the machine was not made anew, somebody may be in between: stop. If it was, `ssh-keygen -R` the old key"
            }
            Self::Denied => "try `ssh` to it by hand; name a key with --identity, or an account as USER@HOST",
            Self::Broken => "try `ssh` to it by hand, and run the command again",
        }
    }
}

impl RemoteError {
    /// The exit code that goes with it (spec 10, section 22.1).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::WrongMachine { .. }
            | Self::NotRoot { .. }
            | Self::NoSpace { .. }
            | Self::NotExecutable { .. } => 4,
            Self::Tampered { .. } => 3,
            Self::Detached { .. } | Self::Interrupted { .. } => 130,
            Self::Connection { .. }
            | Self::Copy { .. }
            | Self::FarSide { .. }
            | Self::Vanished { .. }
            | Self::Lost { .. }
            | Self::Here { .. } => 1,
        }
    }

    /// What the operator can do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Connection { trouble, .. } => trouble.hint().to_owned(),
            Self::WrongMachine { .. } => "name another machine; this program is built for one kind".to_owned(),
            Self::NotRoot { .. } => {
                "log in as an administrator who may run anything with sudo and without a password, or as root".to_owned()
            }
            Self::NoSpace { .. } => "free space below /var there (df -h /var), then run again".to_owned(),
            Self::NotExecutable { .. } => {
                "if the filesystem of /var/lib there is mounted noexec, mount it with exec; if a library is missing, \
                 use a program that was built for Debian 12"
                    .to_owned()
            }
            Self::Tampered { .. } => {
                "find out who changed it before anything else; then remove its directory, and run again".to_owned()
            }
            Self::Copy { .. } => "settle that, then run again; what had arrived is removed".to_owned(),
            Self::FarSide { .. } => "look at the machine itself, then run again".to_owned(),
            Self::Vanished { .. } => "run the command again: it goes on from what is done".to_owned(),
            Self::Lost { there, id, .. } | Self::Detached { there, id } => {
                format!("appliance attach --on {there} {id}")
            }
            Self::Interrupted { .. } => return None,
            Self::Here { .. } => return None,
        })
    }

    /// Whether another connection may bring it further.
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::Connection { .. })
    }
}

/// What somebody else said, below our own words.
fn indented(said: &str) -> String {
    said.trim()
        .lines()
        .map(|line| format!("\n    {}", line.trim_end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_is_told_apart() {
        for (said, trouble) in [
            (
                "ssh: Could not resolve hostname nowhere.invalid: Name or service not known",
                Trouble::UnknownName,
            ),
            (
                "ssh: connect to host 10.77.1.2 port 22: Connection refused",
                Trouble::Refused,
            ),
            (
                "ssh: connect to host 10.77.1.2 port 22: Connection timed out",
                Trouble::Unreachable,
            ),
            (
                "ssh: connect to host 10.77.1.2 port 22: No route to host",
                Trouble::Unreachable,
            ),
            (
                "No ED25519 host key is known for x and you have requested strict checking.\nHost key verification failed.",
                Trouble::HostKeyUnknown,
            ),
            (
                "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
                Trouble::HostKeyChanged,
            ),
            ("alice@10.77.1.2: Permission denied (publickey).", Trouble::Denied),
            ("Connection closed by 10.77.1.2 port 22", Trouble::Broken),
        ] {
            assert_eq!(Trouble::of(said), trouble, "{said}");
        }
    }
}
