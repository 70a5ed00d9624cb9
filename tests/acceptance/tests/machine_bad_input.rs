//! What goes wrong on a real machine: each is refused or stopped with words that say what to do, and nothing is left
//! half done.

use std::time::{Duration, Instant};

use acceptance::container_fixture::{Appliance, nothing_wrong};
use anyhow::Result;
use image::Output;

const EVERYTHING: &str = "find /etc /opt /usr/local/sbin /data /home -xdev -not -path '/data/lost+found*' -printf '%p %i %m %u %g %T@ %C@ %l\\n' 2>/dev/null | sort";

/// Refused with this status and these words, and told what to do.
fn expect(what: &str, out: &Output, status: i32, words: &[&str], wrong: &mut Vec<String>) {
    let said = format!("{}{}", out.stderr, out.stdout);
    // A plan is long, and what is refused stands first.
    let shown: String = said.chars().take(1500).collect();
    if out.status != status {
        wrong.push(format!(
            "{what}: status {}, should be {status}: {said}",
            out.status
        ));
    }
    for word in words.iter().chain(&["next: "]) {
        if !said.contains(word) {
            wrong.push(format!("{what}: nothing about {word:?}: {shown}"));
        }
    }
}

fn apply(appliance: &Appliance) -> Result<Output> {
    appliance.appliance(&["apply", "--yes"])
}

#[test]
fn a_machine_that_is_not_the_one_described_is_left_alone() -> Result<()> {
    let appliance = Appliance::unapplied()?;
    let mut wrong = Vec::new();

    // Another operating system.
    appliance.sh(
        "cp /usr/lib/os-release /root/; sed -i 's/^VERSION_ID=.*/VERSION_ID=\"13\"/' /usr/lib/os-release",
    )?;
    for command in [&["apply", "--yes"][..], &["plan"]] {
        expect(
            "Debian 13",
            &appliance.appliance(command)?,
            4,
            &["debian 13", "debian 12"],
            &mut wrong,
        );
    }
    appliance.sh("cp /root/os-release /usr/lib/os-release")?;

    // Mistakes in the instance file, every one with its line.
    let good = appliance.sh("cat /etc/data-analyst/appliance.toml")?;
    for (text, words) in [
        (format!("{good}\nunknown_key = 1\n"), "unknown_key"),
        (
            good.replace("domain = \"data-broker.localhost\"", "domain = \"Not A Domain\""),
            "Not A Domain",
        ),
        (good.replace("domain = \"data-broker.localhost\"\n", ""), "domain"),
        ("this is no toml".to_owned(), "appliance.toml"),
        (String::new(), "missing"),
    ] {
        appliance.write("/root/bad.toml", text.as_bytes(), 0o644)?;
        for command in ["apply", "plan", "check", "verify"] {
            let out = appliance.appliance(&["--instance", "/root/bad.toml", command])?;
            if out.status != 2 || !(out.stderr.contains(words) || out.stderr.contains("bad.toml")) {
                wrong.push(format!("{command} with {words}: {out:?}"));
            }
        }
    }
    expect(
        "no instance file",
        &appliance.appliance(&["--instance", "/root/none.toml", "apply", "--yes"])?,
        2,
        &["/root/none.toml"],
        &mut wrong,
    );
    expect(
        "nobody to ask",
        &appliance.appliance(&["apply"])?,
        2,
        &["--yes"],
        &mut wrong,
    );
    let other = appliance.try_as("nobody", "appliance apply --yes")?;
    if other.success() || !other.stderr.contains("root") {
        wrong.push(format!("as nobody: {other:?}"));
    }

    // A disk is missing: nothing is written to the system disk in its place.
    appliance.sh("umount /data")?;
    for command in [&["apply", "--yes"][..], &["plan"]] {
        expect(
            "no data disk",
            &appliance.appliance(command)?,
            3,
            &["/data"],
            &mut wrong,
        );
    }
    if appliance.sh("ls -A /data | wc -l")? != "0\n" {
        wrong.push("something was written below /data while its disk was missing".to_owned());
    }
    nothing_wrong(&wrong)
}

#[test]
fn a_refusal_changes_nothing() -> Result<()> {
    let appliance = Appliance::unapplied()?;
    // What this test does itself is undone, but for the times of the directory that it did it in, and of the one above,
    // into which the overlay under a container copies it.
    let everything = EVERYTHING.replace("2>/dev/null |", "2>/dev/null | grep -vE '^/etc(/sudoers.d)? ' |");
    let before = appliance.sh(&everything)?;
    appliance.sh(
        "cp /usr/lib/os-release /root/; sed -i 's/^VERSION_ID=.*/VERSION_ID=\"13\"/' /usr/lib/os-release",
    )?;
    assert_eq!(apply(&appliance)?.status, 4);
    appliance.sh("cp /root/os-release /usr/lib/os-release; ln -s /etc/shadow /etc/sudoers.d/webapp")?;
    assert_eq!(apply(&appliance)?.status, 3);
    appliance.sh("rm /etc/sudoers.d/webapp")?;
    let after = appliance.sh(&everything)?;
    let changed: Vec<&str> = after
        .lines()
        .filter(|line| !before.lines().any(|was| was == *line))
        .collect();
    assert_eq!(changed, [""; 0]);
    assert_eq!(after.lines().count(), before.lines().count());
    Ok(())
}

