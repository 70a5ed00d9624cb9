//! Enablement as links of ours, in both directions: what may run has one, what may not has none.

use appliance::name::UnitName;

use super::path_of;
use crate::draft::{Draft, sorted};
use crate::names::{UNITS, below};
use crate::{Area, Node, RenderError};

/// Whether a unit may run.
pub(super) enum Enabled {
    /// It may: its targets want this file.
    To {
        /// What the links say, as `systemctl enable` writes it.
        target: String,
        /// Why.
        because: String,
    },
    /// It may not.
    No {
        /// Why.
        because: String,
    },
}

pub(super) fn add<'a>(
    draft: &mut Draft<'_>,
    unit: &UnitName,
    wanted_by: impl IntoIterator<Item = &'a UnitName>,
    enabled: &Enabled,
) -> Result<(), RenderError> {
    for wanting in sorted(wanted_by) {
        let wants = below(UNITS, &format!("{wanting}.wants"))?;
        let link = wants.join(unit.as_str())?;
        match enabled {
            Enabled::To { target, because } => {
                draft.add_shared_directory(wants, Area::Units, &format!("{wanting} wants units of ours"));
                let node = Node::Link {
                    target: target.clone(),
                    once: false,
                };
                draft.add(link, Area::Units, node, because.clone())?;
            }
            Enabled::No { because } => draft.add(link, Area::Units, Node::Absent, because.clone())?,
        }
    }
    Ok(())
}

/// A unit of ours that may run.
pub(super) fn ours(unit: &UnitName) -> Result<Enabled, RenderError> {
    Ok(Enabled::To {
        target: path_of(unit)?.to_string(),
        because: format!("{unit} starts at boot"),
    })
}
