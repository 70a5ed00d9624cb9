//! Spec 10, section 13: what listens, what the firewall lets through from outside and from inside, and whose tables stay.

use std::collections::BTreeSet;

use acceptance::container_fixture::{ADMIN, Appliance, STANDARD, here, nothing_wrong};
use anyhow::Result;
use image::Machine;

/// The internal ports of section 13.1, and the accounts that may reach each besides root.
const INTERNAL: [(u16, &[&str]); 24] = [
    (3000, &["monitor", "www-data"]),
    (4317, SERVICES),
    (4318, SERVICES),
    (4319, SERVICES),
    (8080, SERVICES),
    (8081, &["www-data", "aiops", "monitor"]),
    (8765, &["www-data"]),
    (9090, &["monitor"]),
    (9093, &["monitor"]),
    (9101, METRICS),
    (9102, METRICS),
    (9103, METRICS),
    (9104, METRICS),
    (9105, METRICS),
    (9106, METRICS),
    (9107, METRICS),
    (9108, METRICS),
    (9109, METRICS),
    (9110, METRICS),
    (9111, METRICS),
    (9112, METRICS),
    (20201, &[]),
    (20202, &[]),
    // Not a port of ours: nobody is kept from it.
    (7777, EVERYBODY),
];
const METRICS: &[&str] = &["monitor", "aiops"];
const SERVICES: &[&str] = &[
    "www-data",
    "deploy",
    "da-sync",
    "da-jira",
    "da-collect",
    "log-ingest",
    "runbooks",
    "obs",
    "aiops",
    "monitor",
    "audit-export",
];
const EVERYBODY: &[&str] = &[
    "stan", "alice", "nobody", "www-data", "deploy", "monitor", "aiops", "obs", "da-sync",
];
const ASKED: [&str; 10] = [
    "stan", "alice", "nobody", "www-data", "deploy", "monitor", "aiops", "obs", "da-sync", "root",
];

/// A server on every internal port and on some more, on all addresses, as nobody who matters.
const SERVERS: &str = "
import socket, select, sys
servers = []
for port in [25, 7777] + [int(word) for word in sys.argv[1:]]:
    server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(('0.0.0.0', port)); server.listen(64); servers.append(server)
while True:
    for server in select.select(servers, [], [])[0]:
        server.accept()[0].close()
";

/// Which of `host:port` answer, are refused at once, or say nothing within a second.
const PROBE: &str = "
import concurrent.futures, socket, sys
def ask(target):
    host, port = target.split(':')
    probe = socket.socket(); probe.settimeout(1)
    try: probe.connect((host, int(port))); return 'open'
    except ConnectionRefusedError: return 'refused'
    except TimeoutError: return 'silent'
    except OSError as error: return error.strerror
with concurrent.futures.ThreadPoolExecutor(32) as pool:
    for target, said in zip(sys.argv[1:], pool.map(ask, sys.argv[1:])): print(target, said)
";

fn with_servers() -> Result<Appliance> {
    let appliance = Appliance::applied()?;
    appliance.add_people()?;
    let ports: Vec<String> = INTERNAL
        .iter()
        .map(|(port, _)| port.to_string())
        .filter(|port| port != "7777")
        .collect();
    appliance.sh(&format!("mkdir -p /root/probe; cat > /opt/servers.py <<'END'\n{SERVERS}END\ncat > /opt/probe.py <<'END'\n{PROBE}END\n"))?;
    appliance.sh(&format!(
        "systemd-run --quiet --unit=servers python3 /opt/servers.py {}; \
         for i in $(seq 100); do ss -tln | grep -q ':20202 ' && break; sleep 0.05; done",
        ports.join(" ")
    ))?;
    Ok(appliance)
}