#[test]
fn swapped_disks_and_planted_links_are_refused() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();
    let undo = |what: &str, wrong: &mut Vec<String>| -> Result<()> {
        if appliance.apply().is_err() {
            wrong.push(format!("{what}: the next apply does not converge"));
        }
        Ok(())
    };

    // Each disk's marker says that it is the other.
    appliance.sh("cp -p /data/.appliance-disk /root/d; cp -p /home/.appliance-disk /root/h; cp -p /root/h /data/.appliance-disk; cp -p /root/d /home/.appliance-disk; rm /etc/sudoers.d/deploy")?;
    expect(
        "swapped disks",
        &apply(&appliance)?,
        3,
        &["/data", "home"],
        &mut wrong,
    );
    if appliance.try_sh("test -e /etc/sudoers.d/deploy")?.success() {
        wrong.push("swapped disks: something was changed".to_owned());
    }
    appliance.sh("cp -p /root/d /data/.appliance-disk; cp -p /root/h /home/.appliance-disk")?;
    undo("swapped disks", &mut wrong)?;

    // A link where a managed file, a directory or a credential belongs.
    let shadow = appliance.sh("stat -c '%i %a %U:%G %Y %Z' /etc/shadow /etc /etc/systemd")?;
    for (plant, path, restore) in [
        (
            "mv /etc/sudoers.d/webapp /root/w; ln -s /etc/shadow /etc/sudoers.d/webapp",
            "/etc/sudoers.d/webapp",
            "rm /etc/sudoers.d/webapp",
        ),
        (
            "rm /etc/security/limits.d/99-users.conf; ln -s /etc/shadow /etc/security/limits.d/99-users.conf",
            "/etc/security/limits.d/99-users.conf",
            "rm /etc/security/limits.d/99-users.conf",
        ),
        (
            "rm /etc/data-analyst/credentials/WEBAPP_SECRET_KEY; ln -s /etc/shadow /etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
            "/etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
            "rm /etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
        ),
        (
            "rm /etc/sysctl.d/60-appliance.conf; mkdir /etc/sysctl.d/60-appliance.conf",
            "/etc/sysctl.d/60-appliance.conf",
            "rmdir /etc/sysctl.d/60-appliance.conf",
        ),
        (
            "rm -r /data/docs/setup; echo x > /data/docs/setup",
            "/data/docs/setup",
            "rm /data/docs/setup",
        ),
        // What a service or a user may plant in a place of their own.
        (
            "setpriv --reuid deploy --regid deploy --init-groups sh -c 'rmdir /data/notifications/images; ln -s /etc /data/notifications/images'",
            "/data/notifications/images",
            "rm /data/notifications/images",
        ),
        (
            "mv /home/alice /home/.alice; ln -s /etc /home/alice",
            "/home/alice",
            "rm /home/alice; mv /home/.alice /home/alice",
        ),
        (
            "setpriv --reuid obs --regid obs --init-groups sh -c 'mv /data/state/runbooks /data/state/old; ln -s /etc/systemd /data/state/runbooks'",
            "/data/state/runbooks",
            "rm /data/state/runbooks; mv /data/state/old /data/state/runbooks",
        ),
    ] {
        appliance.sh(plant)?;
        expect(path, &apply(&appliance)?, 3, &[path], &mut wrong);
        if appliance.appliance(&["plan"])?.status != 3 || appliance.appliance(&["verify"])?.status != 10 {
            wrong.push(format!("{path}: plan and verify"));
        }
        appliance.sh(restore)?;
        undo(path, &mut wrong)?;
    }
    if appliance.sh("stat -c '%i %a %U:%G' /etc/shadow /etc /etc/systemd")?
        != shadow
            .lines()
            .map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" ") + "\n")
            .collect::<String>()
    {
        wrong.push("what the links led to was changed".to_owned());
    }
    nothing_wrong(&wrong)
}

