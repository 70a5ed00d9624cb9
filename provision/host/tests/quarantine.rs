//! What is moved away is whole where it is kept, and nothing is overwritten.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use appliance::path::TargetPath;
use host::{Host, HostError, Look, Question};

const STAMP: &str = "2026-01-02T03:04:05.000006Z";

/// A tree whose `/etc` may be another filesystem.
struct Machine {
    directory: tempfile::TempDir,
    mounted: bool,
}

impl Machine {
    fn new(own_filesystem: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (etc, kept) = (directory.path().join("etc"), directory.path().join("var/lib"));
        fs::create_dir(&etc).unwrap();
        fs::create_dir_all(kept).unwrap();
        if own_filesystem {
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "tmpfs"])
                .arg(&etc)
                .status();
            assert!(mounted.unwrap().success(), "run the tests as root");
        }
        fs::create_dir(etc.join("sudoers.d")).unwrap();
        Self {
            directory,
            mounted: own_filesystem,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    fn take(&self, path: &str) -> Result<Option<TargetPath>, HostError> {
        let host = Host::offline(self.directory.path()).unwrap();
        let keep = TargetPath::known("/var/lib/data-analyst/quarantine");
        host::quarantine::take(&host, &TargetPath::new(path).unwrap(), &keep, STAMP)
    }

    fn kept(&self, path: &str) -> PathBuf {
        self.at(&format!("/var/lib/data-analyst/quarantine/{STAMP}{path}"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg(self.at("/etc")).status();
        }
    }
}

fn there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[test]
fn a_file_keeps_its_bytes_owner_mode_and_lists_on_one_filesystem_and_on_two() {
    for own_filesystem in [false, true] {
        let machine = Machine::new(own_filesystem);
        let path = "/etc/sudoers.d/stranger";
        fs::write(machine.at(path), "eve ALL=(ALL) NOPASSWD: ALL\n").unwrap();
        chown(machine.at(path), Some(4242), Some(880)).unwrap();
        fs::set_permissions(machine.at(path), PermissionsExt::from_mode(0o640)).unwrap();
        let listed = Command::new("setfacl")
            .args(["-m", "u:4243:rw"])
            .arg(machine.at(path))
            .status();
        assert!(listed.unwrap().success());
        let modified = fs::metadata(machine.at(path)).unwrap().modified().unwrap();

        let kept = machine.take(path).unwrap().unwrap();
        assert!(!there(&machine.at(path)));
        assert_eq!(machine.at(kept.as_str()), machine.kept(path));
        assert_eq!(
            fs::read_to_string(machine.kept(path)).unwrap(),
            "eve ALL=(ALL) NOPASSWD: ALL\n"
        );
        let host = Host::offline(machine.directory.path()).unwrap();
        let question = Question {
            paths: [(kept.clone(), Look::Inode)].into(),
            ..Question::default()
        };
        let facts = host::gather(&host, &question).unwrap();
        let inode = &facts.inodes[&kept];
        assert_eq!((inode.uid, inode.gid), (4242, 880));
        let list = inode.acl.as_ref().unwrap();
        assert!(list.users.contains_key(&4243), "{list}");
        assert_eq!(
            fs::metadata(machine.kept(path)).unwrap().modified().unwrap(),
            modified
        );
        for directory in ["", "/etc", "/etc/sudoers.d"] {
            assert_eq!(machine.kept(directory).metadata().unwrap().mode() & 0o7777, 0o700);
        }
        assert_eq!(machine.take(path).unwrap(), None, "nothing is there any more");
    }
}

#[test]
fn a_link_is_moved_and_not_what_it_points_to() {
    for own_filesystem in [false, true] {
        let machine = Machine::new(own_filesystem);
        fs::write(machine.at("/etc/target"), "stays").unwrap();
        symlink("../target", machine.at("/etc/sudoers.d/link")).unwrap();
        machine.take("/etc/sudoers.d/link").unwrap().unwrap();
        assert_eq!(
            fs::read_link(machine.kept("/etc/sudoers.d/link")).unwrap(),
            Path::new("../target")
        );
        assert!(there(&machine.at("/etc/target")) && !there(&machine.at("/etc/sudoers.d/link")));
    }
}

#[test]
fn what_is_kept_already_is_never_overwritten() {
    for own_filesystem in [false, true] {
        let machine = Machine::new(own_filesystem);
        let path = "/etc/sudoers.d/twice";
        fs::write(machine.at(path), "first").unwrap();
        machine.take(path).unwrap().unwrap();
        fs::write(machine.at(path), "second").unwrap();
        machine.take(path).unwrap_err();
        assert_eq!(fs::read_to_string(machine.kept(path)).unwrap(), "first");
        assert_eq!(fs::read_to_string(machine.at(path)).unwrap(), "second");
    }
}

#[test]
fn directories_pipes_and_planted_ways_are_refused() {
    let machine = Machine::new(false);
    fs::create_dir(machine.at("/etc/sudoers.d/folder")).unwrap();
    assert!(matches!(
        machine.take("/etc/sudoers.d/folder"),
        Err(HostError::WrongKind { .. })
    ));
    let made = Command::new("mkfifo")
        .arg(machine.at("/etc/sudoers.d/pipe"))
        .status();
    assert!(made.unwrap().success());
    assert!(matches!(
        machine.take("/etc/sudoers.d/pipe"),
        Err(HostError::WrongKind { .. })
    ));
    fs::write(machine.at("/etc/secret"), "root's").unwrap();
    fs::create_dir_all(machine.at("/home/eve")).unwrap();
    symlink("/etc", machine.at("/home/eve/way")).unwrap();
    std::os::unix::fs::lchown(machine.at("/home/eve/way"), Some(4242), None).unwrap();
    assert!(matches!(
        machine.take("/home/eve/way/secret"),
        Err(HostError::Obstructed { .. })
    ));
    assert!(there(&machine.at("/etc/secret")));
}
