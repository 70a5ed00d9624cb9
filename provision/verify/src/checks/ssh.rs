//! sshd lets in whom it should, by key alone.

use appliance::path::TargetPath;
use host::command::Command;
use host::facts::Kind;
use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::{Class, Severity};
use crate::{places, sshd};

const PROGRAM: &str = "/usr/sbin/sshd";
const OURS: &str = "/etc/ssh/sshd_config.d/10-appliance.conf";
/// What Debian's own file sets: the first value wins, so ours, which is included first, stands over each of them.
const OF_DEBIAN: [&str; 6] = [
    "include",
    "kbdinteractiveauthentication",
    "usepam",
    "x11forwarding",
    "printmotd",
    "acceptenv",
];
/// The first thing that Debian's file says.
const INCLUDE: &str = "/etc/ssh/sshd_config.d/*.conf";
/// What Debian's file was copied from.
const ORIGINAL: &str = "/usr/share/openssh/sshd_config";
const RELOAD: &str = "systemctl reload ssh";
/// The account with a `Match` block of its own; its name stands in the definition's accounts.
const RECEIVER: &str = "deploy";

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new("configuration, settings in force, keys");
    configuration(machine, &mut findings);
    keys(machine, &mut findings);
    if host.is_live() && Command::new(PROGRAM).is_installed() {
        in_force(machine, &mut findings)?;
    }
    Ok(findings)
}

fn configuration(machine: &Machine<'_>, findings: &mut Findings) {
    for (path, inode) in machine.foreign(places::SSHD_CONFIG_D) {
        if inode.kind == Kind::File && !path.name().ends_with(".conf") {
            let what = "sshd does not read a file of this name";
            findings.info(Class::UnmanagedPath, &path, what, "remove it");
            continue;
        }
        let text = machine.text(&path);
        let weakens: Vec<String> = sshd::lines(&text)
            .map(|(keyword, _)| keyword)
            .filter(|keyword| sshd::WEAKENING.contains(&keyword.as_str()))
            .collect();
        if weakens.is_empty() {
            let what = "sshd reads a file that nobody declared";
            findings.stray(
                Severity::Warning,
                Class::UnmanagedPath,
                path.as_str(),
                what,
                RELOAD,
            );
        } else {
            let what = format!("nobody declared it, and it sets {}", weakens.join(", "));
            findings.stray(Severity::Error, Class::UnmanagedPath, path.as_str(), what, RELOAD);
        }
    }
    let text = machine.text(&TargetPath::known(places::SSHD_CONFIG));
    for (keyword, value) in sshd::lines(&text) {
        let known =
            OF_DEBIAN.contains(&keyword.as_str()) || (keyword == "subsystem" && value.starts_with("sftp"));
        if !known {
            let what = format!("sets {keyword}, which Debian's file does not");
            let next = "remove the line; settings of the appliance stand in 10-appliance.conf";
            let severity = if sshd::WEAKENING.contains(&keyword.as_str()) || keyword == "match" {
                Severity::Error
            } else {
                Severity::Warning
            };
            findings.add(severity, Class::Content, places::SSHD_CONFIG, what, next);
        }
    }
    let first = sshd::lines(&text).next();
    let includes_ours = first.as_ref().is_some_and(|(keyword, value)| {
        keyword == "include" && value.split_ascii_whitespace().any(|path| path == INCLUDE)
    });
    if machine.inode(&TargetPath::known(places::SSHD_CONFIG)).is_some() && !includes_ours {
        let what = format!("does not begin with `Include {INCLUDE}`: what stands before it wins over ours");
        let next = format!("`cp {ORIGINAL} {}`, then `{RELOAD}`", places::SSHD_CONFIG);
        findings.error(Class::Content, places::SSHD_CONFIG, what, next);
    }
}

