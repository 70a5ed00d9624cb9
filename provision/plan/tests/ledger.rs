//! What is remembered of what we created, and how it is read back.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

mod common;

use common::{Machine, appliance, path, tree};
use plan::{Change, LEDGER, Ledger, LedgerError};
use proptest::prelude::*;
use serde_json::{Value, json};

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9]{0,8}"
}

fn node() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[0-9a-f]{64}".prop_map(|digest| json!({"kind": "file", "area": "settings", "sha256": digest})),
        Just(json!({"kind": "file", "area": "ssh"})),
        "[ -~]{1,20}".prop_map(|target| json!({"kind": "link", "area": "units", "target": target})),
        Just(json!({"kind": "directory", "area": "homes", "seen_by": "a later program"})),
    ]
}

fn ledger() -> impl Strategy<Value = Value> {
    let paths = prop::collection::btree_map(word().prop_map(|word| format!("/etc/{word}")), node(), 0..6);
    let users = prop::collection::btree_map(
        word(),
        any::<bool>().prop_map(|retired| json!({ "retired": retired })),
        0..4,
    );
    let groups = prop::collection::btree_set(word(), 0..4);
    let members = prop::collection::btree_map(word(), prop::collection::btree_set(word(), 1..3), 0..3);
    (paths, users, groups, members, any::<bool>(), word()).prop_map(
        |(paths, users, groups, members, converged, word)| {
            json!({
                "version": 1, "converged": converged, "paths": paths, "users": users, "groups": groups,
                "members": members, "packages": ["nginx"], "kernel": ["vm.swappiness"], "later": {word: [1, "x"]},
            })
        },
    )
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back_and_unknown_fields_stay(value in ledger()) {
        let ledger = Ledger::parse(value.to_string().as_bytes()).unwrap();
        let printed = ledger.print();
        prop_assert_eq!(printed.last(), Some(&b'\n'));
        prop_assert_eq!(&Ledger::parse(&printed).unwrap(), &ledger);
        prop_assert_eq!(serde_json::from_slice::<Value>(&printed).unwrap(), value);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Ledger::parse(&bytes);
    }
}

