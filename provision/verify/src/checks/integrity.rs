//! Programs, libraries and settings of packages are what the packages brought.

use std::collections::BTreeMap;

use appliance::path::TargetPath;
use host::{Host, HostError, read};
use md5::{Digest, Md5};

use crate::findings::{Findings, quoted};
use crate::machine::Machine;
use crate::report::{Class, Severity};
use crate::walk::is_below;

/// Bytes that are read in one run. A machine whose files were all copied after dpkg wrote its lists would have
/// hundreds of megabytes to compare; those of the packages below come first.
const MOST_BYTES: u64 = 96 << 20;
/// Packages that decide who gets in and what runs as root.
const FIRST: [&str; 24] = [
    "bash",
    "coreutils",
    "cron",
    "dash",
    "dpkg",
    "fail2ban",
    "init-system-helpers",
    "libc6",
    "libpam-modules",
    "libpam-modules-bin",
    "libpam-runtime",
    "libpam0g",
    "login",
    "mount",
    "nftables",
    "nginx",
    "openssh-client",
    "openssh-server",
    "openssh-sftp-server",
    "passwd",
    "sudo",
    "systemd",
    "udev",
    "util-linux",
];
/// Settings of which the definition edits lines, or that another question reads line by line.
const ELSEWHERE: [&str; 5] = [
    "/etc/login.defs",
    "/etc/sudoers",
    "/etc/ssh/sshd_config",
    "/etc/security/limits.conf",
    "/etc/crontab",
];
/// Where a changed setting is an error; elsewhere it is a warning.
const DECIDES: [&str; 20] = [
    "/etc/apt",
    "/etc/audit",
    "/etc/bash.bashrc",
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/cron.hourly",
    "/etc/cron.monthly",
    "/etc/cron.weekly",
    "/etc/dbus-1",
    "/etc/default",
    "/etc/dpkg",
    "/etc/fail2ban",
    "/etc/init.d",
    "/etc/ld.so.conf.d",
    "/etc/nginx",
    "/etc/pam.d",
    "/etc/security",
    "/etc/ssh",
    "/etc/sudo.conf",
    "/etc/systemd",
];

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let settings = &machine.debian.settings;
    let mut findings = Findings::new(format!(
        "{} settings, {} programs that changed since they came",
        settings.len(),
        machine.walk.touched.len()
    ));
    for (path, sum) in settings {
        setting(machine, host, path, sum, &mut findings)?;
    }
    programs(machine, host, &mut findings)?;
    Ok(findings)
}

