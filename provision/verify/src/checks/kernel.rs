//! The kernel runs no program of a stranger's, and forwards nothing. Settings that the definition lists are compared
//! by `as-defined`; these have a value that nobody sets and that everybody relies on.

use host::{Host, HostError};

use crate::findings::Findings;
use crate::machine::Machine;
use crate::report::Class;

/// Programs that the kernel starts as root, where it says which, and what may stand there.
const HELPERS: [(&str, &[&str]); 3] = [
    (
        "/proc/sys/kernel/modprobe",
        &["/sbin/modprobe", "/usr/sbin/modprobe"],
    ),
    ("/proc/sys/kernel/hotplug", &[""]),
    ("/sys/kernel/uevent_helper", &[""]),
];
const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
const COREDUMP: &str = "|/lib/systemd/systemd-coredump ";
/// Settings of the network that are the machine's own in a container too.
const FORWARDING: [&str; 2] = [
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv6/conf/all/forwarding",
];
/// Tables of the old firewall that some program filled.
const LEGACY: [&str; 2] = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"];
const FORMATS: &str = "/proc/sys/fs/binfmt_misc";
/// Debian's own, and the switches of the directory.
const KNOWN_FORMATS: [&str; 5] = [
    "python3.11",
    "llvm-14-runtime.binfmt",
    "jar",
    "register",
    "status",
];

pub(super) fn check(machine: &Machine<'_>, _: &Host) -> Result<Findings, HostError> {
    let mut findings = Findings::new("programs that it starts, forwarding, other firewalls");
    for path in FORWARDING {
        if text(path).is_some_and(|value| value != "0") {
            let key = path.trim_start_matches("/proc/sys/").replace('/', ".");
            let what = "is on: the machine passes packets on for others";
            findings.error(
                Class::Kernel,
                &key,
                what,
                format!("`sysctl -w {key}=0`, then look who set it"),
            );
        }
    }
    for path in LEGACY {
        for table in text(path).unwrap_or_default().lines() {
            let what = "is a table of iptables-legacy, which decides beside ours";
            let next = format!("look at it with `iptables-legacy -t {table} -S`, then flush it with `-F`");
            findings.warning(Class::Firewall, format!("table {table}"), what, next);
        }
    }
    if machine.appliance.platform().owns_kernel() {
        helpers(&mut findings);
        formats(machine, &mut findings);
    }
    Ok(findings)
}

fn helpers(findings: &mut Findings) {
    for (path, allowed) in HELPERS {
        if let Some(value) = text(path).filter(|value| !allowed.contains(&value.as_str())) {
            let what = format!("is {value:?}, which the kernel runs as root");
            let next = format!("`echo {:?} > {path}`, then look who set it", allowed[0]);
            findings.error(Class::Kernel, path, what, next);
        }
    }
    let pattern = text(CORE_PATTERN).unwrap_or_default();
    if pattern.starts_with('|') && !pattern.starts_with(COREDUMP) {
        let what = format!("is {pattern:?}: the kernel runs that as root whenever a program crashes");
        let next = "`sysctl -w kernel.core_pattern=core`, then look who set it";
        findings.error(Class::Kernel, CORE_PATTERN, what, next);
    }
}

/// A format may name an interpreter that gets the rights of a setuid file.
fn formats(machine: &Machine<'_>, findings: &mut Findings) {
    for entry in std::fs::read_dir(FORMATS).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if KNOWN_FORMATS.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{FORMATS}/{name}");
        let says = text(&path).unwrap_or_default();
        let interpreter = says.lines().find_map(|line| line.strip_prefix("interpreter "));
        if interpreter.is_some_and(|program| machine.debian.owns(program)) {
            continue;
        }
        let what = format!("makes {} run files of a kind", interpreter.unwrap_or("a program"));
        findings.error(
            Class::Kernel,
            &path,
            what,
            format!("`echo -1 > {path}`, then look who set it"),
        );
    }
}

fn text(path: &str) -> Option<String> {
    std::fs::read_to_string(path)
        .ok()
        .map(|text| text.trim_end().to_owned())
}

/// The names above are read as paths of the target elsewhere.
#[cfg(test)]
#[test]
fn every_path_is_one() {
    let paths = HELPERS
        .iter()
        .map(|(path, _)| *path)
        .chain(FORWARDING)
        .chain(LEGACY);
    assert!(
        paths
            .chain([CORE_PATTERN, FORMATS])
            .all(|path| appliance::path::TargetPath::new(path).is_ok())
    );
}