#[test]
fn check_44_45_from_outside_three_ports_and_from_inside_what_the_table_says() -> Result<()> {
    let appliance = with_servers()?;
    let mut wrong = Vec::new();

    // From this host, at the other end of the cable: only what the internet may reach answers, the rest says nothing.
    let outside = [
        "22", "80", "443", "25", "7777", "8080", "8081", "8765", "9101", "9102", "3000", "4317", "20202",
        "111",
    ];
    let targets: Vec<String> = outside
        .iter()
        .map(|port| format!("{}:{port}", appliance.address()))
        .collect();
    let mut words = vec!["python3", "-c", PROBE];
    words.extend(targets.iter().map(String::as_str));
    for line in here(&words)?.stdout.lines() {
        let open = [":22 ", ":80 ", ":443 "].iter().any(|port| line.contains(port));
        if !line.ends_with(if open { "open" } else { "silent" }) {
            wrong.push(format!("from outside: {line}"));
        }
    }

    // From inside, over the loopback device.
    let targets: Vec<String> = INTERNAL
        .iter()
        .map(|(port, _)| format!("127.0.0.1:{port}"))
        .collect();
    for who in ASKED {
        let said = appliance.sh_as(who, &format!("python3 /opt/probe.py {}", targets.join(" ")))?;
        for ((port, users), line) in INTERNAL.iter().zip(said.lines()) {
            let may = who == "root" || users.contains(&who);
            if !line.ends_with(if may { "open" } else { "refused" }) {
                wrong.push(format!("{who} on {port}: {line}, allowed: {may}"));
            }
        }
    }

    // Mail and the cloud's metadata: refused at once, or let out (where nobody is, in this network).
    let host = appliance
        .address()
        .rsplit_once('.')
        .map(|(net, _)| format!("{net}.1"))
        .unwrap_or_default();
    for who in ASKED {
        let targets = format!(
            "{host}:25 {host}:465 {host}:587 169.254.169.254:80 169.254.169.254:8080 169.254.169.254:53"
        );
        let said = appliance.sh_as(who, &format!("python3 /opt/probe.py {targets}"))?;
        let words: Vec<&str> = said.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        let metadata = if ["root", "monitor"].contains(&who) {
            "silent"
        } else {
            "refused"
        };
        // Both answers are a refusal on the wire; the counters below tell whose it was.
        if words[3..5].iter().any(|word| *word != metadata) {
            wrong.push(format!("{who} and the metadata address: {words:?}"));
        }
        if words[5] == "refused" {
            wrong.push(format!("{who} may ask the cloud's name server: {words:?}"));
        }
    }
    // This host refuses port 25 itself, as nobody listens; what left the machine is seen by a table of the test's own.
    appliance.sh(
        "nft -f - <<'END'\ntable inet witness {\n counter mail { packets 0 bytes 0; }\n chain out { type filter hook postrouting priority 0; policy accept; \
         tcp dport { 25, 465, 587 } counter name mail; }\n}\nEND",
    )?;
    for (who, may) in [
        (STANDARD, false),
        (ADMIN, false),
        ("nobody", false),
        ("da-sync", false),
        ("www-data", true),
        ("root", true),
    ] {
        appliance.sh_as(
            who,
            &format!("python3 /opt/probe.py {host}:25 {host}:465 {host}:587"),
        )?;
        let left = appliance.sh("nft reset counter inet witness mail | grep -c 'packets 0 '; true")?;
        if (left == "0\n") != may {
            wrong.push(format!("mail of {who} left: {}, should be {may}", left == "0\n"));
        }
    }

    // 45, as far as a container goes: a table of others survives a reload and a restart of ours.
    appliance.sh("nft delete table inet appliance")?;
    assert_eq!(appliance.apply()?, 1);
    appliance.sh("systemctl reload nftables && systemctl restart nftables")?;
    let tables = appliance.sh("nft list tables")?;
    if !(tables.contains("inet witness") && tables.contains("inet appliance")) {
        wrong.push(format!("tables after a reload and a restart: {tables}"));
    }
    appliance.sh("systemctl stop nftables")?;
    let tables = appliance.sh("nft list tables; systemctl is-failed nftables; true")?;
    if tables.contains("appliance") || !tables.contains("witness") || !tables.ends_with("inactive\n") {
        wrong.push(format!("after a stop: {tables}"));
    }
    nothing_wrong(&wrong)
}

#[test]
fn a_firewall_that_nft_refuses_never_replaces_the_one_that_works() -> Result<()> {
    let appliance = Appliance::applied()?;
    // An open connection goes on over a reload of the rules.
    let loaded = appliance.sh("nft list table inet appliance | sed 's/packets [0-9]* bytes [0-9]*//'")?;
    appliance.sh("echo 'table inet appliance { chain input { nonsense' > /etc/nftables.conf; ! systemctl reload nftables")?;
    assert_eq!(
        appliance.sh("nft list table inet appliance | sed 's/packets [0-9]* bytes [0-9]*//'")?,
        loaded
    );
    let planned = appliance.planned()?;
    assert_eq!(
        planned
            .iter()
            .map(|step| step.target.as_str())
            .collect::<Vec<_>>(),
        ["/etc/nftables.conf"],
        "{planned:?}"
    );
    appliance.apply()?;
    appliance.sh("systemctl reload nftables")?;
    assert_eq!(appliance.apply()?, 0);

    let script = "sleep 2; echo still-here";
    let key = appliance.private_key(ADMIN).display().to_string();
    let target = format!("alice@{}", appliance.address());
    let session = std::process::Command::new("ssh")
        .args([
            "-F",
            "none",
            "-i",
            &key,
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "BatchMode=yes",
            &target,
            script,
        ])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    std::thread::sleep(std::time::Duration::from_millis(900));
    appliance.sh("nft delete table inet appliance")?;
    appliance.apply()?;
    assert_eq!(
        String::from_utf8_lossy(&session.wait_with_output()?.stdout),
        "still-here\n"
    );
    Ok(())
}

