//! Public keys: who may log in when `/home` is missing, and whose releases are taken.

use appliance::ssh_key::SshKey;
use templates::HEADER;

use crate::draft::{Draft, sorted};
use crate::names::{AUTHORIZED_KEYS, DEPLOY, RELEASE_KEYS, below};
use crate::{Area, Content, RenderError};

pub(crate) fn add(draft: &mut Draft<'_>) -> Result<(), RenderError> {
    let instance = &draft.appliance.instance;
    for admin in &instance.admins {
        let because = "an administrator logs in even when /home is missing";
        add_authorized_keys(draft, admin.username.as_str(), &admin.ssh_keys, because)?;
    }
    add_authorized_keys(draft, DEPLOY, &instance.ci_ssh_keys, "CI sends releases")?;
    for (number, key) in (1..).zip(sorted(&instance.release_keys)) {
        let path = below(RELEASE_KEYS, &format!("{number}.pub"))?;
        let because = "releases are signed with it".to_owned();
        // Without the header line: as ssh-keygen writes it, so that every program reads it.
        let content = Content::Plain(format!("{key}\n"));
        draft.add_root_file(path, Area::Settings, 0o644, content, because)?;
    }
    Ok(())
}

fn add_authorized_keys(
    draft: &mut Draft<'_>,
    user: &str,
    keys: &[SshKey],
    because: &str,
) -> Result<(), RenderError> {
    let mut text = format!("# {HEADER}\n");
    for key in sorted(keys) {
        text.push_str(&format!("{key}\n"));
    }
    let path = below(AUTHORIZED_KEYS, user)?;
    draft.add_root_file(path, Area::Ssh, 0o644, Content::Plain(text), because.to_owned())
}
