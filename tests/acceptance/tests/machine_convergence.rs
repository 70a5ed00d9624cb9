//! Spec 10, section 22: a second apply changes nothing, a boot keeps everything, looking writes nothing.

use std::collections::BTreeMap;

use acceptance::container_fixture::{Appliance, nothing_wrong, programs};
use anyhow::Result;
use image::Machine;

/// Path, inode, type and mode, owner, times, link target; then lists; then contents. The file of a running log and
/// the directory of the journal are not ours.
const SNAPSHOT: &str = r#"
cd / && find etc opt data home usr/local var/lib/data-analyst run/data-analyst -xdev \
    -printf '%p %i %y%m %U:%G %T@ %C@ %l\n' 2>/dev/null | sort > /root/$0.meta
find /data /home -xdev -printf '%p %i %y%m %U:%G %T@ %C@ %l\n' 2>/dev/null | sort >> /root/$0.meta
getfacl -Rpn /etc /opt /data /home 2>/dev/null > /root/$0.lists
find /etc /opt /data /home /usr/local -type f -exec sha256sum {} + 2>/dev/null | sort > /root/$0.sums
for u in $(systemctl list-units --plain --no-legend --all | awk '{print $1}' | grep -E 'service$|timer$|socket$' | grep -v '^run-'); do
    echo $u $(systemctl show -P InvocationID $u) $(systemctl show -P ActiveEnterTimestampMonotonic $u); done | sort > /root/$0.units
nft -s list ruleset > /root/$0.nft
"#;

fn snapshot(appliance: &Appliance, name: &str) -> Result<()> {
    appliance
        .exec(&["sh", "-c", SNAPSHOT, name])?
        .checked(&["snapshot", name])?;
    Ok(())
}

/// What differs between two snapshots; the fields that may is up to the pattern.
fn difference(appliance: &Appliance, one: &str, other: &str, allowed: &str) -> Result<String> {
    let script = format!(
        "for part in meta lists sums units nft; do diff /root/{one}.$part /root/{other}.$part | grep '^[<>]' | grep -vE '{allowed}'; done; true"
    );
    appliance.sh(&script)
}

#[test]
fn check_73_a_second_apply_touches_nothing() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.add_people()?;
    // Data and users' own entries, so that there is something to leave alone.
    appliance.sh("cd /data/src_data/parquet && mkdir sales && for n in $(seq 200); do echo $n > sales/part-$n.parquet; done; echo p > private/p.parquet; \
                  echo kept > /home/stan/notes; ln -s /etc/shadow /home/stan/link; touch /data/unknown /etc/sudoers.d/unknown && chmod 440 /etc/sudoers.d/unknown")?;
    snapshot(&appliance, "before")?;
    let began = std::time::Instant::now();
    assert_eq!(appliance.apply()?, 0);
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    for arguments in [
        &["plan"][..],
        &["verify"],
        &["plan", "--json"],
        &["apply", "--yes", "--only", "directories,units"],
    ] {
        appliance.appliance(arguments)?;
    }
    snapshot(&appliance, "after")?;
    assert_eq!(difference(&appliance, "before", "after", "^$")?, "");
    let figures = appliance.appliance(&["apply", "--yes", "--json"])?.stdout;
    let last: serde_json::Value = serde_json::from_str(figures.lines().last().unwrap_or_default())?;
    assert_eq!(
        (last["event"].as_str(), last["steps"].as_u64()),
        (Some("converged"), Some(0)),
        "{figures}"
    );
    assert!(last["programs"].as_u64() <= Some(2), "{figures}");
    Ok(())
}

