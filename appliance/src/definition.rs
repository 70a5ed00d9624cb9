//! The files of a definition, read in one go: every mistake in any of them is told.

use std::borrow::Cow;

use crate::Appliance;
use crate::account::{Account, Group, People};
use crate::check;
use crate::disk::{Disk, DiskRole, Swap};
use crate::instance::Instance;
use crate::layout::{Absence, Directory, FileRule, Link, Profile};
use crate::limit::Limit;
use crate::network::{Egress, Listener};
use crate::operating_system::OperatingSystem;
use crate::package::Packages;
use crate::reader::{At, Findings, Problems, Source, Table};
use crate::secret::{Credential, Setting};
use crate::sudo::SudoFile;
use crate::unit::{DebianUnit, DropIn, Service, Timer, read_baseline};

macro_rules! definition_files {
    ($($(#[$doc:meta])* $field:ident = $file:literal),* $(,)?) => {
        /// The text of each file of a definition.
        #[derive(Debug, Clone)]
        pub struct DefinitionFiles<'a> {
            /// What messages put before the files' names.
            pub directory: Cow<'a, str>,
            $($(#[$doc])* pub $field: Cow<'a, str>,)*
        }

        impl<'a> DefinitionFiles<'a> {
            /// The names of the files, in the order in which they are read.
            pub const NAMES: &'static [&'static str] = &[$($file),*];

            /// The definition of the appliance that we ship, which is compiled in.
            pub fn shipped() -> DefinitionFiles<'static> {
                DefinitionFiles {
                    directory: Cow::Borrowed("appliance/definition"),
                    $($field: Cow::Borrowed(include_str!(concat!("../definition/", $file))),)*
                }
            }

            /// A definition from a directory: `read` gives the text of one of [`Self::NAMES`].
            pub fn from_directory<Error>(
                directory: &'a str,
                mut read: impl FnMut(&str) -> Result<String, Error>,
            ) -> Result<Self, Error> {
                Ok(Self { directory: Cow::Borrowed(directory), $($field: Cow::Owned(read($file)?),)* })
            }

            /// Each file's name and text, in the order of [`Self::NAMES`].
            pub fn texts(&self) -> Vec<(&'static str, &str)> {
                vec![$(($file, &*self.$field)),*]
            }

            $(fn $field(&self) -> Source<'_> {
                Source::new(&format!("{}/{}", self.directory, $file), &self.$field)
            })*
        }
    };
}

definition_files! {
    /// Which system, and its kernel settings.
    operating_system = "operating_system.toml",
    /// Debian packages.
    packages = "packages.toml",
    /// Groups and system accounts.
    accounts = "accounts.toml",
    /// Disks and swap.
    disks = "disks.toml",
    /// Directories, links and files.
    layout = "layout.toml",
    /// Resource limits.
    limits = "limits.toml",
    /// Grants.
    sudo = "sudo.toml",
    /// Listeners and the firewall.
    network = "network.toml",
    /// Units.
    services = "services.toml",
    /// Names of secrets and settings.
    secrets = "secrets.toml",
}

/// A definition as it was read: each thing with its place, nothing compared with anything else yet.
pub(crate) struct Raw {
    pub groups: Vec<At<Group>>,
    pub accounts: Vec<At<Account>>,
    pub disks: Vec<At<Disk>>,
    pub directories: Vec<At<Directory>>,
    pub links: Vec<At<Link>>,
    pub files: Vec<At<FileRule>>,
    pub absences: Vec<At<Absence>>,
    pub sudo: Vec<At<SudoFile>>,
    pub listeners: Vec<At<Listener>>,
    pub services: Vec<At<Service>>,
    pub timers: Vec<At<Timer>>,
    pub drop_ins: Vec<At<DropIn>>,
    pub debian: Vec<At<DebianUnit>>,
    pub credentials: Vec<At<Credential>>,
    pub settings: Vec<At<Setting>>,
}

