//! What is promised of locks and of the account files. Run as root.
#![expect(clippy::disallowed_methods, reason = "a test sets up what it then looks at")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use appliance::path::TargetPath;
use host::facts::account::{GroupLine, PasswdLine, Password};
use host::lock::Lock;
use host::{Host, HostError};

fn machine() -> (tempfile::TempDir, Host) {
    let directory = tempfile::tempdir().expect("a directory");
    let host = Host::offline(directory.path()).expect("a host");
    (directory, host)
}

fn path(text: &str) -> TargetPath {
    TargetPath::new(text).expect("a good path")
}

#[test]
fn the_second_waits_and_then_learns_who_holds_it() {
    let (directory, host) = machine();
    fs::create_dir_all(directory.path().join("run/lock")).expect("directories");
    let path = path("/run/lock/data-analyst/provision.lock");
    let first = Lock::take(&host, &path, Duration::ZERO).expect("free");
    let before = Instant::now();
    match Lock::take(&host, &path, Duration::from_millis(100)) {
        Err(HostError::LockHeld { holder, .. }) => assert_eq!(holder, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    assert!(before.elapsed() >= Duration::from_millis(100));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            drop(first);
        });
        Lock::take(&host, &path, Duration::from_secs(5)).expect("free in time");
    });
}

#[test]
fn a_lock_where_others_may_write_is_refused() {
    let (directory, host) = machine();
    let shared = directory.path().join("shared");
    fs::create_dir(&shared).expect("a directory");
    std::os::unix::fs::chown(&shared, Some(4242), None).expect("run as root");
    let error = Lock::take(&host, &path("/shared/lock"), Duration::ZERO).expect_err("refused");
    assert!(matches!(error, HostError::Refused { .. }), "{error}");
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n+::::::\n";

fn accounts() -> (tempfile::TempDir, Host) {
    let (directory, host) = machine();
    let etc = directory.path().join("etc");
    fs::create_dir(&etc).expect("a directory");
    for (name, text) in [
        ("passwd", PASSWD),
        ("group", "root:x:0:\nsudo:x:27:ann\n"),
        ("shadow", "root:*:1::::::\n"),
    ] {
        fs::write(etc.join(name), text).expect("a file");
    }
    (directory, host)
}

#[test]
fn only_what_changed_is_written_and_every_other_line_stays() {
    let (directory, host) = accounts();
    let etc = directory.path().join("etc");
    let shadow_before = fs::metadata(etc.join("shadow")).expect("metadata").ino();
    let changed = host::accounts::edit(&host, |files| {
        files.passwd.push(PasswdLine {
            name: "deploy".to_owned(),
            password: Password::shadowed(),
            uid: 884,
            gid: 884,
            comment: String::new(),
            home: "/home/deploy".to_owned(),
            shell: "/bin/sh".to_owned(),
        });
        for group in files.group.entries_mut().filter(|group| group.name == "sudo") {
            group.members.retain(|member| member != "ann");
        }
        files.group.push(GroupLine {
            name: "deploy".to_owned(),
            password: Password::shadowed(),
            gid: 884,
            members: vec![],
        });
        Ok::<(), String>(())
    });
    assert!(changed.expect("written"));
    let text = |name: &str| fs::read_to_string(etc.join(name)).expect("a file");
    assert_eq!(
        text("passwd"),
        format!("{PASSWD}deploy:x:884:884::/home/deploy:/bin/sh\n")
    );
    assert_eq!(text("group"), "root:x:0:\nsudo:x:27:\ndeploy:x:884:\n");
    assert_eq!(
        fs::metadata(etc.join("shadow")).expect("metadata").ino(),
        shadow_before
    );
    assert!(!etc.join("gshadow").exists());
    assert!(!host::accounts::edit(&host, |_| Ok::<(), String>(())).expect("nothing to do"));
}

#[test]
fn a_refusal_or_a_bad_field_writes_nothing() {
    let (directory, host) = accounts();
    let refused = host::accounts::edit(&host, |files| {
        files.passwd.retain(|_| false);
        Err("the last administrator stays")
    });
    assert_eq!(
        refused.expect_err("refused").to_string(),
        "account files left as they are: the last administrator stays"
    );
    let bad = host::accounts::edit(&host, |files| {
        for entry in files.passwd.entries_mut() {
            entry.comment = "x\nevil::0:0::/:/bin/sh".to_owned();
        }
        Ok::<(), String>(())
    });
    assert!(bad.is_err());
    assert_eq!(
        fs::read_to_string(directory.path().join("etc/passwd")).expect("a file"),
        PASSWD
    );
}
