//! systemd units: ours, with their sandbox, and those of Debian that we configure.

use std::collections::BTreeMap;

use toml::de::DeValue;

use crate::layout::Judge;
use crate::name::{CredentialName, GroupName, SettingName, UnitName, UserName};
use crate::path::TargetPath;
use crate::platform::Platform;
use crate::reader::{FromToml, Table};

/// The values of one directive: one line each.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Values(pub Vec<String>);

impl FromToml for Values {
    const EXAMPLE: &'static str = "\"yes\"";
    fn from_toml(value: &DeValue<'_>) -> Result<Self, String> {
        let single = |value: &DeValue<'_>| match value {
            DeValue::String(text) if text.contains(['\n', '\0']) => Err("a directive is one line".to_owned()),
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.as_str().to_owned()),
            DeValue::Boolean(value) => Ok(if *value { "yes" } else { "no" }.to_owned()),
            other => Err(format!(
                "{} stands where a directive's value belongs",
                other.type_str()
            )),
        };
        match value {
            DeValue::Array(values) => values
                .iter()
                .map(|value| single(value.get_ref()))
                .collect::<Result<_, _>>()
                .map(Self),
            value => single(value).map(|value| Self(vec![value])),
        }
    }
}

/// Directives of one section, sorted by key.
pub type Directives = BTreeMap<String, Values>;

fn read_directives(table: &Table<'_>) -> Directives {
    table
        .pairs::<Values>()
        .into_iter()
        .map(|(key, values)| (key.value, values))
        .collect()
}

/// How a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceKind {
    /// Stays, and tells systemd when it is ready.
    Notify,
    /// Does one thing and ends.
    Oneshot,
}

impl std::str::FromStr for ServiceKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "notify" => Ok(Self::Notify),
            "oneshot" => Ok(Self::Oneshot),
            _ => Err(format!("{text:?} is neither notify nor oneshot")),
        }
    }
}

crate::reader::from_toml_text! { ServiceKind = "notify" }

/// One of our services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its unit.
    pub name: UnitName,
    /// One line for people.
    pub description: String,
    /// How it runs.
    pub kind: ServiceKind,
    /// The program and its arguments, as `ExecStart=` takes them.
    pub command: String,
    /// Whom it runs as.
    pub user: UserName,
    /// Its primary group.
    pub group: GroupName,
    /// Groups that the unit has and the account has not.
    pub supplementary: Vec<GroupName>,
    /// Paths that it may write.
    pub writes: Vec<TargetPath>,
    /// Its directory below the audit spool.
    pub spool: Option<String>,
    /// Directives that differ from the baseline or add to it.
    pub directives: Directives,
    /// Secrets that reach it.
    pub credentials: Vec<CredentialName>,
    /// Settings that reach it.
    pub settings: Vec<SettingName>,
    /// Secrets without which it is disabled.
    pub needs: Vec<CredentialName>,
    /// Targets that start it; empty for one that only something else starts.
    pub wanted_by: Vec<UnitName>,
    /// Units that must be up before.
    pub after: Vec<UnitName>,
    /// Starts while a disk is missing, to say so; it must bear that what it writes is not there.
    pub starts_without_disks: bool,
    /// Shown in `/health`.
    pub in_health: bool,
    /// A sandbox that starts from the baseline; the broker and root one-shots trim it with `directives`.
    pub exposure_ceiling: String,
}

impl Service {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let description = table.required("description");
        let kind = table.required("kind");
        let command = table.required("command");
        let user = table.required("user");
        let group = table.required("group");
        let supplementary = table.list("supplementary");
        let writes = table.list("writes");
        let spool = table.optional("spool");
        let directives = table.table("directives", read_directives).unwrap_or_default();
        let credentials = table.list("credentials");
        let settings = table.list("settings");
        let needs = table.list("needs");
        let wanted_by = table.list("wanted_by");
        let after = table.list("after");
        let starts_without_disks = table.or("starts_without_disks", false);
        let in_health = table.or("in_health", false);
        let exposure_ceiling = table.required("exposure_ceiling");
        Some(Self {
            name: name?,
            description: description?,
            kind: kind?,
            command: command?,
            user: user?,
            group: group?,
            supplementary,
            writes,
            spool,
            directives,
            credentials,
            settings,
            needs,
            wanted_by,
            after,
            starts_without_disks,
            in_health,
            exposure_ceiling: exposure_ceiling?,
        })
    }
}

