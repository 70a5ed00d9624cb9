//! One connection by the system's own `ssh`, shared by everything that is done over it.
//!
//! The runner of `host` gives every program the same small environment. ssh is the exception: it must see the
//! operator's agent, home and terminal, and it runs for as long as what it carries.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::error::Trouble;
use crate::signals::Signals;
use crate::{RemoteError, Way};

const SSH: &str = "/usr/bin/ssh";
/// Ctrl-C on the terminal is for this program, which decides what it means; ssh must not end by it.
const DEAF_TO_CTRL_C: &str = "trap \"\" INT QUIT; exec \"$@\"";
/// What the shared connection runs: it says that it is there, and ends when this program does.
const HOLD: &str = "echo appliance-is-connected; exec cat >/dev/null";
const CONNECTED: &str = "appliance-is-connected";

/// A peer that is gone is noticed after an interval and the unanswered questions that follow: within 25 s.
const ALIVE: [&str; 2] = ["ServerAliveInterval=5", "ServerAliveCountMax=4"];
const CONNECT_TIMEOUT: &str = "ConnectTimeout=15";

/// How often signals are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// Bytes of an answer that are kept.
const MOST_ANSWER: u64 = 16 << 20;

/// An open connection. It goes when the value goes, or this program.
#[derive(Debug)]
pub(crate) struct Link {
    directory: TempDir,
    master: Child,
    _held: Option<ChildStdin>,
}

/// What a command there said.
#[derive(Debug)]
pub(crate) struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// What goes to the standard input of a command.
#[derive(Debug)]
pub(crate) enum Input {
    Nothing,
    Bytes(Vec<u8>),
    File(File),
}

