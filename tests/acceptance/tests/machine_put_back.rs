//! A run that fails, or that locks people out, is put back: files, lines of accounts, the firewall, units.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where by its line"
)]

use acceptance::container_fixture::{Appliance, nothing_wrong};
use anyhow::Result;
use image::Output;

/// Another log level in the instance file: one file of settings changes and the portal restarts.
const DEBUG: &str = "cp /etc/data-analyst/appliance.toml /root/instance; \
    printf '\\n[settings]\\nLOG_LEVEL = \"debug\"\\n' >> /etc/data-analyst/appliance.toml";
const AS_IT_WAS: &str = "cp /root/instance /etc/data-analyst/appliance.toml";

/// A drop-in that makes the portal do something before it starts, if it is to log more. Read by systemd, and not of a
/// name that a restart would be planned for.
fn before_a_debugging_start(appliance: &Appliance, command: &str) -> Result<()> {
    let text = format!(
        "[Service]\nExecStartPre=+/bin/sh -c 'if grep -q debug /opt/data-analyst/config/webapp.env; then {command}; fi'\n"
    );
    appliance.sh("mkdir -p /run/systemd/system/webapp.service.d")?;
    appliance.write(
        "/run/systemd/system/webapp.service.d/trap.conf",
        text.as_bytes(),
        0o644,
    )?;
    appliance.sh("systemctl daemon-reload").map(drop)
}

/// Content, owner, mode and list of everything below /etc and /opt, and the rows of accounts.
const STATE: &str = "cd /; find etc opt -xdev -type f -not -path 'etc/data-analyst/appliance.toml' -print0 | sort -z | xargs -0 sha256sum; \
    find etc opt -xdev -printf '%p %m %u %g %l\\n' | sort; nft --stateless list table inet appliance; \
    systemctl is-active webapp ssh nginx fail2ban";

fn said(output: &Output) -> String {
    format!("{}\n{}", output.stderr, output.stdout)
}

#[test]
fn a_run_that_fails_is_put_back() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    let apply = |wrong: &mut Vec<String>, what: &str, words: &str| -> Result<()> {
        appliance.sh(DEBUG)?;
        // Drift beside it: a file, a mode and a membership, which come back as they were found.
        appliance.sh("echo '# by hand' >> /etc/sudoers.d/deploy; chmod 0777 /data/scripts; gpasswd -d alice data-ops >/dev/null")?;
        let before = appliance.sh(STATE)?;
        let out = appliance.appliance(&["apply", "--yes"])?;
        if out.status != 1 || !said(&out).contains(words) || !said(&out).contains("put back as before it") {
            wrong.push(format!("{what}: {} {}", out.status, said(&out)));
        }
        let after = appliance.sh(STATE)?;
        if before != after {
            let lines = |text: &str| {
                text.lines()
                    .map(str::to_owned)
                    .collect::<std::collections::BTreeSet<_>>()
            };
            let differ: Vec<_> = lines(&before)
                .symmetric_difference(&lines(&after))
                .cloned()
                .collect();
            wrong.push(format!("{what}: not as before: {differ:#?}"));
        }
        let members = appliance.sh("id -nG alice; stat -c %a /data/scripts")?;
        if members.contains("data-ops") || !members.contains("777") {
            wrong.push(format!("{what}: not put back: {members}"));
        }
        appliance.sh(AS_IT_WAS)?;
        appliance.sh("gpasswd -a alice data-ops >/dev/null").map(drop)
    };

    before_a_debugging_start(&appliance, "exit 1")?;
    apply(&mut wrong, "a unit that does not start", "webapp.service")?;

    // The portal starts, and says that a disk is full that had room before.
    before_a_debugging_start(
        &appliance,
        "fallocate -l $(df --output=avail -B1 /home | tail -n1) /home/full || true",
    )?;
    apply(&mut wrong, "a portal that is sicker", "well before them")?;
    appliance.sh("rm -f /home/full; rm -r /run/systemd/system/webapp.service.d; systemctl daemon-reload")?;

    // The same with nothing in its way.
    appliance.sh(DEBUG)?;
    appliance.sh("gpasswd -d alice data-ops >/dev/null")?;
    if appliance.apply()? == 0 {
        wrong.push("there should have been something to do".to_owned());
    }
    // On request, everything of that run is undone, the drift that it mended included.
    let out = appliance.appliance(&["revert"])?;
    let now = appliance.sh("id -nG alice; stat -c %a /data/scripts; tail -n1 /etc/sudoers.d/deploy; cat /opt/data-analyst/config/webapp.env")?;
    if out.status != 0
        || now.contains("data-ops")
        || !now.contains("777")
        || !now.contains("# by hand")
        || now.contains("debug")
    {
        wrong.push(format!("reverted: {} {now}", said(&out)));
    }
    appliance.apply()?;
    let drift = appliance.drift()?;
    if !drift.is_empty() {
        wrong.push(format!("{drift:?}"));
    }
    nothing_wrong(&wrong)
}

