use proptest::prelude::*;
use serde_json::json;

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";
const FINGERPRINT: &str = "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA";

fn key() -> Value {
    let key = Key::of(&KEY.parse().expect("a key"));
    json!({"type": key.kind, "fingerprint": key.fingerprint, "line": key.line, "seen_at": "2026-01-01T00:00:00Z"})
}

fn account() -> impl Strategy<Value = Value> {
    let role = prop_oneof![
        Just("standard"),
        Just("privileged"),
        Just("admin"),
        Just("service")
    ];
    let state = prop_oneof![Just("active"), Just("locked"), Just("removed")];
    let removed = prop::option::of(Just("2026-02-01T00:00:00Z"));
    let groups = prop::collection::vec("[a-z_-]{1,8}", 0..3);
    (
        1000u32..60_000,
        "[ -~]{0,12}",
        role,
        state,
        removed,
        groups,
        any::<bool>(),
    )
        .prop_map(|(uid, gecos, role, state, removed, groups, has_key)| {
            json!({
                "uid": uid, "gid": uid, "home": format!("/home/{uid}"), "shell": "/bin/bash", "gecos": gecos,
                "role": role, "groups": groups, "ssh_keys": if has_key { vec![key()] } else { vec![] },
                "state": state, "created_at": "2026-01-01T00:00:00Z", "created_by": "portal:x@example.com",
                "removed_at": removed, "removed_by": removed.map(|_| "root"), "later": {"a": [1, null]},
            })
        })
}

fn fields() -> impl Strategy<Value = Value> {
    let accounts = prop::collection::btree_map("[a-z][a-z0-9]{0,8}", account(), 0..5);
    (accounts, 1u64.., "[a-z]{1,6}").prop_map(|(accounts, generation, word)| {
        let named = accounts.into_iter().map(|(name, mut account)| {
            account["username"] = Value::String(name);
            account
        });
        json!({
            "version": 1, "generation": generation, "written_at": "2026-03-01T10:00:00Z", "next_uid": 60_000,
            "groups": {"dataread": 881, word.clone(): 7}, "accounts": named.collect::<Vec<_>>(), "of_later": {word: true},
        })
    })
}

fn sealed(mut fields: Value) -> Vec<u8> {
    fields[CHECKSUM] = Value::String(checksum(&fields));
    serde_json::to_vec(&fields).expect("JSON")
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back_and_unknown_fields_stay(fields in fields()) {
        let registry = Registry::parse(&sealed(fields.clone())).expect("a registry");
        let printed = registry.print();
        prop_assert_eq!(printed.last(), Some(&b'\n'));
        prop_assert_eq!(&Registry::parse(&printed).expect("reads back"), &registry);
        let mut value: Value = serde_json::from_slice(&printed).expect("JSON");
        prop_assert!(value.as_object_mut().expect("an object").remove(CHECKSUM).is_some());
        prop_assert_eq!(value, fields);
    }

    #[test]
    fn one_changed_byte_is_found(fields in fields(), place: prop::sample::Index, byte in b' '..b'~') {
        let registry = Registry::parse(&sealed(fields)).expect("a registry");
        let mut bytes = registry.print();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(read) = Registry::parse(&bytes) {
            prop_assert_eq!(read, registry, "only a blank may differ");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Registry::parse(&bytes);
    }

    #[test]
    fn whoever_is_added_gets_no_number_twice(fields in fields(), highest in 0u32..59_999) {
        let registry = Registry::parse(&sealed(fields)).expect("a registry");
        let next = registry.with(Vec::new(), highest, "2026-03-02T00:00:00Z");
        prop_assert_eq!(next.generation, registry.generation + 1);
        prop_assert!(next.next_uid > highest && next.next_uid >= registry.next_uid);
        prop_assert_eq!(Registry::parse(&next.print()), Ok(next));
    }
}

#[test]
fn what_is_no_registry_is_refused_with_the_reason() {
    let good = json!({
        "version": 1, "generation": 1, "written_at": "2026-03-01T10:00:00Z", "next_uid": 3000, "groups": {}, "accounts": [],
    });
    assert!(Registry::parse(&sealed(good.clone())).is_ok());
    let person = |name: &str, uid: u32| {
        json!({
            "username": name, "uid": uid, "gid": uid, "home": "/home/x", "shell": "/bin/sh", "gecos": "", "role": "standard",
            "groups": [], "ssh_keys": [], "state": "active", "created_at": "", "created_by": "", "removed_at": null,
            "removed_by": null,
        })
    };
    let mut keyed = person("bob", 2000);
    keyed["ssh_keys"] = json!([{"type": "ssh-ed25519", "fingerprint": "SHA256:another", "line": KEY}]);
    for (field, value, reason) in [
        ("version", json!(2), "has the version 2"),
        ("version", json!("1"), "no version of ours"),
        ("generation", json!(0), "never a generation 0"),
        ("written_at", json!("yesterday"), "is no time"),
        ("next_uid", json!(-1), "cannot be understood"),
        ("groups", json!([]), "cannot be understood"),
        ("accounts", json!([{"username": "bob"}]), "missing field"),
        ("accounts", json!([person("..", 2000)]), "user name"),
        (
            "accounts",
            json!([person("bob", 2000), person("bob", 2001)]),
            "`bob` stands there twice",
        ),
        (
            "accounts",
            json!([person("bob", 2000), person("ann", 2001)]),
            "or not in its order",
        ),
        ("accounts", json!([person("bob", 3000)]), "`next_uid` is 3000"),
        ("accounts", json!([keyed]), "is not what it says"),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let error = Registry::parse(&sealed(bad)).expect_err(reason).to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    let mut unsealed = good;
    unsealed[CHECKSUM] = json!("sha256:00");
    let bytes = serde_json::to_vec(&unsealed).expect("JSON");
    assert_eq!(Registry::parse(&bytes), Err(RegistryError::Checksum));
    for text in ["", "[]", "{}", "{\"version\": 1"] {
        assert!(Registry::parse(text.as_bytes()).is_err(), "{text}");
    }
    assert_eq!(
        Registry::parse(&vec![b' '; LARGEST + 1]),
        Err(RegistryError::TooLarge(LARGEST + 1))
    );
}

#[test]
fn a_fingerprint_is_the_one_of_ssh_keygen() {
    // `ssh-keygen -lf` of the file with this line.
    assert_eq!(Key::of(&KEY.parse().expect("a key")).fingerprint, FINGERPRINT);
}
