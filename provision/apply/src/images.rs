//! How things were before a step changed them, in a form that another process can put back.

use std::collections::BTreeSet;

use appliance::acl::Acl;
use appliance::layout::Judge;
use appliance::mode::Mode;
use appliance::name::UnitName;
use appliance::path::TargetPath;
use host::before::{self, Before, Rights};
use host::facts::record::Record;
use host::facts::unit::Active;
use host::facts::{AccountFiles, FirewallFact, sysctl};
use host::{Facts, Host, HostError};
use plan::{Change, UnitOrder};
use render::Area;
use serde::{Deserialize, Serialize};

use crate::order::Numbered;
use crate::{StepError, accounts, names};

/// How one thing was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub(crate) enum Image {
    /// What stood at a path.
    Path {
        path: TargetPath,
        #[serde(flatten)]
        was: Was,
    },
    /// A line of an account file; none when there was no such line.
    Account {
        file: AccountFile,
        name: String,
        line: Option<String>,
    },
    /// A setting of the kernel.
    Kernel { name: String, value: String },
    /// Our table as it was loaded.
    Firewall { table: Option<String> },
    /// Whether a unit ran, and what it was then told.
    Unit { unit: UnitName, ran: bool, told: Told },
}

/// What stood at a path. The content of a file is kept as a file beside the journal, under the same path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "was", rename_all = "kebab-case")]
pub(crate) enum Was {
    Nothing,
    File {
        #[serde(flatten)]
        rights: SavedRights,
    },
    Link {
        uid: u32,
        gid: u32,
        target: String,
    },
    Directory {
        #[serde(flatten)]
        rights: SavedRights,
    },
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedRights {
    uid: u32,
    gid: u32,
    mode: Mode,
    access: Option<String>,
    default: Option<String>,
}

/// Which of the account files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountFile {
    Passwd,
    Group,
    Shadow,
    Gshadow,
}

/// An order that was given to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Told {
    Stop,
    Start,
    Restart,
    Reload,
}

/// An image and what goes with it in the journal.
#[derive(Debug)]
pub(crate) struct Captured {
    /// The step that is about to change the thing.
    pub number: usize,
    /// The part of the machine that it belongs to, which for a unit is the part that it serves.
    pub area: Area,
    pub image: Image,
    /// Bytes of the file that stood there.
    pub content: Option<Vec<u8>>,
    /// The bytes are a secret, which is not kept longer than the run lasts.
    pub secret: bool,
}

