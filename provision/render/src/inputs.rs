//! What rendering needs beside the definition, and what follows from it for services.

use std::collections::BTreeMap;

use appliance::Appliance;
use appliance::name::{CredentialName, UserName};
use appliance::secret::Secrets;
use appliance::unit::{Service, Timer};

/// What rendering needs beside the definition: facts that decide over a file's text, given as plain values.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The secrets that the machine has.
    pub secrets: Secrets,
    /// Numbers of accounts that the machine already had; they override the definition's.
    pub uids: BTreeMap<UserName, u32>,
    /// The domain's certificate has been issued.
    pub certificate_issued: bool,
}

impl Inputs {
    /// True for a secret that the machine has, or that the first apply makes. An empty one is none.
    pub fn has(&self, appliance: &Appliance, name: &CredentialName) -> bool {
        let given = self
            .secrets
            .get(name)
            .is_some_and(|secret| !secret.reveal().is_empty());
        let generated = || {
            let mut credentials = appliance.credentials.iter();
            credentials.any(|credential| credential.name == *name && credential.generated)
        };
        given || generated()
    }

    /// True for a service that has every secret without which it is disabled.
    pub fn enables(&self, appliance: &Appliance, service: &Service) -> bool {
        service.needs.iter().all(|name| self.has(appliance, name))
    }

    /// True for a timer whose service is enabled.
    pub fn enables_timer(&self, appliance: &Appliance, timer: &Timer) -> bool {
        appliance
            .units
            .services
            .iter()
            .find(|service| service.name == timer.starts)
            .is_none_or(|service| self.enables(appliance, service))
    }
}
