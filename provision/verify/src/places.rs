//! The places of Debian's where whoever writes decides about security, so that every name in them matters.

pub(crate) const SUDOERS: &str = "/etc/sudoers";
pub(crate) const SUDOERS_D: &str = "/etc/sudoers.d";
pub(crate) const SSHD_CONFIG: &str = "/etc/ssh/sshd_config";
pub(crate) const SSHD_CONFIG_D: &str = "/etc/ssh/sshd_config.d";
pub(crate) const AUTHORIZED_KEYS_D: &str = "/etc/ssh/authorized_keys.d";
pub(crate) const LIMITS_CONF: &str = "/etc/security/limits.conf";
pub(crate) const LIMITS_D: &str = "/etc/security/limits.d";
pub(crate) const UNITS: &str = "/etc/systemd/system";
pub(crate) const CRONTAB: &str = "/etc/crontab";
pub(crate) const CRONTABS: &str = "/var/spool/cron/crontabs";
pub(crate) const CRON: [&str; 5] = [
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
];
pub(crate) const NGINX: [&str; 3] = [
    "/etc/nginx/sites-enabled",
    "/etc/nginx/conf.d",
    "/etc/nginx/modules-enabled",
];

/// Directories of data whose entries are all in the layout.
pub(crate) const DATA: [&str; 3] = ["/data", "/data/src_data", "/data/audit-spool"];
/// Where people live.
pub(crate) const HOMES: &str = "/home";

/// Directories that are listed.
pub(crate) const CLOSED: &[&str] = &[
    SUDOERS_D,
    SSHD_CONFIG_D,
    AUTHORIZED_KEYS_D,
    LIMITS_D,
    UNITS,
    CRONTABS,
    CRON[0],
    CRON[1],
    CRON[2],
    CRON[3],
    CRON[4],
    NGINX[0],
    NGINX[1],
    NGINX[2],
    DATA[0],
    DATA[1],
    DATA[2],
    HOMES,
];

/// Those in which the text of a stranger's file tells how bad it is.
pub(crate) const READ_WHEN_FOREIGN: &[&str] = &[SUDOERS_D, SSHD_CONFIG_D, LIMITS_D];

/// Files of Debian's that could undo ours.
pub(crate) const OF_DEBIAN: &[&str] = &[SUDOERS, SSHD_CONFIG, LIMITS_CONF, CRONTAB];
