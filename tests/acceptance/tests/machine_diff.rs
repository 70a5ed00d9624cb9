//! What an apply keeps of its sources, and the difference in access that a plan makes of it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop, with what it saw in its message"
)]

use acceptance::container_fixture::{Appliance, lines_of_json};
use anyhow::Result;

const KEPT: &str = "/var/lib/data-analyst/applied";
const INSTANCE: &str = "/etc/data-analyst/appliance.toml";

/// The shipped definition in a directory of the machine, with a group more for one account.
fn definition_with_a_group_more(appliance: &Appliance) -> Result<()> {
    for (name, text) in appliance::DefinitionFiles::shipped().texts() {
        let text = match name {
            "accounts.toml" => {
                let from = "shell = \"/usr/sbin/nologin\"\nbecause = \"runs exporters";
                assert!(
                    text.contains(from),
                    "the account of the exporters is told otherwise now"
                );
                let to = "shell = \"/usr/sbin/nologin\"\ngroups = [\"data-ops\"]\nbecause = \"runs exporters";
                text.replace(from, to)
            }
            _ => text.to_owned(),
        };
        appliance.write(&format!("/root/definition/{name}"), text.as_bytes(), 0o600)?;
    }
    Ok(())
}

#[test]
fn a_plan_ends_with_who_may_more_than_when_it_was_applied() -> Result<()> {
    let appliance = Appliance::unapplied()?;
    let nothing_yet = appliance.appliance(&["diff", "applied", "shipped"])?;
    assert_eq!(nothing_yet.status, 2, "{nothing_yet:?}");
    assert!(nothing_yet.stderr.contains("next: "), "{}", nothing_yet.stderr);
    assert!(!appliance.appliance(&["plan"])?.stdout.contains("access\n"));

    // One area alone is not the whole definition.
    appliance
        .appliance(&["apply", "--yes", "--only", "packages,accounts"])?
        .checked(&["apply", "--only"])?;
    assert!(!appliance.try_sh(&format!("test -e {KEPT}"))?.success());

    appliance.apply()?;
    let listing = format!("stat -c '%A %U:%G %n' {KEPT} {KEPT}/*");
    let listed = appliance.sh(&listing)?;
    let (first, files) = listed.split_once('\n').unwrap();
    assert_eq!(first, format!("drwx------ root:root {KEPT}"));
    assert_eq!(files.lines().count(), appliance::DefinitionFiles::NAMES.len() + 1);
    assert!(
        files
            .lines()
            .all(|line| line.starts_with("-rw------- root:root ")),
        "{files}"
    );
    appliance.sh(&format!("cmp {INSTANCE} {KEPT}/appliance.toml"))?;

    // An apply with nothing to do writes nothing.
    let times = format!("stat -c '%i %Y %Z %n' {KEPT} {KEPT}/*");
    let before = appliance.sh(&times)?;
    appliance.apply()?;
    assert_eq!(appliance.sh(&times)?, before);
    let same = appliance.appliance(&["diff", "applied", "shipped"])?;
    assert_eq!((same.status, same.stdout.as_str()), (0, ""), "{same:?}");
    assert!(!appliance.appliance(&["plan"])?.stdout.contains("access\n"));

    definition_with_a_group_more(&appliance)?;
    let planned = appliance.appliance(&["plan", "--definition", "/root/definition"])?;
    let (_, access) = planned.stdout.split_once("access\n").unwrap();
    assert!(
        access.contains("  + monitor  gains group") && access.contains("because joins the group data-ops"),
        "{access}"
    );
    let json = appliance.appliance(&["plan", "--json", "--definition", "/root/definition"])?;
    let records = lines_of_json(&json.stdout);
    let gains: Vec<_> = records
        .iter()
        .filter(|record| record["area"] == "access" && record["target"] == "/data/src_data/raw")
        .collect();
    assert_eq!(
        gains.len(),
        5,
        "three rights to the directory, two to new files in it: {gains:?}"
    );
    assert!(gains.iter().all(|record| record["who"] == "monitor"
        && record["change"] == "gained"
        && record["cause"] == "group-membership"));
    assert_eq!(
        appliance
            .appliance(&["diff", "applied", "/root/definition"])?
            .status,
        10
    );

    // Once applied, it is the new state; what cannot be read any more is told and does no harm.
    let done = appliance.appliance(&["apply", "--yes", "--definition", "/root/definition"])?;
    assert!(done.success(), "{done:?}");
    let same = appliance.appliance(&["diff", "applied", "/root/definition"])?;
    assert_eq!(same.status, 0, "{same:?}");
    appliance.sh(&format!("echo 'a b' >> {KEPT}/layout.toml"))?;
    let planned = appliance.appliance(&["plan", "--definition", "/root/definition"])?;
    assert_eq!(planned.status, 0, "{planned:?}");
    assert!(
        planned.stdout.contains(&format!("note {KEPT}: ")) && planned.stdout.contains("next: "),
        "{}",
        planned.stdout
    );
    assert_eq!(appliance.appliance(&["diff", "applied", "shipped"])?.status, 2);
    appliance.appliance(&["apply", "--yes", "--definition", "/root/definition"])?;
    assert_eq!(
        appliance
            .appliance(&["diff", "applied", "/root/definition"])?
            .status,
        0
    );
    Ok(())
}