#[test]
fn what_would_not_be_understood_is_never_put_in_place() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    for (what, spoil, drift, mend) in [
        (
            "sudo",
            "printf 'alice ALL=(root NOPASSWD: /bin/true\\n' > /etc/sudoers.d/zz-broken",
            "echo '# by hand' >> /etc/sudoers.d/deploy",
            "rm /etc/sudoers.d/zz-broken",
        ),
        (
            "sshd",
            "echo 'NoSuchWord yes' > /etc/ssh/sshd_config.d/zz-broken.conf",
            "echo '# by hand' >> /etc/ssh/sshd_config.d/10-appliance.conf",
            "rm /etc/ssh/sshd_config.d/zz-broken.conf",
        ),
        (
            "nginx",
            "echo 'no_such_word yes;' > /etc/nginx/conf.d/zz-broken.conf",
            "echo '# by hand' >> /etc/nginx/conf.d/10-appliance.conf",
            "rm /etc/nginx/conf.d/zz-broken.conf",
        ),
    ] {
        appliance.sh(spoil)?;
        appliance.sh(drift)?;
        let before = appliance.sh(STATE)?;
        let out = appliance.appliance(&["apply", "--yes"])?;
        if out.status != 1 || !said(&out).contains("zz-broken") || !said(&out).contains("next:") {
            wrong.push(format!("{what}: {} {}", out.status, said(&out)));
        }
        if appliance.sh(STATE)? != before {
            wrong.push(format!("{what}: something changed"));
        }
        appliance.sh(mend)?;
        appliance.apply()?;
    }
    nothing_wrong(&wrong)
}

/// A portal that takes long to start holds the run there, after sudo's files changed.
fn killed_while_it_waits(appliance: &Appliance) -> Result<()> {
    before_a_debugging_start(appliance, "touch /run/waiting; sleep 60")?;
    appliance.sh(DEBUG)?;
    appliance.sh("echo '# by hand' >> /etc/sudoers.d/deploy")?;
    appliance.sh(
        "rm -f /run/waiting; appliance apply --yes >/dev/null 2>&1 & pid=$!; \
         for i in $(seq 300); do test -e /run/waiting && break; sleep 0.1; done; kill -9 $pid; \
         rm -r /run/systemd/system/webapp.service.d; systemctl daemon-reload; systemctl kill -s KILL webapp; systemctl restart webapp; \
         ! grep -q 'by hand' /etc/sudoers.d/deploy",
    )?;
    Ok(())
}

const TIMERS: &str =
    "systemctl list-units --all --plain --no-legend 'appliance-revert-*.timer' | cut -d' ' -f1";