#[test]
fn after_a_boot_everything_is_as_defined() -> Result<()> {
    let mut appliance = Appliance::applied()?;
    assert_eq!(appliance.drift()?, []);
    appliance.machine().reboot()?;
    let failed: Vec<String> = appliance
        .machine()
        .failed_units()?
        .into_iter()
        .filter(|unit| unit != "auditd.service")
        .collect();
    assert_eq!(failed, [""; 0], "auditd belongs to the host of a container");
    assert_eq!(appliance.planned()?, []);
    assert_eq!(appliance.drift()?, []);
    assert_eq!(appliance.apply()?, 0);
    appliance.machine().power_cut()?;
    appliance.machine().start()?;
    assert_eq!(appliance.planned()?, []);
    assert_eq!(appliance.drift()?, []);
    Ok(())
}

/// 80, and what `plan`, `check` and `can` must not do either.
#[test]
fn check_80_looking_writes_nothing() -> Result<()> {
    let appliance = Appliance::applied()?;
    // A broken machine, so that there is much to say.
    appliance.sh("rm /etc/sudoers.d/webapp; chmod 0777 /data/scripts; systemctl stop webapp; nft delete table inet appliance")?;
    snapshot(&appliance, "before")?;
    let began = std::time::Instant::now();
    assert_eq!(appliance.appliance(&["verify"])?.status, 10);
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    assert_eq!(appliance.appliance(&["verify", "--json"])?.status, 10);
    assert_eq!(appliance.appliance(&["plan"])?.status, 10);
    assert_eq!(appliance.appliance(&["check"])?.status, 0);
    assert_eq!(
        appliance
            .appliance(&["can", "deploy", "write", "/data/scripts"])?
            .status,
        10
    );
    snapshot(&appliance, "after")?;
    assert_eq!(difference(&appliance, "before", "after", "^$")?, "");
    // With `--scheduled` it writes its report, and nothing else.
    appliance.appliance(&["verify", "--scheduled"])?;
    snapshot(&appliance, "after")?;
    assert_eq!(
        difference(
            &appliance,
            "before",
            "after",
            "var/lib/data-analyst( |/verify[.]|/deep-look[.])"
        )?,
        ""
    );
    Ok(())
}

/// 78: the same bytes from two runs, for somebody who is not root.
#[test]
fn check_78_rendering_is_the_same_everywhere() -> Result<()> {
    let appliance = Appliance::unapplied()?;
    let render = |out: &str| appliance.sh_as("nobody", &format!("appliance render --out {out} 2>/dev/null"));
    render("/tmp/one")?;
    render("/tmp/two")?;
    appliance
        .sh("diff -r --no-dereference /tmp/one /tmp/two && test $(find /tmp/one -type f | wc -l) -gt 40")?;
    // On this host, by the same program.
    let instance = appliance.sh("cat /etc/data-analyst/appliance.toml")?;
    let place = appliance.private_key("rendered");
    let file = appliance.private_key("instance.toml");
    host_file(&file, &instance)?;
    let program = programs()?.join("appliance").display().to_string();
    let words = [
        program.as_str(),
        "render",
        "--instance",
        &file.display().to_string(),
        "--out",
        &place.display().to_string(),
    ]
    .map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let rendered = acceptance::container_fixture::here(&words)?;
    assert!(rendered.success(), "{rendered:?}");
    let mut here = BTreeMap::new();
    sums(&place, &place, &mut here)?;
    let there =
        appliance.sh("cd /tmp/one && find . -type f -exec cat {} + | wc -c; find . -type f | wc -l")?;
    let bytes: usize = here.values().sum();
    assert_eq!(there, format!("{bytes}\n{}\n", here.len()));
    let again = appliance.appliance(&["render", "--out", "/tmp/one"])?;
    assert_eq!(again.status, 2, "a directory with something in it: {again:?}");
    Ok(())
}

fn host_file(path: &std::path::Path, text: &str) -> Result<()> {
    use std::io::Write;
    Ok(std::fs::File::create(path)?.write_all(text.as_bytes())?)
}

fn sums(
    top: &std::path::Path,
    directory: &std::path::Path,
    found: &mut BTreeMap<String, usize>,
) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            sums(top, &path, found)?;
        } else {
            found.insert(
                path.strip_prefix(top)?.display().to_string(),
                std::fs::read(&path)?.len(),
            );
        }
    }
    Ok(())
}

