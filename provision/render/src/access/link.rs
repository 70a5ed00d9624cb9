//! The way to a path through the links of the tree.

use appliance::path::TargetPath;

use crate::{Node, Tree};

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// Where a path ends, and every directory that must be passed on the way.
pub(super) struct Way {
    pub passes: Vec<TargetPath>,
    pub end: TargetPath,
}

/// Follows links, the last part's own included; a circle is told in words.
pub(super) fn follow(tree: &Tree, path: &TargetPath) -> Result<Way, String> {
    let mut passes = Vec::new();
    let mut rest = parts(path.as_str());
    let mut here = TargetPath::root();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if !passes.contains(&here) {
            passes.push(here.clone());
        }
        if part == ".." {
            here = here.parent().unwrap_or(here);
            continue;
        }
        let next = here.join(&part).map_err(|error| error.to_string())?;
        let Some(Node::Link { target, .. }) = tree.get(&next).map(|entry| &entry.node) else {
            here = next;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(format!("{path} leads through more than {MOST_LINKS} links"));
        }
        if target.starts_with('/') {
            here = TargetPath::root();
        }
        rest.extend(parts(target));
    }
    Ok(Way { passes, end: here })
}

/// The parts of a path, last first.
fn parts(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.rev().map(str::to_owned).collect()
}
