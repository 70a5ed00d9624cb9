//! Issue 3, targets: the same command on another machine over SSH, with the same words and the same exit code. What is
//! wrong with a machine, or with the way to it, is told before anything on it changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says where"
)]

use std::process::{Command, Stdio};

use acceptance::container_fixture::{ADMIN, lines_of_json, nothing_wrong, quoted};
use acceptance::operator::{Operator, REMOTE, Running, put};
use anyhow::{Context, Result, ensure};
use image::Output;

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

    // This shuts root out of new connections: the one that is there carries on, and an administrator's confirms.
    let applied = operator.run("root", &["apply", "--yes", "--json"])?;
    let confirmed = format!(
        "alice@{} can still be reached by a new connection: confirmed\n",
        operator.appliance.address()
    );
    assert_eq!(
        (applied.status, applied.stderr),
        (0, confirmed),
        "nothing is copied twice"
    );
    let last = lines_of_json(&applied.stdout).pop().context("the last event")?;
    assert_eq!(last["event"], "converged");
    // Two refusals come from this address, which fail2ban would shut out; it has a test of its own.
    operator
        .appliance
        .sh("fail2ban-client set sshd addignoreip 10.0.0.0/8")?;
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

#[test]
fn without_systemd_a_run_outlives_whoever_started_it() -> Result<()> {
    let operator = Operator::at_a_fresh_machine()?;
    let request = serde_json::json!({ "coloured": "neither", "files": {}, "words": [{ "plain": "schema" }] });
    operator
        .appliance
        .write("/root/request", request.to_string().as_bytes(), 0o600)?;
    let (id, path) = ("00000000000000bb", format!("{REMOTE}/runs/00000000000000bb"));
    operator.appliance.sh(&format!(
        "unshare --mount sh -c 'mount -t tmpfs none /run/systemd; appliance remote-side start {id} < /root/request'; \
         until [ -e {path}/exit ]; do sleep 0.05; done"
    ))?;
    let said = operator.appliance.sh(&format!(
        "cat {path}/exit; appliance remote-side follow {id} --from 0"
    ))?;
    assert!(said.starts_with("0\n") && said.contains("\"$schema\""), "{said}");
    let unit = operator.appliance.try_sh(&format!(
        "journalctl -q --no-pager -u appliance-remote-{id} | grep ."
    ))?;
    assert!(!unit.success(), "{unit:?}");
    Ok(())
}
