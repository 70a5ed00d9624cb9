//! What every login and every program of root reads is as Debian made it: the rules of PAM, where names are looked up,
//! the environment, the profile, and where packages come from. These files belong to no package, or the package lets
//! everybody change them, so each is read by what it says.

use appliance::path::TargetPath;
use host::{Host, HostError, read};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::{Class, Severity};

/// Rules that `pam-auth-update` makes of Debian's own profiles, blanks squeezed.
const PAM: [&str; 21] = [
    "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so",
    "account requisite pam_deny.so",
    "account required pam_permit.so",
    "auth [success=1 default=ignore] pam_unix.so nullok",
    "auth [success=1 default=ignore] pam_unix.so",
    "auth requisite pam_deny.so",
    "auth required pam_permit.so",
    "auth optional pam_cap.so",
    "password [success=1 default=ignore] pam_unix.so obscure yescrypt",
    "password [success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt",
    "password requisite pam_pwquality.so retry=3",
    "password requisite pam_deny.so",
    "password required pam_permit.so",
    "session [default=1] pam_permit.so",
    "session requisite pam_deny.so",
    "session required pam_permit.so",
    "session required pam_unix.so",
    "session optional pam_systemd.so",
    "session optional pam_umask.so",
    "session optional pam_mkhomedir.so",
    "session optional pam_keyinit.so revoke",
];
const PAM_FILES: [&str; 5] = [
    "/etc/pam.d/common-account",
    "/etc/pam.d/common-auth",
    "/etc/pam.d/common-password",
    "/etc/pam.d/common-session",
    "/etc/pam.d/common-session-noninteractive",
];
/// The rule without which everybody gets in.
const DENIES: &str = "requisite pam_deny.so";
/// Settings that a maintainer script copied once, and what it copied.
const COPIED: [(&str, &str, Severity); 4] = [
    ("/etc/profile", "/usr/share/base-files/profile", Severity::Error),
    (
        "/etc/nsswitch.conf",
        "/usr/share/libc-bin/nsswitch.conf",
        Severity::Error,
    ),
    (
        "/root/.profile",
        "/usr/share/base-files/dot.profile",
        Severity::Warning,
    ),
    (
        "/root/.bashrc",
        "/usr/share/base-files/dot.bashrc",
        Severity::Warning,
    ),
];
const NSSWITCH: &str = "/etc/nsswitch.conf";
/// Sources of accounts that the cloud's login service adds.
const SOURCES: [&str; 5] = ["files", "systemd", "compat", "cache_oslogin", "oslogin"];
const ENVIRONMENT: &str = "/etc/environment";
/// Variables by which a program loads other code.
const LOADS: [&str; 9] = [
    "BASH_ENV",
    "ENV",
    "IFS",
    "LD_",
    "NODE_OPTIONS",
    "PATH",
    "PERL5",
    "PYTHON",
    "RUBY",
];
const HOSTS_ALLOW: [&str; 2] = ["/etc/hosts.allow", "/etc/hosts.deny"];
const SHELLS: &str = "/etc/shells";

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new("rules of PAM, names, environment, profile, sources of packages, fstab");
    for path in PAM_FILES {
        pam(path, &text(host, path)?, &mut findings);
    }
    for (path, original, severity) in COPIED {
        copied(
            path,
            &text(host, path)?,
            &text(host, original)?,
            severity,
            &mut findings,
        );
    }
    environment(&text(host, ENVIRONMENT)?, &mut findings);
    sources(machine, host, &mut findings)?;
    fstab(machine, &mut findings);
    for path in HOSTS_ALLOW {
        for line in meaningful(&text(host, path)?) {
            let what = format!("has the rule {line:?}, and Debian's has none");
            findings.warning(Class::Content, path, what, "remove the line");
        }
    }
    for shell in meaningful(&text(host, SHELLS)?) {
        let path = if shell.starts_with("/bin/") {
            format!("/usr{shell}")
        } else {
            shell.clone()
        };
        if !machine.debian.owns(&path) {
            let what = format!("names {shell:?}, which no package brought, as a shell");
            findings.warning(Class::Content, SHELLS, what, "remove the line");
        }
    }
    Ok(findings)
}

