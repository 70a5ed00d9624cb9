//! Units, asked of the service manager over its bus.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use appliance::name::UnitName;
use appliance::path::TargetPath;
use serde::Serialize;
use zbus::{OwnedObjectPath, Variant};

use crate::HostError;
use crate::bus::{Answer, Arguments, Bus, Call};

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
    /// When its state last changed, microseconds since 1970; 0 for never.
    pub changed_us: u64,
    /// Its file.
    pub fragment: Option<TargetPath>,
    /// Its drop-ins, in order.
    pub drop_ins: Vec<TargetPath>,
    /// Whether its conditions held when it was last started.
    pub condition: bool,
    /// `success`, or why the last run failed; empty for kinds that have no result.
    pub result: String,
    /// Main process of a service that runs.
    pub main_pid: Option<u32>,
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
    let mut facts = BTreeMap::new();
    let mut loaded = Vec::new();
    for listed in list(&mut bus, units)? {
        let (Ok(name), object) = (UnitName::new(&listed.0), listed.6.to_string()) else {
            continue;
        };
        // A template has no state of its own, and what is not there has nothing to tell.
        if listed.2 != "not-found" {
            loaded.push((name.clone(), object));
        }
        facts.insert(name, UnitFact::listed(&listed.2, &listed.3, listed.4));
    }
    let calls: Vec<Call<'_>> = loaded
        .iter()
        .flat_map(|(name, object)| questions(name, object))
        .collect();
    let mut answers = bus.ask(&calls)?.into_iter();
    for (name, _) in &loaded {
        let Some(fact) = facts.get_mut(name) else { continue };
        fact.take_unit(name, answers.next())?;
        if let Some(interface) = kind_interface(name) {
            fact.take_result(answers.next());
            if interface == SERVICE {
                fact.take_main_pid(answers.next());
            }
        }
    }
    Ok(Some(facts))
}

fn list(bus: &mut Bus, units: &BTreeSet<UnitName>) -> Result<Vec<Listed>, HostError> {
    let names: Vec<&str> = units.iter().map(UnitName::as_str).collect();
    let call = Call {
        path: MANAGER,
        interface: "org.freedesktop.systemd1.Manager",
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

fn questions<'a>(name: &UnitName, path: &'a str) -> Vec<Call<'a>> {
    let mut calls = vec![Call {
        path,
        interface: PROPERTIES,
        member: "GetAll",
        arguments: Arguments::One(UNIT),
    }];
    if let Some(interface) = kind_interface(name) {
        let get = |property| Call {
            path,
            interface: PROPERTIES,
            member: "Get",
            arguments: Arguments::Two(interface, property),
        };
        calls.push(get("Result"));
        if interface == SERVICE {
            calls.push(get("MainPID"));
        }
    }
    calls
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
            fragment: None,
            drop_ins: Vec::new(),
            condition: false,
            result: String::new(),
            main_pid: None,
        }
    }

    fn take_unit(&mut self, name: &UnitName, answer: Option<Answer>) -> Result<(), HostError> {
        let body = match answer {
            Some(Ok(body)) => body,
            Some(Err(error)) => return Err(trouble(name.as_str(), &error)),
            None => return Err(trouble(name.as_str(), "no answer")),
        };
        let (properties, _) = body
            .deserialize::<HashMap<&str, Variant<'_>>>()
            .map_err(|error| trouble(name.as_str(), &error.to_string()))?;
        let text = |key: &str| match properties.get(key) {
            Some(Variant::Str(text)) => text.as_str(),
            _ => "",
        };
        let time = |key: &str| match properties.get(key) {
            Some(Variant::U64(time)) => *time,
            _ => 0,
        };
        let yes = |key: &str| matches!(properties.get(key), Some(Variant::Bool(true)));
        self.enablement = Enablement::from_word(text("UnitFileState"));
        self.needs_reload = yes("NeedDaemonReload");
        self.condition = yes("ConditionResult");
        self.started_us = time("InactiveExitTimestamp");
        self.changed_us = time("StateChangeTimestamp");
        self.fragment = TargetPath::new(text("FragmentPath")).ok();
        if let Some(Variant::Array(paths)) = properties.get("DropInPaths") {
            self.drop_ins = paths
                .iter()
                .filter_map(|path| match path {
                    Variant::Str(path) => TargetPath::new(path.as_str()).ok(),
                    _ => None,
                })
                .collect();
        }
        Ok(())
    }

    /// A unit whose file is bad or masked has no such interface; then there is nothing to tell.
    fn take_result(&mut self, answer: Option<Answer>) {
        if let Some(Ok(body)) = answer
            && let Ok((Variant::Str(result), _)) = body.deserialize::<Variant<'_>>()
        {
            self.result = result.as_str().to_owned();
        }
    }

    fn take_main_pid(&mut self, answer: Option<Answer>) {
        if let Some(Ok(body)) = answer
            && let Ok((Variant::U32(pid @ 1..), _)) = body.deserialize::<Variant<'_>>()
        {
            self.main_pid = Some(pid);
        }
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
