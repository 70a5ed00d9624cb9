//! A machine of files that another system built, taken over.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

use std::os::unix::fs::PermissionsExt;

use adopt::registry::{Registry, Role, State};
use adopt::{AdoptError, PRIMARY, SECOND, Taken};
use appliance::{Appliance, DefinitionFiles};
use host::Host;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/bash
deploy:x:1001:1001::/home/deploy:/usr/sbin/nologin
ann:x:1002:1002:ann@example.com:/home/ann:/bin/bash
bob:x:1003:1003:Bob:/srv/bob:/bin/zsh
carl:x:1004:1004::/home/carl:/bin/bash
dora:x:1005:1005::/home/dora:/usr/sbin/nologin
emil:x:1006:881::/home/emil:/bin/bash
alice:x:1007:1007::/home/alice:/bin/bash
A.B:x:1008:1008::/home/A.B:/bin/bash
twin:x:1002:1002::/home/twin:/bin/bash
guest:x:1009:1009::/home/guest:/bin/bash
";
const GROUP: &str = "\
root:x:0:
sudo:x:27:carl
docker:x:998:bob
data-ops:x:1880:deploy,carl
dataread:x:881:ann,bob,carl,dora,A.B,twin
data-private:x:882:bob
";
const SHADOW: &str = "root:*:1::::::\nann:!:1::::::\nbob:!*:1:::::1:\n";

struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for (path, text) in [
            ("/etc/os-release", "ID=debian\nVERSION_ID=12\n"),
            ("/etc/passwd", PASSWD),
            ("/etc/group", GROUP),
            ("/etc/shadow", SHADOW),
            ("/data/table.parquet", "rows"),
            ("/home/ann/notes", "mine"),
        ] {
            machine.write(path, text);
        }
        for path in ["/run/lock", "/var/lib", "/home/lost+found", "/home/gone"] {
            std::fs::create_dir_all(machine.at(path)).unwrap();
        }
        machine
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), text).unwrap();
        std::fs::set_permissions(self.at(path), PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn host(&self) -> Host {
        Host::offline(self.directory.path()).unwrap()
    }

    /// What was taken over, with the warnings; nothing when there was nothing.
    fn adopt(&self) -> Result<(Option<Taken>, Vec<String>), AdoptError> {
        let (appliance, host) = (appliance(), self.host());
        let adoption = adopt::look(&appliance, &host)?;
        let warnings = adoption.warnings.iter();
        let warnings = warnings
            .map(|warning| format!("{} {}", warning.target, warning.what))
            .collect();
        if adoption.is_empty() {
            return Ok((None, warnings));
        }
        Ok((Some(adoption.take_over()?), warnings))
    }

    fn registry(&self, path: &str) -> Registry {
        Registry::parse(&std::fs::read(self.at(path)).unwrap()).unwrap()
    }

    /// Everything below, with bytes and times, but for what an adoption writes.
    fn state(&self) -> String {
        let find = "find . -path ./run -prune -o -path '*/.appliance*' -prune -o -path ./var/lib/data-analyst -prune -o \
                    -type f -printf '%p %m %T@ %i %s\\n' | sort";
        let out = std::process::Command::new("sh")
            .args(["-c", find])
            .current_dir(self.directory.path())
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    }
}

fn appliance() -> Appliance {
    let instance = format!(
        "project = \"x\"\ndomain = \"broker.example.com\"\nplatform = \"container\"\nrelease_keys = [\"{KEY}\"]\n\
         ci_ssh_keys = [\"{KEY}\"]\n[[admins]]\nusername = \"alice\"\nssh_keys = [\"{KEY}\"]\n"
    );
    Appliance::parse(&DefinitionFiles::shipped(), "instance.toml", &instance).unwrap()
}

