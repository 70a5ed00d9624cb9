//! The packet filter.

use serde::Serialize;

/// `/etc/nftables.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct Nftables {
    /// TCP ports that the internet may reach.
    pub public_ports: Vec<u16>,
    /// Users that may talk TCP to the metadata address.
    pub metadata_uids: Vec<u32>,
    /// Users that may send mail to a relay.
    pub smtp_uids: Vec<u32>,
    /// Loopback ports that not everybody may reach.
    pub internal_ports: Vec<InternalPort>,
}
template!(Nftables, "nftables/nftables.conf.j2");

/// A loopback port and who may connect to it.
#[derive(Debug, Clone, Serialize)]
pub struct InternalPort {
    /// Shown as the rule's comment.
    pub name: String,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// Who may connect; empty means nobody.
    pub uids: Vec<u32>,
}

/// Transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}
