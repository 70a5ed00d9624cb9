//! Units that a Debian package brings: masked, or wanted by a target of our choice.

use appliance::unit::Wanted;

use super::enablement::{self, Enabled};
use super::path_of;
use crate::draft::Draft;
use crate::names::DEBIAN_UNITS;
use crate::{Area, Node, RenderError};

pub(super) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for unit in &draft.appliance.units.debian {
        let here = draft.appliance.is_on(&unit.platforms);
        match unit.wanted {
            // Debian enables what it installs; auditd would fail at every boot of a container.
            Wanted::Running if !here => {
                let because = format!("{} cannot run on this kind of machine", unit.name);
                enablement::add(draft, &unit.name, &unit.wanted_by, &Enabled::No { because })?;
            }
            Wanted::Masked if !here => {}
            Wanted::Masked => {
                let node = Node::Link {
                    target: "/dev/null".to_owned(),
                    once: false,
                };
                let because = format!("{} must not run", unit.name);
                draft.add(path_of(&unit.name)?, Area::Units, node, because)?;
            }
            Wanted::Running => {
                let enabled = Enabled::To {
                    target: format!("{DEBIAN_UNITS}/{}", unit.name),
                    because: format!("{} starts at boot", unit.name),
                };
                enablement::add(draft, &unit.name, &unit.wanted_by, &enabled)?;
            }
        }
    }
    Ok(())
}
