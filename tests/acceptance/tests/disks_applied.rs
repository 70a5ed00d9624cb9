//! An applied machine over several boots: disks in every order, missing, swapped and grown, and what only a kernel
//! of one's own shows. Checks are named by their numbers in spec 10, section 24.

use acceptance::container_fixture::{ADMIN, quoted};
use acceptance::virtual_machine::{Appliance, Checks, DATA, HOME, TEMP};
use anyhow::{Result, ensure};
use image::Attached;

const GIB: u64 = 1 << 30;

/// Lines of others, with the spaces that others leave.
const FOREIGN: &str =
    "# somebody's own  \n tmpfs   /srv\ttmpfs  size=1m,nofail 0  0 \n\n#UUID=none /data ext4 defaults 0 2\n";

#[test]
fn checks_01_04_to_09_47_63_and_64() -> Result<()> {
    let mut appliance = Appliance::off()?;
    appliance.boot()?;
    appliance.sh(&format!(
        "printf %s {} >> /etc/fstab; cp /etc/fstab /root/fstab",
        quoted(FOREIGN)
    ))?;
    let mut checks = Checks::default();

    appliance.apply()?;
    checks.check("73 a second apply changes nothing", || {
        let changed = appliance.apply()?;
        ensure!(changed.is_empty(), "{changed:?}");
        Ok(())
    });
    checks.check("01 the disks are right", || the_disks_are_right(&appliance));
    checks.check("06 swap", || swap_is_two_gibibytes(&appliance));
    checks.check("07 staging", || staging_is_there(&appliance));
    checks.check("08 fstab keeps the lines of others", || {
        lines_of_others_are_kept(&appliance)
    });
    checks.check("08 no kernel name of a disk in any file", || {
        no_kernel_names(&appliance)
    });
    checks.check("3.2 kernel settings", || kernel_settings_hold(&appliance));
    checks.check("2.1 mount points are guarded under their disks", || {
        guards_lie_under_the_disks(&appliance)
    });
    checks.check("63 auditd records", || auditd_records(&appliance));
    checks.check("64 time and upgrades", || time_and_upgrades(&appliance));
    checks.check("09 a disk grows while the machine runs", || {
        appliance.machine.resize(DATA, 6 * GIB)?;
        grows(&appliance, "/data", 6 * GIB)
    });

    appliance.sh("umask 077; echo kept > /data/kept; echo swept > /tmp/swept")?;
    appliance.reboot_with(&[TEMP, DATA, HOME])?;
    checks.check("01 temp, data, home: the disks are right", || {
        the_disks_are_right(&appliance)
    });
    checks.check("06 swap after a boot", || swap_is_two_gibibytes(&appliance));
    checks.check("07 staging after a boot, and /tmp is empty", || {
        staging_is_there(&appliance)?;
        appliance.sh("! test -e /tmp/swept").map(drop)
    });
    checks.check("3.2 kernel settings after a boot", || {
        kernel_settings_hold(&appliance)
    });
    checks.check("47 the firewall comes before the network", || {
        the_firewall_comes_first(&appliance)
    });
    checks.check("63 audit rules after a boot", || {
        let rules = appliance.sh("auditctl -l")?;
        ensure!(rules.contains("dir=/data/src_data/parquet/private"), "{rules}");
        Ok(())
    });
    checks.check("a boot leaves nothing to do", || appliance.nothing_to_do());
    checks.check("a boot leaves no drift", || no_drift_but_ours(&appliance));

    let home = appliance.disk(HOME)?;
    std::fs::OpenOptions::new()
        .write(true)
        .open(&home.image)?
        .set_len(6 * GIB)?;
    appliance.reboot_with(&[HOME, TEMP, DATA])?;
    checks.check("01 home, temp, data: the disks are right", || {
        the_disks_are_right(&appliance)
    });
    checks.check("09 a disk grows while the machine is off", || {
        grows(&appliance, "/home", 6 * GIB)
    });

    appliance.reboot_with(&[TEMP])?;
    checks.check("04 without its disk nothing is created under /data", || {
        nothing_is_created(&appliance, "/data")
    });
    checks.check("04 without the data disk /health names it", || {
        let (status, body) = appliance.health()?;
        let disks = body["disk"].as_array().cloned().unwrap_or_default();
        let sick: Vec<&str> = disks
            .iter()
            .filter(|disk| disk["healthy"] == false)
            .filter_map(|disk| disk["partition"].as_str())
            .collect();
        ensure!(status == 503 && sick == ["/data", "/home"], "{status} {body}");
        Ok(())
    });
    checks.check("04 what needs /data does not start", || {
        // It would wait for the disk, which has half a minute to appear.
        appliance.sh("timeout 3 systemctl start fs-sync.service; systemctl stop fs-sync.service")?;
        let ran = appliance.sh("systemctl show -p ExecMainStartTimestamp --value fs-sync.service")?;
        ensure!(ran.trim().is_empty(), "fs-sync.service ran: {ran}");
        Ok(())
    });
    checks.check("05 without the home disk an administrator logs in", || {
        nothing_is_created(&appliance, "/home")?;
        let id = appliance.ssh("id -un && sudo -n id -u")?;
        ensure!(id.stdout == format!("{ADMIN}\n0\n"), "{id:?}");
        Ok(())
    });
    checks.check("04 apply refuses while disks are missing", || {
        appliance.refused("virtio-data-disk")
    });

    checks.check(
        "04 disks that come back are mounted, and nothing of them was lost",
        || {
            for serial in [DATA, HOME] {
                appliance.machine.plug(&appliance.disk(serial)?)?;
            }
            appliance.sh("udevadm settle")?;
            let changed = appliance.apply()?;
            ensure!(changed.contains(&"data disk".to_owned()), "{changed:?}");
            the_disks_are_right(&appliance)?;
            let kept = appliance.sh("cat /data/kept")?;
            ensure!(kept == "kept\n", "{kept:?}");
            appliance.nothing_to_do()
        },
    );
    checks.check("04 and what runs sees it", || {
        let (_, body) = appliance.health()?;
        ensure!(
            body["disk"].to_string().matches("\"mounted\":true").count() == 4,
            "{body}"
        );
        let rules = appliance.sh("auditctl -l")?;
        ensure!(rules.contains("dir=/data/src_data/parquet/private"), "{rules}");
        Ok(())
    });

    let exchange = |serial: &str, of: &str| -> Result<Attached> {
        Ok(Attached {
            serial: serial.to_owned(),
            image: appliance.disk(of)?.image,
        })
    };
    let swapped = vec![
        exchange(DATA, TEMP)?,
        exchange(TEMP, DATA)?,
        appliance.disk(HOME)?,
    ];
    appliance.reboot_with_disks(swapped)?;
    checks.check("2.1 disks that were swapped are not mounted", || {
        let roles = appliance.roles()?;
        ensure!(roles == ["", "home", ""], "{roles:?}");
        nothing_is_created(&appliance, "/data")?;
        appliance.refused("it is another disk")
    });
    checks.done()
}

