//! The shipped definition with an example instance.

use appliance::secret::SecretValue;
use appliance::{Appliance, DefinitionFiles};
use render::{Inputs, Tree, render};

/// The value of every secret in these tests; it must show nowhere but in its own file.
pub const PLANTED: &str = "planted-5c1d0f";

const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f release",
];

/// The shipped definition on a platform.
pub fn appliance(platform: &str) -> Appliance {
    let [person, release] = KEYS;
    let instance = format!(
        "project = \"example\"\ndomain = \"broker.example.com\"\nplatform = \"{platform}\"\n\
         release_keys = [\"{release}\", \"{person}\"]\nci_ssh_keys = [\"{release}\"]\n\
         [[admins]]\nusername = \"alice\"\nssh_keys = [\"{person}\"]\n"
    );
    Appliance::parse(&DefinitionFiles::shipped(), "instance.toml", &instance)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// Every secret of the definition, planted.
pub fn inputs(appliance: &Appliance) -> Inputs {
    let secret = || SecretValue::new(PLANTED.to_owned());
    let credentials = appliance.credentials.iter();
    Inputs {
        secrets: credentials
            .map(|credential| (credential.name.clone(), secret()))
            .collect(),
        ..Inputs::default()
    }
}

/// The tree of a definition with every secret.
pub fn tree(appliance: &Appliance) -> Tree {
    render(appliance, &inputs(appliance)).unwrap_or_else(|error| panic!("{error}"))
}