#[test]
fn check_43_47_what_listens_and_when_the_firewall_comes() -> Result<()> {
    let mut appliance = Appliance::applied()?;
    appliance.machine().reboot()?;
    let sockets =
        appliance.sh("ss -H -tulpn | awk '{split($7, p, \"\\\"\"); print $1, $5, p[2]}' | sort -u")?;
    let found: BTreeSet<&str> = sockets.lines().collect();
    let expected = BTreeSet::from([
        "tcp 0.0.0.0:22 sshd",
        "tcp 0.0.0.0:443 nginx",
        "tcp 0.0.0.0:80 nginx",
        "tcp [::]:22 sshd",
        "tcp [::]:443 nginx",
        "tcp [::]:80 nginx",
    ]);
    assert_eq!(found, expected);
    // 47: the rules are loaded before any network is configured.
    assert_eq!(
        appliance.sh("systemctl is-active nftables; nft list tables")?,
        "active\ntable inet appliance\n"
    );
    let before = appliance.sh("systemctl show -P Before nftables")?;
    assert!(before.contains("network-pre.target"), "{before}");
    assert!(
        appliance
            .sh("systemctl show -P WantedBy nftables")?
            .contains("sysinit.target")
    );

    appliance.sh("systemd-run --quiet --unit=stray python3 -m http.server 8999; for i in $(seq 100); do ss -tln | grep -q :8999 && break; sleep 0.05; done")?;
    let listeners = appliance.drift_of("listener")?;
    assert!(
        listeners.len() == 1 && listeners[0].contains("8999"),
        "{listeners:?}"
    );
    Ok(())
}

/// 46, but for the hour that a ban lasts.
#[test]
fn check_46_who_fails_too_often_is_shut_out() -> Result<()> {
    let appliance = Appliance::applied()?;
    let jails = appliance.sh("for i in $(seq 100); do fail2ban-client ping >/dev/null 2>&1 && break; sleep 0.1; done; fail2ban-client status | sed -n 's/.*Jail list:[[:space:]]*//p'")?;
    assert_eq!(jails, "nginx-botsearch, nginx-limit-req, portal-auth, sshd\n");
    for (jail, setting, value) in [
        ("sshd", "maxretry", "5"),
        ("sshd", "findtime", "600"),
        ("sshd", "bantime", "3600"),
        ("nginx-limit-req", "maxretry", "10"),
        ("nginx-limit-req", "bantime", "3600"),
        ("nginx-botsearch", "maxretry", "5"),
        ("portal-auth", "maxretry", "10"),
        ("portal-auth", "bantime", "1800"),
    ] {
        assert_eq!(
            appliance
                .sh(&format!("fail2ban-client get {jail} {setting}"))?
                .trim(),
            value,
            "{jail} {setting}"
        );
    }
    assert_eq!(appliance.ssh(ADMIN, ADMIN, &["true"])?.status, 0);
    for _ in 0..6 {
        appliance.ssh("nobody-here", "ci", &["true"])?;
    }
    let banned = "for i in $(seq 100); do fail2ban-client status sshd | grep -q 'Currently banned:.*1' && break; sleep 0.1; done; \
                  fail2ban-client status sshd | sed -n 's/.*Banned IP list:[[:space:]]*//p'; nft list table inet f2b-table | grep -c reject";
    let host = appliance
        .address()
        .rsplit_once('.')
        .map(|(net, _)| format!("{net}.1"))
        .unwrap_or_default();
    assert_eq!(appliance.sh(banned)?, format!("{host}\n1\n"));
    let refused = appliance.ssh(ADMIN, ADMIN, &["true"])?;
    assert_eq!(refused.status, 255, "{refused:?}");

    // Its table is nobody's business but its own: an apply and a reload of our rules leave the ban where it is.
    appliance.sh("nft delete table inet appliance")?;
    assert_eq!(appliance.apply()?, 1);
    appliance.sh("systemctl reload nftables; nft list table inet f2b-table | grep -q reject")?;
    assert_eq!(appliance.drift()?, []);
    appliance.sh(&format!("fail2ban-client set sshd unbanip {host}"))?;
    assert_eq!(appliance.ssh(ADMIN, ADMIN, &["true"])?.status, 0);
    Ok(())
}
