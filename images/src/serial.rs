//! Commands into a virtual machine and answers out, through a root shell on its second serial port.
//! It needs no network, no sshd and no account of the machine's, so it works while those are broken.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base64;
use crate::command::Output;
use crate::error::{AtPath, Error, Result};
use crate::machine::Exec;

const SHELL: &str = include_str!("serial-shell.sh");

/// Input goes in pieces with an answer each: the emulated port has no flow control worth the name.
const PIECE: usize = 12 * 1024;

/// How long an answer may be late beyond the command's own time; the machine is emulated, and slow.
const GRACE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Serial {
    stream: Mutex<UnixStream>,
}

impl Serial {
    /// Connects, waits for the shell and teaches it the protocol.
    pub fn connect(socket: &Path, deadline: Instant) -> Result<Serial> {
        let stream = UnixStream::connect(socket).at("connect to", socket)?;
        let serial = Serial {
            stream: Mutex::new(stream),
        };
        serial.await_shell(deadline)?;
        Ok(serial)
    }

    pub fn exec(&self, exec: &Exec<'_>) -> Result<Output> {
        let mut stream = self
            .stream
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for piece in exec.stdin.chunks(PIECE) {
            request(&mut stream, &format!("P {}", base64::encode(piece)), GRACE)?;
        }
        let mut words = Vec::new();
        for word in exec.argv {
            words.extend(word.bytes());
            words.push(0);
        }
        let seconds = exec.timeout.as_secs_f64();
        let line = format!("R {seconds} {} {}", exec.user, base64::encode(&words));
        let began = Instant::now();
        let answer = request(&mut stream, &line, exec.timeout + GRACE)?;
        let output =
            parse(&answer).ok_or_else(|| Error::Host(format!("the serial shell answered {answer:?}")))?;
        // timeout(1) kills itself the way it kills its command.
        if output.status == 137 && began.elapsed() >= exec.timeout {
            return Err(Error::Timeout {
                command: exec.argv.join(" "),
                after: exec.timeout,
            });
        }
        Ok(output)
    }

    /// The shell is there some seconds into the boot. Nothing is typed before its prompt comes: half of
    /// it would be lost, and an open quote at that.
    fn await_shell(&self, deadline: Instant) -> Result<()> {
        let mut stream = self
            .stream
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        read_until(&mut stream, deadline, |seen| seen.ends_with(b"# ").then_some(()))?;
        // The echo goes first: what it sends back of the rest would only cost time.
        stream.write_all(b"stty -echo\n").map_err(|why| lost(&why))?;
        read_until(&mut stream, deadline, |seen| seen.ends_with(b"# ").then_some(()))?;
        let hello = exchange(&mut stream, format!("{SHELL}\nH ready\n").as_bytes(), GRACE)?;
        if hello == "H ready" {
            Ok(())
        } else {
            Err(Error::Host(format!("the serial shell answered {hello:?}")))
        }
    }
}

fn request(stream: &mut UnixStream, line: &str, limit: Duration) -> Result<String> {
    exchange(stream, format!("{line}\n").as_bytes(), limit)
}

fn exchange(stream: &mut UnixStream, bytes: &[u8], limit: Duration) -> Result<String> {
    stream.write_all(bytes).map_err(|why| lost(&why))?;
    answer(stream, limit)
}

/// Reads up to the end of the next answer.
fn answer(stream: &mut UnixStream, limit: Duration) -> Result<String> {
    read_until(stream, Instant::now() + limit, |seen| {
        let end = seen.iter().rposition(|byte| *byte == 2)?;
        let start = seen[..end].iter().rposition(|byte| *byte == 1)?;
        Some(String::from_utf8_lossy(&seen[start + 1..end]).into_owned())
    })
}

/// Reads until what was seen makes sense.
fn read_until<T>(
    stream: &mut UnixStream,
    deadline: Instant,
    complete: impl Fn(&[u8]) -> Option<T>,
) -> Result<T> {
    let mut seen: Vec<u8> = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let left = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).map_err(|why| lost(&why))?;
        match stream.read(&mut buffer) {
            Ok(0) => return Err(lost(&ErrorKind::UnexpectedEof.into())),
            Ok(count) => seen.extend(&buffer[..count]),
            Err(why) => return Err(lost(&why)),
        }
        if let Some(value) = complete(&seen) {
            return Ok(value);
        }
    }
}

fn parse(answer: &str) -> Option<Output> {
    let mut words = answer.strip_prefix("R ")?.split(' ');
    let status = words.next()?.parse().ok()?;
    let mut bytes = || base64::decode(words.next()?.strip_suffix('-')?);
    let stdout = bytes()?;
    Some(Output::new(status, stdout, &bytes()?))
}

fn lost(why: &std::io::Error) -> Error {
    Error::Host(format!("no answer on the machine's serial port: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_carries_status_and_both_outputs() {
        let out = parse("R 3 aGk=- -").unwrap();
        assert_eq!(
            (out.status, out.stdout.as_str(), out.stderr.as_str()),
            (3, "hi", "")
        );
        assert!(parse("R 3 aGk=").is_none());
        assert!(parse("P 12").is_none());
    }
}
