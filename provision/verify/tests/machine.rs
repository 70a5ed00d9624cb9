//! What is promised on a booted machine: after an apply nothing is found, and each thing that is planted is found,
//! named, and nothing else with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use image::{Base, Container, Machine, Options};
use serde_json::Value;

/// What is done to the machine, and what must be found: severity, class and target.
struct Plant {
    script: &'static str,
    found: &'static [&'static str],
}

const PLANTS: &[Plant] = &[
    Plant {
        script: "echo 'mallory ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/zz-mallory && chmod 0440 /etc/sudoers.d/zz-mallory",
        found: &["error unmanaged-sudoers /etc/sudoers.d/zz-mallory"],
    },
    Plant {
        script: "echo 'alice ALL=(ALL) ALL' > /etc/sudoers.d/more && chmod 0440 /etc/sudoers.d/more",
        found: &["warning unmanaged-sudoers /etc/sudoers.d/more"],
    },
    Plant {
        script: "echo x > /etc/sudoers.d/old.bak",
        found: &["info unmanaged-sudoers /etc/sudoers.d/old.bak"],
    },
    Plant {
        script: "echo 'ALL ALL=(ALL' > /etc/sudoers.d/broken; chmod 0440 /etc/sudoers.d/broken",
        found: &[
            "error content /etc/sudoers",
            "warning unmanaged-sudoers /etc/sudoers.d/broken",
        ],
    },
    Plant {
        script: "echo 'Defaults !authenticate' >> /etc/sudoers",
        found: &["error unmanaged-sudoers /etc/sudoers"],
    },
    Plant {
        script: "echo 'PasswordAuthentication yes' > /etc/ssh/sshd_config.d/00-cloud.conf",
        found: &[
            "error unmanaged-path /etc/ssh/sshd_config.d/00-cloud.conf",
            "error content sshd",
            // It was there before anybody told sshd.
            "error unit-state ssh.service",
        ],
    },
    Plant {
        script: "echo key > /etc/ssh/authorized_keys.d/mallory",
        found: &["error unmanaged-path /etc/ssh/authorized_keys.d/mallory"],
    },
    Plant {
        script: "mkdir -p /root/.ssh && echo key > /root/.ssh/authorized_keys",
        found: &["warning unmanaged-path /root/.ssh/authorized_keys"],
    },
    Plant {
        script: "mkdir -p /var/www/.ssh && echo key > /var/www/.ssh/authorized_keys",
        found: &["error unmanaged-path /var/www/.ssh/authorized_keys"],
    },
    Plant {
        script: "echo '* - nproc unlimited' > /etc/security/limits.d/zz.conf",
        found: &["warning unmanaged-path /etc/security/limits.d/zz.conf"],
    },
    Plant {
        script: "echo '* * * * * root /tmp/x' > /etc/cron.d/x",
        found: &["error unmanaged-path /etc/cron.d/x"],
    },
    Plant {
        script: "echo '* * * * * true' | crontab -u deploy -",
        found: &["error unmanaged-path /var/spool/cron/crontabs/deploy"],
    },
    Plant {
        script: "echo 'server { listen 81; }' > /etc/nginx/conf.d/x.conf",
        found: &[
            "error unmanaged-path /etc/nginx/conf.d/x.conf",
            "error unit-state nginx.service",
        ],
    },
    Plant {
        script: "mkdir -p /etc/systemd/system/webapp.service.d && \
                 printf '[Service]\\nNoNewPrivileges=no\\n' > /etc/systemd/system/webapp.service.d/x.conf",
        found: &[
            "error unmanaged-path /etc/systemd/system/webapp.service.d/x.conf",
            "error unit-state unit files",
            "error unit-state webapp.service",
        ],
    },
    Plant {
        script: "printf '[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/backdoor.service",
        found: &["warning unmanaged-path /etc/systemd/system/backdoor.service"],
    },
    Plant {
        script: "useradd --uid 3999 stranger",
        found: &["warning unmanaged-account stranger"],
    },
    Plant {
        script: "useradd --non-unique --uid 0 toor",
        found: &["error account toor"],
    },
    Plant {
        script: "useradd --system robot && gpasswd --add robot sudo && echo robot:secret | chpasswd",
        found: &["error group-membership robot", "error account robot"],
    },
    Plant {
        script: "systemd-run --unit=stray python3 -m http.server 8888 --bind 0.0.0.0 && sleep 1",
        found: &[
            "error listener tcp 0.0.0.0:8888",
            "warning unit-state stray.service",
        ],
    },
    Plant {
        script: "cp /bin/true /usr/local/bin/rooted && chmod 4755 /usr/local/bin/rooted",
        found: &[
            "error suid /usr/local/bin/rooted",
            "warning unmanaged-path /usr/local/bin/rooted",
        ],
    },
    Plant {
        script: "cp /bin/true /home/alice/rooted && chmod 2755 /home/alice/rooted",
        found: &["error suid /home/alice/rooted"],
    },
    Plant {
        script: "cd /data/src_data/parquet/private && mkdir deep && echo x > deep/t && setfacl -m g:dataread:r-x deep/t",
        found: &["error private-acl /data/src_data/parquet/private/deep/t"],
    },
    Plant {
        script: "echo x > /data/user_sessions/readable && chmod 0664 /data/user_sessions/readable",
        found: &["warning mode /data/user_sessions/readable"],
    },
    Plant {
        script: "mkdir /opt/data-analyst/open && chmod 0777 /opt/data-analyst/open",
        found: &[
            "error world-writable /opt/data-analyst/open",
            "warning unmanaged-path /opt/data-analyst/open",
        ],
    },
    Plant {
        script: "chown deploy /opt/data-analyst/releases",
        found: &[
            "error owner /opt/data-analyst/releases",
            "error acl /opt/data-analyst/releases",
        ],
    },
    Plant {
        script: r#"sed -i 's/"role": *"data"/"role":"home"/' /data/.appliance-disk"#,
        found: &["error mount /data", "error mount data disk"],
    },
    Plant {
        script: "touch /data/sick",
        found: &[
            "error health load",
            "warning mode /data/sick",
            "info unmanaged-path /data/sick",
        ],
    },
    Plant {
        script: "chmod o+rx /data/auth",
        found: &["error mode /data/auth", "error acl /data/auth"],
    },
    Plant {
        script: "nft add table inet stranger",
        found: &["warning firewall table inet stranger"],
    },
    Plant {
        script: "systemctl disable nftables",
        found: &[
            "error firewall nftables.service",
            "error missing /etc/systemd/system/sysinit.target.wants/nftables.service",
        ],
    },
    Plant {
        script: "chmod 0644 /etc/data-analyst/tls/privkey.pem",
        found: &["error credential-mode /etc/data-analyst/tls/privkey.pem"],
    },
];