/// Looks at everything that a batch is about to change and that can be put back. Packages, disks and secrets that are
/// made here cannot.
pub(crate) fn capture(
    host: &Host,
    facts: &Facts,
    batch: &[Numbered<'_>],
) -> Result<Vec<Captured>, StepError> {
    let mut captured = Vec::new();
    for numbered in batch {
        let step = numbered.step;
        let mut keep = |area, image, content| {
            captured.push(Captured {
                number: numbered.number,
                area,
                image,
                content,
                secret: step.is_secret(),
            });
        };
        if let Some(path) = names::path_of(&step.change) {
            let (was, content) = Was::of(before::capture(host, path)?);
            let path = path.clone();
            keep(step.area, Image::Path { path, was }, content);
            continue;
        }
        match &step.change {
            Change::SetKernel { name, .. } => {
                let asked = BTreeSet::from([name.clone()]);
                for (name, value) in sysctl::read(&asked)? {
                    keep(step.area, Image::Kernel { name, value }, None);
                }
            }
            Change::LoadFirewall(_) => {
                if let Some(table) = table(facts) {
                    keep(step.area, Image::Firewall { table }, None);
                }
            }
            Change::Unit { name, order, judge } => {
                let area = match judge {
                    Some(Judge::Sshd) => Area::Ssh,
                    Some(Judge::Firewall) => Area::Firewall,
                    Some(Judge::Sudoers | Judge::Nginx) | None => step.area,
                };
                let (unit, ran, told) = (name.clone(), ran(facts, name), Told::by(*order));
                keep(area, Image::Unit { unit, ran, told }, None);
            }
            _ => {}
        }
    }
    captured.extend(account_rows(facts, batch)?);
    Ok(captured)
}

fn table(facts: &Facts) -> Option<Option<String>> {
    match facts.live.as_ref()?.firewall.as_ref()? {
        FirewallFact::NoProgram => None,
        FirewallFact::NoTable => Some(None),
        FirewallFact::Table(text) => Some(Some(text.clone())),
    }
}

fn ran(facts: &Facts, name: &UnitName) -> bool {
    let units = facts.live.as_ref().and_then(|live| live.units.as_ref());
    units
        .and_then(|units| units.get(name))
        .is_some_and(|fact| matches!(fact.active, Active::Active | Active::Reloading))
}

impl Told {
    fn by(order: UnitOrder) -> Self {
        match order {
            UnitOrder::Stop => Self::Stop,
            UnitOrder::Start => Self::Start,
            UnitOrder::Restart => Self::Restart,
            UnitOrder::Reload => Self::Reload,
        }
    }
}

impl Was {
    fn of(before: Before) -> (Self, Option<Vec<u8>>) {
        match before {
            Before::Nothing => (Self::Nothing, None),
            Before::File { rights, content } => (
                Self::File {
                    rights: rights.into(),
                },
                Some(content),
            ),
            Before::Link { uid, gid, target } => (Self::Link { uid, gid, target }, None),
            Before::Directory(rights) => (
                Self::Directory {
                    rights: rights.into(),
                },
                None,
            ),
            Before::Other => (Self::Other, None),
        }
    }

    /// The same for the hands, with the bytes that were kept.
    pub fn with(&self, content: Vec<u8>) -> Result<Before, String> {
        Ok(match self {
            Self::Nothing => Before::Nothing,
            Self::File { rights } => Before::File {
                rights: rights.read()?,
                content,
            },
            Self::Link { uid, gid, target } => Before::Link {
                uid: *uid,
                gid: *gid,
                target: target.clone(),
            },
            Self::Directory { rights } => Before::Directory(rights.read()?),
            Self::Other => Before::Other,
        })
    }
}

impl From<Rights> for SavedRights {
    fn from(rights: Rights) -> Self {
        Self {
            uid: rights.uid,
            gid: rights.gid,
            mode: rights.mode,
            access: rights.access.map(|list| list.to_string()),
            default: rights.default.map(|list| list.to_string()),
        }
    }
}

impl SavedRights {
    fn read(&self) -> Result<Rights, String> {
        let list = |text: &Option<String>| -> Result<Option<Acl>, String> {
            let parsed = text.as_ref().map(|text| text.parse::<Acl>());
            parsed.transpose().map_err(|error| error.to_string())
        };
        Ok(Rights {
            uid: self.uid,
            gid: self.gid,
            mode: self.mode,
            access: list(&self.access)?,
            default: list(&self.default)?,
        })
    }
}

/// The lines that the account changes of a batch will touch, found by making the changes in memory first.
fn account_rows(facts: &Facts, batch: &[Numbered<'_>]) -> Result<Vec<Captured>, StepError> {
    let changes: Vec<_> = batch
        .iter()
        .filter_map(|numbered| match &numbered.step.change {
            Change::Account(change) => Some(change),
            _ => None,
        })
        .collect();
    let Some(first) = batch.first().filter(|_| !changes.is_empty()) else {
        return Ok(Vec::new());
    };
    let (old, mut new) = (&facts.accounts, facts.accounts.clone());
    accounts::change(&mut new, changes.into_iter()).map_err(|reason| HostError::AccountEdit { reason })?;
    let mut rows = rows_of(AccountFile::Passwd, old, &new);
    for file in [AccountFile::Group, AccountFile::Shadow, AccountFile::Gshadow] {
        rows.extend(rows_of(file, old, &new));
    }
    let captured = rows.into_iter().map(|image| Captured {
        number: first.number,
        area: first.step.area,
        image,
        content: None,
        secret: false,
    });
    Ok(captured.collect())
}

fn rows_of(file: AccountFile, old: &AccountFiles, new: &AccountFiles) -> Vec<Image> {
    let (old, new) = (lines(file, old), lines(file, new));
    let was = |name: &str| {
        old.iter()
            .find(|(other, _)| other == name)
            .map(|(_, line)| line.clone())
    };
    let is = |name: &str| {
        new.iter()
            .find(|(other, _)| other == name)
            .map(|(_, line)| line.clone())
    };
    let names: BTreeSet<&String> = old.iter().chain(&new).map(|(name, _)| name).collect();
    names
        .into_iter()
        .filter(|name| was(name) != is(name))
        .map(|name| Image::Account {
            file,
            name: name.clone(),
            line: was(name),
        })
        .collect()
}

fn lines(file: AccountFile, files: &AccountFiles) -> Vec<(String, String)> {
    match file {
        AccountFile::Passwd => named(files.passwd.entries(), |line| &line.name),
        AccountFile::Group => named(files.group.entries(), |line| &line.name),
        AccountFile::Shadow => named(files.shadow.entries(), |line| &line.name),
        AccountFile::Gshadow => named(files.gshadow.entries(), |line| &line.name),
    }
}

fn named<'a, T: Record + 'a>(
    lines: impl Iterator<Item = &'a T>,
    name: impl Fn(&T) -> &String,
) -> Vec<(String, String)> {
    lines.map(|line| (name(line).clone(), line.print())).collect()
}
