//! Spec 10, section 5: every directory and file of the appliance has the owner, the mode and the lists of the table.

use std::collections::BTreeSet;

use acceptance::container_fixture::{ADMIN, Appliance, nothing_wrong, rows};
use anyhow::{Context, Result};
use image::Machine;

/// Path, owner:group, mode, profile. The columns of sections 5.1 and 5.2, and the rows that the design adds to them.
const TABLE: &str = "
/data	root:root	755	-
/data/lost+found	root:root	700	-
/data/.appliance	root:root	700	-
/data/src_data	root:data-ops	2770	PUB
/data/src_data/raw	root:data-ops	2770	PUB
/data/src_data/raw/jira	root:data-ops	2770	TRAV
/data/src_data/raw/jira/issues	root:data-ops	2770	OPS
/data/src_data/raw/jira/issues/.locks	root:data-ops	2770	OPS
/data/src_data/raw/jira/.locks	root:data-ops	2770	OPS
/data/src_data/raw/jira/queue	root:data-ops	2770	OPS
/data/src_data/raw/jira/queue/dead	root:data-ops	2770	OPS
/data/src_data/raw/jira/webhook_events	root:data-ops	2770	OPS
/data/src_data/raw/jira/attachments	root:data-ops	2770	PUB
/data/src_data/parquet	root:data-ops	2770	PUB
/data/src_data/parquet/jira	root:data-ops	2770	PUB
/data/src_data/parquet/jira/issues	root:data-ops	2770	PUB
/data/src_data/parquet/jira/comments	root:data-ops	2770	PUB
/data/src_data/parquet/jira/attachments	root:data-ops	2770	PUB
/data/src_data/parquet/jira/changelog	root:data-ops	2770	PUB
/data/src_data/parquet/jira/issuelinks	root:data-ops	2770	PUB
/data/src_data/parquet/jira/remote_links	root:data-ops	2770	PUB
/data/src_data/parquet/private	root:data-ops	2770	PRIV
/data/src_data/metadata	root:data-ops	2770	PUB
/data/src_data/metadata_private	root:data-ops	2770	PRIV
/data/src_data/staging	root:data-ops	2770	PUB
/data/docs	root:data-ops	2775	-
/data/docs/setup	root:root	755	-
/data/docs/metrics	root:root	755	-
/data/docs/datasets	root:root	755	-
/data/scripts	root:root	755	-
/data/examples	root:root	755	-
/data/examples/notifications	root:root	755	-
/data/downloads	root:root	755	-
/data/notifications	deploy:data-ops	2770	OPS
/data/notifications/images	deploy:data-ops	2770	OPS
/data/notifications/desktop	deploy:data-ops	2770	OPS
/data/auth	www-data:data-ops	2770	-
/data/corporate-memory	deploy:data-ops	2770	OPS
/data/user_sessions	root:data-ops	2770	OPS
/data/state	obs:data-ops	751	-
/data/state/log-ingest	log-ingest:log-ingest	700	-
/data/state/runbooks	runbooks:runbooks	700	-
/data/state/aiops	aiops:data-ops	2750	-
/data/state/aiops/models	aiops:data-ops	2750	-
/data/state/audit-export	audit-export:data-ops	2750	-
/data/state/drills	root:data-ops	2750	-
/data/audit-spool	root:obs	751	-
/data/audit-spool/webapp	www-data:obs	2770	-
/data/audit-spool/notify-bot	deploy:obs	2770	-
/data/audit-spool/ws-gateway	deploy:obs	2770	-
/data/audit-spool/corporate-memory	da-collect:obs	2770	-
/data/audit-spool/session-collector	da-collect:obs	2770	-
/data/audit-spool/jira	da-jira:obs	2770	-
/data/audit-spool/data-sync	da-sync:obs	2770	-
/data/audit-spool/log-ingest	log-ingest:obs	2770	-
/data/audit-spool/runbooks	runbooks:obs	2770	-
/data/audit-spool/aiops	aiops:obs	2770	-
/data/audit-spool/audit-export	audit-export:obs	2770	-
/data/audit-spool/provision	root:obs	2770	-
/data/audit-spool/root-tools	root:obs	2770	-
/data/audit-spool/quarantine	obs:obs	2770	-
/data/logs	log-ingest:data-ops	2750	-
/data/logs/ingest	log-ingest:data-ops	2750	-
/data/logs/archive	log-ingest:data-ops	2750	-
/data/runbooks	runbooks:data-ops	2750	-
/data/runbooks/bundles	runbooks:data-ops	2750	-
/home	root:root	755	-
/home/.appliance	root:root	700	-
/home/deploy	deploy:deploy	750	-
/opt/data-analyst	root:data-ops	755	-
/opt/data-analyst/releases	root:root	755	-
/opt/data-analyst/incoming	deploy:deploy	700	-
/opt/data-analyst/logs	root:data-ops	2750	-
/opt/data-analyst/config	root:root	755	-
/opt/data-analyst/config/webapp.env	root:www-data	640	-
/etc/data-analyst	root:root	755	-
/etc/data-analyst/credentials	root:root	700	-
/etc/data-analyst/credentials/WEBAPP_SECRET_KEY	root:root	400	-
/etc/data-analyst/release-keys.d	root:root	755	-
/etc/ssh/authorized_keys.d	root:root	755	-
/etc/ssh/authorized_keys.d/deploy	root:root	644	-
/etc/ssh/authorized_keys.d/alice	root:root	644	-
/etc/sudoers.d/10-appliance-admins	root:root	440	-
/etc/sudoers.d/deploy	root:root	440	-
/etc/sudoers.d/webapp	root:root	440	-
/etc/sudoers.d/runbooks	root:root	440	-
/etc/security/limits.d/99-users.conf	root:root	644	-
/etc/ssh/sshd_config.d/10-appliance.conf	root:root	644	-
/etc/sysctl.d/60-appliance.conf	root:root	644	-
/var/lib/data-analyst	root:root	700	-
/usr/local/sbin/appliance	root:root	755	-
/run/webapp	www-data:www-data	755	-
/run/webapp/webapp.sock	www-data:www-data	660	-
/run/lock/data-analyst	root:root	755	-
/run/lock/data-analyst/provision.lock	root:root	600	-
/tmp	root:root	1777	-
/tmp/data_analyst_staging	root:data-ops	2770	-
/tmp/obs-store	obs:obs	700	-
";

