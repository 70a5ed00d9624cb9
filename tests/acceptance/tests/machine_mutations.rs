//! Check 74: one thing is changed by hand; the plan and `verify` name exactly it, an apply mends exactly it, and the
//! next one finds nothing.

use acceptance::container_fixture::{Appliance, nothing_wrong};
use anyhow::Result;

/// What is done by hand; the target that must be named; what may be named beside it, since it follows.
type Mutation = (&'static str, &'static str, &'static [&'static str]);

const FILES: [Mutation; 32] = [
    ("rm /etc/sudoers.d/webapp", "/etc/sudoers.d/webapp", &[]),
    (
        "chmod u+w /etc/sudoers.d/deploy; echo 'deploy ALL=(root) NOPASSWD: /bin/sh' >> /etc/sudoers.d/deploy; chmod 0440 /etc/sudoers.d/deploy",
        "/etc/sudoers.d/deploy",
        &[],
    ),
    (
        "chmod 0644 /etc/sudoers.d/runbooks",
        "/etc/sudoers.d/runbooks",
        &["/etc/sudoers"],
    ),
    (
        "echo '* hard nproc unlimited' >> /etc/security/limits.d/99-users.conf",
        "/etc/security/limits.d/99-users.conf",
        &[],
    ),
    (
        "chmod 0666 /etc/security/limits.d/99-users.conf",
        "/etc/security/limits.d/99-users.conf",
        &[],
    ),
    (
        "chown nobody /etc/sysctl.d/60-appliance.conf",
        "/etc/sysctl.d/60-appliance.conf",
        &[],
    ),
    (
        "chgrp data-ops /etc/tmpfiles.d/appliance.conf",
        "/etc/tmpfiles.d/appliance.conf",
        &[],
    ),
    ("rm /etc/tmpfiles.d/tmp.conf", "/etc/tmpfiles.d/tmp.conf", &[]),
    (
        "setfacl -m u:nobody:rw /opt/data-analyst/config/webapp.env",
        "/opt/data-analyst/config/webapp.env",
        &["webapp.service"],
    ),
    (
        "chmod 0444 /etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
        "/etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
        &["webapp.service"],
    ),
    (
        "echo leaked > /etc/data-analyst/credentials/STRAY",
        "/etc/data-analyst/credentials/STRAY",
        &[],
    ),
    (
        "echo ssh-ed25519 AAAA stray > /etc/data-analyst/release-keys.d/stray.pub",
        "/etc/data-analyst/release-keys.d/stray.pub",
        &[],
    ),
    (
        "rm /etc/ssh/authorized_keys.d/alice",
        "/etc/ssh/authorized_keys.d/alice",
        &["alice"],
    ),
    (
        "cat /etc/ssh/authorized_keys.d/alice >> /etc/ssh/authorized_keys.d/deploy",
        "/etc/ssh/authorized_keys.d/deploy",
        &["deploy"],
    ),
    ("chmod 0777 /data/scripts", "/data/scripts", &[]),
    ("chown deploy /data/examples", "/data/examples", &[]),
    ("rmdir /data/docs/setup", "/data/docs/setup", &[]),
    ("rmdir /data/src_data/staging", "/data/src_data/staging", &[]),
    ("chmod 0750 /data/state", "/data/state", &[]),
    ("chmod g-s /data/user_sessions", "/data/user_sessions", &[]),
    (
        "setfacl -m g:dataread:rwx /data/src_data/parquet",
        "/data/src_data/parquet",
        &[],
    ),
    (
        "setfacl -d -m u:nobody:rwx /data/src_data/metadata",
        "/data/src_data/metadata",
        &[],
    ),
    ("setfacl -b /data/notifications", "/data/notifications", &[]),
    (
        "setfacl -k /data/src_data/raw/jira",
        "/data/src_data/raw/jira",
        &[],
    ),
    (
        "setfacl -m g:dataread:r-x /data/src_data/parquet/private",
        "/data/src_data/parquet/private",
        &[],
    ),
    (
        "setfacl -m u:nobody:rwx /opt/data-analyst",
        "/opt/data-analyst",
        &[],
    ),
    ("chmod 0755 /tmp", "/tmp", &[]),
    (
        "rm -r /tmp/data_analyst_staging",
        "/tmp/data_analyst_staging",
        &[],
    ),
    ("chmod 0755 /home/alice", "/home/alice", &[]),
    (
        "ln -sfn /usr/share/zoneinfo/Europe/Prague /etc/localtime",
        "/etc/localtime",
        &[],
    ),
    (
        "ln /etc/sysctl.d/60-appliance.conf /root/second-name",
        "/etc/sysctl.d/60-appliance.conf",
        &[],
    ),
    (
        "sed -i 's/^HOME_MODE.*/HOME_MODE 0755/' /etc/login.defs",
        "/etc/login.defs",
        &[],
    ),
];

