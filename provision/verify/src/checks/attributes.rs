//! Nothing keeps `apply` from changing what is ours: a file that is immutable or can only grow stays as it is, and
//! the error comes when it matters.

use host::facts::Inode;
use render::Node;

use crate::findings::{Findings, quoted};
use crate::machine::Machine;
use crate::report::Class;

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let mut findings = Findings::new("files and directories of ours");
    let ours = machine
        .tree
        .iter()
        .filter(|(_, entry)| !matches!(entry.node, Node::Absent));
    for (path, _) in ours {
        if let Some(letter) = machine.inode(path).and_then(letter) {
            let what = format!("has the attribute `{letter}`, so that nobody, root included, can change it");
            findings.error(
                Class::Attribute,
                path,
                what,
                format!("`chattr -{letter} {}`", quoted(path.as_str())),
            );
        }
    }
    for path in [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        "/etc/gshadow",
        "/etc/fstab",
        "/etc/hosts",
    ] {
        let inode = appliance::path::TargetPath::new(path)
            .ok()
            .and_then(|path| machine.inode(&path));
        if let Some(letter) = inode.and_then(letter) {
            let what = format!("has the attribute `{letter}`: no account and no line of it can be changed");
            findings.error(Class::Attribute, path, what, format!("`chattr -{letter} {path}`"));
        }
    }
    findings
}

fn letter(inode: &Inode) -> Option<char> {
    match (inode.immutable, inode.append_only) {
        (true, _) => Some('i'),
        (false, true) => Some('a'),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use host::facts::Kind;

    use super::*;
    use crate::fixture;

    #[test]
    fn a_file_that_cannot_be_changed_is_told() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        let mut inode = fixture::inode(Kind::File, 0o644);
        machine.put_inode("/etc/sudoers.d/webapp", inode.clone());
        inode.append_only = true;
        machine.put_inode("/etc/nftables.conf", inode.clone());
        inode.immutable = true;
        machine.put_inode("/etc/passwd", inode);
        assert_eq!(
            check(&machine).brief(),
            [
                "error attribute /etc/nftables.conf",
                "error attribute /etc/passwd"
            ]
        );
    }
}
