//! Which ports may be listened on, by what, and who may reach them. Anything else that listens is drift.

use crate::name::{GroupName, UserName};
use crate::reader::Table;

/// Transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

impl std::str::FromStr for Protocol {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            _ => Err(format!("{text:?} is neither tcp nor udp")),
        }
    }
}

crate::reader::from_toml_text! { Protocol = "tcp" }

/// From where a port can be reached.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// From anywhere.
    Internet,
    /// On this machine, by root and these users.
    Users(Vec<UserName>),
}

/// A port that may be listened on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// Its transport.
    pub protocol: Protocol,
    /// The program that listens, as the kernel names it.
    pub program: String,
    /// Who may connect.
    pub reach: Reach,
}

impl Listener {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let port = table.required("port");
        let protocol = table.optional("protocol").unwrap_or(Protocol::Tcp);
        let program = table.required("program");
        let internet = table.or("internet", false);
        let users: Vec<UserName> = table.list("users");
        if internet && !users.is_empty() {
            table.refuse(
                "users",
                "a port that the internet reaches is open to every user",
                "remove `users` or `internet`",
            );
        }
        let reach = if internet {
            Reach::Internet
        } else {
            Reach::Users(users)
        };
        Some(Self {
            port: port?,
            protocol,
            program: program?,
            reach,
        })
    }
}

/// What the host firewall lets out, beside the listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// Who may send mail (TCP 25, 465, 587), beside root.
    pub mail_users: Vec<UserName>,
    /// Who may ask the cloud's metadata address for the machine's identity, beside root.
    pub metadata_users: Vec<UserName>,
    /// Groups that may log in over SSH.
    pub ssh_groups: Vec<GroupName>,
}

impl Egress {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        Self {
            mail_users: table.list("mail_users"),
            metadata_users: table.list("metadata_users"),
            ssh_groups: table.filled_list("ssh_groups"),
        }
    }
}
