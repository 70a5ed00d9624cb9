//! sudo grants what is defined, and nothing else.

use std::collections::{BTreeSet, VecDeque};

use appliance::path::TargetPath;
use appliance::sudo::Command;
use host::facts::{Inode, Kind};
use host::validate::{self, Judge, Verdict};
use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::{Class, Severity};
use crate::{places, sudoers, walk};

/// What the main file of Debian 12 says, blanks aside.
const MAIN: [&str; 7] = [
    "Defaults env_reset",
    "Defaults mail_badpass",
    "Defaults secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"",
    "Defaults use_pty",
    "root ALL=(ALL:ALL) ALL",
    "%sudo ALL=(ALL:ALL) ALL",
    "@includedir /etc/sudoers.d",
];
/// Written by the cloud's guest agent on every boot.
const OF_GUEST_AGENT: &str = "google_sudoers";
const OF_DEBIAN: &str = "README";
/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new(format!("{} files of ours", machine.appliance.sudo.len()));
    main_file(machine, &mut findings);
    foreign_files(machine, &mut findings);
    wildcards(machine, &mut findings);
    commands(machine, &mut findings);
    if host.is_live()
        && let Verdict::Bad(said) = validate::installed(host, Judge::Sudoers)?
    {
        // It names every file, the good ones too.
        let wrong: Vec<&str> = said
            .lines()
            .filter(|line| !line.ends_with(": parsed OK"))
            .collect();
        let next = "repair the file that it names (`visudo -f`); until then sudo may refuse everybody";
        findings.error(Class::Content, places::SUDOERS, wrong.join("\n"), next);
    }
    Ok(findings)
}

fn main_file(machine: &Machine<'_>, findings: &mut Findings) {
    let text = machine.text(&TargetPath::known(places::SUDOERS));
    let squeezed = |line: String| line.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let lines: BTreeSet<String> = sudoers::lines(&text).into_iter().map(squeezed).collect();
    let known: BTreeSet<String> = MAIN.map(str::to_owned).into();
    let next =
        "put back Debian's file: `apt-get install --reinstall -o Dpkg::Options::=--force-confnew sudo`";
    for line in lines.difference(&known) {
        let what = format!("{line:?} is not in Debian's file");
        match sudoers::skips_password(line) {
            Some(whom) => {
                let what = format!("{what} and lets {whom} act without a password");
                findings.error(Class::UnmanagedSudoers, places::SUDOERS, what, next);
            }
            None => findings.warning(Class::UnmanagedSudoers, places::SUDOERS, what, next),
        }
    }
    for line in known.difference(&lines) {
        let what = format!("{line:?} of Debian's file is missing");
        findings.error(Class::Content, places::SUDOERS, what, next);
    }
}

fn foreign_files(machine: &Machine<'_>, findings: &mut Findings) {
    for (path, inode) in machine.foreign(places::SUDOERS_D) {
        let name = path.name();
        if inode.kind != Kind::File {
            let what = "is neither a file nor ours";
            findings.stray(
                Severity::Warning,
                Class::UnmanagedSudoers,
                path.as_str(),
                what,
                "",
            );
            continue;
        }
        if name.contains('.') || name.ends_with('~') {
            let what = "sudo skips a file of this name";
            findings.info(
                Class::UnmanagedSudoers,
                &path,
                what,
                "remove it, so that nobody takes it for a grant",
            );
            continue;
        }
        let lines = sudoers::lines(&machine.text(&path));
        let strangers: Vec<String> = lines
            .iter()
            .filter_map(|line| sudoers::skips_password(line))
            .collect();
        if !strangers.is_empty() {
            let what = format!("lets {} act without a password", strangers.join(", "));
            findings.stray(Severity::Error, Class::UnmanagedSudoers, path.as_str(), what, "");
        } else if name == OF_GUEST_AGENT {
            findings.info(Class::UnmanagedSudoers, &path, "is the cloud guest agent's", "");
        } else if name != OF_DEBIAN || !lines.is_empty() {
            let what = "grants what nobody declared";
            findings.stray(
                Severity::Warning,
                Class::UnmanagedSudoers,
                path.as_str(),
                what,
                "",
            );
        }
    }
}

