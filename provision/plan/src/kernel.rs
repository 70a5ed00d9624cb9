//! Kernel settings as the kernel has them, /proc, and the firewall as it is loaded.

use appliance::path::TargetPath;
use host::facts::FirewallFact;
use render::{Area, Node};

use crate::Planner;
use crate::question::known_firewall_path;
use crate::step::{Action, Change, Drift};

pub(crate) fn plan(planner: &mut Planner<'_>) {
    let Some(live) = &planner.facts.live else { return };
    let owns_kernel = planner.appliance.platform().owns_kernel();
    for (name, value) in &planner.appliance.operating_system.sysctl {
        if !owns_kernel && !name.starts_with("net.") {
            continue;
        }
        match live.sysctl.get(name) {
            Some(now) if now.trim() == value => {}
            Some(now) => {
                let change = Change::SetKernel {
                    name: name.clone(),
                    value: value.clone(),
                };
                let because = "the definition's kernel settings hold now, not only after a boot";
                planner.step(
                    Area::Kernel,
                    change,
                    Action::Update,
                    Drift::Kernel,
                    because,
                    now.trim(),
                    value,
                );
            }
            None => planner.notice(Area::Kernel, name.as_str(), "this kernel has no such setting"),
        }
    }
    let left: Vec<String> = planner
        .ledger
        .kernel()
        .filter(|name| !planner.appliance.operating_system.sysctl.contains_key(*name))
        .map(str::to_owned)
        .collect();
    for name in left {
        let text = "the definition no longer has it; its value holds until the next boot";
        planner.notice(Area::Kernel, name, text);
    }
    plan_proc(planner);
}

/// Nobody sees the command lines of others, which may hold what is not theirs to know.
fn plan_proc(planner: &mut Planner<'_>) {
    let Some(live) = &planner.facts.live else { return };
    let Some(mount) = live.mounts.iter().rev().find(|mount| mount.point == "/proc") else {
        return;
    };
    let wanted = proc_options(planner);
    // The kernel prints hidepid=invisible by name since 5.8, and by number before.
    let has = |options: &[String]| {
        options
            .iter()
            .any(|set| set == "hidepid=invisible" || set == "hidepid=2")
    };
    let group = format!("gid={}", planner.proc_group());
    let grouped = mount.super_options.contains(&group);
    if !has(&mount.super_options) || !grouped {
        let change = Change::Remount {
            point: TargetPath::known("/proc"),
            options: wanted.clone(),
        };
        let before = mount.super_options.join(",");
        let because = "analysts do not see each other's command lines";
        planner.step(
            Area::Kernel,
            change,
            Action::Update,
            Drift::Mount,
            because,
            &before,
            &wanted,
        );
    }
}

/// Options of /proc, for fstab and for the mount itself.
pub(crate) fn proc_options(planner: &Planner<'_>) -> String {
    format!(
        "nosuid,nodev,noexec,hidepid=invisible,gid={}",
        planner.proc_group()
    )
}

impl Planner<'_> {
    fn proc_group(&self) -> u32 {
        appliance::name::GroupName::new("procview").map_or(0, |name| self.ids.group(&name))
    }
}

/// The table in the kernel must be the one in the file, byte for byte as `nft` prints it.
pub(crate) fn plan_firewall(planner: &mut Planner<'_>) {
    let path = known_firewall_path();
    let Some(Node::File { content, .. }) = planner.tree.get(&path).map(|entry| &entry.node) else {
        return;
    };
    let rules = String::from_utf8_lossy(content.bytes()).into_owned();
    let Some(live) = &planner.facts.live else { return };
    let before = match &live.firewall {
        None => return,
        Some(FirewallFact::NoProgram) => "nft is not installed",
        Some(FirewallFact::NoTable) => "no such table",
        Some(FirewallFact::Table(table)) if rules.trim_end().ends_with(table.trim()) => return,
        Some(FirewallFact::Table(_)) => "other rules",
    };
    let because = "what the kernel enforces is what the file says";
    let change = Change::LoadFirewall(rules);
    planner.step(
        Area::Firewall,
        change,
        Action::Run,
        Drift::Firewall,
        because,
        before,
        &format!("the rules of {path}"),
    );
}
