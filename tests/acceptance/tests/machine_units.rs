//! Spec 10, section 15: units are sandboxed as measured in a booted machine, serve, stop and report.

use std::collections::BTreeMap;

use acceptance::container_fixture::{Appliance, nothing_wrong, quoted, rows};
use anyhow::{Context, Result};

/// Services that are shipped today, and the highest exposure that section 15.2 allows each.
const CEILINGS: [(&str, f64); 4] = [
    ("webapp.service", 2.0),
    ("appliance-verify.service", 5.0),
    ("fs-sync.service", 5.0),
    ("unit-failed@.service", 5.0),
];

/// The baseline as systemd says it back, for a service without deviations; and those of today's.
const BASELINE: &str = "
NoNewPrivileges	yes
ProtectSystem	strict
ProtectHome	yes
PrivateTmp	yes
PrivateDevices	yes
ProtectKernelTunables	yes
ProtectKernelModules	yes
ProtectKernelLogs	yes
ProtectControlGroups	yes
ProtectClock	yes
ProtectHostname	yes
ProtectProc	invisible
ProcSubset	pid
RestrictNamespaces	yes
RestrictRealtime	yes
RestrictSUIDSGID	yes
LockPersonality	yes
MemoryDenyWriteExecute	yes
RemoveIPC	yes
UMask	0007
LimitCORE	0
KeyringMode	private
StandardOutput	journal
SystemCallErrorNumber	1
CapabilityBoundingSet	-
AmbientCapabilities	-
";
const WEBAPP: [(&str, &str); 9] = [
    ("ProtectHome", "read-only"),
    ("ProcSubset", "all"),
    ("User", "www-data"),
    ("Group", "www-data"),
    ("SupplementaryGroups", "data-ops obs"),
    ("Type", "notify"),
    ("Restart", "always"),
    ("MemoryMax", "671088640"),
    ("TasksMax", "128"),
];

