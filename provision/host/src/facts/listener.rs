//! Who listens, from `/proc/net` and the descriptors of every process.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::HostError;
use crate::facts::proc;

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

/// TCP state LISTEN, and the state of a UDP socket without a peer.
const TCP_LISTEN: u8 = 0x0A;
const UDP_UNCONNECTED: u8 = 0x07;

/// Everybody who listens in this network namespace.
pub fn read() -> Result<Vec<Listener>, HostError> {
    let mut sockets = BTreeMap::new();
    for (path, protocol) in [
        ("/proc/net/tcp", Protocol::Tcp),
        ("/proc/net/tcp6", Protocol::Tcp),
        ("/proc/net/udp", Protocol::Udp),
        ("/proc/net/udp6", Protocol::Udp),
    ] {
        // A kernel without IPv6 does not have two of them.
        let Some(text) = proc::read(path)? else { continue };
        let text = String::from_utf8_lossy(&text);
        let found = parse(&text, protocol).map_err(|line| HostError::Malformed {
            path: path.to_owned(),
            problem: format!("line {line:?}"),
        })?;
        sockets.extend(found);
    }
    if !sockets.is_empty() {
        name_processes(&mut sockets);
    }
    let mut listeners: Vec<Listener> = sockets.into_values().collect();
    listeners.sort();
    Ok(listeners)
}

/// Reads one of the kernel's tables: who waits for peers, by the number of the socket's inode. The error is a line
/// that is not as the kernel writes it.
pub fn parse(text: &str, protocol: Protocol) -> Result<BTreeMap<u64, Listener>, String> {
    let waits = match protocol {
        Protocol::Tcp => TCP_LISTEN,
        Protocol::Udp => UDP_UNCONNECTED,
    };
    let mut sockets = BTreeMap::new();
    for line in text.lines().skip(1) {
        let (state, inode, listener) = parse_line(line, protocol).ok_or_else(|| line.to_owned())?;
        if state == waits {
            sockets.insert(inode, listener);
        }
    }
    Ok(sockets)
}

/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 12345 ...`
fn parse_line(line: &str, protocol: Protocol) -> Option<(u8, u64, Listener)> {
    let mut words = line.split_ascii_whitespace();
    let local = words.nth(1)?;
    let state = u8::from_str_radix(words.nth(1)?, 16).ok()?;
    let uid = words.nth(3)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((
        state,
        inode,
        Listener {
            protocol,
            address: parse_address(address)?,
            port,
            uid,
            process: None,
        },
    ))
}

/// Words of 32 bits, each in the byte order of the machine.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        u32::from_str_radix(text.get(at..at + 8)?, 16)
            .ok()
            .map(u32::to_ne_bytes)
    };
    match text.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let bytes: Vec<u8> = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?))
        }
        _ => None,
    }
}

/// Looks through the descriptors of every process. One that ends meanwhile, or is not ours to see, is passed
/// over: the socket stays in the list, without a name.
fn name_processes(sockets: &mut BTreeMap<u64, Listener>) {
    let numbers = |path: &str| -> Vec<u32> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    };
    let mut pids = numbers("/proc");
    pids.sort_unstable();
    for pid in pids {
        for descriptor in numbers(&format!("/proc/{pid}/fd")) {
            let Ok(target) = std::fs::read_link(format!("/proc/{pid}/fd/{descriptor}")) else {
                continue;
            };
            let Some(inode) = target.to_str().and_then(socket_inode) else {
                continue;
            };
            if let Some(listener @ Listener { process: None, .. }) = sockets.get_mut(&inode) {
                listener.process = Some(Process::read(pid));
            }
        }
    }
}

fn socket_inode(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

impl Process {
    fn read(pid: u32) -> Self {
        let text = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        Self {
            pid,
            name: text("comm").trim_end().to_owned(),
            unit: unit_of(&text("cgroup")),
        }
    }
}

/// The innermost unit of `0::/system.slice/nginx.service`.
pub(crate) fn unit_of(cgroup: &str) -> Option<String> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    let unit =
        |part: &&str| part.ends_with(".service") || part.ends_with(".scope") || part.ends_with(".socket");
    path.rsplit('/').find(unit).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_of_both_kinds_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0 100 0 0 10 0";
        let (state, inode, listener) = parse_line(line, Protocol::Tcp).expect("a line");
        assert_eq!(
            (state, inode, listener.uid, listener.port),
            (TCP_LISTEN, 12345, 1000, 8080)
        );
        assert_eq!(listener.address.to_string(), "127.0.0.1");
        let address = parse_address("00000000000000000000000001000000").expect("an address");
        assert_eq!(address.to_string(), "::1");
    }

    #[test]
    fn a_listener_of_this_process_is_found_and_named() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        let listeners = read().expect("listeners");
        let found = listeners
            .iter()
            .find(|listener| listener.port == port)
            .expect("ours");
        assert_eq!(
            found.process.as_ref().map(|process| process.pid),
            Some(std::process::id())
        );
    }

    #[test]
    fn the_innermost_unit_counts() {
        let unit = unit_of("0::/system.slice/ssh.service\n");
        assert_eq!(unit.as_deref(), Some("ssh.service"));
        assert_eq!(
            unit_of("0::/user.slice/user-1000.slice/session-3.scope\n").as_deref(),
            Some("session-3.scope")
        );
        assert_eq!(unit_of("0::/\n"), None);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[ 0-9A-Fa-fé:]{0,80}") {
            let _ = parse_line(&line, Protocol::Udp);
        }
    }
}
