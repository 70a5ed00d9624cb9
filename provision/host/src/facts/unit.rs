//! Units, asked of the service manager over its bus.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use appliance::name::UnitName;
use appliance::path::TargetPath;
use serde::Serialize;
use zbus::{OwnedObjectPath, Variant};

use crate::HostError;
use crate::bus::{Answer, Arguments, Bus, Call};
use crate::facts::program::Program;

/// What systemd knows of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitFact {
    /// Whether its file could be read.
    pub load: Load,
    /// Whether it runs.
    pub active: Active,
    /// The finer state, such as `running`, `listening`, `waiting`.
    pub sub: String,
    /// What happens at boot.
    pub enablement: Enablement,
    /// Whether its files changed since systemd read them.
    pub needs_reload: bool,
    /// When it last began to start, microseconds since 1970; 0 for never.
    pub started_us: u64,
    /// When it last was up, what it starts beside itself included, microseconds since 1970; 0 for never.
    pub up_us: u64,
    /// When it last began to start, microseconds of a clock that nobody sets; 0 for never since the boot.
    pub started_clock_us: u64,
    /// When it last was up, by the same clock.
    pub up_clock_us: u64,
    /// When its state last changed, microseconds since 1970; 0 for never.
    pub changed_us: u64,
    /// Its file.
    pub fragment: Option<TargetPath>,
    /// Its drop-ins, in order.
    pub drop_ins: Vec<TargetPath>,
    /// Whether its conditions held when it was last started.
    pub condition: bool,
    /// `success`, or why the last run failed.
    pub result: String,
    /// Main process of a service that runs.
    pub main_pid: Option<u32>,
    /// What the main process runs; `None` also where it may not be looked at.
    pub program: Option<Program>,
}

/// `LoadState`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Load {
    /// Read and good.
    Loaded,
    /// There is no such unit.
    NotFound,
    /// Forbidden by a link to /dev/null.
    Masked,
    /// A setting in its file is wrong.
    BadSetting,
    /// Could not be read.
    Error,
    /// Anything that systemd adds later.
    Other,
}

/// `ActiveState`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Active {
    /// Up.
    Active,
    /// Up, reading its configuration again.
    Reloading,
    /// Down.
    Inactive,
    /// Down after a failure.
    Failed,
    /// Coming up.
    Activating,
    /// Going down.
    Deactivating,
    /// Anything that systemd adds later.
    Other,
}

/// `UnitFileState`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Enablement {
    /// Started at boot.
    Enabled,
    /// Started until the next boot.
    EnabledRuntime,
    /// Not started at boot.
    Disabled,
    /// Has nothing to enable.
    Static,
    /// Forbidden.
    Masked,
    /// Forbidden until the next boot.
    MaskedRuntime,
    /// Made by a generator, such as a mount of fstab.
    Generated,
    /// Another unit's name.
    Alias,
    /// Enabled through another unit.
    Indirect,
    /// Its file lies outside the search path.
    Linked,
    /// Made over the bus, without a file.
    Transient,
    /// No file, or one that cannot be read.
    None,
}

/// For all the questions together. Well under a second on a machine that is well; a manager that needs longer
/// is in trouble that an apply would only add to.
const LIMIT: Duration = Duration::from_secs(10);
/// Exists where systemd is the service manager, as sd_booted(3) has it.
const BOOTED: &str = "/run/systemd/system";
const MANAGER: &str = "/org/freedesktop/systemd1";
const MANAGER_INTERFACE: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Name, description, load, active and sub state, followed unit, object, and its job's number, type and object.
type Listed = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

