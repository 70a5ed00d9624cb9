//! The order in which the steps of a round are carried out.
//!
//! A plan is in the order of areas, for people. Within a round what shares a sync goes together: directories, then
//! what must be made before a configuration can be judged, then all files and links, and only then whatever acts on
//! them. So a round has two syncs a filesystem, and every file is in its place before the first unit is told to read.

use plan::{Change, Step, UnitOrder};

/// What goes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Packages, accounts, disks, swap: one after another, as planned.
    Ground,
    /// Directories, parents first.
    Directories,
    /// Secrets and certificates that are made here, for which files ask.
    Makers,
    /// Units that are to stop, before their files go.
    Stops,
    /// What is not ours and goes: what is judged is what remains.
    Strangers,
    /// Files, links, owners, removals.
    Names,
    /// The kernel and the firewall.
    Acts,
    /// Units that are to run.
    Units,
    /// Directories that are empty by now. Last, because the time of a directory tells that something in it went, and a
    /// run that is killed before the units were told must leave that to see.
    Emptied,
}

/// When a change is carried out.
pub(crate) fn phase(change: &Change) -> Phase {
    match change {
        Change::InstallPackages(_)
        | Change::RemovePackages(_)
        | Change::Account(_)
        | Change::GuardMountPoint(_)
        | Change::FormatDisk(_)
        | Change::MountDisk(_)
        | Change::MarkDisk(_)
        | Change::GrowDisk(_)
        | Change::MakeSwap { .. }
        | Change::StartSwap(_) => Phase::Ground,
        Change::Directory { .. } => Phase::Directories,
        Change::GenerateSecret { .. } | Change::MakePlaceholderCertificate { .. } => Phase::Makers,
        Change::Unit {
            order: UnitOrder::Stop,
            ..
        } => Phase::Stops,
        Change::Quarantine { .. } => Phase::Strangers,
        Change::SetMetadata { .. } | Change::WriteFile { .. } | Change::Link { .. } | Change::Remove(_) => {
            Phase::Names
        }
        Change::RemoveDirectory(_) => Phase::Emptied,
        Change::Remount { .. } | Change::SetKernel { .. } | Change::LoadFirewall(_) => Phase::Acts,
        Change::ReloadUnitFiles | Change::Unit { .. } => Phase::Units,
    }
}

/// A step with its number in the plan, counted from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered<'a> {
    pub number: usize,
    pub step: &'a Step,
}

/// The steps in the order of work.
pub(crate) fn in_order(steps: &[Step]) -> Vec<Numbered<'_>> {
    let mut ordered: Vec<Numbered<'_>> = steps
        .iter()
        .zip(1..)
        .map(|(step, number)| Numbered { number, step })
        .collect();
    // Stable: within a phase the plan's order stays.
    ordered.sort_by_key(|numbered| phase(&numbered.step.change));
    ordered
}

/// Steps that are carried out in one go, because they share a lock, a sync or a transaction.
pub(crate) fn batches<'a, 'b>(ordered: &'b [Numbered<'a>]) -> impl Iterator<Item = &'b [Numbered<'a>]> {
    ordered.chunk_by(|left, right| {
        let (left, right) = (&left.step.change, &right.step.change);
        match (left, right) {
            (Change::Account(_), Change::Account(_)) => true,
            (Change::Unit { order: left, .. }, Change::Unit { order: right, .. }) => left == right,
            _ => {
                let together = |phase| matches!(phase, Phase::Directories | Phase::Names | Phase::Emptied);
                phase(left) == phase(right) && together(phase(left))
            }
        }
    })
}
