//! The container kind: it boots, obeys, survives a reboot and leaves nothing behind.

use image::{Base, Container, Exec, Machine, Options};
use std::time::Duration;

fn mounts() -> String {
    std::fs::read_to_string("/proc/self/mounts").expect("/proc")
}

#[test]
fn a_container_boots_obeys_reboots_and_leaves_nothing() {
    let base = Base::stock().unwrap();
    let began = std::time::Instant::now();
    let mut machine = Container::boot(Options::new(base)).unwrap();
    eprintln!(
        "booted in {:?}; failed: {:?}",
        began.elapsed(),
        machine.failed_units().unwrap()
    );
    let directory = machine.directory().to_owned();

    let out = machine
        .run(&["sh", "-c", "cat /etc/debian_version; echo oops >&2; exit 7"])
        .unwrap();
    assert_eq!((out.status, out.stderr.as_str()), (7, "oops\n"));
    assert!(out.stdout.starts_with("12."), "{out:?}");

    assert_eq!(
        machine.run_as("daemon", &["id", "-un"]).unwrap().stdout,
        "daemon\n"
    );
    machine
        .write_file("/data/deep/note", b"kept\0bytes", 0o640)
        .unwrap();
    assert_eq!(
        machine
            .run(&["stat", "-c", "%a %U", "/data/deep/note"])
            .unwrap()
            .stdout,
        "640 root\n"
    );
    machine.write_file("/root/fixed", b"x", 0o600).unwrap();
    assert!(machine.run(&["chattr", "+i", "/root/fixed"]).unwrap().success());

    let sleep = ["sleep", "30"];
    let late = machine.exec(&Exec {
        timeout: Duration::from_secs(1),
        ..Exec::new(&sleep)
    });
    assert!(matches!(late, Err(image::Error::Timeout { .. })), "{late:?}");

    machine.reboot().unwrap();
    assert_eq!(machine.read_file("/data/deep/note").unwrap(), b"kept\0bytes");
    assert_eq!(machine.read_file("/root/fixed").unwrap(), b"x");

    drop(machine);
    assert!(!directory.exists());
    assert!(!mounts().contains(directory.to_str().unwrap()));
}