fn properties(appliance: &Appliance, unit: &str) -> Result<BTreeMap<String, String>> {
    let said = appliance.sh(&format!("systemctl show {unit}"))?;
    Ok(said
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

#[test]
fn check_39_the_sandbox_of_every_unit() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    let shipped = appliance
        .sh("cd /etc/systemd/system; find . -maxdepth 1 -type f -name '*.service' -printf '%f\\n' | sort")?;
    let ours: Vec<&str> = shipped.lines().collect();
    let mut known: Vec<&str> = CEILINGS.iter().map(|(unit, _)| *unit).collect();
    known.sort_unstable();
    assert_eq!(ours, known, "a new service needs a ceiling here");
    for (unit, ceiling) in CEILINGS {
        let loaded = unit.replace("@.", "@any.");
        let verdict = appliance.sh(&format!(
            "systemd-analyze security --no-pager {loaded} | tail -n1"
        ))?;
        let exposure: f64 = verdict
            .split_whitespace()
            .find_map(|word| word.parse().ok())
            .with_context(|| verdict.clone())?;
        if exposure > ceiling {
            wrong.push(format!("{unit}: exposure {exposure}, at most {ceiling}"));
        }
        if properties(&appliance, &loaded)?
            .get("NoNewPrivileges")
            .map(String::as_str)
            != Some("yes")
        {
            wrong.push(format!("{unit} may gain privileges"));
        }
    }
    let found = properties(&appliance, "webapp.service")?;
    let special: BTreeMap<&str, &str> = WEBAPP.into_iter().collect();
    let baseline = rows(BASELINE);
    let common = baseline
        .iter()
        .map(|row| (row[0], row[1].trim_matches('-')))
        .filter(|(name, _)| !special.contains_key(name));
    for (name, value) in common.chain(WEBAPP) {
        let is = found.get(name).map_or("", String::as_str);
        if is != value {
            wrong.push(format!("webapp.service: {name} is {is:?}, should be {value:?}"));
        }
    }
    let failing = "systemd-analyze verify --man=no /etc/systemd/system/*.service /etc/systemd/system/*.timer 2>&1 | grep -v 'auditd\\|Failed to create' ; true";
    assert_eq!(appliance.sh(failing)?, "");
    nothing_wrong(&wrong)
}

/// 40: seen from a process that has joined the namespaces of the unit and has its account and groups.
#[test]
fn check_40_what_is_closed_inside_the_unit() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.sh("echo s > /data/src_data/parquet/private/s.parquet; chmod 660 /data/src_data/parquet/private/s.parquet; \
                  chgrp data-ops /data/src_data/parquet/private/s.parquet; echo other > /etc/data-analyst/credentials/OTHER; chmod 400 /etc/data-analyst/credentials/OTHER")?;
    let inside = |script: &str| {
        let words = "nsenter -t $(systemctl show -P MainPID webapp) -m -- setpriv --reuid www-data --regid www-data --groups data-ops,obs --no-new-privs sh -c";
        appliance.try_sh(&format!("{words} {}", quoted(script)))
    };
    let mut wrong = Vec::new();
    for closed in [
        "ls /data/src_data/parquet/private",
        "cat /data/src_data/parquet/private/s.parquet",
        "ls /data/.appliance",
        "ls /home/.appliance",
        "ls /home/alice",
        "cat /etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
        "cat /etc/data-analyst/credentials/OTHER",
        "touch /data/user_sessions/x",
        "touch /data/audit-spool/runbooks/x",
        "touch /data/src_data/raw/x",
        "touch /opt/data-analyst/x",
        "touch /etc/x",
        "touch /home/x",
        "ls /data/state/runbooks",
        "cat /dev/mem",
        "sudo -n /usr/local/bin/add-analyst --stdin",
    ] {
        if inside(closed)?.success() {
            wrong.push(format!("the portal may: {closed}"));
        }
    }
    for open in [
        "ls /data/src_data/parquet",
        "test -r /run/credentials/webapp.service/WEBAPP_SECRET_KEY",
        "touch /data/notifications/x && rm /data/notifications/x",
        "touch /data/auth/x && rm /data/auth/x",
        "touch /data/corporate-memory/x && rm /data/corporate-memory/x",
        "touch /data/src_data/metadata/x && rm /data/src_data/metadata/x",
        "touch /data/audit-spool/webapp/x && rm /data/audit-spool/webapp/x",
        "touch /tmp/x && rm /tmp/x",
        "ls /data/user_sessions",
        "cat /proc/loadavg",
    ] {
        let out = inside(open)?;
        if !out.success() {
            wrong.push(format!("the portal may not: {open}: {}", out.stderr));
        }
    }
    let others = inside("ls /run/credentials/webapp.service")?.stdout;
    if others != "WEBAPP_SECRET_KEY\n" {
        wrong.push(format!("credentials of the portal: {others}"));
    }
    nothing_wrong(&wrong)
}

/// 41, for a minute of load instead of an hour; and 42.
#[test]
fn check_41_42_the_portal_serves_under_its_sandbox_and_measures_the_real_disks() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.sh("dd if=/dev/zero of=/home/ballast bs=1M count=100 status=none; dd if=/dev/zero of=/data/ballast bs=1M count=50 status=none; sync; sleep 6")?;
    let health: serde_json::Value = serde_json::from_str(&appliance.portal(&["/health"])?)?;
    let df = appliance.sh("df -B1 --output=target,size,avail / /data /home /tmp | tail -n +2")?;
    for (line, disk) in df.lines().zip(health["disk"].as_array().context("disk")?) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (total, free): (f64, f64) = (words[1].parse()?, words[2].parse()?);
        assert_eq!(disk["partition"], words[0]);
        let gib = f64::from(1 << 30);
        // The root of a container lies on the host's disk, which other work fills and empties meanwhile.
        let (free_slack, percent_slack) = if words[0] == "/" {
            (10.0, 10.0)
        } else {
            (0.05, 0.3)
        };
        let near = |field: &str, wanted: f64, slack: f64| {
            disk[field]
                .as_f64()
                .is_some_and(|is| (is - wanted).abs() <= slack)
        };
        assert!(
            near("total_gb", total / gib, 0.011) && near("free_gb", free / gib, free_slack),
            "{line}: {disk}"
        );
        assert!(
            near("used_percent", (total - free) / total * 100.0, percent_slack) && disk["mounted"] == true,
            "{line}: {disk}"
        );
    }

    appliance.portal(&["/", "/health", "/static/portal.css", "/none"].repeat(300))?;
    let began = std::time::Instant::now();
    appliance.sh("systemctl reload webapp && systemctl stop webapp")?;
    assert!(
        began.elapsed() < std::time::Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let end = appliance.sh("systemctl show -P Result webapp; systemctl show -P ExecMainStatus webapp")?;
    assert_eq!(end, "success\n0\n");
    appliance.sh("systemctl start webapp")?;
    let denied = "journalctl --no-pager -o cat -u webapp | grep -iE 'permission denied|not permitted|SECCOMP|read-only file system|panic'; true";
    assert_eq!(appliance.sh(denied)?, "");
    Ok(())
}

