//! Spec 10, section 12.2: every grant of sudo, tried with the real sudo, and everything beside it.

use acceptance::container_fixture::{ADMIN, Appliance, become_user, nothing_wrong, quoted};
use anyhow::Result;

/// The commands that the grants name. The programs themselves are not built yet, so root-owned stand-ins take their
/// places, which say as whom they ran and with which arguments.
const STAND_INS: [&str; 7] = [
    "/usr/local/bin/notify-scripts",
    "/usr/local/bin/add-analyst",
    "/usr/local/bin/user-crontab",
    "/usr/local/bin/install-user-rules",
    "/usr/local/bin/install-sync-settings",
    "/usr/local/sbin/appliance-deploy",
    "/usr/local/sbin/broker-remediate",
];

fn with_stand_ins() -> Result<Appliance> {
    let appliance = Appliance::applied()?;
    appliance.add_people()?;
    for path in STAND_INS {
        let script = "#!/bin/sh\nprintf \"%s:$(id -un)\" \"$#\"; printf \" [%s]\" \"$@\"\n";
        appliance.sh(&format!(
            "test -e {path} || {{ printf '%s' {} > {path} && chmod 0755 {path}; }}",
            quoted(script)
        ))?;
    }
    Ok(appliance)
}

/// Who, what sudo is told, and as whom it then runs.
const ALLOWED: [(&str, &[&str], &str); 24] = [
    ("deploy", &["/usr/local/sbin/appliance-deploy"], "root"),
    (
        "deploy",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "list"],
        "stan",
    ),
    (
        "deploy",
        &["-u", "petra", "/usr/local/bin/notify-scripts", "list"],
        "petra",
    ),
    (
        "deploy",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "sync-status"],
        "stan",
    ),
    (
        "deploy",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "a.py"],
        "stan",
    ),
    (
        "deploy",
        &["-u", "petra", "/usr/local/bin/notify-scripts", "run", "a-B_9.py"],
        "petra",
    ),
    ("www-data", &["/usr/local/bin/add-analyst", "--stdin"], "root"),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "list"],
        "stan",
    ),
    (
        "www-data",
        &["-u", "petra", "/usr/local/bin/notify-scripts", "list"],
        "petra",
    ),
    (
        "www-data",
        &["-u", "alice", "/usr/local/bin/notify-scripts", "list"],
        "alice",
    ),
    (
        "www-data",
        &["-u", "alice", "/usr/local/bin/notify-scripts", "sync-status"],
        "alice",
    ),
    ("www-data", &["-u", "stan", "/usr/local/bin/user-crontab"], "stan"),
    (
        "www-data",
        &["-u", "alice", "/usr/local/bin/user-crontab"],
        "alice",
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/install-user-rules", "--stdin"],
        "stan",
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/install-sync-settings", "--stdin"],
        "stan",
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "a.py"],
        "stan",
    ),
    (
        "www-data",
        &["-u", "petra", "/usr/local/bin/notify-scripts", "run", "report.py"],
        "petra",
    ),
    (
        "runbooks",
        &["/usr/local/sbin/broker-remediate", "restart", "webapp.service"],
        "root",
    ),
    (
        "runbooks",
        &["/usr/local/sbin/broker-remediate", "restart", "nginx.service"],
        "root",
    ),
    (
        "runbooks",
        &["/usr/local/sbin/broker-remediate", "restart", "obs-store.service"],
        "root",
    ),
    (
        "runbooks",
        &["/usr/local/sbin/broker-remediate", "start", "data-sync.service"],
        "root",
    ),
    (
        "runbooks",
        &[
            "/usr/local/sbin/broker-remediate",
            "start",
            "session-collector.service",
        ],
        "root",
    ),
    (
        "alice",
        &["/usr/local/sbin/appliance-deploy", "--rollback"],
        "root",
    ),
    (
        "alice",
        &[
            "-u",
            "stan",
            "/usr/local/bin/notify-scripts",
            "anything",
            "at all",
        ],
        "stan",
    ),
];