#[test]
fn disks_that_are_full_or_read_only_and_programs_that_hang_or_refuse() -> Result<()> {
    let appliance = Appliance::applied()?;
    let mut wrong = Vec::new();

    // Read-only.
    appliance.sh("rmdir /data/docs/setup && mount -o remount,ro /data")?;
    expect(
        "read-only /data",
        &apply(&appliance)?,
        1,
        &["/data/docs/setup", "read-only"],
        &mut wrong,
    );
    appliance.sh("mount -o remount,rw /data")?;
    if appliance.apply().is_err() {
        wrong.push("after read-only".to_owned());
    }

    // Full: a small filesystem where a file is to be written. The old file stays, whole.
    appliance.sh("mkdir /root/keep && cp -a /etc/security/limits.d/. /root/keep/ && mount -t tmpfs -o size=64k,mode=0755 tmpfs /etc/security/limits.d \
                  && cp -a /root/keep/. /etc/security/limits.d/ && echo '# by hand' >> /etc/security/limits.d/99-users.conf \
                  && { cat /dev/zero > /etc/security/limits.d/ballast 2>/dev/null; true; }")?;
    let old = appliance.sh("sha256sum < /etc/security/limits.d/99-users.conf")?;
    expect(
        "a full filesystem",
        &apply(&appliance)?,
        1,
        &["/etc/security/limits.d/99-users.conf", "No space left", "df -h"],
        &mut wrong,
    );
    if appliance.sh("sha256sum < /etc/security/limits.d/99-users.conf; ls -A /etc/security/limits.d")?
        != format!("{old}99-users.conf\nballast\n")
    {
        wrong.push("a full filesystem: the old file, and nothing beside it, should be there".to_owned());
    }
    appliance.sh("rm /etc/security/limits.d/ballast")?;
    if appliance.apply().is_err() {
        wrong.push("after a full filesystem".to_owned());
    }
    appliance.sh("umount /etc/security/limits.d")?;
    appliance.apply()?;

    // A program that refuses what would be written: the old file comes back, and the unit is not touched.
    let running = appliance.sh("systemctl show -P InvocationID nginx")?;
    appliance.sh("echo 'nonsense {' > /etc/nginx/conf.d/99-broken.conf; echo '# by hand' >> /etc/nginx/sites-available/webapp; sha256sum /etc/nginx/sites-available/webapp > /root/sum")?;
    expect(
        "nginx refuses",
        &apply(&appliance)?,
        1,
        &["/etc/nginx"],
        &mut wrong,
    );
    appliance.sh("sha256sum -c --quiet /root/sum; rm /etc/nginx/conf.d/99-broken.conf")?;
    if appliance.apply().is_err() || appliance.sh("systemctl show -P InvocationID nginx")? != running {
        wrong.push("after nginx refused".to_owned());
    }

    // A program that hangs is ended, with its children.
    appliance.sh("mv /usr/sbin/visudo /usr/sbin/visudo.real; printf '#!/bin/sh\\nsleep 1234 & wait\\n' > /usr/sbin/visudo; chmod 0755 /usr/sbin/visudo; rm /etc/sudoers.d/deploy")?;
    let began = Instant::now();
    expect(
        "visudo hangs",
        &apply(&appliance)?,
        1,
        &["visudo", "/etc/sudoers.d/deploy"],
        &mut wrong,
    );
    if began.elapsed() > Duration::from_secs(60) {
        wrong.push(format!("visudo hangs: ended after {:?}", began.elapsed()));
    }
    appliance.sh("mv /usr/sbin/visudo.real /usr/sbin/visudo")?;
    if appliance.sh("pgrep -fc '^sleep 1234$'; true")? != "0\n" {
        wrong.push("the children of the program that hung live on".to_owned());
    }
    if appliance.apply().is_err() || !appliance.drift()?.is_empty() {
        wrong.push("after visudo hung".to_owned());
    }
    nothing_wrong(&wrong)
}

#[test]
fn the_second_of_two_applies_waits_and_then_gives_up() -> Result<()> {
    let appliance = Appliance::applied()?;
    let hold = |seconds: u32| {
        appliance.sh(&format!(
            "systemd-run --quiet --collect --unit=holder-{seconds} flock /run/lock/data-analyst/provision.lock sleep {seconds}; \
             for i in $(seq 50); do flock -n /run/lock/data-analyst/provision.lock true || break; sleep 0.05; done"
        ))
    };
    appliance.sh("rm /etc/sudoers.d/deploy")?;
    hold(2)?;
    let began = Instant::now();
    assert_eq!(appliance.apply()?, 1);
    assert!(
        began.elapsed() > Duration::from_millis(1200),
        "{:?}",
        began.elapsed()
    );
    // Looking needs no lock.
    appliance.sh("rm /etc/sudoers.d/deploy")?;
    hold(40)?;
    let began = Instant::now();
    assert_eq!(appliance.appliance(&["plan"])?.status, 10);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let mut wrong = Vec::new();
    expect(
        "a lock that is held",
        &apply(&appliance)?,
        75,
        &["another run"],
        &mut wrong,
    );
    if !(29..36).contains(&began.elapsed().as_secs()) {
        wrong.push(format!("gave up after {:?}", began.elapsed()));
    }
    assert!(!appliance.try_sh("test -e /etc/sudoers.d/deploy")?.success());
    nothing_wrong(&wrong)
}
