//! A TCP forwarder: the machine's ports on this host's loopback device, for browsers.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Ports tried upwards from the wanted one.
const TRIES: u16 = 50;

/// More connections at once than a browser and a test together make.
const CONNECTIONS: usize = 256;

/// Listens on the wanted port, or the next free one, and passes everything on. Returns the port.
pub fn forward(wanted: u16, to: SocketAddr) -> io::Result<u16> {
    let mut last = io::Error::other("no port was tried");
    for port in wanted..wanted + TRIES {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => {
                std::thread::spawn(move || accept(&listener, to));
                return Ok(port);
            }
            Err(why) => last = why,
        }
    }
    Err(last)
}

fn accept(listener: &TcpListener, to: SocketAddr) {
    let open = std::sync::Arc::new(());
    for stream in listener.incoming().flatten() {
        if std::sync::Arc::strong_count(&open) > CONNECTIONS {
            continue;
        }
        let counted = open.clone();
        std::thread::spawn(move || {
            // One end or the other went away: that is how connections end.
            let _ended = pass(stream, to);
            drop(counted);
        });
    }
}

fn pass(near: TcpStream, to: SocketAddr) -> io::Result<()> {
    let far = TcpStream::connect_timeout(&to, Duration::from_secs(5))?;
    let (mut near_in, mut far_out) = (near.try_clone()?, far.try_clone()?);
    let upward = std::thread::spawn(move || {
        let _ended = io::copy(&mut near_in, &mut far_out);
        far_out.shutdown(Shutdown::Write)
    });
    let (mut far_in, mut near_out) = (far, near);
    io::copy(&mut far_in, &mut near_out)?;
    near_out.shutdown(Shutdown::Write)?;
    upward
        .join()
        .map_err(|_| io::Error::other("a forwarder thread panicked"))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn bytes_pass_both_ways_and_a_taken_port_is_passed_over() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = server.local_addr().unwrap();
        let port = forward(to.port(), to).unwrap();
        assert_ne!(port, to.port());
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        client.write_all(b"ask").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut asked = String::new();
        peer.read_to_string(&mut asked).unwrap();
        peer.write_all(b"answer").unwrap();
        drop(peer);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!((asked.as_str(), answer.as_str()), ("ask", "answer"));
    }
}