/// 76: what is not ours stays as it is, and is reported as what it is.
#[test]
fn check_76_what_is_never_touched() -> Result<()> {
    const PLANTED: &str = r#"
    echo '# by hand' > /etc/sudoers.d/zz-by-hand; chmod 0440 /etc/sudoers.d/zz-by-hand
    echo '# by hand' > /etc/ssh/sshd_config.d/90-by-hand.conf
    echo 'by-hand hard nproc 7' > /etc/security/limits.d/by-hand.conf
    echo 'server { listen 127.0.0.1:8998; }' > /etc/nginx/sites-enabled/by-hand
    printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' > /etc/systemd/system/by-hand.service
    echo '# by hand' > /etc/cron.d/by-hand
    echo 'tmpfs /mnt/by-hand tmpfs noauto 0 0' >> /etc/fstab
    nft add table inet by-hand
    mkdir -p /data/by-hand /data/src_data/parquet/sales
    echo data > /data/by-hand/file; chmod 0640 /data/by-hand/file
    echo data > /data/src_data/parquet/sales/x.parquet; touch -d 2020-01-01 /data/src_data/parquet/sales/x.parquet
    groupadd by-hand; useradd -m -g by-hand -s /bin/bash by-hand
    echo secret > /home/by-hand/file; ln -s /etc/shadow /home/by-hand/server; chmod 0777 /home/by-hand/file
    mkdir /home/by-hand/user; chown -R by-hand: /home/by-hand
    mkdir -p /home/orphan/x
    systemd-run --quiet --unit=session-of-by-hand --uid=by-hand sleep 3600
    "#;
    const STATE: &str = r#"
    stat -c '%n %i %A %U:%G %Y %Z' /etc/sudoers.d/zz-by-hand /etc/ssh/sshd_config.d/90-by-hand.conf /etc/security/limits.d/by-hand.conf \
        /etc/nginx/sites-enabled/by-hand /etc/systemd/system/by-hand.service /etc/cron.d/by-hand /data/by-hand /data/by-hand/file \
        /data/src_data/parquet/sales /data/src_data/parquet/sales/x.parquet /home/by-hand /home/by-hand/* /home/orphan /data/lost+found
    getfacl -Rpn /data/by-hand /data/src_data/parquet/sales /home/by-hand 2>/dev/null
    grep by-hand /etc/fstab /etc/passwd /etc/group /etc/shadow; nft list table inet by-hand
    readlink /home/by-hand/server; sha256sum /home/by-hand/file /data/by-hand/file; systemctl show -P InvocationID session-of-by-hand
    "#;
    let appliance = Appliance::applied()?;
    appliance.sh(PLANTED)?;
    let before = appliance.sh(STATE)?;
    // Something to repair, so that an apply does its work beside all this.
    appliance.sh("rm /etc/sudoers.d/deploy /etc/nginx/conf.d/10-appliance.conf; chmod 0700 /data/docs; nft delete table inet appliance; systemctl stop cron")?;
    assert!(appliance.apply()? > 0);
    assert_eq!(appliance.sh(STATE)?, before);
    assert_eq!(appliance.apply()?, 0);
    let report = appliance.appliance(&["verify", "--json"])?.stdout;
    let mut wrong = Vec::new();
    for named in [
        "/etc/sudoers.d/zz-by-hand",
        "/etc/ssh/sshd_config.d/90-by-hand.conf",
        "/etc/security/limits.d/by-hand.conf",
        "/etc/nginx/sites-enabled/by-hand",
        "by-hand.service",
        "/etc/cron.d/by-hand",
        "\"by-hand\"",
        "8998",
    ] {
        if !report.contains(named) {
            wrong.push(format!("verify does not speak of {named}"));
        }
    }
    nothing_wrong(&wrong)
}
