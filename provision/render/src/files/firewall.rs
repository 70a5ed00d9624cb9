//! The packet filter, from the definition's listeners.

use appliance::layout::FileRule;
use appliance::name::UserName;
use appliance::network::{self, Listener, Reach};
use templates::context::{InternalPort, Nftables, Protocol};

use crate::RenderError;
use crate::draft::{Draft, sorted};

/// root reaches everything.
const ROOT: u32 = 0;

pub(super) fn nftables(draft: &Draft<'_>, rule: &FileRule) -> Result<Nftables, RenderError> {
    let egress = &draft.appliance.egress;
    let mut listeners: Vec<&Listener> = draft.appliance.listeners.iter().collect();
    listeners.sort_by_key(|listener| (listener.protocol, listener.port));
    let mut public_ports = Vec::new();
    let mut internal_ports = Vec::new();
    for listener in listeners {
        match &listener.reach {
            Reach::Internet => public_ports.push(listener.port),
            Reach::Users(users) => internal_ports.push(InternalPort {
                name: listener.program.clone(),
                protocol: protocol(listener.protocol),
                port: listener.port,
                uids: uids(draft, rule, users)?,
            }),
        }
    }
    Ok(Nftables {
        public_ports,
        metadata_uids: uids(draft, rule, &egress.metadata_users)?,
        smtp_uids: uids(draft, rule, &egress.mail_users)?,
        internal_ports,
    })
}

const fn protocol(protocol: network::Protocol) -> Protocol {
    match protocol {
        network::Protocol::Tcp => Protocol::Tcp,
        network::Protocol::Udp => Protocol::Udp,
    }
}

/// root's number and those of the users: the machine's where it has them, else the definition's.
fn uids(draft: &Draft<'_>, rule: &FileRule, users: &[UserName]) -> Result<Vec<u32>, RenderError> {
    let mut numbers = vec![ROOT];
    for user in users {
        let mut accounts = draft.appliance.accounts.iter();
        let defined = || {
            accounts
                .find(|account| account.name == *user)
                .map(|account| account.id)
        };
        let number = draft.inputs.uids.get(user).copied().or_else(defined);
        numbers.push(number.ok_or_else(|| RenderError::Missing {
            path: rule.path.clone(),
            what: format!("account {user}, which the firewall names"),
            file: "accounts.toml",
        })?);
    }
    Ok(sorted(numbers))
}
