//! The one way to run a program.
//!
//! A child runs in a process group of its own: Ctrl-C on the operator's terminal ends this program but not a
//! mkfs half-way, and when time is up the whole family is ended, not only the child.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::HostError;

/// All that a program may depend on. A locale of C makes messages parseable and alike in every log.
pub const ENVIRONMENT: [(&str, &str); 7] = [
    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LC_ALL", "C.UTF-8"),
    ("TZ", "UTC"),
    ("TERM", "dumb"),
    ("SYSTEMD_COLORS", "0"),
    ("DEBIAN_FRONTEND", "noninteractive"),
];

/// Bytes of standard output that are kept; the rest is read and dropped, so that the child can end.
const MOST_OUTPUT: usize = 1 << 20;
/// Bytes of standard error that are kept, the last ones.
const STDERR_TAIL: usize = 4 << 10;
/// Between asking a program to end and making it.
const GRACE: Duration = Duration::from_secs(2);
/// For what a program says after its end, when a process that it left behind holds its output open.
const LINGER: Duration = Duration::from_millis(50);

static STARTED: Mutex<BTreeMap<&str, usize>> = Mutex::new(BTreeMap::new());

/// A program to run: an absolute path and words, never a shell line. The environment is the same small one for
/// every program. What it is given on standard input is never shown.
#[derive(Clone)]
pub struct Command {
    program: &'static str,
    words: Vec<String>,
    stdin: Vec<u8>,
    limit: Duration,
    accept: &'static [i32],
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code.
    pub code: i32,
    /// At most the first MiB of its standard output.
    pub stdout: Vec<u8>,
    /// The last 4 KiB of its standard error.
    pub stderr: String,
}

impl Command {
    /// `program` must be an absolute path.
    pub fn new(program: &'static str) -> Self {
        Self {
            program,
            words: Vec::new(),
            stdin: Vec::new(),
            limit: Duration::from_secs(30),
            accept: &[0],
        }
    }

    /// One more word.
    pub fn arg(mut self, word: impl Into<String>) -> Self {
        self.words.push(word.into());
        self
    }

    /// More words.
    pub fn args<I: IntoIterator<Item: Into<String>>>(mut self, words: I) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// Bytes for its standard input, which is empty otherwise.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// How long it may take; 30 s unless said otherwise.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Exit codes that are an answer and not a failure; only 0 unless said otherwise.
    pub fn accept(mut self, codes: &'static [i32]) -> Self {
        self.accept = codes;
        self
    }

    /// Whether the program is there at all.
    pub fn is_installed(&self) -> bool {
        std::path::Path::new(self.program).exists()
    }

    /// Runs it to its end.
    pub fn run(&self) -> Result<Output, HostError> {
        let fail = |source| HostError::Start {
            command: self.to_string(),
            source,
        };
        if !self.program.starts_with('/') {
            return Err(fail(Errno::INVAL.into()));
        }
        let stdin = if self.stdin.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        };
        let mut child = std::process::Command::new(self.program)
            .args(&self.words)
            .env_clear()
            .envs(ENVIRONMENT)
            .current_dir("/")
            .process_group(0)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fail)?;
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        *started.entry(self.program).or_default() += 1;
        drop(started);
        let conversation = Conversation::new(&self.stdin, Instant::now() + self.limit).hold(&mut child);
        // Whatever went wrong, no child outlives this function.
        if !matches!(conversation, Ok(Conversation { ended: true, .. })) {
            end_family(&mut child);
        }
        let status = child.wait().map_err(fail)?;
        let said = conversation.map_err(|errno| fail(errno.into()))?;
        self.judge(said, status)
    }

    fn judge(&self, said: Conversation<'_>, status: ExitStatus) -> Result<Output, HostError> {
        let stderr = String::from_utf8_lossy(&said.stderr).trim_end().to_owned();
        let command = self.to_string();
        if !said.ended {
            return Err(HostError::TimedOut {
                command,
                after: self.limit,
                stderr,
            });
        }
        match status.code() {
            Some(code) if self.accept.contains(&code) => Ok(Output {
                code,
                stdout: said.stdout,
                stderr,
            }),
            Some(code) => Err(HostError::Failed {
                command,
                status: format!("exited with {code}"),
                stderr,
            }),
            None => {
                let signal = status.signal().unwrap_or(0);
                Err(HostError::Failed {
                    command,
                    status: format!("was killed by signal {signal}"),
                    stderr,
                })
            }
        }
    }
}

