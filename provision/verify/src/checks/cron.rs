//! cron runs nothing that nobody declared. Crontabs of people are theirs.

use appliance::name::UserName;
use appliance::path::TargetPath;

use crate::findings::{Findings, quoted};
use crate::machine::Machine;
use crate::places;
use crate::registry::{self, Registry};
use crate::report::{Class, Severity};

/// Debian's first number of a person.
const FIRST_PERSON: u32 = 1000;
/// What makes an empty directory stay in a package.
const PLACEHOLDER: &str = ".placeholder";

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let mut findings = Findings::new("crontabs of the system, of root and of services");
    for directory in places::CRON {
        for (path, _) in machine.foreign(directory) {
            if path.name() != PLACEHOLDER && !machine.debian.owns(path.as_str()) {
                let what = "runs as root, and neither a package nor the definition brought it";
                findings.stray(Severity::Error, Class::UnmanagedPath, path.as_str(), what, "");
            }
        }
    }
    let registry = Registry::parse(&machine.text(&TargetPath::known(registry::FILE))).unwrap_or_default();
    for (path, inode) in machine.foreign(places::CRONTABS) {
        let user = path.name();
        let is_service = machine
            .appliance
            .accounts
            .iter()
            .any(|account| is(&account.name, user));
        let line = machine
            .facts
            .accounts
            .passwd
            .entries()
            .find(|line| line.name == user);
        let is_person = line.is_some_and(|line| line.uid >= FIRST_PERSON);
        let next = format!(
            "look at it with `crontab -l -u {0}`, then remove it with `crontab -r -u {0}`",
            quoted(user)
        );
        if user == "root" || is_service {
            let what = format!("is a crontab of {user}, whose work is done by timers");
            findings.error(Class::UnmanagedPath, &path, what, next);
        } else if !is_person {
            let what = "is a crontab of nobody who may have one";
            findings.error(Class::UnmanagedPath, &path, what, next);
        } else if line.is_some_and(|line| line.uid != inode.uid) {
            let what = format!("belongs to uid {}, and is run as {user}", inode.uid);
            findings.error(Class::Owner, &path, what, next);
        } else if registry.present().any(|entry| entry.username == user) || is_admin(machine, user) {
            findings.info(
                Class::UnmanagedPath,
                &path,
                "is a person's crontab, which is theirs",
                "",
            );
        } else {
            let what = "is a crontab of a person whom nobody declared";
            findings.warning(Class::UnmanagedPath, &path, what, next);
        }
    }
    system_crontab(machine, &mut findings);
    findings
}

fn is_admin(machine: &Machine<'_>, user: &str) -> bool {
    let admins = &machine.appliance.instance.admins;
    admins.iter().any(|admin| admin.username.as_str() == user)
}

fn is(name: &UserName, user: &str) -> bool {
    name.as_str() == user
}

/// Debian's runs the directories above and nothing else.
fn system_crontab(machine: &Machine<'_>, findings: &mut Findings) {
    let path = TargetPath::known(places::CRONTAB);
    for line in machine.text(&path).lines().map(str::trim) {
        let first = line.split_ascii_whitespace().next().unwrap_or("#");
        let is_setting = first
            .split_once('=')
            .is_some_and(|(name, _)| matches!(name, "SHELL" | "PATH"));
        if !first.starts_with('#') && !is_setting && !line.contains("run-parts --report /etc/cron.") {
            let what = format!("runs {line:?}, which Debian's does not");
            findings.error(Class::Content, &path, what, "remove the line or make it a timer");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::Debian;
    use crate::fixture;

    #[test]
    fn each_file_is_judged_by_who_brought_it() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.debian = Debian::of([b"/etc/cron.d/e2scrub_all\n".as_slice()].into_iter());
        for path in [
            "/etc/cron.d/e2scrub_all",
            "/etc/cron.daily/.placeholder",
            "/etc/cron.daily/strange",
            "/var/spool/cron/crontabs/alice",
            "/var/spool/cron/crontabs/deploy",
            "/var/spool/cron/crontabs/root",
        ] {
            machine.put(path, "");
        }
        let lines = b"SHELL=/bin/sh\n# comment\n17 * * * * root cd / && run-parts --report /etc/cron.hourly\n@reboot root /x\n";
        machine
            .facts
            .contents
            .insert(TargetPath::known(places::CRONTAB), lines.to_vec());
        assert_eq!(
            check(&machine).brief(),
            [
                "error content /etc/crontab",
                "error unmanaged-path /etc/cron.daily/strange",
                "error unmanaged-path /var/spool/cron/crontabs/alice",
                "error unmanaged-path /var/spool/cron/crontabs/deploy",
                "error unmanaged-path /var/spool/cron/crontabs/root",
            ]
        );
    }
}
