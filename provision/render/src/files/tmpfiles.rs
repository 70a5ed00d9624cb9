//! systemd-tmpfiles: what lies on a filesystem that a boot empties is made again, and swept.

use appliance::layout::{Directory, FileRule};
use appliance::path::TargetPath;
use templates::context::{Tmpfiles, TmpfilesRow};

use crate::draft::Draft;
use crate::marker;

/// A boot finds it empty.
const VOLATILE: &str = "/run";

/// The directories that name this file as the one they replace; in any other file, those that name none.
pub(super) fn rows(draft: &Draft<'_>, rule: &FileRule) -> Tmpfiles {
    let directories = &draft.appliance.directories;
    let replaced = |directory: &Directory| directory.sweep.as_ref().and_then(|sweep| sweep.replaces.clone());
    let replaces = |directory: &&Directory| replaced(directory).as_deref() == Some(rule.path.name());
    let mut rows: Vec<&Directory> = directories.iter().filter(replaces).collect();
    if rows.is_empty() {
        let is_here = |directory: &&Directory| {
            replaced(directory).is_none() && (directory.sweep.is_some() || is_volatile(&directory.path))
        };
        rows = directories.iter().filter(is_here).collect();
    }
    rows.sort_by_key(|directory| &directory.path);
    Tmpfiles {
        rows: rows
            .into_iter()
            .flat_map(|directory| [Some(row(directory)), marker_row(draft, directory)])
            .flatten()
            .collect(),
    }
}

/// The disk's own word about itself, where a boot takes it away with all the rest.
fn marker_row(draft: &Draft<'_>, directory: &Directory) -> Option<TmpfilesRow> {
    if !directory.sweep.as_ref()?.emptied_at_boot {
        return None;
    }
    let mut disks = draft.appliance.disks.iter();
    let disk = disks.find(|disk| disk.mount == directory.path)?;
    Some(TmpfilesRow {
        kind: "f".to_owned(),
        path: marker::path(&disk.mount)?.to_string(),
        mode: marker::MODE.to_owned(),
        user: "root".to_owned(),
        group: "root".to_owned(),
        age: "-".to_owned(),
        argument: Some(marker::text(disk.role, &disk.device)),
        reason: Some("What a boot empties goes on saying what it is for.".to_owned()),
    })
}

fn is_volatile(path: &TargetPath) -> bool {
    TargetPath::new(VOLATILE).is_ok_and(|volatile| path.is_within(&volatile))
}

fn row(directory: &Directory) -> TmpfilesRow {
    let sweep = directory.sweep.as_ref();
    let emptied = sweep.is_some_and(|sweep| sweep.emptied_at_boot);
    TmpfilesRow {
        kind: if emptied { "D" } else { "d" }.to_owned(),
        path: directory.path.to_string(),
        mode: directory.mode.to_string(),
        user: directory.owner.to_string(),
        group: directory.group.to_string(),
        age: sweep
            .and_then(|sweep| sweep.age.clone())
            .unwrap_or_else(|| "-".to_owned()),
        argument: None,
        reason: None,
    }
}
