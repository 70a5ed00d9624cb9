//! Our firewall is loaded, and loaded at boot. Whether the table is ours, rule by rule, stands in `as-defined`.

use host::command::Command;
use host::facts::FirewallFact;
use host::facts::unit::Enablement;
use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

const PROGRAM: &str = "/usr/sbin/nft";
const UNIT: &str = "nftables.service";

/// Tables of programs that the definition installs.
const OF_PROGRAMS: [&str; 1] = ["inet f2b-table"];

pub(super) fn check(machine: &Machine<'_>, _: &Host) -> Result<Findings, HostError> {
    let table = plan::firewall_table();
    let ours = format!("{} {}", table.family, table.name);
    let mut findings = Findings::new(format!("table {ours}"));
    loaded(machine, &ours, &mut findings);
    at_boot(machine, &mut findings);
    let tables = Command::new(PROGRAM).args(["list", "tables"]);
    if tables.is_installed() {
        let output = tables.run()?;
        for foreign in foreign(&String::from_utf8_lossy(&output.stdout), &ours) {
            let target = format!("table {foreign}");
            if OF_PROGRAMS.contains(&foreign) {
                findings.info(Class::Firewall, target, "is fail2ban's", "");
            } else {
                let what = "is a table that nobody declared: it may drop, count and redirect";
                let next =
                    format!("look at it with `nft list table {foreign}`, then `nft delete table {foreign}`");
                findings.warning(Class::Firewall, target, what, next);
            }
        }
    }
    Ok(findings)
}

fn loaded(machine: &Machine<'_>, ours: &str, findings: &mut Findings) {
    let target = format!("table {ours}");
    match machine.live().and_then(|live| live.firewall.as_ref()) {
        Some(FirewallFact::Table(_)) | None => {}
        Some(FirewallFact::NoTable) => {
            let what = "is not loaded: every port that something listens on is open";
            findings.error(
                Class::Firewall,
                target,
                what,
                "`appliance apply`, or `systemctl restart nftables`",
            );
        }
        Some(FirewallFact::NoProgram) => {
            findings.error(
                Class::Firewall,
                target,
                "cannot be loaded: nft is not installed",
                "`appliance apply`",
            );
        }
    }
}

fn at_boot(machine: &Machine<'_>, findings: &mut Findings) {
    let units = machine.live().and_then(|live| live.units.as_ref());
    let fact = units.and_then(|units| units.iter().find(|(name, _)| name.as_str() == UNIT));
    if let Some((_, fact)) = fact
        && fact.enablement != Enablement::Enabled
    {
        let what = "is not enabled: the machine is open after its next boot";
        findings.error(Class::Firewall, UNIT, what, "`systemctl enable nftables`");
    }
}

/// `table inet f2b-table` and ours, a line each.
fn foreign<'t>(text: &'t str, ours: &str) -> Vec<&'t str> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("table "))
        .filter(|table| *table != ours)
        .collect()
}

#[cfg(test)]
#[test]
fn tables_of_others_are_listed() {
    let text = "table inet appliance\ntable inet f2b-table\ntable ip nat\n";
    assert_eq!(foreign(text, "inet appliance"), ["inet f2b-table", "ip nat"]);
}