const REFUSED: [(&str, &[&str]); 56] = [
    // Arguments that no rule names.
    ("deploy", &["/usr/local/sbin/appliance-deploy", "--rollback"]),
    ("deploy", &["/usr/local/sbin/appliance-deploy", ""]),
    ("www-data", &["/usr/local/bin/add-analyst"]),
    (
        "www-data",
        &["/usr/local/bin/add-analyst", "bob", "ssh-ed25519 AAAA"],
    ),
    (
        "www-data",
        &["/usr/local/bin/add-analyst", "--stdin", "--private"],
    ),
    (
        "www-data",
        &["/usr/local/bin/add-analyst", "--private", "--stdin"],
    ),
    ("www-data", &["/usr/local/bin/add-analyst", "--private"]),
    ("www-data", &["-u", "stan", "/usr/local/bin/notify-scripts"]),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "list", "all"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "sync-status", "x"],
    ),
    ("www-data", &["-u", "stan", "/usr/local/bin/user-crontab", "-r"]),
    ("www-data", &["-u", "stan", "/usr/local/bin/user-crontab", ""]),
    ("www-data", &["-u", "stan", "/usr/local/bin/install-user-rules"]),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/install-user-rules", "/tmp/rules"],
    ),
    (
        "www-data",
        &[
            "-u",
            "stan",
            "/usr/local/bin/install-sync-settings",
            "--stdin",
            "x",
        ],
    ),
    // Script names that leave their directory, are two, or are none.
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "../a.py"],
    ),
    (
        "www-data",
        &[
            "-u",
            "stan",
            "/usr/local/bin/notify-scripts",
            "run",
            "a.py",
            "b.py",
        ],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "a.py b.py"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "a\n.py"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "a.py\n"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "a.py\nb.py"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "-a.py"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "a.sh"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "/a.py"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "axpy"],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", ""],
    ),
    (
        "www-data",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run"],
    ),
    (
        "deploy",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "../a.py"],
    ),
    (
        "deploy",
        &[
            "-u",
            "stan",
            "/usr/local/bin/notify-scripts",
            "run",
            "a.py",
            "b.py",
        ],
    ),
    (
        "deploy",
        &["-u", "stan", "/usr/local/bin/notify-scripts", "run", "a\n.py"],
    ),
    // Targets that are no analyst, and administrators where code of theirs would run.
    (
        "www-data",
        &["-u", "root", "/usr/local/bin/notify-scripts", "list"],
    ),
    ("www-data", &["/usr/local/bin/notify-scripts", "list"]),
    (
        "www-data",
        &["-u", "deploy", "/usr/local/bin/notify-scripts", "list"],
    ),
    (
        "www-data",
        &["-u", "nobody", "/usr/local/bin/notify-scripts", "list"],
    ),
    ("www-data", &["-u", "#0", "/usr/local/bin/notify-scripts", "list"]),
    (
        "www-data",
        &["-u", "#-1", "/usr/local/bin/notify-scripts", "list"],
    ),
    (
        "www-data",
        &["-u", "#4294967295", "/usr/local/bin/notify-scripts", "list"],
    ),
    (
        "www-data",
        &["-u", "alice", "/usr/local/bin/notify-scripts", "run", "a.py"],
    ),
    (
        "deploy",
        &["-u", "alice", "/usr/local/bin/notify-scripts", "run", "a.py"],
    ),
    (
        "deploy",
        &["-u", "alice", "/usr/local/bin/notify-scripts", "list"],
    ),
    ("deploy", &["-u", "root", "/usr/local/bin/notify-scripts", "list"]),
    (
        "www-data",
        &["-g", "root", "/usr/local/bin/add-analyst", "--stdin"],
    ),
    (
        "www-data",
        &[
            "-u",
            "stan",
            "-g",
            "root",
            "/usr/local/bin/notify-scripts",
            "list",
        ],
    ),
    // The environment.
    (
        "www-data",
        &["LD_PRELOAD=/tmp/x.so", "/usr/local/bin/add-analyst", "--stdin"],
    ),
    ("www-data", &["-E", "/usr/local/bin/add-analyst", "--stdin"]),
    (
        "deploy",
        &["LD_PRELOAD=/tmp/x.so", "/usr/local/sbin/appliance-deploy"],
    ),
    (
        "deploy",
        &["--preserve-env=PATH", "/usr/local/sbin/appliance-deploy"],
    ),
    // Others' commands, other actions, and everybody else.
    ("deploy", &["/usr/local/bin/add-analyst", "--stdin"]),
    ("www-data", &["/usr/local/sbin/appliance-deploy"]),
    (
        "runbooks",
        &["/usr/local/sbin/broker-remediate", "stop", "webapp.service"],
    ),
    (
        "runbooks",
        &["/usr/local/sbin/broker-remediate", "restart", "ssh.service"],
    ),
    (
        "runbooks",
        &[
            "/usr/local/sbin/broker-remediate",
            "restart",
            "webapp.service",
            "nginx.service",
        ],
    ),
    ("runbooks", &["/usr/local/sbin/broker-remediate"]),
    ("deploy", &["/bin/sh", "-c", "id"]),
    ("stan", &["/usr/bin/id"]),
    ("obs", &["/usr/bin/id"]),
];

fn sudo(appliance: &Appliance, who: &str, arguments: &[&str]) -> Result<image::Output> {
    let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
    appliance.try_sh(&format!("{} sudo -n {}", become_user(who), words.join(" ")))
}

