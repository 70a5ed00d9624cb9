//! Files of Debian's of which a few lines are ours: fstab, hosts, hostname, locale, login.defs.

use appliance::path::TargetPath;
use appliance::platform::Platform;
use host::facts::Kind;
use render::Area;

use crate::files::metadata_of;
use crate::kernel::proc_options;
use crate::lines::{fields, with_lines};
use crate::question::by_id_path;
use crate::step::{Action, Change, Drift, Metadata, NewContent, RefusalKind};
use crate::{Planner, diff};

/// `/etc/fstab`
pub(crate) const FSTAB: &str = "/etc/fstab";
/// `/etc/hosts`
pub(crate) const HOSTS: &str = "/etc/hosts";
/// `/etc/hostname`
pub(crate) const HOSTNAME: &str = "/etc/hostname";
/// `/etc/default/locale`
pub(crate) const LOCALE: &str = "/etc/default/locale";
/// `/etc/login.defs`
pub(crate) const LOGIN_DEFS: &str = "/etc/login.defs";

/// The files that are edited line by line.
pub const ALL: [&str; 5] = [FSTAB, HOSTS, HOSTNAME, LOCALE, LOGIN_DEFS];

/// Plans the file when its text would change; owner and mode stay as they are.
fn plan_text(planner: &mut Planner<'_>, area: Area, path: &str, after: String, because: &str) {
    let path = TargetPath::known(path);
    let before = planner.text(&path);
    let inode = planner.inode(&path);
    if inode.is_some() && before == after {
        return;
    }
    if let Some(inode) = inode
        && inode.kind != Kind::File
    {
        let reason = "it is not a regular file".to_owned();
        planner.refuse(
            RefusalKind::Safety,
            area,
            path.to_string(),
            reason,
            format!("make {path} a file, and run again"),
        );
        return;
    }
    let fresh = Metadata {
        uid: 0,
        gid: 0,
        mode: appliance::mode::Mode::from_bits(0o644),
        access: None,
        default: None,
    };
    let metadata = inode.map_or(fresh, metadata_of);
    let action = if inode.is_some() {
        Action::Update
    } else {
        Action::Create
    };
    let shown = diff::lines(before.as_bytes(), after.as_bytes());
    let change = Change::WriteFile {
        path,
        content: NewContent {
            bytes: after.into_bytes(),
            secret: false,
        },
        metadata,
        judge: None,
    };
    planner.step(area, change, action, Drift::Content, because, "", &shown);
}

/// Our mounts, by stable names. Lines of others are kept byte for byte.
pub(crate) fn plan_fstab(planner: &mut Planner<'_>) {
    let appliance = planner.appliance;
    let platform = appliance.platform();
    let text = planner.text(&TargetPath::known(FSTAB));
    let mut ours = Vec::new();
    let mut points: Vec<&str> = vec!["/proc"];
    if platform != Platform::Container {
        for disk in &appliance.disks {
            let device = by_id_path(platform, disk);
            ours.push(format!(
                "{device} {} ext4 {} 0 2",
                disk.mount,
                disk.options.join(",")
            ));
            points.push(disk.mount.as_str());
        }
        ours.push(format!("{} none swap sw 0 0", appliance.swap.path));
    }
    ours.push(format!("proc /proc proc {} 0 0", proc_options(planner)));
    let swap = appliance.swap.path.as_str();
    let is_ours = |line: &str| {
        let fields = fields(line);
        fields.len() >= 2 && (points.contains(&fields[1]) || fields[0] == swap)
    };
    if let Some((line, device)) = foreign_mount(planner, &text) {
        let reason = format!("the line `{line}` mounts {device}, which is not the disk that belongs there");
        let next = "remove the line if the disk is not needed, and run again".to_owned();
        planner.refuse(RefusalKind::Safety, Area::Disks, FSTAB.to_owned(), reason, next);
        return;
    }
    let after = with_lines(&text, &ours, is_ours);
    plan_text(
        planner,
        Area::Disks,
        FSTAB,
        after,
        "mounts come back after a boot, by names that stay",
    );
}

/// A line for one of our mount points that names another filesystem than the one on the disk that belongs there.
fn foreign_mount(planner: &Planner<'_>, text: &str) -> Option<(String, String)> {
    let live = planner.facts.live.as_ref()?;
    text.lines().find_map(|line| {
        let fields = fields(line);
        let (device, point) = (fields.first()?, fields.get(1)?);
        let disk = planner
            .appliance
            .disks
            .iter()
            .find(|disk| disk.mount.as_str() == *point)?;
        let uuid = device.strip_prefix("UUID=")?.trim_matches('"');
        let host::facts::DiskFact::Found(found) = live.disks.get(disk.role.as_str())? else {
            return None;
        };
        let ours = found
            .filesystem
            .as_ref()
            .is_some_and(|filesystem| filesystem.uuid == uuid);
        (!ours).then(|| (line.to_owned(), (*device).to_owned()))
    })
}

/// The machine's name, which `sudo` must be able to resolve, and its language.
pub(crate) fn plan_names(planner: &mut Planner<'_>) {
    let name = planner.appliance.instance.name.to_string();
    let locale = planner.appliance.operating_system.locale.clone();
    let hosts = planner.text(&TargetPath::known(HOSTS));
    let is_own_name = |line: &str| fields(line).first() == Some(&"127.0.1.1");
    let mut after = with_lines(&hosts, &[format!("127.0.1.1 {name}")], is_own_name);
    if !hosts
        .lines()
        .any(|line| fields(line).first() == Some(&"127.0.0.1"))
    {
        after = format!("127.0.0.1 localhost\n{after}");
    }
    plan_text(
        planner,
        Area::Kernel,
        HOSTS,
        after,
        "sudo and mail would complain about an unknown host",
    );
    plan_text(
        planner,
        Area::Kernel,
        HOSTNAME,
        format!("{name}\n"),
        "the instance's name",
    );
    plan_text(
        planner,
        Area::Kernel,
        LOCALE,
        format!("LANG={locale}\n"),
        "the definition's locale",
    );
    if planner.appliance.platform().owns_kernel()
        && planner.facts.live.is_some()
        && planner.facts.hostname != name
    {
        let before = planner.facts.hostname.clone();
        let change = Change::SetKernel {
            name: "kernel.hostname".to_owned(),
            value: name.clone(),
        };
        planner.step(
            Area::Kernel,
            change,
            Action::Update,
            Drift::Kernel,
            "the instance's name",
            &before,
            &name,
        );
    }
}

/// New homes are closed to others.
pub(crate) fn plan_login_defaults(planner: &mut Planner<'_>) {
    let path: TargetPath = TargetPath::known(LOGIN_DEFS);
    let text = planner.text(&path);
    let is_mode = |line: &str| fields(line).first() == Some(&"HOME_MODE");
    let already = text.lines().any(|line| fields(line) == ["HOME_MODE", "0750"])
        && text.lines().filter(|line| is_mode(line)).count() == 1;
    if !already {
        let after = with_lines(&text, &["HOME_MODE 0750".to_owned()], is_mode);
        plan_text(
            planner,
            Area::Homes,
            LOGIN_DEFS,
            after,
            "new homes are closed to others",
        );
    }
}