/// The entries of a profile beside those that every list has, and whether the default list has them too.
fn profile(name: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    const PUBLIC: &[&str] = &["group:data-ops:rwx", "group:dataread:r-x"];
    const PRIVATE: &[&str] = &["group:data-ops:rwx", "group:data-private:r-x"];
    const OPERATIONS: &[&str] = &["group:data-ops:rwx"];
    const TRAVERSE: &[&str] = &["group:data-ops:rwx", "group:dataread:--x"];
    match name {
        "PUB" => Some((PUBLIC, PUBLIC)),
        "PRIV" => Some((PRIVATE, PRIVATE)),
        "OPS" => Some((OPERATIONS, OPERATIONS)),
        "TRAV" => Some((TRAVERSE, OPERATIONS)),
        _ => None,
    }
}

/// Every entry that getfacl prints for a profile; those of a mode alone when there is none.
fn expected_entries(mode: &str, name: &str) -> BTreeSet<String> {
    let Some((access, default)) = profile(name) else {
        let bits = u32::from_str_radix(mode, 8).expect("a mode of the table");
        let letters = |bits: u32| {
            [(4, 'r'), (2, 'w'), (1, 'x')]
                .map(|(bit, letter)| if bits & bit == 0 { '-' } else { letter })
                .iter()
                .collect::<String>()
        };
        return ["user", "group", "other"]
            .iter()
            .zip([bits >> 6, bits >> 3, bits])
            .map(|(class, bits)| format!("{class}::{}", letters(bits & 7)))
            .collect();
    };
    let common = ["user::rwx", "group::rwx", "mask::rwx", "other::---"];
    let of_access = common.iter().chain(access).map(|entry| (*entry).to_owned());
    let of_default = common
        .iter()
        .chain(default)
        .map(|entry| format!("default:{entry}"));
    of_access.chain(of_default).collect()
}

#[test]
fn check_10_every_directory_is_as_the_table_says() -> Result<()> {
    let appliance = Appliance::applied()?;
    let table = rows(TABLE);
    let paths: Vec<&str> = table.iter().map(|row| row[0]).collect();
    let found = appliance.sh(&format!(
        "for p in {}; do echo \"= $p $(stat -c '%U:%G %a' $p)\"; getfacl -cEp $p; done",
        paths.join(" ")
    ))?;
    let mut wrong = Vec::new();
    for (row, block) in table.iter().zip(found.split("= ").skip(1)) {
        let (head, list) = block.split_once('\n').context("a block")?;
        let wanted = format!("{} {} {}", row[0], row[1], row[2]);
        if head != wanted {
            wrong.push(format!("{head}, should be {wanted}"));
        }
        let list: BTreeSet<String> = list
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        let expected = expected_entries(row[2], row[3]);
        if list != expected {
            wrong.push(format!("{}: {list:?}, should be {expected:?}", row[0]));
        }
    }
    assert_eq!(found.split("= ").skip(1).count(), table.len());
    nothing_wrong(&wrong)?;

    let link = appliance.sh("readlink /opt/data-analyst/current; stat -c %U:%G /opt/data-analyst/current")?;
    assert!(
        link.starts_with("releases/") && link.ends_with("\nroot:root\n"),
        "{link}"
    );
    // Nothing in a release or among our programs may be written by anybody but root.
    let writable = "find /opt/data-analyst/releases /usr/local /data/scripts /data/examples /etc/data-analyst \\
                    \\( -not -user root -o -perm /022 \\) -not -type l";
    assert_eq!(appliance.sh(writable)?, "");
    let keys = appliance.sh("stat -c '%U:%G %a' /etc/data-analyst/release-keys.d/*.pub | sort -u")?;
    assert_eq!(keys, "root:root 644\n");
    Ok(())
}

