//! Whether people can still reach this machine, as far as the machine itself can tell.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// sshd answers from memory; one that needs longer lets nobody in either.
const LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// An answer that the other side has not acknowledged after so many tries does not get there.
const MOST_TRIES: u8 = 3;
/// `ESTABLISHED`, as `/proc/net/tcp` writes it.
const ESTABLISHED: &str = "01";

/// Asks whoever listens on a port for its greeting, as a client of sshd does. Tried again for a while: sshd lets go of
/// its port for a moment when it reads its configuration anew.
pub fn ssh_greets(port: u16) -> Result<(), String> {
    let deadline = Instant::now() + LIMIT;
    loop {
        match greeting(port) {
            Err(_) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            Err(error) => return Err(format!("port {port} does not answer: {error}")),
            Ok(greeting) if &greeting == b"SSH-" => return Ok(()),
            Ok(_) => return Err(format!("port {port} answers, but not as sshd does")),
        }
    }
}

fn greeting(port: u16) -> std::io::Result<[u8; 4]> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting)?;
    Ok(greeting)
}

/// Whether the connection over which this program was started still carries what is sent: a firewall that lets new
/// ones in may have cut it. True where it was not started over one.
pub fn own_connection_lives() -> bool {
    let Some(ports) = std::env::var("SSH_CONNECTION").ok().as_deref().and_then(ports) else {
        return true;
    };
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let texts = tables.map(|table| std::fs::read_to_string(table).unwrap_or_default());
    texts.iter().any(|text| carries(text, ports))
}

/// `SSH_CONNECTION` is address and port of the client, address and port of the server.
fn ports(connection: &str) -> Option<(u16, u16)> {
    let words: Vec<&str> = connection.split_ascii_whitespace().collect();
    let [_, client, _, server] = words.as_slice() else {
        return None;
    };
    Some((server.parse().ok()?, client.parse().ok()?))
}

fn carries(table: &str, (server, client): (u16, u16)) -> bool {
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, remote, state, _, _, tries, ..] = fields.as_slice() else {
            return false;
        };
        let tries = u32::from_str_radix(tries, 16).unwrap_or(0);
        port(local) == Some(server)
            && port(remote) == Some(client)
            && *state == ESTABLISHED
            && tries < u32::from(MOST_TRIES)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 0A00000A:0016 0A00000B:C350 01 00000024:00000000 01:00000014 00000000     0        0 2 4 0
   2: 0A00000A:0016 0A00000B:C351 01 00000024:00000000 01:00000014 00000005     0        0 3 4 0
";

    #[test]
    fn a_connection_carries_while_its_answers_are_acknowledged() {
        assert!(carries(TABLE, (22, 50000)));
        assert!(!carries(TABLE, (22, 50001)), "it has tried five times");
        assert!(!carries(TABLE, (22, 50002)), "there is no such connection");
        assert_eq!(ports("10.0.0.11 50000 10.0.0.10 22"), Some((22, 50000)));
        assert_eq!(ports("nonsense"), None);
    }
}
