//! The kernel's audit trail.

use appliance::layout::FileRule;
use templates::context::{AuditRules, AuditWatch, AuditdConfig};

use crate::RenderError;
use crate::draft::Draft;

/// What decides over access: writing it, or changing who may, is recorded.
const DECIDES_OVER_ACCESS: [&str; 14] = [
    "/etc/data-analyst",
    "/etc/group",
    "/etc/gshadow",
    "/etc/nftables.conf",
    "/etc/passwd",
    "/etc/security/limits.d",
    "/etc/shadow",
    "/etc/ssh",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/systemd/system",
    "/lib/systemd/system",
    "/opt/data-analyst",
    "/usr/local/sbin",
];
/// The account registry, which also tells who read it.
const REGISTRY: &str = "/data/.appliance";
/// The lowest uid of a person, those of the guest agent included.
const FIRST_PERSON: u32 = 1000;

pub(super) fn rules(draft: &Draft<'_>, rule: &FileRule) -> Result<AuditRules, RenderError> {
    let watch = |path: &str, permissions: &str, key: &str| AuditWatch {
        path: path.to_owned(),
        permissions: permissions.to_owned(),
        key: key.to_owned(),
    };
    let mut watches: Vec<_> = DECIDES_OVER_ACCESS
        .iter()
        .map(|path| watch(path, "wa", "appliance"))
        .collect();
    watches.push(watch(REGISTRY, "rwa", "registry"));
    Ok(AuditRules {
        watches,
        private_directory: private_data(draft, rule)?,
        private_key: "private-read".to_owned(),
        root_command_key: "root-cmd".to_owned(),
        system_key: "system".to_owned(),
        first_person_uid: FIRST_PERSON,
    })
}

/// The closed directory with the data itself, not those with what is known about it.
fn private_data(draft: &Draft<'_>, rule: &FileRule) -> Result<String, RenderError> {
    let mut directories = draft.appliance.directories.iter();
    directories
        .find(|directory| directory.closed && directory.path.name() == "private")
        .map(|directory| directory.path.to_string())
        .ok_or_else(|| RenderError::Missing {
            path: rule.path.clone(),
            what: "closed directory named private, whose readers are recorded".to_owned(),
            file: "layout.toml",
        })
}

/// 256 MiB of the system disk.
pub(super) fn daemon() -> AuditdConfig {
    AuditdConfig {
        logs: 8,
        log_size_mib: 32,
    }
}
