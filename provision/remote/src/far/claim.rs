//! The file of a run, which can be made once: who makes it runs it, and nobody else ever does.
//!
//! It is locked before it has its name and for as long as the run lives, so that a reader can tell a run that says
//! nothing from one that is no more.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, FlockOperation, RenameFlags};
use rustix::io::Errno;

use crate::RunId;
use crate::far::store::{FarError, OUTPUT, Store, at};
use crate::frame::Kind;

/// Set aside at the start, so that a disk that fills up meanwhile still takes the exit code.
const RESERVED_BYTES: u64 = 256 << 10;

/// The right to run, and to write what the run says.
#[derive(Debug)]
pub(crate) struct Claim {
    file: File,
    length: u64,
}

impl Claim {
    pub fn make(store: &Store, id: &RunId) -> Result<Self, FarError> {
        let directory = store.run(id);
        let (place, unnamed) = (directory.join(OUTPUT), directory.join(".output"));
        if place.exists() {
            return Err(FarError::BegunBefore(id.clone()));
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&unnamed)
            .map_err(at("make", &unnamed))?;
        let fail = |operation| move |errno: Errno| (operation, std::io::Error::from(errno));
        let made = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(fail("lock"))
            .and_then(|()| reserve(&file).map_err(fail("reserve space for")))
            .and_then(|()| {
                let here = rustix::fs::CWD;
                rustix::fs::renameat_with(here, &unnamed, here, &place, RenameFlags::NOREPLACE)
                    .map_err(fail("name"))
            })
            .and_then(|()| sync(&directory).map_err(|error| ("sync", error)));
        match made {
            Ok(()) => Ok(Self { file, length: 0 }),
            Err(("lock" | "name", _)) => Err(FarError::BegunBefore(id.clone())),
            Err((operation, source)) => Err(FarError::File {
                operation,
                path: place,
                source,
            }),
        }
    }

    /// Adds whole pieces, or nothing of them: half a piece would make all that follows unreadable.
    pub fn add(&mut self, pieces: &[u8]) -> std::io::Result<()> {
        let written = self.file.write_all(pieces);
        match written {
            Ok(()) => self.length += pieces.len() as u64,
            Err(_) => self.file.set_len(self.length)?,
        }
        written
    }

    /// The last piece, and all of it on disk.
    pub fn end(&mut self, code: u8) -> std::io::Result<()> {
        self.add(&Kind::Exit.encode(code.to_string().as_bytes()))?;
        self.file.sync_data()
    }
}

/// Whether anybody runs it now.
pub(crate) fn is_held(output: &File) -> std::io::Result<bool> {
    match rustix::fs::flock(output, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            rustix::fs::flock(output, FlockOperation::Unlock)?;
            Ok(false)
        }
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}

fn reserve(file: &File) -> Result<(), Errno> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, RESERVED_BYTES) {
        // Not every filesystem can.
        Err(Errno::NOTSUP) => Ok(()),
        other => other,
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::far::follow;

    fn store() -> (tempfile::TempDir, Store, RunId) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::below(directory.path());
        let id = RunId::fresh().unwrap();
        std::fs::create_dir_all(store.run(&id)).unwrap();
        (directory, store, id)
    }

    fn followed(store: &Store, id: &RunId, from: u64) -> Vec<u8> {
        let mut out = tempfile::tempfile().unwrap();
        let (attended, _reader) = std::io::pipe().unwrap();
        let attended = std::os::fd::OwnedFd::from(attended).into();
        follow(store, id, from, &attended, &out).unwrap();
        std::io::Seek::rewind(&mut out).unwrap();
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_run_is_claimed_once_even_after_its_end() {
        let (_directory, store, id) = store();
        let mut claim = Claim::make(&store, &id).unwrap();
        assert!(matches!(Claim::make(&store, &id), Err(FarError::BegunBefore(_))));
        claim.end(10).unwrap();
        drop(claim);
        assert!(matches!(Claim::make(&store, &id), Err(FarError::BegunBefore(_))));
    }

    #[test]
    fn of_many_that_claim_at_once_one_succeeds() {
        let (_directory, store, id) = store();
        let claims: Vec<_> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8).map(|_| scope.spawn(|| Claim::make(&store, &id))).collect();
            tries.into_iter().map(|claim| claim.join().unwrap()).collect()
        });
        assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    }

    #[test]
    fn a_reader_goes_on_from_any_piece_and_ends_with_the_run() {
        let (_directory, store, id) = store();
        let mut claim = Claim::make(&store, &id).unwrap();
        let first = Kind::Output.encode(b"one\n");
        claim.add(&first).unwrap();
        std::thread::scope(|scope| {
            let whole = scope.spawn(|| followed(&store, &id, 0));
            let rest = scope.spawn(|| followed(&store, &id, first.len() as u64));
            std::thread::sleep(std::time::Duration::from_millis(100));
            claim.add(&Kind::Errors.encode(b"two\n")).unwrap();
            claim.end(0).unwrap();
            let (whole, rest) = (whole.join().unwrap(), rest.join().unwrap());
            assert_eq!(whole, [first.clone(), rest].concat());
            assert!(whole.ends_with(&Kind::Exit.encode(b"0")));
        });
    }

    #[test]
    fn a_run_that_is_killed_leaves_a_reader_with_what_there_was() {
        let (_directory, store, id) = store();
        let mut claim = Claim::make(&store, &id).unwrap();
        claim.add(&Kind::Output.encode(b"one\n")).unwrap();
        drop(claim);
        assert_eq!(followed(&store, &id, 0), Kind::Output.encode(b"one\n"));
        // After a power cut there may be less than the reader had.
        assert_eq!(followed(&store, &id, 1 << 20), b"");
    }
}
