//! One file for each secret that a service reads.

use crate::draft::{Draft, sorted};
use crate::names::{CREDENTIALS, below};
use crate::{Area, Content, RenderError};

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    let services = &draft.appliance.units.services;
    for name in sorted(services.iter().flat_map(|service| &service.credentials)) {
        let Some(secret) = draft.inputs.secrets.get(name) else {
            continue;
        };
        if secret.reveal().is_empty() {
            continue;
        }
        let readers = services
            .iter()
            .filter(|service| service.credentials.contains(name));
        let readers = sorted(readers.map(|service| service.name.as_str())).join(", ");
        let path = below(CREDENTIALS, name.as_str())?;
        let content = Content::Secret(secret.reveal().to_owned());
        let because = format!("the secret is there, and {readers} reads it");
        draft.add_root_file(path, Area::Settings, 0o400, content, because)?;
    }
    Ok(())
}
