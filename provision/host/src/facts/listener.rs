//! Who listens, from `/proc/net` and the descriptors of every process.

use std::net::IpAddr;

use serde::Serialize;

/// One socket that waits for peers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listener {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Address it is bound to.
    pub address: IpAddr,
    /// Port it is bound to.
    pub port: u16,
    /// Owner of the socket.
    pub uid: u32,
    /// The process that holds it; `None` when it ended meanwhile or is another namespace's.
    pub process: Option<Process>,
}

/// Transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Protocol {
    /// TCP in state LISTEN.
    Tcp,
    /// UDP that is not connected.
    Udp,
}

/// The lowest process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its short name.
    pub name: String,
    /// Its systemd unit, from its control group.
    pub unit: Option<String>,
}
