//! What the definition no longer has goes again, as far as we put it there and it is nobody's data.

use std::collections::BTreeSet;

use appliance::name::UnitName;
use appliance::path::TargetPath;
use host::facts::{Inode, Kind};
use render::{Area, Tree};

use crate::ledger::{LEDGER, Ledger, LedgerError, OwnedNode, OwnedPath};
use crate::step::{Action, Change, Drift};
use crate::units::{UNIT_DIRECTORY, is_up};
use crate::{Planner, system_files};

const BECAUSE: &str = "the definition no longer has it";
/// Where people and programs keep what is theirs.
const OF_OTHERS: [&str; 2] = ["/data", "/tmp"];
const HOMES: &str = "/home";

/// Nothing is removed on the word of a ledger that cannot be trusted.
pub(crate) fn note_damaged(planner: &mut Planner<'_>, error: &LedgerError) {
    let text = format!("{error}; what left the definition stays until it is right again");
    planner.notice(Area::Settings, LEDGER, text);
}

/// Removes files and links of an area. A unit is stopped while its file still says how.
pub(crate) fn plan(planner: &mut Planner<'_>, area: Area) {
    let left = left(planner, area);
    if area == Area::Units {
        stop_units(planner, &left);
    }
    let is_link = |owned: &OwnedPath| matches!(owned.node, OwnedNode::Link(_));
    let (links, files): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, owned)| is_link(owned));
    for (path, owned) in links.iter().chain(&files) {
        plan_path(planner, path, owned);
    }
}

/// Directories go last of all and the deepest first: until its unit has started anew, the time of a directory tells
/// that a file in it went.
pub(crate) fn plan_directories(planner: &mut Planner<'_>) {
    let directories = Area::ALL.into_iter().flat_map(|area| left(planner, area));
    let mut directories: Vec<(TargetPath, OwnedPath)> = directories
        .filter(|(_, owned)| owned.node == OwnedNode::Directory)
        .collect();
    directories.sort_by(|(left, _), (right, _)| right.cmp(left));
    for (path, owned) in &directories {
        plan_directory(planner, path, owned.area);
    }
}

fn left(planner: &Planner<'_>, area: Area) -> Vec<(TargetPath, OwnedPath)> {
    planner
        .ledger
        .left(planner.tree)
        .filter(|(path, owned)| owned.area == area && !system_files::ALL.contains(&path.as_str()))
        .map(|(path, owned)| (path.clone(), owned.clone()))
        .collect()
}

/// Units whose files we wrote and that left the definition.
pub(crate) fn units(ledger: &Ledger, tree: &Tree) -> BTreeSet<UnitName> {
    ledger
        .left(tree)
        .filter(|(_, owned)| matches!(owned.node, OwnedNode::File(_)))
        .filter_map(|(path, _)| unit_of(path))
        .collect()
}

fn unit_of(path: &TargetPath) -> Option<UnitName> {
    let holds_units = path
        .parent()
        .is_some_and(|parent| parent.as_str() == UNIT_DIRECTORY);
    let unit = UnitName::new(path.name()).ok()?;
    (holds_units && !unit.is_template()).then_some(unit)
}

fn stop_units(planner: &mut Planner<'_>, left: &[(TargetPath, OwnedPath)]) {
    let facts = planner.facts;
    let Some(units) = facts.live.as_ref().and_then(|live| live.units.as_ref()) else {
        return;
    };
    let mut stopping: Vec<UnitName> = left
        .iter()
        .filter(|(_, owned)| matches!(owned.node, OwnedNode::File(_)))
        .filter_map(|(path, _)| unit_of(path))
        .filter(|name| units.get(name).is_some_and(is_up))
        .collect();
    // What starts others stops before them.
    stopping.sort_by_key(|name| name.kind() == "service");
    for name in stopping {
        let change = Change::Unit {
            name,
            order: crate::UnitOrder::Stop,
            judge: None,
        };
        planner.step(
            Area::Units,
            change,
            Action::Run,
            Drift::UnitState,
            BECAUSE,
            "active",
            "inactive",
        );
    }
}

fn plan_path(planner: &mut Planner<'_>, path: &TargetPath, owned: &OwnedPath) {
    if planner.goes(path) {
        return;
    }
    let Some(inode) = found(planner, path, owned.area) else {
        return;
    };
    let because = match (&owned.node, &inode.kind) {
        (OwnedNode::Directory, _) => return,
        _ if is_of_others(path) => {
            leave(planner, path, owned.area, "data there is never removed");
            return;
        }
        (OwnedNode::File(digest), Kind::File) => match digest {
            Some(digest) if planner.facts.digests.get(path) != Some(digest) => {
                "the definition no longer has it; somebody changed it, and a copy is kept"
            }
            _ => BECAUSE,
        },
        (OwnedNode::Link(ours), Kind::Link(now)) if ours == now => BECAUSE,
        (OwnedNode::Link(_), Kind::Link(now)) => {
            let why = format!("somebody turned it to {now}");
            leave(planner, path, owned.area, &why);
            return;
        }
        (OwnedNode::File(_) | OwnedNode::Link(_), kind) => {
            let why = format!("{} stands there now", crate::files::describe_kind(kind));
            leave(planner, path, owned.area, &why);
            return;
        }
    };
    let before = crate::files::describe_kind(&inode.kind);
    planner.step(
        owned.area,
        Change::Remove(path.clone()),
        Action::Remove,
        Drift::Extra,
        because,
        &before,
        "",
    );
}

fn plan_directory(planner: &mut Planner<'_>, path: &TargetPath, area: Area) {
    let Some(inode) = found(planner, path, area) else {
        return;
    };
    if inode.kind != Kind::Directory {
        let why = format!("{} stands there now", crate::files::describe_kind(&inode.kind));
        leave(planner, path, area, &why);
        return;
    }
    let goes = |name: &String| {
        let Ok(below) = path.join(name) else { return false };
        planner.goes(&below)
    };
    let Some(names) = planner.facts.listings.get(path) else {
        return;
    };
    match names.keys().filter(|name| !goes(name)).count() {
        0 => planner.step(
            area,
            Change::RemoveDirectory(path.clone()),
            Action::Remove,
            Drift::Extra,
            BECAUSE,
            "an empty directory",
            "",
        ),
        1 => leave(planner, path, area, "it holds 1 thing"),
        count => leave(planner, path, area, &format!("it holds {count} things")),
    }
}

/// What stands at a path that left; a notice where nobody can tell.
fn found<'a>(planner: &mut Planner<'a>, path: &TargetPath, area: Area) -> Option<&'a Inode> {
    if let Some(obstacle) = planner.facts.obstructed.get(path) {
        leave(planner, path, area, &format!("{obstacle} stands in its way"));
        return None;
    }
    planner.inode(path)
}

fn leave(planner: &mut Planner<'_>, path: &TargetPath, area: Area, why: &str) {
    let text = format!("{BECAUSE}, and it was left: {why}");
    planner.notice(area, path.as_str(), text);
}

/// True below the homes of people and where data lies.
fn is_of_others(path: &TargetPath) -> bool {
    let below = |place: &str| path.is_within(&TargetPath::known(place));
    let in_home = || path.ancestors().len() > 2 && below(HOMES);
    OF_OTHERS.into_iter().any(below) || in_home()
}