/// Empty when it is not there, or is no file: the comparison says so then.
fn text(host: &Host, path: &str) -> Result<Option<String>, HostError> {
    match read::file(host, &TargetPath::known(path)) {
        Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        Err(HostError::WrongKind { .. } | HostError::Obstructed { .. }) => Ok(Some("a file".to_owned())),
        Err(error) => Err(error),
    }
}

/// Lines without comments, blanks squeezed.
fn meaningful(text: &Option<String>) -> Vec<String> {
    text.iter()
        .flat_map(|text| text.lines())
        .map(|line| line.split('#').next().unwrap_or_default())
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

fn pam(path: &str, text: &Option<String>, findings: &mut Findings) {
    if text.is_none() {
        return;
    }
    let next = "read it; `pam-auth-update --force` writes it anew from Debian's profiles";
    let lines = meaningful(text);
    for line in lines.iter().filter(|line| !PAM.contains(&line.as_str())) {
        let what = format!("has the rule {line:?}, which Debian does not make");
        findings.error(Class::Content, path, what, next);
    }
    let denies = lines.iter().position(|line| line.ends_with(DENIES));
    let permits = lines
        .iter()
        .position(|line| line.ends_with("required pam_permit.so"));
    let in_order = denies.is_some_and(|denies| permits.is_none_or(|permits| denies < permits));
    if !in_order {
        let what = "does not turn away whom no rule let in";
        findings.error(Class::Content, path, what, next);
    }
}

fn copied(
    path: &str,
    found: &Option<String>,
    original: &Option<String>,
    severity: Severity,
    findings: &mut Findings,
) {
    let (Some(found), Some(original)) = (found, original) else {
        return;
    };
    if path == NSSWITCH {
        names(found, findings);
    } else if found != original {
        let next = format!("read it; `cp {} {path}` puts Debian's back", original_of(path));
        findings.add(severity, Class::Content, path, "is not as Debian made it", next);
    }
}

fn original_of(path: &str) -> &'static str {
    COPIED
        .iter()
        .find(|(copy, _, _)| *copy == path)
        .map_or("", |(_, original, _)| original)
}

/// Who else is asked for accounts decides who there is.
fn names(text: &str, findings: &mut Findings) {
    for line in meaningful(&Some(text.to_owned())) {
        let Some((database, sources)) = line.split_once(':') else {
            continue;
        };
        let decides = matches!(
            database.trim(),
            "passwd" | "group" | "shadow" | "gshadow" | "sudoers" | "initgroups"
        );
        let stranger = sources
            .split_ascii_whitespace()
            .find(|source| !source.starts_with('[') && !SOURCES.contains(source));
        if let (true, Some(stranger)) = (decides, stranger) {
            let what = format!("asks {stranger:?} for {}", database.trim());
            let next =
                "read it; `cp /usr/share/libc-bin/nsswitch.conf /etc/nsswitch.conf` puts Debian's back";
            findings.error(Class::Content, NSSWITCH, what, next);
        }
    }
}

fn environment(text: &Option<String>, findings: &mut Findings) {
    for line in meaningful(text) {
        let name = line
            .trim_start_matches("export ")
            .split('=')
            .next()
            .unwrap_or_default()
            .trim();
        let loads = LOADS.iter().any(|variable| match variable.strip_suffix('_') {
            Some(_) => name.starts_with(variable),
            None => name == *variable || (variable.len() > 4 && name.starts_with(variable)),
        });
        let severity = if loads { Severity::Error } else { Severity::Warning };
        let what = format!("sets {name:?} for every session, which nobody declared");
        findings.add(severity, Class::Content, ENVIRONMENT, what, "remove the line");
    }
}

