//! What a run did and how it was before: a directory a run, with a journal of one line an event and a copy of every
//! file that was overwritten or removed. Nothing is planned from it; it is there to put things back, and for people.

use std::time::SystemTime;

use appliance::mode::Mode;
use appliance::path::TargetPath;
use host::append::Appender;
use host::write::{self, NewFile};
use host::{Host, HostError, directory, read, remove};
use plan::{Record, Step};
use render::Area;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::images::{Captured, Image};

/// Root's alone, since it tells what the machine was before, secrets of a running apply included.
pub(crate) const STATE: &str = "/var/lib/data-analyst";
const RUNS: &str = "/var/lib/data-analyst/backup";
/// How lines are called that tell how something was.
const IMAGE: &str = "before";
/// Bytes of a line that says something of a run as a whole.
const LONGEST_MARK: usize = 128;
/// Runs that are kept (spec 10, section 22.2).
const MOST_RUNS: usize = 10;

/// The name of a run: when it began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunName(String);

impl std::fmt::Display for RunName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::str::FromStr for RunName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_digit() || b"TZ.".contains(&byte))
        };
        if text.len() < 16 || text.len() > 32 || !digits(text) || text.contains("..") {
            return Err(format!(
                "{text:?} is no name of a run\n    next: `ls {RUNS}` lists them, the newest last"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl RunName {
    fn now() -> Self {
        let now = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
        Self(
            now.chars()
                .filter(|letter| !matches!(letter, '-' | ':'))
                .collect(),
        )
    }

    fn directory(&self) -> TargetPath {
        TargetPath::known(&format!("{RUNS}/{self}"))
    }

    fn journal(&self) -> TargetPath {
        TargetPath::known(&format!("{RUNS}/{self}/journal"))
    }

    /// Where the former content of a file is kept.
    pub(crate) fn kept(&self, path: &TargetPath) -> TargetPath {
        TargetPath::known(&format!("{RUNS}/{self}/files{path}"))
    }
}

/// An image as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// Of the step, in its round.
    pub number: usize,
    pub area: Area,
    #[serde(flatten)]
    pub image: Image,
}

/// The journal of one run that is under way.
pub(crate) struct Journal {
    pub run: RunName,
    appender: Appender,
    /// Everything that can be put back so far.
    pub images: Vec<Saved>,
    secrets: Vec<TargetPath>,
}

impl Journal {
    /// Opens it for a run that has something to do, and lets the oldest ones go.
    pub fn open(host: &Host) -> Result<Self, HostError> {
        let private = directory::Metadata::of_root(0o700);
        for path in [STATE, RUNS] {
            directory::ensure(host, &TargetPath::known(path), &private)?;
        }
        // What a run left that was killed while it made its directory.
        write::sweep(host, &TargetPath::known(RUNS))?;
        let runs = runs(host)?;
        for old in runs.iter().take((runs.len() + 1).saturating_sub(MOST_RUNS)) {
            remove::records(host, &old.directory())?;
        }
        let run = RunName::now();
        directory::ensure(host, &run.directory(), &private)?;
        let appender = Appender::open(host, &run.journal(), Mode::from_bits(0o600))?;
        Ok(Self {
            run,
            appender,
            images: Vec::new(),
            secrets: Vec::new(),
        })
    }

    /// Notes what a round is about to do, before anything is touched.
    pub fn round(&mut self, round: usize, steps: &[Step]) -> Result<(), HostError> {
        let records: Vec<Record> = steps
            .iter()
            .zip(1..)
            .map(|(step, id)| Record::of_step(id, step))
            .collect();
        self.note("round", json!({ "round": round, "steps": records }))?;
        self.appender.sync()
    }

    /// Keeps how things are, right before they change. What a person wrote is on disk before it is overwritten.
    pub fn keep(&mut self, host: &Host, captured: Vec<Captured>) -> Result<(), HostError> {
        let mut holds_content = false;
        for one in captured {
            if let (Image::Path { path, .. }, Some(content)) = (&one.image, &one.content) {
                let kept = self.run.kept(path);
                make_way(host, &self.run, &kept)?;
                write::stage(host, &NewFile::of_root(&kept, content, 0o600))?.put_unsynced()?;
                holds_content = true;
                if one.secret {
                    self.secrets.push(kept);
                }
            }
            let saved = Saved {
                number: one.number,
                area: one.area,
                image: one.image,
            };
            let line = serde_json::to_value(&saved).unwrap_or_default();
            self.note(IMAGE, line)?;
            self.images.push(saved);
        }
        if holds_content {
            write::sync(host, &[&self.run.journal()])?;
        }
        Ok(())
    }

    /// Notes that steps, by their numbers in the round, are done, or why they are not.
    pub fn ended(
        &mut self,
        numbers: &[usize],
        error: Option<&dyn std::error::Error>,
    ) -> Result<(), HostError> {
        let event = if error.is_none() { "done" } else { "failed" };
        self.note(
            event,
            json!({ "steps": numbers, "error": error.map(ToString::to_string) }),
        )
    }

    /// Notes something about the run as a whole; on disk when this returns.
    pub fn mark(&mut self, event: Mark) -> Result<(), HostError> {
        self.note(event.as_str(), json!({}))?;
        self.appender.sync()
    }

    /// Ends the run: secrets that it replaced are not kept.
    pub fn end(mut self, host: &Host, mark: Mark) -> Result<(), HostError> {
        for kept in &self.secrets {
            remove::file(host, kept)?;
        }
        self.mark(mark)
    }

    fn note(&mut self, event: &str, mut line: Value) -> Result<(), HostError> {
        if let Some(fields) = line.as_object_mut() {
            let at = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
            fields.insert("at".to_owned(), at.into());
            fields.insert("event".to_owned(), event.into());
        }
        self.appender.line(&line.to_string())
    }
}

/// What may be said of a run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It changes what could lock people out, and a timer will put that back unless it is confirmed.
    Armed,
    /// People can still get in.
    Confirmed,
    /// A later run took over.
    Superseded,
    /// It ended with nothing left to do.
    Converged,
    /// It stopped and left what it had done.
    Stopped,
    /// What it had done was put back.
    PutBack,
}

impl Mark {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Confirmed => "confirmed",
            Self::Superseded => "superseded",
            Self::Converged => "converged",
            Self::Stopped => "stopped",
            Self::PutBack => "put-back",
        }
    }
}

