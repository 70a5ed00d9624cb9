//! What left the definition goes, as far as it is ours; what people keep stays.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

mod common;

use common::{Machine, appliance, tree};
use host::facts::Digest;
use plan::{AccountChange, Action, Change, LEDGER, Ledger, Plan};
use render::Area;
use serde_json::{Value, json};

const TEXT: &str = "ours\n";

/// A ledger with these paths, of the area `settings` where nothing else is said.
fn ledger(paths: &Value, more: &Value) -> Ledger {
    let mut value = json!({"version": 1, "paths": {}});
    for (path, node) in paths.as_object().unwrap() {
        let mut node = node.clone();
        if node.get("area").is_none() {
            node["area"] = json!("settings");
        }
        value["paths"][path] = node;
    }
    for (key, field) in more.as_object().unwrap() {
        value[key] = field.clone();
    }
    Ledger::parse(value.to_string().as_bytes()).unwrap()
}

fn file() -> Value {
    json!({"kind": "file", "sha256": Digest::of(TEXT.as_bytes()).to_string()})
}

fn directory() -> Value {
    json!({"kind": "directory"})
}

/// The removals of a plan in their order, each with its reason.
fn removals(plan: &Plan) -> Vec<(String, String)> {
    let steps = plan.steps.iter().filter(|step| step.action == Action::Remove);
    steps.map(|step| (step.target(), step.because.clone())).collect()
}

fn notices(plan: &Plan, target: &str) -> Vec<String> {
    let notices = plan.notices.iter().filter(|notice| notice.target == target);
    notices.map(|notice| notice.text.clone()).collect()
}

#[test]
fn files_links_and_empty_directories_go_deepest_first() {
    let machine = Machine::new();
    machine.write("/etc/ours/deep/a.conf", TEXT);
    machine.write("/etc/ours/b.conf", "changed\n");
    machine.link("/etc/ours/link", "b.conf");
    machine.directory("/etc/ours/empty");
    machine.keep(&ledger(
        &json!({
            "/etc/ours": directory(), "/etc/ours/deep": directory(), "/etc/ours/empty": directory(),
            "/etc/ours/deep/a.conf": file(), "/etc/ours/b.conf": file(),
            "/etc/ours/link": {"kind": "link", "target": "b.conf"},
            "/etc/ours/gone": file(),
        }),
        &json!({}),
    ));
    let gone = "the definition no longer has it";
    let expected = [
        ("/etc/ours/link", gone),
        (
            "/etc/ours/b.conf",
            "the definition no longer has it; somebody changed it, and a copy is kept",
        ),
        ("/etc/ours/deep/a.conf", gone),
        ("/etc/ours/empty", gone),
        ("/etc/ours/deep", gone),
        ("/etc/ours", gone),
    ];
    let expected = expected.map(|(path, because)| (path.to_owned(), because.to_owned()));
    let plan = machine.planned(&appliance(&["alice"]));
    assert_eq!(removals(&plan), expected);
    let last = plan
        .steps
        .iter()
        .rposition(|step| !matches!(step.change, Change::RemoveDirectory(_)));
    assert_eq!(last, Some(plan.steps.len() - 4), "directories go last of all");
    assert_eq!(removals(&plan.only(&[Area::Settings])).len(), 6);
    assert!(removals(&machine.planned(&appliance(&["alice"])).only(&[Area::Ssh])).is_empty());
}

#[test]
fn what_holds_something_of_others_stays_with_a_notice() {
    let machine = Machine::new();
    machine.write("/etc/ours/theirs", "x");
    machine.link("/etc/turned", "elsewhere");
    machine.directory("/etc/was-a-file");
    machine.link("/etc/was-a-directory", "ours");
    machine.keep(&ledger(
        &json!({
            "/etc/ours": directory(), "/etc/turned": {"kind": "link", "target": "here"},
            "/etc/was-a-file": file(), "/etc/was-a-directory": directory(),
        }),
        &json!({}),
    ));
    let plan = machine.planned(&appliance(&["alice"]));
    assert_eq!(removals(&plan), []);
    for (path, why) in [
        ("/etc/ours", "it holds 1 thing"),
        ("/etc/turned", "somebody turned it to elsewhere"),
        ("/etc/was-a-file", "a directory stands there now"),
        ("/etc/was-a-directory", "a symbolic link to ours stands there now"),
    ] {
        assert!(
            notices(&plan, path)[0].ends_with(why),
            "{:?}",
            notices(&plan, path)
        );
    }
}

#[test]
fn data_of_people_is_never_removed() {
    let machine = Machine::new();
    let files = ["/home/bob/notes", "/data/bob/table.parquet", "/tmp/ours"];
    let mut paths = json!({"/home/bob": directory(), "/home/carol": directory(), "/data/bob": directory()});
    for path in files {
        machine.write(path, TEXT);
        paths[path] = file();
    }
    machine.directory("/home/carol");
    machine.keep(&ledger(&paths, &json!({})));
    let plan = machine.planned(&appliance(&["alice"]));
    let gone: Vec<String> = removals(&plan).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        gone,
        ["/home/carol"],
        "an empty directory that we made is nobody's data"
    );
    for path in files {
        assert!(notices(&plan, path)[0].ends_with("data there is never removed"));
    }
    assert!(notices(&plan, "/home/bob")[0].ends_with("it holds 1 thing"));
}

#[test]
fn what_came_back_or_was_never_ours_stays() {
    let machine = Machine::new();
    machine.write("/etc/sudoers.d/theirs", TEXT);
    machine.write("/etc/sysctl.d/60-appliance.conf", TEXT);
    machine.keep(&ledger(
        &json!({"/etc/sysctl.d/60-appliance.conf": file()}),
        &json!({}),
    ));
    assert_eq!(removals(&machine.planned(&appliance(&["alice"]))), []);
}

