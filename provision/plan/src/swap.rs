//! The swap file. Only a machine with a kernel of its own swaps.

use render::Area;

use crate::Planner;
use crate::step::{Action, Change, Drift};

/// Free memory that must remain when a swap file is emptied into it.
const HEADROOM_BYTES: u64 = 256 * 1024 * 1024;

pub(crate) fn plan(planner: &mut Planner<'_>) {
    if !planner.appliance.platform().owns_kernel() {
        return;
    }
    let Some(live) = &planner.facts.live else { return };
    let swap = &planner.appliance.swap;
    let active = live.swaps.iter().find(|active| active.path == swap.path.as_str());
    let inode = planner.inode(&swap.path);
    let because = "memory for the moment when everybody loads at once";
    let sound = inode.is_some_and(|inode| {
        inode.size == swap.bytes && inode.mode.bits() == 0o600 && (inode.uid, inode.gid) == (0, 0)
    });
    let after = format!("{} bytes, mode 0600", swap.bytes);
    if !sound {
        if let Some(active) = active
            && live.memory.available < active.used + HEADROOM_BYTES
        {
            planner.notice(
                Area::Swap,
                swap.path.as_str(),
                "it is not as it should be, and memory is too short to rebuild it now; run again when less is in use",
            );
            return;
        }
        let before = inode.map_or_else(String::new, |inode| {
            format!("{} bytes, mode {}", inode.size, inode.mode)
        });
        let action = if inode.is_some() {
            Action::Update
        } else {
            Action::Create
        };
        let change = Change::MakeSwap {
            path: swap.path.clone(),
            bytes: swap.bytes,
            in_use: active.is_some(),
        };
        planner.step(
            Area::Swap,
            change,
            action,
            Drift::Missing,
            because,
            &before,
            &after,
        );
    }
    if !sound || active.is_none() {
        let change = Change::StartSwap(swap.path.clone());
        planner.step(
            Area::Swap,
            change,
            Action::Run,
            Drift::Mount,
            because,
            "not in use",
            "in use",
        );
    }
}