/// The command as an operator would type it.
impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.program)?;
        for word in &self.words {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./-_".contains(&byte);
            if !word.is_empty() && word.bytes().all(plain) {
                write!(formatter, " {word}")?;
            } else {
                write!(formatter, " '{}'", word.replace('\'', r"'\''"))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// Which programs this process has started, and how often: a second apply may start two.
pub fn started() -> BTreeMap<&'static str, usize> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What goes to and comes from a child until it ends or its time is up.
struct Conversation<'a> {
    to_write: &'a [u8],
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    deadline: Instant,
    ended: bool,
}

impl<'a> Conversation<'a> {
    fn new(to_write: &'a [u8], deadline: Instant) -> Self {
        Self {
            to_write,
            stdout: Vec::new(),
            stderr: Vec::new(),
            deadline,
            ended: false,
        }
    }

    /// One thread serves all three pipes, so that a child that writes before it reads cannot block both.
    fn hold(mut self, child: &mut Child) -> Result<Self, Errno> {
        let pid = Pid::from_child(child);
        let process = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        let mut stdin = child.stdin.take();
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        if let Some(pipe) = &stdin {
            rustix::fs::fcntl_setfl(pipe, rustix::fs::OFlags::NONBLOCK)?;
        }
        while stdout.is_some() || stderr.is_some() || !self.ended {
            let mut waited = Vec::with_capacity(4);
            if !self.ended {
                waited.push(PollFd::new(&process, PollFlags::IN));
            }
            waited.extend(
                stdin
                    .iter()
                    .map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::OUT)),
            );
            waited.extend(
                stdout
                    .iter()
                    .map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)),
            );
            waited.extend(
                stderr
                    .iter()
                    .map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)),
            );
            let left = self.deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
            match rustix::event::poll(&mut waited, Some(&timeout)) {
                Ok(0) => return Ok(self),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno),
            }
            let ready: Vec<bool> = waited.iter().map(|waited| !waited.revents().is_empty()).collect();
            let mut ready = ready.into_iter();
            if !self.ended && ready.next() == Some(true) {
                self.ended = true;
                self.deadline = self.deadline.min(Instant::now() + LINGER);
            }
            if stdin.is_some() && ready.next() == Some(true) && !self.write(&mut stdin) {
                stdin = None;
            }
            if stdout.is_some() && ready.next() == Some(true) && !keep_first(&mut stdout, &mut self.stdout) {
                stdout = None;
            }
            if stderr.is_some() && ready.next() == Some(true) && !keep_last(&mut stderr, &mut self.stderr) {
                stderr = None;
            }
        }
        Ok(self)
    }

    /// False when all is written, or nobody reads.
    fn write(&mut self, pipe: &mut Option<std::process::ChildStdin>) -> bool {
        let Some(pipe) = pipe else { return false };
        match pipe.write(self.to_write) {
            Ok(written) => self.to_write = &self.to_write[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        !self.to_write.is_empty()
    }
}

/// False at the end.
fn keep_first(pipe: &mut Option<impl Read>, kept: &mut Vec<u8>) -> bool {
    let mut buffer = [0u8; 16 << 10];
    match pipe.as_mut().map(|pipe| pipe.read(&mut buffer)) {
        Some(Ok(length)) => {
            kept.extend_from_slice(&buffer[..length.min(MOST_OUTPUT - kept.len())]);
            length > 0
        }
        _ => false,
    }
}

/// False at the end.
fn keep_last(pipe: &mut Option<impl Read>, kept: &mut Vec<u8>) -> bool {
    let mut buffer = [0u8; 4 << 10];
    match pipe.as_mut().map(|pipe| pipe.read(&mut buffer)) {
        Some(Ok(length)) => {
            kept.extend_from_slice(&buffer[..length]);
            kept.drain(..kept.len().saturating_sub(STDERR_TAIL));
            length > 0
        }
        _ => false,
    }
}

/// Asks the whole process group to end, then makes it. The child is not reaped before, so that its number
/// cannot have become somebody else's.
fn end_family(child: &mut Child) {
    let group = Pid::from_child(child);
    let _ = rustix::process::kill_process_group(group, Signal::TERM);
    let deadline = Instant::now() + GRACE;
    let options = rustix::process::WaitIdOptions::EXITED
        | rustix::process::WaitIdOptions::NOWAIT
        | rustix::process::WaitIdOptions::NOHANG;
    while Instant::now() < deadline {
        if let Ok(Some(_)) = rustix::process::waitid(rustix::process::WaitId::Pid(group), options) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        Command::new("/bin/sh").args(["-c", script])
    }

    #[test]
    fn output_code_and_the_small_environment_arrive() {
        let output = shell("cat; echo x >&2; exit 3")
            .stdin("hello")
            .accept(&[3])
            .run()
            .expect("it ran");
        assert_eq!(
            (output.code, output.stdout.as_slice(), output.stderr.as_str()),
            (3, &b"hello"[..], "x")
        );
        let output = Command::new("/usr/bin/env").run().expect("it ran");
        assert_eq!(
            output.stdout.iter().filter(|byte| **byte == b'\n').count(),
            ENVIRONMENT.len()
        );
    }

    #[test]
    fn a_failure_shows_the_command_and_the_end_of_stderr() {
        let error = shell("seq 1 5000 >&2; echo 'the last' >&2; exit 1")
            .run()
            .expect_err("it failed")
            .to_string();
        assert!(
            error.starts_with(
                "/bin/sh -c 'seq 1 5000 >&2; echo '\\''the last'\\'' >&2; exit 1' exited with 1:\n"
            ),
            "{error}"
        );
        assert!(error.ends_with("5000\nthe last") && error.len() < 5000, "{error}");
    }

    #[test]
    fn more_than_the_pipes_hold_goes_both_ways() {
        let input = vec![b'a'; 3 << 20];
        let output = shell("cat").stdin(input).run().expect("it ran");
        assert_eq!(output.stdout.len(), MOST_OUTPUT);
    }

    #[test]
    fn time_up_ends_the_grandchildren_too() {
        let directory = tempfile::tempdir().expect("a directory");
        let pids = directory.path().join("pids");
        let script = format!(
            "(trap '' TERM; echo $$ > {0}; sh -c 'echo $$ >> {0}; sleep 60') & wait",
            pids.display()
        );
        let before = Instant::now();
        let error = shell(&script)
            .limit(Duration::from_millis(300))
            .run()
            .expect_err("time is up");
        assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
        assert!(before.elapsed() < Duration::from_secs(10));
        let grandchild = std::fs::read_to_string(&pids).expect("both wrote");
        let grandchild = grandchild.lines().last().expect("a number");
        let alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        // Killed it is at once, gone when the kernel gets to it.
        while alive() && before.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!alive());
    }

    #[test]
    fn a_process_left_behind_does_not_hold_us() {
        let before = Instant::now();
        let output = shell("sleep 5 & echo done").run().expect("it ran");
        assert_eq!(output.stdout, b"done\n");
        assert!(before.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn what_cannot_start_is_named() {
        let error = Command::new("/no/such/program")
            .run()
            .expect_err("it is not there");
        assert_eq!(error.to_string(), "cannot start /no/such/program");
        assert!(Command::new("sh").run().is_err(), "only absolute paths");
    }
}