#[test]
fn check_31_sudo_allows_what_the_list_names_and_nothing_else() -> Result<()> {
    let appliance = with_stand_ins()?;
    let mut wrong = Vec::new();
    for (who, arguments, target) in ALLOWED {
        let out = sudo(&appliance, who, arguments)?;
        let ran_as = out.stdout.split([':', ' ']).nth(1);
        if !out.success() || ran_as != Some(target) {
            wrong.push(format!("{who} may {arguments:?} as {target}: {out:?}"));
        }
    }
    for (who, arguments) in REFUSED {
        let out = sudo(&appliance, who, arguments)?;
        if out.success() || !out.stdout.is_empty() {
            wrong.push(format!("{who} may not {arguments:?}: {out:?}"));
        }
    }
    nothing_wrong(&wrong)
}

#[test]
fn check_30_32_34_the_files_hold_no_wildcard_and_deploy_reaches_nothing_else() -> Result<()> {
    let appliance = with_stand_ins()?;
    appliance.sh("visudo -c")?;
    let ours = "/etc/sudoers.d/10-appliance-admins /etc/sudoers.d/deploy /etc/sudoers.d/webapp /etc/sudoers.d/runbooks";
    assert_eq!(
        appliance.sh(&format!("stat -c '%a %U:%G' {ours} | sort -u"))?,
        "440 root:root\n"
    );
    assert_eq!(
        appliance.sh(&format!(
            "grep -v '^#' -h {ours} | grep -nE '[*?]|SETENV|\\[!' ; true"
        ))?,
        ""
    );
    let all = appliance.sh(&format!("grep -hE '(: |, *)ALL' {ours}"))?;
    assert_eq!(all, "%sudo ALL=(ALL:ALL) NOPASSWD: ALL\n");
    // Every command is root's, on a path that root alone may change.
    let loose = format!(
        "for p in {}; do while [ $p != / ]; do find $p -maxdepth 0 \\( -not -user root -o -perm /022 \\); p=$(dirname $p); done; done",
        STAND_INS.join(" ")
    );
    assert_eq!(appliance.sh(&loose)?, "");

    let mut wrong = Vec::new();
    let closed = "/opt/data-analyst /opt/data-analyst/releases /opt/data-analyst/current/bin /opt/data-analyst/config /opt/data-analyst/logs \
                  /usr/local /usr/local/bin /usr/local/sbin /etc /etc/data-analyst /etc/data-analyst/credentials /etc/sudoers.d \
                  /etc/ssh/authorized_keys.d /etc/systemd/system /data/scripts /data/examples /data/docs/setup /var/lib/data-analyst";
    for directory in closed.split_whitespace() {
        if appliance
            .try_as("deploy", &format!("touch {directory}/planted"))?
            .success()
        {
            wrong.push(format!("deploy writes to {directory}"));
        }
    }
    for attempt in [
        "ln -sfn /tmp /opt/data-analyst/current",
        "mv /opt/data-analyst/current /opt/data-analyst/old",
        "echo x >> /usr/local/sbin/appliance",
        "echo x >> /etc/ssh/authorized_keys.d/deploy",
        "mkdir -p ~deploy/.ssh && false",
    ] {
        if appliance.try_as("deploy", attempt)?.success() {
            wrong.push(format!("deploy: {attempt}"));
        }
    }
    appliance.sh_as("deploy", "touch /opt/data-analyst/incoming/release.part")?;
    let listed = appliance.sh_as("deploy", "sudo -n -l | sed '1,/may run/d' | tr -s ' \\n' ' '")?;
    let analysts = "(%dataread, %!sudo, %!data-ops, !root) NOPASSWD: /usr/local/bin/notify-scripts";
    assert_eq!(
        listed.trim(),
        format!(
            "(root) NOPASSWD: /usr/local/sbin/appliance-deploy \"\" {analysts} list, /usr/local/bin/notify-scripts sync-status \
             {analysts} ^run [A-Za-z0-9][A-Za-z0-9_-]{{0\\,63}}[.]py$"
        )
    );

    // 34: the account of nginx's workers reaches neither data nor the account commands.
    for path in [
        "/data/src_data",
        "/data/notifications",
        "/data/user_sessions",
        "/etc/data-analyst/credentials",
        "/home/alice",
    ] {
        if appliance.try_as("www-data", &format!("ls {path}"))?.success() {
            wrong.push(format!("www-data lists {path}"));
        }
    }
    if appliance
        .try_as(
            "www-data",
            "add-analyst bob key >/dev/null 2>&1 && getent passwd bob",
        )?
        .success()
    {
        wrong.push("www-data made an account".to_owned());
    }
    if !appliance.sh_as(ADMIN, "sudo -n id -un")?.eq("root\n") {
        wrong.push("an administrator is not root through sudo".to_owned());
    }
    nothing_wrong(&wrong)
}
