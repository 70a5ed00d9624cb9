//! What is promised of disks, mounts and swap files. Run as root, with loop devices.

use std::fs;
use std::path::PathBuf;

use appliance::path::TargetPath;
use host::command::Command;
use host::disk::Permission;
use host::facts::DiskFact;
use host::mount::Detached;
use host::{DiskQuestion, Host, HostError, Question};

/// A disk in a file, with a link as udev would make it.
struct Disk {
    directory: tempfile::TempDir,
    device: String,
}

impl Disk {
    fn new(megabytes: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let image = directory.path().join("image");
        fs::File::create(&image)
            .and_then(|file| file.set_len(megabytes << 20))
            .expect("an image");
        let output = Command::new("/usr/sbin/losetup")
            .args(["--find", "--show"])
            .arg(image.to_string_lossy())
            .run()
            .expect("run as root, with loop devices");
        let device = String::from_utf8(output.stdout)
            .expect("a name")
            .trim()
            .to_owned();
        std::os::unix::fs::symlink(&device, directory.path().join("google-data-disk")).expect("a link");
        fs::create_dir(directory.path().join("point")).expect("a directory");
        Self { directory, device }
    }

    fn path(&self, name: &str) -> TargetPath {
        let path: PathBuf = self.directory.path().join(name);
        TargetPath::new(&path.to_string_lossy()).expect("a good path")
    }

    fn by_id(&self) -> TargetPath {
        self.path("google-data-disk")
    }

    fn look(&self, host: &Host, by_id: TargetPath, label: &str) -> DiskFact {
        let question = DiskQuestion {
            role: "data".to_owned(),
            by_id,
            label: label.to_owned(),
            mount_point: self.path("point"),
            probe_blank: true,
        };
        let question = Question {
            disks: vec![question],
            ..Question::default()
        };
        let live = host::gather(host, &question)
            .expect("facts")
            .live
            .expect("a machine");
        live.disks["data"].clone()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("/usr/sbin/losetup")
            .args(["--detach", &self.device])
            .run();
    }
}

#[test]
fn a_blank_disk_is_formatted_marked_and_mounted_and_then_never_again() {
    let host = Host::live().expect("this machine");
    let disk = Disk::new(16);
    let label = format!("t{}", std::process::id());
    match disk.look(&host, disk.by_id(), &label) {
        DiskFact::Found(found) => {
            assert!(found.blank.as_ref().expect("asked").is_blank(), "{found:?}");
            assert_eq!((found.bytes, found.filesystem), (16 << 20, None));
        }
        other => panic!("{other:?}"),
    }
    host::disk::make_ext4(&host, &disk.by_id(), &label, &["-m", "1"], Permission::Blank).expect("made");
    let error =
        host::disk::make_ext4(&host, &disk.by_id(), &label, &[], Permission::Blank).expect_err("not blank");
    assert!(error.to_string().contains("it holds ext4"), "{error}");

    let detached = Detached::open(
        &host,
        &disk.by_id(),
        "ext4",
        "defaults,discard,nodev,nosuid,nofail,x-systemd.device-timeout=30s",
    )
    .expect("opened");
    let marker = TargetPath::new("/.appliance-disk").expect("a path");
    let file = host::write::NewFile {
        path: &marker,
        content: b"{}",
        uid: 0,
        gid: 0,
        mode: "0600".parse().expect("a mode"),
        acl: None,
    };
    host::write::replace(detached.tree(), &file).expect("marked");
    assert_eq!(
        fs::read_dir(disk.directory.path().join("point"))
            .expect("a directory")
            .count(),
        0
    );
    detached.attach(&host, &disk.path("point")).expect("mounted");
    assert!(disk.directory.path().join("point/.appliance-disk").exists());

    let found = match disk.look(&host, disk.path("no-such-link"), &label) {
        DiskFact::Found(found) => found,
        other => panic!("{other:?}"),
    };
    let refused = host::disk::make_ext4(&host, &disk.by_id(), &label, &[], Permission::Interrupted);
    let twice = Detached::open(&host, &disk.by_id(), "ext4", "")
        .and_then(|second| second.attach(&host, &disk.path("point")));
    let facts = host::gather(&host, &Question::default()).expect("facts");
    let mounts = facts.live.expect("a machine").mounts;
    host::mount::unmount(&host, &disk.path("point")).expect("unmounted");

    assert_eq!(found.mounted_at, [disk.path("point").to_string()]);
    assert_eq!(
        found.filesystem.map(|ext| (ext.label, ext.ext4)),
        Some((label, true))
    );
    assert!(
        refused
            .expect_err("mounted")
            .to_string()
            .contains("it is mounted at")
    );
    assert!(matches!(twice, Err(HostError::Mount { .. })), "{twice:?}");
    let mount = mounts
        .iter()
        .find(|mount| mount.point == disk.path("point").as_str())
        .expect("ours");
    assert!(
        mount.options.contains(&"nosuid".to_owned()) && mount.options.contains(&"nodev".to_owned()),
        "{mount:?}"
    );
    assert_eq!(mount.source, disk.device);
}

#[test]
fn one_byte_keeps_a_disk_from_being_formatted() {
    use std::os::unix::fs::FileExt;
    let host = Host::live().expect("this machine");
    let disk = Disk::new(8);
    let device = fs::OpenOptions::new()
        .write(true)
        .open(&disk.device)
        .expect("a device");
    device.write_all_at(&[1], 1000).expect("a byte");
    drop(device);
    let error =
        host::disk::make_ext4(&host, &disk.by_id(), "x", &[], Permission::Blank).expect_err("not blank");
    assert!(matches!(error, HostError::Refused { .. }), "{error}");
}

#[test]
fn a_missing_disk_is_missing() {
    let host = Host::live().expect("this machine");
    let disk = Disk::new(8);
    assert_eq!(
        disk.look(&host, disk.path("no-such-link"), "no-such-label"),
        DiskFact::Missing
    );
}

#[test]
fn a_swap_file_has_no_holes_and_is_private() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().expect("a directory");
    let host = Host::offline(directory.path()).expect("a host");
    let path = TargetPath::new("/swapfile").expect("a path");
    host::swap::make(&host, &path, 4 << 20).expect("made");
    let metadata = fs::metadata(directory.path().join("swapfile")).expect("a file");
    assert_eq!(
        (metadata.len(), metadata.mode() & 0o7777, metadata.uid()),
        (4 << 20, 0o600, 0)
    );
    assert!(metadata.blocks() * 512 >= 4 << 20);
    let content = fs::read(directory.path().join("swapfile")).expect("a file");
    assert!(content[..4096].ends_with(b"SWAPSPACE2"));
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
}
