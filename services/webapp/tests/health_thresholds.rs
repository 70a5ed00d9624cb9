//! Each item of `/health` alone turns the whole answer.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop, in its helpers too"
)]

mod common;

use common::{GIB, HOUR, active, now, timer, watched, well};
use webapp::health::machine::{DiskFacts, Load, ServiceFacts, TimerFacts, Unknown};
use webapp::health::report::{Facts, Report};
use webapp::health::watched::{LoadOf, Watched};

fn unwell(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = well();
    change(&mut facts);
    let report = Report::judge(&watched(), &facts);
    let json = String::from_utf8(report.to_json()).unwrap();
    let unwell: Vec<String> = report.unwell().into_iter().map(str::to_owned).collect();
    assert_eq!(
        json.contains("\"status\": \"healthy\""),
        unwell.is_empty(),
        "{json}"
    );
    assert_eq!(
        json.contains("\"status\": \"degraded\""),
        !unwell.is_empty(),
        "{json}"
    );
    unwell
}

fn with_service(facts: ServiceFacts) -> Vec<String> {
    unwell(|all| all.units.as_mut().unwrap().services[1] = facts)
}

fn with_timer(facts: TimerFacts) -> Vec<String> {
    unwell(|all| all.units.as_mut().unwrap().timers[0] = Ok(facts))
}

fn with_disk(at: usize, total: u64, available: u64) -> Vec<String> {
    unwell(|all| all.disks[at] = Ok(DiskFacts::Mounted { total, available }))
}

fn with_load(one: f64, five: f64, fifteen: f64) -> Vec<String> {
    unwell(|all| all.load = Ok(Load { one, five, fifteen }))
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_machine_where_all_is_well_is_healthy() {
    assert_eq!(unwell(|_| {}), NOTHING);
}

#[test]
fn a_service_is_well_only_while_active() {
    for state in ["inactive", "failed", "activating", "deactivating", "reloading"] {
        let facts = ServiceFacts {
            active_state: state.into(),
            ..active()
        };
        assert_eq!(with_service(facts), ["appliance-broker.socket"], "{state}");
    }
}

#[test]
fn a_timer_must_be_active_and_its_last_run_good_and_recent() {
    assert_eq!(
        with_timer(TimerFacts {
            active_state: "inactive".into(),
            ..timer()
        }),
        ["data-sync.timer"]
    );
    assert_eq!(
        with_timer(TimerFacts {
            last_result: "exit-code".into(),
            ..timer()
        }),
        ["data-sync.timer"]
    );
    let ran = |ago| TimerFacts {
        last_run: Some(now() - ago),
        ..timer()
    };
    assert_eq!(with_timer(ran(13 * HOUR)), NOTHING);
    assert_eq!(with_timer(ran(13 * HOUR + HOUR / 3600)), ["data-sync.timer"]);
}

#[test]
fn a_first_run_has_two_intervals_of_time() {
    let never = |active_for| TimerFacts {
        last_run: None,
        active_for,
        ..timer()
    };
    assert_eq!(with_timer(never(21 * HOUR)), NOTHING);
    assert_eq!(with_timer(never(22 * HOUR)), ["data-sync.timer"]);
}

#[test]
fn a_clock_that_was_set_back_makes_no_run_old() {
    assert_eq!(
        with_timer(TimerFacts {
            last_run: Some(now() + HOUR),
            ..timer()
        }),
        NOTHING
    );
}

#[test]
fn a_partition_is_full_at_ninety_percent_as_shown() {
    for (at, name) in ["/", "/data", "/home", "/tmp"].into_iter().enumerate() {
        assert_eq!(with_disk(at, 1000 * GIB, 101 * GIB), NOTHING, "{name}");
        assert_eq!(with_disk(at, 1000 * GIB, 100 * GIB), [name]);
        // 89.96 % reads as 90.0.
        assert_eq!(with_disk(at, 10_000 * GIB, 1_004 * GIB), [name]);
        assert_eq!(with_disk(at, 0, 0), [name]);
        assert_eq!(unwell(|all| all.disks[at] = Ok(DiskFacts::Missing)), [name]);
        assert_eq!(unwell(|all| all.disks[at] = Err(Unknown::TimedOut)), [name]);
    }
}

#[test]
fn the_load_counts_over_one_and_five_minutes() {
    assert_eq!(with_load(3.99, 3.99, 9.0), NOTHING);
    assert_eq!(with_load(4.0, 0.0, 0.0), ["load"]);
    assert_eq!(with_load(0.0, 4.0, 0.0), ["load"]);
    assert_eq!(unwell(|all| all.load = Err(Unknown::Failed)), ["load"]);
}

#[test]
fn without_the_system_bus_only_disabled_units_are_well() {
    let ill = unwell(|all| all.units = Err(Unknown::NoBus));
    assert_eq!(
        ill,
        ["webapp.service", "appliance-broker.socket", "data-sync.timer"]
    );
}

#[test]
fn the_document_of_a_healthy_machine() {
    let json = Report::judge(&watched(), &well()).to_json();
    insta::assert_snapshot!(String::from_utf8(json).unwrap());
}

#[test]
fn the_document_of_a_machine_that_does_not_answer() {
    let mut facts = Facts::unknown(Unknown::TimedOut, now(), HOUR);
    facts.disks[1] = Ok(DiskFacts::Missing);
    let json = Report::judge(&watched(), &facts).to_json();
    insta::assert_snapshot!(String::from_utf8(json).unwrap());
}

#[test]
fn a_load_that_others_share_is_shown_and_does_not_count() {
    let mut all = well();
    all.load = Ok(Load {
        one: 9.0,
        five: 9.0,
        fifteen: 9.0,
    });
    let shared = Watched {
        load: LoadOf::SharedKernel,
        ..watched()
    };
    assert_eq!(Report::judge(&shared, &all).unwell(), NOTHING);
    assert_eq!(Report::judge(&watched(), &all).unwell(), ["load"]);
}