fn wildcards(machine: &Machine<'_>, findings: &mut Findings) {
    for file in &machine.appliance.sudo {
        let path = TargetPath::known(&format!("{}/{}", places::SUDOERS_D, file.name));
        for line in sudoers::lines(&machine.text(&path)) {
            if let Some(command) = sudoers::wildcard(&line) {
                let what = format!("{command:?} holds a wildcard, which matches blanks and slashes too");
                findings.error(
                    Class::UnmanagedSudoers,
                    &path,
                    what,
                    "run `appliance apply` at once",
                );
            }
        }
    }
}

/// A command that somebody else may replace is a grant of everything.
fn commands(machine: &Machine<'_>, findings: &mut Findings) {
    let programs: BTreeSet<&TargetPath> = machine
        .appliance
        .sudo
        .iter()
        .flat_map(|file| &file.rules)
        .filter_map(|rule| match &rule.command {
            Command::Program { path, .. } => Some(path),
            Command::All => None,
        })
        .collect();
    for program in programs {
        if let Err(what) = trusted(machine, program) {
            let next = "make it root's alone (chown root:root, chmod go-w), then find out who changed it";
            findings.error(Class::Owner, program, what, next);
        }
    }
}

/// Whether root alone decides what runs under a path: every directory and link on the way and the file itself. A
/// command that is not there yet cannot be replaced either.
fn trusted(machine: &Machine<'_>, program: &TargetPath) -> Result<(), String> {
    let mut at = TargetPath::root();
    let mut ahead: VecDeque<String> = parts(program.as_str()).collect();
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            at = at.parent().unwrap_or_else(TargetPath::root);
            continue;
        }
        let path = at.join(&part).map_err(|error| error.to_string())?;
        let Some(inode) = machine.inode(&path) else {
            return if walk::is_kept(&path) {
                Ok(())
            } else {
                Err(format!(
                    "leads to {path}, away from where programs of the appliance lie"
                ))
            };
        };
        of_root_alone(&path, inode)?;
        let Kind::Link(target) = &inode.kind else {
            at = path;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err("goes round in links".to_owned());
        }
        if target.starts_with('/') {
            at = TargetPath::root();
        }
        for part in parts(target).collect::<Vec<_>>().into_iter().rev() {
            ahead.push_front(part);
        }
    }
    Ok(())
}

fn parts(path: &str) -> impl Iterator<Item = String> {
    path.split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .map(str::to_owned)
}

