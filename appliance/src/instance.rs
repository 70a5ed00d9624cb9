//! What differs from one appliance to the next: one small file, written by its operator.

use std::collections::BTreeMap;

use crate::disk::DiskRole;
use crate::name::{DomainName, InstanceName, SettingName, UserName};
use crate::platform::Platform;
use crate::reader::{At, Table};
use crate::ssh_key::SshKey;

/// A bootstrap administrator.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Admin {
    /// Their account.
    pub username: UserName,
    /// Their keys, at least one.
    pub ssh_keys: Vec<SshKey>,
}

/// Whether a blank disk may be formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formatting {
    /// A disk without a single non-zero byte at either end may be; nothing else ever is.
    IfBlank,
    /// No disk is formatted.
    Never,
}

impl std::str::FromStr for Formatting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "if-blank" => Ok(Self::IfBlank),
            "never" => Ok(Self::Never),
            _ => Err(format!("{text:?} is neither \"if-blank\" nor \"never\"")),
        }
    }
}

crate::reader::from_toml_text! { Formatting = "if-blank" }

/// The parameters of one appliance.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Instance {
    /// VM, boot disk and host name.
    pub name: InstanceName,
    /// Cloud project.
    pub project: String,
    /// Cloud zone.
    pub zone: String,
    /// Where the portal answers.
    pub domain: DomainName,
    /// What the machine is.
    pub platform: Platform,
    /// Account for certificates.
    pub acme_email: String,
    /// At least one.
    pub admins: Vec<Admin>,
    /// Ed25519 public keys that releases are signed with; at least one.
    pub release_keys: Vec<SshKey>,
    /// The only keys that may log in as `deploy`; at least one.
    pub ci_ssh_keys: Vec<SshKey>,
    /// From where the cloud lets SSH in.
    pub ssh_source_ranges: Vec<String>,
    /// Sizes that differ from the definition's, in GB.
    pub disk_sizes: BTreeMap<DiskRole, u32>,
    /// Whether a blank disk may be formatted.
    pub format: Formatting,
    /// Settings of services.
    pub settings: BTreeMap<SettingName, String>,
}

const DEFAULT_ZONE: &str = "europe-north1-a";

impl Instance {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table
            .optional("instance_name")
            .or_else(|| InstanceName::new("data-broker").ok());
        let project = table.required::<String>("project");
        if project
            .as_deref()
            .is_some_and(|project| project.trim().is_empty())
        {
            table.refuse(
                "project",
                "`project` is empty",
                "write the id of the cloud project",
            );
        }
        let zone = table.or("zone", DEFAULT_ZONE.to_owned());
        if region_of(&zone).is_none() {
            table.refuse(
                "zone",
                format!("{zone:?} is no zone"),
                format!("write a zone such as \"{DEFAULT_ZONE}\""),
            );
        }
        let domain = table.required::<DomainName>("domain");
        let platform = table.or("platform", Platform::Gce);
        let acme_email = table
            .optional::<String>("acme_email")
            .or_else(|| domain.as_ref().map(|domain| format!("admin@{domain}")));
        if acme_email.as_deref().is_some_and(|address| !is_address(address)) {
            table.refuse(
                "acme_email",
                "`acme_email` is no e-mail address",
                "write it as name@example.com",
            );
        }
        let admins = read_admins(table);
        let release_keys = table.filled_list("release_keys");
        let ci_ssh_keys = table.filled_list("ci_ssh_keys");
        let ssh_source_ranges = read_ranges(table);
        let format = table.or("format", Formatting::IfBlank);
        let disk_sizes = table.table("disks", read_disk_sizes).unwrap_or_default();
        let settings = table.table("settings", read_settings).unwrap_or_default();
        Some(Self {
            name: name?,
            project: project?,
            zone,
            domain: domain?,
            platform,
            acme_email: acme_email?,
            admins: admins.into_iter().map(|admin| admin.value).collect(),
            release_keys,
            ci_ssh_keys,
            ssh_source_ranges,
            disk_sizes,
            format,
            settings,
        })
    }

    /// The region that the zone lies in.
    pub fn region(&self) -> &str {
        region_of(&self.zone).unwrap_or(&self.zone)
    }
}