const REST: [Mutation; 30] = [
    (
        "rm /etc/ssh/sshd_config.d/10-appliance.conf",
        "/etc/ssh/sshd_config.d/10-appliance.conf",
        &["ssh.service"],
    ),
    (
        "sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/' /etc/ssh/sshd_config.d/10-appliance.conf",
        "/etc/ssh/sshd_config.d/10-appliance.conf",
        &["ssh.service"],
    ),
    (
        "echo 'server_tokens on;' >> /etc/nginx/conf.d/10-appliance.conf",
        "/etc/nginx/conf.d/10-appliance.conf",
        &["nginx.service", "/etc/nginx", "nginx -t"],
    ),
    (
        "rm /etc/nginx/sites-enabled/webapp",
        "/etc/nginx/sites-enabled/webapp",
        &["nginx.service", "portal"],
    ),
    (
        "ln -sfn ../sites-available/default /etc/nginx/sites-enabled/webapp",
        "/etc/nginx/sites-enabled/webapp",
        &["nginx.service"],
    ),
    (
        "ln -s ../sites-available/default /etc/nginx/sites-enabled/default",
        "/etc/nginx/sites-enabled/default",
        &["nginx.service", "/etc/nginx", "nginx -t"],
    ),
    (
        "rm /etc/fail2ban/jail.d/10-appliance.conf",
        "/etc/fail2ban/jail.d/10-appliance.conf",
        &["fail2ban.service"],
    ),
    (
        "rm /etc/systemd/system/webapp.service; systemctl daemon-reload",
        "/etc/systemd/system/webapp.service",
        &["webapp.service", "unit files"],
    ),
    (
        "sed -i s/NoNewPrivileges=yes/NoNewPrivileges=no/ /etc/systemd/system/webapp.service",
        "/etc/systemd/system/webapp.service",
        &["webapp.service", "unit files"],
    ),
    (
        "rm -r /etc/systemd/system/cron.service.d",
        "/etc/systemd/system/cron.service.d/10-appliance.conf",
        &["cron.service", "unit files", "/etc/systemd/system/cron.service.d"],
    ),
    (
        "echo WRONG=1 >> /opt/data-analyst/config/webapp.env",
        "/opt/data-analyst/config/webapp.env",
        &["webapp.service"],
    ),
    (
        "printf wrong > /etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
        "/etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
        &["webapp.service"],
    ),
    (
        "systemctl stop webapp",
        "webapp.service",
        &["/run/webapp/webapp.sock", "/health"],
    ),
    ("systemctl stop cron", "cron.service", &[]),
    ("systemctl stop fail2ban", "fail2ban.service", &[]),
    (
        "systemctl stop nginx",
        "nginx.service",
        &["portal", "/health", "tcp *:80", "tcp *:443"],
    ),
    ("systemctl stop fs-sync.timer", "fs-sync.timer", &[]),
    (
        "systemctl disable -q webapp",
        "/etc/systemd/system/multi-user.target.wants/webapp.service",
        &["unit files"],
    ),
    (
        "systemctl disable -q fs-sync.timer",
        "/etc/systemd/system/timers.target.wants/fs-sync.timer",
        &["unit files"],
    ),
    ("nft delete table inet appliance", "inet appliance", &[]),
    ("nft flush chain inet appliance input", "inet appliance", &[]),
    (
        "nft insert rule inet appliance input tcp dport 25 accept",
        "inet appliance",
        &[],
    ),
    ("nft delete chain inet appliance forward", "inet appliance", &[]),
    (
        "sysctl -qw net.ipv4.tcp_syncookies=0",
        "net.ipv4.tcp_syncookies",
        &[],
    ),
    ("mount -o remount,hidepid=off /proc", "/proc", &[]),
    ("gpasswd -d alice data-ops", "alice", &["data-ops"]),
    ("usermod -aG data-ops www-data", "www-data", &["data-ops"]),
    ("usermod -s /bin/bash da-sync", "da-sync", &[]),
    ("usermod -p '' deploy", "deploy", &[]),
    ("groupdel log-writers", "log-writers", &[]),
];

/// Whether a target that was named is the one, or one that follows.
fn concerns(named: &str, target: &str, beside: &[&str]) -> bool {
    named.contains(target) || beside.iter().any(|also| named.contains(also))
}

fn try_all(mutations: &[Mutation]) -> Result<()> {
    let appliance = Appliance::applied()?;
    assert_eq!(appliance.drift()?, []);
    let mut wrong = Vec::new();
    for (change, target, beside) in mutations {
        appliance.sh(change)?;
        let planned = appliance.planned()?;
        if !planned.iter().any(|step| step.target.contains(target)) {
            wrong.push(format!("{change}: the plan does not name {target}: {planned:?}"));
        }
        let drift = appliance.drift()?;
        if !drift.iter().any(|finding| finding.target.contains(target)) {
            wrong.push(format!("{change}: verify does not name {target}: {drift:?}"));
        }
        let named = planned
            .iter()
            .map(|step| &step.target)
            .chain(drift.iter().map(|finding| &finding.target));
        let others: Vec<&String> = named.filter(|named| !concerns(named, target, beside)).collect();
        if !others.is_empty() {
            wrong.push(format!("{change}: also named are {others:?}"));
        }
        match appliance.apply() {
            Ok(steps) if steps < planned.len() => {
                wrong.push(format!("{change}: {steps} of {} steps done", planned.len()))
            }
            Ok(_) => {}
            Err(error) => wrong.push(format!("{change}: {error:#}")),
        }
        let rest = appliance.planned()?;
        if !rest.is_empty() {
            wrong.push(format!("{change}: after an apply there is still {rest:?}"));
        }
    }
    let drift = appliance.drift()?;
    if !drift.is_empty() {
        wrong.push(format!("at the end: {drift:?}"));
    }
    if appliance.apply()? != 0 {
        wrong.push("a second apply changed something".to_owned());
    }
    nothing_wrong(&wrong)
}

#[test]
fn check_74_files_directories_and_lists() -> Result<()> {
    try_all(&FILES)
}

#[test]
fn check_74_settings_units_accounts_and_the_firewall() -> Result<()> {
    try_all(&REST)
}
