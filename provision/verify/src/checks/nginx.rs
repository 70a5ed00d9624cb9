//! nginx serves our site alone: another server block could answer for our names, without our headers.

use host::facts::Kind;
use host::validate::{self, Judge, Verdict};
use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::places;
use crate::report::{Class, Severity};

/// Said when the sandbox of a unit keeps nginx from opening its logs.
const READ_ONLY: &str = "Read-only file system";

pub(super) fn check(machine: &Machine<'_>, host: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new("sites, settings, and what nginx says of them");
    for directory in places::NGINX {
        for (path, inode) in machine.foreign(directory) {
            // Debian's modules are links into its own directory.
            let is_module = matches!(&inode.kind, Kind::Link(target) if target.starts_with("/usr/share/nginx/modules-available/") && !target.contains(".."));
            // What must be absent is reported by `as-defined`.
            let is_forbidden = machine.tree.get(&path).is_some();
            if is_module || is_forbidden || machine.debian.owns(path.as_str()) {
                continue;
            }
            let what = "nginx reads it, and nobody declared it";
            findings.stray(
                Severity::Error,
                Class::UnmanagedPath,
                path.as_str(),
                what,
                "systemctl reload nginx",
            );
        }
    }
    if host.is_live() {
        judge(validate::installed(host, Judge::Nginx)?, &mut findings);
    }
    Ok(findings)
}

fn judge(verdict: Verdict, findings: &mut Findings) {
    match verdict {
        Verdict::Good | Verdict::NoJudge(_) => {}
        Verdict::Bad(said) if said.contains(READ_ONLY) => {
            let what = "could not be asked: this run may not write its logs";
            findings.info(
                Class::Unchecked,
                "nginx -t",
                what,
                "run `appliance verify` outside its unit to ask it too",
            );
        }
        Verdict::Bad(said) => {
            let next =
                "repair what it names; until then nginx serves its old configuration and a restart fails";
            findings.error(Class::Content, "nginx -t", said, next);
        }
    }
}