/// One of our timers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Its unit.
    pub name: UnitName,
    /// One line for people.
    pub description: String,
    /// What it starts.
    pub starts: UnitName,
    /// When: the directives of its `[Timer]` section.
    pub directives: Directives,
    /// Shown in `/health`.
    pub in_health: bool,
}

impl Timer {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let description = table.required("description");
        let starts = table.required("starts");
        let directives = table.table("directives", read_directives).unwrap_or_default();
        let in_health = table.or("in_health", false);
        if !directives.keys().any(|key| key.starts_with("On")) {
            table.refuse(
                "directives",
                "the timer never elapses",
                "add OnCalendar, or OnBootSec with OnUnitActiveSec",
            );
        }
        Some(Self {
            name: name?,
            description: description?,
            starts: starts?,
            directives,
            in_health,
        })
    }
}

/// A piece of a unit of Debian's, or a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIn {
    /// The unit that it belongs to.
    pub unit: UnitName,
    /// The section.
    pub section: String,
    /// Its directives.
    pub directives: Directives,
}

impl DropIn {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let unit = table.required("unit");
        let section = table.required("section");
        let directives = table.table("directives", read_directives).unwrap_or_default();
        Some(Self {
            unit: unit?,
            section: section?,
            directives,
        })
    }
}

/// What a unit of Debian's should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// Active, and started at boot.
    Running,
    /// Cannot be started.
    Masked,
}

impl std::str::FromStr for Wanted {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "running" => Ok(Self::Running),
            "masked" => Ok(Self::Masked),
            _ => Err(format!("{text:?} is neither running nor masked")),
        }
    }
}

crate::reader::from_toml_text! { Wanted = "running" }

/// What a running unit does about a changed input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnChange {
    /// Starts anew.
    Restart,
    /// Reads its configuration again and drops no connection.
    Reload,
}

impl std::str::FromStr for OnChange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "restart" => Ok(Self::Restart),
            "reload" => Ok(Self::Reload),
            _ => Err(format!("{text:?} is neither restart nor reload")),
        }
    }
}

crate::reader::from_toml_text! { OnChange = "reload" }

/// A unit that a Debian package brings and we configure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebianUnit {
    /// Its unit.
    pub name: UnitName,
    /// What it should be.
    pub wanted: Wanted,
    /// What it does when an input changes.
    pub on_change: OnChange,
    /// Configuration that it reads: files, or directories with all below them.
    pub inputs: Vec<TargetPath>,
    /// The target that wants it; none where Debian enables it in its own way.
    pub wanted_by: Option<UnitName>,
    /// Who says whether it will understand a changed input.
    pub judge: Option<Judge>,
    /// Sees only what was mounted when it started, so it starts anew when a disk is mounted.
    pub sees_disks: bool,
    /// On which machines; empty for all.
    pub platforms: Vec<Platform>,
}

impl DebianUnit {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let wanted = table.required("wanted");
        let on_change = table.or("on_change", OnChange::Restart);
        let inputs = table.list("inputs");
        let wanted_by = table.optional("wanted_by");
        let judge = table.optional("judge");
        let sees_disks = table.or("sees_disks", false);
        let platforms = table.list("platforms");
        Some(Self {
            name: name?,
            judge,
            wanted: wanted?,
            on_change,
            inputs,
            wanted_by,
            sees_disks,
            platforms,
        })
    }
}

/// Everything that systemd is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Units {
    /// The sandbox that every service of ours starts from.
    pub baseline: Directives,
    /// Ours.
    pub services: Vec<Service>,
    /// Ours.
    pub timers: Vec<Timer>,
    /// Additions to Debian's, and slices.
    pub drop_ins: Vec<DropIn>,
    /// Debian's.
    pub debian: Vec<DebianUnit>,
}

pub(crate) fn read_baseline(table: &Table<'_>) -> Directives {
    table.table("baseline", read_directives).unwrap_or_default()
}
