//! Drift that somebody injects by hand, beside the single changes of `machine_mutations.rs`: many kinds at once, each of
//! which `verify` must name with its class and its path, and each of which must be gone when it was set right.

use acceptance::container_fixture::{Appliance, nothing_wrong, quoted};
use anyhow::{Context, Result, ensure};

/// How a kind of drift ends.
enum End {
    /// `apply` sets it right.
    Apply,
    /// A stranger's file, which may be moved to quarantine; here it is removed.
    Stray,
    /// It is only reported; this command undoes it.
    Undo(&'static str),
}
use End::{Apply, Stray, Undo};

/// What is done, the class and a part of the target that must be named, and how it ends. The command that undoes a
/// stray is `rm -rf` of its target.
type Kind = (&'static str, &'static str, &'static str, End);

const FILES: &[Kind] = &[
    (
        "touch /etc/ld.so.preload",
        "unmanaged-path",
        "/etc/ld.so.preload",
        Stray,
    ),
    (
        "echo /tmp > /etc/ld.so.conf.d/zz.conf",
        "unmanaged-path",
        "/etc/ld.so.conf.d/zz.conf",
        Stray,
    ),
    (
        "echo 'export X=1' > /etc/profile.d/zz.sh",
        "unmanaged-path",
        "/etc/profile.d/zz.sh",
        Stray,
    ),
    (
        "cp /bin/true /etc/rc.local",
        "unmanaged-path",
        "/etc/rc.local",
        Stray,
    ),
    (
        "cp /bin/true /etc/init.d/evil",
        "unmanaged-path",
        "/etc/init.d/evil",
        Stray,
    ),
    (
        "ln -s ../init.d/evil /etc/rc2.d/S99evil",
        "unmanaged-path",
        "/etc/rc2.d/S99evil",
        Stray,
    ),
    (
        "mkdir -p /etc/systemd/system-generators && cp /bin/true /etc/systemd/system-generators/evil",
        "unmanaged-path",
        "/etc/systemd/system-generators/evil",
        Stray,
    ),
    (
        "echo '[Unit]' > /etc/systemd/user/evil.service",
        "unmanaged-path",
        "/etc/systemd/user/evil.service",
        Stray,
    ),
    (
        "mkdir -p /etc/systemd/logind.conf.d && echo '[Login]' > /etc/systemd/logind.conf.d/zz.conf",
        "unmanaged-path",
        "/etc/systemd/logind.conf.d/zz.conf",
        Stray,
    ),
    (
        "echo 'KERNEL==\"x\"' > /etc/udev/rules.d/99-evil.rules",
        "unmanaged-path",
        "/etc/udev/rules.d/99-evil.rules",
        Stray,
    ),
    (
        "echo 'install x /bin/true' > /etc/modprobe.d/evil.conf",
        "unmanaged-path",
        "/etc/modprobe.d/evil.conf",
        Stray,
    ),
    (
        "echo loop > /etc/modules-load.d/evil.conf",
        "unmanaged-path",
        "/etc/modules-load.d/evil.conf",
        Stray,
    ),
    (
        "echo 'f /tmp/x' > /etc/tmpfiles.d/evil.conf",
        "unmanaged-path",
        "/etc/tmpfiles.d/evil.conf",
        Stray,
    ),
    (
        "mkdir -p /etc/sysusers.d && echo 'u evil -' > /etc/sysusers.d/evil.conf",
        "unmanaged-path",
        "/etc/sysusers.d/evil.conf",
        Stray,
    ),
    (
        "mkdir -p /etc/binfmt.d && touch /etc/binfmt.d/evil.conf",
        "unmanaged-path",
        "/etc/binfmt.d/evil.conf",
        Stray,
    ),
    (
        "echo net.ipv4.tcp_syncookies=0 > /etc/sysctl.d/99-zz.conf",
        "unmanaged-path",
        "/etc/sysctl.d/99-zz.conf",
        Stray,
    ),
    (
        "echo 'DPkg::Pre-Invoke {\"true\";};' > /etc/apt/apt.conf.d/99evil",
        "unmanaged-path",
        "/etc/apt/apt.conf.d/99evil",
        Stray,
    ),
    (
        "echo 'deb http://example.com/ x main' > /etc/apt/sources.list.d/evil.list",
        "unmanaged-path",
        "/etc/apt/sources.list.d/evil.list",
        Stray,
    ),
    (
        "mkdir -p /etc/apt/trusted.gpg.d && touch /etc/apt/trusted.gpg.d/evil.gpg",
        "unmanaged-path",
        "/etc/apt/trusted.gpg.d/evil.gpg",
        Stray,
    ),
    (
        "mkdir -p /etc/dpkg/dpkg.cfg.d && touch /etc/dpkg/dpkg.cfg.d/evil",
        "unmanaged-path",
        "/etc/dpkg/dpkg.cfg.d/evil",
        Stray,
    ),
    (
        "echo '/var/log/x {}' > /etc/logrotate.d/evil",
        "unmanaged-path",
        "/etc/logrotate.d/evil",
        Stray,
    ),
    (
        "mkdir -p /etc/network/if-up.d && cp /bin/true /etc/network/if-up.d/evil",
        "unmanaged-path",
        "/etc/network/if-up.d/evil",
        Stray,
    ),
    (
        "mkdir -p /etc/dhcp/dhclient-exit-hooks.d && touch /etc/dhcp/dhclient-exit-hooks.d/evil",
        "unmanaged-path",
        "/etc/dhcp/dhclient-exit-hooks.d/evil",
        Stray,
    ),
    (
        "cp /bin/true /etc/update-motd.d/99-evil",
        "unmanaged-path",
        "/etc/update-motd.d/99-evil",
        Stray,
    ),
    (
        "mkdir -p /etc/polkit-1/rules.d && touch /etc/polkit-1/rules.d/00-evil.rules",
        "unmanaged-path",
        "/etc/polkit-1/rules.d/00-evil.rules",
        Stray,
    ),
    (
        "touch /etc/dbus-1/system.d/evil.conf",
        "unmanaged-path",
        "/etc/dbus-1/system.d/evil.conf",
        Stray,
    ),
    (
        "touch /usr/local/share/ca-certificates/evil.crt",
        "unmanaged-path",
        "/usr/local/share/ca-certificates/evil.crt",
        Stray,
    ),
    (
        "cp /bin/true /usr/local/bin/ls",
        "unmanaged-path",
        "/usr/local/bin/ls",
        Stray,
    ),
    (
        "cp /bin/true /usr/sbin/evil",
        "unmanaged-path",
        "/usr/sbin/evil",
        Stray,
    ),
    (
        "echo 'auth sufficient pam_permit.so' > /etc/pam.d/evil",
        "unmanaged-path",
        "/etc/pam.d/evil",
        Stray,
    ),
    ("touch /etc/ssh/sshrc", "unmanaged-path", "/etc/ssh/sshrc", Stray),
    (
        "mkdir -p /home/alice/.ssh && echo key > /home/alice/.ssh/authorized_keys2",
        "unmanaged-path",
        "/home/alice/.ssh/authorized_keys2",
        Stray,
    ),
    (
        "touch /etc/unknown.conf",
        "unmanaged-path",
        "/etc/unknown.conf",
        Undo("rm /etc/unknown.conf"),
    ),
    (
        "cp -p /etc/pam.d/common-auth /root/kept && sed -i '1i auth sufficient pam_permit.so' /etc/pam.d/common-auth",
        "content",
        "/etc/pam.d/common-auth",
        Undo("mv /root/kept /etc/pam.d/common-auth"),
    ),
    (
        "cp -p /etc/pam.d/sshd /root/kept2 && echo 'session optional pam_exec.so /tmp/x' >> /etc/pam.d/sshd",
        "content",
        "/etc/pam.d/sshd",
        Undo("mv /root/kept2 /etc/pam.d/sshd"),
    ),
    (
        "cp -p /etc/nsswitch.conf /root/kept3 && sed -i 's/^passwd:.*/passwd: files ldap/' /etc/nsswitch.conf",
        "content",
        "/etc/nsswitch.conf",
        Undo("mv /root/kept3 /etc/nsswitch.conf"),
    ),
    (
        "echo LD_PRELOAD=/tmp/x.so >> /etc/environment",
        "content",
        "/etc/environment",
        Undo("sed -i /LD_PRELOAD/d /etc/environment"),
    ),
    (
        "cp -p /etc/bash.bashrc /root/kept4 && echo true >> /etc/bash.bashrc",
        "content",
        "/etc/bash.bashrc",
        Undo("mv /root/kept4 /etc/bash.bashrc"),
    ),
    (
        "cp -p /etc/nginx/nginx.conf /root/kept5 && echo '# include /tmp/x;' >> /etc/nginx/nginx.conf",
        "content",
        "/etc/nginx/nginx.conf",
        Undo("mv /root/kept5 /etc/nginx/nginx.conf"),
    ),
    (
        "cp -p /etc/ssh/sshd_config /root/kept6 && printf 'Match User root\\n  PermitRootLogin yes\\n' >> /etc/ssh/sshd_config",
        "content",
        "/etc/ssh/sshd_config",
        Undo("mv /root/kept6 /etc/ssh/sshd_config; systemctl restart ssh"),
    ),
    (
        "cp -p /etc/sudoers /root/kept7 && echo '@include /etc/evil-sudoers' >> /etc/sudoers && touch /etc/evil-sudoers && chmod 0440 /etc/evil-sudoers",
        "unmanaged-sudoers",
        "/etc/sudoers",
        Undo("mv /root/kept7 /etc/sudoers; rm /etc/evil-sudoers"),
    ),
    (
        "cp -p /usr/bin/sudo /root/kept8 && cp /bin/true /usr/bin/sudo.new && mv /usr/bin/sudo.new /usr/bin/sudo",
        "integrity",
        "/usr/bin/sudo",
        Undo("mv /root/kept8 /usr/bin/sudo"),
    ),
    (
        "chown nobody /usr/bin/nice",
        "owner",
        "/usr/bin/nice",
        Undo("chown root /usr/bin/nice"),
    ),
    (
        "setfacl -m u:alice:rw /etc/passwd",
        "acl",
        "/etc/passwd",
        Undo("setfacl -b /etc/passwd"),
    ),
    (
        "chmod 0644 /etc/shadow",
        "credential-mode",
        "/etc/shadow",
        Undo("chmod 0640 /etc/shadow"),
    ),
    (
        "chmod 0644 /etc/ssh/ssh_host_ed25519_key",
        "credential-mode",
        "/etc/ssh/ssh_host_ed25519_key",
        Undo("chmod 0600 /etc/ssh/ssh_host_ed25519_key"),
    ),
    (
        "chmod 0777 /usr/lib/udev",
        "world-writable",
        "/usr/lib/udev",
        Undo("chmod 0755 /usr/lib/udev"),
    ),
    (
        "cp /bin/true /dev/shm/rooted && chmod 4755 /dev/shm/rooted",
        "suid",
        "/dev/shm/rooted",
        Undo("rm /dev/shm/rooted"),
    ),
    (
        "cp /bin/true /home/alice/capable && python3 -c 'import os; os.setxattr(\"/home/alice/capable\", \"security.capability\", bytes.fromhex(\"0100000200200000000000000000000000000000\"))'",
        "suid",
        "/home/alice/capable",
        Undo("rm /home/alice/capable"),
    ),
    (
        "cp /bin/true '/tmp/a\nb' && chmod 4755 '/tmp/a\nb'",
        "suid",
        "/tmp",
        Undo("rm '/tmp/a\nb'"),
    ),
    (
        "rm /etc/nftables.conf && mkfifo /etc/nftables.conf",
        "content",
        "/etc/nftables.conf",
        Undo("rm /etc/nftables.conf"),
    ),
    (
        "rm /etc/logrotate.d/appliance && ln -s /tmp/x /etc/logrotate.d/appliance",
        "content",
        "/etc/logrotate.d/appliance",
        Undo("rm /etc/logrotate.d/appliance"),
    ),
    (
        "printf ' ' >> /etc/sysctl.d/60-appliance.conf",
        "content",
        "/etc/sysctl.d/60-appliance.conf",
        Apply,
    ),
    (
        ": > /etc/apt/apt.conf.d/20auto-upgrades",
        "content",
        "/etc/apt/apt.conf.d/20auto-upgrades",
        Apply,
    ),
    (
        "echo Europe/Prague > /etc/hostname",
        "content",
        "/etc/hostname",
        Apply,
    ),
    (
        "ln -sfn /tmp /opt/data-analyst/current.new && cp -P /opt/data-analyst/current /root/kept9 && mv -T /opt/data-analyst/current.new /opt/data-analyst/current",
        "content",
        "/opt/data-analyst/current",
        Undo("mv -T /root/kept9 /opt/data-analyst/current"),
    ),
];

const REST: &[Kind] = &[
    (
        "mkdir -p /run/systemd/system/webapp.service.d && printf '[Service]\\nNice=1\\n' > /run/systemd/system/webapp.service.d/x.conf",
        "unmanaged-path",
        "/run/systemd/system/webapp.service.d/x.conf",
        Stray,
    ),
    (
        "mkdir -p /etc/systemd/system.control/nginx.service.d && printf '[Service]\\nNice=1\\n' > /etc/systemd/system.control/nginx.service.d/x.conf",
        "unmanaged-path",
        "/etc/systemd/system.control/nginx.service.d/x.conf",
        Stray,
    ),
    (
        "mkdir -p /usr/local/lib/systemd/system/ssh.service.d && printf '[Service]\\nNice=1\\n' > /usr/local/lib/systemd/system/ssh.service.d/x.conf",
        "unmanaged-path",
        "/usr/local/lib/systemd/system/ssh.service.d/x.conf",
        Stray,
    ),
    (
        "mkdir -p /etc/systemd/system/service.d && printf '[Service]\\nNice=1\\n' > /etc/systemd/system/service.d/x.conf",
        "unmanaged-path",
        "/etc/systemd/system/service.d/x.conf",
        Stray,
    ),
    (
        "ln -s /dev/null /run/systemd/system/fail2ban.service",
        "unit-state",
        "/run/systemd/system/fail2ban.service",
        Stray,
    ),
    (
        "printf '[Path]\\nPathExists=/tmp/x\\n' > /etc/systemd/system/evil.path",
        "unmanaged-path",
        "/etc/systemd/system/evil.path",
        Stray,
    ),
    (
        "systemctl set-property --runtime cron.service CPUWeight=50",
        "unmanaged-path",
        "/run/systemd/system.control/cron.service.d",
        Undo("rm -r /run/systemd/system.control/cron.service.d; systemctl daemon-reload"),
    ),
    (
        "systemd-run -q --unit=evil sleep 3600",
        "unit-state",
        "evil.service",
        Undo("systemctl stop evil"),
    ),
    (
        "cp /bin/sleep /tmp/planted && systemd-run -q --unit=planted /tmp/planted 3600 && sleep 0.2",
        "process",
        "planted.service",
        Undo("systemctl stop planted; rm /tmp/planted"),
    ),
    (
        "systemd-run -q --unit=mailer python3 -c 'import socket,time; s=socket.create_server((\"127.0.0.1\", 2525)); time.sleep(3600)' && sleep 0.5",
        "listener",
        "tcp 127.0.0.1:2525",
        Undo("systemctl stop mailer"),
    ),
    (
        "systemd-run -q --unit=udper python3 -c 'import socket,time; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((\"0.0.0.0\", 40001)); time.sleep(3600)' && sleep 0.5",
        "listener",
        "udp 0.0.0.0:40001",
        Undo("systemctl stop udper"),
    ),
    (
        "useradd --system --shell /bin/bash robot",
        "account",
        "robot",
        Undo("userdel robot"),
    ),
    (
        "useradd --system --shell /usr/sbin/nologin quiet",
        "unmanaged-account",
        "quiet",
        Undo("userdel quiet"),
    ),
    (
        "usermod --shell /bin/bash games",
        "account",
        "games",
        Undo("usermod --shell /usr/sbin/nologin games"),
    ),
    (
        "usermod --home /tmp man",
        "account",
        "man",
        Undo("usermod --home /var/cache/man man"),
    ),
    (
        "useradd --non-unique --uid 884 -M twin",
        "account",
        "twin",
        Undo("userdel twin"),
    ),
    (
        "gpasswd -A alice adm",
        "group-membership",
        "adm",
        Undo("gpasswd -A '' adm"),
    ),
    (
        "gpasswd -a deploy video",
        "group-membership",
        "deploy",
        Undo("gpasswd -d deploy video"),
    ),
    (
        "gpasswd -a deploy staff",
        "group-membership",
        "deploy",
        Undo("gpasswd -d deploy staff"),
    ),
    (
        "nft add table ip evil",
        "firewall",
        "table ip evil",
        Undo("nft delete table ip evil"),
    ),
    (
        "sysctl -qw net.ipv4.ip_forward=1",
        "kernel",
        "net.ipv4.ip_forward",
        Undo("sysctl -qw net.ipv4.ip_forward=0"),
    ),
    ("mount -t tmpfs x /mnt", "mount", "/mnt", Undo("umount /mnt")),
    (
        "touch /root/other && mount --bind /root/other /etc/sudoers.d/webapp",
        "mount",
        "/etc/sudoers.d/webapp",
        Undo("umount /etc/sudoers.d/webapp; rm /root/other"),
    ),
    (
        "mount -t tmpfs x /data/docs",
        "mount",
        "/data/docs",
        Undo("umount /data/docs"),
    ),
    (
        "mount -o remount,exec,suid /dev/shm",
        "mount",
        "/dev/shm",
        Undo("mount -o remount,nosuid,nodev /dev/shm"),
    ),
    (
        "touch /var/lib/systemd/linger/alice",
        "unmanaged-path",
        "/var/lib/systemd/linger/alice",
        Stray,
    ),
    (
        "echo '* * * * * true' > /var/spool/cron/crontabs/mallory",
        "unmanaged-path",
        "/var/spool/cron/crontabs/mallory",
        Undo("rm /var/spool/cron/crontabs/mallory"),
    ),
    (
        "mkdir -p /var/spool/cron/atjobs && touch /var/spool/cron/atjobs/a0000101",
        "unmanaged-path",
        "/var/spool/cron/atjobs/a0000101",
        Stray,
    ),
    (
        "echo '/dev/x /srv ext4 defaults 0 0' >> /etc/fstab",
        "mount",
        "/etc/fstab",
        Undo("sed -i '/ .srv /d' /etc/fstab; systemctl daemon-reload"),
    ),
    (
        "printf '/etc/cron.d/fake\\n' > /var/lib/dpkg/info/fake.list && touch /etc/cron.d/fake",
        "unmanaged-path",
        "/etc/cron.d/fake",
        Undo("rm /var/lib/dpkg/info/fake.list /etc/cron.d/fake"),
    ),
    (
        "chattr +i /etc/sudoers.d/deploy",
        "attribute",
        "/etc/sudoers.d/deploy",
        Undo("chattr -i /etc/sudoers.d/deploy"),
    ),
    (
        "touch /etc/cron.d/evil",
        "unmanaged-path",
        "/etc/cron.d/evil",
        Stray,
    ),
    (
        "echo 'deploy ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/zz-evil; chmod 0440 /etc/sudoers.d/zz-evil",
        "unmanaged-sudoers",
        "/etc/sudoers.d/zz-evil",
        Stray,
    ),
    ("chmod 0700 /data/examples", "mode", "/data/examples", Apply),
    (
        "setfacl -m m::--- /data/src_data/parquet",
        "acl",
        "/data/src_data/parquet",
        Apply,
    ),
];

#[derive(Debug)]
struct Found {
    class: String,
    target: String,
    next: String,
    movable: bool,
}

fn look(appliance: &Appliance) -> Result<Vec<Found>> {
    let output = appliance.appliance(&["verify", "--json"])?;
    ensure!([0, 10].contains(&output.status), "verify: {output:?}");
    let report: serde_json::Value = serde_json::from_str(&output.stdout).context("a report")?;
    let checks = report["checks"].as_array().context("checks")?;
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let found: Vec<Found> = checks
        .iter()
        .flat_map(|check| check["findings"].as_array().into_iter().flatten())
        // How full the disk of whoever runs these tests is, is no drift of theirs.
        .filter(|finding| finding["severity"] != "info" && finding["class"] != "space")
        .map(|finding| Found {
            class: word(&finding["class"]),
            target: word(&finding["target"]),
            next: word(&finding["next"]),
            movable: finding["quarantine"] == true,
        })
        .collect();
    ensure!(
        found.is_empty() == (output.status == 0),
        "exit {} with {found:?}",
        output.status
    );
    Ok(found)
}

fn inject_all(kinds: &[Kind]) -> Result<()> {
    let appliance = Appliance::applied()?;
    let before = look(&appliance)?;
    ensure!(before.is_empty(), "before anything: {before:?}");
    let mut wrong = Vec::new();
    for (inject, ..) in kinds {
        let done = appliance.try_sh(inject)?;
        if !done.success() {
            wrong.push(format!("{inject}: {}", done.stderr));
        }
    }
    let found = look(&appliance)?;
    for (inject, class, target, end) in kinds {
        let named: Vec<&Found> = found
            .iter()
            .filter(|one| one.class == *class && one.target.contains(target))
            .collect();
        match named.first() {
            None => {
                let near: Vec<_> = found.iter().filter(|one| one.target.contains(target)).collect();
                wrong.push(format!("{inject}: no {class} for {target}; near it: {near:?}"));
            }
            Some(one) if one.next.is_empty() => wrong.push(format!("{inject}: nothing says what to do next")),
            Some(one) if matches!(end, Stray) && !one.movable => {
                wrong.push(format!("{inject}: may not be moved aside"));
            }
            Some(_) => {}
        }
    }
    for (_, _, target, end) in kinds {
        match end {
            Apply => {}
            Stray => drop(appliance.sh(&format!("rm -rf -- {}", quoted(target)))?),
            Undo(undo) => drop(appliance.try_sh(undo)?),
        }
    }
    appliance.sh("systemctl daemon-reload; systemctl reset-failed; true")?;
    appliance.apply()?;
    let after = look(&appliance)?;
    if !after.is_empty() {
        wrong.push(format!("when all was undone there is still {after:#?}"));
    }
    nothing_wrong(&wrong)
}

#[test]
fn drift_in_files_of_the_system_is_named_and_ends_when_it_is_undone() -> Result<()> {
    inject_all(FILES)
}

#[test]
fn drift_in_what_runs_and_who_there_is_is_named_and_ends_when_it_is_undone() -> Result<()> {
    inject_all(REST)
}

/// What people and Debian do is no drift.
#[test]
fn normal_work_is_no_drift() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.sh(
        "dpkg-reconfigure -fnoninteractive -plow openssh-client >/dev/null 2>&1; update-ca-certificates >/dev/null 2>&1; \
         ldconfig; update-alternatives --auto pager >/dev/null; pam-auth-update --package; systemctl daemon-reload; \
         touch /etc/pam.d/x.dpkg-old && rm /etc/pam.d/x.dpkg-old",
    )?;
    appliance.sh_as("alice", "cd /home/alice && mkdir -p work && touch work/a && chmod 0666 work/a && ln -s /etc/shadow link && mkfifo pipe")?;
    appliance.sh("echo '0 * * * * true' > /tmp/tab && crontab -u alice /tmp/tab && rm /tmp/tab")?;
    let found = look(&appliance)?;
    ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}
