//! Spec 10, sections 4.4 and 22: what leaves the definition leaves the machine, and what people keep stays.

use acceptance::container_fixture::{ADMIN, Appliance, nothing_wrong};
use anyhow::{Context, Result};
use appliance::DefinitionFiles;

const INSTANCE: &str = "/etc/data-analyst/appliance.toml";
/// Where the machine has a definition of its own.
const DEFINITION: &str = "/root/definition";
/// Ours, in this clone.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../appliance/definition");

/// A service, a timer, a directory and a link that our definition does not have.
const UNIT: &str = "
[[service]]
name = \"ticker.service\"
description = \"Something that ticks\"
kind = \"oneshot\"
command = \"/usr/bin/true\"
user = \"root\"
group = \"root\"
exposure_ceiling = \"9.0\"

[[timer]]
name = \"ticker.timer\"
description = \"Lets it tick\"
starts = \"ticker.service\"

[timer.directives]
OnCalendar = \"hourly\"
";

/// The instance file with another administrator; `alice`'s key serves both.
fn with_bob(appliance: &Appliance) -> Result<(String, String)> {
    let without = appliance.sh(&format!("cat {INSTANCE}"))?;
    let admin = without.split("[[admins]]").nth(1).context("an administrator")?;
    let bob = admin.replace(ADMIN, "bob");
    Ok((format!("{without}\n[[admins]]{bob}"), without))
}

#[test]
fn an_administrator_who_left_cannot_log_in_and_keeps_number_and_files() -> Result<()> {
    let appliance = Appliance::unapplied()?;
    let (with, without) = with_bob(&appliance)?;
    appliance.write(INSTANCE, with.as_bytes(), 0o600)?;
    appliance.apply()?;
    let login = |command: &str| appliance.ssh("bob", ADMIN, &[command]);
    assert!(login("true")?.success());
    let uid = appliance.sh("id -u bob")?;
    appliance.sh("su bob -c 'echo mine > ~/notes; mkdir -p ~/.ssh; cp /etc/ssh/authorized_keys.d/alice ~/.ssh/authorized_keys 2>/dev/null; true'; install -d -o bob -m 0700 /home/bob/.ssh; install -o bob -m 0600 /etc/ssh/authorized_keys.d/alice /home/bob/.ssh/authorized_keys")?;

    appliance.write(INSTANCE, without.as_bytes(), 0o600)?;
    let planned = appliance.planned()?;
    let has = |verb: &str, target: &str| {
        planned
            .iter()
            .any(|step| step.verb == verb && step.target == target)
    };
    assert!(
        has("close", "user bob") && has("remove", "/etc/ssh/authorized_keys.d/bob"),
        "{planned:?}"
    );
    appliance.apply()?;
    let mut wrong = Vec::new();
    let mut expect = |what: &str, holds: bool| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    expect("logs in no more", !login("true")?.success());
    expect("keeps the number", appliance.sh("id -u bob")? == uid);
    expect(
        "keeps the files",
        appliance.sh("cat /home/bob/notes")? == "mine\n",
    );
    expect(
        "is in no group but the own one",
        appliance.sh("id -nG bob")? == "bob\n",
    );
    expect(
        "has no sudo",
        !appliance.try_sh("sudo -n -l -U bob | grep -q '(ALL'")?.success(),
    );
    expect(
        "has no keys of ours",
        !appliance
            .try_sh("test -e /etc/ssh/authorized_keys.d/bob")?
            .success(),
    );
    expect("nothing is left to do", appliance.planned()?.is_empty());
    let drift = appliance.drift()?;
    expect(
        &format!("no drift about bob: {drift:?}"),
        drift.iter().all(|finding| !finding.target.contains("bob")),
    );

    appliance.write(INSTANCE, with.as_bytes(), 0o600)?;
    appliance.apply()?;
    expect(
        "comes back with the old number",
        appliance.sh("id -u bob")? == uid && login("true")?.success(),
    );
    expect("and nothing is left to do", appliance.planned()?.is_empty());
    nothing_wrong(&wrong)
}

/// Applies a definition of our own, with `UNIT` in it or not.
fn apply_definition(appliance: &Appliance, with_unit: bool) -> Result<()> {
    let services = format!("{DEFINITION}/services.toml");
    let shipped = appliance.sh(&format!("cat {services}.shipped"))?;
    let text = if with_unit {
        format!("{shipped}\n{UNIT}")
    } else {
        shipped
    };
    appliance.write(&services, text.as_bytes(), 0o644)?;
    appliance
        .appliance(&["apply", "--yes", "--definition", DEFINITION])?
        .checked(&["apply"])?;
    Ok(())
}