fn the_disks_are_right(appliance: &Appliance) -> Result<()> {
    let roles = appliance.roles()?;
    ensure!(roles == ["data", "home", "temp"], "{roles:?}");
    let options = appliance
        .sh("findmnt -n -o OPTIONS /data; findmnt -n -o OPTIONS /home; findmnt -n -o OPTIONS /tmp")?;
    for line in options.lines() {
        let has = |option: &str| line.split(',').any(|word| word == option);
        ensure!(
            has("nodev") && has("nosuid") && has("discard") && !has("noexec"),
            "{options}"
        );
    }
    Ok(())
}

fn swap_is_two_gibibytes(appliance: &Appliance) -> Result<()> {
    let table = appliance.sh("swapon --show=NAME,TYPE,SIZE --bytes --noheadings --raw")?;
    // The kernel keeps the first page for itself.
    ensure!(table == "/mnt/swapfile file 2147479552\n", "{table:?}");
    let file = appliance.sh("stat -c '%s %a %U:%G' /mnt/swapfile")?;
    ensure!(file == "2147483648 600 root:root\n", "{file:?}");
    let blocks: u64 = appliance.sh("stat -c %b /mnt/swapfile")?.trim().parse()?;
    ensure!(blocks * 512 >= 2 * GIB, "{blocks} blocks: it has holes");
    Ok(())
}

fn staging_is_there(appliance: &Appliance) -> Result<()> {
    let staging = appliance.sh("stat -c '%U:%G %a' /tmp/data_analyst_staging /tmp")?;
    ensure!(staging == "root:data-ops 2770\nroot:root 1777\n", "{staging:?}");
    Ok(())
}

fn lines_of_others_are_kept(appliance: &Appliance) -> Result<()> {
    let (before, after) = (appliance.sh("cat /root/fstab")?, appliance.sh("cat /etc/fstab")?);
    let ours = |line: &&str| {
        ["virtio-", "/mnt/swapfile ", "proc /proc "]
            .iter()
            .any(|start| line.trim_start_matches("/dev/disk/by-id/").starts_with(start))
    };
    let others: String = after.split_inclusive('\n').filter(|line| !ours(line)).collect();
    ensure!(others == before, "{before:?} became {others:?}");
    let ours: Vec<&str> = after.lines().filter(ours).collect();
    ensure!(ours.len() == 5, "{ours:#?}");
    Ok(())
}

