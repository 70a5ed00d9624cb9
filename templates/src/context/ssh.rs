//! sshd.

use serde::Serialize;

/// `/etc/ssh/sshd_config.d/10-appliance.conf`.
#[derive(Debug, Clone, Serialize)]
pub struct Sshd {
    /// Private host keys, absolute paths, preferred first.
    pub host_keys: Vec<String>,
    /// Members of any of these may log in.
    pub allow_groups: Vec<String>,
    /// Root-owned directory with one key file per user; works when `/home` is missing.
    pub authorized_keys_dir: String,
    /// Group whose members may forward local ports.
    pub admin_group: String,
    /// The account that receives releases.
    pub deploy_user: String,
    /// The only program that this account gets.
    pub deploy_command: String,
}
template!(Sshd, "ssh/10-appliance.conf.j2");
