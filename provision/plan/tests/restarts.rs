//! When a unit that is up must start anew or read again: seen on the machine, whoever changed it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

mod common;

use std::collections::BTreeMap;

use appliance::Appliance;
use appliance::mode::Mode;
use appliance::name::{CredentialName, UnitName};
use appliance::secret::SecretValue;
use common::{Machine, appliance, path};
use host::facts::os::Memory;
use host::facts::unit::{Active, Enablement, Load};
use host::facts::{Inode, Kind, Mount, Program, Timestamp, UnitFact};
use host::{Facts, LiveFacts};
use plan::{Change, Foreign, Ids, UnitOrder};
use render::{Inputs, Node, Tree};

/// Every unit began to start at the first time and was up at the second, in seconds.
const STARTED: u64 = 1000;
const UP: u64 = 1002;
const PROGRAM: &str = "/opt/data-analyst/current/bin/webapp";

/// The tree of a machine that has its generated secret.
fn tree(appliance: &Appliance) -> Tree {
    let name = CredentialName::new("WEBAPP_SECRET_KEY").unwrap();
    let inputs = Inputs {
        secrets: [(name, SecretValue::new("x".repeat(64)))].into(),
        ..Inputs::default()
    };
    render::render(appliance, &inputs).unwrap()
}

fn inode(kind: Kind, changed: u64) -> Inode {
    let time = Timestamp {
        seconds: changed.try_into().unwrap(),
        nanoseconds: 0,
    };
    Inode {
        kind,
        uid: 0,
        gid: 0,
        mode: Mode::from_bits(0o755),
        size: 0,
        device: 1,
        number: 77,
        links: 1,
        changed: time,
        modified: time,
        acl: None,
        default_acl: None,
        immutable: false,
        append_only: false,
        capabilities: false,
    }
}

fn unit() -> UnitFact {
    UnitFact {
        load: Load::Loaded,
        active: Active::Active,
        sub: "running".to_owned(),
        enablement: Enablement::Enabled,
        needs_reload: false,
        started_us: STARTED * 1_000_000,
        changed_us: UP * 1_000_000,
        up_us: UP * 1_000_000,
        started_clock_us: 50,
        up_clock_us: 60,
        fragment: None,
        drop_ins: Vec::new(),
        condition: true,
        result: "success".to_owned(),
        main_pid: Some(1),
        program: None,
    }
}

fn mount(point: &str) -> Mount {
    Mount {
        id: 1,
        parent: 0,
        device: (8, 1),
        root: "/".to_owned(),
        point: point.to_owned(),
        options: vec!["rw".to_owned()],
        filesystem: "ext4".to_owned(),
        source: "/dev/disk".to_owned(),
        super_options: Vec::new(),
    }
}

/// A machine on which every file and link is as defined, and every unit is up.
fn facts(appliance: &Appliance) -> Facts {
    let tree = tree(appliance);
    let mut facts = Machine::new().facts(appliance, &tree);
    let ids = Ids::new(appliance, &facts);
    for (path, entry) in tree.iter() {
        match &entry.node {
            Node::File {
                ownership, content, ..
            } => {
                let inode = Inode {
                    uid: ids.user(&ownership.owner),
                    gid: ids.group(&ownership.group),
                    mode: ownership.mode,
                    ..inode(Kind::File, 1)
                };
                facts.inodes.insert(path.clone(), inode);
                facts.contents.insert(path.clone(), content.bytes().to_vec());
            }
            Node::Link { target, .. } => {
                facts
                    .inodes
                    .insert(path.clone(), inode(Kind::Link(target.clone()), 1));
            }
            Node::Directory { .. } => {
                facts.inodes.insert(path.clone(), inode(Kind::Directory, 1));
            }
            Node::Absent => {}
        }
    }
    let question = plan::question(appliance, &tree, &plan::Ledger::default(), &[]);
    let units = question.units.into_iter().map(|name| {
        let mut fact = unit();
        if name.kind() == "mount" {
            fact.up_clock_us = 40;
        }
        (name, fact)
    });
    facts.live = Some(LiveFacts {
        mounts: ["/data", "/home", "/tmp"].map(mount).to_vec(),
        disks: BTreeMap::new(),
        guards: BTreeMap::new(),
        swaps: Vec::new(),
        sysctl: BTreeMap::new(),
        units: Some(units.collect()),
        firewall: None,
        listeners: None,
        memory: Memory::default(),
    });
    for file in [
        PROGRAM,
        "/etc/data-analyst/tls/fullchain.pem",
        "/etc/data-analyst/tls/privkey.pem",
    ] {
        facts.inodes.insert(path(file), inode(Kind::File, 1));
    }
    facts
}

fn orders(appliance: &Appliance, facts: &Facts, foreign: &[Foreign]) -> Vec<String> {
    let plan = plan::plan(appliance, &tree(appliance), facts, foreign);
    let steps = plan.steps.iter();
    steps
        .filter_map(|step| match &step.change {
            Change::Unit { name, order, .. } => Some(match order {
                UnitOrder::Stop => format!("stop {name}"),
                UnitOrder::Start => format!("start {name}"),
                UnitOrder::Restart => format!("restart {name}: {}", step.because),
                UnitOrder::Reload => format!("reload {name}: {}", step.because),
            }),
            _ => None,
        })
        .collect()
}

