//! Unit files and drop-ins, and the links that enable them.

mod debian;
mod disk;
mod drop_in;
mod enablement;
mod service;
mod timer;

use appliance::name::UnitName;
use appliance::path::TargetPath;
use appliance::unit::Values;
use templates::context::{Directive, Section, Unit, UnitValue};

use crate::draft::{Draft, text};
use crate::names::{UNITS, below};
use crate::{Area, Content, RenderError};

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    service::add(draft)?;
    timer::add(draft)?;
    drop_in::add(draft)?;
    disk::add(draft)?;
    debian::add(draft)
}

/// Adds the unit file of a unit of ours.
fn add_unit(draft: &mut Draft<'_>, name: &UnitName, unit: &Unit, because: &str) -> Result<(), RenderError> {
    let path = path_of(name)?;
    let content = Content::Plain(text(&path, unit)?);
    draft.add_root_file(path, Area::Units, 0o644, content, because.to_owned())
}

fn path_of(name: &UnitName) -> Result<TargetPath, RenderError> {
    Ok(below(UNITS, name.as_str())?)
}

fn section(name: &str, directives: Vec<Directive>) -> Section {
    Section {
        name: name.to_owned(),
        directives,
    }
}

/// The lines of one directive, as the definition writes them: systemd's specifiers and prefixes included.
fn lines(key: &str, values: &Values) -> Vec<Directive> {
    let value = |value: &String| match value.as_str() {
        "" => UnitValue::Reset,
        value => UnitValue::specifiers(value),
    };
    let line = |text| Directive::new(key, value(text));
    values.0.iter().map(line).collect()
}
