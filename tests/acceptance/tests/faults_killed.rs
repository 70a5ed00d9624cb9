//! Check 75: an apply that is killed, at every call with which it changes anything and at any instant, leaves whole
//! files and a machine that people can log in to, and the next one ends the work.

use std::collections::BTreeMap;

use acceptance::container_fixture::{Appliance, nothing_wrong};
use acceptance::tracer::Tracer;
use anyhow::{Result, ensure};
use image::Machine;

/// Kills in each of the two tests that share the calls of an apply which mends a little.
const KILLS_OF_LITTLE: usize = 65;
/// Kills in each of the two tests that share the calls of an apply which mends much, and so takes longer.
const KILLS_OF_MUCH: usize = 15;
/// Kills at instants.
const INSTANTS: u32 = 50;

/// Calls that change something, or make a change durable.
const CALLS: &[&str] = &[
    "write",
    "renameat",
    "renameat2",
    "unlinkat",
    "mkdirat",
    "symlinkat",
    "fchownat",
    "fchmodat",
    "setxattr",
    "fsync",
    "fdatasync",
    "syncfs",
];

/// Much to do again: files of every kind, directories, links, units, accounts, the firewall.
const MUCH: &str = "
rm -rf /etc/sudoers.d/webapp /etc/sudoers.d/deploy /etc/ssh/sshd_config.d/10-appliance.conf \
    /etc/systemd/system/webapp.service /etc/systemd/system/*.d/10-appliance.conf /data/src_data /data/notifications \
    /etc/security/limits.d/99-users.conf /etc/sysctl.d/60-appliance.conf /etc/fail2ban/jail.d/10-appliance.conf /etc/tmpfiles.d/appliance.conf \
    /etc/data-analyst/credentials /etc/data-analyst/release-keys.d /opt/data-analyst/config
for f in $(cat /root/edited); do echo '# by hand' >> $f; done
gpasswd -d alice data-ops >/dev/null; groupdel log-writers; userdel monitor
systemctl stop webapp fail2ban; systemctl reset-failed; systemctl daemon-reload; nft delete table inet appliance
true
";

/// What decides over who gets in, without a unit that takes long to start.
const LITTLE: &str = "
rm -rf /etc/sudoers.d/webapp /etc/sudoers.d/deploy /etc/ssh/sshd_config.d/10-appliance.conf /data/notifications \
    /etc/security/limits.d/99-users.conf /etc/sysctl.d/60-appliance.conf /etc/tmpfiles.d/appliance.conf /etc/data-analyst/release-keys.d
for f in $(cat /root/edited); do echo '# by hand' >> $f; done
gpasswd -d alice data-ops >/dev/null; groupdel log-writers; nft delete table inet appliance
true
";

/// Nothing is half written, and every program takes its configuration.
const SOUND: &str = "
visudo -c >/dev/null || echo sudo; sshd -t || echo sshd; nginx -t -q || echo nginx
test ! -e /etc/nftables.conf || nft -c -f /etc/nftables.conf || echo nft
for f in /etc/passwd /etc/group /etc/shadow /etc/gshadow; do test -s $f || echo $f; done; pwck -rq >/dev/null; grpck -rq >/dev/null
for f in $(cat /root/managed); do test ! -e $f || grep -qF \"$(sha256sum < $f | cut -c1-64)\" /root/whole || echo half: $f; done
test ! -e /var/lib/data-analyst/manifest.json || tail -n1 /var/lib/data-analyst/manifest.json | grep -qx '}' || echo half a ledger
";

/// A machine on which every content that a managed file may have is known: the defined one, or the one that a
/// script leaves. nginx is left with files that fit together, or it would be the script that breaks it.
fn known() -> Result<Appliance> {
    let appliance = Appliance::applied()?;
    appliance.sh(
        "echo /etc/sudoers.d/runbooks /etc/nginx/conf.d/10-appliance.conf /etc/nginx/sites-available/webapp > /root/edited; \
         ls -d /etc/sudoers.d/* /etc/ssh/sshd_config.d/* /etc/nginx/conf.d/* /etc/nginx/sites-available/* /etc/systemd/system/*.service /etc/security/limits.d/* \
         /etc/systemd/system/*.d/* /etc/sysctl.d/60* /etc/fail2ban/jail.d/10* /etc/nftables.conf /etc/tmpfiles.d/* > /root/managed; sha256sum $(cat /root/managed) > /root/whole; \
         for f in $(cat /root/edited); do { cat $f; echo '# by hand'; } | sha256sum >> /root/whole; done",
    )?;
    Ok(appliance)
}

/// What is wrong right after a kill, and after the next apply.
fn look(appliance: &Appliance, when: &str, wrong: &mut Vec<String>) -> Result<()> {
    let unsound = appliance.try_sh(SOUND)?;
    if !unsound.stdout.is_empty() {
        wrong.push(format!("killed {when}: {} {}", unsound.stdout, unsound.stderr));
    }
    if let Err(error) = appliance.apply() {
        wrong.push(format!("killed {when}, the next apply: {error:#}"));
    }
    Ok(())
}

/// At the end of many kills: nothing differs, and no kill left anything lying about.
fn look_at_the_end(appliance: &Appliance, wrong: &mut Vec<String>) -> Result<()> {
    let (rest, drift) = (appliance.planned()?, appliance.drift()?);
    if !rest.is_empty() || !drift.is_empty() {
        wrong.push(format!("{rest:?} {drift:?}"));
    }
    let temporary = appliance.sh(
        "find /etc /opt /data /home /var/lib/data-analyst -name '.*.appliance-????????????????*' | grep -v backup/2 | head; \
         systemctl list-units --all --plain --no-legend 'appliance-revert-*.timer'; true",
    )?;
    if !temporary.is_empty() {
        wrong.push(format!("was left: {temporary}"));
    }
    Ok(())
}

/// Every call of one apply that mends what a script spoils, as (call, how many of its kind came before, plus one).
fn calls(appliance: &Appliance, tracer: &Tracer, spoil: &str) -> Result<Vec<(String, usize)>> {
    appliance.sh(spoil)?;
    let traced = tracer.record(appliance, CALLS, "appliance apply --yes")?;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    Ok(traced
        .into_iter()
        .map(|call| {
            let count = seen.entry(call.clone()).or_default();
            *count += 1;
            (call, *count)
        })
        .collect())
}

/// Which half of the calls a test takes.
#[derive(Clone, Copy)]
enum Half {
    Even,
    Odd,
}

fn killed_at_calls(spoil: &str, half: Half, most: usize) -> Result<()> {
    let appliance = known()?;
    let tracer = Tracer::bring(&appliance)?;
    let calls = calls(&appliance, &tracer, spoil)?;
    ensure!(calls.len() > 60, "only {} calls were seen", calls.len());
    let mine: Vec<_> = calls.iter().skip(half as usize).step_by(2).collect();
    let every = mine.len().div_ceil(most).max(1);
    let mut wrong = Vec::new();
    for (call, count) in mine.into_iter().step_by(every) {
        appliance.sh(spoil)?;
        // Its children change nothing but what systemd, nft and the like change whole.
        tracer.kill_at(&appliance, call, *count, "appliance apply --yes")?;
        look(&appliance, &format!("at {call} number {count}"), &mut wrong)?;
    }
    look_at_the_end(&appliance, &mut wrong)?;
    nothing_wrong(&wrong)
}

#[test]
fn check_75_killed_at_even_calls_of_a_large_apply() -> Result<()> {
    killed_at_calls(MUCH, Half::Even, KILLS_OF_MUCH)
}

#[test]
fn check_75_killed_at_odd_calls_of_a_large_apply() -> Result<()> {
    killed_at_calls(MUCH, Half::Odd, KILLS_OF_MUCH)
}

#[test]
fn check_75_killed_at_even_calls_of_a_small_apply() -> Result<()> {
    killed_at_calls(LITTLE, Half::Even, KILLS_OF_LITTLE)
}

#[test]
fn check_75_killed_at_odd_calls_of_a_small_apply() -> Result<()> {
    killed_at_calls(LITTLE, Half::Odd, KILLS_OF_LITTLE)
}

#[test]
fn check_75_killed_at_any_instant() -> Result<()> {
    let appliance = known()?;
    let mut wrong = Vec::new();
    // How long one takes here and now, so that the instants spread over all of it.
    appliance.sh(LITTLE)?;
    let took: u32 = appliance
        .sh("begun=$(date +%s%3N); appliance apply --yes >/dev/null; echo $(($(date +%s%3N) - begun))")?
        .trim()
        .parse()?;
    for number in 0..INSTANTS {
        // Instants that no multiple of anything hits.
        let instant = 5 + (number * 7919 % INSTANTS) * took / INSTANTS;
        appliance.sh(LITTLE)?;
        appliance.sh(&format!(
            "timeout -s KILL {}.{:03} appliance apply --yes >/dev/null 2>&1; true",
            instant / 1000,
            instant % 1000
        ))?;
        look(&appliance, &format!("after {instant} ms"), &mut wrong)?;
    }
    look_at_the_end(&appliance, &mut wrong)?;
    nothing_wrong(&wrong)
}

/// The first apply of a bare machine, cut short by a power cut of the whole machine.
#[test]
fn check_75_a_power_cut_in_the_first_apply() -> Result<()> {
    let mut wrong = Vec::new();
    for delay in [100, 350] {
        let mut appliance = Appliance::unapplied()?;
        appliance.sh("systemd-run --quiet --unit=first appliance apply --yes")?;
        std::thread::sleep(std::time::Duration::from_millis(delay));
        appliance.machine().power_cut()?;
        appliance.machine().start()?;
        if let Err(error) = appliance.apply() {
            wrong.push(format!("after {delay} ms: {error:#}"));
        }
        let drift = appliance.drift()?;
        if !drift.is_empty() || !appliance.planned()?.is_empty() {
            wrong.push(format!("after {delay} ms: {drift:?}"));
        }
    }
    nothing_wrong(&wrong)
}
