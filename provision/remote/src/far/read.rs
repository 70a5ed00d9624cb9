//! Reading what a run has said and says, and which runs there are.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec};
use serde::{Deserialize, Serialize};

use crate::far::claim::is_held;
use crate::far::store::{EXIT, FILES, FarError, OUTPUT, REQUEST, Store, at};
use crate::frame::{Decoder, Kind};
use crate::{FileName, Request, RunId};

/// Between two looks at a file that grows.
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: Duration::from_millis(20).as_nanos() as i64,
};

/// A run as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its number.
    pub id: RunId,
    /// When it was asked for, in seconds since 1970.
    pub asked: u64,
    /// What was asked for.
    pub command: String,
    /// Whether it goes on.
    pub running: bool,
    /// Its exit code, when it has ended and wrote one.
    pub exit: Option<u8>,
}

/// Writes the pieces of a run to `out` from an offset on, as they come, until the run has ended or nobody reads.
/// Whoever reads holds `attended` open, and says nothing there.
pub fn follow(store: &Store, id: &RunId, from: u64, attended: &File, out: &File) -> Result<(), FarError> {
    let path = store.run(id).join(OUTPUT);
    let fail = at("read", &path);
    let mut output = match File::open(&path) {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(FarError::NoRun(id.clone())),
        Err(error) => return Err(fail(error)),
    };
    output.seek(SeekFrom::Start(from)).map_err(&fail)?;
    let mut decoder = Decoder::default();
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        // Before reading: what was written before the end is then sure to be read.
        let alive = is_held(&output).map_err(&fail)?;
        let length = output.read(&mut buffer).map_err(&fail)?;
        let mut writer = out;
        if length > 0 && writer.write_all(&buffer[..length]).is_err() {
            return Ok(());
        }
        decoder.push(&buffer[..length]);
        while let Ok(Some(frame)) = decoder.next() {
            if frame.kind == Kind::Exit {
                return Ok(());
            }
        }
        if length == 0 && (!alive || is_left_within_a_pause(attended, out)) {
            return Ok(());
        }
    }
}

/// Whether the reader goes away; otherwise the time is up.
fn is_left_within_a_pause(attended: &File, out: &File) -> bool {
    let mut waited = [
        PollFd::new(attended, PollFlags::IN),
        PollFd::new(out, PollFlags::empty()),
    ];
    rustix::event::poll(&mut waited, Some(&PAUSE)).is_ok_and(|count| count > 0)
}

/// A file that was sent with a run; `None` when it was not.
pub fn sent(store: &Store, id: &RunId, name: &FileName) -> Result<Option<String>, FarError> {
    let path = store.run(id).join(FILES).join(name.as_str());
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("read", &path)(error)),
    }
}

/// The runs that are kept, newest first.
pub fn list(store: &Store) -> Result<Vec<RunRecord>, FarError> {
    let runs = store.runs();
    let entries = match fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at("read", &runs)(error)),
    };
    let mut records: Vec<RunRecord> = entries
        .flatten()
        .filter_map(|entry| {
            let id: RunId = entry.file_name().to_str()?.parse().ok()?;
            record(&entry.path(), id)
        })
        .collect();
    records.sort_by(|one, other| (other.asked, &other.id).cmp(&(one.asked, &one.id)));
    Ok(records)
}

/// `None` for what cannot be read: a listing is no place to fail.
fn record(directory: &Path, id: RunId) -> Option<RunRecord> {
    let request = File::open(directory.join(REQUEST)).ok()?;
    let asked = request.metadata().ok()?.modified().ok()?;
    let request: Request = serde_json::from_reader(io::BufReader::new(request)).ok()?;
    let running = File::open(directory.join(OUTPUT)).is_ok_and(|output| is_held(&output).unwrap_or(false));
    let exit = fs::read_to_string(directory.join(EXIT)).ok();
    Some(RunRecord {
        id,
        asked: asked
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        command: request.shown(),
        running,
        exit: exit.and_then(|text| text.trim().parse().ok()),
    })
}
