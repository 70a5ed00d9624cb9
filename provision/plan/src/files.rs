//! The tree: directories, files, links, and what must not be there.

use std::collections::BTreeSet;

use appliance::acl::Acl;
use appliance::layout::NamedAcl;
use appliance::path::TargetPath;
use host::facts::{Inode, Kind};
use render::{Area, Content, Entry, Node, Ownership};

use crate::step::{Action, Change, Drift, Metadata, NewContent, RefusalKind};
use crate::{Planner, diff};

/// Plans every entry of an area, parents first.
pub(crate) fn plan(planner: &mut Planner<'_>, area: Area) {
    let tree = planner.tree;
    for (path, entry) in tree.iter().filter(|(_, entry)| entry.area == area) {
        plan_entry(planner, path, entry);
    }
    if area == Area::Directories {
        plan_closed_trees(planner);
    }
}

fn plan_entry(planner: &mut Planner<'_>, path: &TargetPath, entry: &Entry) {
    if let Some(obstacle) = planner.facts.obstructed.get(path) {
        let reason = format!("{obstacle} stands in its way and is not trusted");
        let next = format!("look at {obstacle} and remove it if nobody needs it");
        planner.refuse(RefusalKind::Safety, entry.area, path.to_string(), reason, next);
        return;
    }
    let inode = planner.inode(path);
    match &entry.node {
        Node::Directory {
            ownership,
            access,
            default,
            ..
        } => {
            let metadata = planner.metadata(ownership, access.as_ref(), default.as_ref());
            plan_directory(planner, path, entry, inode, metadata);
        }
        Node::File {
            ownership,
            content,
            judge,
        } => {
            let file = FileWanted {
                ownership,
                content,
                judge: *judge,
            };
            plan_file(planner, path, entry, inode, &file);
        }
        Node::Link { target, once } => plan_link(planner, path, entry, inode, target, *once),
        Node::Absent => plan_absence(planner, path, entry, inode),
    }
}

fn wrong_kind(planner: &mut Planner<'_>, path: &TargetPath, area: Area, found: &Kind, wanted: &str) {
    let reason = format!("{} stands where {wanted} belongs", describe_kind(found));
    let next = format!("look at it with `ls -ld {path}`, move it away if nobody needs it, and run again");
    planner.refuse(RefusalKind::Safety, area, path.to_string(), reason, next);
}

pub(crate) fn describe_kind(kind: &Kind) -> String {
    match kind {
        Kind::File => "a file".to_owned(),
        Kind::Directory => "a directory".to_owned(),
        Kind::Link(target) => format!("a symbolic link to {target}"),
        Kind::Other(what) => format!("a {what}"),
    }
}

fn plan_directory(
    planner: &mut Planner<'_>,
    path: &TargetPath,
    entry: &Entry,
    inode: Option<&Inode>,
    metadata: Metadata,
) {
    let after = planner.describe(&metadata);
    let Some(inode) = inode else {
        let change = Change::Directory {
            path: path.clone(),
            metadata,
        };
        planner.step(
            entry.area,
            change,
            Action::Create,
            Drift::Missing,
            &entry.because,
            "",
            &after,
        );
        return;
    };
    if inode.kind != Kind::Directory {
        wrong_kind(planner, path, entry.area, &inode.kind, "a directory");
        return;
    }
    let before = metadata_of(inode);
    if before == metadata {
        return;
    }
    let drift = kind_of_difference(&before, &metadata);
    let before = planner.describe(&before);
    let change = Change::Directory {
        path: path.clone(),
        metadata,
    };
    planner.step(
        entry.area,
        change,
        Action::Update,
        drift,
        &entry.because,
        &before,
        &after,
    );
}

struct FileWanted<'a> {
    ownership: &'a Ownership,
    content: &'a Content,
    judge: Option<appliance::layout::Judge>,
}

