//! The kernel's audit trail.

use serde::Serialize;

/// `/etc/audit/rules.d/50-appliance.rules`.
#[derive(Debug, Clone, Serialize)]
pub struct AuditRules {
    /// Files and directories whose use is recorded.
    pub watches: Vec<AuditWatch>,
    /// Directory whose reading by people is recorded.
    pub private_directory: String,
    /// Key of those records.
    pub private_key: String,
    /// Key of commands that people run as root.
    pub root_command_key: String,
    /// Key of module loads, mounts and changes of the clock.
    pub system_key: String,
    /// The lowest uid of a person.
    pub first_person_uid: u32,
}
template!(AuditRules, "audit/50-appliance.rules.j2");

/// One watched path.
#[derive(Debug, Clone, Serialize)]
pub struct AuditWatch {
    /// File or directory.
    pub path: String,
    /// Of `r`, `w`, `x`, `a`.
    pub permissions: String,
    /// What `ausearch -k` looks for.
    pub key: String,
}

/// `/etc/audit/auditd.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct AuditdConfig {
    /// How many logs are kept.
    pub logs: u8,
    /// Size of each, in MiB.
    pub log_size_mib: u32,
}
template!(AuditdConfig, "audit/auditd.conf.j2");
