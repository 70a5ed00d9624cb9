//! Spec 10, section 6: who may do what, asked of the kernel as the real accounts.

use acceptance::container_fixture::{
    ADMIN, Appliance, COLLEAGUE, PRIVILEGED, STANDARD, become_user, nothing_wrong, quoted, rows,
};
use anyhow::Result;

/// In the order of the columns: `portal` is `www-data` with the groups of its unit, `nobody` has none of ours.
const PRINCIPALS: [&str; 7] = [
    STANDARD, PRIVILEGED, ADMIN, "deploy", "www-data", "portal", "nobody",
];

/// The rows of section 6 that name a path.
const MATRIX: &str = "
# path	std	prv	adm	dep	www	portal	out
/data	r-x	r-x	r-x	r-x	r-x	r-x	r-x
/data/.appliance	---	---	---	---	---	---	---
/data/src_data	r-x	r-x	rwx	rwx	---	rwx	---
/data/src_data/parquet	r-x	r-x	rwx	rwx	---	rwx	---
/data/src_data/parquet/sales/x.parquet	r--	r--	rw-	rw-	---	rw-	---
/data/src_data/parquet/private	---	r-x	rwx	rwx	---	rwx	---
/data/src_data/parquet/private/x.parquet	---	r--	rw-	rw-	---	rw-	---
/data/src_data/raw	r-x	r-x	rwx	rwx	---	rwx	---
/data/src_data/raw/jira	--x	--x	rwx	rwx	---	rwx	---
/data/src_data/raw/jira/issues	---	---	rwx	rwx	---	rwx	---
/data/src_data/raw/jira/issues/K-1.json	---	---	rw-	rw-	---	rw-	---
/data/src_data/raw/jira/attachments	r-x	r-x	rwx	rwx	---	rwx	---
/data/src_data/metadata	r-x	r-x	rwx	rwx	---	rwx	---
/data/src_data/metadata/profiles.json	r--	r--	r--	r--	---	r--	---
/data/src_data/metadata_private	---	r-x	rwx	rwx	---	rwx	---
/data/docs	r-x	r-x	rwx	rwx	r-x	rwx	r-x
/data/scripts	r-x	r-x	r-x	r-x	r-x	r-x	r-x
/data/examples	r-x	r-x	r-x	r-x	r-x	r-x	r-x
/data/scripts/sync_data.sh	r-x	r-x	r-x	r-x	r-x	r-x	r-x
/data/notifications	---	---	rwx	rwx	---	rwx	---
/data/auth	---	---	rwx	rwx	rwx	rwx	---
/data/auth/password_users.json	---	---	---	---	rw-	rw-	---
/data/corporate-memory	---	---	rwx	rwx	---	rwx	---
/data/user_sessions	---	---	rwx	rwx	---	rwx	---
/data/logs/ingest	---	---	r-x	r-x	---	r-x	---
/data/state	--x	--x	r-x	r-x	--x	r-x	--x
/data/state/system.duckdb	---	---	---	---	---	---	---
/data/audit-spool	--x	--x	--x	--x	--x	r-x	--x
/data/audit-spool/runbooks	---	---	---	---	---	rwx	---
/tmp/data_analyst_staging	---	---	rwx	rwx	---	rwx	---
/opt/data-analyst/current/bin	r-x	r-x	r-x	r-x	r-x	r-x	r-x
/opt/data-analyst/.env	---	---	---	---	---	---	---
/etc/data-analyst/credentials	---	---	---	---	---	---	---
/opt/data-analyst/logs/deploy.log	---	---	r--	r--	---	r--	---
/home/cora	---	---	---	---	---	---	---
";

