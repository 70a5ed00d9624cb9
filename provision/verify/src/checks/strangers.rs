//! What lies where the layout puts things and is nobody's: it takes room, is in no snapshot's plan, and one day somebody
//! asks whose it is. It is told and never touched.

use appliance::path::TargetPath;
use host::facts::Inode;

use crate::findings::Findings;
use crate::machine::Machine;
use crate::places;
use crate::report::Class;

/// Names that a filesystem or the appliance itself puts there.
const KNOWN: [&str; 4] = ["lost+found", plan::MARKER_NAME, ".appliance", ".removed"];

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let mut findings = Findings::new("entries of /data and /home");
    for directory in places::DATA {
        for (path, _) in strangers(machine, directory) {
            let next = "name it in layout.toml if it belongs there, else move it to where it does";
            findings.info(Class::UnmanagedPath, &path, "is nowhere in the definition", next);
        }
    }
    for (path, inode) in strangers(machine, places::HOMES) {
        let lives_there = |line: &&host::facts::account::PasswdLine| line.home == path.as_str();
        if machine
            .facts
            .accounts
            .passwd
            .entries()
            .find(lives_there)
            .is_none()
        {
            let what = format!("is nobody's home; its owner is {}", inode.uid);
            findings.info(
                Class::UnmanagedPath,
                &path,
                what,
                "keep it until somebody says whose it was",
            );
        }
    }
    findings
}

fn strangers<'m>(machine: &'m Machine<'_>, directory: &str) -> Vec<(TargetPath, &'m Inode)> {
    let mut strangers = machine.foreign(directory);
    strangers.retain(|(path, _)| !KNOWN.contains(&path.name()));
    strangers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn what_is_nobodys_is_told_and_what_a_disk_brings_is_not() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        for path in [
            "/data/lost+found",
            "/data/.appliance-disk",
            "/data/by-hand",
            "/home/gone",
            "/home/.removed",
        ] {
            machine.put(path, "x");
        }
        assert_eq!(
            check(&machine).brief(),
            [
                "info unmanaged-path /data/by-hand",
                "info unmanaged-path /home/gone"
            ]
        );
    }
}