/// Asks about all the units in two rounds; `None` when no service manager runs.
pub fn read(units: &BTreeSet<UnitName>) -> Result<Option<BTreeMap<UnitName, UnitFact>>, HostError> {
    if !std::fs::exists(BOOTED).unwrap_or(false) {
        return Ok(None);
    }
    if units.is_empty() {
        return Ok(Some(BTreeMap::new()));
    }
    let mut bus = Bus::connect(LIMIT)?;
    // A template has a file and no state, and the manager refuses a list with one in it.
    let (templates, names): (Vec<&UnitName>, Vec<&UnitName>) =
        units.iter().partition(|unit| unit.is_template());
    let mut facts = BTreeMap::new();
    let mut loaded = Vec::new();
    for listed in list(&mut bus, &names)? {
        let (Ok(name), object) = (UnitName::new(&listed.0), listed.6.to_string()) else {
            continue;
        };
        // What is not there has nothing more to tell.
        if listed.2 != "not-found" {
            loaded.push((name.clone(), Active::from_word(&listed.3), object));
        }
        facts.insert(name, UnitFact::listed(&listed.2, &listed.3, listed.4));
    }
    let about_templates = templates.iter().map(|name| Call {
        path: MANAGER,
        interface: MANAGER_INTERFACE,
        member: "GetUnitFileState",
        arguments: Arguments::One(name.as_str()),
    });
    let about_units = loaded.iter().flat_map(|(name, active, path)| {
        let call = |member, arguments| Call {
            path,
            interface: PROPERTIES,
            member,
            arguments,
        };
        let of_kind = properties_of_kind(name, *active);
        let of_kind =
            of_kind.map(move |(interface, property)| call("Get", Arguments::Two(interface, property)));
        std::iter::once(call("GetAll", Arguments::One(UNIT))).chain(of_kind)
    });
    let calls: Vec<Call<'_>> = about_units.chain(about_templates).collect();
    let mut answers = bus.ask(&calls)?.into_iter();
    for (name, active, _) in &loaded {
        let Some(fact) = facts.get_mut(name) else { continue };
        let unreadable = |error: zbus::Error| trouble(name.as_str(), &error.to_string());
        let body = match answers.next() {
            Some(Ok(body)) => body,
            Some(Err(error)) => return Err(trouble(name.as_str(), &error)),
            None => return Err(trouble(name.as_str(), "no answer")),
        };
        let (properties, _) = body
            .deserialize::<BTreeMap<&str, Variant<'_>>>()
            .map_err(unreadable)?;
        properties
            .iter()
            .for_each(|(property, value)| fact.take(property, value));
        for (_, property) in properties_of_kind(name, *active) {
            // An error: a unit whose file is bad or masked does not have the interface of its kind.
            if let Some(Ok(body)) = answers.next() {
                fact.take(
                    property,
                    &body.deserialize::<Variant<'_>>().map_err(unreadable)?.0,
                );
            }
        }
    }
    for name in templates {
        facts.insert(name.clone(), UnitFact::template(answers.next()));
    }
    Ok(Some(facts))
}

fn list(bus: &mut Bus, units: &[&UnitName]) -> Result<Vec<Listed>, HostError> {
    let names: Vec<&str> = units.iter().map(|unit| unit.as_str()).collect();
    let call = Call {
        path: MANAGER,
        interface: MANAGER_INTERFACE,
        member: "ListUnitsByNames",
        arguments: Arguments::List(&names),
    };
    match bus.ask(&[call])?.pop() {
        Some(Ok(body)) => {
            let (listed, _) = body
                .deserialize()
                .map_err(|error| trouble("ListUnitsByNames", &error.to_string()))?;
            Ok(listed)
        }
        Some(Err(error)) => Err(trouble("ListUnitsByNames", &error)),
        None => Err(trouble("ListUnitsByNames", "no answer")),
    }
}

fn trouble(about: &str, problem: &str) -> HostError {
    HostError::Bus {
        problem: format!("{about}: {problem}"),
    }
}

const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// The interface that knows how the last run ended; targets and slices have none.
fn kind_interface(name: &UnitName) -> Option<&'static str> {
    match name.kind() {
        "service" => Some(SERVICE),
        "timer" => Some("org.freedesktop.systemd1.Timer"),
        "socket" => Some("org.freedesktop.systemd1.Socket"),
        "mount" => Some("org.freedesktop.systemd1.Mount"),
        "path" => Some("org.freedesktop.systemd1.Path"),
        _ => None,
    }
}

/// What is asked of a unit's kind, beyond what every unit has. Only where there is something to learn, since each
/// question costs the manager some forty microseconds: while a unit is well its result is a success.
fn properties_of_kind(name: &UnitName, active: Active) -> impl Iterator<Item = (&'static str, &'static str)> {
    let interface = kind_interface(name);
    let is_well = matches!(active, Active::Active | Active::Inactive | Active::Reloading);
    let result = interface
        .filter(|_| !is_well)
        .map(|interface| (interface, "Result"));
    let has_process = !matches!(active, Active::Inactive | Active::Failed);
    let main_pid = interface
        .filter(|interface| *interface == SERVICE && has_process)
        .map(|interface| (interface, "MainPID"));
    result.into_iter().chain(main_pid)
}

