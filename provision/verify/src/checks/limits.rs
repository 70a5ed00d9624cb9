//! The limits of sessions are ours alone: pam_limits reads every file, and the last of equal rules wins.

use crate::findings::Findings;
use crate::machine::Machine;
use crate::places;
use crate::report::{Class, Severity};
use appliance::path::TargetPath;

pub(super) fn check(machine: &Machine<'_>) -> Findings {
    let mut findings = Findings::new(format!("{} rules of ours", machine.appliance.limits.len()));
    for (path, _) in machine.foreign(places::LIMITS_D) {
        if !path.name().ends_with(".conf") {
            continue;
        }
        let rules = rules(&machine.text(&path));
        if !rules.is_empty() {
            let what = format!("sets limits that nobody declared: {}", rules.join("; "));
            findings.stray(Severity::Warning, Class::UnmanagedPath, path.as_str(), what, "");
        }
    }
    let rules = rules(&machine.text(&TargetPath::known(places::LIMITS_CONF)));
    if !rules.is_empty() {
        let what = format!("has rules, and Debian's file has none: {}", rules.join("; "));
        findings.warning(Class::Content, places::LIMITS_CONF, what, "remove them");
    }
    findings
}

/// Lines that mean something, their blanks squeezed.
fn rules(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_once('#').map_or(line, |(rule, _)| rule))
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn rules_of_others_are_told_and_comments_are_not() {
        let appliance = fixture::appliance();
        let mut machine = fixture::machine(&appliance);
        machine.put("/etc/security/limits.d/99-users.conf", "* hard core 0\n");
        machine.put("/etc/security/limits.d/empty.conf", "# nothing\n\n");
        machine.put("/etc/security/limits.d/notes.txt", "* - as 1\n");
        machine.put(
            "/etc/security/limits.d/zz.conf",
            "*   -  nproc unlimited # mine\n",
        );
        assert_eq!(
            check(&machine).brief(),
            ["warning unmanaged-path /etc/security/limits.d/zz.conf"]
        );
    }
}
