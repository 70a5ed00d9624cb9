//! Homes of administrators, and how everybody's home is made.

use appliance::mode::Mode;
use appliance::name::{GroupName, UserName};
use appliance::path::TargetPath;

use crate::draft::Draft;
use crate::names::below;
use crate::{Area, Node, Ownership, RenderError};

/// Where homes are.
const HOMES: &str = "/home";
/// Nobody looks into another one's.
const MODE: u32 = 0o750;

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for admin in &draft.appliance.instance.admins {
        let path = below(HOMES, admin.username.as_str())?;
        let node = Node::Directory {
            ownership: ownership(&admin.username),
            access: None,
            default: None,
            closed: false,
            exact: false,
        };
        draft.add(path, Area::Homes, node, "the home of an administrator".to_owned())?;
    }
    Ok(())
}

/// The home that a path is or lies in, whoever it belongs to.
pub(crate) fn holding(path: &TargetPath) -> Option<(TargetPath, Ownership)> {
    let homes = TargetPath::new(HOMES).ok()?;
    let home = std::iter::successors(Some(path.clone()), TargetPath::parent)
        .find(|above| above.parent().as_ref() == Some(&homes))?;
    let user = UserName::new(home.name()).ok()?;
    Some((home, ownership(&user)))
}

fn ownership(user: &UserName) -> Ownership {
    Ownership {
        owner: user.clone(),
        group: GroupName::new(user.as_str()).expect("users and groups follow one rule"),
        mode: Mode::from_bits(MODE),
    }
}
