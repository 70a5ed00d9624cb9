//! Every directory, link and configuration file that the definition puts on the machine.

use crate::acl::Acl;
use crate::mode::Mode;
use crate::name::{GroupName, UserName};
use crate::path::TargetPath;
use crate::platform::Platform;
use crate::reader::Table;

/// An access control list in names.
pub type NamedAcl = Acl<UserName, GroupName>;

crate::reader::from_toml_text! { NamedAcl = "u::rwx g::rwx g:data-ops:rwx m::rwx o::---" }

/// A named pair of lists that directories share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What directories call it.
    pub name: String,
    /// Who may do what with the directory.
    pub access: NamedAcl,
    /// What is created in it inherits.
    pub default: NamedAcl,
}

impl Profile {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let access = table.required("access");
        let default = table.required("default");
        Some(Self {
            name: name?,
            access: access?,
            default: default?,
        })
    }
}

/// How systemd-tmpfiles treats a directory at boot and once a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// Emptied at boot.
    pub emptied_at_boot: bool,
    /// How old an entry grows before it is removed, such as `7d`; none for never.
    pub age: Option<String>,
    /// The tmpfiles file that says so, when it must replace one of Debian's.
    pub replaces: Option<String>,
}

/// A directory: owner, mode and both lists, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where.
    pub path: TargetPath,
    /// Its owner.
    pub owner: UserName,
    /// Its group.
    pub group: GroupName,
    /// Its mode; with a profile the lower bits are those of the profile's access list.
    pub mode: Mode,
    /// Its lists; none for a directory that the mode alone describes.
    pub profile: Option<Profile>,
    /// Nothing below may name a group that the profile does not name: files and directories at any depth.
    pub closed: bool,
    /// Nothing may lie in it but what the definition puts there.
    pub exact: bool,
    /// What it is for, and who may write there.
    pub because: String,
    /// Made anew at boot by systemd-tmpfiles.
    pub sweep: Option<Sweep>,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it lies.
    pub path: TargetPath,
    /// What it says, relative or absolute.
    pub target: String,
    /// Made when nothing is there, and then left to whoever moves it: a deploy moves `current`.
    pub once: bool,
}

/// Which program judges a configuration file before it takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judge {
    /// `visudo -c`
    Sudoers,
    /// `sshd -t`
    Sshd,
    /// `nginx -t`
    Nginx,
    /// `nft -c`
    Firewall,
}

impl std::str::FromStr for Judge {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sudoers" => Ok(Self::Sudoers),
            "sshd" => Ok(Self::Sshd),
            "nginx" => Ok(Self::Nginx),
            "firewall" => Ok(Self::Firewall),
            _ => Err(format!(
                "{text:?} is no judge; there are sudoers, sshd, nginx and firewall"
            )),
        }
    }
}

crate::reader::from_toml_text! { Judge = "nginx" }

/// A configuration file that a template makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRule {
    /// Where it goes.
    pub path: TargetPath,
    /// The template that makes it, by the name of its file.
    pub template: String,
    /// Its owner.
    pub owner: UserName,
    /// Its group.
    pub group: GroupName,
    /// Its mode.
    pub mode: Mode,
    /// Who judges it.
    pub judge: Option<Judge>,
    /// On which machines; empty for all.
    pub platforms: Vec<Platform>,
}

/// Something that must not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// What.
    pub path: TargetPath,
    /// Why not.
    pub because: String,
}

fn owner(table: &Table<'_>) -> Option<(UserName, GroupName)> {
    let root = || (UserName::new("root").ok(), GroupName::new("root").ok());
    let owner = table.optional("owner").or_else(|| root().0);
    let group = table.optional("group").or_else(|| root().1);
    Some((owner?, group?))
}

impl Directory {
    /// Reads one table, which may name several paths that are alike.
    pub(crate) fn read(table: &Table<'_>, profiles: &[Profile]) -> Vec<Self> {
        let paths: Vec<TargetPath> = table.filled_list("paths");
        let ownership = owner(table);
        let mode = table.required::<Mode>("mode");
        let wanted = table.optional::<String>("acl");
        let closed = table.or("closed", false);
        let exact = table.or("exact", false);
        let because = table.required::<String>("because");
        let sweep = table.table("sweep", |sweep| Sweep {
            emptied_at_boot: sweep.or("emptied_at_boot", false),
            age: sweep.optional("age"),
            replaces: sweep.optional("replaces"),
        });
        let profile = wanted
            .as_ref()
            .and_then(|name| profiles.iter().find(|profile| profile.name == *name));
        if let (Some(name), None) = (&wanted, profile) {
            let known: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
            table.refuse(
                "acl",
                format!("there is no ACL profile {name:?}"),
                format!("use one of {}", known.join(", ")),
            );
        }
        if closed && profile.is_none() {
            table.refuse(
                "closed",
                "a directory without a profile cannot be closed",
                "give it `acl` or remove `closed`",
            );
        }
        let (Some((owner, group)), Some(mode), Some(because)) = (ownership, mode, because) else {
            return Vec::new();
        };
        if let Some(profile) = profile {
            let expected = mode.with_permissions(profile.access.mode_bits());
            if expected != mode {
                table.refuse(
                    "mode",
                    format!("mode {mode} contradicts the ACL profile {}", profile.name),
                    format!("write `mode = \"{expected}\"`"),
                );
            }
        }
        paths
            .into_iter()
            .map(|path| Self {
                path,
                owner: owner.clone(),
                group: group.clone(),
                mode,
                profile: profile.cloned(),
                closed,
                exact,
                because: because.clone(),
                sweep: sweep.clone(),
            })
            .collect()
    }
}

impl Link {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let path = table.required("path");
        let target = table.required::<String>("target");
        let once = table.or("once", false);
        if target
            .as_ref()
            .is_some_and(|target| target.is_empty() || target.contains('\0'))
        {
            table.refuse(
                "target",
                "a link must lead somewhere",
                "write `target = \"/data/docs\"`",
            );
        }
        Some(Self {
            path: path?,
            target: target?,
            once,
        })
    }
}

impl FileRule {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let path = table.required("path");
        let template = table.required("template");
        let ownership = owner(table);
        let mode = table.optional("mode").or_else(|| "0644".parse().ok());
        let judge = table.optional("judge");
        let platforms = table.list("platforms");
        let (owner, group) = ownership?;
        Some(Self {
            path: path?,
            template: template?,
            owner,
            group,
            mode: mode?,
            judge,
            platforms,
        })
    }
}

impl Absence {
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let path = table.required("path");
        let because = table.required("because");
        Some(Self {
            path: path?,
            because: because?,
        })
    }
}