fn no_kernel_names(appliance: &Appliance) -> Result<()> {
    // The rendered tree is every file that we install; fstab and the markers are written line by line.
    let found = appliance.try_sh(
        "appliance render --out /root/tree > /dev/null && \
         grep -rnE '(/dev/|\\b)(sd|vd|xvd)[a-z][0-9]*\\b|\\bnvme[0-9]' /root/tree /etc/fstab /data/.appliance-disk \
            /home/.appliance-disk /tmp/.appliance-disk /var/lib/data-analyst",
    )?;
    ensure!(found.status == 1, "{}{}", found.stdout, found.stderr);
    Ok(())
}

/// Spec 10, section 3.2.
const KERNEL: &str = "
vm.swappiness 10
kernel.dmesg_restrict 1
kernel.kptr_restrict 2
kernel.yama.ptrace_scope 1
kernel.unprivileged_bpf_disabled 1
kernel.unprivileged_userns_clone 0
fs.protected_symlinks 1
fs.protected_hardlinks 1
fs.protected_fifos 2
fs.protected_regular 2
fs.suid_dumpable 0
net.ipv4.conf.all.rp_filter 1
net.ipv4.conf.default.rp_filter 1
net.ipv4.conf.all.accept_redirects 0
net.ipv4.conf.all.send_redirects 0
net.ipv4.conf.all.accept_source_route 0
net.ipv6.conf.all.accept_redirects 0
net.ipv6.conf.all.accept_source_route 0
net.ipv4.tcp_syncookies 1
";

fn kernel_settings_hold(appliance: &Appliance) -> Result<()> {
    let wanted: Vec<(&str, &str)> = KERNEL.lines().filter_map(|line| line.split_once(' ')).collect();
    let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
    let values = appliance.sh(&format!("sysctl -n {}", names.join(" ")))?;
    let wrong: Vec<String> = wanted
        .iter()
        .zip(values.lines())
        .filter(|((_, wanted), value)| wanted != value)
        .map(|((name, wanted), value)| format!("{name} is {value}, not {wanted}"))
        .collect();
    ensure!(
        wrong.is_empty() && values.lines().count() == wanted.len(),
        "{wrong:?} {values}"
    );
    let proc = appliance.sh("findmnt -n -o OPTIONS /proc; getent group procview | cut -d: -f3")?;
    let (options, gid) = proc.split_once('\n').unwrap_or_default();
    let hides = |option: &str| options.split(',').any(|word| word == option);
    ensure!(
        hides("hidepid=invisible") && hides(&format!("gid={}", gid.trim())),
        "{proc}"
    );
    Ok(())
}

fn guards_lie_under_the_disks(appliance: &Appliance) -> Result<()> {
    // A second mount of the system disk shows what its own mounts cover.
    let look = "mkdir -p /run/under && mount --bind / /run/under && stat -c '%a %U:%G' /run/under/data /run/under/home; \
        lsattr -d /run/under/data /run/under/home | cut -c5; umount /run/under";
    let guards = appliance.sh(look)?;
    ensure!(guards == "555 root:root\n555 root:root\ni\ni\n", "{guards:?}");
    // One that was lost is named and set again, with the disk mounted over it.
    appliance.sh("mount --bind / /run/under && chattr -i /run/under/home && umount /run/under")?;
    let changed = appliance.apply()?;
    ensure!(changed == ["/home"], "{changed:?}");
    let again = appliance.sh(look)?;
    ensure!(again == guards, "{again:?}");
    Ok(())
}

fn auditd_records(appliance: &Appliance) -> Result<()> {
    appliance.sh(
        "useradd -u 3103 -G dataread,data-private petra; cd /data/src_data/parquet/private && echo x > t.parquet && \
         setpriv --reuid petra --regid petra --init-groups cat t.parquet && rm t.parquet && userdel petra && \
         touch /etc/sudoers.d/planted && rm /etc/sudoers.d/planted",
    )?;
    let id = appliance.ssh("sudo -n /usr/bin/id -u")?;
    ensure!(id.stdout == "0\n", "{id:?}");
    for (key, expected) in [
        ("private-read", "t.parquet"),
        ("appliance", "/etc/sudoers.d/planted"),
        ("root-cmd", "/usr/bin/id"),
    ] {
        let found = appliance.try_sh(&format!("ausearch --interpret --key {key} 2>&1"))?;
        ensure!(
            found.stdout.contains(expected),
            "{key}: no {expected} in {}",
            found.stdout
        );
    }
    let person = appliance.sh("ausearch --interpret --key root-cmd")?;
    ensure!(person.contains(&format!("auid={ADMIN}")), "{person}");
    let config = appliance.sh("auditctl -s; cat /etc/audit/auditd.conf")?;
    for expected in [
        "enabled 1",
        "failure 1",
        "num_logs = 8",
        "max_log_file = 32",
        "space_left_action = SYSLOG",
    ] {
        ensure!(
            config.to_lowercase().contains(&expected.to_lowercase()),
            "no {expected} in {config}"
        );
    }
    Ok(())
}

