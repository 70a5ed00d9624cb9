//! What planning must know about a machine: nothing else is looked at.

use std::collections::BTreeMap;

use appliance::Appliance;
use appliance::disk::Disk;
use appliance::instance::Formatting;
use appliance::path::TargetPath;
use appliance::platform::Platform;
use host::{DiskQuestion, Look, Question, TableName};
use render::{MARKER_NAME, Node, Tree};

use crate::Foreign;
use crate::ledger::{LEDGER, Ledger, OwnedNode};
use crate::secrets::{
    CREDENTIALS_DIRECTORY, ENV_FILE, GENERATED_DIRECTORY, PLACEHOLDER_CERTIFICATE, PLACEHOLDER_KEY,
    certificate_path,
};
use crate::{due, removal, system_files, units};

/// The record of a formatting that is not finished.
pub(crate) fn format_record_path() -> TargetPath {
    TargetPath::known("/var/lib/data-analyst/format.json")
}

/// The file with our firewall table.
pub(crate) fn known_firewall_path() -> TargetPath {
    TargetPath::known("/etc/nftables.conf")
}

/// The stable name of a disk.
pub(crate) fn by_id_path(platform: Platform, disk: &Disk) -> TargetPath {
    TargetPath::known(&format!(
        "/dev/disk/by-id/{}{}",
        platform.disk_prefix().unwrap_or_default(),
        disk.device
    ))
}

/// The one table that is ours.
pub fn firewall_table() -> TableName {
    TableName {
        family: "inet".to_owned(),
        name: "appliance".to_owned(),
    }
}

/// What must be known before anything can be rendered: the secrets and the numbers of accounts; and what an earlier run
/// created, which the next question is about too.
pub fn inputs_question(appliance: &Appliance) -> Question {
    let mut paths = BTreeMap::from([
        (TargetPath::known(ENV_FILE), Look::Content),
        (TargetPath::known(LEDGER), Look::Content),
        (certificate_path(appliance), Look::Inode),
    ]);
    for credential in appliance
        .credentials
        .iter()
        .filter(|credential| credential.generated)
    {
        for directory in [GENERATED_DIRECTORY, CREDENTIALS_DIRECTORY] {
            paths.insert(
                TargetPath::known(&format!("{directory}/{}", credential.name)),
                Look::Content,
            );
        }
    }
    Question {
        paths,
        ..Question::default()
    }
}

/// What must be known to compare a machine with what was rendered, and to remove what the tree no longer has
/// and what is foreign.
pub fn question(appliance: &Appliance, tree: &Tree, ledger: &Ledger, foreign: &[Foreign]) -> Question {
    let mut paths: BTreeMap<TargetPath, Look> = BTreeMap::new();
    let mut trees = Vec::new();
    for (path, entry) in tree.iter() {
        let look = match &entry.node {
            Node::File { .. } => Look::Content,
            Node::Directory { exact: true, .. } => Look::Listing,
            Node::Directory { closed, .. } => {
                if *closed {
                    trees.push(path.clone());
                }
                Look::Inode
            }
            Node::Link { .. } | Node::Absent => Look::Inode,
        };
        paths.insert(path.clone(), look);
    }
    for (path, owned) in ledger.left(tree) {
        let look = match owned.node {
            OwnedNode::File(_) => Look::Digest,
            OwnedNode::Link(_) => Look::Inode,
            OwnedNode::Directory => Look::Listing,
        };
        paths.insert(path.clone(), look);
    }
    for foreign in foreign {
        paths.entry(foreign.path.clone()).or_insert(Look::Inode);
    }
    paths.extend(system_files::ALL.map(|path| (TargetPath::known(path), Look::Content)));
    paths.insert(format_record_path(), Look::Content);
    paths.insert(TargetPath::known(ENV_FILE), Look::Content);
    paths.insert(TargetPath::known(LEDGER), Look::Content);
    paths.insert(certificate_path(appliance), Look::Inode);
    paths.extend(
        [PLACEHOLDER_CERTIFICATE, PLACEHOLDER_KEY].map(|path| (TargetPath::known(path), Look::Inode)),
    );
    paths.insert(appliance.swap.path.clone(), Look::Inode);
    for disk in &appliance.disks {
        paths.insert(
            TargetPath::known(&format!("{}/{MARKER_NAME}", disk.mount)),
            Look::Content,
        );
    }
    for service in &appliance.units.services {
        for path in units::program_paths(&service.command) {
            paths.entry(path).or_insert(Look::Inode);
        }
    }
    for unit in &appliance.units.debian {
        paths.insert(due::reload_stamp(&unit.name), Look::Content);
    }
    let left: Vec<TargetPath> = ledger.left(tree).map(|(path, _)| path.clone()).collect();
    let of_others = foreign.iter().map(|foreign| &foreign.path);
    let reaches = tree.iter().map(|(path, _)| path).chain(&left).chain(of_others);
    for path in due::input_directories(appliance, reaches) {
        paths.entry(path).or_insert(Look::Inode);
    }
    let ours = appliance
        .units
        .services
        .iter()
        .map(|unit| &unit.name)
        .filter(|name| !name.is_template());
    let units = ours
        .chain(appliance.units.timers.iter().map(|unit| &unit.name))
        .chain(
            appliance
                .units
                .debian
                .iter()
                .filter(|unit| appliance.is_on(&unit.platforms))
                .map(|unit| &unit.name),
        )
        .cloned()
        .chain(removal::units(ledger, tree))
        .chain(
            appliance
                .disks
                .iter()
                .filter_map(|disk| due::mount_unit(&disk.mount)),
        )
        .collect();
    let platform = appliance.platform();
    let disks = match platform.disk_prefix() {
        None => Vec::new(),
        Some(_) => appliance
            .disks
            .iter()
            .map(|disk| DiskQuestion {
                role: disk.role.to_string(),
                by_id: by_id_path(platform, disk),
                label: disk.label.clone(),
                mount_point: disk.mount.clone(),
                probe_blank: appliance.instance.format == Formatting::IfBlank,
            })
            .collect(),
    };
    let sysctl = appliance.operating_system.sysctl.keys().cloned().collect();
    Question {
        paths,
        trees,
        free_space: [TargetPath::root()].into(),
        units,
        sysctl,
        firewall_table: Some(firewall_table()),
        disks,
        guards: guarded(appliance).map(|disk| disk.mount.clone()).collect(),
        listeners: false,
    }
}

/// Disks whose mount points are ours to guard.
pub(crate) fn guarded(appliance: &Appliance) -> impl Iterator<Item = &Disk> {
    let ours = appliance.platform().owns_kernel();
    appliance.disks.iter().filter(move |disk| ours && disk.guarded)
}
