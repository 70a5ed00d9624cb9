//! The virtual kind: disks by serial number whatever their kernel names, reboot, power cut, no trace.

use image::{Base, Exec, Machine, Virtual, VirtualOptions};
use std::time::{Duration, Instant};

#[test]
fn a_virtual_machine_finds_its_disks_in_any_order_and_leaves_nothing() {
    let base = Base::stock().expect("the base");
    let mut machine = Virtual::off(VirtualOptions::new(base)).unwrap();
    let began = Instant::now();
    machine.start().unwrap();
    eprintln!("booted in {:?}", began.elapsed());
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

    let names = |machine: &Virtual| {
        machine
            .run(&[
                "sh",
                "-c",
                "cd /dev/disk/by-id && readlink virtio-data-disk virtio-home-disk virtio-tmp-disk",
            ])
            .unwrap()
            .stdout
    };
    let first = names(&machine);
    assert_eq!(first.lines().count(), 3, "{first}");
    let trim = machine.run(&["sh", "-c", "mkfs.ext4 -q /dev/disk/by-id/virtio-data-disk && mount /dev/disk/by-id/virtio-data-disk /mnt && fstrim -v /mnt && echo kept > /mnt/note && umount /mnt"]).unwrap();
    assert!(trim.success(), "{trim:?}");

    let large: Vec<u8> = (0..3_000_001u32).map(|n| (n % 251) as u8).collect();
    machine.write_file("/opt/large", &large, 0o755).unwrap();
    let sum = machine
        .run(&["sh", "-c", "stat -c '%s %a' /opt/large; cksum < /opt/large"])
        .unwrap();
    assert!(sum.stdout.starts_with("3000001 755\n"), "{sum:?}");
    machine.write_file("/root/small", b"small\0bytes", 0o600).unwrap();
    assert_eq!(machine.read_file("/root/small").unwrap(), b"small\0bytes");

    let sleep = ["sleep", "60"];
    let late = machine.exec(&Exec {
        timeout: Duration::from_secs(1),
        ..Exec::new(&sleep)
    });
    assert!(matches!(late, Err(image::Error::Timeout { .. })), "{late:?}");

    let began = Instant::now();
    machine.run(&["sync"]).unwrap();
    machine.power_cut().unwrap();
    let mut disks = machine.disks().to_vec();
    disks.rotate_left(1);
    machine.set_disks(disks);
    machine.start().unwrap();
    eprintln!("up again after a power cut in {:?}", began.elapsed());
    assert_ne!(names(&machine), first);
    let note = machine
        .run(&[
            "sh",
            "-c",
            "mount /dev/disk/by-id/virtio-data-disk /mnt && cat /mnt/note && umount /mnt",
        ])
        .unwrap();
    assert_eq!(note.stdout, "kept\n", "{note:?}");
    assert!(machine.endpoint(22).unwrap().ip().is_loopback());
    let ssh = std::net::TcpStream::connect(machine.endpoint(22).unwrap()).unwrap();
    ssh.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut hello = [0; 4];
    std::io::Read::read_exact(&mut &ssh, &mut hello).unwrap();
    assert_eq!(&hello, b"SSH-");

    let began = Instant::now();
    machine.reboot().unwrap();
    eprintln!("rebooted in {:?}", began.elapsed());
    machine.power_off().unwrap();
    drop(machine);
    assert!(!directory.exists());
}
