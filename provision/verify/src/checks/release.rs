//! What runs is a release: the link `current` leads to one, and root alone decides over its files.

use appliance::path::TargetPath;
use host::facts::Kind;
use host::{Host, HostError, Look, Question};

use crate::findings::{Findings, quoted};
use crate::machine::Machine;
use crate::report::Class;
use crate::walk::is_below;

const CURRENT: &str = "/opt/data-analyst/current";
const RELEASES: &str = "/opt/data-analyst/releases";
/// Directories of the appliance in which nothing else belongs.
const OURS: &str = "/opt/data-analyst";

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new("the link `current`, and who may write to releases");
    current(machine, host, &mut findings)?;
    for (path, inode) in machine
        .walk
        .kept
        .iter()
        .filter(|(path, _)| is_below(path.as_str(), RELEASES))
    {
        let bits = inode.mode.bits();
        let is_link = matches!(inode.kind, Kind::Link(_));
        let by_others = bits & 0o002 != 0 || (bits & 0o020 != 0 && (inode.gid != 0 || inode.acl.is_some()));
        let shown = quoted(path.as_str());
        if inode.uid != 0 {
            let what = format!(
                "belongs to uid {}, and programs that run must be root's",
                inode.uid
            );
            findings.error(
                Class::Owner,
                path,
                what,
                format!("`chown root:root {shown}`, then deploy the release again"),
            );
        } else if by_others && !is_link {
            let what = format!("has mode {}: others than root may change what runs", inode.mode);
            findings.error(
                Class::Mode,
                path,
                what,
                format!("`chmod go-w {shown}`, then deploy the release again"),
            );
        }
    }
    strangers(machine, &mut findings);
    Ok(findings)
}

fn current(machine: &Machine<'_>, host: &Host, findings: &mut Findings) -> Result<(), HostError> {
    let path = TargetPath::known(CURRENT);
    let Some(inode) = machine.inode(&path) else {
        return Ok(());
    };
    let next = format!(
        "`ls {RELEASES}` shows what there is; `ln -sfn releases/NAME {CURRENT}`, then restart the services"
    );
    let Kind::Link(target) = &inode.kind else {
        findings.error(
            Class::Content,
            &path,
            "is no link, and must lead to a release",
            next,
        );
        return Ok(());
    };
    let release = if target.starts_with('/') {
        target.clone()
    } else {
        format!("{OURS}/{target}")
    };
    let is_one = release.strip_prefix(RELEASES).is_some_and(|rest| {
        let name = rest.trim_matches('/');
        rest.starts_with('/') && !name.is_empty() && !name.contains('/') && name != ".."
    });
    if !is_one {
        findings.error(
            Class::Content,
            &path,
            format!("leads to {target:?}, which is no release"),
            next,
        );
        return Ok(());
    }
    let mut question = Question::default();
    if let Ok(release) = TargetPath::new(&release) {
        question.paths.insert(release, Look::Inode);
    }
    let there = host::gather(host, &question)?.inodes;
    if !there.values().any(|inode| inode.kind == Kind::Directory) {
        findings.error(
            Class::Missing,
            &path,
            format!("leads to {target:?}, which is not there"),
            next,
        );
    }
    Ok(())
}

/// What nobody declared beside the releases.
fn strangers(machine: &Machine<'_>, findings: &mut Findings) {
    const THEIRS: [&str; 4] = ["releases", "incoming", "logs", "current"];
    for path in machine
        .walk
        .kept
        .keys()
        .filter(|path| is_below(path.as_str(), OURS))
    {
        let rest = path.as_str().trim_start_matches(OURS).trim_start_matches('/');
        let top = rest.split('/').next().unwrap_or_default();
        let known = machine.tree.get(path).is_some() || THEIRS.contains(&top) || rest == ".env";
        if !known {
            let next = format!("look who put it there, then `rm -r -- {}`", quoted(path.as_str()));
            findings.warning(Class::UnmanagedPath, path, "is nowhere in the definition", next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn brief(target: &str) -> Vec<String> {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(root.path().join("opt/data-analyst/releases/1")).expect("made");
        let host = Host::offline(root.path()).expect("a tree");
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.put_inode(CURRENT, fixture::inode(Kind::Link(target.to_owned()), 0o777));
        let mut theirs = fixture::inode(Kind::File, 0o755);
        theirs.uid = 33;
        for (path, inode) in [
            (
                "/opt/data-analyst/releases/1/bin/webapp",
                fixture::inode(Kind::File, 0o755),
            ),
            ("/opt/data-analyst/releases/1/bin/theirs", theirs),
            (
                "/opt/data-analyst/config/stray.env",
                fixture::inode(Kind::File, 0o644),
            ),
        ] {
            machine.walk.sort_in(TargetPath::known(path), inode);
        }
        check(&machine, &host).expect("checked").brief()
    }

    #[test]
    fn the_link_leads_to_a_release_and_its_files_are_roots() {
        let always = [
            "error owner /opt/data-analyst/releases/1/bin/theirs",
            "warning unmanaged-path /opt/data-analyst/config/stray.env",
        ];
        for (target, more) in [
            ("releases/1", None),
            ("/opt/data-analyst/releases/1", None),
            ("releases/2", Some("error missing /opt/data-analyst/current")),
            ("/tmp/1", Some("error content /opt/data-analyst/current")),
            (
                "releases/../../tmp",
                Some("error content /opt/data-analyst/current"),
            ),
        ] {
            let mut expected: Vec<&str> = always.into_iter().chain(more).collect();
            expected.sort_unstable();
            assert_eq!(brief(target), expected, "{target}");
        }
    }
}