fn time_and_upgrades(appliance: &Appliance) -> Result<()> {
    let said = appliance.sh("chronyd -p 2>&1; systemctl is-active chrony.service; apt-config dump")?;
    for expected in [
        "makestep 1 3",
        "Unattended-Upgrade::Automatic-Reboot \"true\"",
        "Unattended-Upgrade::Automatic-Reboot-Time \"03:30\"",
        "Unattended-Upgrade::Mail \"\"",
        "APT::Periodic::Unattended-Upgrade \"1\"",
        "APT::Keep-Downloaded-Packages \"false\"",
    ] {
        ensure!(said.contains(expected), "no {expected} in {said}");
    }
    ensure!(said.lines().any(|line| line == "active"), "chrony is not active");
    let zone = appliance.sh("date +%Z; readlink -f /etc/localtime")?;
    ensure!(zone.starts_with("UTC\n"), "{zone}");
    Ok(())
}

fn grows(appliance: &Appliance, point: &str, bytes: u64) -> Result<()> {
    let size = || -> Result<u64> {
        Ok(appliance
            .sh(&format!("df --block-size=1 --output=size {point} | tail -n1"))?
            .trim()
            .parse()?)
    };
    let before = size()?;
    let changed = appliance.apply()?;
    ensure!(changed.len() == 1 && changed[0].ends_with(" disk"), "{changed:?}");
    let after = size()?;
    ensure!(
        before < 2 * GIB && after > bytes / 10 * 9,
        "{before} became {after} of {bytes}"
    );
    appliance.nothing_to_do()
}

/// In systemd's own words, and by its clock.
fn the_firewall_comes_first(appliance: &Appliance) -> Result<()> {
    let before = appliance.sh("systemctl show -p Before --value nftables.service")?;
    ensure!(
        before.split_whitespace().any(|unit| unit == "network-pre.target"),
        "{before}"
    );
    let entered = |unit: &str| -> Result<u64> {
        let text = appliance.sh(&format!(
            "systemctl show -p ActiveEnterTimestampMonotonic --value {unit}"
        ))?;
        Ok(text.trim().parse()?)
    };
    let (firewall, network, ssh) = (
        entered("nftables.service")?,
        entered("network-pre.target")?,
        entered("ssh.service")?,
    );
    ensure!(
        0 < firewall && firewall <= network && network < ssh,
        "{firewall} {network} {ssh}"
    );
    let policy = appliance.sh("nft list chain inet appliance input")?;
    ensure!(policy.contains("policy drop"), "{policy}");
    Ok(())
}

fn nothing_is_created(appliance: &Appliance, point: &str) -> Result<()> {
    for attempt in ["mkdir", "touch"] {
        let made = appliance.try_sh(&format!("{attempt} {point}/x"))?;
        ensure!(made.stderr.contains("not permitted"), "{attempt}: {made:?}");
    }
    let there = appliance.sh(&format!("! mountpoint -q {point}; ls -A {point}"))?;
    ensure!(there.is_empty(), "{there}");
    Ok(())
}

/// The line that this test put into fstab, and what it mounts, nobody declared; and the load of a machine that has just
/// booted, emulated on a busy host, is the portal's to report.
fn no_drift_but_ours(appliance: &Appliance) -> Result<()> {
    let verify = appliance.appliance(&["verify", "--json"])?;
    let report: serde_json::Value = serde_json::from_str(&verify.stdout)?;
    let checks = report["checks"].as_array().into_iter().flatten();
    let findings = checks.flat_map(|check| check["findings"].as_array().into_iter().flatten());
    let ours = |finding: &&serde_json::Value| {
        let said = finding.to_string();
        finding["severity"] == "info" || said.contains("/srv") || finding["target"] == "load"
    };
    let rest: Vec<_> = findings.filter(|finding| !ours(finding)).collect();
    ensure!(rest.is_empty(), "{rest:#?}");
    Ok(())
}