fn of_root_alone(path: &TargetPath, inode: &Inode) -> Result<(), String> {
    if inode.uid != 0 {
        return Err(format!("{path} belongs to uid {}, not to root", inode.uid));
    }
    if matches!(inode.kind, Kind::Link(_)) {
        return Ok(());
    }
    let bits = inode.mode.bits();
    // With a list, the group's bits are its mask: somebody whom it names may write.
    let by_group = bits & 0o020 != 0 && (inode.gid != 0 || inode.acl.is_some());
    if bits & 0o002 != 0 || by_group {
        return Err(format!(
            "{path} ({}) may be written by others than root",
            inode.mode
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use appliance::Appliance;

    use super::*;
    use crate::fixture;

    fn with_debians_file(appliance: &Appliance) -> Machine<'_> {
        let mut machine = fixture::machine(appliance);
        write(&mut machine, places::SUDOERS, &MAIN.join("\n"));
        machine
    }

    fn write(machine: &mut Machine<'_>, path: &str, text: &str) {
        let path = TargetPath::known(path);
        machine.facts.contents.insert(path, text.as_bytes().to_vec());
    }

    /// The files alone: a tree that does not run has no visudo.
    fn brief(machine: &Machine<'_>) -> Vec<String> {
        let empty = tempfile::tempdir().expect("a directory");
        let host = Host::offline(empty.path()).expect("a tree");
        check(machine, &host).expect("checked").brief()
    }

    #[test]
    fn each_stranger_s_file_is_judged_by_what_it_grants() {
        for (name, text, expected) in [
            ("README", "# read me\n", None),
            ("README", "bob ALL=(ALL) ALL\n", Some("warning")),
            (
                "google_sudoers",
                "%google-sudoers ALL=(ALL:ALL) NOPASSWD:ALL\n",
                Some("info"),
            ),
            (
                "google_sudoers",
                "bob ALL=(ALL:ALL) NOPASSWD:ALL\n",
                Some("error"),
            ),
            (
                "90-cloud-init-users",
                "debian ALL=(ALL) NOPASSWD:ALL\n",
                Some("error"),
            ),
            ("ops", "%sudo ALL=(ALL) NOPASSWD: ALL\n", Some("warning")),
            ("x.bak", "bob ALL=(ALL) NOPASSWD:ALL\n", Some("info")),
            ("deploy~", "bob ALL=(ALL) NOPASSWD:ALL\n", Some("info")),
        ] {
            let appliance = fixture::appliance();
            let mut machine = with_debians_file(&appliance);
            let path = format!("{}/{name}", places::SUDOERS_D);
            machine.put(&path, text);
            let expected: Vec<String> = expected
                .map(|severity| format!("{severity} unmanaged-sudoers {path}"))
                .into_iter()
                .collect();
            assert_eq!(brief(&machine), expected, "{name}: {text}");
        }
    }

    #[test]
    fn the_main_file_and_ours_are_read_line_by_line() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        let lines = MAIN[1..].join("\n");
        write(
            &mut machine,
            places::SUDOERS,
            &format!("{lines}\nbob ALL=(ALL) ALL\n"),
        );
        write(
            &mut machine,
            "/etc/sudoers.d/deploy",
            "deploy ALL=(root) NOPASSWD: /bin/cp *\n",
        );
        assert_eq!(
            brief(&machine),
            [
                "error content /etc/sudoers",
                "error unmanaged-sudoers /etc/sudoers.d/deploy",
                "warning unmanaged-sudoers /etc/sudoers",
            ]
        );
    }

    #[test]
    fn a_command_that_others_may_replace_is_an_error() {
        const PROGRAM: &str = "/usr/local/bin/notify-scripts";
        let link = || {
            fixture::inode(
                Kind::Link("/opt/data-analyst/current/bin/notify-scripts".to_owned()),
                0o777,
            )
        };
        let current = || fixture::inode(Kind::Link("releases/1".to_owned()), 0o777);
        let of = |uid: u32, mode: u32| {
            let mut inode = fixture::inode(Kind::File, mode);
            inode.uid = uid;
            inode
        };
        for (name, file, directory_mode, good) in [
            ("as it should be", of(0, 0o755), 0o755, true),
            ("another's file", of(884, 0o755), 0o755, false),
            ("a file that everybody may write", of(0, 0o757), 0o755, false),
            ("a directory that everybody may write", of(0, 0o755), 0o777, false),
        ] {
            let appliance = fixture::appliance();
            let mut machine = with_debians_file(&appliance);
            for (path, inode) in [
                ("/usr", fixture::inode(Kind::Directory, 0o755)),
                ("/usr/local", fixture::inode(Kind::Directory, 0o755)),
                ("/usr/local/bin", fixture::inode(Kind::Directory, 0o755)),
                (PROGRAM, link()),
                ("/opt", fixture::inode(Kind::Directory, 0o755)),
                ("/opt/data-analyst", fixture::inode(Kind::Directory, 0o755)),
                ("/opt/data-analyst/current", current()),
                (
                    "/opt/data-analyst/releases",
                    fixture::inode(Kind::Directory, directory_mode),
                ),
                (
                    "/opt/data-analyst/releases/1",
                    fixture::inode(Kind::Directory, 0o755),
                ),
                (
                    "/opt/data-analyst/releases/1/bin",
                    fixture::inode(Kind::Directory, 0o755),
                ),
                ("/opt/data-analyst/releases/1/bin/notify-scripts", file),
            ] {
                machine.walk.sort_in(TargetPath::known(path), inode);
            }
            let expected: Vec<String> = (!good)
                .then(|| format!("error owner {PROGRAM}"))
                .into_iter()
                .collect();
            assert_eq!(brief(&machine), expected, "{name}");
        }
    }
}
