//! Issue 3, targets: the same command on another machine over SSH. A lost connection neither stops nor repeats
//! anything, and what is wrong with a machine is told before anything on it changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says where"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
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
        command.stdin(Stdio::null());
        Ok(command)
    }

    fn run(&self, user: &str, words: &[&str]) -> Result<Output> {
        self.start(user, words)?.end()
    }

    fn start(&self, user: &str, words: &[&str]) -> Result<Running> {
        Running::start(self.command(user, words)?, &self.directory)
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
        let mut found = String::new();
        until("a run begins", || {
            found = self.appliance.sh(&script)?.trim().to_owned();
            Ok(!found.is_empty())
        })?;
        Ok(found)
    }

    fn runs(&self) -> Result<usize> {
        let count = self.appliance.sh(&format!("ls {REMOTE}/runs | wc -l"))?;
        Ok(count.trim().parse()?)
    }
}

/// A program on this host, ended with its test. What it says can be read while it runs.
struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

static STARTED: AtomicUsize = AtomicUsize::new(0);

impl Running {
    fn start(mut command: Command, directory: &Path) -> Result<Self> {
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

    fn end(mut self) -> Result<Output> {
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
    fn says(&self, words: &str, times: usize) -> Result<Instant> {
        until(words, || {
            Ok(std::fs::read_to_string(&self.stderr)?.matches(words).count() >= times)
        })?;
        Ok(Instant::now())
    }

    fn signal(&self, signal: &str) -> Result<()> {
        kill(signal, self.child.id())
    }

    /// The ssh that holds the connection: the child with a socket of its own.
    fn master(&self) -> Result<u32> {
        let list = self.children()?;
        let line = list.lines().find(|line| line.contains(" -M -S "));
        let line = line.with_context(|| format!("no connection among {list}"))?;
        Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
    }

    fn follows(&self) -> Result<()> {
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

fn until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        ensure!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
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
        stats.stdout.contains(" ms, ") && stats.stdout.contains("started"),
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

#[test]
fn a_connection_that_is_killed_is_made_again_and_the_run_happens_once() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    operator.hold_the_lock()?;
    let running = operator.start("root", &["apply", "--yes", "--json"])?;
    let id = operator.begun()?;
    // Once from this side, once from the other.
    kill("-KILL", running.master()?)?;
    running.says("connected to root@", 1)?;
    operator.appliance.sh("pkill -KILL -f '[s]shd: root'")?;
    running.says("connected to root@", 2)?;
    operator.go_on()?;
    let done = running.end()?;
    assert_eq!(done.status, 0, "{}", done.stderr);
    assert_eq!(
        done.stderr.matches("connected to root@").count(),
        2,
        "{}",
        done.stderr
    );
    assert_eq!(operator.runs()?, 1);
    let told = events(&done.stdout);
    let count = |what: &str| told.iter().filter(|event| event.contains(what)).count();
    assert_eq!((count("converged"), count("\"failed\"")), (1, 0));
    assert_eq!(count("started"), count("\"done\""));
    // As many changes were told as were made.
    let made = lines_of_json(&done.stdout).pop().context("the last event")?["steps"].as_u64();
    assert_eq!(made, Some(count("\"done\"") as u64));

    // Whoever comes later hears the same from the beginning.
    let again = operator.run(ADMIN, &["attach", &id])?;
    assert_eq!((again.status, events(&again.stdout)), (0, told));
    let listed = operator.run(ADMIN, &["attach"])?;
    assert!(
        listed.stdout.starts_with(&id) && listed.stdout.ends_with("  exit 0    apply --yes --json\n"),
        "{listed:?}"
    );
    Ok(())
}

#[test]
fn packets_that_are_lost_are_noticed_and_a_busy_machine_says_so() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    operator.hold_the_lock()?;
    let running = operator.start("root", &["apply", "--yes"])?;
    operator.begun()?;
    let cut = Instant::now();
    operator.appliance.sh(
        "nft 'add table inet cut; add chain inet cut in { type filter hook input priority -10; policy drop; }; \
         add rule inet cut in iifname lo accept'",
    )?;
    let noticed = running.says("trying to connect again", 1)?;
    assert!(noticed - cut < Duration::from_secs(30), "{:?}", noticed - cut);
    // Meanwhile the run gave up waiting for the lock, as it would have done with somebody listening.
    std::thread::sleep(Duration::from_secs(31).saturating_sub(cut.elapsed()));
    operator.appliance.sh("nft delete table inet cut")?;
    let done = running.end()?;
    assert_eq!(done.status, 75, "{}", done.stderr);
    assert!(
        done.stderr.contains("error: another run is at work"),
        "{}",
        done.stderr
    );
    assert_eq!(operator.runs()?, 1);
    operator.go_on()
}

#[test]
fn a_client_that_is_killed_or_lets_go_stops_nothing() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    operator.hold_the_lock()?;
    let killed = operator.start("root", &["apply", "--yes", "--json"])?;
    let id = operator.begun()?;
    let held = killed.master()?;
    killed.signal("-KILL")?;
    drop(killed);
    // Its connection goes with it.
    until("the connection of a killed client ends", || {
        let stat = std::fs::read_to_string(format!("/proc/{held}/stat")).unwrap_or_default();
        Ok(stat.is_empty() || stat.contains(") Z "))
    })?;
    let listed = operator.run("root", &["attach", "--json"])?;
    let listed = lines_of_json(&listed.stdout);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["running"]),
        (&id.clone().into(), &true.into())
    );

    // The second Ctrl-C lets go; the first one has asked the run to stop once it has the lock.
    let attached = operator.start("root", &["attach", &id])?;
    attached.follows()?;
    attached.signal("-INT")?;
    attached.says("asking it to stop after the step at hand", 1)?;
    operator.appliance.sh(&format!(
        "until [ -e {REMOTE}/runs/{id}/stop ]; do sleep 0.05; done"
    ))?;
    attached.signal("-INT")?;
    let left = attached.end()?;
    assert_eq!((left.status, left.stdout.as_str()), (130, ""));
    assert!(
        left.stderr.contains(&format!("run {id} goes on")),
        "{}",
        left.stderr
    );
    assert!(
        left.stderr.contains("next: appliance attach --on root@"),
        "{}",
        left.stderr
    );

    let attached = operator.start("root", &["attach", &id])?;
    operator.go_on()?;
    let ended = attached.end()?;
    assert_eq!(ended.status, 130, "{}", ended.stderr);
    assert!(ended.stderr.contains("stopped on request"), "{}", ended.stderr);
    let unknown = operator.run("root", &["attach", "0123456789abcdef"])?;
    assert_eq!(unknown.status, 1);
    assert!(
        unknown.stderr.contains("there is no run 0123456789abcdef here"),
        "{}",
        unknown.stderr
    );
    Ok(())
}

