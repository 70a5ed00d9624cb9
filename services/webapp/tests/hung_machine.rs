//! A machine that does not answer makes its items unknown, and nothing else slow.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop, in its helpers too"
)]

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::{Fake, Portal, well};

#[test]
fn a_hung_disk_is_unknown_costs_one_thread_and_comes_back() {
    let fake = Fake::new(well());
    fake.0.disk_hangs.store(true, Ordering::SeqCst);
    let portal = Portal::start(Some(fake.clone()));
    let reply = portal.health_until(|reply| reply.body.contains("timestamp"));
    assert_eq!(reply.status, 503);
    let disks = &reply.json()["disk"];
    assert_eq!(disks[1]["status"], "unknown");
    assert_eq!(disks[1]["healthy"], false);
    assert_eq!(disks[0]["healthy"], true);
    assert_eq!(reply.json()["load"]["healthy"], true);
    assert_eq!(reply.json()["services"][0]["status"], "active");

    // Two rounds have ended and a third is on: still one question is open.
    portal.pulse.nudge();
    std::thread::sleep(Duration::from_millis(300));
    assert!(fake.0.rounds.load(Ordering::SeqCst) >= 3);
    assert_eq!(fake.0.waiting.load(Ordering::SeqCst), 1);

    let started = Instant::now();
    for _ in 0..100 {
        portal.ask("GET", "/health");
    }
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );

    fake.0.disk_hangs.store(false, Ordering::SeqCst);
    portal.pulse.nudge();
    portal.health_until(|reply| reply.status == 200);
}

#[test]
fn a_system_manager_that_hangs_leaves_the_disks_known() {
    let fake = Fake::new(well());
    fake.0.bus_hangs.store(true, Ordering::SeqCst);
    let portal = Portal::start(Some(fake));
    let reply = portal.health_until(|reply| reply.body.contains("timestamp"));
    let json = reply.json();
    assert_eq!(json["services"][0]["status"], "unknown");
    assert_eq!(json["services"][0]["error"], "no answer within 2 s");
    assert_eq!(json["services"][1]["status"], "disabled");
    assert_eq!(json["timers"][0]["status"], "unknown");
    assert_eq!(json["disk"][1]["healthy"], true);
}

#[test]
fn asking_often_probes_no_more() {
    let fake = Fake::new(well());
    let portal = Portal::start(Some(fake.clone()));
    portal.health_until(|reply| reply.status == 200);
    let before = fake.0.rounds.load(Ordering::SeqCst);
    for _ in 0..500 {
        assert_eq!(portal.ask("GET", "/health").status, 200);
    }
    assert!(fake.0.rounds.load(Ordering::SeqCst) <= before + 1);
}