/// Where packages come from. A mirror is as good as another while signatures count.
fn sources(machine: &Machine<'_>, host: &Host, findings: &mut Findings) -> Result<(), HostError> {
    const TRUSTING: [&str; 5] = [
        "trusted=yes",
        "allow-insecure=yes",
        "trusted: yes",
        "allow-insecure: yes",
        "allow-weak=yes",
    ];
    for path in [
        "/etc/apt/sources.list",
        "/etc/apt/sources.list.d/debian.sources",
        "/etc/apt/sources.list.d/0000debian.sources",
    ] {
        for line in meaningful(&text(host, path)?) {
            let lower = line.to_ascii_lowercase();
            if TRUSTING.iter().any(|word| lower.contains(word)) {
                let what = format!("has {line:?}: packages without a signature are taken");
                findings.error(Class::Content, path, what, "remove that option");
            }
        }
    }
    let wanted = TargetPath::known("/usr/share/keyrings/debian-archive-keyring.gpg");
    if machine
        .debian
        .owns("/etc/apt/trusted.gpg.d/debian-archive-bookworm-stable.asc")
        && read::file(host, &wanted).is_err()
    {
        let next = "`apt-get install --reinstall debian-archive-keyring`";
        findings.error(
            Class::Content,
            &wanted,
            "cannot be read: packages cannot be judged",
            next,
        );
    }
    Ok(())
}

/// Lines of fstab that nobody declared. What the definition mounts stands in `as-defined`.
fn fstab(machine: &Machine<'_>, findings: &mut Findings) {
    const PATH: &str = "/etc/fstab";
    const KNOWN: [&str; 8] = ["/", "/boot", "/boot/efi", "/efi", "/proc", "/tmp", "none", "swap"];
    let disks = &machine.appliance.disks;
    let text = Some(machine.text(&TargetPath::known(PATH)));
    for line in meaningful(&text) {
        let words: Vec<&str> = line.split(' ').collect();
        let point = words.get(1).copied().unwrap_or_default();
        let is_ours = KNOWN.contains(&point) || disks.iter().any(|disk| disk.mount.as_str() == point);
        let is_swap = words.get(2) == Some(&"swap");
        if !is_ours && !is_swap {
            let what = format!("mounts {point:?} at boot, which nobody declared");
            findings.warning(
                Class::Mount,
                PATH,
                what,
                "remove the line, then `systemctl daemon-reload`",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(ask: impl FnOnce(&mut Findings)) -> Vec<String> {
        let mut findings = Findings::new("");
        ask(&mut findings);
        findings.brief()
    }

    #[test]
    fn rules_of_pam_are_debians_and_in_order() {
        const PATH: &str = "/etc/pam.d/common-auth";
        let good = "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n";
        for (text, count) in [
            (good.to_owned(), 0),
            (format!("auth sufficient pam_permit.so\n{good}"), 1),
            (format!("{good}auth optional pam_exec.so /tmp/x\n"), 1),
            (good.replace("auth requisite pam_deny.so\n", ""), 1),
            (
                "auth required pam_permit.so\nauth requisite pam_deny.so\n".to_owned(),
                1,
            ),
        ] {
            assert_eq!(
                brief(|findings| pam(PATH, &Some(text.clone()), findings)).len(),
                count,
                "{text}"
            );
        }
        assert!(brief(|findings| pam(PATH, &None, findings)).is_empty());
    }

    #[test]
    fn names_come_from_files() {
        for (text, count) in [
            ("passwd: files systemd\nhosts: files dns mdns\n", 0),
            ("passwd: files [NOTFOUND=return] systemd\n", 0),
            ("passwd: files ldap\n", 1),
            ("sudoers: sss\n", 1),
        ] {
            assert_eq!(brief(|findings| names(text, findings)).len(), count, "{text}");
        }
    }

    #[test]
    fn variables_that_load_code_are_errors() {
        let text = "# none\nLANG=C\nLD_PRELOAD=/tmp/x.so\nPATH=/tmp\n";
        let found = brief(|findings| environment(&Some(text.to_owned()), findings));
        assert_eq!(
            found,
            [
                "error content /etc/environment",
                "error content /etc/environment",
                "warning content /etc/environment"
            ]
        );
    }
}