#[test]
fn patience_ends_with_the_way_to_go_on() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    operator.hold_the_lock()?;
    let running = operator.start("root", &["apply", "--yes", "--patience", "3s"])?;
    let id = operator.begun()?;
    operator
        .appliance
        .sh("systemctl stop ssh; pkill -KILL -f '[s]shd: root'")?;
    let lost = running.end()?;
    assert_eq!(lost.status, 1);
    assert!(
        lost.stderr
            .contains(&format!("run {id} goes on there, or has ended there")),
        "{}",
        lost.stderr
    );
    assert!(
        lost.stderr.contains(&format!(" {id}\n")) && lost.stderr.contains("next: appliance attach"),
        "{}",
        lost.stderr
    );
    operator.appliance.sh("systemctl start ssh")?;
    let attached = operator.start("root", &["attach", &id])?;
    operator.go_on()?;
    let done = attached.end()?;
    assert_eq!(done.status, 0, "{}", done.stderr);
    assert!(done.stdout.ends_with("the machine is as its definition says.\n"));
    Ok(())
}

#[test]
fn a_question_is_asked_here_and_mistakes_are_told_before_anything_is_connected() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    let nobody = operator.run("root", &["apply"])?;
    assert_eq!(nobody.status, 2, "{}", nobody.stderr);
    assert!(
        nobody.stdout.ends_with(" changes to make.\n") && nobody.stderr.contains("nobody is there to ask")
    );
    for (answer, status, last) in [
        ("n", 0, "Nothing was changed."),
        ("y", 0, "the machine is as its definition says."),
    ] {
        let mut command = Command::new("script");
        let inner = operator.command("root", &["apply"])?;
        let words: Vec<String> = std::iter::once(inner.get_program())
            .chain(inner.get_args())
            .map(|word| quoted(&word.to_string_lossy()))
            .collect();
        command.args(["-qec", &words.join(" "), "/dev/null"]);
        command.stdin(Stdio::piped());
        let mut asked = Running::start(command, &operator.directory)?;
        let mut terminal = asked.child.stdin.take().context("a terminal")?;
        std::io::Write::write_all(&mut terminal, format!("{answer}\n").as_bytes())?;
        let done = asked.end()?;
        assert_eq!(done.status, status, "{}", done.stdout);
        assert!(
            done.stdout.trim_end().ends_with(last),
            "{}",
            done.stdout.lines().last().unwrap_or_default()
        );
        drop(terminal);
    }
    let odd = operator.directory.join("a 'b\" $(touch pwned) `id`\n.toml");
    let odd_words = ["plan", "--instance", odd.to_str().unwrap()];
    put(&odd, "instance_name = 7\n")?;
    let wrong = operator.run(ADMIN, &odd_words)?;
    assert_eq!(wrong.status, 2, "{}", wrong.stderr);
    // The machine's own instance file, under an odd name.
    put(
        &odd,
        &operator.appliance.sh("cat /etc/data-analyst/appliance.toml")?,
    )?;
    let sent = operator.run(ADMIN, &odd_words)?;
    assert_eq!((sent.status, sent.stderr.as_str()), (0, ""), "{}", sent.stdout);
    let root = operator.command(ADMIN, &["plan", "--root", "/"])?.output()?;
    assert_eq!(root.status.code(), Some(2));
    Ok(())
}

