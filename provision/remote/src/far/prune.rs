//! Letting go of old runs and old programs. A failure here is no reason to fail a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::far::read::list;
use crate::far::store::Store;
use crate::name::Digest;

/// Runs that are kept, beside those that go on: the one that is about to be made is the tenth.
const RUNS: usize = 9;
/// Programs that are kept beside the one that runs this.
const PROGRAMS: usize = 2;
/// What has no name after this long was left by a connection that broke.
const UNFINISHED: Duration = Duration::from_secs(3600);

pub(crate) fn prune(store: &Store) {
    let records = list(store).unwrap_or_default();
    for record in records.iter().skip(RUNS).filter(|record| !record.running) {
        let _ = fs::remove_dir_all(store.run(&record.id));
    }
    let own = std::env::current_exe().unwrap_or_default();
    for old in old_programs(&store.programs(), &own) {
        let _ = fs::remove_dir_all(old);
    }
    for directory in [store.runs(), store.programs()] {
        for (path, made) in entries(&directory) {
            let unnamed = name(&path).starts_with(".new.");
            if unnamed && made.elapsed().is_ok_and(|age| age > UNFINISHED) {
                let _ = fs::remove_dir_all(path);
            }
        }
    }
}

fn old_programs(directory: &Path, own: &Path) -> Vec<PathBuf> {
    let mut programs = entries(directory);
    programs.retain(|(path, _)| Digest::is_name(name(path)) && !own.starts_with(path));
    programs.sort_by_key(|(_, made)| std::cmp::Reverse(*made));
    programs
        .into_iter()
        .skip(PROGRAMS)
        .map(|(path, _)| path)
        .collect()
}

fn entries(directory: &Path) -> Vec<(PathBuf, SystemTime)> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.modified().ok()?)))
        .collect()
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}
