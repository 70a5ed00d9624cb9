//! There is a certificate whose key nobody reads and that does not end soon.

use appliance::path::TargetPath;
use host::command::Command;
use host::facts::Kind;
use host::{Host, HostError, Look, Question};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::places;
use crate::report::Class;

/// certbot renews 30 days before the end; one that is 10 days late has failed some twenty times.
const SOON_DAYS: u32 = 20;
const OPENSSL: &str = "/usr/bin/openssl";

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let domain = &machine.appliance.instance.domain;
    let live = |name: &str| places::path(&format!("/etc/letsencrypt/live/{domain}/{name}"));
    let (certificate, key) = (live("fullchain.pem"), live("privkey.pem"));
    if machine.inode(&certificate).is_none() {
        return Ok(placeholder(machine));
    }
    let mut findings = Findings::new(format!("{domain}, for {SOON_DAYS} days at least"));
    let next = "`certbot certificates`, then `certbot renew --force-renewal`";
    match file_behind(machine, &key) {
        None => findings.error(Class::Missing, &key, "is not there", next),
        Some(path) => key_mode(host, &path, &mut findings)?,
    }
    if host.is_live() {
        let days = |days: u32| ends_within(&certificate, days);
        if days(0)? {
            findings.error(
                Class::Content,
                &certificate,
                "has ended: nobody can reach the portal",
                next,
            );
        } else if days(SOON_DAYS)? {
            let what = format!("ends within {SOON_DAYS} days, and certbot should have renewed it");
            findings.warning(
                Class::Content,
                &certificate,
                what,
                "`systemctl status certbot`, `certbot renew --dry-run`",
            );
        }
    }
    Ok(findings)
}

/// Until a certificate is issued nginx serves one that no browser trusts.
fn placeholder(machine: &Machine<'_>) -> Findings {
    let directory = "/etc/data-analyst/tls";
    let mut findings = Findings::new("placeholder");
    let what = "nginx serves the self-signed placeholder: no certificate has been issued yet";
    findings.info(
        Class::Missing,
        directory,
        what,
        "point the domain's address here, then run `appliance apply`",
    );
    for name in ["placeholder.crt", "placeholder.key"] {
        let path = places::path(&format!("{directory}/{name}"));
        match machine.inode(&path) {
            None => findings.error(
                Class::Missing,
                &path,
                "is not there: nginx cannot start",
                "`appliance apply`",
            ),
            Some(inode) if name.ends_with(".key") && inode.mode.bits() & 0o077 != 0 => {
                let what = format!("has mode {}: others may read the key", inode.mode);
                findings.error(Class::CredentialMode, &path, what, "`appliance apply`");
            }
            Some(_) => {}
        }
    }
    findings
}

/// certbot's names are links into its archive.
fn file_behind(machine: &Machine<'_>, path: &TargetPath) -> Option<TargetPath> {
    let Kind::Link(target) = &machine.inode(path)?.kind else {
        return Some(path.clone());
    };
    if target.starts_with('/') {
        return TargetPath::new(target).ok();
    }
    let mut at = path.parent()?;
    for part in target.split('/') {
        at = match part {
            "" | "." => at,
            ".." => at.parent()?,
            name => at.join(name).ok()?,
        };
    }
    Some(at)
}

fn key_mode(host: &Host, path: &TargetPath, findings: &mut Findings) -> Result<(), HostError> {
    let mut question = Question::default();
    question.paths.insert(path.clone(), Look::Inode);
    match host::gather(host, &question)?.inodes.get(path) {
        None => findings.error(Class::Missing, path, "is not there", "`certbot certificates`"),
        Some(inode) if inode.uid != 0 || inode.mode.bits() & 0o077 != 0 => {
            let what = format!(
                "belongs to uid {} with mode {}: others may read the key",
                inode.uid, inode.mode
            );
            let next = format!("`chown root:root {path}; chmod 0600 {path}`, then think about a new key");
            findings.error(Class::CredentialMode, path, what, next);
        }
        Some(_) => {}
    }
    Ok(())
}

fn ends_within(certificate: &TargetPath, days: u32) -> Result<bool, HostError> {
    let seconds = u64::from(days) * 24 * 60 * 60;
    let command = Command::new(OPENSSL)
        .args([
            "x509",
            "-noout",
            "-checkend",
            &seconds.to_string(),
            "-in",
            certificate.as_str(),
        ])
        .accept(&[0, 1]);
    Ok(command.run()?.code == 1)
}