impl Link {
    /// Connects. On a terminal ssh may ask for a password or about a key that it does not know; without one it never
    /// does.
    pub fn open(way: &Way, signals: &Signals) -> Result<Self, RemoteError> {
        // The socket opens the connection to whoever can reach it: its directory is this account's alone.
        let directory = tempfile::Builder::new()
            .prefix("appliance-")
            .tempdir()
            .map_err(here("make a directory"))?;
        let log = directory.path().join("log");
        let stderr = File::create_new(&log).map_err(here("make a file"))?;
        let mut words = to_connect(way);
        words.extend(["-M".into(), "-S".into(), socket(directory.path()).into()]);
        words.extend(["--".into(), way.there.host().into(), HOLD.into()]);
        let mut master = ssh(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(here("start ssh"))?;
        let held = master.stdin.take();
        let stdout = master.stdout.take();
        let mut link = Self {
            directory,
            master,
            _held: held,
        };
        match stdout.map(|stdout| link.await_word(stdout, way, signals)) {
            Some(Ok(true)) => Ok(link),
            Some(Err(error)) => Err(error),
            Some(Ok(false)) | None => {
                let _ = link.master.wait();
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                Err(connection(way, &said))
            }
        }
    }

    /// Whether the other side said that it is there. A login shell may say other things first.
    fn await_word(
        &mut self,
        mut stdout: ChildStdout,
        way: &Way,
        signals: &Signals,
    ) -> Result<bool, RemoteError> {
        let mut heard = Vec::new();
        loop {
            if signals.any() {
                return Err(RemoteError::Interrupted {
                    there: way.there.clone(),
                });
            }
            if !is_readable(&stdout)? {
                continue;
            }
            let mut buffer = [0u8; 4096];
            let length = stdout.read(&mut buffer).map_err(here("hear ssh"))?;
            heard.extend(&buffer[..length]);
            let text = String::from_utf8_lossy(&heard);
            if text.lines().any(|line| line.trim_end() == CONNECTED) {
                return Ok(true);
            }
            if length == 0 || heard.len() > 1 << 20 {
                return Ok(false);
            }
        }
    }

    /// A command over this connection, its output for the caller to read as it comes. Its standard input stays open
    /// for as long as somebody reads, so that it ends when this program is killed.
    pub fn stream(&self, command: &str) -> Result<Stream, RemoteError> {
        let child = self
            .over(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(here("start ssh"))?;
        Ok(Stream(child))
    }

    /// A command over this connection to its end. `interrupted` may end it sooner.
    pub fn call(
        &self,
        way: &Way,
        command: &str,
        input: Input,
        signals: Option<&Signals>,
    ) -> Result<Said, RemoteError> {
        let said = converse(self.over(command), input, || signals.is_some_and(Signals::any));
        match said {
            Ok(Some(said)) if said.code == 255 => Err(connection(way, &said.stderr)),
            Ok(Some(said)) => Ok(said),
            Ok(None) => Err(RemoteError::Interrupted {
                there: way.there.clone(),
            }),
            Err(source) => Err(here("talk to ssh")(source)),
        }
    }

    /// ssh that uses this connection and makes none of its own when it is gone.
    fn over(&self, command: &str) -> Command {
        let mut words: Vec<OsString> = [
            "-F",
            "none",
            "-T",
            "-o",
            "ControlMaster=no",
            "-o",
            "BatchMode=yes",
        ]
        .map(OsString::from)
        .into();
        words.extend(["-o", "ProxyCommand=false", "-S"].map(OsString::from));
        words.push(socket(self.directory.path()).into());
        words.extend(["--", "shared", command].map(OsString::from));
        ssh(&words)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = self.master.kill();
        let _ = self.master.wait();
    }
}

/// A running command, ended when dropped.
#[derive(Debug)]
pub(crate) struct Stream(Child);

impl Stream {
    /// Reads what is there; `None` when nothing came within a tick.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, RemoteError> {
        let Some(stdout) = &mut self.0.stdout else {
            return Ok(Some(0));
        };
        if !is_readable(stdout)? {
            return Ok(None);
        }
        match stdout.read(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(here("hear ssh")(error)),
        }
    }

    /// How it ended, and what it said on standard error.
    pub fn end(mut self) -> (i32, String) {
        let mut said = String::new();
        if let Some(stderr) = self.0.stderr.take() {
            let _ = stderr.take(MOST_ANSWER).read_to_string(&mut said);
        }
        let code = self.0.wait().ok().and_then(|status| status.code());
        (code.unwrap_or(255), said)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command over a connection of its own, as proof that new ones can still be made.
pub(crate) fn call_anew(way: &Way, command: &str, signals: &Signals) -> Result<Said, RemoteError> {
    let mut words = to_connect(way);
    words.extend(["-S", "none", "-o", "ControlMaster=no", "--"].map(OsString::from));
    words.extend([way.there.host().into(), command.into()]);
    match converse(ssh(&words), Input::Nothing, || signals.end()) {
        Ok(Some(said)) if said.code == 255 => Err(connection(way, &said.stderr)),
        Ok(Some(said)) => Ok(said),
        Ok(None) => Err(connection(way, "")),
        Err(source) => Err(here("talk to ssh")(source)),
    }
}

/// What every new connection is made with. Nothing here touches how host keys are judged: that is the operator's.
fn to_connect(way: &Way) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["-T".into(), "-e".into(), "none".into()];
    if let Some(file) = &way.ssh_config {
        words.extend(["-F".into(), file.into()]);
    }
    if let Some(file) = &way.identity {
        words.extend(["-i".into(), file.into(), "-o".into(), "IdentitiesOnly=yes".into()]);
    }
    if let Some(port) = way.there.port() {
        words.extend(["-p".into(), port.to_string().into()]);
    }
    if let Some(user) = way.there.user() {
        words.extend(["-l".into(), user.into()]);
    }
    let mut options = vec![
        CONNECT_TIMEOUT,
        "ConnectionAttempts=1",
        "ControlPersist=no",
        "LogLevel=INFO",
        "RequestTTY=no",
        "RemoteCommand=none",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
    ];
    options.extend(ALIVE);
    if !std::io::stdin().is_terminal() {
        options.push("BatchMode=yes");
    }
    for option in options {
        words.extend(["-o".into(), option.into()]);
    }
    words
}

fn ssh(words: &[OsString]) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", DEAF_TO_CTRL_C, "sh", SSH]).args(words);
    command
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("s")
}

/// To its end, or until it is to end: then `None`.
fn converse(mut command: Command, input: Input, stop: impl Fn() -> bool) -> std::io::Result<Option<Said>> {
    let (stdin, bytes) = match input {
        Input::Nothing => (Stdio::null(), None),
        Input::File(file) => (Stdio::from(file), None),
        Input::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
    };
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let writer = child.stdin.take().zip(bytes).map(|(mut pipe, bytes)| {
        // Whether all of it arrived is told by the answer.
        std::thread::spawn(move || pipe.write_all(&bytes).is_ok())
    });
    let stdout = child.stdout.take().map(keep);
    let stderr = child.stderr.take().map(keep);
    let process = rustix::process::pidfd_open(
        rustix::process::Pid::from_child(&child),
        rustix::process::PidfdFlags::empty(),
    )?;
    let stopped = loop {
        if stop() {
            child.kill()?;
            break true;
        }
        if is_ready(&process)? {
            break false;
        }
    };
    let status = child.wait()?;
    let text = |reader: Option<std::thread::JoinHandle<Vec<u8>>>| {
        let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let said = Said {
        code: status.code().unwrap_or(255),
        stdout: text(stdout),
        stderr: text(stderr),
    };
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    Ok((!stopped).then_some(said))
}

fn keep(pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = pipe.take(MOST_ANSWER).read_to_end(&mut kept);
        kept
    })
}

fn is_readable(pipe: &ChildStdout) -> Result<bool, RemoteError> {
    is_ready(pipe).map_err(here("wait for ssh"))
}

/// Whether there is something to read, or the other end is closed, within a tick.
pub(crate) fn is_ready(descriptor: &impl AsFd) -> std::io::Result<bool> {
    let timeout = Timespec {
        tv_sec: 0,
        tv_nsec: TICK.subsec_nanos().into(),
    };
    let mut waited = [PollFd::new(descriptor, PollFlags::IN)];
    match rustix::event::poll(&mut waited, Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

pub(crate) fn connection(way: &Way, said: &str) -> RemoteError {
    RemoteError::Connection {
        there: way.there.clone(),
        trouble: Trouble::of(said),
        said: said.trim().to_owned(),
    }
}

pub(crate) fn here(operation: &str) -> impl Fn(std::io::Error) -> RemoteError {
    move |source| RemoteError::Here {
        operation: operation.to_owned(),
        source,
    }
}
