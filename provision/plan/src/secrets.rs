//! Secrets: where they come from, which are made here, and which files must go.

use std::collections::BTreeMap;

use appliance::Appliance;
use appliance::name::UserName;
use appliance::path::TargetPath;
use appliance::secret::{SecretValue, Secrets};
use host::Facts;
use host::facts::Kind;
use render::{Area, Inputs};

use crate::step::{Action, Change, Drift, Refusal, RefusalKind};
use crate::{Ids, Planner};

/// Where services read secrets, one file each.
pub const CREDENTIALS_DIRECTORY: &str = "/etc/data-analyst/credentials";
/// Where generated secrets are kept, so that they survive the system disk.
pub(crate) const GENERATED_DIRECTORY: &str = "/data/.appliance/generated";
/// Where an operator hands over secrets.
pub const ENV_FILE: &str = "/opt/data-analyst/.env";
/// The stand-in for a certificate that is not issued yet.
pub(crate) const PLACEHOLDER_CERTIFICATE: &str = "/etc/data-analyst/tls/fullchain.pem";
/// Its key.
pub(crate) const PLACEHOLDER_KEY: &str = "/etc/data-analyst/tls/privkey.pem";

/// Why the file of secrets was refused, line by line, never with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", refusals.iter().map(|refusal| format!("{}: {}\n    next: {}", refusal.target, refusal.reason, refusal.next)).collect::<Vec<_>>().join("\n"))]
pub struct SecretsError {
    /// What is wrong.
    pub refusals: Vec<Refusal>,
}

/// The certificate of the domain, once it is issued.
pub(crate) fn certificate_path(appliance: &Appliance) -> TargetPath {
    TargetPath::known(&format!(
        "/etc/letsencrypt/live/{}/fullchain.pem",
        appliance.instance.domain
    ))
}

/// What rendering needs, out of the answers to [`crate::inputs_question`].
pub fn read_inputs(appliance: &Appliance, facts: &Facts) -> Result<Inputs, SecretsError> {
    let mut secrets = Secrets::new();
    for credential in appliance
        .credentials
        .iter()
        .filter(|credential| credential.generated)
    {
        let kept = TargetPath::known(&format!("{GENERATED_DIRECTORY}/{}", credential.name));
        let copy = TargetPath::known(&format!("{CREDENTIALS_DIRECTORY}/{}", credential.name));
        let bytes = facts.contents.get(&kept).or_else(|| facts.contents.get(&copy));
        let value = bytes
            .and_then(|bytes| String::from_utf8(bytes.clone()).ok())
            .filter(|text| !text.is_empty());
        if let Some(value) = value {
            secrets.insert(credential.name.clone(), SecretValue::new(value));
        }
    }
    for (name, value) in read_env_file(facts)? {
        let Some(credential) = appliance
            .credentials
            .iter()
            .find(|known| known.name.as_str() == name)
        else {
            continue;
        };
        if !value.is_empty() {
            secrets.insert(credential.name.clone(), SecretValue::new(value));
        }
    }
    let ids = Ids::new(appliance, facts);
    let uids = ids
        .users()
        .iter()
        .filter_map(|(name, uid)| Some((UserName::new(name).ok()?, *uid)))
        .collect();
    let certificate_issued = facts.inodes.contains_key(&certificate_path(appliance));
    Ok(Inputs {
        secrets,
        uids,
        certificate_issued,
    })
}

fn read_env_file(facts: &Facts) -> Result<BTreeMap<String, String>, SecretsError> {
    let path = TargetPath::known(ENV_FILE);
    let Some(inode) = facts.inodes.get(&path) else {
        return Ok(BTreeMap::new());
    };
    let refuse = |reason: String, next: &str| Refusal {
        kind: RefusalKind::Safety,
        area: Area::Settings,
        target: ENV_FILE.to_owned(),
        reason,
        next: next.to_owned(),
    };
    let closed = inode.kind == Kind::File
        && (inode.uid, inode.gid) == (0, 0)
        && inode.mode.bits() == 0o600
        && inode.acl.is_none();
    if !closed {
        let reason = "others than root may read it".to_owned();
        let next = "make every secret in it anew, then `chown root:root` and `chmod 0600` it";
        return Err(SecretsError {
            refusals: vec![refuse(reason, next)],
        });
    }
    let bytes = facts.contents.get(&path).map_or(&[][..], Vec::as_slice);
    appliance::env_file::parse(bytes).map_err(|errors| SecretsError {
        refusals: errors
            .iter()
            .map(|error| refuse(error.to_string(), "correct the line, and run again"))
            .collect(),
    })
}

/// Names in the file of secrets that nothing reads: a mistyped one would else look like one that was never given.
pub(crate) fn note_unknown(planner: &mut Planner<'_>) {
    let bytes = planner.facts.contents.get(&TargetPath::known(ENV_FILE));
    let given = bytes
        .and_then(|bytes| appliance::env_file::parse(bytes).ok())
        .unwrap_or_default();
    let known = |name: &String| {
        planner
            .appliance
            .credentials
            .iter()
            .any(|credential| credential.name.as_str() == name)
    };
    let unknown: Vec<String> = given.into_keys().filter(|name| !known(name)).collect();
    for name in unknown {
        planner.notice(
            Area::Settings,
            ENV_FILE,
            format!("nothing reads {name}; the secrets stand in docs/definition.md"),
        );
    }
}

/// Secrets that nobody brought and that may be made here.
pub(crate) fn plan_generated(planner: &mut Planner<'_>) {
    for credential in planner
        .appliance
        .credentials
        .iter()
        .filter(|credential| credential.generated)
    {
        let kept = TargetPath::known(&format!("{GENERATED_DIRECTORY}/{}", credential.name));
        let path = TargetPath::known(&format!("{CREDENTIALS_DIRECTORY}/{}", credential.name));
        if planner.tree.get(&path).is_none() {
            let change = Change::GenerateSecret {
                name: credential.name.clone(),
                kept,
                credential: path,
            };
            let because = "nobody brought it; 32 random bytes, kept on the data disk";
            planner.step(
                Area::Settings,
                change,
                Action::Create,
                Drift::Missing,
                because,
                "",
                "a new secret",
            );
        }
    }
}

/// nginx does not start without a certificate, and none is issued before nginx answers.
pub(crate) fn plan_placeholder_certificate(planner: &mut Planner<'_>) {
    if planner
        .facts
        .inodes
        .contains_key(&certificate_path(planner.appliance))
    {
        return;
    }
    let (certificate, key) = (
        TargetPath::known(PLACEHOLDER_CERTIFICATE),
        TargetPath::known(PLACEHOLDER_KEY),
    );
    if planner.inode(&certificate).is_none() || planner.inode(&key).is_none() {
        let domain = planner.appliance.instance.domain.to_string();
        let after = format!("a self-signed certificate for {domain}");
        let change = Change::MakePlaceholderCertificate {
            certificate,
            key,
            domain,
        };
        let because = "nginx does not start without one, and none is issued before nginx answers";
        planner.step(
            Area::Nginx,
            change,
            Action::Create,
            Drift::Missing,
            because,
            "",
            &after,
        );
    }
}