fn plan_file(
    planner: &mut Planner<'_>,
    path: &TargetPath,
    entry: &Entry,
    inode: Option<&Inode>,
    file: &FileWanted<'_>,
) {
    let metadata = planner.metadata(file.ownership, None, None);
    let secret = file.content.is_secret();
    let write = |metadata: Metadata| Change::WriteFile {
        path: path.clone(),
        content: NewContent {
            bytes: file.content.bytes().to_vec(),
            secret,
        },
        metadata,
        judge: file.judge,
    };
    let Some(inode) = inode else {
        let after = if secret {
            "a secret".to_owned()
        } else {
            diff::lines(&[], file.content.bytes())
        };
        let change = write(metadata);
        planner.step(
            entry.area,
            change,
            Action::Create,
            Drift::Missing,
            &entry.because,
            "",
            &after,
        );
        return;
    };
    if inode.kind != Kind::File {
        wrong_kind(planner, path, entry.area, &inode.kind, "a file");
        return;
    }
    let before_bytes = planner.facts.contents.get(path).map_or(&[][..], Vec::as_slice);
    let before = metadata_of(inode);
    // A second name for the file would keep the old bytes, and somebody else's right to them.
    let linked_elsewhere = inode.links > 1;
    if before_bytes != file.content.bytes() || linked_elsewhere {
        let (before, after) = match (secret, linked_elsewhere) {
            (true, _) => (
                "another secret".to_owned(),
                "the secret that was given".to_owned(),
            ),
            (false, true) => (
                format!("{} names for one file", inode.links),
                "a file of its own".to_owned(),
            ),
            (false, false) => (
                "other text".to_owned(),
                diff::lines(before_bytes, file.content.bytes()),
            ),
        };
        planner.step(
            entry.area,
            write(metadata),
            Action::Update,
            Drift::Content,
            &entry.because,
            &before,
            &after,
        );
    } else if before != metadata {
        let drift = if secret {
            Drift::CredentialMode
        } else {
            kind_of_difference(&before, &metadata)
        };
        let (before, after) = (planner.describe(&before), planner.describe(&metadata));
        let change = Change::SetMetadata {
            path: path.clone(),
            metadata,
        };
        planner.step(
            entry.area,
            change,
            Action::Update,
            drift,
            &entry.because,
            &before,
            &after,
        );
    }
}

fn plan_link(
    planner: &mut Planner<'_>,
    path: &TargetPath,
    entry: &Entry,
    inode: Option<&Inode>,
    target: &str,
    once: bool,
) {
    let change = Change::Link {
        path: path.clone(),
        target: target.to_owned(),
    };
    match inode.map(|inode| &inode.kind) {
        None => {
            let after = format!("a link to {target}");
            planner.step(
                entry.area,
                change,
                Action::Create,
                Drift::Missing,
                &entry.because,
                "",
                &after,
            );
        }
        Some(Kind::Link(now)) if now == target || once => {}
        Some(Kind::Link(now)) => {
            let (before, after) = (format!("a link to {now}"), format!("a link to {target}"));
            planner.step(
                entry.area,
                change,
                Action::Update,
                Drift::Content,
                &entry.because,
                &before,
                &after,
            );
        }
        Some(other) => wrong_kind(planner, path, entry.area, &other.clone(), "a symbolic link"),
    }
}

fn plan_absence(planner: &mut Planner<'_>, path: &TargetPath, entry: &Entry, inode: Option<&Inode>) {
    match inode.map(|inode| &inode.kind) {
        None => {}
        Some(kind @ (Kind::File | Kind::Link(_))) => {
            let before = describe_kind(kind);
            let change = Change::Remove(path.clone());
            planner.step(
                entry.area,
                change,
                Action::Remove,
                Drift::Extra,
                &entry.because,
                &before,
                "",
            );
        }
        Some(other) => wrong_kind(planner, path, entry.area, &other.clone(), "nothing"),
    }
}

/// What lies in an exact directory and is not in the tree: a secret that is no longer given, a revoked key.
pub(crate) fn plan_leftovers(planner: &mut Planner<'_>) {
    let tree = planner.tree;
    for (directory, entry) in tree.iter() {
        let Node::Directory { exact: true, .. } = &entry.node else {
            continue;
        };
        let Some(names) = planner.facts.listings.get(directory) else {
            continue;
        };
        for (name, inode) in names {
            let Ok(path) = directory.join(name) else { continue };
            if tree.get(&path).is_some() || planner.goes(&path) {
                continue;
            }
            if matches!(inode.kind, Kind::File | Kind::Link(_)) {
                let because = format!("nothing lies in {directory} but what the definition puts there");
                let before = describe_kind(&inode.kind);
                let change = Change::Remove(path);
                planner.step(
                    Area::Settings,
                    change,
                    Action::Remove,
                    Drift::Extra,
                    &because,
                    &before,
                    "",
                );
            } else {
                planner.notice(
                    Area::Settings,
                    path.as_str(),
                    "it does not belong there and was left as it is",
                );
            }
        }
    }
}