pub(crate) fn parse(
    files: &DefinitionFiles<'_>,
    instance_name: &str,
    instance_text: &str,
) -> Result<Appliance, Problems> {
    let findings = Findings::default();
    let operating_system = files.operating_system().read(&findings, OperatingSystem::read);
    let packages = files.packages().read(&findings, Packages::read);
    let (groups, accounts, people) = files.accounts().read(&findings, |table| {
        let groups = table.tables("group", Group::read);
        let accounts = table.tables("account", Account::read);
        (groups, accounts, required_table(table, "people", People::read))
    });
    let (disks, swap) = files.disks().read(&findings, |table| {
        (
            table.tables("disk", Disk::read),
            required_table(table, "swap", Swap::read),
        )
    });
    let (directories, links, file_rules, absences) = files.layout().read(&findings, read_layout);
    let limits = files
        .limits()
        .read(&findings, |table| table.tables("limit", Limit::read));
    let sudo = files
        .sudo()
        .read(&findings, |table| table.tables("file", SudoFile::read));
    let (listeners, egress) = files.network().read(&findings, |table| {
        let listeners = table.tables("listener", Listener::read);
        (
            listeners,
            required_table(table, "egress", |egress| Some(Egress::read(egress))),
        )
    });
    let (baseline, services, timers, drop_ins, debian) = files.services().read(&findings, |table| {
        (
            read_baseline(table),
            table.tables("service", Service::read),
            table.tables("timer", Timer::read),
            table.tables("drop_in", DropIn::read),
            table.tables("debian", DebianUnit::read),
        )
    });
    let (credentials, settings) = files.secrets().read(&findings, |table| {
        (
            table.tables("credential", Credential::read),
            table.tables("setting", Setting::read),
        )
    });
    let raw = Raw {
        groups,
        accounts,
        disks,
        directories,
        links,
        files: file_rules,
        absences,
        sudo,
        listeners,
        services,
        timers,
        drop_ins,
        debian,
        credentials,
        settings,
    };
    check::definition(&raw, &findings);
    let instance = Source::new(instance_name, instance_text).read(&findings, |table| {
        let instance = Instance::read(table)?;
        check::instance(&instance, &raw, table);
        Some(instance)
    });
    findings.finish()?;
    let (Some(instance), Some(operating_system), Some(people), Some(swap), Some(egress)) =
        (instance, operating_system, people, swap, egress)
    else {
        // Whatever is missing here was noted as a problem above.
        return Err(Problems(Vec::new()));
    };
    let mut disks = values(raw.disks);
    for disk in &mut disks {
        disk.size_gb = instance
            .disk_sizes
            .get(&disk.role)
            .copied()
            .unwrap_or(disk.size_gb);
    }
    let mut directories = values(raw.directories);
    directories.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(Appliance {
        instance,
        operating_system,
        packages,
        groups: values(raw.groups),
        accounts: values(raw.accounts),
        people,
        disks,
        swap,
        directories,
        links: values(raw.links),
        files: values(raw.files),
        absences: values(raw.absences),
        limits: values(limits),
        sudo: values(raw.sudo),
        listeners: values(raw.listeners),
        egress,
        units: crate::unit::Units {
            baseline,
            services: values(raw.services),
            timers: values(raw.timers),
            drop_ins: values(raw.drop_ins),
            debian: values(raw.debian),
        },
        credentials: values(raw.credentials),
        settings: values(raw.settings),
    })
}

fn values<T>(list: Vec<At<T>>) -> Vec<T> {
    list.into_iter().map(|item| item.value).collect()
}

fn required_table<T>(table: &Table<'_>, key: &str, read: impl FnOnce(&Table<'_>) -> Option<T>) -> Option<T> {
    let value = table.table(key, read);
    if value.is_none() && table.place_of(key) == *table.place() {
        table.refuse(
            key,
            format!("the table [{key}] is missing"),
            format!("add [{key}] with its keys"),
        );
    }
    value.flatten()
}

type Layout = (
    Vec<At<Directory>>,
    Vec<At<Link>>,
    Vec<At<FileRule>>,
    Vec<At<Absence>>,
);

fn read_layout(table: &Table<'_>) -> Layout {
    let profiles: Vec<Profile> = values(table.tables("profile", Profile::read));
    let directories = table
        .tables("directory", |directory| {
            Some(Directory::read(directory, &profiles))
        })
        .into_iter()
        .flat_map(|At { place, value }| {
            value.into_iter().map(move |value| At {
                place: place.clone(),
                value,
            })
        })
        .collect();
    let links = table.tables("link", Link::read);
    let files = table.tables("file", FileRule::read);
    let absences = table.tables("absent", Absence::read);
    (directories, links, files, absences)
}

/// The role of a disk that only the instance knows: the system disk's size is no disk of the definition.
pub(crate) const SIZED_BY_INSTANCE: DiskRole = DiskRole::System;
