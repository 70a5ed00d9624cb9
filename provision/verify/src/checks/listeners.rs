//! Nothing listens but what the definition lists, by the program that it names, where it may be reached.

use std::net::IpAddr;

use appliance::network::{Listener as Allowed, Protocol as Transport, Reach};
use host::facts::Listener;
use host::facts::listener::Protocol;

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

/// The kernel keeps so many bytes of a program's name.
const COMM: usize = 15;
/// `ip_local_port_range`: a UDP socket here is most likely somebody who asks, not somebody who answers.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;
/// Debian's first number of a person.
const FIRST_PERSON: u32 = 1000;
const ASKING: [&str; 8] = [
    "chronyd",
    "dhclient",
    "systemd-resolved",
    "systemd-networkd",
    "systemd-timesyncd",
    "google_guest_agent",
    "fluent-bit",
    "otelopscol",
];
const MAIL: [u16; 3] = [25, 465, 587];

/// What a machine needs to have an address and to resolve names: transport, port, program, loopback only.
const OF_THE_SYSTEM: [(Protocol, u16, &str, bool); 7] = [
    (Protocol::Udp, 68, "dhclient", false),
    (Protocol::Udp, 546, "dhclient", false),
    (Protocol::Udp, 68, "systemd-networkd", false),
    (Protocol::Udp, 546, "systemd-networkd", false),
    (Protocol::Udp, 53, "systemd-resolved", true),
    (Protocol::Tcp, 53, "systemd-resolved", true),
    (Protocol::Udp, 323, "chronyd", true),
];

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let listeners = machine
        .live()
        .and_then(|live| live.listeners.as_deref())
        .unwrap_or_default();
    let mut findings = Findings::new(format!("{} sockets", listeners.len()));
    for listener in listeners {
        judge(&machine.appliance.listeners, listener, &mut findings);
    }
    findings
}

fn judge(allowed: &[Allowed], listener: &Listener, findings: &mut Findings) {
    let target = describe(listener);
    let who = listener.process.as_ref().map_or_else(
        || format!("a process of uid {} that could not be found", listener.uid),
        |process| format!("{} (pid {})", process.name, process.pid),
    );
    let next = listener
        .process
        .as_ref()
        .and_then(|process| process.unit.as_deref())
        .map_or_else(
            || {
                format!(
                    "find it with `ss -lptun 'sport = :{}'`, then stop it",
                    listener.port
                )
            },
            |unit| format!("look at it with `systemctl status {unit}`, then stop it"),
        );
    if of_the_system(listener) {
        return;
    }
    if MAIL.contains(&listener.port) {
        let what = format!("{who} takes mail, which nothing here does");
        findings.error(Class::Listener, target, what, next);
        return;
    }
    let same_port = allowed
        .iter()
        .find(|entry| entry.port == listener.port && same_transport(entry.protocol, listener.protocol));
    let Some(entry) = same_port else {
        if listener.protocol == Protocol::Udp && EPHEMERAL.contains(&listener.port) && asks(listener) {
            findings.info(
                Class::Listener,
                target,
                format!("{who} waits for an answer here"),
                "",
            );
        } else {
            findings.error(
                Class::Listener,
                target,
                format!("{who} listens, and nobody declared it"),
                next,
            );
        }
        return;
    };
    if entry.reach != Reach::Internet && !is_loopback(listener.address) {
        let what = format!("{who} can be reached from outside, and may listen on 127.0.0.1 alone");
        findings.error(Class::Listener, target, what, next);
    } else if let Some(process) = &listener.process
        && !same_program(&entry.program, &process.name)
    {
        let what = format!("{who} listens where {} should", entry.program);
        findings.error(Class::Listener, target, what, next);
    }
}

/// People's programs ask, and those of the system that look names and the time up; others answer.
fn asks(listener: &Listener) -> bool {
    let name = listener
        .process
        .as_ref()
        .map_or("", |process| process.name.as_str());
    listener.uid >= FIRST_PERSON || ASKING.iter().any(|program| same_program(program, name))
}

