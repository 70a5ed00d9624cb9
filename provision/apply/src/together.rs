//! Files and links that one program reads as a whole: they change together, the program judges the whole, and when it
//! refuses, everything is as it was. One file alone cannot be judged, because it names what stands in another.

use std::collections::BTreeMap;

use appliance::layout::Judge;
use appliance::path::TargetPath;
use host::facts::Kind;
use host::write::{self, NewFile};
use host::{Facts, Host, Look, Question};
use plan::{Change, Step};
use render::Area;

use crate::{StepError, files};

/// Whether a step changes what is judged together with other such steps.
pub(crate) fn belongs(step: &Step) -> bool {
    step.area == Area::Nginx
        && matches!(
            step.change,
            Change::WriteFile { .. } | Change::Link { .. } | Change::Remove(_)
        )
}

/// Carries out steps of nginx's configuration, or none of them.
pub(crate) fn change(host: &Host, batch: &[Step]) -> Result<(), StepError> {
    let paths: Vec<&TargetPath> = batch.iter().filter_map(path_of).collect();
    let question = Question {
        paths: paths
            .iter()
            .map(|path| ((*path).clone(), Look::Content))
            .collect::<BTreeMap<_, _>>(),
        ..Question::default()
    };
    let before = host::gather(host, &question)?;
    let changed = batch.iter().try_for_each(|step| change_one(host, step));
    let judged = changed.and_then(|()| {
        if host.is_live() {
            files::judge_installed(host, Judge::Nginx)
        } else {
            Ok(())
        }
    });
    if judged.is_err() {
        for path in paths.into_iter().rev() {
            restore(host, path, &before)?;
        }
    }
    judged
}

fn path_of(step: &Step) -> Option<&TargetPath> {
    match &step.change {
        Change::WriteFile { path, .. } | Change::Link { path, .. } | Change::Remove(path) => Some(path),
        _ => None,
    }
}

fn change_one(host: &Host, step: &Step) -> Result<(), StepError> {
    match &step.change {
        Change::WriteFile {
            path,
            content,
            metadata,
            ..
        } => Ok(write::replace(
            host,
            &files::new_file(path, &content.bytes, metadata),
        )?),
        Change::Link { path, target } => Ok(host::link::replace(host, path, target, 0, 0)?),
        Change::Remove(path) => files::remove(host, path),
        _ => Ok(()),
    }
}

fn restore(host: &Host, path: &TargetPath, before: &Facts) -> Result<(), StepError> {
    let Some(inode) = before.inodes.get(path) else {
        return files::remove(host, path);
    };
    match (&inode.kind, before.contents.get(path)) {
        (Kind::Link(target), _) => Ok(host::link::replace(host, path, target, inode.uid, inode.gid)?),
        (Kind::File, Some(content)) => {
            let (uid, gid, mode, acl) = (inode.uid, inode.gid, inode.mode, inode.acl.as_ref());
            Ok(write::replace(
                host,
                &NewFile {
                    path,
                    content,
                    uid,
                    gid,
                    mode,
                    acl,
                },
            )?)
        }
        // Nothing else is ever replaced.
        (Kind::File | Kind::Directory | Kind::Other(_), _) => Ok(()),
    }
}
