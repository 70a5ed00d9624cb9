//! The one way in which this crate runs a program: argument vector, deadline, captured output.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Error, Result};

/// How a program ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status; -1 when a signal ended it.
    pub status: i32,
    /// Standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, invalid UTF-8 replaced.
    pub stderr: String,
    /// Standard output as it came.
    pub raw: Vec<u8>,
}

impl Output {
    pub(crate) fn new(status: i32, raw: Vec<u8>, stderr: &[u8]) -> Output {
        Output {
            status,
            stdout: String::from_utf8_lossy(&raw).into_owned(),
            stderr: String::from_utf8_lossy(stderr).into_owned(),
            raw,
        }
    }

    /// True when the program ended with status 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// The output of a program that had to succeed.
    pub fn checked<S: AsRef<str>>(self, argv: &[S]) -> Result<Output> {
        if self.success() {
            return Ok(self);
        }
        let words = argv.iter().map(|word| OsStr::new(word.as_ref()));
        let said = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        Err(Error::Failed {
            command: shown(words),
            status: self.status,
            stderr: tail(said, 20),
        })
    }
}

/// One call of a program on the host.
pub(crate) struct Call {
    argv: Vec<OsString>,
    stdin: Vec<u8>,
    timeout: Duration,
}

impl Call {
    pub fn new<S: AsRef<OsStr>>(argv: &[S]) -> Call {
        let argv = argv.iter().map(|word| word.as_ref().to_os_string()).collect();
        Call {
            argv,
            stdin: Vec::new(),
            timeout: Duration::from_secs(60),
        }
    }

    pub fn stdin(mut self, bytes: &[u8]) -> Call {
        self.stdin = bytes.to_vec();
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Call {
        self.timeout = timeout;
        self
    }

    /// Runs it and returns whatever happened; only a start that failed or a missed deadline is an error.
    pub fn output(self) -> Result<Output> {
        let mut child = self.spawn()?;
        let group = Pid::from_child(&child);
        if let Some(mut pipe) = child.stdin.take() {
            let bytes = self.stdin.clone();
            // A program may end without reading its input: that is its right.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        match ended.recv_timeout(self.timeout) {
            Ok(Ok(out)) => Ok(Output::new(
                out.status.code().unwrap_or(-1),
                out.stdout,
                &out.stderr,
            )),
            Ok(Err(source)) => Err(Error::Start {
                command: self.shown(),
                source,
            }),
            Err(_) => {
                // The whole group: a shell's children would otherwise outlive it.
                let _gone = kill_process_group(group, Signal::KILL);
                Err(Error::Timeout {
                    command: self.shown(),
                    after: self.timeout,
                })
            }
        }
    }

    /// Runs it; any status but zero is an error.
    pub fn checked(self) -> Result<Output> {
        let shown = self.shown();
        let out = self.output()?;
        out.checked(&[shown])
    }

    fn spawn(&self) -> Result<std::process::Child> {
        let stdin = if self.stdin.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        };
        Command::new(&self.argv[0])
            .args(&self.argv[1..])
            .env("LC_ALL", "C.UTF-8")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // An interrupt on the terminal ends us, and we end our programs in order.
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Start { command: self.shown(), source })
    }

    fn shown(&self) -> String {
        shown(self.argv.iter().map(OsString::as_os_str))
    }
}

/// Runs a program that must succeed within a minute.
pub(crate) fn run<S: AsRef<OsStr>>(argv: &[S]) -> Result<Output> {
    Call::new(argv).checked()
}

fn shown<'a>(words: impl Iterator<Item = &'a OsStr>) -> String {
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The last lines of a text.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_reaches_the_program_and_its_output_comes_back() {
        let out = Call::new(&["sh", "-c", "cat; echo oops >&2; exit 3"])
            .stdin(b"hello")
            .output()
            .unwrap();
        assert_eq!(
            (out.status, out.stdout.as_str(), out.stderr.as_str()),
            (3, "hello", "oops\n")
        );
    }

    #[test]
    fn a_program_that_hangs_is_ended_at_its_deadline() {
        let call = Call::new(&["sleep", "60"]).timeout(Duration::from_millis(50));
        assert!(matches!(call.output(), Err(Error::Timeout { .. })));
    }

    #[test]
    fn tail_keeps_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("", 2), "");
    }
}