fn region_of(zone: &str) -> Option<&str> {
    let (region, letter) = zone.rsplit_once('-')?;
    let good = letter.len() == 1
        && letter.starts_with(|first: char| first.is_ascii_lowercase())
        && region.contains('-')
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    good.then_some(region)
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty()
            && !domain.contains('@')
            && DomainName::new(domain).is_ok()
            && !text.contains(char::is_whitespace)
    })
}

fn read_admins(table: &Table<'_>) -> Vec<At<Admin>> {
    let admins = table.tables("admins", |admin| {
        let username = admin.required::<UserName>("username");
        let ssh_keys = admin.filled_list("ssh_keys");
        if let Some(refusal) = username.as_ref().and_then(crate::account::reserved) {
            admin.refuse("username", refusal, "choose another name for this administrator");
        }
        Some(Admin {
            username: username?,
            ssh_keys,
        })
    });
    if admins.is_empty() && table.place_of("admins") == *table.place() {
        table.refuse(
            "admins",
            "there is no administrator",
            "add [[admins]] with `username` and `ssh_keys`",
        );
    }
    for (index, admin) in admins.iter().enumerate() {
        if admins[..index]
            .iter()
            .any(|other| other.value.username == admin.value.username)
        {
            let what = format!("the administrator {} stands there twice", admin.value.username);
            table.refuse_at(&admin.place, what, "remove one of the two");
        }
    }
    admins
}

fn read_ranges(table: &Table<'_>) -> Vec<String> {
    let ranges: Vec<String> = table.list("ssh_source_ranges");
    for range in &ranges {
        let good = range.split_once('/').is_some_and(|(address, bits)| {
            let width = match address.parse::<std::net::IpAddr>() {
                Ok(std::net::IpAddr::V4(_)) => 32,
                Ok(std::net::IpAddr::V6(_)) => 128,
                Err(_) => return false,
            };
            bits.parse::<u8>().is_ok_and(|bits| bits <= width)
        });
        if !good {
            table.refuse(
                "ssh_source_ranges",
                format!("{range:?} is no address range"),
                "write it as \"203.0.113.0/24\"",
            );
        }
    }
    if ranges.is_empty() {
        vec!["0.0.0.0/0".to_owned()]
    } else {
        ranges
    }
}

fn read_disk_sizes(table: &Table<'_>) -> BTreeMap<DiskRole, u32> {
    let mut sizes = BTreeMap::new();
    for role in DiskRole::ALL {
        let size = table
            .table(role.as_str(), |disk| disk.required::<u32>("size_gb"))
            .flatten();
        if let Some(size) = size {
            if size == 0 || size > 65_536 {
                table.refuse(
                    role.as_str(),
                    format!("{size} GB is no size of a disk"),
                    "write 1 to 65536",
                );
            }
            sizes.insert(role, size);
        }
    }
    sizes
}

fn read_settings(table: &Table<'_>) -> BTreeMap<SettingName, String> {
    let mut settings = BTreeMap::new();
    for (name, value) in table.pairs::<String>() {
        if value.contains(['\n', '\r', '\0']) {
            table.refuse(
                &name.value,
                format!("`{}` contains a line break", name.value),
                "write it on one line",
            );
        }
        match SettingName::new(&name.value) {
            Ok(setting) => {
                settings.insert(setting, value);
            }
            Err(error) => table.refuse_at(
                &name.place,
                error.to_string(),
                "use a name of the list in docs/definition.md",
            ),
        }
    }
    settings
}

/// The keys of an instance file, as a JSON schema for editors.
pub const INSTANCE_SCHEMA: &str = include_str!("../definition/instance.schema.json");
