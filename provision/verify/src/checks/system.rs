//! Nothing lies in the directories of the system but what a package, the definition or a maintainer script brought,
//! and root alone decides over it.

use appliance::path::TargetPath;
use appliance::sudo::Command;
use host::facts::{Inode, Kind};
use host::{Host, HostError};

use crate::findings::{Findings, quoted};
use crate::machine::Machine;
use crate::report::{Class, Severity};
use crate::world;

/// Units that somebody at work by hand has: `systemd-run --pty`.
const BY_HAND: &str = "run-u";
/// Files that let their reader become somebody else, and the bits that nobody else may have.
const SECRET: [(&str, u32); 8] = [
    ("/etc/shadow", 0o027),
    ("/etc/shadow-", 0o027),
    ("/etc/gshadow", 0o027),
    ("/etc/gshadow-", 0o027),
    ("/etc/sudoers", 0o027),
    ("/etc/ssh/ssh_host_rsa_key", 0o077),
    ("/etc/ssh/ssh_host_ecdsa_key", 0o077),
    ("/etc/ssh/ssh_host_ed25519_key", 0o077),
];
/// Directories whose mode is Debian's and keeps people apart.
const DIRECTORIES: [(&str, u32); 4] = [
    ("/root", 0o077),
    ("/etc/ssl/private", 0o027),
    ("/var/spool/cron/crontabs", 0o007),
    ("/etc/sudoers.d", 0o002),
];
/// Directories above everything else.
const TOPS: [&str; 9] = [
    "/",
    "/etc",
    "/usr",
    "/var",
    "/var/lib",
    "/var/spool",
    "/opt",
    "/boot",
    "/root",
];

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new(format!("{} files and directories", machine.walk.seen));
    let own_unit = host.is_live().then(own_unit).flatten();
    for (path, inode) in &machine.walk.strays {
        stranger(machine, path, inode, own_unit.as_deref(), &mut findings);
    }
    for path in &machine.debian.orphans {
        let what = "lies where dpkg keeps its lists, for a package that is not installed";
        findings.warning(
            Class::UnmanagedPath,
            path,
            what,
            format!("look at it, then `rm -- {}`", quoted(path)),
        );
    }
    for (path, inode) in &machine.walk.loose {
        loose(path, inode, &mut findings);
    }
    secrets(host, &mut findings)?;
    let next = "look at it by hand: `find` goes deeper";
    for path in &machine.walk.too_deep {
        findings.warning(Class::Unchecked, path, "lies too deep to be looked into", next);
    }
    if machine.walk.left_out > 0 {
        let what = format!("{} more things stand out than are listed", machine.walk.left_out);
        findings.warning(
            Class::Unchecked,
            "/",
            what,
            "set right what is listed, and run again",
        );
    }
    Ok(findings)
}

