//! A saved plan tells what moved since, and tells nothing about secrets.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

mod common;

use common::{Machine, appliance};
use plan::{Fingerprint, Record, Salt, SavedPlan, SavedPlanError};
use proptest::prelude::*;

const SALT: Salt = Salt::new([7; 32]);

fn of(machine: &Machine, admins: &[&str]) -> Fingerprint {
    let appliance = appliance(admins);
    let tree = common::tree(&appliance);
    let facts = machine.facts(&appliance, &tree);
    let plan = plan::plan(&appliance, &tree, &facts, &[]);
    Fingerprint::of(&facts, &plan, &tree, SALT)
}

fn saved(machine: &Machine) -> SavedPlan {
    let plan = machine.planned(&appliance(&["alice"]));
    let records = plan
        .steps
        .iter()
        .zip(1..)
        .map(|(step, id)| Record::of_step(id, step))
        .collect();
    let fingerprint = of(machine, &["alice"]);
    SavedPlan::new(
        "2026-01-02T03:04:05Z".to_owned(),
        Vec::new(),
        "d".to_owned(),
        fingerprint,
        records,
    )
}

#[test]
fn a_machine_that_nobody_touched_has_not_moved() {
    let machine = Machine::new();
    machine.write("/etc/hosts", "127.0.0.1 localhost\n");
    let before = of(&machine, &["alice"]);
    // Another inode with other times, and the same in all that counts.
    machine.write("/etc/hosts.new", "127.0.0.1 localhost\n");
    std::fs::rename(machine.at("/etc/hosts.new"), machine.at("/etc/hosts")).unwrap();
    let moved = before.difference(&of(&machine, &["alice"]));
    assert!(moved.is_empty(), "{moved:?}");
}

/// What happens, how, and by which name it is told.
type Case = (&'static str, fn(&Machine), &'static str);

#[test]
fn what_moved_is_named() {
    let cases: [Case; 6] = [
        (
            "a text",
            |machine| machine.write("/etc/hosts", "::1 elsewhere\n"),
            "content /etc/hosts",
        ),
        (
            "a directory",
            |machine| machine.directory("/opt/data-analyst"),
            "inode /opt/data-analyst",
        ),
        (
            "a user",
            |machine| machine.write("/etc/passwd", "eve:x:3000:3000::/:/bin/sh\n"),
            "accounts passwd",
        ),
        (
            "a package",
            |machine| {
                machine.write(
                    "/var/lib/dpkg/status",
                    "Package: sl\nStatus: install ok installed\nVersion: 1\n",
                )
            },
            "package sl",
        ),
        (
            "the name",
            |machine| machine.write("/etc/hostname", "other\n"),
            "hostname",
        ),
        (
            "a secret",
            |machine| machine.write("/opt/data-analyst/.env", "WEBAPP_SECRET_KEY=x\n"),
            "content /opt/data-analyst/.env",
        ),
    ];
    for (what, change, name) in cases {
        let machine = Machine::new();
        machine.write("/etc/hosts", "127.0.0.1 localhost\n");
        let before = of(&machine, &["alice"]);
        change(&machine);
        let moved = before.difference(&of(&machine, &["alice"]));
        assert!(moved.iter().any(|moved| moved == name), "{what}: {moved:?}");
    }
    let machine = Machine::new();
    let moved = of(&machine, &["alice"]).difference(&of(&machine, &["alice", "bob"]));
    let definition = "the definition, the instance or a secret";
    assert!(
        moved.contains(&definition.to_owned()) && moved.contains(&"what is to be done".to_owned()),
        "{moved:?}"
    );
}

#[test]
fn a_digest_of_a_secret_cannot_be_guessed_from_the_secret() {
    let machine = Machine::new();
    machine.write("/opt/data-analyst/.env", "WEBAPP_SECRET_KEY=x\n");
    let appliance = appliance(&["alice"]);
    let tree = common::tree(&appliance);
    let facts = machine.facts(&appliance, &tree);
    let printed = |salt| {
        let fingerprint = Fingerprint::of(&facts, &plan::Plan::default(), &tree, Salt::new(salt));
        serde_json::to_value(fingerprint).unwrap()["facts"]["content /opt/data-analyst/.env"].to_string()
    };
    assert_ne!(printed([1; 32]), printed([2; 32]));
    let plain = host::facts::Digest::of(b"WEBAPP_SECRET_KEY=x\n").to_string();
    assert!(!plain.starts_with(printed([1; 32]).trim_matches('"')));
}

#[test]
fn a_saved_plan_comes_back() {
    let plan = saved(&Machine::new());
    assert!(!plan.records.is_empty());
    assert_eq!(SavedPlan::parse(&plan.print()).unwrap(), plan);
    assert_eq!(SavedPlan::parse(&plan.print()).unwrap().print(), plan.print());
}

#[test]
fn damaged_and_foreign_files_are_refused_each_with_its_reason() {
    let bytes = saved(&Machine::new()).print();
    assert!(matches!(
        SavedPlan::parse(&bytes[..bytes.len() / 2]),
        Err(SavedPlanError::Damaged(_))
    ));
    let text = String::from_utf8(bytes).unwrap();
    let broken = text.replace("\"salt\": \"0707", "\"salt\": \"07");
    assert!(matches!(
        SavedPlan::parse(broken.as_bytes()),
        Err(SavedPlanError::Damaged(_))
    ));
    let later = text.replacen("\"version\": 1", "\"version\": 8", 1);
    assert_eq!(
        SavedPlan::parse(later.as_bytes()),
        Err(SavedPlanError::Version(8))
    );
    for foreign in [
        "",
        "{}",
        "[1]",
        "#!/bin/sh\n",
        r#"{"kind": "receipt", "version": 1}"#,
    ] {
        assert_eq!(
            SavedPlan::parse(foreign.as_bytes()),
            Err(SavedPlanError::Foreign),
            "{foreign}"
        );
    }
    let error = SavedPlan::parse(b"x").unwrap_err().to_string();
    assert!(error.contains("\n    next: "), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = SavedPlan::parse(&bytes);
    }
}
