//! The program on an offline tree: the same plan, facts and hands as on a machine, without one.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use appliance::{Appliance, DefinitionFiles};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";

/// A bare Debian 12 as an image build sees it: account files, the package database, the directories of packages.
struct Tree {
    directory: tempfile::TempDir,
    instance: PathBuf,
}

/// Directories that Debian's packages bring.
const DEBIAN_DIRECTORIES: &[&str] = &[
    "data",
    "home",
    "tmp",
    "mnt",
    "opt",
    "root",
    "run/lock",
    "var/lib/dpkg",
    "var/www/html",
    "usr/local/bin",
    "usr/local/sbin",
    "etc/apt/apt.conf.d",
    "etc/audit/rules.d",
    "etc/chrony/conf.d",
    "etc/default",
    "etc/fail2ban/filter.d",
    "etc/fail2ban/jail.d",
    "etc/logrotate.d",
    "etc/nginx/conf.d",
    "etc/nginx/sites-available",
    "etc/nginx/sites-enabled",
    "etc/security/limits.d",
    "etc/ssh/sshd_config.d",
    "etc/sudoers.d",
    "etc/sysctl.d",
    "etc/systemd/system",
    "etc/tmpfiles.d",
];

impl Tree {
    /// None when the test does not run as root, which alone may give files away; it says so by name.
    fn bare(test: &str) -> Option<Self> {
        if fs::metadata("/proc/self").is_ok_and(|own| own.uid() != 0) {
            eprintln!("SKIPPED {test}: it needs root");
            return None;
        }
        let tree = Self {
            directory: tempfile::tempdir().unwrap(),
            instance: PathBuf::new(),
        };
        for directory in DEBIAN_DIRECTORIES {
            fs::create_dir_all(tree.path(directory)).unwrap();
        }
        fs::set_permissions(tree.path("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
        tree.write("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        tree.write(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n",
        );
        tree.write(
            "etc/group",
            "root:x:0:\nadm:x:4:\nshadow:x:42:\nsudo:x:27:\nwww-data:x:33:\n",
        );
        tree.write(
            "etc/shadow",
            "root:*:19700:0:99999:7:::\nwww-data:*:19700:0:99999:7:::\n",
        );
        tree.write("etc/gshadow", "root:*::\nsudo:*::\n");
        tree.write("etc/fstab", "# by hand\nUUID=1111-22 /srv ext4 defaults 0 2\n");
        tree.write("etc/hosts", "127.0.0.1\tlocalhost\n");
        tree.write("etc/login.defs", "UMASK 022\n#HOME_MODE 0700\n");
        let instance = tree.directory.path().join("instance.toml");
        fs::write(
            &instance,
            format!(
                "project = \"example\"\ndomain = \"broker.example.com\"\nplatform = \"qemu\"\nrelease_keys = [\"{KEY}\"]\n\
                 ci_ssh_keys = [\"{KEY}\"]\n[[admins]]\nusername = \"alice\"\nssh_keys = [\"{KEY}\"]\n"
            ),
        )
        .unwrap();
        let text = fs::read_to_string(&instance).unwrap();
        let appliance = Appliance::parse(&DefinitionFiles::shipped(), "instance.toml", &text).unwrap();
        let status: String = appliance
            .packages
            .present
            .iter()
            .map(|package| {
                format!(
                    "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n",
                    package.name
                )
            })
            .collect();
        tree.write("var/lib/dpkg/status", &status);
        Some(Self { instance, ..tree })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join("root").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn run(&self, words: &[&str]) -> Output {
        run(&self.instance, Some(&self.path("")), words)
    }

    fn apply(&self) -> String {
        let output = self.run(&["apply", "--yes"]);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        text
    }
}

fn run(instance: &Path, root: Option<&Path>, words: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_appliance"));
    command.arg("--instance").arg(instance).args(words);
    if let Some(root) = root {
        command.arg("--root").arg(root);
    }
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Path, mode, owner and times of everything below a directory.
fn snapshot(directory: &Path) -> Vec<String> {
    let mut entries = Vec::new();
    let mut ahead = vec![directory.to_owned()];
    while let Some(path) = ahead.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        entries.push(format!(
            "{} {:o} {}:{} inode {} ctime {}.{}",
            path.display(),
            metadata.mode(),
            metadata.uid(),
            metadata.gid(),
            metadata.ino(),
            metadata.ctime(),
            metadata.ctime_nsec()
        ));
        if metadata.is_dir() {
            ahead.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    entries.sort();
    entries
}

#[test]
fn a_bare_tree_is_brought_to_the_definition_and_then_left_alone() {
    let Some(tree) = Tree::bare("a_bare_tree_is_brought_to_the_definition_and_then_left_alone") else {
        return;
    };
    assert_eq!(tree.run(&["plan"]).status.code(), Some(10));
    tree.apply();
    let plan = tree.run(&["plan"]);
    assert_eq!(
        (plan.status.code(), text(&plan).contains("Nothing to do")),
        (Some(0), true),
        "{}",
        text(&plan)
    );
    let etc = snapshot(&tree.path("etc"));
    assert!(tree.apply().contains("Nothing to do"));
    assert_eq!(etc, snapshot(&tree.path("etc")));
    let fstab = fs::read_to_string(tree.path("etc/fstab")).unwrap();
    assert!(
        fstab.starts_with("# by hand\nUUID=1111-22 /srv ext4 defaults 0 2\n"),
        "{fstab}"
    );
    let sudoers = fs::metadata(tree.path("etc/sudoers.d/deploy")).unwrap();
    assert_eq!(
        (sudoers.mode() & 0o7777, sudoers.uid(), sudoers.gid()),
        (0o440, 0, 0)
    );
}

#[test]
fn what_was_changed_by_hand_is_named_and_repaired() {
    let Some(tree) = Tree::bare("what_was_changed_by_hand_is_named_and_repaired") else {
        return;
    };
    tree.apply();
    fs::set_permissions(tree.path("data/scripts"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::remove_file(tree.path("etc/systemd/system/multi-user.target.wants/webapp.service")).unwrap();
    fs::write(
        tree.path("etc/sysctl.d/60-appliance.conf"),
        "vm.swappiness = 60\n",
    )
    .unwrap();
    fs::hard_link(tree.path("etc/sudoers.d/webapp"), tree.path("root/second-name")).unwrap();
    fs::write(tree.path("etc/data-analyst/release-keys.d/stolen.pub"), KEY).unwrap();
    let plan = text(&tree.run(&["plan"]));
    for expected in [
        "change /data/scripts (root:root 0777 → root:root 0755)",
        "create /etc/systemd/system/multi-user.target.wants/webapp.service",
        "-vm.swappiness = 60",
        "change /etc/sudoers.d/webapp (2 names for one file → a file of its own)",
        "remove /etc/data-analyst/release-keys.d/stolen.pub",
        "5 changes to make",
    ] {
        assert!(plan.contains(expected), "{expected:?} is not in\n{plan}");
    }
    tree.apply();
    assert_eq!(tree.run(&["plan"]).status.code(), Some(0));
}

#[test]
fn areas_can_be_applied_one_by_one() {
    let Some(tree) = Tree::bare("areas_can_be_applied_one_by_one") else {
        return;
    };
    let output = tree.run(&["apply", "--yes", "--only", "limits"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(tree.path("etc/security/limits.d/99-users.conf").exists());
    assert!(!tree.path("etc/sudoers.d/deploy").exists());
}

#[test]
fn nothing_is_changed_when_something_must_be_settled_first() {
    let Some(tree) = Tree::bare("nothing_is_changed_when_something_must_be_settled_first") else {
        return;
    };
    symlink("/etc/shadow", tree.path("etc/sudoers.d/deploy")).unwrap();
    let output = tree.run(&["apply", "--yes"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("a symbolic link to /etc/shadow stands where a file belongs"),
        "{said}"
    );
    assert!(
        said.contains("next: look at it with `ls -ld /etc/sudoers.d/deploy`"),
        "{said}"
    );
    assert!(!tree.path("etc/security/limits.d/99-users.conf").exists());
}

#[test]
fn another_system_is_refused_before_any_change() {
    let Some(tree) = Tree::bare("another_system_is_refused_before_any_change") else {
        return;
    };
    tree.write("etc/os-release", "ID=debian\nVERSION_ID=\"13\"\n");
    let output = tree.run(&["apply", "--yes"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("it is debian 13, and the definition is for debian 12"));
}

#[test]
fn secrets_come_from_the_env_file_and_never_show() {
    let Some(tree) = Tree::bare("secrets_come_from_the_env_file_and_never_show") else {
        return;
    };
    tree.apply();
    tree.write(
        "opt/data-analyst/.env",
        "\u{feff}WEBAPP_SECRET_KEY='planted-marker-0123456789abcdef01234567'\r\n",
    );
    fs::set_permissions(
        tree.path("opt/data-analyst/.env"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let open = tree.run(&["plan"]);
    assert_eq!(open.status.code(), Some(3), "{}", text(&open));
    assert!(
        text(&open).contains("others than root may read it"),
        "{}",
        text(&open)
    );
    fs::set_permissions(
        tree.path("opt/data-analyst/.env"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    let said = text(&tree.run(&["plan"])) + &text(&tree.run(&["plan", "--json"])) + &tree.apply();
    assert!(!said.contains("planted-marker"), "{said}");
    let credential = tree.path("etc/data-analyst/credentials/WEBAPP_SECRET_KEY");
    assert_eq!(
        fs::read_to_string(&credential).unwrap(),
        "planted-marker-0123456789abcdef01234567"
    );
    assert_eq!(fs::metadata(&credential).unwrap().mode() & 0o7777, 0o400);
    tree.write("opt/data-analyst/.env", "A=1\nA=2\n9=3\n");
    let said = text(&tree.run(&["plan"]));
    assert!(
        said.contains("line 2: A stands there twice") && said.contains("line 3:"),
        "{said}"
    );
}

#[test]
fn two_runs_at_once_wait_for_each_other() {
    let Some(tree) = Tree::bare("two_runs_at_once_wait_for_each_other") else {
        return;
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| tree.run(&["apply", "--yes"]));
        let second = scope.spawn(|| tree.run(&["apply", "--yes"]));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(
        (first.status.code(), second.status.code()),
        (Some(0), Some(0)),
        "{}{}",
        text(&first),
        text(&second)
    );
    assert_eq!(tree.run(&["plan"]).status.code(), Some(0));
}

#[test]
fn bad_input_has_its_exit_code_and_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let instance = directory.path().join("appliance.toml");
    fs::write(&instance, "domain = 3\ncolour = \"x\"\n").unwrap();
    let output = run(&instance, None, &["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("appliance.toml:2: the key `colour` is unknown"),
        "{}",
        text(&output)
    );
    let json = run(&instance, None, &["check", "--json"]);
    assert_eq!(json.status.code(), Some(2));
    assert!(text(&json).contains("\"line\":1"), "{}", text(&json));
    let missing = run(Path::new("/nowhere.toml"), None, &["plan"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing).contains("next: write one"), "{}", text(&missing));
}

#[test]
fn the_program_documents_itself() {
    let help = run(Path::new("x"), None, &["--help"]);
    assert!(text(&help).contains("Examples:") && text(&help).contains("Exit codes:"));
    for words in [
        &["completions", "bash"][..],
        &["completions", "zsh"],
        &["manual"],
        &["schema"],
    ] {
        let output = run(Path::new("x"), None, words);
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert!(output.stdout.len() > 1000, "{words:?}");
    }
    for command in ["check", "render", "plan", "apply", "verify", "can"] {
        assert!(
            text(&run(Path::new("x"), None, &[command, "--help"])).contains("Example"),
            "{command}"
        );
    }
}