/// The files that the table names, made by the account that makes them and as its program would. Those of services
/// that do not exist yet are stand-ins with the owner and mode of sections 5 and 6.
fn make_files(appliance: &Appliance) -> Result<()> {
    let as_unit = |user: &str, script: &str| {
        let words = format!("setpriv --reuid {user} --regid data-ops --clear-groups sh -c");
        appliance.sh(&format!("{words} {}", quoted(&format!("umask 007; {script}"))))
    };
    as_unit(
        "da-sync",
        "cd /data/src_data && mkdir parquet/sales && touch parquet/sales/x.parquet parquet/private/x.parquet \
             && touch metadata/profiles.json && chmod 0660 parquet/sales/x.parquet parquet/private/x.parquet \
             && chmod 0644 metadata/profiles.json",
    )?;
    as_unit(
        "da-jira",
        "touch /data/src_data/raw/jira/issues/K-1.json && chmod 0660 /data/src_data/raw/jira/issues/K-1.json",
    )?;
    appliance.sh("install -m 0755 /dev/null /data/scripts/sync_data.sh \
         && install -o www-data -g data-ops -m 0600 /dev/null /data/auth/password_users.json \
         && install -o obs -g obs -m 0600 /dev/null /data/state/system.duckdb \
         && install -m 0600 /dev/null /opt/data-analyst/.env \
         && install -o root -g data-ops -m 0640 /dev/null /opt/data-analyst/logs/deploy.log")?;
    Ok(())
}

/// What an account may do with each path, in the letters of the table.
fn rights(appliance: &Appliance, who: &str, paths: &[&str]) -> Result<Vec<String>> {
    let script =
        "for p; do r=-; w=-; x=-; test -r $p && r=r; test -w $p && w=w; test -x $p && x=x; echo $r$w$x; done";
    let all = format!(
        "{} sh -c {} all {}",
        become_user(who),
        quoted(script),
        paths.join(" ")
    );
    Ok(appliance.sh(&all)?.lines().map(str::to_owned).collect())
}

#[test]
fn check_11_every_cell_of_the_role_matrix() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.add_people()?;
    make_files(&appliance)?;
    let table = rows(MATRIX);
    let paths: Vec<&str> = table.iter().map(|row| row[0]).collect();
    let mut wrong = Vec::new();
    for (column, who) in PRINCIPALS.iter().enumerate() {
        let found = rights(&appliance, who, &paths)?;
        assert_eq!(found.len(), table.len(), "{who}: {found:?}");
        for (row, found) in table.iter().zip(found) {
            if found != row[column + 1] {
                wrong.push(format!(
                    "{who} has {found} on {}, should have {}",
                    row[0],
                    row[column + 1]
                ));
            }
        }
    }

    // Rows that are no path: a file in a folder of parquet, a colleague's files, the portal's socket.
    appliance.sh_as(COLLEAGUE, "mkdir ~cora/user && echo mine > ~cora/user/notes")?;
    for (who, may) in PRINCIPALS
        .iter()
        .zip([false, false, true, true, false, true, false])
    {
        let made = appliance.try_as(
            who,
            "touch /data/src_data/parquet/sales/new && rm /data/src_data/parquet/sales/new",
        )?;
        if made.success() != may {
            wrong.push(format!("{who} making a file in parquet/sales: {made:?}"));
        }
        if appliance.try_as(who, "rm -f /home/cora/user/notes")?.success() {
            wrong.push(format!("{who} removed a colleague's file"));
        }
    }
    let connect =
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"/run/webapp/webapp.sock\")'";
    for (who, may) in PRINCIPALS
        .iter()
        .zip([false, false, false, false, true, true, false])
    {
        if appliance.try_as(who, connect)?.success() != may {
            wrong.push(format!("{who} connecting to the portal should be {may}"));
        }
    }
    nothing_wrong(&wrong)?;

    let readable = "find /data -type f -perm -004 \\
         -not -path '/data/docs/*' -not -path '/data/scripts/*' -not -path '/data/examples/*' -not -path '/data/downloads/*' \
         -not -path /data/src_data/metadata/profiles.json";
    assert_eq!(appliance.sh(readable)?, "", "readable by everybody");
    Ok(())
}

