//! Somebody at another machine who works on a container over SSH, with a key and known hosts of their own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use image::Output;

use crate::container_fixture::{ADMIN, Appliance, programs};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(150);
/// Where programs and runs from elsewhere lie on the machine.
pub const REMOTE: &str = "/var/lib/data-analyst/remote";

/// Somebody at another machine, with a key and a file of known hosts of their own.
#[derive(Debug)]
pub struct Operator {
    /// The machine.
    pub appliance: Appliance,
    /// For files of the test, gone with it.
    pub directory: PathBuf,
}

impl Operator {
    /// Root may log in with the administrator's key, as on a fresh machine of a cloud.
    pub fn at_a_fresh_machine() -> Result<Self> {
        let mut appliance = Appliance::unapplied()?;
        let directory = appliance.machine().directory().to_owned();
        let key = std::fs::read_to_string(directory.join(format!("{ADMIN}.pub")))?;
        appliance.sh("mkdir -p -m 0700 /root/.ssh && systemctl start ssh")?;
        appliance.write("/root/.ssh/authorized_keys", key.as_bytes(), 0o600)?;
        let operator = Self { appliance, directory };
        operator.know_the_host("ssh_config", "known_hosts")?;
        Ok(operator)
    }

    /// Writes a configuration of ssh that knows the machine's host key.
    pub fn know_the_host(&self, config: &str, known: &str) -> Result<()> {
        let host_key = self.appliance.sh("cat /etc/ssh/ssh_host_ed25519_key.pub")?;
        let known = self.directory.join(known);
        put(&known, &format!("{} {host_key}", self.appliance.address()))?;
        put(
            &self.directory.join(config),
            &format!(
                "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  HostKeyAlgorithms ssh-ed25519\n",
                known.display()
            ),
        )
    }

    /// `appliance` on this host, with these words and the way to the machine.
    pub fn command(&self, user: &str, words: &[&str]) -> Result<Command> {
        self.command_to(&format!("{user}@{}", self.appliance.address()), words)
    }

    /// The same to a machine that is named otherwise.
    pub fn command_to(&self, there: &str, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(programs()?.join("appliance"));
        command.args(words).args(["--on", there]);
        if !words.contains(&"--ssh-config") {
            command.arg("--ssh-config").arg(self.directory.join("ssh_config"));
        }
        if !words.contains(&"--identity") {
            command.arg("--identity").arg(self.appliance.private_key(ADMIN));
        }
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// The same to its end.
    pub fn run(&self, user: &str, words: &[&str]) -> Result<Output> {
        self.start(user, words)?.end()
    }

    /// The same, running.
    pub fn start(&self, user: &str, words: &[&str]) -> Result<Running> {
        Running::start(self.command(user, words)?, &self.directory)
    }

    /// Keeps every apply waiting until [`Self::go_on`].
    pub fn hold_the_lock(&self) -> Result<()> {
        self.appliance.sh(
            "mkdir -p -m 0755 /run/lock/data-analyst; rm -f /run/held; \
             systemd-run --quiet --unit=holder flock /run/lock/data-analyst/provision.lock sh -c 'touch /run/held; sleep infinity'; \
             until [ -e /run/held ]; do sleep 0.05; done",
        )?;
        Ok(())
    }

    /// Lets the apply that waits have the lock.
    pub fn go_on(&self) -> Result<()> {
        self.appliance.sh("systemctl stop holder").map(drop)
    }

    /// Waits until a run has begun there and gives its number.
    pub fn begun(&self) -> Result<String> {
        let script = format!("ls -d {REMOTE}/runs/*/output 2>/dev/null | tail -n 1 | cut -d / -f 7");
        let mut found = String::new();
        until("a run begins", || {
            found = self.appliance.sh(&script)?.trim().to_owned();
            Ok(!found.is_empty())
        })?;
        Ok(found)
    }

    /// How many runs the machine knows.
    pub fn runs(&self) -> Result<usize> {
        let count = self.appliance.sh(&format!("ls {REMOTE}/runs | wc -l"))?;
        Ok(count.trim().parse()?)
    }
}

/// A program on this host, ended with its test. What it says can be read while it runs.
#[derive(Debug)]
pub struct Running {
    /// The program.
    pub child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

static STARTED: AtomicUsize = AtomicUsize::new(0);

impl Running {
    /// Starts a program whose output goes to files in this directory.
    pub fn start(mut command: Command, directory: &Path) -> Result<Self> {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let place = |name: &str| directory.join(format!("{name}-{number}"));
        let (stdout, stderr) = (place("stdout"), place("stderr"));
        let child = command
            .env("TMPDIR", directory)
            .stdout(std::fs::File::create_new(&stdout)?)
            .stderr(std::fs::File::create_new(&stderr)?)
            .spawn()?;
        Ok(Self {
            child,
            stdout,
            stderr,
        })
    }

    /// Waits for its end.
    pub fn end(mut self) -> Result<Output> {
        let mut status = None;
        until("it ends", || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })?;
        let raw = std::fs::read(&self.stdout)?;
        Ok(Output {
            status: status.and_then(|status| status.code()).unwrap_or(-1),
            stdout: String::from_utf8_lossy(&raw).into_owned(),
            stderr: std::fs::read_to_string(&self.stderr)?,
            raw,
        })
    }

    /// Waits until it has said something this many times on standard error, and tells when that was.
    pub fn says(&self, words: &str, times: usize) -> Result<Instant> {
        until(words, || {
            Ok(std::fs::read_to_string(&self.stderr)?.matches(words).count() >= times)
        })?;
        Ok(Instant::now())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) -> Result<()> {
        kill(signal, self.child.id())
    }

    /// The ssh that holds the connection: the child with a socket of its own.
    pub fn master(&self) -> Result<u32> {
        let list = self.children()?;
        let line = list.lines().find(|line| line.contains(" -M -S "));
        let line = line.with_context(|| format!("no connection among {list}"))?;
        Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
    }

    /// Waits until it listens to a run.
    pub fn follows(&self) -> Result<()> {
        until("it follows a run", || {
            Ok(self.children()?.contains(" remote-side follow "))
        })
    }

    fn children(&self) -> Result<String> {
        let list = Command::new("ps")
            .args(["-ww", "-o", "pid=,args=", "--ppid", &self.child.id().to_string()])
            .output()?;
        Ok(String::from_utf8_lossy(&list.stdout).into_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub fn until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        ensure!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Sends a signal to a process of this host.
pub fn kill(signal: &str, pid: u32) -> Result<()> {
    let done = Command::new("kill").args([signal, &pid.to_string()]).status()?;
    ensure!(done.success(), "kill {signal} {pid}");
    Ok(())
}

/// Writes a file of this host's.
pub fn put(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let _ = std::fs::remove_file(path);
    std::fs::File::create_new(path)?.write_all(text.as_bytes())?;
    Ok(())
}
