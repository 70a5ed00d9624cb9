//! What the portal says of itself, asked over its own socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The portal answers from what it has measured already; one that needs longer is not well.
const LIMIT: Duration = Duration::from_secs(2);
/// Many times what it answers.
const MOST_BYTES: usize = 1 << 20;

/// Asks `GET /health` and gives the whole answer, head included. The portal closes the connection when it has
/// answered.
pub fn ask(socket: &Path, domain: &str) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + LIMIT;
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(LIMIT))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {domain}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        // A peer that sends a byte now and then must not hold us longer than one that sends none.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Ok(answer),
            length => answer.extend_from_slice(&piece[..length]),
        }
        if answer.len() > MOST_BYTES {
            return Err(io::Error::other("the answer does not end"));
        }
    }
}