/// Stands in for the portal: tells systemd that it is ready and answers everybody that it is well.
const PORTAL: &str = r#"#!/usr/bin/python3
import os, socket
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
server = socket.socket(socket.AF_UNIX)
server.bind("/run/webapp/webapp.sock")
server.listen()
server.settimeout(5)
manager.send(b"READY=1")
while True:
    manager.send(b"WATCHDOG=1")
    try:
        peer, _ = server.accept()
    except TimeoutError:
        continue
    sick = os.path.exists("/data/sick")
    body = b'{"status": "degraded", "load": {"healthy": false}}' if sick else b'{"status": "healthy"}'
    peer.recv(4096)
    peer.sendall(b"HTTP/1.1 " + (b"503 x" if sick else b"200 OK") + b"\r\n\r\n" + body)
    peer.close()
"#;

/// The example program, which cargo builds beside the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let built = test.ancestors().nth(2).expect("the target directory");
    let program = built.join("examples/verify");
    assert!(
        program.exists(),
        "build all targets: {} is missing",
        program.display()
    );
    program
}

fn boot() -> Container {
    let machine = Container::boot(Options::new(Base::stock().expect("the base"))).expect("a container");
    let instance = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images/dev-instance.toml");
    machine
        .copy_in(&program(), "/root/verify", 0o755)
        .expect("copied");
    machine
        .copy_in(&instance, "/root/instance.toml", 0o644)
        .expect("copied");
    let release = "/opt/data-analyst/releases/test/bin/webapp";
    machine
        .write_file(release, PORTAL.as_bytes(), 0o755)
        .expect("copied");
    let link = ["ln", "-s", "releases/test", "/opt/data-analyst/current"];
    machine.run(&link).expect("linked");
    machine
}

/// Every finding, and the report as people see it.
fn look(machine: &Container) -> (BTreeSet<String>, String) {
    let output = machine
        .run(&["/root/verify", "/root/instance.toml"])
        .expect("it ran");
    assert_eq!(output.status, 0, "{output:?}");
    let report: Value = serde_json::from_str(&output.stdout).expect("json");
    let list = |check: &Value, key: &str| check[key].as_array().cloned().unwrap_or_default();
    let checks = list(&report, "checks");
    let findings = checks
        .iter()
        .flat_map(|check| [list(check, "findings"), list(check, "notes")].concat());
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let found = findings
        .map(|finding| {
            ["severity", "class", "target"]
                .map(|key| text(&finding, key))
                .join(" ")
        })
        .collect();
    (found, output.stderr)
}

#[test]
fn what_is_planted_is_found_and_nothing_else() {
    let machine = boot();
    let apply = machine.run(&["/root/verify", "/root/instance.toml", "--apply"]);
    let apply = apply.expect("it ran");
    assert_eq!(apply.status, 0, "{}", apply.stderr);
    let (before, text) = look(&machine);
    assert!(
        before.iter().all(|finding| finding.starts_with("info ")),
        "{text}"
    );
    let mut expected = before.clone();
    for plant in PLANTS {
        let output = machine.run(&["sh", "-c", plant.script]).expect("it ran");
        assert_eq!(output.status, 0, "{}: {output:?}", plant.script);
        expected.extend(plant.found.iter().map(|found| (*found).to_owned()));
    }
    let (found, text) = look(&machine);
    let missed: Vec<_> = expected.difference(&found).collect();
    let surplus: Vec<_> = found.difference(&expected).collect();
    assert!(
        missed.is_empty() && surplus.is_empty(),
        "missed {missed:#?}\nsurplus {surplus:#?}\n{text}"
    );
}
