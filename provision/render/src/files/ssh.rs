//! sshd.

use templates::context::Sshd;

use crate::draft::{Draft, sorted};
use crate::names::{AUTHORIZED_KEYS, DEPLOY};

/// Preferred first. `recover` brings the same files back, so that clients see no change.
const HOST_KEYS: [&str; 3] = [
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_rsa_key",
];

pub(super) fn sshd(draft: &Draft<'_>) -> Sshd {
    Sshd {
        host_keys: HOST_KEYS.map(str::to_owned).to_vec(),
        allow_groups: sorted(draft.appliance.egress.ssh_groups.iter().map(ToString::to_string)),
        authorized_keys_dir: AUTHORIZED_KEYS.to_owned(),
        admin_group: "sudo".to_owned(),
        deploy_user: DEPLOY.to_owned(),
        deploy_command: "/usr/local/sbin/appliance-deploy-gate".to_owned(),
    }
}
