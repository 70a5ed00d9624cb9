//! Which places of a Debian system are closed, what its maintainer scripts make there, and how bad a stranger is: a
//! table, since the reasons are facts about Debian and not logic.

use host::facts::{Inode, Kind};

use crate::debian::Debian;
use crate::report::Severity;
use crate::walk::is_below;

/// What is asked of a path because of where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Nothing lies here but what a package, the definition or a maintainer script brought.
    pub closed: bool,
    /// Programs and libraries, whose sums dpkg knows.
    pub has_programs: bool,
    /// Root alone decides over what lies here.
    pub of_root: bool,
    /// An access list here is drift, even one that only lets somebody read.
    pub has_lists: bool,
}

/// Where packages put what only they should: the whole of `/etc` and of `/usr` but for documentation.
const CLOSED: [&str; 5] = [
    "/etc",
    "/usr",
    "/var/lib/polkit-1",
    "/var/lib/systemd/linger",
    "/var/spool/cron/atjobs",
];
/// Parts of `/usr` that hold no settings and no programs.
const DOCUMENTATION: &str = "/usr/share";
/// Of the documentation these are settings after all.
const OF_SHARE: [&str; 2] = ["/usr/share/dbus-1", "/usr/share/polkit-1"];
/// Places that others check more closely.
const ELSEWHERE: [&str; 13] = [
    "/etc/sudoers.d",
    "/etc/ssh/sshd_config.d",
    "/etc/ssh/authorized_keys.d",
    "/etc/security/limits.d",
    "/etc/systemd/system",
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/etc/nginx/sites-enabled",
    "/etc/nginx/conf.d",
    "/etc/nginx/modules-enabled",
];
/// Directories from which a setting may come until the next boot, or from outside the packages.
const RUNTIME: [&str; 16] = [
    "/run/systemd/system",
    "/run/systemd/system.control",
    "/run/systemd/system.attached",
    "/run/systemd/user",
    "/run/systemd/user.control",
    "/run/systemd/system.conf.d",
    "/run/systemd/logind.conf.d",
    "/run/systemd/system-generators",
    "/run/systemd/transient",
    "/run/sysctl.d",
    "/run/tmpfiles.d",
    "/run/sysusers.d",
    "/run/modprobe.d",
    "/run/modules-load.d",
    "/run/udev/rules.d",
    "/run/polkit-1/rules.d",
];
/// What belongs to root, beside what is closed.
const OF_ROOT: [&str; 4] = ["/boot", "/root", "/opt", "/var/lib/dpkg"];
/// `/usr/local` of older Debian belongs to the group `staff`, which has no members unless somebody is told.
const OF_STAFF: (&str, u32) = ("/usr/local", 50);

impl Place {
    pub fn of(path: &str) -> Option<Self> {
        let below = |tops: &[&str]| tops.iter().any(|top| is_below(path, top));
        let documented = is_below(path, DOCUMENTATION) && !below(&OF_SHARE);
        let in_etc = is_below(path, "/etc");
        let in_usr = is_below(path, "/usr") && !documented;
        let closed = below(&RUNTIME) || (below(&CLOSED) && !documented && !below(&ELSEWHERE));
        let of_root =
            in_etc || is_below(path, "/usr") || (below(&OF_ROOT) && !is_below(path, "/opt/data-analyst"));
        let place = Self {
            closed,
            has_programs: in_usr,
            of_root,
            has_lists: in_etc,
        };
        (closed || in_usr || of_root).then_some(place)
    }
}

/// Whether somebody beside root decides over what lies here. A list that names somebody is enough: nothing of the
/// system has one.
pub(crate) fn is_loose(path: &str, inode: &Inode) -> bool {
    let (staffs, staff) = OF_STAFF;
    let is_staffs = inode.gid == staff && (path == staffs || is_below(path, staffs));
    let by_group = inode.mode.bits() & 0o020 != 0 && inode.gid != 0 && !is_staffs;
    inode.uid != 0 || by_group || inode.acl.is_some() || inode.default_acl.is_some()
}