fn describe(listener: &Listener) -> String {
    let protocol = match listener.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    match listener.address {
        IpAddr::V4(address) => format!("{protocol} {address}:{}", listener.port),
        IpAddr::V6(address) => format!("{protocol} [{address}]:{}", listener.port),
    }
}

fn of_the_system(listener: &Listener) -> bool {
    let name = listener
        .process
        .as_ref()
        .map_or("", |process| process.name.as_str());
    OF_THE_SYSTEM.iter().any(|(protocol, port, program, loopback)| {
        *protocol == listener.protocol
            && *port == listener.port
            && same_program(program, name)
            && (!loopback || is_loopback(listener.address))
    })
}

fn same_transport(defined: Transport, found: Protocol) -> bool {
    match found {
        Protocol::Tcp => defined == Transport::Tcp,
        Protocol::Udp => defined == Transport::Udp,
    }
}

fn same_program(defined: &str, comm: &str) -> bool {
    defined.get(..COMM).unwrap_or(defined) == comm
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address
                    .to_ipv4_mapped()
                    .is_some_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use host::facts::listener::Process;

    use super::*;
    use crate::fixture;

    fn brief(protocol: Protocol, address: &str, port: u16, program: &str) -> Vec<String> {
        let process = Process {
            pid: 7,
            name: program.to_owned(),
            unit: None,
        };
        let listener = Listener {
            protocol,
            address: address.parse().expect("an address"),
            port,
            uid: 0,
            process: (!program.is_empty()).then_some(process),
        };
        let mut findings = Findings::new("");
        judge(&fixture::appliance().listeners, &listener, &mut findings);
        findings.brief()
    }

    #[test]
    fn each_socket_is_judged_by_port_place_and_program() {
        use Protocol::{Tcp, Udp};
        for (protocol, address, port, program, expected) in [
            (Tcp, "0.0.0.0", 22, "sshd", None),
            (Tcp, "::", 443, "nginx", None),
            (Tcp, "127.0.0.1", 8765, "ws-gateway", None),
            (Tcp, "::ffff:127.0.0.1", 8765, "ws-gateway", None),
            // The kernel cuts names after 15 bytes.
            (Tcp, "127.0.0.1", 9101, "appliance-expor", None),
            (Udp, "127.0.0.1", 323, "chronyd", None),
            (Udp, "0.0.0.0", 68, "dhclient", None),
            (
                Tcp,
                "0.0.0.0",
                8765,
                "ws-gateway",
                Some("error listener tcp 0.0.0.0:8765"),
            ),
            (
                Tcp,
                "127.0.0.1",
                8765,
                "nc",
                Some("error listener tcp 127.0.0.1:8765"),
            ),
            (Tcp, "0.0.0.0", 22, "nc", Some("error listener tcp 0.0.0.0:22")),
            (Udp, "0.0.0.0", 22, "sshd", Some("error listener udp 0.0.0.0:22")),
            (
                Tcp,
                "127.0.0.1",
                25,
                "exim4",
                Some("error listener tcp 127.0.0.1:25"),
            ),
            (
                Tcp,
                "::",
                5355,
                "systemd-resolve",
                Some("error listener tcp [::]:5355"),
            ),
            (
                Tcp,
                "127.0.0.1",
                5000,
                "",
                Some("error listener tcp 127.0.0.1:5000"),
            ),
            (Udp, "0.0.0.0", 68, "nc", Some("error listener udp 0.0.0.0:68")),
            (
                Udp,
                "0.0.0.0",
                40_000,
                "chronyd",
                Some("info listener udp 0.0.0.0:40000"),
            ),
            (
                Udp,
                "0.0.0.0",
                40_000,
                "python3",
                Some("error listener udp 0.0.0.0:40000"),
            ),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(
                brief(protocol, address, port, program),
                expected,
                "{address} {port} {program}"
            );
        }
    }
}
