//! One walk over every filesystem that is here, of which only what stands out is kept: a machine with fifty homes
//! has half a million inodes.

use std::collections::{BTreeMap, BTreeSet};

use appliance::path::TargetPath;
use host::facts::{Inode, Kind, LiveFacts};
use host::scan::{self, Found, Next, Sort};
use host::{Facts, Host, HostError, Look, Question};
use render::Tree;

use crate::debian::Debian;
use crate::machine::Inodes;
use crate::world::{self, Place};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const OTHER_READS: u32 = 0o0004;
const OTHER_WRITES: u32 = 0o0002;
const GROUP_WRITES: u32 = 0o0020;
const RUNS: u32 = 0o0111;

/// Everything on the way to a command that sudo runs.
const KEPT: [&str; 2] = ["/usr/local", "/opt/data-analyst"];
/// Where people put a million files.
const DEEP: [&str; 2] = ["/home", "/data"];
/// Filesystems whose files are files: not those of the kernel, and none that hangs when a server is gone.
const LOCAL: [&str; 10] = [
    "btrfs", "devtmpfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "vfat", "xfs",
];
/// More of a kind than anybody looks at are counted: memory stays bounded, whatever lies on the machine.
const MOST: usize = 2000;

/// How far a walk goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Depth {
    /// Everywhere.
    Whole,
    /// Everywhere but below `/home` and `/data`, where only these paths are looked at: what stood out at the last
    /// deep look.
    Again {
        /// Seconds since 1970 of the last deep look.
        deep_look: u64,
        /// What stood out then.
        stood_out: Vec<String>,
    },
}

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
    /// Privileged things with a name that no tool handles well: directory and name.
    pub unnameable: Vec<(String, String)>,
    /// What lies where the system reads or runs it and came neither from a package nor from the definition.
    pub strays: BTreeMap<String, Inode>,
    /// What of the system belongs to or may be written by others than root.
    pub loose: BTreeMap<String, Inode>,
    /// Programs and libraries of packages that changed since they were unpacked, with their sizes.
    pub touched: BTreeMap<String, u64>,
    /// Directories that nobody looked into.
    pub too_deep: Vec<String>,
    /// What stood out and was not kept, because there was too much of it.
    pub left_out: usize,
}

impl Walk {
    pub fn of(
        host: &Host,
        facts: &Facts,
        tree: &Tree,
        debian: &Debian,
        depth: &Depth,
    ) -> Result<Self, HostError> {
        let mut walk = Self::default();
        let passed = facts.live.as_ref().map(points).unwrap_or_default();
        for top in tops(facts) {
            let seen = scan::walk(host, &top, &passed, &mut |found| {
                if *depth != Depth::Whole && DEEP.iter().any(|deep| is_below(found.path, deep)) {
                    return Ok(Next::Pass);
                }
                walk.take(found, tree, debian)?;
                Ok(Next::Enter)
            })?;
            walk.seen += seen.count;
            walk.too_deep.extend(seen.too_deep);
        }
        if let Depth::Again { stood_out, .. } = depth {
            walk.look_again(host, stood_out)?;
        }
        Ok(walk)
    }

    /// What stood out at the last deep look, so that the next one comes back to it.
    pub fn stood_out(&self) -> Vec<String> {
        let kinds = [&self.privileged, &self.writable, &self.readable];
        let paths: BTreeSet<&str> = kinds
            .iter()
            .flat_map(|kind| kind.keys())
            .map(TargetPath::as_str)
            .collect();
        let deep = |path: &&str| DEEP.iter().any(|deep| is_below(path, deep));
        paths.into_iter().filter(deep).map(str::to_owned).collect()
    }

    fn look_again(&mut self, host: &Host, stood_out: &[String]) -> Result<(), HostError> {
        let mut question = Question::default();
        let paths = stood_out.iter().filter_map(|path| TargetPath::new(path).ok());
        question.paths.extend(paths.map(|path| (path, Look::Inode)));
        if !question.paths.is_empty() {
            for (path, inode) in host::gather(host, &question)?.inodes {
                self.sort_in(path, inode);
            }
        }
        Ok(())
    }

