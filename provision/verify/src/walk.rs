//! One walk over every filesystem that is ours, of which only what stands out is kept: a machine with fifty homes
//! has half a million inodes.

use appliance::path::TargetPath;
use host::facts::{Inode, Kind, Tree};
use host::{Facts, Host, HostError, Question};

use crate::machine::Inodes;

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const OTHER_READS: u32 = 0o0004;
const OTHER_WRITES: u32 = 0o0002;

/// Everything on the way to a command that sudo runs.
const KEPT: [&str; 2] = ["/usr/local", "/opt/data-analyst"];
/// Whole filesystems on a machine with its disks; plain directories elsewhere, which the walk of `/` has seen.
const TOPS: [&str; 4] = ["/", "/data", "/home", "/tmp"];

/// What stands out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Walk {
    /// How many inodes were looked at.
    pub seen: usize,
    /// Files that give their caller more rights: setuid, setgid, capabilities.
    pub privileged: Inodes,
    /// What everybody may write, but for links, sockets and sticky directories.
    pub writable: Inodes,
    /// Files below `/data` that everybody may read.
    pub readable: Inodes,
    /// What lies on the way to commands that sudo runs.
    pub kept: Inodes,
    /// Things with a name that no tool handles well.
    pub unnameable: Vec<(TargetPath, String)>,
}

impl Walk {
    pub fn of(host: &Host, facts: &Facts) -> Result<Self, HostError> {
        let mut walk = Self::default();
        for top in TOPS.map(TargetPath::known) {
            if !is_filesystem(&top, facts) {
                continue;
            }
            let question = Question {
                trees: vec![top],
                ..Question::default()
            };
            // One filesystem at a time, so that the largest alone decides over the memory that is needed.
            for tree in host::gather(host, &question)?.trees.into_values() {
                walk.take(tree);
            }
        }
        Ok(walk)
    }

    fn take(&mut self, tree: Tree) {
        self.seen += tree.inodes.len() + tree.unnameable.len();
        for (directory, name, inode) in tree.unnameable {
            if is_privileged(&inode) {
                self.unnameable.push((directory, name));
            }
        }
        for (path, inode) in tree.inodes {
            self.sort_in(path, inode);
        }
    }

    /// Keeps what stands out about one inode.
    pub fn sort_in(&mut self, path: TargetPath, inode: Inode) {
        let bits = inode.mode.bits();
        if is_privileged(&inode) {
            self.privileged.insert(path.clone(), inode.clone());
        }
        let excused = match inode.kind {
            Kind::File => false,
            Kind::Directory => bits & STICKY != 0,
            Kind::Link(_) | Kind::Other(_) => true,
        };
        if bits & OTHER_WRITES != 0 && !excused {
            self.writable.insert(path.clone(), inode.clone());
        }
        let data = TargetPath::known("/data");
        if inode.kind == Kind::File && bits & OTHER_READS != 0 && path.is_within(&data) {
            self.readable.insert(path.clone(), inode.clone());
        }
        if is_kept(&path) {
            self.kept.insert(path, inode);
        }
    }
}

/// Whether a path lies where programs of the appliance do, or on the way there.
pub(crate) fn is_kept(path: &TargetPath) -> bool {
    KEPT.map(TargetPath::known)
        .iter()
        .any(|top| path.is_within(top) || top.is_within(path))
}

/// A directory that is no filesystem of its own lies in the walk of `/`.
fn is_filesystem(top: &TargetPath, facts: &Facts) -> bool {
    top.parent().is_none()
        || facts
            .live
            .as_ref()
            .is_some_and(|live| live.mounts.iter().any(|mount| mount.point == top.as_str()))
}

fn is_privileged(inode: &Inode) -> bool {
    inode.kind == Kind::File && (inode.mode.bits() & (SETUID | SETGID) != 0 || inode.capabilities)
}