/// What maintainer scripts, and the system at work, make in the closed places.
const GENERATED: &[&str] = &[
    "/etc/.pwd.lock",
    "/etc/.resolv.conf.systemd-resolved.bak",
    "/etc/adjtime",
    "/etc/aliases",
    "/etc/apparmor.d/local/*",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/0000debian.sources",
    "/etc/apt/sources.list.d/debian.sources",
    "/etc/audit/audit.rules",
    "/etc/audit/audit.rules.prev",
    "/etc/ca-certificates.conf",
    "/etc/ca-certificates.conf.dpkg-old",
    "/etc/console-setup/*",
    "/etc/crypttab",
    "/etc/data-analyst/appliance.toml",
    "/etc/data-analyst/tls/fullchain.pem",
    "/etc/data-analyst/tls/privkey.pem",
    "/etc/default/grub",
    "/etc/default/keyboard",
    "/etc/default/locale",
    "/etc/dpkg/origins/default",
    "/etc/environment",
    "/etc/fstab",
    "/etc/group",
    "/etc/group-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/hosts.allow",
    "/etc/hosts.deny",
    "/etc/initramfs-tools/conf.d/driver-policy",
    "/etc/initramfs-tools/conf.d/resume",
    "/etc/initramfs-tools/modules",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/letsencrypt/accounts/**",
    "/etc/letsencrypt/archive/**",
    "/etc/letsencrypt/csr/*",
    "/etc/letsencrypt/keys/*",
    "/etc/letsencrypt/live/**",
    "/etc/letsencrypt/renewal/*",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/mailname",
    "/etc/modules",
    "/etc/motd",
    "/etc/mtab",
    "/etc/network/interfaces",
    "/etc/networks",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/pam.d/common-account",
    "/etc/pam.d/common-auth",
    "/etc/pam.d/common-password",
    "/etc/pam.d/common-session",
    "/etc/pam.d/common-session-noninteractive",
    "/etc/passwd",
    "/etc/passwd-",
    "/etc/popularity-contest.conf",
    "/etc/profile",
    "/etc/python3/debian_config",
    "/etc/resolv.conf",
    "/etc/runit/**",
    "/etc/security/opasswd",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/shells",
    "/etc/ssh/ssh_host_dsa_key",
    "/etc/ssh/ssh_host_dsa_key.pub",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ecdsa_key.pub",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_ed25519_key.pub",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_rsa_key.pub",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs/ssl-cert-snakeoil.pem",
    "/etc/ssl/private/ssl-cert-snakeoil.key",
    "/etc/subgid",
    "/etc/subgid-",
    "/etc/subuid",
    "/etc/subuid-",
    "/etc/timezone",
    "/etc/ucf.conf",
    "/etc/vconsole.conf",
    // The nodes of modules that are not loaded yet; `kmod` writes it at each boot of a machine with a kernel of its own.
    "/run/tmpfiles.d/static-nodes.conf",
    "/usr/lib/locale/locale-archive",
    "/usr/lib/modules/**",
    "/usr/lib/python3/dist-packages/**.pyc",
    "/usr/lib/python3.11/**.pyc",
    "/usr/lib/udev/hwdb.bin",
    "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache",
    "/usr/lib/x86_64-linux-gnu/gio/modules/giomodule.cache",
    "/usr/lib/aarch64-linux-gnu/gconv/gconv-modules.cache",
    "/usr/lib64",
    "/usr/local/sbin/appliance",
    "/usr/local/man",
    "/usr/local/share/man",
];
/// What dpkg, and an editor, leave beside a setting: nobody reads it, but where the name does not matter.
const LEFTOVERS: [&str; 6] = [
    ".dpkg-old",
    ".dpkg-dist",
    ".dpkg-new",
    ".ucf-dist",
    ".ucf-old",
    ".dpkg-bak",
];

pub(crate) fn is_generated(path: &str) -> bool {
    GENERATED.iter().any(|pattern| matches(pattern, path))
}

/// A path; with `*` for one name at the end, with `**` for whatever lies below and ends so.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some((top, end)) = pattern.split_once("**") {
        return path.starts_with(top) && path.ends_with(end);
    }
    match pattern.strip_suffix('*') {
        Some(top) => path.strip_prefix(top).is_some_and(|name| !name.contains('/')),
        None => pattern == path,
    }
}

/// How bad a stranger is in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    pub severity: Severity,
    /// What it means there.
    pub why: &'static str,
    /// Whether it may be moved aside.
    pub movable: bool,
    /// What makes its removal felt.
    pub after: &'static str,
}

const fn weakens(why: &'static str, after: &'static str) -> Rule {
    Rule {
        severity: Severity::Error,
        why,
        movable: true,
        after,
    }
}

const fn strange(why: &'static str) -> Rule {
    Rule {
        severity: Severity::Warning,
        why,
        movable: false,
        after: "",
    }
}

const RELOAD: &str = "systemctl daemon-reload";

/// By place, the longest counts.
const RULES: &[(&str, Rule)] = &[
    ("/etc", strange("neither a package nor the definition brought it")),
    (
        "/etc/NetworkManager",
        weakens("root runs what it says when the network changes", ""),
    ),
    (
        "/etc/alternatives",
        weakens("decides which program runs under a name", ""),
    ),
    (
        "/etc/apt",
        weakens("decides what apt runs, and whose packages it trusts", ""),
    ),
    ("/etc/at.allow", weakens("decides who may leave jobs", "")),
    ("/etc/audit", weakens("changes what is recorded", "")),
    (
        "/etc/bash_completion.d",
        weakens("every interactive shell runs it, root's too", ""),
    ),
    (
        "/etc/bash.bashrc.local",
        weakens("every interactive shell runs it, root's too", ""),
    ),
    (
        "/etc/binfmt.d",
        weakens(
            "decides which program runs a file",
            "systemctl restart systemd-binfmt",
        ),
    ),
    (
        "/etc/ca-certificates",
        weakens("root runs it when certificates change", ""),
    ),
    ("/etc/cloud", weakens("root runs what it says at boot", "")),
    ("/etc/cron.allow", weakens("decides who may have a crontab", "")),
    ("/etc/cron.deny", weakens("decides who may have a crontab", "")),
    ("/etc/cron.yearly", weakens("root runs it", "")),
    (
        "/etc/data-analyst",
        weakens("the appliance reads this directory", ""),
    ),
    (
        "/etc/dbus-1",
        weakens(
            "decides who may speak to services of root",
            "systemctl reload dbus",
        ),
    ),
    ("/etc/default", weakens("programs that root starts read it", "")),
    ("/etc/dhcp", weakens("root runs it when an address comes", "")),
    ("/etc/dpkg", weakens("dpkg runs what it says, as root", "")),
    ("/etc/environment.d", weakens("sets variables for services", "")),
    (
        "/etc/fail2ban",
        weakens(
            "may let somebody in who is banned, and runs as root",
            "systemctl reload fail2ban",
        ),
    ),
    (
        "/etc/grub.d",
        weakens("root runs it, and it decides what boots", ""),
    ),
    (
        "/etc/gss",
        weakens("decides how somebody proves who they are", ""),
    ),
    (
        "/etc/hosts.equiv",
        weakens("lets whole machines in without a password", ""),
    ),
    (
        "/etc/init.d",
        weakens("systemd makes a unit of it, which root runs at boot", RELOAD),
    ),
    (
        "/etc/initramfs-tools",
        weakens("root runs it before the machine boots", ""),
    ),
    ("/etc/iptables", weakens("may be loaded as a second firewall", "")),
    ("/etc/kernel", weakens("root runs it when a kernel comes", "")),
    (
        "/etc/krb5.conf",
        weakens("decides how somebody proves who they are", ""),
    ),
    (
        "/etc/ld.so.conf.d",
        weakens(
            "names a directory from which every program takes libraries",
            "ldconfig",
        ),
    ),
    (
        "/etc/ld.so.preload",
        weakens("every program, root's too, loads what it names", ""),
    ),
    (
        "/etc/letsencrypt/renewal-hooks",
        weakens("root runs it when a certificate is renewed", ""),
    ),
    (
        "/etc/logrotate.d",
        weakens("root runs what it says every night", ""),
    ),
    (
        "/etc/modprobe.d",
        weakens("may run a program as root when a module is wanted", ""),
    ),
    (
        "/etc/modules-load.d",
        weakens("loads a module into the kernel at boot", ""),
    ),
    ("/etc/monit", weakens("root runs what it says", "")),
    (
        "/etc/network",
        weakens("root runs it when an interface comes up", ""),
    ),
    (
        "/etc/networkd-dispatcher",
        weakens("root runs it when the network changes", ""),
    ),
    ("/etc/nftables.d", weakens("may be loaded into the firewall", "")),
    (
        "/etc/nginx",
        weakens(
            "nginx may be told to read it",
            "nginx -t && systemctl reload nginx",
        ),
    ),
    (
        "/etc/nologin",
        weakens("keeps everybody but root from logging in", ""),
    ),
    ("/etc/pam.d", weakens("decides who gets in", "")),
    ("/etc/perl", weakens("every Perl program of root loads it", "")),
    ("/etc/pm", weakens("root runs it", "")),
    ("/etc/polkit-1", weakens("decides who may do what root may", "")),
    ("/etc/ppp", weakens("root runs it when a line comes up", "")),
    (
        "/etc/profile.d",
        weakens("every login shell runs it, root's too", ""),
    ),
    (
        "/etc/python3",
        weakens("every Python program of root may load it", ""),
    ),
    (
        "/etc/python3.11",
        weakens("every Python program of root may load it", ""),
    ),
    (
        "/etc/rc.local",
        weakens(
            "root runs it at boot",
            "systemctl stop rc-local; systemctl daemon-reload",
        ),
    ),
    (
        "/etc/rc0.d",
        weakens("root runs it when the machine stops", RELOAD),
    ),
    ("/etc/rc1.d", weakens("root runs it", RELOAD)),
    ("/etc/rc2.d", weakens("root runs it at boot", RELOAD)),
    ("/etc/rc3.d", weakens("root runs it at boot", RELOAD)),
    ("/etc/rc4.d", weakens("root runs it at boot", RELOAD)),
    ("/etc/rc5.d", weakens("root runs it at boot", RELOAD)),
    (
        "/etc/rc6.d",
        weakens("root runs it when the machine stops", RELOAD),
    ),
    ("/etc/rcS.d", weakens("root runs it at boot", RELOAD)),
    (
        "/etc/rsyslog.d",
        weakens("decides what is logged, and may run programs", ""),
    ),
    ("/etc/security", weakens("decides what a session may do", "")),
    (
        "/etc/shosts.equiv",
        weakens("lets whole machines in without a password", ""),
    ),
    ("/etc/skel", weakens("comes into every new home", "")),
    ("/etc/ssh", weakens("ssh or sshd may read it", "")),
    (
        "/etc/ssh/sshrc",
        weakens("runs whenever somebody logs in over ssh", ""),
    ),
    (
        "/etc/ssl",
        weakens(
            "may be trusted as a certificate authority",
            "update-ca-certificates --fresh",
        ),
    ),
    (
        "/etc/sysctl.d",
        weakens("changes settings of the kernel", "appliance apply"),
    ),
    ("/etc/systemd", weakens("changes what systemd does", RELOAD)),
    (
        "/etc/systemd/system.control",
        weakens("changes a unit, at every boot", RELOAD),
    ),
    (
        "/etc/systemd/user",
        weakens("runs in every person's session", RELOAD),
    ),
    ("/etc/sysusers.d", weakens("makes accounts at boot", "")),
    (
        "/etc/tmpfiles.d",
        weakens(
            "makes, changes and removes files as root at boot and every day",
            "",
        ),
    ),
    (
        "/etc/udev",
        weakens(
            "root runs what it says when a device appears",
            "udevadm control --reload",
        ),
    ),
    ("/etc/ufw", weakens("may be loaded as a second firewall", "")),
    (
        "/etc/update-motd.d",
        weakens("root runs it whenever somebody logs in", ""),
    ),
    ("/etc/xdg", weakens("runs in people's sessions", "")),
    ("/etc/zsh", weakens("every shell of its kind runs it", "")),
    (
        "/run/modprobe.d",
        weakens("may run a program as root when a module is wanted", ""),
    ),
    (
        "/run/modules-load.d",
        weakens("loads a module into the kernel", ""),
    ),
    ("/run/polkit-1", weakens("decides who may do what root may", "")),
    (
        "/run/sysctl.d",
        weakens("changes settings of the kernel", "appliance apply"),
    ),
    (
        "/run/systemd",
        weakens("changes what systemd does until the next boot", RELOAD),
    ),
    ("/run/sysusers.d", weakens("makes accounts", "")),
    (
        "/run/tmpfiles.d",
        weakens("makes, changes and removes files as root", ""),
    ),
    (
        "/run/udev",
        weakens(
            "root runs what it says when a device appears",
            "udevadm control --reload",
        ),
    ),
    (
        "/usr",
        strange("no package brought it, and it lies where Debian's own things do"),
    ),
    (
        "/usr/bin",
        weakens(
            "no package brought it, and it lies where everybody looks for programs",
            "",
        ),
    ),
    (
        "/usr/lib/dbus-1.0",
        weakens("root may run it for whoever asks", ""),
    ),
    ("/usr/lib/kernel", weakens("root runs it when a kernel comes", "")),
    (
        "/usr/lib/modprobe.d",
        weakens("may run a program as root when a module is wanted", ""),
    ),
    (
        "/usr/lib/modules-load.d",
        weakens("loads a module into the kernel at boot", ""),
    ),
    (
        "/usr/lib/python3",
        weakens("every Python program of root may load it", ""),
    ),
    (
        "/usr/lib/python3.11",
        weakens("every Python program of root may load it", ""),
    ),
    (
        "/usr/lib/sysctl.d",
        weakens("changes settings of the kernel", "appliance apply"),
    ),
    (
        "/usr/lib/systemd",
        weakens("changes what systemd does, and no package brought it", RELOAD),
    ),
    ("/usr/lib/sysusers.d", weakens("makes accounts at boot", "")),
    (
        "/usr/lib/tmpfiles.d",
        weakens("makes, changes and removes files as root", ""),
    ),
    (
        "/usr/lib/udev",
        weakens(
            "root runs what it says when a device appears",
            "udevadm control --reload",
        ),
    ),
    (
        "/usr/lib/x86_64-linux-gnu",
        weakens("no package brought it, and programs take libraries from here", ""),
    ),
    (
        "/usr/lib/aarch64-linux-gnu",
        weakens("no package brought it, and programs take libraries from here", ""),
    ),
    (
        "/usr/local",
        strange("neither a package nor the definition brought it"),
    ),
    ("/usr/local/lib", weakens("programs of root may load it", "")),
    (
        "/usr/local/lib/systemd",
        weakens("changes what systemd does", RELOAD),
    ),
    (
        "/usr/local/share/ca-certificates",
        weakens(
            "becomes trusted as a certificate authority",
            "update-ca-certificates --fresh",
        ),
    ),
    (
        "/usr/sbin",
        weakens(
            "no package brought it, and it lies where root looks for programs",
            "",
        ),
    ),
    (
        "/usr/share/dbus-1",
        weakens(
            "decides which services root starts for whoever asks",
            "systemctl reload dbus",
        ),
    ),
    (
        "/usr/share/polkit-1",
        weakens("decides who may do what root may", ""),
    ),
    (
        "/var/lib/polkit-1",
        weakens("decides who may do what root may", ""),
    ),
    (
        "/var/lib/systemd/linger",
        weakens(
            "keeps a person's programs running after they leave, and starts them at boot",
            "",
        ),
    ),
    (
        "/var/spool/cron/atjobs",
        weakens("runs later, as the account that owns it", ""),
    ),
];

/// The rule of the longest place that holds a path.
pub(crate) fn rule(path: &str) -> Option<Rule> {
    let holds = |place: &str| path == place || is_below(path, place);
    RULES
        .iter()
        .filter(|(place, _)| holds(place))
        .max_by_key(|(place, _)| place.len())
        .map(|(_, rule)| *rule)
}

/// Whether a link in a place where scripts make links leads to what a package brought.
pub(crate) fn is_link_of_debian(path: &str, kind: &Kind, debian: &Debian) -> bool {
    let Kind::Link(target) = kind else {
        return false;
    };
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let leads_to = resolve(directory, target);
    let made_here = [
        "/etc/alternatives",
        "/etc/ssl/certs",
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib",
    ]
    .iter()
    .any(|top| is_below(path, top))
        || directory.starts_with("/etc/rc");
    made_here
        && (debian.owns(&leads_to)
            || is_below(&leads_to, "/etc/alternatives")
            || is_below(&leads_to, "/usr/share")
            // Names by hash lead to names by subject.
            || (directory == "/etc/ssl/certs" && !target.contains('/')))
}

/// Where a link leads by its text alone.
fn resolve(directory: &str, target: &str) -> String {
    let text = if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("{directory}/{target}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let path = format!("/{}", parts.join("/"));
    let moved = ["/bin/", "/sbin/", "/lib/"]
        .iter()
        .any(|top| path.starts_with(top));
    if moved { format!("/usr{path}") } else { path }
}

/// What nobody reads because of its name.
pub(crate) fn is_leftover(path: &str) -> bool {
    LEFTOVERS.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_closed_or_not() {
        for (path, closed, of_root) in [
            ("/etc/profile.d/x.sh", true, true),
            ("/etc/sudoers.d/x", false, true),
            ("/usr/bin/x", true, true),
            ("/usr/share/doc/x", false, true),
            ("/usr/share/dbus-1/services/x", true, true),
            ("/usr/local/bin/x", true, true),
            ("/run/systemd/system/x.service", true, false),
            ("/opt/x", false, true),
        ] {
            let place = Place::of(path).expect(path);
            assert_eq!((place.closed, place.of_root), (closed, of_root), "{path}");
        }
        for path in [
            "/home/x",
            "/data/x",
            "/run/x",
            "/var/lib/x",
            "/opt/data-analyst/x",
            "/etcetera",
        ] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }

    #[test]
    fn the_longest_place_decides() {
        assert_eq!(
            rule("/etc/unknown").map(|rule| rule.severity),
            Some(Severity::Warning)
        );
        assert_eq!(
            rule("/etc/pam.d/x").map(|rule| (rule.severity, rule.movable)),
            Some((Severity::Error, true))
        );
        assert_eq!(
            rule("/usr/local/lib/systemd/system/x").map(|rule| rule.after),
            Some(RELOAD)
        );
        assert_eq!(rule("/home/x"), None);
    }

    #[test]
    fn what_scripts_make_is_known() {
        for path in [
            "/etc/machine-id",
            "/etc/letsencrypt/live/example.com/privkey.pem",
            "/etc/apparmor.d/local/usr.sbin.chronyd",
            "/usr/lib/python3/dist-packages/x/__pycache__/y.cpython-311.pyc",
        ] {
            assert!(is_generated(path), "{path}");
        }
        for path in [
            "/etc/letsencrypt/renewal-hooks/deploy/x",
            "/etc/apparmor.d/local/a/b",
            "/usr/lib/python3/dist-packages/x.pth",
            "/etc/ld.so.preload",
        ] {
            assert!(!is_generated(path), "{path}");
        }
    }

    #[test]
    fn a_link_is_debians_when_it_leads_to_what_a_package_brought() {
        let debian = Debian::of([b"/usr/bin/mawk\n/etc/init.d/ssh\n".as_slice()].into_iter());
        for (path, target, expected) in [
            ("/etc/alternatives/awk", "/usr/bin/mawk", true),
            ("/usr/bin/awk", "/etc/alternatives/awk", true),
            ("/etc/alternatives/pager", "/tmp/evil", false),
            ("/etc/rc2.d/S01ssh", "../init.d/ssh", true),
            ("/etc/rc2.d/S99evil", "../init.d/evil", false),
            (
                "/etc/ssl/certs/x.pem",
                "/usr/local/share/ca-certificates/x.crt",
                false,
            ),
            (
                "/etc/ssl/certs/x.pem",
                "/usr/share/ca-certificates/mozilla/x.crt",
                true,
            ),
            ("/etc/profile.d/x.sh", "/usr/bin/mawk", false),
        ] {
            let kind = Kind::Link(target.to_owned());
            assert_eq!(is_link_of_debian(path, &kind, &debian), expected, "{path}");
        }
    }
}
