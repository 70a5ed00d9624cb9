//! Files, links, owners and removals: everything of a round in one go, content durable before the first name changes
//! and names durable before anything acts on them.

use std::collections::BTreeMap;

use appliance::path::TargetPath;
use host::write::{self, NewFile, Staged};
use host::{Host, directory, link, remove};
use plan::{Change, Metadata, Step};

use crate::{StepError, leaving};

/// Descriptors that are held at a time; a process may have 1024.
const MOST_STAGED: usize = 200;

/// The plan's metadata in the words of the writer: the lists are always whole.
pub(crate) fn host_metadata(metadata: &Metadata) -> directory::Metadata {
    directory::Metadata {
        uid: metadata.uid,
        gid: metadata.gid,
        mode: metadata.mode,
        lists: directory::Lists::Exactly {
            access: metadata.access.clone(),
            default: metadata.default.clone(),
        },
    }
}

/// The plan's file in the words of the writer.
fn new_file<'a>(path: &'a TargetPath, content: &'a [u8], metadata: &'a Metadata) -> NewFile<'a> {
    NewFile {
        path,
        content,
        uid: metadata.uid,
        gid: metadata.gid,
        mode: metadata.mode,
        acl: metadata.access.as_ref(),
    }
}

/// The path whose name or inode a change touches.
pub(crate) fn path_of(change: &Change) -> Option<&TargetPath> {
    match change {
        Change::WriteFile { path, .. }
        | Change::Link { path, .. }
        | Change::Remove(path)
        | Change::RemoveDirectory(path)
        | Change::Quarantine { path }
        | Change::Directory { path, .. }
        | Change::SetMetadata { path, .. } => Some(path),
        _ => None,
    }
}

/// Makes directories, parents first, or brings those that are there to their owner, mode and lists.
pub(crate) fn make_directories<'a>(
    host: &Host,
    steps: impl Iterator<Item = &'a Step>,
) -> Result<(), StepError> {
    for step in steps {
        if let Change::Directory { path, metadata } = &step.change {
            directory::ensure(host, path, &host_metadata(metadata))?;
        }
    }
    Ok(())
}

/// Carries out the steps in their order, durably.
pub(crate) fn change<'a>(host: &Host, steps: impl Iterator<Item = &'a Step>) -> Result<(), StepError> {
    let steps: Vec<&Step> = steps.collect();
    for some in steps.chunks(MOST_STAGED) {
        let paths: Vec<&TargetPath> = some.iter().filter_map(|step| path_of(&step.change)).collect();
        let mut staged = stage(host, some)?;
        if !staged.is_empty() {
            let files: Vec<&TargetPath> = staged.keys().collect();
            write::sync(host, &files)?;
        }
        for step in some {
            put(host, step, &mut staged)?;
        }
        write::sync(host, &paths)?;
    }
    Ok(())
}

fn stage(host: &Host, steps: &[&Step]) -> Result<BTreeMap<TargetPath, Staged>, StepError> {
    let mut staged = BTreeMap::new();
    for step in steps {
        if let Change::WriteFile {
            path,
            content,
            metadata,
            ..
        } = &step.change
        {
            let file = write::stage(host, &new_file(path, &content.bytes, metadata))?;
            staged.insert(path.clone(), file);
        }
    }
    Ok(staged)
}

fn put(host: &Host, step: &Step, staged: &mut BTreeMap<TargetPath, Staged>) -> Result<(), StepError> {
    match &step.change {
        Change::WriteFile { path, .. } => {
            if let Some(file) = staged.remove(path) {
                file.put_unsynced()?;
            }
        }
        Change::Link { path, target } => link::replace_unsynced(host, path, target, 0, 0)?,
        Change::Remove(path) => {
            remove::file_or_link_unsynced(host, path)?;
        }
        Change::RemoveDirectory(path) => leaving::remove_directory(host, path)?,
        Change::SetMetadata { path, metadata } => {
            directory::set_metadata(host, path, &host_metadata(metadata))?;
        }
        _ => {}
    }
    Ok(())
}

/// Carries out one step in a shadow, where nothing lasts.
pub(crate) fn rehearse(shadow: &Host, step: &Step) -> Result<(), StepError> {
    match &step.change {
        Change::Directory { path, metadata } => {
            directory::ensure(shadow, path, &host_metadata(metadata))?;
            Ok(())
        }
        // Where it is moved to is no part of the shadow.
        Change::Quarantine { path } => {
            remove::file_or_link_unsynced(shadow, path)?;
            Ok(())
        }
        _ => {
            let mut staged = stage(shadow, &[step])?;
            put(shadow, step, &mut staged)
        }
    }
}
