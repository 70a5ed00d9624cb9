//! What is decided about a disk: formatted only when every sign says blank, mounted only when it is ours.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on must stop, and nobody reads its files while it writes them"
)]

use appliance::mode::Mode;
use appliance::path::TargetPath;
use appliance::{Appliance, DefinitionFiles};
use host::facts::block::{Blank, FoundBy};
use host::facts::os::Memory;
use host::facts::{DiskFact, Ext, Facts, FoundDisk, Guard, LiveFacts, Mount};
use host::{Host, Question, gather};
use plan::{Change, Plan};
use render::{Inputs, Tree, render};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice";
const GIB: u64 = 1 << 30;

fn appliance(extra: &str) -> Appliance {
    let instance = format!(
        "project = \"x\"\ndomain = \"broker.example.com\"\nplatform = \"qemu\"\nrelease_keys = [\"{KEY}\"]\n\
         ci_ssh_keys = [\"{KEY}\"]\n{extra}\n[[admins]]\nusername = \"alice\"\nssh_keys = [\"{KEY}\"]\n"
    );
    Appliance::parse(&DefinitionFiles::shipped(), "instance.toml", &instance).unwrap()
}

/// A Debian 12 with nothing but its three disks, each blank.
fn facts() -> Facts {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("etc")).unwrap();
    std::fs::write(
        directory.path().join("etc/os-release"),
        "ID=debian\nVERSION_ID=12\n",
    )
    .unwrap();
    let mut facts = gather(&Host::offline(directory.path()).unwrap(), &Question::default()).unwrap();
    let disks = ["data", "home", "temp"].into_iter().zip(1..);
    facts.live = Some(LiveFacts {
        mounts: vec![mount("/", (8, 99))],
        disks: disks
            .map(|(role, minor)| (role.to_owned(), DiskFact::Found(Box::new(blank(minor)))))
            .collect(),
        guards: Default::default(),
        swaps: Vec::new(),
        sysctl: Default::default(),
        units: None,
        firewall: None,
        listeners: None,
        memory: Memory {
            total: 4 * GIB,
            available: 2 * GIB,
            swap_total: 0,
            swap_free: 0,
        },
    });
    facts
}

fn mount(point: &str, device: (u32, u32)) -> Mount {
    Mount {
        id: 1,
        parent: 0,
        device,
        root: "/".to_owned(),
        point: point.to_owned(),
        options: ["rw", "nosuid", "nodev"].map(str::to_owned).to_vec(),
        filesystem: "ext4".to_owned(),
        source: "/dev/disk".to_owned(),
        super_options: ["rw", "discard"].map(str::to_owned).to_vec(),
    }
}

fn blank(minor: u32) -> FoundDisk {
    FoundDisk {
        by: FoundBy::Id,
        name: "x".to_owned(),
        number: (8, minor),
        serial: None,
        bytes: 30 * GIB,
        sector: 512,
        removable: false,
        read_only: false,
        holders: Vec::new(),
        partitions: Vec::new(),
        mounted_at: Vec::new(),
        filesystem: None,
        blank: Some(Blank {
            zero_ends: true,
            partition_table: false,
            signature: None,
        }),
    }
}

fn filesystem(label: &str) -> Ext {
    Ext {
        label: label.to_owned(),
        uuid: "u".to_owned(),
        block_size: 4096,
        blocks: 30 * GIB / 4096,
        ext4: true,
        errors: false,
    }
}

fn planned(appliance: &Appliance, facts: &Facts) -> Plan {
    let tree: Tree = render(appliance, &Inputs::default()).unwrap();
    plan::plan(appliance, &tree, facts, &[])
}

fn formats(plan: &Plan) -> usize {
    plan.steps
        .iter()
        .filter(|step| matches!(step.change, Change::FormatDisk(_)))
        .count()
}

fn mounts(plan: &Plan) -> usize {
    plan.steps
        .iter()
        .filter(|step| matches!(step.change, Change::MountDisk(_)))
        .count()
}

fn with_data_disk(change: impl FnOnce(&mut FoundDisk)) -> Facts {
    let mut facts = facts();
    if let Some(DiskFact::Found(disk)) = facts.live.as_mut().unwrap().disks.get_mut("data") {
        change(disk);
    }
    facts
}

#[test]
fn blank_disks_are_guarded_formatted_and_mounted_in_this_order() {
    let plan = planned(&appliance(""), &facts());
    assert_eq!(
        (formats(&plan), mounts(&plan), plan.refusals.len()),
        (3, 3, 0),
        "{:?}",
        plan.refusals
    );
    let place =
        |wanted: fn(&Change) -> bool| plan.steps.iter().position(|step| wanted(&step.change)).unwrap();
    let guard = place(|change| matches!(change, Change::GuardMountPoint(_)));
    let format = place(|change| matches!(change, Change::FormatDisk(_)));
    let mount = place(|change| matches!(change, Change::MountDisk(_)));
    let below =
        place(|change| matches!(change, Change::Directory { path, .. } if path.as_str() == "/data/src_data"));
    assert!(
        guard < format && format < mount && mount < below,
        "{guard} {format} {mount} {below}"
    );
}

