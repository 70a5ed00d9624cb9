//! Finding a machine's processes from outside, through /proc.

use std::path::Path;

/// The one child of a process, once there is one.
pub(crate) fn only_child(process: u32) -> Option<u32> {
    children(process).first().copied()
}

/// The systemd of the machine whose namespaces began with this process, once it listens.
pub(crate) fn systemd_below(process: u32) -> Option<u32> {
    let named = |candidate: &u32, name: &str| {
        std::fs::read_to_string(format!("/proc/{candidate}/comm")).is_ok_and(|comm| comm.trim_end() == name)
    };
    let nspawn = children(process)
        .into_iter()
        .find(|child| named(child, "systemd-nspawn"))?;
    let leader = children(nspawn)
        .into_iter()
        .find(|child| named(child, "systemd"))?;
    // Its private socket is what systemctl needs.
    Path::new(&format!("/proc/{leader}/root/run/systemd/private"))
        .exists()
        .then_some(leader)
}

fn children(process: u32) -> Vec<u32> {
    let list =
        std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}