#[test]
fn what_is_no_ledger_is_refused_with_the_reason() {
    let digest = "0".repeat(64);
    for (text, reason) in [
        ("", "cannot be understood"),
        ("[]", "cannot be understood"),
        ("{}", "missing field `version`"),
        (r#"{"version": 0}"#, "never a version 0"),
        (r#"{"version": 2, "paths": 7}"#, "has the version 2"),
        (r#"{"version": 1, "paths": 7}"#, "invalid type"),
        (
            r#"{"version": 1, "paths": {"etc/x": {"kind": "directory", "area": "ssh"}}}"#,
            "is not absolute",
        ),
        (
            r#"{"version": 1, "paths": {"/x": {"kind": "socket", "area": "ssh"}}}"#,
            "unknown variant",
        ),
        (
            r#"{"version": 1, "paths": {"/x": {"kind": "link", "area": "ssh"}}}"#,
            "a link has no target",
        ),
        (
            r#"{"version": 1, "paths": {"/x": {"kind": "directory", "area": "ssh", "target": "y"}}}"#,
            "a field of another kind",
        ),
        (
            r#"{"version": 1, "paths": {"/x": {"kind": "file", "area": "ssh", "sha256": "abc"}}}"#,
            "64 hexadecimal digits",
        ),
        (
            &format!(
                r#"{{"version": 1, "paths": {{"/x": {{"kind": "file", "area": "sky", "sha256": "{digest}"}}}}}}"#
            ),
            "unknown variant",
        ),
        (r#"{"version": 1, "users": {"root:0": {}}}"#, "user name"),
        (r#"{"version": 1, "groups": [3]}"#, "invalid type"),
        (r#"{"version": 1, "converged": "yes"}"#, "invalid type"),
        (&"[".repeat(100_000), "cannot be understood"),
    ] {
        let error = Ledger::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{text:.60}: {error}");
    }
    let much = vec![b' '; (8 << 20) + 1];
    assert_eq!(Ledger::parse(&much), Err(LedgerError::TooLarge(much.len())));
}

#[test]
fn what_a_plan_creates_is_intended_and_what_was_there_is_not() {
    let appliance = appliance(&["alice"]);
    let machine = Machine::new();
    machine.write("/etc/nftables.conf", "# Debian's\n");
    let plan = machine.planned(&appliance);
    let ledger = Ledger::default().intending(&plan);
    assert!(ledger.has_path(&path("/etc/systemd/system/webapp.service")));
    assert!(ledger.has_path(&path("/home/alice")));
    assert!(
        !ledger.has_path(&path("/etc/nftables.conf")),
        "it was there before us"
    );
    assert!(
        !ledger.has_path(&path("/etc/hosts")),
        "only some of its lines are ours"
    );
    assert!(!ledger.converged);
    let printed = String::from_utf8(ledger.print()).unwrap();
    for word in ["\"alice\"", "\"data-ops\"", "\"nginx\""] {
        assert!(printed.contains(word), "{word}");
    }
}

#[test]
fn a_secret_leaves_no_digest() {
    let appliance = appliance(&["alice"]);
    let machine = Machine::new();
    let mut plan = machine.planned(&appliance);
    let path = path("/opt/data-analyst/config/webapp.env");
    for step in &mut plan.steps {
        if let Change::WriteFile {
            path: at, content, ..
        } = &mut step.change
            && *at == path
        {
            content.secret = true;
        }
    }
    let printed = Ledger::default().intending(&plan).print();
    let value: Value = serde_json::from_slice(&printed).unwrap();
    assert_eq!(
        value["paths"][path.as_str()],
        json!({"kind": "file", "area": "settings"})
    );
}

#[test]
fn settling_keeps_what_is_defined_or_still_there() {
    let appliance = appliance(&["alice"]);
    let machine = Machine::new();
    let ledger = Ledger::default().intending(&machine.planned(&appliance));
    let mut value: Value = serde_json::from_slice(&ledger.print()).unwrap();
    for (name, node) in [
        ("/opt/left", json!({"kind": "directory", "area": "settings"})),
        ("/opt/gone", json!({"kind": "directory", "area": "settings"})),
    ] {
        value["paths"][name] = node;
    }
    let ledger = Ledger::parse(value.to_string().as_bytes()).unwrap();
    machine.keep(&ledger);
    machine.directory("/opt/left");
    let tree = tree(&appliance);
    let settled = ledger.settled(&tree, &machine.facts(&appliance, &tree));
    assert!(settled.converged);
    assert!(settled.has_path(&path("/opt/left")), "it is still there");
    assert!(!settled.has_path(&path("/opt/gone")), "nothing is there");
    assert!(settled.has_path(&path("/home/alice")), "it is defined");
    assert_eq!(settled.settled(&tree, &machine.facts(&appliance, &tree)), settled);
    // Accounts are not in this tree, so no run made them.
    assert!(!String::from_utf8(settled.print()).unwrap().contains("\"alice\""));
    assert!(settled.intending(&plan::Plan::default()).converged);
}

#[test]
fn a_damaged_ledger_is_the_empty_one_and_is_told() {
    let appliance = appliance(&["alice"]);
    for (text, mode, reason) in [
        ("{", 0o600, "cannot be understood"),
        (r#"{"version": 9}"#, 0o600, "has the version 9"),
        (r#"{"version": 1}"#, 0o666, "others than root"),
    ] {
        let machine = Machine::new();
        machine.write(LEDGER, text);
        std::fs::set_permissions(
            machine.at(LEDGER),
            std::os::unix::fs::PermissionsExt::from_mode(mode),
        )
        .unwrap();
        let tree = tree(&appliance);
        let facts = machine.facts(&appliance, &tree);
        assert_eq!(Ledger::of(&facts), Ledger::default());
        let plan = plan::plan(&appliance, &tree, &facts, &[]);
        let notice = plan
            .notices
            .iter()
            .find(|notice| notice.target == LEDGER)
            .unwrap();
        assert!(notice.text.contains(reason), "{}", notice.text);
    }
}
