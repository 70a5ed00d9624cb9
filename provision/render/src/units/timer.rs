//! Timers of ours.

use appliance::name::UnitName;
use appliance::unit::Timer;
use templates::context::{Directive, Unit, UnitValue};

use super::enablement::{self, Enabled};
use super::{add_unit, lines, path_of, section};
use crate::RenderError;
use crate::draft::Draft;
use crate::units::service::missing_secrets;

/// What wants every timer.
const TARGET: &str = "timers.target";

pub(super) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for timer in &draft.appliance.units.timers {
        add_unit(draft, &timer.name, &unit(timer)?, &timer.description)?;
        let enabled = enabled(draft, timer)?;
        let target = UnitName::new(TARGET).ok();
        enablement::add(draft, &timer.name, &target, &enabled)?;
    }
    Ok(())
}

fn enabled(draft: &Draft<'_>, timer: &Timer) -> Result<Enabled, RenderError> {
    if draft.inputs.enables_timer(draft.appliance, timer) {
        return enablement::ours(&timer.name);
    }
    let mut services = draft.appliance.units.services.iter();
    let starts = services.find(|service| service.name == timer.starts);
    let secrets = starts
        .map(|service| missing_secrets(draft, service))
        .unwrap_or_default();
    Ok(Enabled::No {
        because: format!("{} needs {secrets}", timer.starts),
    })
}

fn unit(timer: &Timer) -> Result<Unit, RenderError> {
    if timer.directives.contains_key("Unit") {
        return Err(RenderError::Text {
            path: path_of(&timer.name)?,
            text: "Unit".to_owned(),
            problem: "follows from `starts`\nnext: remove it from the timer's directives",
        });
    }
    let mut when = vec![Directive::new("Unit", UnitValue::text(timer.starts.as_str()))];
    when.extend(
        timer
            .directives
            .iter()
            .flat_map(|(key, values)| lines(key, values)),
    );
    let description = UnitValue::specifiers(timer.description.as_str());
    Ok(Unit {
        sections: vec![
            section("Unit", vec![Directive::new("Description", description)]),
            section("Timer", when),
        ],
    })
}
