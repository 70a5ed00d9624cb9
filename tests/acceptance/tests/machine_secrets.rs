//! Spec 10, section 16: where secrets lie, who reads them, and where they never appear.

use acceptance::container_fixture::{Appliance, nothing_wrong};
use anyhow::Result;

const ENV_FILE: &str = "/opt/data-analyst/.env";
const MARKERS: [&str; 3] = ["planted-portal-0c5e", "planted-google-77aa", "planted-bot-91d2"];

fn write_env(appliance: &Appliance, text: impl AsRef<[u8]>) -> Result<()> {
    appliance.sh(&format!("rm -f {ENV_FILE}"))?;
    appliance.write(ENV_FILE, text.as_ref(), 0o600)?;
    Ok(())
}

#[test]
fn check_58_60_credentials_are_closed_and_reach_those_who_list_them() -> Result<()> {
    let appliance = Appliance::applied()?;
    let directory = "/etc/data-analyst/credentials";
    let generated = appliance.sh(&format!("cat {directory}/WEBAPP_SECRET_KEY"))?;
    assert!(
        generated.len() == 64 && generated.chars().all(|c| c.is_ascii_hexdigit()),
        "32 bytes in hex, no newline"
    );
    assert_eq!(appliance.sh("cat /data/.appliance/generated/WEBAPP_SECRET_KEY; stat -c ' %a %U:%G' /data/.appliance/generated/WEBAPP_SECRET_KEY")?, format!("{generated} 600 root:root\n"));

    // A new value starts exactly its consumers anew; of those that exist today that is the portal.
    let running = "for u in webapp ssh cron fail2ban nftables systemd-journald systemd-logind nginx; do printf '%s ' $u; systemctl show -P InvocationID $u; done";
    let before = appliance.sh(running)?;
    write_env(
        &appliance,
        format!(
            "WEBAPP_SECRET_KEY={}0123456789abcdef0123456789abcdef0123456789abcdef\n",
            MARKERS[0]
        ),
    )?;
    appliance.apply()?;
    let after = appliance.sh(running)?;
    let changed: Vec<&str> = before
        .lines()
        .zip(after.lines())
        .filter(|(a, b)| a != b)
        .map(|(a, _)| a.split(' ').next().unwrap_or_default())
        .collect();
    assert_eq!(changed, ["webapp"]);
    assert_eq!(
        appliance.sh(&format!("stat -c '%a %U:%G' {directory}/* {directory} | sort -u"))?,
        "400 root:root\n700 root:root\n"
    );
    assert!(
        appliance
            .sh("cat /run/credentials/webapp.service/WEBAPP_SECRET_KEY")?
            .starts_with(MARKERS[0])
    );
    assert_eq!(appliance.apply()?, 0);

    // A value that goes takes its file with it; a file that nobody brought goes too.
    write_env(
        &appliance,
        format!(
            "WEBAPP_SECRET_KEY={}0123456789abcdef0123456789abcdef0123456789abcdef\nGOOGLE_CLIENT_SECRET={}\n",
            MARKERS[0], MARKERS[1]
        ),
    )?;
    appliance.apply()?;
    let listed = appliance.sh(&format!("ls {directory}"))?;
    write_env(
        &appliance,
        format!(
            "WEBAPP_SECRET_KEY={}0123456789abcdef0123456789abcdef0123456789abcdef\n",
            MARKERS[0]
        ),
    )?;
    appliance.sh(&format!("echo x > {directory}/STRAY"))?;
    appliance.apply()?;
    assert_eq!(
        appliance.sh(&format!("ls {directory}"))?,
        "WEBAPP_SECRET_KEY\n",
        "{listed}"
    );
    Ok(())
}