/// Below a closed directory no list may name a group that the directory's own lists do not name. Data files come
/// and go, so nothing else about them is compared.
fn plan_closed_trees(planner: &mut Planner<'_>) {
    let tree = planner.tree;
    for (top, entry) in tree.iter() {
        let Node::Directory {
            access: Some(access),
            default,
            closed: true,
            ..
        } = &entry.node
        else {
            continue;
        };
        let lists = || [Some(access), default.as_ref()].into_iter().flatten();
        let allowed = Named {
            users: lists()
                .flat_map(|list| list.users.keys())
                .map(|user| planner.ids.user(user))
                .collect(),
            groups: lists()
                .flat_map(|list| list.groups.keys())
                .map(|group| planner.ids.group(group))
                .collect(),
        };
        let Some(walked) = planner.facts.trees.get(top) else {
            continue;
        };
        for (path, inode) in walked.inodes.iter().filter(|(path, _)| *path != top) {
            let clean = |list: &Option<Acl>| list.as_ref().map(|list| without_foreign(list, &allowed));
            let (access, default) = (clean(&inode.acl), clean(&inode.default_acl));
            let public = inode.mode.bits() & 0o007 != 0;
            if access == inode.acl && default == inode.default_acl && !public {
                continue;
            }
            let mut wanted = metadata_of(inode);
            wanted.mode = appliance::mode::Mode::from_bits(inode.mode.bits() & !0o007);
            wanted.access = access.map(|mut list| {
                list.other = appliance::acl::Permissions::NONE;
                list
            });
            wanted.default = default;
            let (before, after) = (planner.describe(&metadata_of(inode)), planner.describe(&wanted));
            let change = Change::SetMetadata {
                path: path.clone(),
                metadata: wanted,
            };
            let because = format!("what lies below {top} is private");
            planner.step(
                Area::Directories,
                change,
                Action::Update,
                Drift::PrivateAcl,
                &because,
                &before,
                &after,
            );
        }
    }
}

/// Who may be named below a closed directory.
struct Named {
    users: BTreeSet<u32>,
    groups: BTreeSet<u32>,
}

fn without_foreign(list: &Acl, allowed: &Named) -> Acl {
    let mut list = list.clone();
    list.groups.retain(|group, _| allowed.groups.contains(group));
    list.users.retain(|user, _| allowed.users.contains(user));
    list
}

/// What an inode has, in the form of what it should have.
pub(crate) fn metadata_of(inode: &Inode) -> Metadata {
    Metadata {
        uid: inode.uid,
        gid: inode.gid,
        mode: inode.mode,
        access: inode.acl.clone(),
        default: inode.default_acl.clone(),
    }
}

fn kind_of_difference(before: &Metadata, after: &Metadata) -> Drift {
    if (before.uid, before.gid) != (after.uid, after.gid) {
        Drift::Owner
    } else if before.access != after.access || before.default != after.default {
        Drift::Acl
    } else {
        Drift::Mode
    }
}

impl Planner<'_> {
    /// Owner, mode and lists in the machine's numbers.
    pub(crate) fn metadata(
        &self,
        ownership: &Ownership,
        access: Option<&NamedAcl>,
        default: Option<&NamedAcl>,
    ) -> Metadata {
        Metadata {
            uid: self.ids.user(&ownership.owner),
            gid: self.ids.group(&ownership.group),
            mode: ownership.mode,
            access: access.map(|list| self.numbered(list)),
            default: default.map(|list| self.numbered(list)),
        }
    }

    fn numbered(&self, list: &NamedAcl) -> Acl {
        Acl {
            owner: list.owner,
            users: list
                .users
                .iter()
                .map(|(user, bits)| (self.ids.user(user), *bits))
                .collect(),
            group: list.group,
            groups: list
                .groups
                .iter()
                .map(|(group, bits)| (self.ids.group(group), *bits))
                .collect(),
            mask: list.mask,
            other: list.other,
        }
    }

    fn describe(&self, metadata: &Metadata) -> String {
        let mut text = format!(
            "{}:{} {}",
            self.ids.user_name(metadata.uid),
            self.ids.group_name(metadata.gid),
            metadata.mode
        );
        let mut list = |label: &str, list: &Option<Acl>| {
            if let Some(list) = list {
                let named: Result<Acl<String, String>, std::convert::Infallible> = list.translate(
                    |uid| Ok(self.ids.user_name(*uid)),
                    |gid| Ok(self.ids.group_name(*gid)),
                );
                let Ok(named) = named;
                text.push_str(&format!(", {label} {named}"));
            }
        };
        list("access", &metadata.access);
        list("default", &metadata.default);
        text
    }
}