/// A machine with a copy of our definition beside it.
fn with_definition() -> Result<Appliance> {
    let appliance = Appliance::unapplied()?;
    appliance.sh(&format!("mkdir -p {DEFINITION}"))?;
    for name in DefinitionFiles::NAMES {
        let text = std::fs::read(format!("{SHIPPED}/{name}"))?;
        appliance.write(&format!("{DEFINITION}/{name}"), &text, 0o644)?;
    }
    appliance.sh(&format!(
        "cp {DEFINITION}/services.toml {DEFINITION}/services.toml.shipped"
    ))?;
    Ok(appliance)
}

#[test]
fn a_unit_that_left_is_stopped_and_gone() -> Result<()> {
    let appliance = with_definition()?;
    apply_definition(&appliance, true)?;
    assert_eq!(appliance.sh("systemctl is-active ticker.timer")?, "active\n");
    appliance.sh("echo '# by hand' >> /etc/systemd/system/ticker.service")?;
    apply_definition(&appliance, false)?;
    appliance.sh("grep -rq '# by hand' /var/lib/data-analyst")?;
    let left = "systemctl is-active ticker.timer ticker.service; find /etc/systemd/system -name 'ticker*'; systemctl list-unit-files 'ticker*' --no-legend";
    assert_eq!(appliance.try_sh(left)?.stdout, "inactive\ninactive\n");
    let steps = appliance.appliance(&["plan", "--definition", DEFINITION])?;
    assert_eq!(steps.status, 0, "{}", steps.stdout);
    Ok(())
}

#[test]
fn a_removal_that_was_killed_before_the_reload_loses_nothing() -> Result<()> {
    let appliance = with_definition()?;
    apply_definition(&appliance, true)?;
    let nice = "systemctl show -P Nice cron";
    let defined = appliance.sh(nice)?;
    // As a run leaves it that is killed behind the removals: the files are gone, systemd has not heard of it, and a
    // drop-in of a unit that stays went too.
    appliance.sh("mkdir -p /etc/systemd/system/cron.service.d; printf '[Service]\\nNice=-5\\n' > /etc/systemd/system/cron.service.d/zz.conf; systemctl daemon-reload; systemctl restart cron")?;
    appliance.sh("sleep 0.1; rm /etc/systemd/system/cron.service.d/zz.conf; systemctl stop ticker.timer; find /etc/systemd/system -name 'ticker*' -delete")?;
    let before = appliance.sh("systemctl show -P MainPID cron")?;
    apply_definition(&appliance, false)?;
    assert_ne!(
        appliance.sh("systemctl show -P MainPID cron")?,
        before,
        "cron ran with what the drop-in said"
    );
    assert_eq!(appliance.sh(nice)?, defined);
    assert_eq!(
        appliance.sh("systemctl show -P LoadState ticker.timer")?,
        "not-found\n"
    );
    Ok(())
}

#[test]
fn an_empty_directory_goes_and_data_stays() -> Result<()> {
    let appliance = with_definition()?;
    let layout = format!("{DEFINITION}/layout.toml");
    let shipped = appliance.sh(&format!("cat {layout}"))?;
    let more = "\n[[directory]]\npaths = [\"/data/extra\", \"/opt/data-analyst/extra\"]\nowner = \"root\"\ngroup = \"root\"\nmode = \"0755\"\nbecause = \"a test\"\n";
    appliance.write(&layout, format!("{shipped}{more}").as_bytes(), 0o644)?;
    apply_definition(&appliance, false)?;
    appliance.sh("echo table > /data/extra/table.parquet; test -d /opt/data-analyst/extra")?;
    appliance.write(&layout, shipped.as_bytes(), 0o644)?;
    apply_definition(&appliance, false)?;
    assert_eq!(appliance.sh("cat /data/extra/table.parquet")?, "table\n");
    assert!(
        !appliance.try_sh("test -e /opt/data-analyst/extra")?.success(),
        "an empty directory goes"
    );
    let plan = appliance.appliance(&["plan", "--definition", DEFINITION])?;
    assert_eq!(plan.status, 0);
    assert!(
        plan.stdout
            .contains("/data/extra: the definition no longer has it, and it was left"),
        "{}",
        plan.stdout
    );
    Ok(())
}