fn stranger(
    machine: &Machine<'_>,
    path: &str,
    inode: &Inode,
    own_unit: Option<&str>,
    findings: &mut Findings,
) {
    let Some(rule) = world::rule(path) else { return };
    if is_named(machine, path) {
        return;
    }
    if world::is_link_of_debian(path, &inode.kind, &machine.debian)
        || machine.debian.settings.contains_key(path)
    {
        return;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if path.starts_with("/run/systemd/transient/") {
        transient(path, name, own_unit, findings);
        return;
    }
    if let Kind::Link(target) = &inode.kind
        && target == "/dev/null"
        && path.contains("/systemd/")
    {
        masked(machine, path, name, findings);
        return;
    }
    if world::is_leftover(path) {
        findings.info(
            Class::UnmanagedPath,
            path,
            "is what an upgrade left: nobody reads it",
            "",
        );
    } else if let Some(rule) = shadows(machine, path, name) {
        findings.stray(Severity::Error, Class::UnmanagedPath, path, rule, "");
    } else if rule.movable {
        findings.stray(rule.severity, Class::UnmanagedPath, path, rule.why, rule.after);
    } else {
        let next = format!("look who put it there (`ls -la`), then `rm -- {}`", quoted(path));
        findings.add(rule.severity, Class::UnmanagedPath, path, rule.why, next);
    }
}

/// Programs that rules of sudo and units name come with a release, not with the tree. Who may change them is asked by
/// `sudo`.
fn is_named(machine: &Machine<'_>, path: &str) -> bool {
    let by_sudo = machine.appliance.sudo.iter().flat_map(|file| &file.rules);
    let mut programs = by_sudo.filter_map(|rule| match &rule.command {
        Command::Program { path, .. } => Some(path.as_str()),
        Command::All => None,
    });
    let services = &machine.appliance.units.services;
    programs.any(|program| program == path)
        || services
            .iter()
            .any(|service| service.command.split_ascii_whitespace().next() == Some(path))
}

/// A program that runs instead of Debian's of the same name, since `/usr/local` comes first.
fn shadows(machine: &Machine<'_>, path: &str, name: &str) -> Option<String> {
    if !["/usr/local/bin/", "/usr/local/sbin/"]
        .iter()
        .any(|top| path.starts_with(top))
    {
        return None;
    }
    ["/usr/sbin", "/usr/bin"]
        .iter()
        .map(|directory| format!("{directory}/{name}"))
        .find(|shadowed| machine.debian.owns(shadowed))
        .map(|shadowed| format!("runs instead of {shadowed}, and nobody declared it"))
}

/// The timer that puts back what nobody confirmed, and a run that was started from another machine.
const OF_RUNS: [&str; 2] = ["appliance-revert-", "appliance-remote-"];

/// Scopes are sessions of people; a service of this kind is somebody's who started it by hand.
fn transient(path: &str, name: &str, own_unit: Option<&str>, findings: &mut Findings) {
    let is_session = name.ends_with(".scope") || name.ends_with(".slice") || path.contains(".d/");
    if is_session || own_unit == Some(name) {
        return;
    }
    if OF_RUNS.iter().any(|prefix| name.starts_with(prefix)) {
        findings.info(
            Class::UnitState,
            name,
            "belongs to an apply that is at work or was killed",
            "",
        );
        return;
    }
    if name.starts_with(BY_HAND) {
        findings.info(Class::UnitState, name, "somebody is at work by hand", "");
        return;
    }
    let what = "is a unit that somebody started by hand, without a file";
    let next = format!("`systemctl status {name}` shows what it does, `systemctl stop {name}` ends it");
    findings.warning(Class::UnitState, name, what, next);
}

fn masked(machine: &Machine<'_>, path: &str, name: &str, findings: &mut Findings) {
    let units = &machine.appliance.units;
    let ours = units
        .services
        .iter()
        .map(|unit| &unit.name)
        .chain(units.timers.iter().map(|unit| &unit.name))
        .chain(units.debian.iter().map(|unit| &unit.name))
        .any(|unit| unit.as_str() == name);
    let what = "forbids a unit, which nobody declared";
    let severity = if ours { Severity::Error } else { Severity::Warning };
    findings.stray(severity, Class::UnitState, path, what, "systemctl daemon-reload");
}

fn loose(path: &str, inode: &Inode, findings: &mut Findings) {
    let shown = quoted(path);
    if inode.uid != 0 {
        let what = format!("belongs to uid {}, and the system is root's", inode.uid);
        findings.error(
            Class::Owner,
            path,
            what,
            format!("`chown root -- {shown}`, then find out who changed it"),
        );
    }
    if let Some(list) = inode.acl.as_ref().or(inode.default_acl.as_ref()) {
        let what = format!("has an access list, and nothing of the system has one: {list}");
        findings.error(
            Class::Acl,
            path,
            what,
            format!("`setfacl -b -- {shown}`, then find out who changed it"),
        );
    } else if inode.mode.bits() & 0o020 != 0 && inode.gid != 0 {
        let what = format!("has mode {}: its group, {}, may change it", inode.mode, inode.gid);
        findings.error(
            Class::Mode,
            path,
            what,
            format!("`chmod g-w -- {shown}`, then find out who changed it"),
        );
    }
}

/// Modes that Debian sets once and nobody watches.
fn secrets(host: &Host, findings: &mut Findings) -> Result<(), HostError> {
    let mut question = host::Question::default();
    let all = SECRET.iter().chain(&DIRECTORIES);
    let paths = all.clone().map(|(path, _)| *path).chain(TOPS);
    question
        .paths
        .extend(paths.map(|path| (TargetPath::known(path), host::Look::Inode)));
    let facts = host::gather(host, &question)?;
    let at = |path: &str| facts.inodes.get(&TargetPath::known(path));
    for (path, forbidden) in all {
        let Some(inode) = at(path) else { continue };
        let too_much = inode.mode.bits() & forbidden;
        if too_much != 0 && !matches!(inode.kind, Kind::Link(_)) {
            let what = format!("has mode {}: others than those who should get at it", inode.mode);
            let next = format!("`chmod u=rwX,g-w,o= {path}`, then change what may have been read");
            findings.error(Class::CredentialMode, path, what, next);
        }
        if inode.acl.is_some() && !path.starts_with("/etc/") {
            let what = "has an access list, and Debian's has none";
            findings.error(Class::Acl, path, what, format!("`setfacl -b {path}`"));
        }
    }
    for (path, inode) in TOPS.iter().filter_map(|path| Some((*path, at(path)?))) {
        if inode.uid != 0 || inode.mode.bits() & 0o022 != 0 {
            let what = format!(
                "belongs to uid {} with mode {}, and must be root's alone",
                inode.uid, inode.mode
            );
            findings.error(
                Class::Owner,
                path,
                what,
                format!("`chown root {path}; chmod go-w {path}`"),
            );
        }
        if inode.immutable || inode.append_only {
            let what = "has an attribute (`chattr`) that keeps anything in it from changing";
            findings.error(Class::Attribute, path, what, format!("`chattr -ia {path}`"));
        }
    }
    Ok(())
}

/// The unit in which this very process runs.
fn own_unit() -> Option<String> {
    let text = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    path.rsplit('/').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::Debian;
    use crate::fixture;

    fn brief(path: &str, kind: Kind) -> (Vec<String>, bool) {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.debian = Debian::of([b"/usr/bin/ls\n".as_slice()].into_iter());
        let mut findings = Findings::new("");
        stranger(
            &machine,
            path,
            &fixture::inode(kind, 0o644),
            Some("run-x.service"),
            &mut findings,
        );
        let movable = matches!(findings.clone().outcome(), crate::Outcome::Failed { findings } if findings[0].quarantine);
        (findings.brief(), movable)
    }

    #[test]
    fn each_stranger_is_judged_by_where_it_lies() {
        let link = |target: &str| Kind::Link(target.to_owned());
        for (path, kind, expected, movable) in [
            ("/etc/ld.so.preload", Kind::File, "error unmanaged-path", true),
            ("/etc/made-up.conf", Kind::File, "warning unmanaged-path", false),
            (
                "/etc/pam.d/common-auth.dpkg-old",
                Kind::File,
                "info unmanaged-path",
                false,
            ),
            ("/usr/local/bin/ls", Kind::File, "error unmanaged-path", true),
            ("/usr/local/bin/tool", Kind::File, "warning unmanaged-path", false),
            (
                "/run/systemd/system/webapp.service",
                link("/dev/null"),
                "error unit-state",
                true,
            ),
            (
                "/run/systemd/system/x.service",
                Kind::File,
                "error unmanaged-path",
                true,
            ),
            (
                "/etc/profile.d/a\\x0ab.sh",
                Kind::File,
                "error unmanaged-path",
                false,
            ),
        ] {
            let (found, moved) = brief(path, kind);
            assert_eq!(
                (found, moved),
                (vec![format!("{expected} {path}")], movable),
                "{path}"
            );
        }
        let (found, _) = brief("/run/systemd/transient/stray.service", Kind::File);
        assert_eq!(found, ["warning unit-state stray.service"]);
        for quiet in ["run-x.service", "session-3.scope"] {
            assert!(
                brief(&format!("/run/systemd/transient/{quiet}"), Kind::File)
                    .0
                    .is_empty()
            );
        }
    }
}
