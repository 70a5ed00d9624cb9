//! Links, and what must not be there.

use crate::draft::Draft;
use crate::{Area, Node, RenderError};
use appliance::path::TargetPath;

/// Which zone the machine is in.
const LOCAL_TIME: &str = "/etc/localtime";
/// Where Debian keeps all of them.
const ZONES: &str = "/usr/share/zoneinfo";

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for link in &draft.appliance.links {
        let node = Node::Link {
            target: link.target.clone(),
            once: link.once,
        };
        let because = "the layout links it".to_owned();
        draft.add(link.path.clone(), area(&link.path), node, because)?;
    }
    let zone = &draft.appliance.operating_system.time_zone;
    let node = Node::Link {
        target: format!("{ZONES}/{zone}"),
        once: false,
    };
    draft.add(
        TargetPath::known(LOCAL_TIME),
        Area::Kernel,
        node,
        "the definition's time zone".to_owned(),
    )?;
    for absence in &draft.appliance.absences {
        let because = absence.because.clone();
        draft.add(absence.path.clone(), area(&absence.path), Node::Absent, because)?;
    }
    Ok(())
}

/// Where no area owns the place, it is one of the tree's.
fn area(path: &TargetPath) -> Area {
    crate::files::area_of(path).unwrap_or(Area::Directories)
}