#[test]
fn everybody_of_the_data_keeps_number_home_and_groups() {
    let machine = Machine::new();
    let before = machine.state();
    let (taken, warnings) = machine.adopt().unwrap();
    let taken = taken.unwrap();
    assert_eq!((taken.generation, taken.accounts), (1, 7));
    assert_eq!(machine.state(), before);
    let registry = machine.registry(PRIMARY);
    assert_eq!(registry, machine.registry(SECOND));
    let of = |path| std::fs::metadata(machine.at(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        [PRIMARY, "/data/.appliance", SECOND, "/home/.appliance"].map(of),
        [0o600, 0o700, 0o600, 0o700]
    );
    let brief: Vec<String> = registry
        .accounts
        .iter()
        .map(|account| {
            let (role, state) = (account.role, account.state);
            format!(
                "{} {}:{} {} {} {:?} {role:?} {state:?} {}",
                account.username,
                account.uid,
                account.gid,
                account.home,
                account.shell,
                account.gecos,
                account.groups.join("+")
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            "alice 1007:1007 /home/alice /bin/bash \"\" Admin Active ",
            "ann 1002:1002 /home/ann /bin/bash \"ann@example.com\" Standard Active dataread",
            "bob 1003:1003 /srv/bob /bin/zsh \"Bob\" Privileged Locked data-private+dataread+docker",
            "carl 1004:1004 /home/carl /bin/bash \"\" Admin Active data-ops+dataread+sudo",
            "deploy 1001:1001 /home/deploy /usr/sbin/nologin \"\" Service Locked data-ops",
            "dora 1005:1005 /home/dora /usr/sbin/nologin \"\" Standard Locked dataread",
            "emil 1006:881 /home/emil /bin/bash \"\" Standard Active ",
        ]
    );
    assert_eq!(registry.groups["data-ops"], 1880);
    assert_eq!(registry.next_uid, 3000);
    let has = |words: &str| warnings.iter().any(|warning| warning.starts_with(words));
    for words in [
        "user A.B has a name",
        "user twin has the number 1002 of ann",
        "user bob is in group docker",
        "/home/gone is the home of no account; its owner is uid 0",
    ] {
        assert!(has(words), "{words}: {warnings:?}");
    }
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert_eq!(machine.adopt().unwrap().0, None, "a second time");
}

#[test]
fn keys_are_read_and_neither_links_nor_strangers_are_followed() {
    let machine = Machine::new();
    let another = KEY.replace("HR4f alice", "HR4g other");
    machine.write("/etc/ssh/authorized_keys.d/ann", &format!("{KEY}\n"));
    let lines = format!("# mine\n\ncommand=\"sh\" {KEY}\n{another}\n{KEY}\nnonsense\n");
    machine.write("/home/ann/.ssh/authorized_keys", &lines);
    machine.write("/root/secret", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    std::fs::create_dir_all(machine.at("/home/carl/.ssh")).unwrap();
    std::os::unix::fs::symlink("/root/secret", machine.at("/home/carl/.ssh/authorized_keys")).unwrap();
    machine.write("/home/emil/.ssh/authorized_keys", KEY);
    std::fs::set_permissions(
        machine.at("/home/emil/.ssh/authorized_keys"),
        PermissionsExt::from_mode(0o666),
    )
    .unwrap();
    machine.write("/srv/bob/.ssh/authorized_keys", &"x\n".repeat(40_000));
    let (_, warnings) = machine.adopt().unwrap();
    let registry = machine.registry(PRIMARY);
    let keys = |name| registry.account(name).unwrap().ssh_keys.clone();
    assert_eq!(
        keys("ann").into_iter().map(|key| key.line).collect::<Vec<_>>(),
        [KEY.to_owned(), another]
    );
    for name in ["carl", "emil", "bob"] {
        assert!(keys(name).is_empty(), "{name}");
    }
    let about: Vec<&str> = warnings
        .iter()
        .filter(|warning| warning.contains("authorized_keys"))
        .map(String::as_str)
        .collect();
    assert_eq!(about.len(), 5, "{about:?}");
    assert!(
        about.iter().all(|warning| !warning.contains("BEGIN")),
        "{about:?}"
    );
}

#[test]
fn who_comes_later_is_added_and_numbers_are_never_given_again() {
    let machine = Machine::new();
    machine.adopt().unwrap();
    let first = machine.registry(PRIMARY);
    machine.write(
        "/etc/passwd",
        &format!("{PASSWD}zoe:x:4000:4000::/home/zoe:/bin/bash\n"),
    );
    machine.write(
        "/etc/group",
        &GROUP.replace("dataread:x:881:", "dataread:x:881:zoe,"),
    );
    std::os::unix::fs::chown(machine.at("/home/gone"), Some(4321), None).unwrap();
    let (taken, _) = machine.adopt().unwrap();
    assert_eq!(
        taken.map(|taken| (taken.generation, taken.accounts)),
        Some((2, 1))
    );
    let second = machine.registry(SECOND);
    assert_eq!(second.next_uid, 4322);
    assert_eq!(second.account("zoe").map(|zoe| zoe.uid), Some(4000));
    assert!(
        first
            .accounts
            .iter()
            .all(|account| second.accounts.contains(account))
    );
    assert_eq!(machine.adopt().unwrap().0, None);
}

#[test]
fn a_copy_that_is_missing_or_old_is_written_and_nothing_else_changes() {
    let machine = Machine::new();
    machine.adopt().unwrap();
    let registry = machine.registry(PRIMARY);
    std::fs::remove_file(machine.at(PRIMARY)).unwrap();
    let taken = machine.adopt().unwrap().0.unwrap();
    assert_eq!((taken.generation, taken.accounts), (1, 0));
    assert_eq!(machine.registry(PRIMARY), registry);
    let newer = registry.with(Vec::new(), 5000, "2026-03-02T00:00:00Z");
    std::fs::write(machine.at(SECOND), newer.print()).unwrap();
    machine.adopt().unwrap();
    assert_eq!(machine.registry(PRIMARY), newer);
    assert_eq!(machine.adopt().unwrap().0, None);
}

#[test]
fn a_damaged_copy_is_refused_and_the_sound_one_is_named() {
    for (bad, good) in [(PRIMARY, SECOND), (SECOND, PRIMARY)] {
        let machine = Machine::new();
        machine.adopt().unwrap();
        let text = std::fs::read_to_string(machine.at(bad)).unwrap();
        machine.write(bad, &text.replace("\"uid\": 1002", "\"uid\": 1003"));
        let before = machine.state();
        let error = machine.adopt().unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let words = error.to_string();
        assert!(
            words.contains(&format!("{bad} is no account registry: its checksum"))
                && words.contains(&format!("next: {good} is sound (generation 1)")),
            "{words}"
        );
        assert_eq!(machine.state(), before);
        std::fs::rename(machine.at(bad), machine.at(&format!("{bad}.damaged"))).unwrap();
        machine.adopt().unwrap();
        assert_eq!(machine.registry(bad), machine.registry(good));
    }
    let machine = Machine::new();
    machine.write(PRIMARY, "{}");
    let words = machine.adopt().unwrap_err().to_string();
    assert!(words.contains("from a snapshot"), "{words}");
}

#[test]
fn a_copy_that_others_may_have_written_counts_for_nothing() {
    let machine = Machine::new();
    machine.adopt().unwrap();
    std::fs::set_permissions(machine.at(SECOND), PermissionsExt::from_mode(0o666)).unwrap();
    let error = machine.adopt().unwrap_err();
    assert!(
        error.to_string().contains("others than root may have written it"),
        "{error}"
    );
}

#[test]
fn two_copies_of_one_generation_that_differ_are_refused() {
    let machine = Machine::new();
    machine.adopt().unwrap();
    let mut other = machine.registry(PRIMARY);
    other.accounts[0].role = Role::Standard;
    other.accounts[1].state = State::Removed;
    std::fs::write(machine.at(SECOND), other.print()).unwrap();
    let error = machine.adopt().unwrap_err();
    assert!(matches!(error, AdoptError::Conflict(1)), "{error}");
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn somebody_who_was_removed_is_not_brought_back() {
    let machine = Machine::new();
    machine.adopt().unwrap();
    let mut gone = machine.registry(PRIMARY);
    let ann = gone
        .accounts
        .iter_mut()
        .find(|account| account.username.as_str() == "ann");
    ann.unwrap().state = State::Removed;
    for path in [PRIMARY, SECOND] {
        std::fs::write(machine.at(path), gone.print()).unwrap();
    }
    let (taken, warnings) = machine.adopt().unwrap();
    assert_eq!(taken, None);
    assert!(
        warnings
            .iter()
            .any(|warning| warning.starts_with("user ann was removed")),
        "{warnings:?}"
    );
}

#[test]
fn a_machine_without_the_data_is_not_taken_over() {
    let machine = Machine::new();
    std::fs::remove_dir_all(machine.at("/data")).unwrap();
    let error = machine.adopt().unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().starts_with("/data is not there"), "{error}");
}

#[test]
fn what_stands_as_defined_is_ours_unless_a_package_brought_it() {
    let machine = Machine::new();
    let appliance = appliance();
    let host = machine.host();
    let rendered = survey::take(&appliance, &host, &[], |_, _| {}).unwrap().tree;
    let text = |path: &str| match &rendered
        .get(&appliance::path::TargetPath::known(path))
        .unwrap()
        .node
    {
        render::Node::File { content, .. } => String::from_utf8(content.bytes().to_vec()).unwrap(),
        other => panic!("{path} is {other:?}"),
    };
    let mode = |path: &str, mode| {
        std::fs::set_permissions(machine.at(path), PermissionsExt::from_mode(mode)).unwrap();
    };
    let (unit, other, of_debian) = (
        "/etc/systemd/system/webapp.service",
        "/etc/systemd/system/unit-failed@.service",
        "/etc/nftables.conf",
    );
    for path in [unit, of_debian] {
        machine.write(path, &text(path));
        mode(path, 0o644);
    }
    machine.write(other, "# by hand\n");
    machine.write("/var/lib/dpkg/info/nftables.list", "/etc\n/etc/nftables.conf\n");
    let wanted = |path: &str| {
        let plan = survey::take(&appliance, &host, &[], |_, _| {}).unwrap().plan;
        plan.steps.iter().any(|step| step.target() == path)
    };
    assert!(!wanted(unit) && wanted(other));
    let adoption = adopt::look(&appliance, &host).unwrap();
    let has = |name: &str| adoption.ledger.iter().any(|entry| entry == name);
    assert!(has(unit), "{:?}", adoption.ledger);
    assert!(!has(other) && !has(of_debian), "{:?}", adoption.ledger);
    assert!(
        has("group dataread") && !has("user deploy") && !has("group sudo"),
        "{:?}",
        adoption.ledger
    );
    let taken = adoption.take_over().unwrap();
    assert!(taken.ledger > 0);
    let ledger = std::fs::read(machine.at(plan::LEDGER)).unwrap();
    let ledger = plan::Ledger::parse(&ledger).unwrap();
    assert!(!ledger.converged);
    assert!(ledger.names().contains("/data/.appliance") && ledger.names().contains(unit));
    assert_eq!(machine.adopt().unwrap().0, None);
}