#[test]
fn a_run_that_dies_before_anybody_confirmed_it_is_put_back_by_the_timer() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    killed_while_it_waits(&appliance)?;
    let timers = appliance.sh(TIMERS)?;
    let when = appliance.sh("systemctl list-timers --all --no-legend 'appliance-revert-*'")?;
    if timers.lines().count() != 1 || when.contains("min") {
        wrong.push(format!("one timer, within a minute: {timers} {when}"));
    }
    // What the timer starts when its minute is over.
    appliance.sh(&format!(
        "systemctl start {}",
        timers.trim().replace(".timer", ".service")
    ))?;
    let line = appliance.sh("tail -n1 /etc/sudoers.d/deploy; visudo -c >/dev/null && echo understood")?;
    if !line.contains("by hand") || !line.contains("understood") {
        wrong.push(format!("sudo's file is as before the run: {line}"));
    }
    // Only what could lock people out.
    if !appliance
        .sh("cat /opt/data-analyst/config/webapp.env")?
        .contains("debug")
    {
        wrong.push("the settings were put back too".to_owned());
    }
    appliance.apply()?;
    wrong.extend(appliance.drift()?.iter().map(|finding| format!("{finding:?}")));
    nothing_wrong(&wrong)
}

#[test]
fn a_later_run_takes_over_what_nobody_confirmed() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    killed_while_it_waits(&appliance)?;
    let service = appliance.sh(TIMERS)?.trim().replace(".timer", "");
    let run = service.replace("appliance-revert-", "");
    appliance.apply()?;
    if !appliance.sh(TIMERS)?.is_empty() {
        wrong.push("a timer is left".to_owned());
    }
    // Should it come too late all the same, it finds that it has nothing to do.
    let late = appliance.appliance(&["revert", "--unconfirmed", &run])?;
    if late.status != 0 || !late.stdout.contains("nothing to put back") {
        wrong.push(said(&late));
    }
    wrong.extend(appliance.planned()?.iter().map(|step| format!("{step:?}")));

    // An operator who wants to say it, and does, or does not.
    appliance.sh("echo '# by hand' >> /etc/sudoers.d/deploy")?;
    let unanswered = appliance.appliance(&["apply", "--yes", "--await-confirmation", "2"])?;
    if unanswered.status != 1 || !said(&unanswered).contains("nobody confirmed") {
        wrong.push(format!("unanswered: {} {}", unanswered.status, said(&unanswered)));
    }
    if !appliance
        .sh("tail -n1 /etc/sudoers.d/deploy")?
        .contains("by hand")
    {
        wrong.push("not put back when nobody confirmed".to_owned());
    }
    let early = appliance.appliance(&["confirm"])?;
    if early.status != 2 {
        wrong.push(format!("nobody waits: {} {}", early.status, said(&early)));
    }
    let answered = appliance.sh(
        "appliance apply --yes --json --await-confirmation 60 > /root/out & pid=$!; \
         for i in $(seq 300); do grep -q awaiting-confirmation /root/out && break; sleep 0.1; done; appliance confirm; wait $pid; echo $?; tail -n1 /etc/sudoers.d/deploy",
    )?;
    if answered.contains("by hand") || !answered.lines().any(|line| line == "0") {
        wrong.push(format!("answered: {answered}"));
    }
    nothing_wrong(&wrong)
}

#[test]
fn ten_runs_are_kept_and_no_secret_of_theirs() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.sh("for i in $(seq 12); do echo \"# by hand $i\" >> /etc/sudoers.d/deploy; echo planted-secret-$i > /etc/data-analyst/credentials/WEBAPP_SECRET_KEY; \
        appliance apply --yes >/dev/null || exit 1; done")?;
    let kept = appliance.sh("ls /var/lib/data-analyst/backup | wc -l; grep -rl planted-secret /var/lib/data-analyst; cat $(ls -d /var/lib/data-analyst/backup/* | tail -n1)/files/etc/sudoers.d/deploy | tail -n1; find /var/lib/data-analyst -perm /077 | grep -v verify")
        .or_else(|_| appliance.sh("ls /var/lib/data-analyst/backup | wc -l; cat $(ls -d /var/lib/data-analyst/backup/* | tail -n1)/files/etc/sudoers.d/deploy | tail -n1"))?;
    anyhow::ensure!(kept == "10\n# by hand 12\n", "{kept}");
    Ok(())
}
