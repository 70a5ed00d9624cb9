//! Everything that the checks look at, gathered before the first of them runs: what planning knows, then a closer
//! look at what is there and should not be.

use std::collections::{BTreeMap, BTreeSet};

use appliance::Appliance;
use appliance::path::TargetPath;
use host::facts::{Inode, Kind, LiveFacts};
use host::{Facts, Host, Look, Question};
use plan::{Ledger, Plan};
use render::{Node, Tree};

use crate::debian::Debian;
use crate::places;
use crate::walk::{Depth, Walk};
use crate::{VerifyError, checks, registry};

/// A machine and what it should be.
pub(crate) struct Machine<'a> {
    pub appliance: &'a Appliance,
    pub tree: Tree,
    pub facts: Facts,
    pub plan: Plan,
    /// The second look: what the first one found and could not name before.
    pub closer: Facts,
    pub ledger: Ledger,
    pub debian: Debian,
    pub walk: Walk,
}

impl<'a> Machine<'a> {
    pub fn look(appliance: &'a Appliance, host: &Host, depth: &Depth) -> Result<Self, VerifyError> {
        let survey = survey::take(appliance, host, &[], ask_more)?;
        let closer = host::gather(host, &closer_question(&survey.tree, &survey.facts))?;
        let debian = Debian::read(host, &survey.facts)?;
        let walk = Walk::of(host, &survey.facts, &survey.tree, &debian, depth)?;
        Ok(Self {
            appliance,
            tree: survey.tree,
            facts: survey.facts,
            plan: survey.plan,
            closer,
            ledger: survey.ledger,
            debian,
            walk,
        })
    }

    /// What only a running machine has.
    pub fn live(&self) -> Option<&LiveFacts> {
        self.facts.live.as_ref()
    }

    /// True for a path that the definition puts there.
    pub fn is_ours(&self, path: &TargetPath) -> bool {
        is_ours(&self.tree, path)
    }

    /// The names in a directory that are there and not ours.
    pub fn foreign(&self, directory: &str) -> Vec<(TargetPath, &Inode)> {
        foreign(&self.tree, &self.facts, &TargetPath::known(directory))
            .into_iter()
            .chain(foreign(&self.tree, &self.closer, &TargetPath::known(directory)))
            .collect()
    }

    /// The inode, whichever look saw it.
    pub fn inode(&self, path: &TargetPath) -> Option<&Inode> {
        self.facts
            .inodes
            .get(path)
            .or_else(|| self.closer.inodes.get(path))
            .or_else(|| self.walk.kept.get(path))
    }

    /// The text of a file, whichever look read it; empty when it is not there.
    pub fn text(&self, path: &TargetPath) -> String {
        let bytes = self
            .facts
            .contents
            .get(path)
            .or_else(|| self.closer.contents.get(path));
        bytes.map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

fn is_ours(tree: &Tree, path: &TargetPath) -> bool {
    tree.get(path)
        .is_some_and(|entry| !matches!(entry.node, Node::Absent))
}

fn foreign<'f>(tree: &Tree, facts: &'f Facts, directory: &TargetPath) -> Vec<(TargetPath, &'f Inode)> {
    let names = facts.listings.get(directory).into_iter().flatten();
    names
        .filter_map(|(name, inode)| Some((directory.join(name).ok()?, inode)))
        .filter(|(path, _)| !is_ours(tree, path))
        .collect()
}

/// The directories whose every name matters, the files of Debian's that could undo ours, and who listens.
fn ask_more(_tree: &Tree, question: &mut Question) {
    let listings = places::CLOSED.iter().map(|path| (*path, Look::Listing));
    let files = places::OF_DEBIAN.iter().map(|path| (*path, Look::Content));
    for (path, look) in listings.chain(files) {
        question.paths.insert(TargetPath::known(path), look);
    }
    question
        .paths
        .insert(TargetPath::known(registry::FILE), Look::Content);
    question.listeners = true;
}

/// What can be named only after the first look: contents of foreign files, keys in the homes of accounts,
/// directories of drop-ins.
fn closer_question(tree: &Tree, facts: &Facts) -> Question {
    let mut question = Question::default();
    for directory in places::CLOSED {
        for (path, inode) in foreign(tree, facts, &TargetPath::known(directory)) {
            match inode.kind {
                Kind::File if places::READ_WHEN_FOREIGN.contains(directory) => {
                    question.paths.insert(path, Look::Content);
                }
                // What lies in people's homes and below foreign data is nobody's business here.
                Kind::Directory if !places::DATA.contains(directory) && *directory != places::HOMES => {
                    question.paths.insert(path, Look::Listing);
                }
                _ => {}
            }
        }
    }
    let unit_directories = facts
        .listings
        .get(&TargetPath::known(places::UNITS))
        .into_iter()
        .flatten();
    for (name, inode) in unit_directories {
        if inode.kind == Kind::Directory
            && let Ok(path) = TargetPath::known(places::UNITS).join(name)
        {
            question.paths.insert(path, Look::Listing);
        }
    }
    let homes: BTreeSet<&str> = facts
        .accounts
        .passwd
        .entries()
        .map(|line| line.home.as_str())
        .collect();
    for home in homes {
        for name in ["authorized_keys", "authorized_keys2"] {
            if let Some(path) = checks::key_file(home, name) {
                question.paths.insert(path, Look::Inode);
            }
        }
    }
    question
}

/// Inodes by path, wherever they were seen.
pub(crate) type Inodes = BTreeMap<TargetPath, Inode>;
