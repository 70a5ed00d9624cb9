//! What is promised of files, directories and links. Run as root.
#![expect(clippy::disallowed_methods, reason = "a test sets up what it then looks at")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use appliance::acl::Acl;
use appliance::mode::Mode;
use appliance::path::TargetPath;
use host::directory::{Lists, Metadata, Outcome};
use host::facts::Kind;
use host::write::NewFile;
use host::{Facts, Host, HostError, Look, Question};

const PUBLIC: &str = "u::rwx g::rwx g:880:rwx g:881:r-x m::rwx o::---";

struct Machine {
    directory: tempfile::TempDir,
    host: Host,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        // Parents below a shared directory are not ours to judge; the tree's own top is.
        let host = Host::offline(directory.path()).expect("a host");
        Self { directory, host }
    }

    fn real(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    fn facts(&self, look: Look, paths: &[&str]) -> Facts {
        let mut question = Question::default();
        question.paths.extend(paths.iter().map(|text| (path(text), look)));
        host::gather(&self.host, &question).expect("facts")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).expect("a directory");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

fn path(text: &str) -> TargetPath {
    TargetPath::new(text).expect("a good path")
}

fn acl(text: &str) -> Acl {
    text.parse().expect("a good list")
}

fn mode(bits: u32) -> Mode {
    Mode::from_bits(bits)
}

fn metadata(bits: u32, access: Option<&str>, default: Option<&str>) -> Metadata {
    let lists = Lists::Exactly {
        access: access.map(acl),
        default: default.map(acl),
    };
    Metadata {
        uid: 0,
        gid: 880,
        mode: mode(bits),
        lists,
    }
}

fn file<'a>(path: &'a TargetPath, content: &'a [u8]) -> NewFile<'a> {
    NewFile {
        path,
        content,
        uid: 885,
        gid: 880,
        mode: mode(0o640),
        acl: None,
    }
}

#[test]
fn a_directory_gets_all_that_was_asked_and_reads_back() {
    let machine = Machine::new();
    let wanted = metadata(0o2770, Some(PUBLIC), Some(PUBLIC));
    assert_eq!(
        host::directory::ensure(&machine.host, &path("/raw"), &wanted).expect("made"),
        Outcome::Created
    );
    let facts = machine.facts(Look::Inode, &["/raw", "/nothing"]);
    let raw = &facts.inodes[&path("/raw")];
    assert_eq!(
        (raw.kind.clone(), raw.uid, raw.gid, raw.mode),
        (Kind::Directory, 0, 880, mode(0o2770))
    );
    assert_eq!(
        (raw.acl.clone(), raw.default_acl.clone()),
        (Some(acl(PUBLIC)), Some(acl(PUBLIC)))
    );
    assert!(!facts.inodes.contains_key(&path("/nothing")));
    assert_eq!(machine.names(), ["raw"]);
}

#[test]
fn what_is_as_wanted_is_not_touched() {
    let machine = Machine::new();
    for wanted in [
        metadata(0o2770, Some(PUBLIC), Some(PUBLIC)),
        metadata(0o1777, None, None),
    ] {
        host::directory::ensure(&machine.host, &path("/raw"), &wanted).expect("made");
        let before = machine.facts(Look::Inode, &["/raw"]).inodes;
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(
            host::directory::ensure(&machine.host, &path("/raw"), &wanted).expect("looked at"),
            Outcome::Unchanged
        );
        assert_eq!(machine.facts(Look::Inode, &["/raw"]).inodes, before);
    }
}

#[test]
fn a_list_is_set_whole_and_taken_away_whole() {
    let machine = Machine::new();
    let tree = [
        metadata(0o2770, Some(PUBLIC), Some(PUBLIC)),
        metadata(0o2750, Some("u::rwx g::r-x g:882:r-x m::r-x o::---"), None),
        metadata(0o0750, None, None),
        metadata(0o2770, None, Some(PUBLIC)),
    ];
    host::directory::ensure(&machine.host, &path("/raw"), &tree[0]).expect("made");
    for wanted in &tree[1..] {
        assert_eq!(
            host::directory::ensure(&machine.host, &path("/raw"), wanted).expect("changed"),
            Outcome::Changed
        );
        let raw = &machine.facts(Look::Inode, &["/raw"]).inodes[&path("/raw")];
        let Lists::Exactly { access, default } = &wanted.lists else {
            unreachable!()
        };
        assert_eq!(
            (&raw.acl, &raw.default_acl, raw.mode),
            (access, default, wanted.mode)
        );
    }
}

#[test]
fn a_new_thing_takes_nothing_over_from_the_default_list_above() {
    let machine = Machine::new();
    host::directory::ensure(
        &machine.host,
        &path("/parquet"),
        &metadata(0o2770, Some(PUBLIC), Some(PUBLIC)),
    )
    .expect("made");
    host::directory::ensure(
        &machine.host,
        &path("/parquet/private"),
        &metadata(0o2750, None, None),
    )
    .expect("made");
    host::write::replace(&machine.host, &file(&path("/parquet/private.txt"), b"x")).expect("written");
    let facts = machine.facts(Look::Inode, &["/parquet/private", "/parquet/private.txt"]);
    for inode in facts.inodes.values() {
        assert_eq!((&inode.acl, &inode.default_acl), (&None, &None));
    }
    assert_eq!(facts.inodes[&path("/parquet/private")].mode, mode(0o2750));
}

#[test]
fn a_file_is_complete_with_its_list_and_mask() {
    let machine = Machine::new();
    let list = acl("u::rw- g::rw- g:881:r-- m::rw- o::---");
    let target = path("/profiles.json");
    host::write::replace(
        &machine.host,
        &NewFile {
            acl: Some(&list),
            ..file(&target, b"{}")
        },
    )
    .expect("written");
    let facts = machine.facts(Look::Content, &["/profiles.json"]);
    let inode = &facts.inodes[&target];
    assert_eq!(
        (inode.uid, inode.gid, inode.mode, &inode.acl),
        (885, 880, mode(0o660), &Some(list))
    );
    assert_eq!(facts.contents[&target], b"{}");
    host::write::replace(&machine.host, &file(&target, b"[]")).expect("written");
    let facts = machine.facts(Look::Digest, &["/profiles.json"]);
    assert_eq!(
        (facts.inodes[&target].mode, &facts.inodes[&target].acl),
        (mode(0o640), &None)
    );
    assert!(facts.contents.is_empty());
    assert_eq!(
        facts.digests[&target].to_string(),
        "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    );
}

#[test]
fn a_planted_link_is_refused_and_nothing_behind_it_changes() {
    let machine = Machine::new();
    fs::write(machine.real("/secret"), b"secret").expect("a file");
    let before = fs::metadata(machine.real("/secret"))
        .expect("metadata")
        .ctime_nsec();
    symlink("secret", machine.real("/link")).expect("a link");
    let link = path("/link");
    for refused in [
        host::write::replace(&machine.host, &file(&link, b"new")),
        host::directory::ensure(&machine.host, &link, &metadata(0o755, None, None)).map(drop),
        host::remove::file(&machine.host, &link).map(drop),
        host::attribute::set_immutable(&machine.host, &link, true).map(drop),
    ] {
        let error = refused.expect_err("a link is no file");
        assert!(matches!(error, HostError::WrongKind { .. }), "{error}");
        assert!(error.hint().is_some());
    }
    host::directory::set_metadata(&machine.host, &link, &metadata(0o777, None, None))
        .expect("of the link itself");
    assert_eq!(
        fs::metadata(machine.real("/secret"))
            .expect("metadata")
            .ctime_nsec(),
        before
    );
    assert_eq!(
        fs::symlink_metadata(machine.real("/link"))
            .expect("metadata")
            .gid(),
        880
    );
    assert_eq!(machine.names(), ["link", "secret"]);
}

#[test]
fn a_link_in_the_way_is_not_followed_and_said() {
    let machine = Machine::new();
    fs::create_dir_all(machine.real("/home/eve")).expect("directories");
    fs::create_dir(machine.real("/etc")).expect("a directory");
    symlink("/etc", machine.real("/home/eve/.ssh")).expect("a link");
    std::os::unix::fs::lchown(machine.real("/home/eve/.ssh"), Some(4242), Some(4242)).expect("run as root");
    let target = path("/home/eve/.ssh/authorized_keys");
    let error = host::write::replace(&machine.host, &file(&target, b"key")).expect_err("not followed");
    assert_eq!(
        error.to_string(),
        "/home/eve/.ssh/authorized_keys lies behind /home/eve/.ssh, a link or file that is not trusted; not followed"
    );
    assert_eq!(
        fs::read_dir(machine.real("/etc")).expect("a directory").count(),
        0
    );
    let facts = machine.facts(Look::Content, &["/home/eve/.ssh/authorized_keys"]);
    assert_eq!(facts.obstructed[&target], path("/home/eve/.ssh"));
}

#[test]
fn a_second_name_keeps_a_file_from_being_given_away() {
    let machine = Machine::new();
    fs::write(machine.real("/file"), b"").expect("a file");
    fs::hard_link(machine.real("/file"), machine.real("/other")).expect("a second name");
    let error = host::directory::set_metadata(&machine.host, &path("/other"), &metadata(0o666, None, None))
        .expect_err("refused");
    assert!(error.to_string().contains("2 names"), "{error}");
}

#[test]
fn what_a_crash_left_is_swept_and_nothing_else() {
    let machine = Machine::new();
    let target = path("/sudoers");
    let staged = host::write::stage(&machine.host, &file(&target, b"half")).expect("staged");
    assert_eq!(fs::read(staged.temporary_path()).expect("a file"), b"half");
    assert_eq!(
        fs::metadata(staged.temporary_path())
            .expect("a file")
            .permissions()
            .mode()
            & 0o777,
        0o640
    );
    std::mem::forget(staged);
    fs::write(machine.real("/.other.tmp"), b"").expect("a file");
    assert_eq!(machine.names().len(), 2);
    assert_eq!(
        host::write::sweep(&machine.host, &TargetPath::root())
            .expect("swept")
            .len(),
        1
    );
    assert_eq!(machine.names(), [".other.tmp"]);
    drop(host::write::stage(&machine.host, &file(&target, b"half")).expect("staged"));
    assert_eq!(machine.names(), [".other.tmp"]);
}

#[test]
fn many_files_are_put_together() {
    let machine = Machine::new();
    let paths: Vec<TargetPath> = (0..50).map(|number| path(&format!("/file-{number}"))).collect();
    let staged = paths
        .iter()
        .map(|path| host::write::stage(&machine.host, &file(path, b"x")).expect("staged"))
        .collect();
    host::write::put_all(&machine.host, staged).expect("all in place");
    assert_eq!(machine.names().len(), 50);
}

#[test]
fn a_full_disk_leaves_the_old_file_and_says_what_to_do() {
    let machine = Machine::new();
    fs::create_dir(machine.real("/small")).expect("a directory");
    let point = machine.real("/small");
    rustix::mount::mount(
        "tmpfs",
        &point,
        "tmpfs",
        rustix::mount::MountFlags::empty(),
        c"size=64k",
    )
    .expect("run as root");
    let target = path("/small/file");
    host::write::replace(&machine.host, &file(&target, b"old")).expect("written");
    let error = host::write::replace(&machine.host, &file(&target, &vec![0; 1 << 20])).expect_err("no room");
    let names = fs::read_dir(&point).expect("a directory").count();
    let content = fs::read(point.join("file")).expect("the old file");
    rustix::mount::unmount(&point, rustix::mount::UnmountFlags::DETACH).expect("unmounted");
    assert_eq!((names, content), (1, b"old".to_vec()));
    assert_eq!(error.errno(), Some(rustix::io::Errno::NOSPC.raw_os_error()));
    assert!(error.hint().is_some_and(|hint| hint.starts_with("free space")));
}

#[test]
fn a_link_is_made_and_turned_and_a_file_in_its_place_is_left() {
    let machine = Machine::new();
    host::link::replace(&machine.host, &path("/docs"), "/data/docs", 2000, 2000).expect("made");
    host::link::replace(&machine.host, &path("/docs"), "/data/new", 2000, 2000).expect("turned");
    let facts = machine.facts(Look::Inode, &["/docs"]);
    assert_eq!(
        facts.inodes[&path("/docs")].kind,
        Kind::Link("/data/new".to_owned())
    );
    assert_eq!(facts.inodes[&path("/docs")].uid, 2000);
    fs::write(machine.real("/file"), b"").expect("a file");
    assert!(host::link::replace(&machine.host, &path("/file"), "/x", 0, 0).is_err());
    assert!(host::remove::link(&machine.host, &path("/docs")).expect("removed"));
    assert!(!host::remove::link(&machine.host, &path("/docs")).expect("nothing there"));
    assert_eq!(machine.names(), ["file"]);
}

#[test]
fn a_tree_is_walked_on_its_own_filesystem_without_following() {
    let machine = Machine::new();
    fs::create_dir_all(machine.real("/data/a/b")).expect("directories");
    fs::create_dir_all(machine.real("/data/other")).expect("directories");
    fs::write(machine.real("/data/a/b/file"), b"x").expect("a file");
    fs::write(machine.real("/data/a/bad\nname"), b"x").expect("a file");
    symlink("/etc", machine.real("/data/a/link")).expect("a link");
    let point = machine.real("/data/other");
    rustix::mount::mount("tmpfs", &point, "tmpfs", rustix::mount::MountFlags::empty(), None)
        .expect("run as root");
    let question = Question {
        trees: vec![path("/data"), path("/missing")],
        ..Question::default()
    };
    let facts = host::gather(&machine.host, &question);
    rustix::mount::unmount(&point, rustix::mount::UnmountFlags::DETACH).expect("unmounted");
    let facts = facts.expect("facts");
    let tree = &facts.trees[&path("/data")];
    let paths: Vec<&str> = tree.inodes.keys().map(TargetPath::as_str).collect();
    assert_eq!(
        paths,
        [
            "/data",
            "/data/a",
            "/data/a/b",
            "/data/a/b/file",
            "/data/a/link",
            "/data/other"
        ]
    );
    assert_eq!(tree.other_filesystems, [path("/data/other")]);
    assert_eq!(tree.unnameable[0].1, "bad\\x0aname");
    assert!(!facts.trees.contains_key(&path("/missing")));
}

#[test]
fn a_listing_has_names_and_inodes() {
    let machine = Machine::new();
    fs::write(machine.real("/one"), b"1").expect("a file");
    symlink("one", machine.real("/two")).expect("a link");
    let facts = machine.facts(Look::Listing, &["/"]);
    let listing = &facts.listings[&TargetPath::root()];
    assert_eq!(listing.keys().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(listing["two"].kind, Kind::Link("one".to_owned()));
    assert!(
        serde_json::to_string(&facts)
            .expect("json")
            .contains("\"live\":null")
    );
}

#[test]
fn an_offline_tree_is_not_asked_for_what_only_a_machine_has() {
    let machine = Machine::new();
    assert!(machine.facts(Look::Inode, &["/"]).live.is_none());
    let error = host::systemd::daemon_reload(&machine.host).expect_err("no machine");
    assert!(matches!(error, HostError::Offline { .. }));
}

#[test]
fn attributes_are_set_shown_and_cleared() {
    let machine = Machine::new();
    let guard = path("/guard");
    host::directory::ensure(&machine.host, &guard, &metadata(0o555, None, None)).expect("made");
    assert_eq!(
        host::attribute::set_immutable(&machine.host, &guard, true).expect("set"),
        Outcome::Changed
    );
    assert_eq!(
        host::attribute::set_immutable(&machine.host, &guard, true).expect("looked at"),
        Outcome::Unchanged
    );
    let immutable = machine.facts(Look::Inode, &["/guard"]).inodes[&guard].immutable;
    let write = host::write::replace(&machine.host, &file(&path("/guard/file"), b"x"));
    host::attribute::set_immutable(&machine.host, &guard, false).expect("cleared");
    assert!(immutable);
    assert!(
        write
            .expect_err("guarded")
            .hint()
            .is_some_and(|hint| hint.contains("immutable"))
    );
    assert!(!Path::new(&machine.real("/guard/file")).exists());
}
