//! What is not ours and weakens the machine is moved out of the way when an operator says so. Nothing is lost by it.

use appliance::path::TargetPath;
use host::facts::Kind;
use render::{Area, Node, Tree};

use crate::Planner;
use crate::step::{Action, Change, Drift};

/// Where such things are kept; root's alone.
pub const QUARANTINE: &str = "/var/lib/data-analyst/quarantine";

/// A file or link that is not ours and is to be moved away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Where it is.
    pub path: TargetPath,
    /// Why it may not stay.
    pub because: String,
}

/// Moves what is in the places of an area.
pub(crate) fn plan(planner: &mut Planner<'_>, area: Area) {
    for foreign in planner.foreign {
        if area_of(planner.tree, &foreign.path) == area {
            plan_one(planner, area, foreign);
        }
    }
}

fn plan_one(planner: &mut Planner<'_>, area: Area, foreign: &Foreign) {
    let path = &foreign.path;
    if let Some(obstacle) = planner.facts.obstructed.get(path) {
        let text = format!("it was left: {obstacle} stands in the way to it");
        planner.notice(area, path.as_str(), text);
        return;
    }
    let is_ours = |node: &Node| !matches!(node, Node::Absent);
    if planner.tree.get(path).is_some_and(|entry| is_ours(&entry.node)) {
        planner.notice(area, path.as_str(), "it was left: the definition puts it there");
        return;
    }
    let Some(inode) = planner.inode(path) else {
        return;
    };
    match &inode.kind {
        Kind::File | Kind::Link(_) => {
            let before = crate::files::describe_kind(&inode.kind);
            let change = Change::Quarantine { path: path.clone() };
            let after = format!("kept below {QUARANTINE}");
            planner.step(
                area,
                change,
                Action::Remove,
                Drift::Extra,
                &foreign.because,
                &before,
                &after,
            );
        }
        kind @ (Kind::Directory | Kind::Other(_)) => {
            let what = crate::files::describe_kind(kind);
            let text = format!("it was left: it is {what}, and only files and links are moved away");
            planner.notice(area, path.as_str(), text);
        }
    }
}

/// The area whose place a path lies in. All of them come before the one that orders units about.
fn area_of(tree: &Tree, path: &TargetPath) -> Area {
    let homes = TargetPath::known("/home");
    let above = || {
        path.parent()
            .and_then(|parent| tree.get(&parent).map(|entry| entry.area))
    };
    let area = render::area_of(path)
        .or_else(|| path.is_within(&homes).then_some(Area::Homes))
        .or_else(above)
        .unwrap_or(Area::Directories);
    match area {
        Area::Services => Area::Release,
        earlier => earlier,
    }
}