fn accounts(machine: &Machine, shell: &str, shadow: &str, groups: &str) {
    machine.write(
        "/etc/passwd",
        &format!("root:x:0:0::/root:/bin/bash\nbob:x:3005:3005::/home/bob:{shell}\n"),
    );
    machine.write("/etc/shadow", &format!("root:*:1::::::\nbob:{shadow}\n"));
    machine.write("/etc/group", &format!("root:x:0:\nbob:x:3005:\n{groups}"));
}

fn account_changes(plan: &Plan, name: &str) -> Vec<(String, String)> {
    let about =
        |step: &&plan::Step| matches!(step.change, Change::Account(_)) && step.target().contains(name);
    plan.steps
        .iter()
        .filter(about)
        .map(|step| (format!("{} {}", step.verb(), step.target()), step.because.clone()))
        .collect()
}

#[test]
fn an_administrator_who_left_is_closed_and_keeps_the_number() {
    let machine = Machine::new();
    accounts(
        &machine,
        "/bin/bash",
        "!*:1::::::",
        "sudo:x:27:bob,eve\nbooks:x:901:eve\naudio:x:29:bob\n",
    );
    let users = json!({"users": {"bob": {}}, "groups": ["bob", "books"]});
    machine.keep(&ledger(&json!({}), &users));
    let plan = machine.planned(&appliance(&["alice"]));
    let changes = account_changes(&plan, "bob");
    let expected = [
        (
            "remove bob in group sudo",
            "the definition no longer has the account",
        ),
        (
            "close user bob",
            "the definition no longer has it; its number and its files stay",
        ),
    ];
    assert_eq!(
        changes,
        expected.map(|(change, because)| (change.to_owned(), because.to_owned()))
    );
    assert_eq!(account_changes(&plan, "eve")[0].0, "remove eve in group books");
    assert_eq!(
        account_changes(&plan, "eve").len(),
        1,
        "eve in sudo is for verify to tell"
    );
    let retired =
        Ledger::of(&machine.facts(&appliance(&["alice"]), &tree(&appliance(&["alice"])))).intending(&plan);
    assert!(retired.is_retired("bob"));
    machine.keep(&retired);
    accounts(
        &machine,
        "/usr/sbin/nologin",
        "!*:19700:0:99999:7::1:",
        "sudo:x:27:eve\naudio:x:29:bob\n",
    );
    assert_eq!(
        account_changes(&machine.planned(&appliance(&["alice"])), "bob"),
        []
    );
}

#[test]
fn a_name_that_comes_back_is_an_account_again_with_its_old_number() {
    let machine = Machine::new();
    accounts(
        &machine,
        "/usr/sbin/nologin",
        "!*:19700:0:99999:7::1:",
        "sudo:x:27:\n",
    );
    machine.keep(&ledger(&json!({}), &json!({"users": {"bob": {"retired": true}}})));
    let both = appliance(&["alice", "bob"]);
    let plan = machine.planned(&both);
    let of_bob = |change: &AccountChange| match change {
        AccountChange::SetUser { name, .. } | AccountChange::LockPassword { name } => name == "bob",
        AccountChange::AddMember { member, .. } => member == "bob",
        AccountChange::AddUser { name, .. } | AccountChange::Retire { name } => {
            assert_ne!(name, "bob");
            false
        }
        AccountChange::AddGroup { .. } | AccountChange::RemoveMember { .. } => false,
    };
    let changes = plan
        .steps
        .iter()
        .filter(|step| matches!(&step.change, Change::Account(change) if of_bob(change)));
    assert!(changes.count() >= 3, "a shell, no expiry and the groups");
    let tree = tree(&both);
    assert!(
        !Ledger::of(&machine.facts(&both, &tree))
            .intending(&plan)
            .is_retired("bob")
    );
}

#[test]
fn somebody_who_was_there_before_us_loses_what_we_gave_and_nothing_else() {
    let machine = Machine::new();
    accounts(
        &machine,
        "/bin/bash",
        "!*:1::::::",
        "sudo:x:27:bob\naudio:x:29:bob\n",
    );
    machine.keep(&ledger(&json!({}), &json!({"members": {"sudo": ["bob"]}})));
    let changes = account_changes(&machine.planned(&appliance(&["alice"])), "bob");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].0, "remove bob in group sudo");
}

#[test]
fn packages_that_we_installed_go_and_others_stay() {
    let machine = Machine::new();
    let stanza = |name: &str| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n")
    };
    machine.write(
        "/var/lib/dpkg/status",
        &format!("{}{}{}", stanza("cowsay"), stanza("sl"), stanza("sudo")),
    );
    machine.keep(&ledger(
        &json!({}),
        &json!({"packages": ["cowsay", "fortune", "sudo"]}),
    ));
    let plan = machine.planned(&appliance(&["alice"]));
    assert_eq!(removals(&plan)[0].0, "cowsay");
    assert_eq!(removals(&plan).len(), 1);
}

#[test]
fn nothing_goes_on_the_word_of_a_ledger_that_others_may_write() {
    let machine = Machine::new();
    machine.write("/etc/ours.conf", TEXT);
    machine.keep(&ledger(&json!({"/etc/ours.conf": file()}), &json!({})));
    std::fs::set_permissions(
        machine.at(LEDGER),
        std::os::unix::fs::PermissionsExt::from_mode(0o620),
    )
    .unwrap();
    assert_eq!(removals(&machine.planned(&appliance(&["alice"]))), []);
}