/// A change of the data disk, and what the refusal says.
type Case = (fn(&mut FoundDisk), &'static str);

const REFUSED: &[Case] = &[
    (
        |disk| disk.filesystem = Some(filesystem("backup")),
        "it is another disk",
    ),
    (
        |disk| disk.filesystem = Some(filesystem("appl-home")),
        "not \"appl-data\"",
    ),
    (
        |disk| {
            disk.filesystem = Some(Ext {
                ext4: false,
                ..filesystem("appl-data")
            })
        },
        "not ext4",
    ),
    (
        |disk| disk.blank.as_mut().unwrap().signature = Some("xfs".to_owned()),
        "it holds xfs",
    ),
    (
        |disk| disk.blank.as_mut().unwrap().partition_table = true,
        "partition table",
    ),
    (
        |disk| disk.blank.as_mut().unwrap().zero_ends = false,
        "not all zero",
    ),
    (|disk| disk.blank = None, "nobody looked"),
    (|disk| disk.partitions.push("x1".to_owned()), "1 partitions"),
    (|disk| disk.holders.push("dm-0".to_owned()), "in use by dm-0"),
    (|disk| disk.read_only = true, "read-only"),
    (|disk| disk.mounted_at.push("/srv".to_owned()), "mounted at /srv"),
];

#[test]
fn a_disk_with_anything_on_it_is_refused_and_never_formatted() {
    for (change, expected) in REFUSED {
        let plan = planned(&appliance(""), &with_data_disk(change));
        let reasons: Vec<&str> = plan
            .refusals
            .iter()
            .map(|refusal| refusal.reason.as_str())
            .collect();
        assert!(
            reasons.iter().any(|reason| reason.contains(expected)),
            "{expected:?} is not in {reasons:?}"
        );
        assert_eq!(formats(&plan), 2, "{expected}: the other two are still blank");
    }
}

fn with_record(mut facts: Facts, bytes: u64) -> Facts {
    let record = format!(r#"{{"device":"/dev/disk/by-id/virtio-data-disk","bytes":{bytes}}}"#);
    let path = TargetPath::new("/var/lib/data-analyst/format.json").unwrap();
    facts.contents.insert(path, record.into_bytes());
    facts
}

#[test]
fn a_disk_that_was_interrupted_is_formatted_again_and_only_that_disk() {
    let half_made = with_data_disk(|disk| disk.blank.as_mut().unwrap().zero_ends = false);
    let whole = with_data_disk(|disk| disk.filesystem = Some(filesystem("appl-data")));
    let unnamed = with_data_disk(|disk| disk.filesystem = Some(filesystem("")));
    for facts in [half_made, whole, unnamed] {
        let plan = planned(&appliance(""), &with_record(facts.clone(), 30 * GIB));
        assert_eq!(
            (formats(&plan), plan.refusals.len()),
            (3, 0),
            "{:?}",
            plan.refusals
        );
        // Another size, so another disk.
        let plan = planned(&appliance(""), &with_record(facts, 10 * GIB));
        assert_eq!(formats(&plan), 2);
    }
    for (change, expected) in &REFUSED[3..5] {
        let facts = with_data_disk(|disk| {
            disk.blank.as_mut().unwrap().zero_ends = false;
            change(disk);
        });
        let plan = planned(&appliance(""), &with_record(facts, 30 * GIB));
        assert_eq!((formats(&plan), plan.refusals.len()), (2, 1), "{expected}");
    }
}

#[test]
fn the_record_of_a_disk_that_was_finished_goes() {
    let mut facts = with_data_disk(|disk| disk.filesystem = Some(filesystem("appl-data")));
    facts.live.as_mut().unwrap().mounts.push(mount("/data", (8, 1)));
    let plan = planned(&appliance(""), &with_record(facts, 30 * GIB));
    let removed = |change: &Change| matches!(change, Change::Remove(path) if path.name() == "format.json");
    assert!(plan.steps.iter().any(|step| removed(&step.change)));
}

#[test]
fn a_disk_that_is_known_by_its_label_alone_is_mounted_by_it() {
    let facts = with_data_disk(|disk| {
        disk.by = FoundBy::Label;
        disk.filesystem = Some(filesystem("appl-data"));
    });
    let plan = planned(&appliance(""), &facts);
    let device = plan.steps.iter().find_map(|step| match &step.change {
        Change::MountDisk(disk) => Some(disk.device.as_str()),
        _ => None,
    });
    assert_eq!(device, Some("/dev/disk/by-label/appl-data"));
}

fn guard(mode: u32, immutable: bool, empty: bool) -> Guard {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("x")).unwrap();
    std::fs::create_dir_all(directory.path().join("etc")).unwrap();
    std::fs::write(directory.path().join("etc/os-release"), "ID=debian\n").unwrap();
    let path = TargetPath::new("/x").unwrap();
    let question = Question {
        paths: [(path.clone(), host::Look::Inode)].into(),
        ..Question::default()
    };
    let facts = gather(&Host::offline(directory.path()).unwrap(), &question).unwrap();
    let mut inode = facts.inodes[&path].clone();
    (inode.mode, inode.immutable) = (Mode::from_bits(mode), immutable);
    (inode.uid, inode.gid) = (0, 0);
    Guard { inode, empty }
}

#[test]
fn what_lies_under_a_mount_is_guarded_mounted_or_not() {
    let cases = [
        (None, true),
        (Some(guard(0o555, true, true)), false),
        (Some(guard(0o555, false, true)), true),
        (Some(guard(0o755, true, true)), true),
        (Some(guard(0o555, true, false)), false),
    ];
    for is_mounted in [false, true] {
        for (guard, expected) in cases.clone() {
            let mut facts = with_data_disk(|disk| disk.filesystem = Some(filesystem("appl-data")));
            let live = facts.live.as_mut().unwrap();
            if is_mounted {
                live.mounts.push(mount("/data", (8, 1)));
            }
            let path = TargetPath::new("/data").unwrap();
            let hidden = guard.as_ref().is_some_and(|guard| !guard.empty);
            live.guards.extend(guard.map(|guard| (path.clone(), guard)));
            let plan = planned(&appliance(""), &facts);
            let guards = |change: &Change| matches!(change, Change::GuardMountPoint(point) if *point == path);
            assert_eq!(plan.steps.iter().any(|step| guards(&step.change)), expected);
            assert_eq!(plan.notices.iter().any(|notice| notice.target == "/data"), hidden);
        }
    }
}

#[test]
fn an_instance_can_forbid_formatting() {
    let plan = planned(&appliance("format = \"never\""), &facts());
    assert_eq!((formats(&plan), plan.refusals.len()), (0, 3));
}

#[test]
fn our_own_filesystem_is_mounted_and_not_formatted() {
    let plan = planned(
        &appliance(""),
        &with_data_disk(|disk| disk.filesystem = Some(filesystem("appl-data"))),
    );
    assert_eq!((formats(&plan), mounts(&plan), plan.refusals.len()), (2, 3, 0));
}

#[test]
fn a_missing_or_doubled_disk_stops_everything() {
    for (fact, expected) in [
        (DiskFact::Missing, "neither /dev/disk/by-id/virtio-data-disk nor"),
        (
            DiskFact::Ambiguous {
                candidates: vec!["x".to_owned(), "y".to_owned()],
            },
            "x and y carry its label",
        ),
    ] {
        let mut facts = facts();
        facts.live.as_mut().unwrap().disks.insert("data".to_owned(), fact);
        let plan = planned(&appliance(""), &facts);
        assert!(
            plan.refusals
                .iter()
                .any(|refusal| refusal.reason.contains(expected)),
            "{:?}",
            plan.refusals
        );
    }
}

#[test]
fn a_swapped_disk_is_told_by_its_marker() {
    let mut facts = with_data_disk(|disk| disk.filesystem = Some(filesystem("appl-data")));
    facts.live.as_mut().unwrap().mounts.push(mount("/data", (8, 1)));
    let marker = TargetPath::new("/data/.appliance-disk").unwrap();
    facts.contents.insert(
        marker.clone(),
        br#"{"role":"home","disk_id":"home-disk"}"#.to_vec(),
    );
    let plan = planned(&appliance(""), &facts);
    let expected = "says that it is the home disk: disks were swapped";
    assert!(
        plan.refusals
            .iter()
            .any(|refusal| refusal.reason.contains(expected)),
        "{:?}",
        plan.refusals
    );
    facts.contents.insert(marker, br#"{"role":"data"}"#.to_vec());
    assert!(planned(&appliance(""), &facts).refusals.is_empty());
}

#[test]
fn a_disk_that_grew_is_grown_and_one_that_shrank_is_refused() {
    let mounted = |bytes| {
        let mut facts = with_data_disk(|disk| {
            disk.filesystem = Some(filesystem("appl-data"));
            disk.bytes = bytes;
        });
        facts.live.as_mut().unwrap().mounts.push(mount("/data", (8, 1)));
        planned(&appliance(""), &facts)
    };
    let grows = |plan: &Plan| {
        plan.steps
            .iter()
            .any(|step| matches!(step.change, Change::GrowDisk(_)))
    };
    assert!(!grows(&mounted(30 * GIB)));
    assert!(grows(&mounted(35 * GIB)));
    assert!(
        mounted(20 * GIB)
            .refusals
            .iter()
            .any(|refusal| refusal.next.contains("never shrunk"))
    );
}
