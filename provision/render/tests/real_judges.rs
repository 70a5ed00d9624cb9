//! The rendered files before the programs that will read them. A program that is not here, or may not run here,
//! is told by name and judges nothing.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]
#![expect(clippy::print_stdout, reason = "a judge that is skipped is told by name")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use appliance::Appliance;
use render::{Content, Node, Tree};

/// Where judges live; the rest of `PATH` is nobody's business.
const PLACES: [&str; 3] = ["/usr/sbin", "/usr/bin", "/bin"];

fn program(name: &str) -> Option<PathBuf> {
    let found = PLACES
        .iter()
        .map(|place| Path::new(place).join(name))
        .find(|path| path.exists());
    if found.is_none() {
        println!("skipped: {name} is not installed");
    }
    found
}

/// A namespace of its own, so that a judge that opens ports or needs `/run/sshd` does not touch this machine.
fn apart(kind: &str, judge: &str) -> Option<Command> {
    let (unshare, judge_path) = (program("unshare")?, program(judge)?);
    let works = Command::new(&unshare).args([kind, "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        println!("skipped: {judge} needs a namespace of its own, and this user may not have one");
        return None;
    }
    let mut command = Command::new(unshare);
    command.arg(kind);
    if kind == "--mount" {
        let script = "mount -t tmpfs none /run && mkdir -m 0755 /run/sshd && exec \"$0\" \"$@\"";
        command.args(["sh", "-c", script]);
    }
    command.arg(judge_path);
    Some(command)
}

fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn assert_passes(command: &mut Command) {
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn tree() -> (Appliance, Tree) {
    let appliance = common::appliance("gce");
    let tree = common::tree(&appliance);
    (appliance, tree)
}

/// Every file and link below `from`, written below `root`.
fn write_below(tree: &Tree, from: &str, root: &Path) -> Vec<PathBuf> {
    let mut written = Vec::new();
    for (path, entry) in tree.iter().filter(|(path, _)| path.as_str().starts_with(from)) {
        let here = root.join(path.relative());
        fs::create_dir_all(here.parent().unwrap()).unwrap();
        match &entry.node {
            Node::File {
                content, ownership, ..
            } => {
                write(&here, content.bytes());
                fs::set_permissions(&here, Permissions::from_mode(ownership.mode.bits())).unwrap();
                written.push(here);
            }
            Node::Link { target, .. } => std::os::unix::fs::symlink(target, here).unwrap(),
            Node::Directory { .. } | Node::Absent => {}
        }
    }
    written
}

fn write(path: &Path, bytes: &[u8]) {
    std::io::Write::write_all(&mut fs::File::create(path).unwrap(), bytes).unwrap();
}

fn text_of(tree: &Tree, path: &str) -> String {
    let found = tree.iter().find(|(other, _)| other.as_str() == path);
    match found.map(|(_, entry)| &entry.node) {
        Some(Node::File {
            content: Content::Plain(text),
            ..
        }) => text.clone(),
        other => panic!("{path} is {other:?}"),
    }
}

#[test]
fn visudo_takes_every_grant() {
    let Some(visudo) = program("visudo") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let files = write_below(&tree().1, "/etc/sudoers.d/", directory.path());
    assert_eq!(files.len(), 4);
    for file in files {
        assert_passes(Command::new(&visudo).arg("-cf").arg(file));
    }
}

#[test]
fn sshd_takes_its_configuration() {
    let (Some(mut sshd), Some(keygen)) = (apart("--mount", "sshd"), program("ssh-keygen")) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    let kind = ["-q", "-t", "ed25519", "-N", "", "-f"];
    assert_passes(Command::new(keygen).args(kind).arg(&key));
    let text = text_of(&tree().1, "/etc/ssh/sshd_config.d/10-appliance.conf");
    // The host's own keys are not this test's to read.
    let with_key = text.lines().map(|line| match line.strip_prefix("HostKey ") {
        Some(_) => format!("HostKey {}\n", key.display()),
        None => format!("{line}\n"),
    });
    let file = directory.path().join("sshd_config");
    write(&file, with_key.collect::<String>().as_bytes());
    let output = run(sshd.arg("-t").arg("-f").arg(file));
    let said = String::from_utf8_lossy(&output.stderr);
    // The same key three times is told and is this test's doing.
    assert!(output.status.success(), "{said}");
}

#[test]
fn nft_takes_the_firewall() {
    let Some(mut nft) = apart("--net", "nft") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nftables.conf");
    write(&file, text_of(&tree().1, "/etc/nftables.conf").as_bytes());
    assert_passes(nft.arg("-c").arg("-f").arg(file));
}

#[test]
fn nginx_takes_the_site() {
    let (Some(mut nginx), Some(openssl)) = (apart("--net", "nginx"), program("openssl")) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().display().to_string();
    let certificate = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=placeholder",
    ];
    assert_passes(
        Command::new(openssl)
            .args(certificate)
            .args(["-keyout", &format!("{here}/privkey.pem")])
            .args(["-out", &format!("{here}/fullchain.pem")]),
    );
    let (_, tree) = tree();
    for (name, path) in [
        ("http.conf", "/etc/nginx/conf.d/10-appliance.conf"),
        ("site.conf", "/etc/nginx/sites-available/webapp"),
    ] {
        let text = text_of(&tree, path)
            .replace("/etc/data-analyst/tls", &here)
            .replace("/var/log/nginx", &here);
        write(&directory.path().join(name), text.as_bytes());
    }
    let main = format!(
        "pid {here}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{ include {here}/http.conf; include {here}/site.conf; }}\n"
    );
    let file = directory.path().join("nginx.conf");
    write(&file, main.as_bytes());
    assert_passes(nginx.arg("-t").arg("-c").arg(file));
}

/// A root with our units, Debian's, and something to run wherever a unit of ours names a program.
fn unit_root(tree: &Tree, root: &Path) {
    write_below(tree, "/etc/systemd/system/", root);
    let debian = root.join("usr/lib/systemd/system");
    fs::create_dir_all(&debian).unwrap();
    for unit in fs::read_dir("/usr/lib/systemd/system").unwrap() {
        let unit = unit.unwrap();
        if unit.path().is_file() {
            fs::copy(unit.path(), debian.join(unit.file_name())).unwrap();
        }
    }
    std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
    let programs = [
        "/bin/kill",
        "/opt/data-analyst/current/bin/webapp",
        "/usr/bin/sync",
        "/usr/local/sbin/appliance",
    ];
    for program in programs {
        let path = root.join(&program[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy("/bin/true", path).unwrap();
    }
}

#[test]
fn systemd_takes_every_unit() {
    let Some(analyze) = program("systemd-analyze") else {
        return;
    };
    let (appliance, tree) = tree();
    let root = tempfile::tempdir().unwrap();
    unit_root(&tree, root.path());
    let units = &appliance.units;
    let services = units.services.iter().map(|service| service.name.as_str());
    let names = services.chain(units.timers.iter().map(|timer| timer.name.as_str()));
    let mut command = Command::new(analyze);
    command.arg("verify").arg("--man=no");
    command.arg(format!("--root={}", root.path().display()));
    command.args(names.map(|name| name.replace("@.", "@webapp.service.")));
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stderr);
    // It ends well in spite of an unknown key, which it only tells.
    let ours = |line: &&str| !line.contains("/usr/lib/systemd/system/");
    assert_eq!(said.lines().filter(ours).collect::<Vec<_>>(), [""; 0]);
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_service_stays_below_its_ceiling_of_exposure() {
    let Some(analyze) = program("systemd-analyze") else {
        return;
    };
    let (appliance, tree) = tree();
    let root = tempfile::tempdir().unwrap();
    unit_root(&tree, root.path());
    for service in &appliance.units.services {
        let ceiling: f64 = service.exposure_ceiling.parse().unwrap();
        assert_passes(
            Command::new(&analyze)
                .args(["security", "--offline=true", "--no-pager"])
                .arg(format!("--root={}", root.path().display()))
                // Tenths.
                .arg(format!("--threshold={:.0}", ceiling * 10.0))
                .arg(service.name.as_str().replace("@.", "@webapp.service.")),
        );
    }
}
