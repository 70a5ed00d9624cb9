//! Paths of the tree that Debian's packages brought. They stay theirs, whatever the definition says about them.

use std::collections::{BTreeMap, BTreeSet};

use appliance::path::TargetPath;
use host::{Host, HostError, Look, Question};
use render::{Node, Tree};

/// Where dpkg keeps a list of files for each package.
const LISTS: &str = "/var/lib/dpkg/info";

/// Paths that a package lists, and links that lead to what a package lists: a package that enables its unit leaves a
/// link that no list has.
pub(crate) fn owned(host: &Host, tree: &Tree) -> Result<BTreeSet<TargetPath>, HostError> {
    let mut sought: BTreeMap<String, Vec<&TargetPath>> = BTreeMap::new();
    for (path, entry) in tree.iter() {
        let names = match &entry.node {
            Node::Link { target, .. } => vec![path.as_str(), target],
            Node::Directory { .. } | Node::File { .. } | Node::Absent => vec![path.as_str()],
        };
        for name in names {
            // Packages still write `/lib/systemd` for what lies in `/usr/lib`.
            let merged = name.strip_prefix("/usr").unwrap_or(name);
            sought.entry(merged.to_owned()).or_default().push(path);
        }
    }
    let mut owned = BTreeSet::new();
    for list in lists(host)? {
        for line in String::from_utf8_lossy(&list).lines() {
            let merged = line.strip_prefix("/usr").unwrap_or(line);
            for path in sought.get(merged).into_iter().flatten() {
                owned.insert((*path).clone());
            }
        }
    }
    Ok(owned)
}

fn lists(host: &Host) -> Result<impl Iterator<Item = Vec<u8>>, HostError> {
    let directory = TargetPath::known(LISTS);
    let names = host::read::names(host, &directory)?;
    let paths = names
        .iter()
        .filter(|name| name.ends_with(".list"))
        .filter_map(|name| directory.join(name).ok());
    let question = Question {
        paths: paths.map(|path| (path, Look::Content)).collect(),
        ..Question::default()
    };
    Ok(host::gather(host, &question)?.contents.into_values())
}