    fn take(&mut self, found: &Found<'_>, tree: &Tree, debian: &Debian) -> Result<(), HostError> {
        let bits = found.bits();
        let is_file = found.sort == Sort::File;
        let privileged =
            is_file && (bits & (SETUID | SETGID) != 0 || (bits & RUNS != 0 && found.has_capabilities()));
        let open = bits & OTHER_WRITES != 0 && is_file
            || found.sort == Sort::Directory && bits & (OTHER_WRITES | STICKY) == OTHER_WRITES;
        let readable = is_file && bits & OTHER_READS != 0 && is_below(found.path, "/data");
        let place = Place::of(found.path);
        let kept = found.target().filter(is_kept);
        if privileged || open || readable || kept.is_some() {
            match (found.target(), found.inode()?) {
                (Some(path), Some(inode)) => self.sort_in(path, inode),
                (None, Some(_)) if privileged && self.unnameable.len() < MOST => {
                    let (directory, name) = found.path.rsplit_once('/').unwrap_or(("", found.path));
                    self.unnameable.push((directory.to_owned(), name.to_owned()));
                }
                _ => {}
            }
        }
        if let Some(place) = place {
            self.judge(found, place, tree, debian)?;
        }
        Ok(())
    }

    /// What lies in a place of the system.
    fn judge(
        &mut self,
        found: &Found<'_>,
        place: Place,
        tree: &Tree,
        debian: &Debian,
    ) -> Result<(), HostError> {
        // What must be absent is told by `as-defined`, as are the others.
        if found.target().is_some_and(|path| tree.get(&path).is_some()) {
            return Ok(());
        }
        let owned = debian.owns(found.path);
        if place.closed && !owned && found.sort != Sort::Directory && !world::is_generated(found.path) {
            let inode = found.inode()?;
            keep(&mut self.strays, &mut self.left_out, found.path, inode);
        }
        if owned
            && place.has_programs
            && found.sort == Sort::File
            && debian
                .owner(found.path)
                .is_some_and(|package| found.changed() > package.unpacked)
        {
            if self.touched.len() < MOST * 4 {
                self.touched.insert(found.path.to_owned(), found.size());
            } else {
                self.left_out += 1;
            }
        }
        let others = found.uid() != 0 || found.bits() & GROUP_WRITES != 0;
        if place.of_root && found.sort != Sort::Link && (others || place.has_lists) {
            let inode = found.inode()?;
            if inode
                .as_ref()
                .is_some_and(|inode| world::is_loose(found.path, inode))
            {
                keep(&mut self.loose, &mut self.left_out, found.path, inode);
            }
        }
        Ok(())
    }

    /// Keeps what stands out about one inode.
    pub fn sort_in(&mut self, path: TargetPath, inode: Inode) {
        let bits = inode.mode.bits();
        let mut put = |kind: &mut Inodes, path: &TargetPath| {
            if kind.len() < MOST {
                kind.insert(path.clone(), inode.clone());
            } else {
                self.left_out += 1;
            }
        };
        if is_privileged(&inode) {
            put(&mut self.privileged, &path);
        }
        let excused = match inode.kind {
            Kind::File => false,
            Kind::Directory => bits & STICKY != 0,
            Kind::Link(_) | Kind::Other(_) => true,
        };
        if bits & OTHER_WRITES != 0 && !excused {
            put(&mut self.writable, &path);
        }
        if inode.kind == Kind::File && bits & OTHER_READS != 0 && is_below(path.as_str(), "/data") {
            put(&mut self.readable, &path);
        }
        if is_kept(&path) {
            self.kept.insert(path, inode);
        }
    }
}

fn keep(kind: &mut BTreeMap<String, Inode>, left_out: &mut usize, path: &str, inode: Option<Inode>) {
    match inode {
        Some(inode) if kind.len() < MOST => {
            kind.insert(path.to_owned(), inode);
        }
        Some(_) => *left_out += 1,
        None => {}
    }
}

/// Whether a path lies where programs of the appliance do, or on the way there.
pub(crate) fn is_kept(path: &TargetPath) -> bool {
    KEPT.iter()
        .any(|top| path.as_str() == *top || is_below(path.as_str(), top) || is_below(top, path.as_str()))
}

/// Whether a path lies below a directory.
pub(crate) fn is_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'))
}

fn points(live: &LiveFacts) -> BTreeSet<String> {
    live.mounts.iter().map(|mount| mount.point.clone()).collect()
}

/// Each filesystem once: what is bound to a second place is the same files.
fn tops(facts: &Facts) -> Vec<TargetPath> {
    let mut devices = BTreeSet::new();
    let mut tops = vec![TargetPath::root()];
    for mount in facts.live.iter().flat_map(|live| &live.mounts) {
        let is_new = LOCAL.contains(&mount.filesystem.as_str()) && devices.insert(mount.device);
        if is_new
            && let Ok(point) = TargetPath::new(&mount.point)
            && !tops.contains(&point)
        {
            tops.push(point);
        }
    }
    tops
}

fn is_privileged(inode: &Inode) -> bool {
    inode.kind == Kind::File && (inode.mode.bits() & (SETUID | SETGID) != 0 || inode.capabilities)
}