/// The model of the definition gives the same answers as the table and the kernel.
#[test]
fn the_model_agrees_with_the_matrix() -> Result<()> {
    let appliance = Appliance::applied()?;
    const ROLES: [(usize, &str); 5] = [
        (1, "standard"),
        (2, "privileged"),
        (3, "admin"),
        (4, "deploy"),
        (5, "www-data"),
    ];
    // Files whose program chooses the mode, and what a release brings, are no matter of the model.
    let of_programs = [
        "profiles.json",
        "password_users.json",
        "system.duckdb",
        "sync_data.sh",
        ".env",
        "deploy.log",
        "bin",
        "cora",
    ];
    let mut wrong = Vec::new();
    for row in rows(MATRIX) {
        if of_programs.iter().any(|name| row[0].ends_with(name)) {
            continue;
        }
        for (column, role) in ROLES {
            let asked = ["read", "write", "execute"].map(|right| {
                format!(
                    "appliance can {role} {right} {} > /dev/null; printf '%s ' $?",
                    row[0]
                )
            });
            let said = appliance.sh(&format!("{}; {}; {}", asked[0], asked[1], asked[2]))?;
            let wanted: String = row[column]
                .chars()
                .map(|letter| if letter == '-' { "10 " } else { "0 " })
                .collect();
            if said != wanted {
                wrong.push(format!("{role} on {}: {said}, should be {wanted}", row[0]));
            }
        }
    }
    nothing_wrong(&wrong)
}

#[test]
fn check_13_14_15_the_private_folder_stays_private() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.add_people()?;
    let listed = appliance.try_as(STANDARD, "ls /data/src_data/parquet/private")?;
    assert_eq!(listed.status, 2);
    assert!(listed.stderr.contains("Permission denied"), "{}", listed.stderr);
    assert!(
        appliance
            .sh_as(STANDARD, "ls /data/src_data/parquet")?
            .contains("private")
    );
    appliance.sh_as(PRIVILEGED, "ls /data/src_data/parquet/private")?;

    // 14: what a loader makes there inherits no list for every analyst.
    let load = "umask 007; cd /data/src_data/parquet/private && mkdir -p payroll/2026 && echo x > payroll/2026/part-0.parquet";
    appliance.sh(&format!(
        "setpriv --reuid da-sync --regid data-ops --clear-groups sh -c {}",
        quoted(load)
    ))?;
    let dataread = "getfacl -Rcp /data/src_data/parquet/private /data/src_data/metadata_private | grep -c dataread; true";
    assert_eq!(appliance.sh(dataread)?, "0\n");
    appliance.sh_as(
        PRIVILEGED,
        "cat /data/src_data/parquet/private/payroll/2026/part-0.parquet",
    )?;
    assert_eq!(appliance.drift_of("private-acl")?, [""; 0]);

    // 15: an entry (-n, or setfacl would change the mask too) that somebody adds by hand is named, and taken away, and nothing else is.
    let file = "/data/src_data/parquet/private/payroll/2026/part-0.parquet";
    let before = appliance.sh(&format!(
        "getfacl -Rp /data | grep -v 'effective'; stat -c '%i %Y' {file}"
    ))?;
    appliance.sh(&format!("setfacl -n -m g:dataread:r-x {file}"))?;
    let drift = appliance.drift()?;
    let private: Vec<_> = drift
        .iter()
        .filter(|finding| finding.class == "private-acl")
        .collect();
    assert!(
        !private.is_empty()
            && private
                .iter()
                .all(|finding| finding.target == file && finding.severity == "error"),
        "{drift:?}"
    );
    assert_eq!(appliance.apply()?, 1);
    assert_eq!(
        appliance.sh(&format!(
            "getfacl -Rp /data | grep -v 'effective'; stat -c '%i %Y' {file}"
        ))?,
        before
    );
    assert_eq!(appliance.apply()?, 0);
    Ok(())
}

