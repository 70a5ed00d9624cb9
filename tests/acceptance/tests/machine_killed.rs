//! Check 75: an apply that is killed leaves whole files and a machine that people can log in to, and the next one ends
//! the work.

use acceptance::container_fixture::{Appliance, nothing_wrong};
use anyhow::Result;
use image::Machine;

/// When the kill comes, in milliseconds after the start. An apply of everything takes about 600.
const INSTANTS: [u32; 12] = [15, 35, 60, 90, 130, 170, 220, 280, 340, 400, 470, 550];

/// Much to do again: files of every kind, directories, links, units, accounts, the firewall.
const UNDO: &str = "
rm -rf /etc/sudoers.d/webapp /etc/sudoers.d/deploy /etc/ssh/sshd_config.d/10-appliance.conf \
    /etc/systemd/system/webapp.service /etc/systemd/system/*.d/10-appliance.conf /data/src_data /data/notifications \
    /etc/security/limits.d/99-users.conf /etc/sysctl.d/60-appliance.conf /etc/fail2ban/jail.d/10-appliance.conf /etc/tmpfiles.d/appliance.conf \
    /etc/data-analyst/credentials /etc/data-analyst/release-keys.d /opt/data-analyst/config
for f in $(cat /root/edited); do echo '# by hand' >> $f; done
gpasswd -d alice data-ops >/dev/null; groupdel log-writers; userdel monitor
systemctl stop webapp fail2ban; systemctl daemon-reload; nft delete table inet appliance
";

/// Nothing is half written, and every program takes its configuration.
const SOUND: &str = "
visudo -c >/dev/null || echo sudo; sshd -t || echo sshd; nginx -t -q || echo nginx
test ! -e /etc/nftables.conf || nft -c -f /etc/nftables.conf || echo nft
for f in /etc/passwd /etc/group /etc/shadow /etc/gshadow; do test -s $f || echo $f; done; pwck -rq >/dev/null; grpck -rq >/dev/null
for f in $(cat /root/managed); do test ! -e $f || grep -qF \"$(sha256sum < $f | cut -c1-64)\" /root/whole || echo half: $f; done
";

#[test]
fn check_75_a_killed_apply_is_ended_by_the_next() -> Result<()> {
    let appliance = Appliance::applied()?;
    // Every content that a managed file may have: the defined one, or the one that UNDO leaves. nginx is left with
    // files that fit together, or it would be UNDO that breaks it.
    appliance.sh(
        "echo /etc/sudoers.d/runbooks /etc/nginx/conf.d/10-appliance.conf /etc/nginx/sites-available/webapp > /root/edited; \
         ls -d /etc/sudoers.d/* /etc/ssh/sshd_config.d/* /etc/nginx/conf.d/* /etc/nginx/sites-available/* /etc/systemd/system/*.service /etc/security/limits.d/* \
         /etc/systemd/system/*.d/* /etc/sysctl.d/60* /etc/fail2ban/jail.d/10* /etc/nftables.conf /etc/tmpfiles.d/* > /root/managed; sha256sum $(cat /root/managed) > /root/whole; \
         for f in $(cat /root/edited); do { cat $f; echo '# by hand'; } | sha256sum >> /root/whole; done",
    )?;
    let mut wrong = Vec::new();
    for instant in INSTANTS {
        appliance.sh(UNDO)?;
        let killed = format!("timeout -s KILL 0.{instant:03} appliance apply --yes >/dev/null 2>&1; echo $?");
        let status = appliance.sh(&killed)?;
        let unsound = appliance.try_sh(SOUND)?;
        if !(unsound.stdout.is_empty()) {
            wrong.push(format!(
                "killed after {instant} ms: {} {}",
                unsound.stdout, unsound.stderr
            ));
        }
        match appliance.apply() {
            Ok(steps) if steps == 0 && status.trim() == "137" && instant < 100 => {
                wrong.push(format!("{instant}: nothing was left to do"))
            }
            Ok(_) => {}
            Err(error) => wrong.push(format!("killed after {instant} ms, the next apply: {error:#}")),
        }
        let rest = appliance.planned()?;
        if !rest.is_empty() {
            wrong.push(format!("killed after {instant} ms: left is {rest:?}"));
        }
    }
    let drift = appliance.drift()?;
    if !drift.is_empty() {
        wrong.push(format!("{drift:?}"));
    }
    let temporary = appliance.sh("find /etc /opt /data /home /var/lib/data-analyst -name '.*.appliance-????????????????*' | head; true")?;
    if !temporary.is_empty() {
        wrong.push(format!("temporary files were left: {temporary}"));
    }
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
