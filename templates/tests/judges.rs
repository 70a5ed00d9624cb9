//! The programs that read the files judge what the templates render.
//!
//! A judge that is not installed, or that needs root, is named on standard error as skipped.

mod contexts;
mod judge;

use judge::judge;
use templates::render;

#[test]
fn sshd_accepts_the_drop_in_and_applies_its_match_blocks() {
    // sshd wants /run/sshd even for a check; the test gives it a /run of its own.
    if judge("/usr/sbin/sshd").is_none() || !judge::is_root() {
        return;
    }
    let Some(unshare) = judge("/usr/bin/unshare") else {
        return;
    };
    let Some(keygen) = judge("/usr/bin/ssh-keygen") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    keygen.run(["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
    let mut context = contexts::sshd();
    context.host_keys = vec![key.to_str().unwrap().to_owned()];
    let file = judge::file(&dir, "sshd_config", &render(&context).unwrap());
    let private = "mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd \"$@\"";
    let sshd = |arguments: &[&str]| {
        let shell = ["--mount", "/bin/sh", "-c", private, "sshd"];
        unshare.run(shell.iter().chain(arguments).copied())
    };
    sshd(&["-t", "-f", &file]);

    let effective = |user: &str| {
        sshd(&[
            "-T",
            "-f",
            &file,
            "-C",
            &format!("user={user},host=h,addr=192.0.2.1"),
        ])
    };
    // `deploy` need not exist here for its block to match; members of the group must, and root is in none.
    let deploy = effective("deploy");
    for line in [
        "forcecommand /usr/local/sbin/appliance-deploy-gate",
        "permittty no",
        "maxsessions 2",
    ] {
        assert!(deploy.contains(line), "{line}: {deploy}");
    }
    let other = effective("root");
    for line in [
        "passwordauthentication no",
        "permitrootlogin no",
        "maxsessions 20",
        "maxstartups 30:50:100",
        "requiredrsasize 2048",
        "allowtcpforwarding no",
        "authenticationmethods publickey",
        "authorizedkeysfile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u",
        "loglevel VERBOSE",
    ] {
        assert!(other.contains(line), "{line}: {other}");
    }
}

#[test]
fn visudo_accepts_every_sudoers_file() {
    let Some(visudo) = judge("/usr/sbin/visudo") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for (name, context) in [
        ("10-appliance-admins", contexts::sudoers_admins()),
        ("deploy", contexts::sudoers_deploy()),
        ("webapp", contexts::sudoers_webapp()),
    ] {
        let file = judge::file(&dir, name, &render(&context).unwrap());
        visudo.run(["-cf", &file]);
    }
}

#[test]
fn sudo_reads_back_the_expression_that_was_meant() {
    let Some(cvtsudoers) = judge("/usr/bin/cvtsudoers") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = judge::file(&dir, "webapp", &render(&contexts::sudoers_webapp()).unwrap());
    let parsed = cvtsudoers.run(["-c", "/dev/null", "-f", "json", &file]);
    assert!(
        // One command: the comma has begun no other. sudo keeps the backslash for its own compiler.
        parsed.contains(r#"notify-scripts ^run [A-Za-z0-9][A-Za-z0-9_-]{0\\,63}[.]py$""#),
        "{parsed}"
    );
}

#[test]
fn systemd_accepts_units_and_reads_back_the_words() {
    let Some(analyze) = judge("/usr/bin/systemd-analyze") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let unit = render(&contexts::unit())
        .unwrap()
        .replace("OnFailure=unit-failed@%n.service\n", "");
    let file = judge::file(&dir, "portal.service", &unit);
    let said = analyze.run(["verify", "--man=no", "--recursive-errors=no", &file]);
    assert!(!said.contains("portal.service:"), "{said}");
}

#[test]
fn tmpfiles_accepts_its_lines() {
    let Some(tmpfiles) = judge("/usr/bin/systemd-tmpfiles") else {
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut context = contexts::tmpfiles();
    context.rows[0].group = "root".into();
    context.rows[0].path = "/tmp/100%n".into();
    let file = judge::file(&dir, "appliance.conf", &render(&context).unwrap());
    tmpfiles.run(["--create", "--root", root.path().to_str().unwrap(), &file]);
    assert!(root.path().join("tmp/100%n").is_dir());
    let made = std::fs::read_to_string(root.path().join("tmp/.appliance-disk")).unwrap();
    assert_eq!(Some(made), context.rows[2].argument);
}

#[test]
fn apt_reads_back_the_settings() {
    let Some(apt) = judge("/usr/bin/apt-config") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let text = render(&contexts::apt_periodic()).unwrap()
        + &render(&contexts::upgrades()).unwrap()
        + &render(&contexts::apt_options()).unwrap();
    let file = judge::file(&dir, "apt.conf", &text);
    let dump = apt.run(["-c", &file, "dump"]);
    for line in [
        r#"APT::Keep-Downloaded-Packages "false";"#,
        r#"APT::Periodic::Unattended-Upgrade "1";"#,
        r#"Unattended-Upgrade::Automatic-Reboot-Time "03:30";"#,
        r#"Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";"#,
    ] {
        assert!(dump.contains(line), "{line}: {dump}");
    }
    // Debian's own list is cleared, not added to.
    assert_eq!(
        dump.matches("Unattended-Upgrade::Origins-Pattern:: ").count(),
        3,
        "{dump}"
    );
}

#[test]
fn logrotate_accepts_its_entries() {
    let Some(logrotate) = judge("/usr/sbin/logrotate") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut context = contexts::logrotate();
    context.entries[1].rotate_as = None;
    let file = judge::file(&dir, "appliance", &render(&context).unwrap());
    let state = dir.path().join("state");
    let said = logrotate.run(["-d", "-s", state.to_str().unwrap(), &file]);
    assert!(!said.contains("error:"), "{said}");
    assert!(said.contains("10485760 bytes (8 rotations)"), "{said}");
}

#[test]
fn chrony_accepts_its_sources() {
    let Some(chronyd) = judge("/usr/sbin/chronyd") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = judge::file(&dir, "chrony.conf", &render(&contexts::chrony()).unwrap());
    let said = chronyd.run(["-p", "-f", &file]);
    assert!(
        said.contains("server metadata.google.internal iburst prefer"),
        "{said}"
    );
}

#[test]
fn fail2ban_finds_the_address_and_only_there() {
    let Some(regex) = judge("/usr/bin/fail2ban-regex") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let found = |filter: &str, line: &str| {
        let log = judge::file(&dir, "log", &format!("{line}\n"));
        regex.try_run(["-o", "ip", &log, filter]).output.trim().to_owned()
    };

    let filter = judge::file(
        &dir,
        "portal-auth.conf",
        &render(&contexts::portal_auth()).unwrap(),
    );
    let record = "Nov 21 09:50:00 data-broker webapp[77]: ";
    let refused = format!("{record}auth.failed client_ip=192.0.2.7 email=\"a@b\"");
    assert_eq!(found(&filter, &refused), "192.0.2.7");
    let v6 = format!("{record}auth.failed client_ip=2001:db8::7");
    assert_eq!(found(&filter, &v6), "2001:db8::7");
    let forged = format!("{record}auth.failed email=\"x client_ip=192.0.2.9 \" client_ip=192.0.2.7");
    assert_eq!(found(&filter, &forged), "");

    let filter = judge::file(&dir, "botsearch.conf", &render(&contexts::botsearch()).unwrap());
    let access = |status: u16, path: &str| {
        format!(
            r#"{{"time":"2026-11-21T09:50:00+00:00","remote_address":"192.0.2.7","status":{status},"method":"GET","path":"{path}","bytes":1}}"#
        )
    };
    assert_eq!(found(&filter, &access(404, "/wp-login.php")), "192.0.2.7");
    assert_eq!(found(&filter, &access(404, "/.env")), "192.0.2.7");
    assert_eq!(found(&filter, &access(404, "/static/missing.css")), "");
    assert_eq!(found(&filter, &access(200, "/wp-login.php")), "");
}

#[test]
fn fail2ban_accepts_the_jails() {
    let Some(client) = judge("/usr/bin/fail2ban-client") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("/bin/cp")
        .args(["-r", "/etc/fail2ban/.", dir.path().to_str().unwrap()])
        .status()
        .unwrap();
    assert!(copied.success());
    let log = judge::file(&dir, "log", "");
    let mut jails = contexts::jails();
    jails.nginx_error_log = log.clone();
    jails.nginx_access_log = log;
    judge::file(&dir, "jail.d/10-appliance.conf", &render(&jails).unwrap());
    judge::file(
        &dir,
        "filter.d/portal-auth.conf",
        &render(&contexts::portal_auth()).unwrap(),
    );
    judge::file(
        &dir,
        "filter.d/appliance-botsearch.conf",
        &render(&contexts::botsearch()).unwrap(),
    );
    let config = dir.path().to_str().unwrap();
    client.run(["-c", config, "-t"]);
    let dump = client.run(["-c", config, "-d"]);
    for jail in ["sshd", "nginx-limit-req", "nginx-botsearch", "portal-auth"] {
        assert!(dump.contains(&format!("['start', '{jail}']")), "{jail}: {dump}");
    }
    assert!(dump.contains("['set', 'portal-auth', 'maxretry', 10]"), "{dump}");
    assert!(dump.contains("35.235.240.0/20"), "{dump}");
}

#[test]
fn yaml_reads_back_the_agent_s_pipelines() {
    let Some(python) = judge("/usr/bin/python3") else {
        return;
    };
    if !python.try_run(["-c", "import yaml"]).accepted {
        judge::skip("python3-yaml is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut context = contexts::ops_agent();
    context.host = "no".into();
    let file = judge::file(&dir, "config.yaml", &render(&context).unwrap());
    let load = "import json,sys,yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let read: serde_json::Value = serde_json::from_str(&python.run(["-c", load, &file])).unwrap();
    assert_eq!(
        read["combined"]["receivers"]["otlp"]["grpc_endpoint"],
        "127.0.0.1:4317"
    );
    assert_eq!(
        read["logging"]["processors"]["origin"]["fields"]["labels.\"host\""]["static_value"],
        "no"
    );
    assert_eq!(
        read["metrics"]["receivers"]["hostmetrics"]["collection_interval"],
        "60s"
    );
    for kind in ["logging", "metrics"] {
        let known = |name: &str| {
            !read[kind]["receivers"][name].is_null() || !read["combined"]["receivers"][name].is_null()
        };
        for pipeline in read[kind]["service"]["pipelines"].as_object().unwrap().values() {
            for receiver in pipeline["receivers"].as_array().unwrap() {
                assert!(known(receiver.as_str().unwrap()), "{receiver}");
            }
        }
    }
}
