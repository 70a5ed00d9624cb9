//! Nobody can read or write data that is not theirs, whatever the directories above happen to allow: a file that is
//! moved keeps its list.

use std::collections::BTreeSet;

use appliance::layout::Directory;
use appliance::path::TargetPath;
use host::facts::{Inode, Kind, Tree};
use plan::Ids;

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

/// What everybody may read on purpose.
const PUBLIC: [&str; 4] = ["/data/docs", "/data/scripts", "/data/examples", "/data/downloads"];
/// Written with mode 0644 on purpose: it lies where others cannot enter.
const PUBLIC_FILE: &str = "/data/src_data/metadata/profiles.json";

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let closed = machine
        .appliance
        .directories
        .iter()
        .filter(|directory| directory.closed);
    let ids = Ids::new(machine.appliance, &machine.facts);
    let mut findings = Findings::new("closed directories, and what everybody may read or write");
    for directory in closed {
        if let Some(tree) = machine.facts.trees.get(&directory.path) {
            below_closed(directory, tree, &ids, &mut findings);
        }
    }
    readable(machine, &mut findings);
    writable(machine, &mut findings);
    findings
}

/// No group but those that the directory's own lists name, and nobody else at all, at any depth.
fn below_closed(directory: &Directory, tree: &Tree, ids: &Ids, findings: &mut Findings) {
    let lists = directory
        .profile
        .iter()
        .flat_map(|profile| [&profile.access, &profile.default]);
    let groups: BTreeSet<u32> = lists
        .clone()
        .flat_map(|list| list.groups.keys())
        .chain([&directory.group])
        .map(|group| ids.group(group))
        .chain([0])
        .collect();
    let users: BTreeSet<u32> = lists
        .flat_map(|list| list.users.keys())
        .map(|user| ids.user(user))
        .collect();
    let next = format!(
        "run `appliance apply`; then find out who let it in below {}",
        directory.path
    );
    for (path, inode) in tree
        .inodes
        .iter()
        .filter(|(_, inode)| !matches!(inode.kind, Kind::Link(_)))
    {
        for stranger in strangers(inode, &groups, &users, ids) {
            let what = format!("gives a right to {stranger}");
            findings.error(Class::PrivateAcl, path, what, next.as_str());
        }
    }
    for (place, name, _) in &tree.unnameable {
        let what = format!("holds {name:?}, whose name keeps it from being checked");
        findings.error(Class::PrivateAcl, place, what, "rename it");
    }
}

fn strangers(inode: &Inode, groups: &BTreeSet<u32>, users: &BTreeSet<u32>, ids: &Ids) -> Vec<String> {
    let mut strangers = Vec::new();
    for list in inode.acl.iter().chain(&inode.default_acl) {
        let named = list.groups.keys().filter(|gid| !groups.contains(gid));
        strangers.extend(named.map(|gid| format!("group {}", ids.group_name(*gid))));
        let named = list.users.keys().filter(|uid| !users.contains(uid));
        strangers.extend(named.map(|uid| format!("user {}", ids.user_name(*uid))));
    }
    if !groups.contains(&inode.gid) && inode.mode.bits() & 0o070 != 0 {
        strangers.push(format!("its group {}", ids.group_name(inode.gid)));
    }
    if inode.mode.bits() & 0o007 != 0 {
        strangers.push("everybody".to_owned());
    }
    strangers.dedup();
    strangers
}

fn readable(machine: &Machine<'_>, findings: &mut Findings) {
    let on_purpose = |path: &TargetPath| {
        PUBLIC
            .map(TargetPath::known)
            .iter()
            .any(|top| path.is_within(top))
            || path.as_str() == PUBLIC_FILE
    };
    for (path, inode) in machine.walk.readable.iter().filter(|(path, _)| !on_purpose(path)) {
        let what = format!("has mode {}: everybody who gets there may read it", inode.mode);
        let next = "`chmod o-r` it, and look which program writes it so";
        findings.warning(Class::Mode, path, what, next);
    }
}

/// Homes belong to their people, and places for temporary files to everybody.
fn writable(machine: &Machine<'_>, findings: &mut Findings) {
    let theirs = [
        "/home",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/dev/mqueue",
        "/run/user",
        "/run/lock",
    ]
    .map(TargetPath::known);
    for (path, inode) in &machine.walk.writable {
        if !theirs.iter().any(|top| path.is_within(top)) {
            let what = format!("has mode {}: everybody may write it", inode.mode);
            findings.error(
                Class::WorldWritable,
                path,
                what,
                "`chmod o-w` it, then look what was written",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// A closed tree with one file of this mode and list; groups have the definition's numbers.
    fn brief(mode: u32, gid: u32, acl: Option<&str>) -> Vec<String> {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        let mut file = fixture::inode(Kind::File, mode);
        file.gid = gid;
        file.acl = acl.map(|acl| acl.parse().expect("a list"));
        let top = TargetPath::known("/data/src_data/parquet/private");
        let mut tree = Tree::default();
        tree.inodes
            .insert(TargetPath::known("/data/src_data/parquet/private/a/t"), file);
        machine.facts.trees.insert(top, tree);
        check(&machine).brief()
    }

    const FOUND: &[&str] = &["error private-acl /data/src_data/parquet/private/a/t"];

    #[test]
    fn below_a_closed_directory_nobody_else_has_a_right() {
        let ours = "u::rw- g::rw- g:880:rw- g:882:r-- m::rw- o::---";
        let with_analysts = "u::rw- g::rw- g:880:rw- g:881:r-- m::rw- o::---";
        let with_somebody = "u::rw- u:3001:r-- g::rw- m::rw- o::---";
        assert!(brief(0o660, 880, Some(ours)).is_empty());
        assert!(brief(0o600, 3001, None).is_empty());
        assert_eq!(brief(0o660, 880, Some(with_analysts)), FOUND);
        assert_eq!(brief(0o660, 880, Some(with_somebody)), FOUND);
        assert_eq!(brief(0o664, 880, None), FOUND);
        assert_eq!(brief(0o660, 3001, None), FOUND);
    }

    #[test]
    fn what_everybody_may_read_or_write_is_told_but_for_what_is_theirs() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        for (path, kind, mode) in [
            ("/data/docs/a.md", Kind::File, 0o644),
            ("/data/src_data/metadata/profiles.json", Kind::File, 0o644),
            ("/data/src_data/parquet/t.parquet", Kind::File, 0o664),
            ("/data/src_data", Kind::Directory, 0o2770),
            ("/etc/passwd", Kind::File, 0o644),
            ("/var/tmp", Kind::Directory, 0o1777),
            ("/home/bob/open", Kind::File, 0o666),
            ("/opt/open", Kind::Directory, 0o777),
            ("/opt/link", Kind::Link("x".to_owned()), 0o777),
        ] {
            machine
                .walk
                .sort_in(TargetPath::known(path), fixture::inode(kind, mode));
        }
        assert_eq!(
            check(&machine).brief(),
            [
                "error world-writable /opt/open",
                "warning mode /data/src_data/parquet/t.parquet",
            ]
        );
    }
}