#[test]
fn check_59_no_value_appears_anywhere_else() -> Result<()> {
    let appliance = Appliance::applied()?;
    write_env(
        &appliance,
        format!(
            "WEBAPP_SECRET_KEY={}0123456789abcdef0123456789abcdef0123456789abcdef\nGOOGLE_CLIENT_SECRET={}\nTELEGRAM_BOT_TOKEN={}\n",
            MARKERS[0], MARKERS[1], MARKERS[2]
        ),
    )?;
    // From a file, or the searches would find their own command lines.
    appliance.write("/run/markers", MARKERS.join("\n").as_bytes(), 0o600)?;
    let mut said = String::new();
    for arguments in [
        &["plan"][..],
        &["plan", "--json"],
        &["apply", "--yes", "--json"],
        &["verify"],
        &["verify", "--json"],
    ] {
        let out = appliance.appliance(arguments)?;
        said.push_str(&out.stdout);
        said.push_str(&out.stderr);
    }
    // A value that was tampered with is compared, and neither of the two is shown.
    let tampered = format!("{}-old", MARKERS[0]);
    appliance.write(
        "/etc/data-analyst/credentials/WEBAPP_SECRET_KEY",
        tampered.as_bytes(),
        0o400,
    )?;
    for arguments in [&["plan"][..], &["apply", "--yes"]] {
        let out = appliance.appliance(arguments)?;
        said.push_str(&out.stdout);
        said.push_str(&out.stderr);
    }
    let mut wrong: Vec<String> = MARKERS
        .iter()
        .filter(|marker| said.contains(**marker))
        .map(|marker| format!("{marker} in what a command printed"))
        .collect();
    appliance.sh("systemctl restart webapp")?;
    appliance.portal(&["/", "/health"])?;
    let files = format!(
        "grep -rl --exclude=markers -f /run/markers /opt /etc /var /run /data /home /root /tmp --exclude-dir=credentials \
         --exclude-dir=journal 2>/dev/null | grep -v '^{ENV_FILE}$'"
    );
    for (place, script) in [
        (
            "process lists",
            "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -f /run/markers",
        ),
        (
            "systemctl show",
            "systemctl show '*' --no-pager | grep -f /run/markers",
        ),
        ("the journal", "journalctl --no-pager | grep -f /run/markers"),
        ("files", &files),
        (
            "records of changes",
            "grep -rl -f /run/markers /var/lib/data-analyst /var/log/nginx",
        ),
    ] {
        let found = appliance.try_sh(script)?;
        if found.success() {
            wrong.push(format!("{place}: {}", found.stdout));
        }
    }
    nothing_wrong(&wrong)
}

/// Section 16's grammar, and what each mistake does: nothing, with a sentence that says what to do.
#[test]
fn check_60_the_file_of_secrets_is_read_as_specified() -> Result<()> {
    const GOOD: [(&[u8], &str); 6] = [
        (b"\xEF\xBB\xBFWEBAPP_SECRET_KEY=after-a-mark\n", "after-a-mark"),
        (
            b"# remark\r\n\r\nWEBAPP_SECRET_KEY=two words # remark\r\n",
            "two words",
        ),
        (b"export WEBAPP_SECRET_KEY='$HOME #kept \\n'\n", "$HOME #kept \\n"),
        (b"WEBAPP_SECRET_KEY=\"a\\nb\\\"c\\\\\"\n", "a\nb\"c\\"),
        (b"WEBAPP_SECRET_KEY=a#b", "a#b"),
        (b"SOMETHING_ELSE=1\nWEBAPP_SECRET_KEY=last\n", "last"),
    ];
    const BAD: [(&[u8], &str); 7] = [
        (b"WEBAPP_SECRET_KEY=a\nWEBAPP_SECRET_KEY=b\n", "line 2"),
        (b"GOOD_NAME=a\n\nBAD-NAME=b\n", "line 3"),
        (b"no equals sign\n", "line 1"),
        (b"\n\nA='not closed\n", "line 3"),
        (b"A=\"a\\qb\"\n", "line 1"),
        (b"\xFF\xFEA\x00=\x00b\x00", "UTF-16"),
        (b"A=\xFF\n", "UTF-8"),
    ];
    let appliance = Appliance::applied()?;
    for (text, wanted) in GOOD {
        write_env(&appliance, text)?;
        appliance.apply()?;
        let found = appliance.sh("cat /etc/data-analyst/credentials/WEBAPP_SECRET_KEY")?;
        assert_eq!(found, wanted, "{}", String::from_utf8_lossy(text));
    }
    let state = "cd /etc/data-analyst && find . -type f -exec sha256sum {} + | sort";
    let before = appliance.sh(state)?;
    for (text, words) in BAD {
        write_env(&appliance, text)?;
        for arguments in [&["plan"][..], &["apply", "--yes"], &["verify"]] {
            let out = appliance.appliance(arguments)?;
            assert!(
                out.status == 3 || (out.status == 1 && arguments == ["verify"]),
                "{arguments:?} {words}: {out:?}"
            );
            let said = &out.stderr;
            assert!(
                said.contains(ENV_FILE) && said.contains(words) && said.contains("next: "),
                "{words}: {said}"
            );
        }
    }
    for loosen in [
        "chmod 0644",
        "chmod 0640",
        "chown www-data",
        "setfacl -m u:alice:r",
    ] {
        write_env(&appliance, "WEBAPP_SECRET_KEY=a\n")?;
        appliance.sh(&format!("{loosen} {ENV_FILE}"))?;
        let out = appliance.appliance(&["apply", "--yes"])?;
        assert_eq!(out.status, 3, "{loosen}: {out:?}");
        assert!(
            out.stderr.contains("next: ") && out.stderr.contains("0600"),
            "{loosen}: {}",
            out.stderr
        );
    }
    assert_eq!(appliance.sh(state)?, before);
    Ok(())
}