fn keys(machine: &Machine<'_>, findings: &mut Findings) {
    for (path, _) in machine.foreign(places::AUTHORIZED_KEYS_D) {
        let what = "lets in somebody who was not declared";
        findings.stray(Severity::Error, Class::UnmanagedPath, path.as_str(), what, "");
    }
    for line in machine.facts.accounts.passwd.entries() {
        let path = |name: &str| key_file(&line.home, name);
        let (Some(first), Some(second)) = (path("authorized_keys"), path("authorized_keys2")) else {
            continue;
        };
        if line.uid == 0 && machine.inode(&first).is_some() {
            let what = "holds keys of root, who may not log in";
            findings.stray(Severity::Warning, Class::UnmanagedPath, first.as_str(), what, "");
        }
        let is_service = line.uid != 0 && line.uid < machine.appliance.people.first_id.min(FIRST_PERSON);
        if is_service && machine.inode(&first).is_some() {
            let what = format!("holds keys of {}, which is no person", line.name);
            findings.stray(Severity::Error, Class::UnmanagedPath, first.as_str(), what, "");
        }
        let is_admin = machine
            .appliance
            .instance
            .admins
            .iter()
            .any(|admin| admin.username.as_str() == line.name);
        if is_admin && machine.inode(&first).is_some_and(|inode| inode.size > 0) {
            let what = format!(
                "lets in as {} by keys that the instance file does not name",
                line.name
            );
            findings.stray(Severity::Warning, Class::UnmanagedPath, first.as_str(), what, "");
        }
        if machine.inode(&second).is_some() {
            let what = "is a second list of keys, which nobody looks at";
            findings.stray(Severity::Error, Class::UnmanagedPath, second.as_str(), what, "");
        }
    }
}

/// A list of keys in a home; none for a home that is no path.
pub(crate) fn key_file(home: &str, name: &str) -> Option<TargetPath> {
    TargetPath::new(&format!("{}/.ssh/{name}", home.trim_end_matches('/'))).ok()
}

/// Debian's first number of a person.
const FIRST_PERSON: u32 = 1000;

/// What sshd really does, whatever the files look like: for everybody, and for the account that receives releases.
fn in_force(machine: &Machine<'_>, findings: &mut Findings) -> Result<(), HostError> {
    let ours = machine.text(&TargetPath::known(OURS));
    let ask = |words: &[&str]| -> Result<sshd::Settings, HostError> {
        let output = Command::new(PROGRAM)
            .arg("-T")
            .args(words.iter().copied())
            .run()?;
        Ok(sshd::effective(&String::from_utf8_lossy(&output.stdout)))
    };
    let everybody = sshd::section(&ours, None);
    compare(findings, "everybody", &everybody, &ask(&[])?);
    let connection = format!("user={RECEIVER},host=localhost,addr=127.0.0.1");
    let receiver = sshd::section(&ours, Some(&format!("User {RECEIVER}")));
    if !receiver.is_empty() {
        compare(findings, RECEIVER, &receiver, &ask(&["-C", &connection])?);
    }
    Ok(())
}

fn compare(findings: &mut Findings, whom: &str, wanted: &sshd::Settings, effective: &sshd::Settings) {
    for (keyword, wanted, found) in sshd::differences(wanted, effective) {
        let found = if found.is_empty() {
            "nothing".to_owned()
        } else {
            found
        };
        let what = format!("{keyword} is {found} for {whom}, should be {wanted}");
        let next = "look for a file that sorts before 10-appliance.conf (`grep -ri` in /etc/ssh), then reload ssh.service";
        findings.error(Class::Content, "sshd", what, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn each_drop_in_is_judged_by_what_it_sets() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.put(
            "/etc/ssh/sshd_config.d/10-appliance.conf",
            "PasswordAuthentication no\n",
        );
        machine.put(
            "/etc/ssh/sshd_config.d/50-cloud-init.conf",
            "PasswordAuthentication=yes\n",
        );
        machine.put("/etc/ssh/sshd_config.d/60-banner.conf", "Banner /etc/issue\n");
        machine.put("/etc/ssh/sshd_config.d/old.bak", "PermitRootLogin yes\n");
        machine.put("/etc/ssh/authorized_keys.d/alice", "");
        machine.put("/etc/ssh/authorized_keys.d/mallory", "");
        let text = b"Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nSubsystem sftp /usr/lib/openssh/sftp-server\nPermitRootLogin yes\n";
        machine
            .facts
            .contents
            .insert(TargetPath::known(places::SSHD_CONFIG), text.to_vec());
        let mut findings = Findings::new("");
        configuration(&machine, &mut findings);
        keys(&machine, &mut findings);
        assert_eq!(
            findings.brief(),
            [
                "error content /etc/ssh/sshd_config",
                "error unmanaged-path /etc/ssh/authorized_keys.d/mallory",
                "error unmanaged-path /etc/ssh/sshd_config.d/50-cloud-init.conf",
                "info unmanaged-path /etc/ssh/sshd_config.d/old.bak",
                "warning unmanaged-path /etc/ssh/sshd_config.d/60-banner.conf",
            ]
        );
    }
}
