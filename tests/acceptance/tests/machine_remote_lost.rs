//! Issue 3, targets: a connection lost in the middle neither stops nor repeats anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says where"
)]

use std::time::{Duration, Instant};

use acceptance::container_fixture::{ADMIN, lines_of_json};
use acceptance::operator::{Operator, REMOTE, kill, until};
use anyhow::{Context, Result};

/// Events of an apply, without what differs from run to run.
fn events(text: &str) -> Vec<String> {
    lines_of_json(text)
        .iter()
        .map(|line| format!("{} {} {}", line["event"], line["target"], line["steps"]))
        .collect()
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
        listed.stdout.starts_with(&id)
            && listed
                .stdout
                .ends_with("  exit 0    apply --yes --json --await-confirmation\n"),
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