impl UnitFact {
    fn listed(load: &str, active: &str, sub: String) -> Self {
        Self {
            load: Load::from_word(load),
            active: Active::from_word(active),
            sub,
            enablement: Enablement::None,
            needs_reload: false,
            started_us: 0,
            changed_us: 0,
            up_us: 0,
            started_clock_us: 0,
            up_clock_us: 0,
            fragment: None,
            drop_ins: Vec::new(),
            condition: false,
            result: "success".to_owned(),
            main_pid: None,
            program: None,
        }
    }

    /// From the answer of GetUnitFileState, which is an error where there is no file.
    fn template(answer: Option<Answer>) -> Self {
        match answer
            .and_then(Result::ok)
            .map(|body| body.deserialize::<String>())
        {
            Some(Ok((state, _))) => {
                let enablement = Enablement::from_word(&state);
                Self {
                    enablement,
                    ..Self::listed("loaded", "inactive", "dead".to_owned())
                }
            }
            _ => Self::listed("not-found", "inactive", "dead".to_owned()),
        }
    }

    fn take(&mut self, property: &str, value: &Variant<'_>) {
        match (property, value) {
            ("UnitFileState", Variant::Str(state)) => self.enablement = Enablement::from_word(state.as_str()),
            ("NeedDaemonReload", Variant::Bool(yes)) => self.needs_reload = *yes,
            ("ConditionResult", Variant::Bool(yes)) => self.condition = *yes,
            ("InactiveExitTimestamp", Variant::U64(time)) => self.started_us = *time,
            ("ActiveEnterTimestamp", Variant::U64(time)) => self.up_us = *time,
            ("InactiveExitTimestampMonotonic", Variant::U64(time)) => self.started_clock_us = *time,
            ("ActiveEnterTimestampMonotonic", Variant::U64(time)) => self.up_clock_us = *time,
            ("StateChangeTimestamp", Variant::U64(time)) => self.changed_us = *time,
            ("FragmentPath", Variant::Str(path)) => self.fragment = TargetPath::new(path.as_str()).ok(),
            ("DropInPaths", Variant::Array(paths)) => {
                self.drop_ins = paths.iter().filter_map(path_of).collect()
            }
            ("Result", Variant::Str(result)) => self.result = result.as_str().to_owned(),
            ("MainPID", Variant::U32(pid @ 1..)) => {
                self.main_pid = Some(*pid);
                self.program = Program::of_process(*pid);
            }
            _ => {}
        }
    }
}

fn path_of(value: &Variant<'_>) -> Option<TargetPath> {
    match value {
        Variant::Str(path) => TargetPath::new(path.as_str()).ok(),
        _ => None,
    }
}

impl Load {
    fn from_word(word: &str) -> Self {
        match word {
            "loaded" => Self::Loaded,
            "not-found" => Self::NotFound,
            "masked" => Self::Masked,
            "bad-setting" => Self::BadSetting,
            "error" => Self::Error,
            _ => Self::Other,
        }
    }
}

impl Active {
    fn from_word(word: &str) -> Self {
        match word {
            "active" => Self::Active,
            "reloading" => Self::Reloading,
            "inactive" => Self::Inactive,
            "failed" => Self::Failed,
            "activating" => Self::Activating,
            "deactivating" => Self::Deactivating,
            _ => Self::Other,
        }
    }
}

impl Enablement {
    fn from_word(word: &str) -> Self {
        match word {
            "enabled" => Self::Enabled,
            "enabled-runtime" => Self::EnabledRuntime,
            "disabled" => Self::Disabled,
            "static" => Self::Static,
            "masked" => Self::Masked,
            "masked-runtime" => Self::MaskedRuntime,
            "generated" => Self::Generated,
            "alias" => Self::Alias,
            "indirect" => Self::Indirect,
            "linked" | "linked-runtime" => Self::Linked,
            "transient" => Self::Transient,
            _ => Self::None,
        }
    }
}