#[test]
fn words_arrive_unchanged_and_a_start_that_is_asked_for_again_starts_nothing() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    let odd = "a 'b\" $(touch /pwned) `touch /pwned`\n;|&*?~\\ \u{fc}";
    let request = serde_json::json!({
        "coloured": "neither", "files": {},
        "words": [{ "plain": "can" }, { "plain": odd }, { "plain": "read" }, { "plain": "/data" }],
    });
    operator
        .appliance
        .write("/root/request", request.to_string().as_bytes(), 0o600)?;
    let id = "00000000000000aa";
    let start = format!("appliance remote-side start {id} < /root/request");
    // Three at once, and one more when it has ended.
    operator
        .appliance
        .sh(&format!("{start} & {start} & {start}; wait; {start}"))?;
    let said = operator
        .appliance
        .sh(&format!("until [ -e {REMOTE}/runs/{id}/exit ]; do sleep 0.05; done; appliance remote-side follow {id} --from 0"))?;
    let mut wrong = Vec::new();
    let expected = operator.appliance.appliance(&["can", odd, "read", "/data"])?;
    let told = expected.stderr.lines().next().unwrap_or_default().to_owned();
    if !said.contains(&told) || told.is_empty() {
        wrong.push(format!("{said:?} and not {told:?}"));
    }
    let units = operator.appliance.sh(&format!(
        "journalctl --no-pager -o cat -u appliance-remote-{id} | grep -c Started; ls / | grep -c pwned || true"
    ))?;
    if units != "1\n0\n" {
        wrong.push(format!("units and traces: {units:?}"));
    }
    nothing_wrong(&wrong)
}