/// A file that is made 0600 and then opened to 0660 is its group's as the table says: the lists of the directory
/// are inherited, and the mask does not cut them off.
#[test]
fn check_12_a_new_file_reaches_those_whom_its_directory_names() -> Result<()> {
    const SHARED: &str = "
    # directory	std	prv	adm
    /data/src_data/raw	r	r	rw
    /data/src_data/raw/jira/issues	-	-	rw
    /data/src_data/raw/jira/webhook_events	-	-	rw
    /data/src_data/raw/jira/attachments	r	r	rw
    /data/src_data/parquet	r	r	rw
    /data/src_data/parquet/jira/issues	r	r	rw
    /data/src_data/parquet/private	-	r	rw
    /data/src_data/metadata	r	r	rw
    /data/src_data/metadata_private	-	r	rw
    /data/src_data/staging	r	r	rw
    /data/notifications	-	-	rw
    /data/corporate-memory	-	-	rw
    /data/user_sessions	-	-	rw
    ";
    let appliance = Appliance::applied()?;
    appliance.add_people()?;
    let mut wrong = Vec::new();
    for row in rows(SHARED) {
        let file = format!("{}/made-by-hand", row[0]);
        let script = format!("umask 077; echo content > {file} && chmod 0660 {file} && stat -c %G {file}");
        assert_eq!(appliance.sh_as("portal", &script)?, "data-ops\n", "{file}");
        for (who, wanted) in ["stan", "petra", ADMIN].iter().zip(&row[1..]) {
            let script = format!("test -r {file} && printf r; test -w {file} && printf w; true");
            let may = appliance.sh_as(who, &script)?;
            if may != wanted.replace('-', "") {
                wrong.push(format!("{who} has {may:?} on {file}, should have {wanted}"));
            }
        }
    }
    nothing_wrong(&wrong)
}

#[test]
fn check_7_the_staging_directories_are_there_after_a_boot() -> Result<()> {
    let mut appliance = Appliance::applied()?;
    appliance.sh("touch /tmp/data_analyst_staging/half-loaded /tmp/leftover && rm -r /tmp/obs-store")?;
    appliance.machine().reboot()?;
    let state = "stat -c '%n %U:%G %a' /tmp /tmp/data_analyst_staging /tmp/obs-store /run/lock/data-analyst; ls /tmp/leftover 2>&1 | grep -c 'No such file'";
    assert_eq!(
        appliance.sh(state)?,
        "/tmp root:root 1777\n/tmp/data_analyst_staging root:data-ops 2770\n/tmp/obs-store obs:obs 700\n\
         /run/lock/data-analyst root:root 755\n1\n"
    );
    Ok(())
}

#[test]
fn check_8_lines_of_others_in_fstab_and_hosts_stay_and_no_disk_is_called_by_its_kernel_name() -> Result<()> {
    let appliance = Appliance::unapplied()?;
    let fstab = "# by hand\n\nUUID=11111111-2222-3333-4444-555555555555\t/srv/other ext4\tnoauto,nofail 0  2\n\
                 tmpfs /mnt/scratch   tmpfs noauto 0 0\n";
    appliance.sh(&format!("printf '%s' '{fstab}' >> /etc/fstab; printf '192.0.2.7\\tprinter  # by hand\\n' >> /etc/hosts; cp /etc/fstab /etc/hosts /root"))?;
    appliance.apply()?;
    let gone = "grep -vxFf /etc/fstab /root/fstab; grep -vxFf /etc/hosts /root/hosts; true";
    assert_eq!(appliance.sh(gone)?, "");
    let named = "grep -rnE '/dev/(sd|vd|nvme|xvd)[a-z0-9]' /etc/fstab /etc/data-analyst /etc/systemd/system /etc/tmpfiles.d \\
                 /etc/nginx/sites-available/webapp /opt/data-analyst/config; true";
    assert_eq!(appliance.sh(named)?, "");
    assert_eq!(
        appliance.sh("getent hosts data-broker | awk '{print $1}'")?,
        "127.0.1.1\n"
    );
    Ok(())
}