/// Section 6's facts about rsync, and check 17.
#[test]
fn check_17_mirrors_of_an_analyst_end_well_with_the_shipped_filter() -> Result<()> {
    let appliance = Appliance::applied()?;
    appliance.add_people()?;
    let load = "umask 007; cd /data/src_data/parquet && mkdir -p sales && echo 1 > sales/part-1.parquet && echo s > private/s.parquet \
                && echo '{}' > ../metadata/sync_state.json";
    appliance.sh(&format!(
        "setpriv --reuid da-sync --regid data-ops --clear-groups sh -c {}",
        quoted(load)
    ))?;
    let mirror = |who: &str, options: &str| {
        let script = format!(
            "rm -rf ~/m && mkdir -p ~/m/sales && echo old > ~/m/sales/part-0.parquet && \
             rsync -a --delete {options} /data/src_data/parquet/ ~/m/ >/dev/null 2>&1; echo $?; cd ~/m; find . -type f | sort"
        );
        appliance.sh_as(who, &format!("HOME=/home/{who}; {script}"))
    };
    let kept = "23\n./sales/part-0.parquet\n./sales/part-1.parquet\n";
    assert_eq!(
        mirror(STANDARD, "")?,
        kept,
        "no deletion after an unreadable directory"
    );
    assert_eq!(
        mirror(STANDARD, "--exclude=private/")?,
        "0\n./sales/part-1.parquet\n"
    );
    assert_eq!(
        mirror(PRIVILEGED, "")?,
        "0\n./private/s.parquet\n./sales/part-1.parquet\n"
    );
    for tree in ["src_data/metadata", "docs", "scripts", "examples"] {
        appliance.sh_as(
            STANDARD,
            &format!("rsync -a --delete /data/{tree}/ /home/{STANDARD}/tree/"),
        )?;
    }
    Ok(())
}

#[test]
fn check_19_20_21_homes_are_closed_and_processes_of_others_unseen() -> Result<()> {
    let appliance = Appliance::applied()?;
    // As Debian's own tool makes a home, with the defaults that an apply left.
    appliance.sh("useradd -m -s /bin/bash plain")?;
    appliance.add_people()?;
    assert_eq!(
        appliance.sh("stat -c '%n %U %a' /home/alice /home/deploy /home/plain /home/cora")?,
        "/home/alice alice 750\n/home/deploy deploy 750\n/home/plain plain 750\n/home/cora cora 750\n"
    );

    appliance.sh("systemd-run --quiet --unit=hers --uid=cora sleep 3600; systemd-run --quiet --unit=his --uid=stan sleep 3601")?;
    let seen = |who: &str| appliance.sh_as(who, "ps -e -o user:20= | sort -u");
    assert_eq!(seen(STANDARD)?, "stan\n");
    let seen_by_admin = seen(ADMIN)?;
    assert!(
        seen_by_admin.contains("cora") && seen_by_admin.contains("root"),
        "{seen_by_admin}"
    );
    let pid = appliance.sh("systemctl show -P MainPID hers")?;
    assert!(
        !appliance
            .try_as(STANDARD, &format!("cat /proc/{}/cmdline", pid.trim()))?
            .success()
    );
    for attempt in [
        "ls /home/cora",
        "cd /home/cora",
        "cat /home/cora/.profile",
        "stat /home/cora/.ssh",
    ] {
        assert!(!appliance.try_as(STANDARD, attempt)?.success(), "{attempt}");
    }

    // 21: of raw Jira an analyst reaches the attachments alone.
    appliance.sh("setpriv --reuid da-jira --regid data-ops --clear-groups sh -c 'umask 007; cd /data/src_data/raw/jira; echo i > issues/K-1.json; echo a > attachments/a.png'")?;
    assert_eq!(
        appliance.sh_as(STANDARD, "cat /data/src_data/raw/jira/attachments/a.png")?,
        "a\n"
    );
    assert!(
        !appliance
            .try_as(STANDARD, "ls /data/src_data/raw/jira/issues")?
            .success()
    );
    assert!(
        !appliance
            .try_as(STANDARD, "ls /data/src_data/raw/jira")?
            .success()
    );
    Ok(())
}
