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
            because(directory),
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

fn because(directory: &Directory) -> String {
    match &directory.profile {
        Some(profile) if directory.closed => {
            format!(
                "the layout lists it with the profile {}, closed to all others",
                profile.name
            )
        }
        Some(profile) => format!("the layout lists it with the profile {}", profile.name),
        None => "the layout lists it".to_owned(),
    }
}