#[test]
fn what_is_wrong_with_a_machine_or_the_way_to_it_is_told_and_nothing_changes() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    let address = operator.appliance.address();
    operator.appliance.sh(
        "useradd -m -s /bin/bash plain && mkdir -m 0700 ~plain/.ssh && cp /root/.ssh/authorized_keys ~plain/.ssh/ && chown -R plain: ~plain/.ssh",
    )?;
    let config = |name: &str| operator.directory.join(name).display().to_string();
    put(
        &operator.directory.join("strangers"),
        &format!(
            "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n",
            config("nobody")
        ),
    )?;
    operator.know_the_host("changed", "changed_hosts")?;
    let other = std::fs::read_to_string(operator.directory.join("ci.pub"))?;
    put(
        &operator.directory.join("changed_hosts"),
        &format!("{address} {other}"),
    )?;
    let ci = operator.appliance.private_key("ci").display().to_string();
    let (strangers, changed) = (config("strangers"), config("changed"));
    let root = format!("root@{address}");
    let mut wrong = Vec::new();
    for (there, words, status, said) in [
        (
            "root@nowhere.invalid",
            &[][..],
            1,
            "no machine is known by the name nowhere.invalid",
        ),
        (&format!("{root}:1"), &[], 1, "refuses connections"),
        (&root, &["--ssh-config", &strangers], 1, "the host key of"),
        (
            &root,
            &["--ssh-config", &changed],
            1,
            "is not the one that is known here",
        ),
        (
            &root,
            &["--identity", &ci],
            1,
            "does not let this account or key in",
        ),
        (
            &format!("plain@{address}"),
            &[],
            4,
            "is not root, and sudo asks it for a password or forbids it",
        ),
    ] {
        let words: Vec<&str> = ["apply", "--yes"].iter().chain(words).copied().collect();
        let refused = Running::start(operator.command_to(there, &words)?, &operator.directory)?.end()?;
        let told = refused.stderr.starts_with("error: ") && refused.stderr.contains("    next: ");
        if (refused.status, refused.stdout.as_str()) != (status, "")
            || !refused.stderr.contains(said)
            || !told
        {
            wrong.push(format!("{there} {words:?}: {refused:?}"));
        }
    }
    let place = "mkdir -m 0700 -p /var/lib/data-analyst/remote && mount -t tmpfs -o mode=0700";
    for (change, back, status, said) in [
        (
            "printf '#!/bin/sh\necho riscv64\n' > /usr/local/bin/uname; chmod 0755 /usr/local/bin/uname"
                .to_owned(),
            "rm /usr/local/bin/uname".to_owned(),
            4,
            "is riscv64, and this program is for",
        ),
        (
            "cp /etc/os-release /root/kept; sed -i 's/^VERSION_ID=.*/VERSION_ID=\"13\"/' /etc/os-release"
                .to_owned(),
            "cat /root/kept > /etc/os-release".to_owned(),
            4,
            "is debian 13, and this program is for debian 12",
        ),
        (
            format!("{place},size=8m none /var/lib/data-analyst/remote"),
            "umount /var/lib/data-analyst/remote".to_owned(),
            4,
            "MiB free for this program",
        ),
        (
            format!("{place},noexec none /var/lib/data-analyst/remote"),
            "test -z \"$(find /var/lib/data-analyst/remote -type f)\" && umount /var/lib/data-analyst/remote"
                .to_owned(),
            4,
            "this program cannot be run on",
        ),
    ] {
        operator.appliance.sh(&change)?;
        let refused = operator.run("root", &["apply", "--yes"])?;
        operator.appliance.sh(&back)?;
        if refused.status != status
            || !refused.stderr.contains(said)
            || !refused.stderr.contains("    next: ")
        {
            wrong.push(format!("{said}: {refused:?}"));
        }
    }
    assert_eq!(operator.run("root", &["plan", "--only", "ssh"])?.status, 10);
    operator.appliance.sh(&format!(
        "for f in {REMOTE}/bin/*/appliance; do printf x >> $f; done"
    ))?;
    let refused = operator.run("root", &["apply", "--yes"])?;
    if refused.status != 3 || !refused.stderr.contains("is not the program that was put there") {
        wrong.push(format!("changed program: {refused:?}"));
    }
    let journal = operator
        .appliance
        .try_sh("test -e /var/lib/data-analyst/apply.journal")?;
    assert!(!journal.success(), "nothing was applied");
    nothing_wrong(&wrong)
}
