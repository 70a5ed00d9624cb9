//! Issue 3, targets: the same command on another machine over SSH. A lost connection neither stops nor repeats
//! anything, and what is wrong with a machine is told before anything on it changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says where"
)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::container_fixture::{ADMIN, Appliance, lines_of_json, nothing_wrong, programs, quoted};
use anyhow::{Context, Result, ensure};
use image::Output;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(150);
const REMOTE: &str = "/var/lib/data-analyst/remote";

/// Somebody at another machine, with a key and a file of known hosts of their own.
struct Operator {
    appliance: Appliance,
    directory: PathBuf,
}

impl Operator {
    /// Root may log in with the administrator's key, as on a fresh machine of a cloud.
    fn at_a_fresh_machine() -> Result<Self> {
        let mut appliance = Appliance::unapplied()?;
        let directory = appliance.machine().directory().to_owned();
        let key = std::fs::read_to_string(directory.join(format!("{ADMIN}.pub")))?;
        appliance.sh("mkdir -p -m 0700 /root/.ssh && systemctl start ssh")?;
        appliance.write("/root/.ssh/authorized_keys", key.as_bytes(), 0o600)?;
        let operator = Self { appliance, directory };
        operator.know_the_host("ssh_config", "known_hosts")?;
        Ok(operator)
    }

