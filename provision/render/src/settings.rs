//! Environment files: what a service is told besides its secrets.

use appliance::Appliance;
use appliance::name::SettingName;
use appliance::path::TargetPath;
use appliance::secret::Setting;
use appliance::unit::{Service, Timer};
use templates::context::{EnvFile, EnvVariable};

use crate::draft::{Draft, root_and_group, sorted, text};
use crate::names::{SETTINGS, below};
use crate::{Area, Content, Inputs, RenderError};

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    for service in &draft.appliance.units.services {
        let variables = variables(draft.appliance, draft.inputs, service)?;
        if variables.is_empty() {
            continue;
        }
        let path = path_of(service)?;
        let unit = service.name.to_string();
        let because = format!("{unit} reads its settings there");
        let content = Content::Plain(text(&path, &EnvFile { unit, variables })?);
        let ownership = root_and_group(service.group.clone(), 0o640);
        draft.add_file(path, Area::Settings, ownership, content, None, because)?;
    }
    Ok(())
}

/// The environment file of a service.
pub(crate) fn path_of(service: &Service) -> Result<TargetPath, RenderError> {
    Ok(below(SETTINGS, &format!("{}.env", service.name.stem()))?)
}

/// Its variables, sorted; one without value and default is left out.
pub(crate) fn variables(
    appliance: &Appliance,
    inputs: &Inputs,
    service: &Service,
) -> Result<Vec<EnvVariable>, RenderError> {
    let mut variables = Vec::new();
    for name in sorted(&service.settings) {
        let setting = appliance.settings.iter().find(|setting| setting.name == *name);
        let value = match setting {
            Some(setting) if setting.derived => Some(derived(appliance, inputs, service, name)?),
            Some(setting) => given(appliance, setting),
            None => return Err(missing(service, format!("setting {name}"), "secrets.toml")?),
        };
        let name = name.to_string();
        variables.extend(value.map(|value| EnvVariable { name, value }));
    }
    Ok(variables)
}

fn missing(service: &Service, what: String, file: &'static str) -> Result<RenderError, RenderError> {
    let path = path_of(service)?;
    Ok(RenderError::Missing { path, what, file })
}

fn given(appliance: &Appliance, setting: &Setting) -> Option<String> {
    let instance = appliance.instance.settings.get(&setting.name);
    instance.or(setting.default.as_ref()).cloned()
}

fn derived(
    appliance: &Appliance,
    inputs: &Inputs,
    service: &Service,
    name: &SettingName,
) -> Result<String, RenderError> {
    match name.as_str() {
        "SERVER_HOSTNAME" => Ok(appliance.instance.domain.to_string()),
        "HEALTH_LOAD" if appliance.platform().owns_kernel() => Ok("machine".to_owned()),
        "HEALTH_LOAD" => Ok("shared-kernel".to_owned()),
        "HEALTH_SERVICES" => {
            let watched = watched_services(appliance).map(|watched| watched.name.to_string());
            Ok(sorted(watched).join(","))
        }
        "HEALTH_TIMERS" => {
            let words = watched_timers(appliance).map(|timer| timer_word(service, timer));
            Ok(sorted(words.collect::<Result<Vec<_>, _>>()?).join(","))
        }
        "HEALTH_DISABLED" => {
            let services = watched_services(appliance)
                .filter(|service| !inputs.enables(appliance, service))
                .map(|service| service.name.to_string());
            let timers = watched_timers(appliance)
                .filter(|timer| !inputs.enables_timer(appliance, timer))
                .map(|timer| timer.name.to_string());
            Ok(sorted(services.chain(timers)).join(","))
        }
        _ => Err(missing(
            service,
            format!("rule that derives the setting {name}"),
            "secrets.toml",
        )?),
    }
}

fn watched_services(appliance: &Appliance) -> impl Iterator<Item = &Service> {
    appliance
        .units
        .services
        .iter()
        .filter(|service| service.in_health)
}

fn watched_timers(appliance: &Appliance) -> impl Iterator<Item = &Timer> {
    appliance.units.timers.iter().filter(|timer| timer.in_health)
}

/// `NAME.timer=INTERVAL`, as the portal reads it.
///
/// A calendar does not tell how long a pause may grow, so a timer with one cannot be watched yet.
fn timer_word(service: &Service, timer: &Timer) -> Result<String, RenderError> {
    let interval = timer
        .directives
        .get("OnUnitActiveSec")
        .and_then(|values| values.0.last())
        .filter(|value| is_interval(value));
    match interval {
        Some(interval) => Ok(format!("{}={interval}", timer.name)),
        None => {
            let what = format!(
                "OnUnitActiveSec such as \"30min\" for {}, which /health watches",
                timer.name
            );
            Err(missing(service, what, "services.toml")?)
        }
    }
}

fn is_interval(value: &str) -> bool {
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < value.len() && ["s", "min", "h", "d"].contains(&unit)
}
