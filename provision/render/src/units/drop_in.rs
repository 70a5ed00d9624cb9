//! Additions to units of Debian's, one file for each unit.

use std::collections::BTreeMap;

use appliance::name::UnitName;
use appliance::unit::Directives;
use templates::context::Unit;

use super::{lines, section};
use crate::draft::{Draft, text};
use crate::names::{UNITS, below};
use crate::{Area, Content, RenderError};

/// Below the numbers that people give their own drop-ins.
const FILE: &str = "10-appliance.conf";

pub(super) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for (unit, sections) in sections(draft)? {
        let sections = sections.into_iter().map(|(name, directives)| {
            let lines = directives.iter().flat_map(|(key, values)| lines(key, values));
            section(name, lines.collect())
        });
        let drop_in = Unit {
            sections: sections.collect(),
        };
        let because = format!("the definition adds to {unit}");
        add_one(draft, unit.as_str(), &drop_in, &because)?;
    }
    Ok(())
}

/// Adds what we add to one unit.
pub(super) fn add_one(
    draft: &mut Draft<'_>,
    unit: &str,
    drop_in: &Unit,
    because: &str,
) -> Result<(), RenderError> {
    let directory = below(UNITS, &format!("{unit}.d"))?;
    let path = directory.join(FILE)?;
    draft.add_shared_directory(directory, Area::Units, because);
    let content = Content::Plain(text(&path, drop_in)?);
    draft.add_root_file(path, Area::Units, 0o644, content, because.to_owned())
}

type Sections<'a> = BTreeMap<&'a str, &'a Directives>;

fn sections<'a>(draft: &Draft<'a>) -> Result<BTreeMap<&'a UnitName, Sections<'a>>, RenderError> {
    let mut units: BTreeMap<&UnitName, Sections<'_>> = BTreeMap::new();
    for drop_in in &draft.appliance.units.drop_ins {
        let sections = units.entry(&drop_in.unit).or_default();
        let before = sections.insert(&drop_in.section, &drop_in.directives);
        if before.is_some() {
            let path = below(UNITS, &format!("{}.d/{FILE}", drop_in.unit))?;
            return Err(RenderError::TwoOwners { path });
        }
    }
    Ok(units)
}