/// Directories of root's own down to a kept file.
fn make_way(host: &Host, run: &RunName, kept: &TargetPath) -> Result<(), HostError> {
    let top = run.directory();
    let mut missing = Vec::new();
    let mut parent = kept.parent();
    while let Some(directory) = parent.filter(|directory| *directory != top) {
        if read::exists(host, &directory)? {
            break;
        }
        parent = directory.parent();
        missing.push(directory);
    }
    for directory in missing.iter().rev() {
        directory::ensure(host, directory, &directory::Metadata::of_root(0o700))?;
    }
    Ok(())
}

/// Every run that is kept, the oldest first.
pub(crate) fn runs(host: &Host) -> Result<Vec<RunName>, HostError> {
    let names = read::names(host, &TargetPath::known(RUNS))?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// A run that has ended, or was ended.
#[derive(Debug)]
pub(crate) struct Past {
    journal: String,
    marks: Vec<String>,
}

impl Past {
    /// Reads a journal; none when there is no such run. A last line that was cut off counts for nothing: what it
    /// would have told had not been changed yet.
    pub fn read(host: &Host, run: &RunName) -> Result<Option<Self>, HostError> {
        Ok(read::file(host, &run.journal())?
            .map(|bytes| Self::of(String::from_utf8_lossy(&bytes).into_owned())))
    }

    fn of(journal: String) -> Self {
        let event = |line: &str| {
            // Long lines tell of steps; every apply looks for marks, and reads no more than it must.
            let value: Value = (line.len() < LONGEST_MARK).then(|| serde_json::from_str(line).ok())??;
            Some(value.get("event")?.as_str()?.to_owned())
        };
        let marks = journal.lines().filter_map(event).collect();
        Self { journal, marks }
    }

    /// Everything that can be put back.
    pub fn images(&self) -> Vec<Saved> {
        let image = |line: &str| {
            let value: Value = serde_json::from_str(line).ok()?;
            let is_image = value.get("event").and_then(Value::as_str) == Some(IMAGE);
            is_image.then(|| serde_json::from_value(value).ok())?
        };
        self.journal.lines().filter_map(image).collect()
    }

    pub fn has(&self, mark: Mark) -> bool {
        self.marks.iter().any(|known| known == mark.as_str())
    }

    /// It did not live to say how it ended.
    pub fn was_cut_short(&self) -> bool {
        let ends = [Mark::Converged, Mark::Stopped, Mark::PutBack, Mark::Superseded];
        !ends.iter().any(|mark| self.has(*mark))
    }

    /// It changed what could lock people out, and nobody has said yet that they still get in.
    pub fn is_unconfirmed(&self) -> bool {
        let settled = [Mark::Confirmed, Mark::Superseded, Mark::PutBack];
        self.has(Mark::Armed) && !settled.iter().any(|mark| self.has(*mark))
    }
}

/// Notes something in the journal of an earlier run.
pub(crate) fn mark_past(host: &Host, run: &RunName, mark: Mark) -> Result<(), HostError> {
    let mut appender = Appender::open(host, &run.journal(), Mode::from_bits(0o600))?;
    let at = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
    // The last line may have been cut off.
    appender.line(&format!("\n{}", json!({ "at": at, "event": mark.as_str() })))?;
    appender.sync()
}
