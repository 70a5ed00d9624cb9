//! The directory tree with its access control lists.

use appliance::layout::Directory;

use crate::draft::Draft;
use crate::{Area, Node, Ownership, RenderError};

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for directory in &draft.appliance.directories {
        draft.add(
            directory.path.clone(),
            Area::Directories,
            node(directory),
            directory.because.clone(),
        )?;
    }
    Ok(())
}

fn node(directory: &Directory) -> Node {
    let profile = directory.profile.as_ref();
    Node::Directory {
        ownership: Ownership {
            owner: directory.owner.clone(),
            group: directory.group.clone(),
            mode: directory.mode,
        },
        access: profile.map(|profile| profile.access.clone()),
        default: profile.map(|profile| profile.default.clone()),
        closed: directory.closed,
        exact: directory.exact,
    }
}
