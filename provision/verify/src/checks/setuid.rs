//! Only Debian's known programs run with more rights than their caller's.

use appliance::path::TargetPath;
use host::facts::Inode;

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

/// Programs of Debian 12 that carry setuid, setgid or capabilities, of packages that a machine of ours may have.
const KNOWN: &[&str] = &[
    "/usr/bin/chage",
    "/usr/bin/chfn",
    "/usr/bin/chsh",
    "/usr/bin/crontab",
    "/usr/bin/dotlockfile",
    "/usr/bin/expiry",
    "/usr/bin/fusermount3",
    "/usr/bin/gpasswd",
    "/usr/bin/mount",
    "/usr/bin/newgrp",
    "/usr/bin/passwd",
    "/usr/bin/ping",
    "/usr/bin/pkexec",
    "/usr/bin/ssh-agent",
    "/usr/bin/su",
    "/usr/bin/sudo",
    "/usr/bin/umount",
    "/usr/bin/wall",
    "/usr/bin/write.ul",
    "/usr/lib/dbus-1.0/dbus-daemon-launch-helper",
    "/usr/lib/openssh/ssh-keysign",
    "/usr/lib/polkit-1/polkit-agent-helper-1",
    "/usr/lib/x86_64-linux-gnu/utempter/utempter",
    "/usr/sbin/pam_extrausers_chkpwd",
    "/usr/sbin/unix_chkpwd",
];

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let walk = &machine.walk;
    let mut findings = Findings::new(format!("{} files and directories", walk.seen));
    for (path, inode) in &walk.privileged {
        if !is_known(machine, path) {
            let next =
                "look who made it (`ls -l`, `dpkg -S`); `chmod u-s,g-s` and `setcap -r` take the right away";
            findings.error(Class::Suid, path, describe(inode), next);
        }
    }
    for (directory, name) in &walk.unnameable {
        let what = format!("holds a program with more rights than its caller's, with an odd name: {name}");
        findings.error(
            Class::Suid,
            directory,
            what,
            "find it by its inode with `find -perm /6000 -ls`",
        );
    }
    findings
}

fn is_known(machine: &Machine<'_>, path: &TargetPath) -> bool {
    KNOWN.contains(&path.as_str()) && machine.debian.owns(path.as_str())
}

fn describe(inode: &Inode) -> String {
    let bits = inode.mode.bits();
    let mut carries = Vec::new();
    if bits & 0o4000 != 0 {
        carries.push(format!("setuid of uid {}", inode.uid));
    }
    if bits & 0o2000 != 0 {
        carries.push(format!("setgid of gid {}", inode.gid));
    }
    if inode.capabilities {
        carries.push("file capabilities".to_owned());
    }
    format!(
        "carries {}, and is none of Debian's known programs",
        carries.join(" and ")
    )
}

/// The list names files as they lie after the merge of `/bin` into `/usr/bin`.
#[cfg(test)]
#[test]
fn the_list_is_sorted_and_in_usr() {
    assert!(KNOWN.is_sorted());
    assert!(
        KNOWN
            .iter()
            .all(|path| TargetPath::known(path).is_within(&TargetPath::known("/usr")))
    );
}

#[cfg(test)]
mod tests {
    use host::facts::Kind;

    use super::*;
    use crate::debian::Debian;
    use crate::fixture;

    #[test]
    fn only_what_is_known_and_of_a_package_may_carry_rights() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.debian = Debian::of([b"/bin/su\n/usr/bin/vim\n".as_slice()].into_iter());
        let with_capabilities = || {
            let mut inode = fixture::inode(Kind::File, 0o755);
            inode.capabilities = true;
            inode
        };
        for (path, inode) in [
            ("/usr/bin/su", fixture::inode(Kind::File, 0o4755)),
            ("/usr/bin/sudo", fixture::inode(Kind::File, 0o4755)),
            ("/usr/bin/vim", fixture::inode(Kind::File, 0o4755)),
            ("/data/x", fixture::inode(Kind::File, 0o2660)),
            ("/usr/bin/cap", with_capabilities()),
            ("/usr/bin/plain", fixture::inode(Kind::File, 0o755)),
            ("/data/shared", fixture::inode(Kind::Directory, 0o2770)),
        ] {
            machine.walk.sort_in(TargetPath::known(path), inode);
        }
        assert_eq!(
            check(&machine).brief(),
            [
                "error suid /data/x",
                "error suid /usr/bin/cap",
                "error suid /usr/bin/sudo",
                "error suid /usr/bin/vim",
            ]
        );
    }
}
