//! Putting back what an earlier run changed, on request or by the timer.

use std::time::{Duration, Instant};

use host::Host;

use crate::journal::{self, Mark, Past, RunName};
use crate::run::{not_journalled, take_lock};
use crate::{ApplyError, confirmation, undo};

/// A run that waits for units or packages may take this long after its timer has gone off.
const MOST_WAIT: Duration = Duration::from_secs(15 * 60);

/// What became of a request to put something back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reverted {
    /// It was put back.
    PutBack {
        /// Which run.
        run: RunName,
        /// Things that are as they were before it.
        count: usize,
        /// Things that are not, with reasons.
        failed: Vec<String>,
    },
    /// There is nothing to put back.
    Nothing,
}

/// Puts back what a run changed, the last one when none is named. What changed since, by whomever, is overwritten
/// where the run had changed it.
pub fn revert(host: &Host, run: Option<&RunName>) -> Result<Reverted, ApplyError> {
    let _lock = take_lock(host)?;
    let name = match run {
        Some(run) => Some(run.clone()),
        None => last_with_changes(host)?,
    };
    let Some(name) = name else {
        return Ok(Reverted::Nothing);
    };
    match Past::read(host, &name).map_err(not_journalled)? {
        Some(past) if !past.has(Mark::PutBack) => put_back(host, &name, &past, false),
        _ => Ok(Reverted::Nothing),
    }
}

fn last_with_changes(host: &Host) -> Result<Option<RunName>, ApplyError> {
    for run in journal::runs(host).map_err(not_journalled)?.into_iter().rev() {
        let past = Past::read(host, &run).map_err(not_journalled)?;
        if past.is_some_and(|past| !past.images().is_empty() && !past.has(Mark::PutBack)) {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// What the timer does: puts back what could lock people out, unless the run was confirmed. It waits for a run that is
/// still at work, which looks after its own changes at its end.
pub fn revert_unconfirmed(host: &Host, run: &RunName) -> Result<Reverted, ApplyError> {
    let deadline = Instant::now() + MOST_WAIT;
    let _lock = loop {
        match take_lock(host) {
            Ok(lock) => break lock,
            Err(ApplyError::Busy(_)) if Instant::now() < deadline => {}
            Err(error) => return Err(error),
        }
    };
    let reverted = match Past::read(host, run).map_err(not_journalled)? {
        Some(past) if past.is_unconfirmed() => put_back(host, run, &past, true)?,
        _ => Reverted::Nothing,
    };
    // Somebody may have been quicker than the timer.
    confirmation::disarm(run).map_err(not_journalled)?;
    Ok(reverted)
}

fn put_back(host: &Host, run: &RunName, past: &Past, access_alone: bool) -> Result<Reverted, ApplyError> {
    let areas = access_alone.then_some(&confirmation::ACCESS[..]);
    let undone = undo::put_back(host, run, &past.images(), areas);
    journal::mark_past(host, run, Mark::PutBack).map_err(not_journalled)?;
    Ok(Reverted::PutBack {
        run: run.clone(),
        count: undone.count,
        failed: undone.failed,
    })
}