#[test]
fn a_failed_unit_is_reported_and_a_killed_portal_comes_back() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.sh("systemctl kill -s KILL webapp; for i in $(seq 100); do systemctl is-active -q webapp && test -S /run/webapp/webapp.sock && break; sleep 0.1; done; systemctl is-active webapp")?;
    assert_eq!(appliance.sh("systemctl show -P NRestarts webapp")?, "1\n");

    appliance.sh("mkdir -p /run/systemd/system/fs-sync.service.d; printf '[Service]\\nExecStart=\\nExecStart=/bin/sh -c \"echo the-last-words; exit 7\"\\n' > /run/systemd/system/fs-sync.service.d/break.conf; systemctl daemon-reload; systemctl start fs-sync; sleep 1")?;
    let report = appliance.sh("journalctl --no-pager -o cat -u 'unit-failed@*' -t appliance | cat")?;
    assert!(
        report.contains("unit.failed")
            && report.contains("fs-sync.service")
            && report.contains("the-last-words"),
        "{report}"
    );
    let failed = appliance.drift()?;
    assert!(
        failed
            .iter()
            .any(|finding| finding.target == "fs-sync.service" && finding.class == "unit-failed"),
        "{failed:?}"
    );
    appliance.sh(
        "rm -r /run/systemd/system/fs-sync.service.d; systemctl daemon-reload; systemctl start fs-sync",
    )?;
    assert_eq!(appliance.drift()?, []);
    Ok(())
}

/// What the timer starts, inside its sandbox: it reads all of the machine, finds nothing, and keeps its report.
#[test]
fn the_scheduled_verify_works_in_its_sandbox() -> Result<()> {
    let appliance = Appliance::applied()?;
    let run = "systemctl start appliance-verify; systemctl show -P Result appliance-verify; systemctl show -P ExecMainStatus appliance-verify";
    let journal = "journalctl --no-pager -o cat -u appliance-verify | tail -n 40";
    assert_eq!(appliance.sh(run)?, "success\n0\n", "{}", appliance.sh(journal)?);
    appliance.sh("test -s /var/lib/data-analyst/verify.json && test -s /var/lib/data-analyst/verify.prom")?;
    // Drift is a finding, not a failure of the unit.
    appliance.sh("chmod 0777 /data/scripts")?;
    assert_eq!(appliance.sh(run)?, "success\n10\n");
    assert!(
        appliance
            .sh("cat /var/lib/data-analyst/verify.json")?
            .contains("/data/scripts")
    );
    Ok(())
}

/// Section 15.1: when the timers of today go off.
#[test]
fn timers_go_off_when_the_table_says() -> Result<()> {
    let appliance = Appliance::applied()?;
    let timers = appliance.sh(
        "systemctl show -p TimersCalendar -p TimersMonotonic --value appliance-verify.timer fs-sync.timer",
    )?;
    for rule in [
        "OnBootUSec=3min",
        "OnUnitActiveUSec=1min",
        "OnCalendar=*-*-* 01:58:00 UTC",
    ] {
        assert!(timers.contains(rule), "{rule} in {timers}");
    }
    let next = appliance
        .sh("systemctl list-timers --no-legend --no-pager fs-sync.timer appliance-verify.timer | wc -l")?;
    assert_eq!(next, "2\n");
    appliance.sh("systemctl start fs-sync && systemctl show -P Result fs-sync")?;
    Ok(())
}