    fn know_the_host(&self, config: &str, known: &str) -> Result<()> {
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
    fn command(&self, user: &str, words: &[&str]) -> Result<Command> {
        self.command_to(&format!("{user}@{}", self.appliance.address()), words)
    }

    fn command_to(&self, there: &str, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(programs()?.join("appliance"));
        command.args(words).args(["--on", there]);
        if !words.contains(&"--ssh-config") {
            command.arg("--ssh-config").arg(self.directory.join("ssh_config"));
        }
        if !words.contains(&"--identity") {
            command.arg("--identity").arg(self.appliance.private_key(ADMIN));
        }
        command
            .env("TMPDIR", &self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    fn run(&self, user: &str, words: &[&str]) -> Result<Output> {
        Running(self.command(user, words)?.spawn()?).end()
    }

    fn start(&self, user: &str, words: &[&str]) -> Result<Running> {
        Ok(Running(self.command(user, words)?.spawn()?))
    }

    /// Keeps every apply waiting until [`Self::go_on`].
    fn hold_the_lock(&self) -> Result<()> {
        self.appliance.sh(
            "mkdir -p -m 0755 /run/lock/data-analyst; rm -f /run/held; \
             systemd-run --quiet --unit=holder flock /run/lock/data-analyst/provision.lock sh -c 'touch /run/held; sleep infinity'; \
             until [ -e /run/held ]; do sleep 0.05; done",
        )?;
        Ok(())
    }

    fn go_on(&self) -> Result<()> {
        self.appliance.sh("systemctl stop holder").map(drop)
    }

    /// Waits until a run has begun there and gives its number.
    fn begun(&self) -> Result<String> {
        let script = format!("ls -d {REMOTE}/runs/*/output 2>/dev/null | tail -n 1 | cut -d / -f 7");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.appliance.sh(&script)?.trim().to_owned();
            if !found.is_empty() {
                return Ok(found);
            }
            ensure!(Instant::now() < deadline, "no run has begun");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn runs(&self) -> Result<usize> {
        let count = self.appliance.sh(&format!("ls {REMOTE}/runs | wc -l"))?;
        Ok(count.trim().parse()?)
    }
}

/// A program on this host, ended with its test.
struct Running(Child);

impl Running {
    fn end(mut self) -> Result<Output> {
        let stdout = self.0.stdout.take().map(read_all);
        let stderr = self.0.stderr.take().map(read_all);
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.0.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        let bytes = |reader: Option<std::thread::JoinHandle<Vec<u8>>>| {
            reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
        };
        let raw = bytes(stdout);
        Ok(Output {
            status: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&raw).into_owned(),
            stderr: String::from_utf8_lossy(&bytes(stderr)).into_owned(),
            raw,
        })
    }

    fn signal(&self, signal: &str) -> Result<()> {
        kill(signal, self.0.id())
    }

    /// The ssh that holds the connection: the child with a socket of its own.
    fn master(&self) -> Result<u32> {
        let list = Command::new("ps")
            .args(["-o", "pid=,args=", "--ppid", &self.0.id().to_string()])
            .output()?;
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let line = list.lines().find(|line| line.contains(" -M -S "));
        let line = line.with_context(|| format!("no connection among {list}"))?;
        Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn kill(signal: &str, pid: u32) -> Result<()> {
    let done = Command::new("kill").args([signal, &pid.to_string()]).status()?;
    ensure!(done.success(), "kill {signal} {pid}");
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let _ = std::fs::remove_file(path);
    std::fs::File::create_new(path)?.write_all(text.as_bytes())?;
    Ok(())
}

/// Events of an apply, without what differs from run to run.
fn events(text: &str) -> Vec<String> {
    lines_of_json(text)
        .iter()
        .map(|line| format!("{} {} {}", line["event"], line["target"], line["steps"]))
        .collect()
}

/// Two outputs that should be alike: the first line that is not.
fn alike(what: &[&str], there: &Output, here: &Output) -> Result<()> {
    // `verify` counts files, and a run leaves some.
    let plain = |text: &str| match what[0] {
        "verify" => text.replace(|c: char| c.is_ascii_digit(), "0"),
        _ => text.to_owned(),
    };
    for (there, here) in [(&there.stdout, &here.stdout), (&there.stderr, &here.stderr)] {
        let (there, here) = (plain(there), plain(here));
        let differs = there
            .lines()
            .zip(here.lines())
            .find(|(there, here)| there != here);
        ensure!(
            there == here,
            "{what:?}: {differs:?} of {} and {} bytes",
            there.len(),
            here.len()
        );
    }
    ensure!(
        there.status == here.status,
        "{what:?}: {} and {}",
        there.status,
        here.status
    );
    Ok(())
}

#[test]
fn a_fresh_machine_is_applied_from_elsewhere_and_all_is_as_it_is_there() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    // Where the program is copied to; a plan that is made afterwards does not have it.
    operator.appliance.sh("mkdir -m 0700 /var/lib/data-analyst")?;
    let here = operator.appliance.appliance(&["plan"])?;
    let mut there = operator.run("root", &["plan"])?;
    let copying = there.stderr.clone();
    assert!(
        copying.starts_with("copying this program (") && copying.lines().count() == 1,
        "{copying}"
    );
    there.stderr.clear();
    alike(&["plan"], &there, &here)?;
    assert_eq!(there.status, 10);

    // The last step but a few shuts root out of new connections: the one that is there carries on.
    let applied = operator.run("root", &["apply", "--yes", "--json"])?;
    assert_eq!(
        (applied.status, applied.stderr.as_str()),
        (0, ""),
        "nothing is copied twice"
    );
    let last = events(&applied.stdout).pop().unwrap_or_default();
    assert!(last.contains("converged"), "{last}");
    let refused = operator.run("root", &["plan"])?;
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("does not let this account or key in"),
        "{}",
        refused.stderr
    );

    // An administrator with sudo, and every flag.
    for words in [
        &["plan"][..],
        &["plan", "--json"],
        &["plan", "--only", "ssh,sudoers", "--color", "always"],
        &["apply", "--yes"],
        &["verify"],
    ] {
        alike(
            words,
            &operator.run(ADMIN, words)?,
            &operator.appliance.appliance(words)?,
        )?;
    }
    let stats = operator.run(ADMIN, &["apply", "--yes", "--stats"])?;
    assert!(
        stats.stdout.contains(" ms, ") && stats.stdout.contains("1 round"),
        "{}",
        stats.stdout
    );

    // What is left there: one program, root's alone, and the last ten runs.
    let look = format!("stat -c '%a %U %n' {REMOTE} {REMOTE}/bin/*/appliance; ls {REMOTE}/bin | wc -l");
    let found = operator.appliance.sh(&look)?;
    assert!(
        found.starts_with("700 root ") && found.contains("\n755 root ") && found.ends_with("\n1\n"),
        "{found}"
    );
    for _ in 0..4 {
        operator.run(ADMIN, &["plan", "--only", "ssh"])?;
    }
    assert_eq!(operator.runs()?, 10);
    Ok(())
}
