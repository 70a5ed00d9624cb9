//! Starting a run, however often it is asked for, once.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::far::claim::sync;
use crate::far::store::{FILES, FarError, OUTPUT, REQUEST, STOP, Store, at};
use crate::far::{launch, prune};
use crate::{Request, RunId};

/// A run writes its first byte within milliseconds; a machine under load takes longer to start a unit.
const BEGIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// Starts a run apart from this process, unless it has been started before. When this returns it has begun.
pub fn start(store: &Store, id: &RunId, request: &[u8]) -> Result<(), FarError> {
    let checked: Request =
        serde_json::from_slice(request).map_err(|error| FarError::Request(error.to_string()))?;
    store.prepare()?;
    prune::prune(store);
    let directory = store.run(id);
    if !directory.exists() {
        keep(store, id, request, &checked)?;
    }
    let output = directory.join(OUTPUT);
    if output.exists() {
        return Ok(());
    }
    // Of two that are started at once, one makes the file and the other ends.
    let launched = launch::launch(id);
    let deadline = Instant::now() + BEGIN;
    while !output.exists() {
        if Instant::now() > deadline {
            launched?;
            return Err(FarError::NotBegun(id.clone()));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Asks a run to stop after the step at hand.
pub fn stop(store: &Store, id: &RunId) -> Result<(), FarError> {
    let directory = store.run(id);
    if !directory.is_dir() {
        return Err(FarError::NoRun(id.clone()));
    }
    let path = directory.join(STOP);
    File::create(&path).map(drop).map_err(at("make", &path))
}

/// Everything of a run in a directory that has its name only when it is whole.
fn keep(store: &Store, id: &RunId, wire: &[u8], request: &Request) -> Result<(), FarError> {
    let (runs, unnamed) = (
        store.runs(),
        store.runs().join(format!(".new.{id}.{}", std::process::id())),
    );
    let kept = fill(&unnamed, wire, request).and_then(|()| {
        match rustix::fs::renameat_with(CWD, &unnamed, CWD, store.run(id), RenameFlags::NOREPLACE) {
            // Asked for twice at once.
            Ok(()) | Err(Errno::EXIST) => sync(&runs).map_err(at("sync", &runs)),
            Err(errno) => Err(at("name", &unnamed)(errno.into())),
        }
    });
    let _ = fs::remove_dir_all(&unnamed);
    kept
}

fn fill(directory: &Path, wire: &[u8], request: &Request) -> Result<(), FarError> {
    make_directory(directory)?;
    write(&directory.join(REQUEST), wire)?;
    for (name, content) in &request.files {
        let path = directory.join(FILES).join(name.as_str());
        if let Some(parent) = path.parent() {
            make_directory(parent)?;
        }
        write(&path, content.as_bytes())?;
    }
    sync(directory).map_err(at("sync", directory))
}

fn make_directory(path: &Path) -> Result<(), FarError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(at("make", path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), FarError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(at("make", path))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(at("write", path))
}