fn name(text: &str) -> UnitName {
    UnitName::new(text).unwrap()
}

fn edit(facts: &mut Facts, unit: &str, change: impl FnOnce(&mut UnitFact)) {
    let units = facts.live.as_mut().unwrap().units.as_mut().unwrap();
    change(units.get_mut(&name(unit)).unwrap());
}

#[test]
fn nothing_is_due_where_nothing_changed() {
    let appliance = appliance(&["alice"]);
    let orders = orders(&appliance, &facts(&appliance), &[]);
    assert!(orders.is_empty(), "{orders:?}");
}

#[test]
fn what_went_from_an_input_directory_shows_on_the_directory() {
    let appliance = appliance(&["alice"]);
    let question = plan::question(&appliance, &tree(&appliance), &plan::Ledger::default(), &[]);
    for (directory, expected) in [
        ("/etc/nginx", "reload nginx.service: /etc/nginx changed"),
        (
            "/etc/nginx/sites-enabled",
            "reload nginx.service: /etc/nginx/sites-enabled changed",
        ),
        (
            "/etc/ssh/sshd_config.d",
            "reload ssh.service: /etc/ssh/sshd_config.d changed",
        ),
        (
            "/etc/systemd/system/nginx.service.d",
            "restart nginx.service: /etc/systemd/system/nginx.service.d changed",
        ),
        (
            "/etc/systemd/system/webapp.service.d",
            "restart webapp.service: /etc/systemd/system/webapp.service.d changed",
        ),
        ("/etc/cron.d", ""),
    ] {
        assert!(
            expected.is_empty() || question.paths.contains_key(&path(directory)),
            "{directory}"
        );
        let mut facts = facts(&appliance);
        facts
            .inodes
            .insert(path(directory), inode(Kind::Directory, UP + 1));
        let expected: Vec<&str> = Some(expected)
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        assert_eq!(orders(&appliance, &facts, &[]), expected, "{directory}");
        // Written by what the unit itself starts.
        facts.inodes.insert(path(directory), inode(Kind::Directory, UP));
        assert!(orders(&appliance, &facts, &[]).is_empty(), "{directory}");
        // Another mode, and nothing else.
        let mut repaired = inode(Kind::Directory, UP + 1);
        repaired.modified = Timestamp::default();
        facts.inodes.insert(path(directory), repaired);
        assert!(orders(&appliance, &facts, &[]).is_empty(), "{directory}");
    }
}

#[test]
fn a_unit_that_started_before_a_disk_was_mounted_starts_anew() {
    let appliance = appliance(&["alice"]);
    for (mounted, due) in [(0, false), (49, false), (51, true)] {
        let mut facts = facts(&appliance);
        for disk in ["data.mount", "home.mount"] {
            edit(&mut facts, disk, |mount| mount.up_clock_us = mounted);
        }
        let orders = orders(&appliance, &facts, &[]);
        let expected = "restart webapp.service: its sandbox is made of what was mounted when it started";
        assert_eq!(orders, [expected][..usize::from(due)], "{mounted}");
    }
}

#[test]
fn a_unit_that_runs_another_program_than_its_path_leads_to_starts_anew() {
    let appliance = appliance(&["alice"]);
    let program = |path: &str, deleted, number| Program {
        path: path.to_owned(),
        deleted,
        device: 1,
        number,
    };
    for (unit, runs, expected) in [
        (
            "webapp.service",
            program("/opt/releases/a/bin/webapp", false, 77),
            "",
        ),
        (
            "webapp.service",
            program("/opt/releases/a/bin/webapp", false, 78),
            "/opt/releases/a/bin/webapp was replaced",
        ),
        ("webapp.service", program("/usr/bin/python3.11", false, 78), ""),
        ("nginx.service", program("/usr/sbin/nginx", false, 78), ""),
        (
            "nginx.service",
            program("/usr/sbin/nginx", true, 78),
            "/usr/sbin/nginx was replaced",
        ),
        ("cron.service", program("/memfd:x", true, 78), ""),
    ] {
        let mut facts = facts(&appliance);
        edit(&mut facts, unit, |fact| fact.program = Some(runs.clone()));
        let expected: Vec<String> = match expected {
            "" => Vec::new(),
            because => vec![format!("restart {unit}: {because}")],
        };
        assert_eq!(orders(&appliance, &facts, &[]), expected, "{runs:?}");
    }
}

#[test]
fn a_drop_in_that_is_moved_away_restarts_its_unit() {
    let appliance = appliance(&["alice"]);
    let mut facts = facts(&appliance);
    let stranger = path("/etc/systemd/system/webapp.service.d/zz.conf");
    facts.inodes.insert(stranger.clone(), inode(Kind::File, 1));
    let foreign = Foreign {
        path: stranger.clone(),
        because: "nobody declared it".to_owned(),
    };
    let expected = [format!("restart webapp.service: {stranger} changed")];
    assert_eq!(orders(&appliance, &facts, &[foreign]), expected);
}