fn setting(
    machine: &Machine<'_>,
    host: &Host,
    path: &str,
    sum: &str,
    findings: &mut Findings,
) -> Result<(), HostError> {
    let Ok(target) = TargetPath::new(path) else {
        return Ok(());
    };
    if machine.tree.get(&target).is_some() || ELSEWHERE.contains(&path) {
        return Ok(());
    }
    let decides = DECIDES.iter().any(|top| path == *top || is_below(path, top));
    let severity = if decides {
        Severity::Error
    } else {
        Severity::Warning
    };
    let shown = quoted(path);
    let again = "`apt-get install --reinstall -o Dpkg::Options::=--force-confnew,confmiss PACKAGE`";
    let owner = machine.debian.owner(path).map_or("PACKAGE", |package| {
        package.name.split(':').next().unwrap_or(&package.name)
    });
    let again = again.replace("PACKAGE", owner);
    match read::file(host, &target) {
        Ok(Some(bytes)) if hex(&Md5::digest(&bytes)) == sum => {}
        Ok(Some(_)) => {
            let next = format!("read it; {again} puts back what the package brought");
            findings.add(
                severity,
                Class::Content,
                path,
                "is not what its package brought",
                next,
            );
        }
        // Debian takes a setting that is gone for one that somebody does not want.
        Ok(None) => findings.info(
            Class::Missing,
            path,
            "was removed by hand",
            format!("{again} brings it back"),
        ),
        Err(HostError::WrongKind { found, .. }) => {
            let what = format!("is a {found}, and its package brought a file");
            findings.add(
                severity,
                Class::Content,
                path,
                what,
                format!("`rm -r -- {shown}`, then {again}"),
            );
        }
        Err(HostError::Obstructed { .. }) => {
            findings.add(
                severity,
                Class::Content,
                path,
                "lies behind a link or a file that is not its package's",
                again,
            );
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Compares what changed after its package was unpacked, packages that decide the most first.
fn programs(machine: &Machine<'_>, host: &Host, findings: &mut Findings) -> Result<(), HostError> {
    let mut by_package: BTreeMap<(bool, &str), Vec<(&str, u64)>> = BTreeMap::new();
    for (path, size) in &machine.walk.touched {
        if let Some(package) = machine.debian.owner(path) {
            let name = package.name.split(':').next().unwrap_or_default();
            let later = !FIRST.contains(&name);
            by_package
                .entry((later, &package.name))
                .or_default()
                .push((path, *size));
        }
    }
    let (mut left, mut passed_over) = (MOST_BYTES, 0);
    for ((_, package), files) in by_package {
        let sums = crate::debian::Debian::sums_of(host, package)?;
        for (path, size) in files {
            let Some(sum) = sums.get(path) else { continue };
            if size > left {
                passed_over += 1;
                continue;
            }
            left -= size;
            program(host, package, path, sum, findings)?;
        }
    }
    if passed_over > 0 {
        let what = format!(
            "{passed_over} files of packages changed their inode since they came, and were not compared"
        );
        findings.info(
            Class::Unchecked,
            "dpkg",
            what,
            "`dpkg --verify` compares all of them",
        );
    }
    Ok(())
}

fn program(
    host: &Host,
    package: &str,
    path: &str,
    sum: &str,
    findings: &mut Findings,
) -> Result<(), HostError> {
    let Ok(target) = TargetPath::new(path) else {
        return Ok(());
    };
    let name = package.split(':').next().unwrap_or(package);
    let next = format!("`apt-get install --reinstall {name}` at once, then find out who replaced it");
    let is_good = match read::file(host, &target) {
        Ok(Some(bytes)) => hex(&Md5::digest(&bytes)) == sum,
        Ok(None) => true,
        Err(HostError::TooLarge { .. }) => {
            let what = "is larger than anything that is compared";
            findings.info(Class::Unchecked, path, what, "`dpkg --verify` compares it");
            true
        }
        Err(error) => return Err(error),
    };
    if !is_good {
        let what = format!("is not what package {name} brought");
        findings.error(Class::Integrity, path, what, next);
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::Debian;
    use crate::fixture;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's own files")]
    fn a_setting_and_a_program_are_compared_with_what_came() {
        let root = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        for path in [
            "etc/pam.d/same",
            "etc/pam.d/other",
            "etc/any",
            "usr/bin/same",
            "usr/bin/other",
        ] {
            write(
                path,
                if path.ends_with("same") {
                    "hello"
                } else {
                    "changed"
                },
            );
        }
        std::fs::create_dir(root.path().join("etc/pam.d/directory")).expect("made");
        let sum = "5d41402abc4b2a76b9719d911017c592";
        write(
            "var/lib/dpkg/info/some.md5sums",
            &format!("{sum}  bin/same\n{sum}  usr/bin/other\n"),
        );
        let host = Host::offline(root.path()).expect("a tree");
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.debian = Debian::of([b"/bin/same\n/usr/bin/other\n".as_slice()].into_iter());
        for path in [
            "/etc/pam.d/same",
            "/etc/pam.d/other",
            "/etc/pam.d/directory",
            "/etc/any",
            "/etc/gone",
        ] {
            machine.debian.settings.insert(path.to_owned(), sum.to_owned());
        }
        machine.walk.touched = [("/usr/bin/same", 5), ("/usr/bin/other", 7)]
            .map(|(path, size)| (path.to_owned(), size))
            .into();
        assert_eq!(
            check(&machine, &host).expect("checked").brief(),
            [
                "error content /etc/pam.d/directory",
                "error content /etc/pam.d/other",
                "error integrity /usr/bin/other",
                "info missing /etc/gone",
                "warning content /etc/any",
            ]
        );
    }
}
