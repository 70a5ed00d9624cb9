//! Where a command is to run.

use std::fmt;
use std::str::FromStr;

use crate::NameError;

/// A machine as ssh knows it: an address, a name, or a `Host` of the operator's `~/.ssh/config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Destination {
    /// The account, when it is named.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The same machine by another account.
    pub fn of_user(&self, user: &str) -> Result<Self, NameError> {
        let mut other = self.clone();
        other.user = Some(user.to_owned());
        // Read again, so that the rule for accounts stands in one place.
        other.to_string().parse()
    }

    /// Name or address, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, when it is named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

/// `[USER@]HOST[:PORT]`; an IPv6 address with a port stands in brackets.
impl FromStr for Destination {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |rule| NameError {
            what: "machine",
            text: text.to_owned(),
            rule,
        };
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (host, port) = split_port(rest);
        let port = match port {
            Some(port) => match port.parse::<u16>() {
                Ok(0) | Err(_) => return Err(wrong("the port is a number from 1 to 65535")),
                Ok(port) => Some(port),
            },
            None => None,
        };
        // ssh takes a word with a dash in front for an option, and some of its options run programs.
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%'))
        };
        if user.is_some_and(|user| !plain(user)) || !plain(host) {
            return Err(wrong(
                "it is written [USER@]HOST[:PORT], with letters, digits, dots, dashes and underscores",
            ));
        }
        Ok(Self {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
        })
    }
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some((host, behind)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match behind {
            "" => (host, None),
            _ => (host, Some(behind.strip_prefix(':').unwrap_or(behind))),
        };
    }
    match text.split_once(':') {
        // Two colons without brackets: an IPv6 address.
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

/// As the operator wrote it, for messages and for commands to type.
impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(formatter, "{user}@")?;
        }
        match self.port {
            Some(port) if self.host.contains(':') => write!(formatter, "[{}]:{port}", self.host),
            Some(port) => write!(formatter, "{}:{port}", self.host),
            None => formatter.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_read_and_printed_alike() {
        for (text, user, host, port) in [
            ("broker", None, "broker", None),
            ("root@10.77.1.2", Some("root"), "10.77.1.2", None),
            (
                "a.b-c_d@broker.example.com:2222",
                Some("a.b-c_d"),
                "broker.example.com",
                Some(2222),
            ),
            ("fe80::1%eth0", None, "fe80::1%eth0", None),
            ("root@[::1]:22", Some("root"), "::1", Some(22)),
        ] {
            let read: Destination = text.parse().unwrap();
            assert_eq!(
                (read.user(), read.host(), read.port()),
                (user, host, port),
                "{text}"
            );
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_ssh_or_a_shell_could_mistake_is_refused() {
        for text in [
            "",
            "@",
            "user@",
            "-oProxyCommand=id",
            "root@-x",
            "-l@host",
            "a b",
            "host:0",
            "host:x",
            "host:70000",
            "$(id)",
            "host;id",
            "host\n",
            "[::1]22x",
            "ssh://host",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }
}
