//! Places and accounts that rendered files name and that are no rows of the definition.

use appliance::name::{GroupName, UnitName, UserName};
use appliance::path::{PathError, TargetPath};

/// Where unit files go.
pub(crate) const UNITS: &str = "/etc/systemd/system";
/// Where Debian's packages put theirs, as `systemctl enable` writes it.
pub(crate) const DEBIAN_UNITS: &str = "/lib/systemd/system";
/// Environment files of services.
pub(crate) const SETTINGS: &str = "/opt/data-analyst/config";
/// One file a secret.
pub(crate) const CREDENTIALS: &str = "/etc/data-analyst/credentials";
/// Keys that log in when `/home` is missing.
pub(crate) const AUTHORIZED_KEYS: &str = "/etc/ssh/authorized_keys.d";
/// Keys that releases are signed with.
pub(crate) const RELEASE_KEYS: &str = "/etc/data-analyst/release-keys.d";
/// Grants.
pub(crate) const SUDOERS: &str = "/etc/sudoers.d";
/// One directory for each producer of audit records.
pub(crate) const AUDIT_SPOOL: &str = "/data/audit-spool";
/// The account that receives releases.
pub(crate) const DEPLOY: &str = "deploy";
/// The service that reports the failure of any other.
pub(crate) const UNIT_FAILED: &str = "unit-failed@.service";
/// The portal.
pub(crate) const PORTAL: &str = "webapp.service";
/// nginx's JSON access log.
pub(crate) const NGINX_ACCESS_LOG: &str = "/var/log/nginx/access.log";
/// nginx's error log.
pub(crate) const NGINX_ERROR_LOG: &str = "/var/log/nginx/error.log";

/// A user whose name is written in this crate.
pub(crate) fn user(name: &'static str) -> UserName {
    UserName::new(name).expect("written in this crate, and tested")
}

/// A group whose name is written in this crate.
pub(crate) fn group(name: &'static str) -> GroupName {
    GroupName::new(name).expect("written in this crate, and tested")
}

/// A unit whose name is written in this crate.
pub(crate) fn unit(name: &str) -> UnitName {
    UnitName::new(name).expect("written in this crate, and tested")
}

/// A path below one of the directories above.
pub(crate) fn below(directory: &'static str, name: &str) -> Result<TargetPath, PathError> {
    TargetPath::new(directory)?.join(name)
}
