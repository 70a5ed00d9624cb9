//! There is a certificate whose key nobody reads and that does not end soon.

use appliance::path::TargetPath;
use host::command::Command;
use host::facts::{Inode, Kind};
use host::{Host, HostError, Look, Question};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

/// certbot renews 30 days before the end; one that is 10 days late has failed some twenty times.
const SOON_DAYS: u32 = 20;
const OPENSSL: &str = "/usr/bin/openssl";

/// Where certbot keeps the names of certificates.
const ISSUED: &str = "/etc/letsencrypt/live";
const SITE: &str = "/etc/nginx/sites-available/webapp";

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new(format!(
        "valid for {SOON_DAYS} days at least, its key root's alone"
    ));
    let site = machine.text(&TargetPath::known(SITE));
    let (Some(certificate), Some(key)) = (
        setting(&site, "ssl_certificate"),
        setting(&site, "ssl_certificate_key"),
    ) else {
        let what = "names no certificate";
        findings.error(Class::Missing, SITE, what, "`appliance apply`");
        return Ok(findings);
    };
    for path in [&certificate, &key] {
        match file_behind(host, path)? {
            None => {
                let what = "is not there: nginx cannot start";
                findings.error(
                    Class::Missing,
                    path,
                    what,
                    "`appliance apply`, then `certbot certificates`",
                );
            }
            Some((file, inode)) if *path == key => key_mode(&file, &inode, &mut findings),
            Some(_) => {}
        }
    }
    if !certificate.is_within(&TargetPath::known(ISSUED)) {
        let what = "nginx serves the self-signed placeholder: no certificate has been issued yet";
        let next = "point the domain's address here, run `certbot certonly --webroot -w /var/www/html`, then `appliance apply`";
        findings.info(Class::Missing, &certificate, what, next);
    } else if host.is_live() && Command::new(OPENSSL).is_installed() {
        time_left(&certificate, &mut findings)?;
    }
    Ok(findings)
}

/// What nginx serves: the first value of a directive of the site.
fn setting(site: &str, directive: &str) -> Option<TargetPath> {
    let mut words = site
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';')?.split_once(' '));
    let (_, value) = words.find(|(name, _)| *name == directive)?;
    TargetPath::new(value.trim().trim_matches('"')).ok()
}

fn time_left(certificate: &TargetPath, findings: &mut Findings) -> Result<(), HostError> {
    let next = "`systemctl status certbot.timer`, then `certbot renew --dry-run` says what is in its way";
    if !ends_within(certificate, SOON_DAYS)? {
        return Ok(());
    }
    if ends_within(certificate, 0)? {
        let what = "has ended: browsers refuse the portal";
        findings.error(Class::Content, certificate, what, next);
    } else {
        let what = format!("ends within {SOON_DAYS} days, and certbot should have renewed it");
        findings.warning(Class::Content, certificate, what, next);
    }
    Ok(())
}

/// The file itself; certbot's names are links into its archive.
fn file_behind(host: &Host, path: &TargetPath) -> Result<Option<(TargetPath, Inode)>, HostError> {
    let look = |path: &TargetPath| -> Result<Option<Inode>, HostError> {
        let mut question = Question::default();
        question.paths.insert(path.clone(), Look::Inode);
        Ok(host::gather(host, &question)?.inodes.remove(path))
    };
    let Some(inode) = look(path)? else { return Ok(None) };
    let Kind::Link(target) = &inode.kind else {
        return Ok(Some((path.clone(), inode)));
    };
    let Some(file) = led_to(path, target) else {
        return Ok(None);
    };
    Ok(look(&file)?.map(|inode| (file, inode)))
}

/// Where a link leads by its words.
fn led_to(path: &TargetPath, target: &str) -> Option<TargetPath> {
    let mut at = if target.starts_with('/') {
        TargetPath::root()
    } else {
        path.parent()?
    };
    for part in target.split('/') {
        at = match part {
            "" | "." => at,
            ".." => at.parent()?,
            name => at.join(name).ok()?,
        };
    }
    Some(at)
}

fn key_mode(path: &TargetPath, inode: &Inode, findings: &mut Findings) {
    if inode.uid != 0 || inode.mode.bits() & 0o077 != 0 {
        let what = format!(
            "belongs to uid {} with mode {}: others may read the key",
            inode.uid, inode.mode
        );
        let next = format!("`chown root:root {path}; chmod 0600 {path}`, then think about a new key");
        findings.error(Class::CredentialMode, path, what, next);
    }
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
