//! The container kind: it boots, obeys, survives a reboot and a power cut, and leaves nothing behind.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::{Base, Container, Exec, Machine, Options};

fn boot() -> Container {
    Container::boot(Options::new(Base::stock().expect("the base"))).expect("a container")
}

/// What a machine could leave on this host: mounts, loop devices, network cards, cgroups, processes.
fn traces_of(word: &str) -> Vec<String> {
    let script = "cat /proc/self/mounts; cat /sys/block/loop*/loop/backing_file; ls -d /sys/fs/cgroup/data-broker/* /sys/fs/cgroup/*/data-broker/* /sys/class/net/*; \
                  cat /proc/[0-9]*/cmdline | tr '\\0' ' '";
    let out = Command::new("sh")
        .args(["-c", script])
        .stderr(Stdio::null())
        .output()
        .expect("sh");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.lines()
        .filter(|line| line.contains(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_container_obeys() {
    let machine = boot();
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
    assert_eq!(machine.read_file("/data/deep/note").unwrap(), b"kept\0bytes");

    let sleep = ["sleep", "30"];
    let began = Instant::now();
    let late = machine.exec(&Exec {
        timeout: Duration::from_secs(1),
        ..Exec::new(&sleep)
    });
    assert!(matches!(late, Err(image::Error::Timeout { .. })), "{late:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn root_in_a_container_may_what_an_appliance_needs_and_not_touch_the_host() {
    let machine = boot();
    // The audit of the kernel is the host's; fail2ban finds no log before its first configuration.
    let failed = machine.failed_units().unwrap();
    assert!(
        failed
            .iter()
            .all(|unit| unit == "auditd.service" || unit == "fail2ban.service"),
        "{failed:?}"
    );
    for (may, command) in [
        (true, "touch /root/fixed && chattr +i /root/fixed"),
        (true, "mount -o remount,hidepid=2 /proc"),
        (
            true,
            "nft add table inet proof && nft list tables | grep -q proof",
        ),
        (true, "sysctl -qw net.ipv4.tcp_syncookies=1"),
        (
            true,
            "setfacl -m d:u:daemon:rwx /data && getfacl /data | grep -q default:user:daemon",
        ),
        (
            true,
            "systemd-run --quiet --pipe --wait -p ProtectSystem=strict -p PrivateDevices=yes -p DynamicUser=yes true",
        ),
        (true, "findmnt -no OPTIONS /data | grep nodev | grep -q nosuid"),
        (false, "date -s '2001-01-01'"),
        (false, "sysctl -qw vm.swappiness=10"),
        (
            false,
            "dd if=/dev/zero of=/data/swap bs=1M count=4 && chmod 600 /data/swap && mkswap /data/swap && swapon /data/swap",
        ),
        (false, "insmod /nothing.ko"),
        (false, "mknod /root/disk b 7 0"),
        (
            false,
            "systemd-run --quiet --pipe --wait -p IPAddressDeny=any python3 -c \
             'import socket; socket.create_connection((\"127.0.0.1\", 22), 1)'",
        ),
    ] {
        let out = machine.run(&["sh", "-c", command]).unwrap();
        assert_eq!(out.success(), may, "{command}: {out:?}");
    }
}

#[test]
fn a_container_keeps_root_and_disks_over_reboot_and_power_cut_and_leaves_nothing() {
    let mut machine = boot();
    let directory = machine.directory().to_owned();
    let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
    machine.write_file("/root/fixed", b"root", 0o600).unwrap();
    machine.write_file("/data/note", b"disk", 0o600).unwrap();
    assert!(machine.run(&["chattr", "+i", "/root/fixed"]).unwrap().success());
    machine.reboot().unwrap();
    assert_eq!(machine.read_file("/data/note").unwrap(), b"disk");
    machine.power_cut().unwrap();
    assert!(machine.run(&["true"]).is_err());
    machine.start().unwrap();
    assert_eq!(machine.read_file("/root/fixed").unwrap(), b"root");
    let network = format!("/appl{}", machine.address().split('.').nth(2).unwrap());
    assert!(!traces_of(&name).is_empty() && !traces_of(&network).is_empty());
    drop(machine);
    assert!(!directory.exists());
    assert_eq!(traces_of(&name), [""; 0]);
    assert_eq!(traces_of(&network), [""; 0]);
}

#[test]
fn two_containers_at_once_know_nothing_of_each_other() {
    let (first, second) = (boot(), boot());
    assert_ne!(first.address(), second.address());
    first.run(&["systemctl", "stop", "ssh"]).unwrap();
    assert!(second.run(&["systemctl", "is-active", "ssh"]).unwrap().success());
    let reach = |machine: &Container| std::net::TcpStream::connect(machine.endpoint(22).unwrap());
    assert!(reach(&first).is_err());
    assert!(reach(&second).is_ok());
}

#[test]
fn a_killed_owner_takes_its_machine_with_it() {
    let cache = image::cache::directory();
    // A machine of its own, beside the developer's, on the same base.
    let own = cache.join("killed-owner");
    let store = Base::stock()
        .expect("the base")
        .root()
        .join("../..")
        .canonicalize()
        .unwrap();
    drop(std::fs::remove_dir_all(&own));
    std::fs::create_dir_all(&own).unwrap();
    std::os::unix::fs::symlink(store, own.join("base")).unwrap();
    let mut owner = Command::new(env!("CARGO_BIN_EXE_machine"))
        .arg("supervise")
        .env("DATA_BROKER_CACHE", &own)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let state = own.join("machines/dev/state.json");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !state.exists() {
        assert!(
            Instant::now() < deadline && owner.try_wait().unwrap().is_none(),
            "the owner did not boot a machine"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    owner.kill().unwrap();
    owner.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !traces_of("killed-owner").is_empty() {
        assert!(Instant::now() < deadline, "{:?}", traces_of("killed-owner"));
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::remove_dir_all(own).unwrap();
}
