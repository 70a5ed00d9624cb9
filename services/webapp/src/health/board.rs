//! The newest answer, where a request finds it without waiting for anybody.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;

use super::machine::Unknown;
use super::report::{Facts, Report};
use super::watched::Watched;
use crate::log::{Level, event};

/// A round starts every 5 s and ends within 2 s, so only a prober that is stuck lets an answer
/// become this old. The machine's design allows no older one.
const STALE_AFTER: Duration = Duration::from_secs(10);

const STARTING: &[u8] = b"{\"status\": \"starting\"}\n";

/// Written by the prober, read by requests.
#[derive(Debug)]
pub struct Board {
    watched: Watched,
    newest: Mutex<Option<Newest>>,
}

#[derive(Debug)]
struct Newest {
    taken: Instant,
    uptime: Duration,
    answer: HealthAnswer,
}

/// What a reader of `/health` gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthAnswer {
    /// In words, as in the body.
    pub state: HealthState,
    /// The JSON document.
    pub body: Bytes,
}

/// The three answers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    /// No round of checks has ended yet.
    Starting,
    /// Every item is well.
    Healthy,
    /// At least one is not, or is not known.
    Degraded,
}

impl Board {
    /// An empty board for these units: it says "starting".
    pub fn new(watched: Watched) -> Self {
        Self {
            watched,
            newest: Mutex::new(None),
        }
    }

    /// The units that the answers are about.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Replaces the answer, and writes a line when the machine fell ill or recovered.
    pub fn publish(&self, facts: &Facts) {
        let report = Report::judge(&self.watched, facts);
        let unwell = report.unwell().join(",");
        let state = if unwell.is_empty() {
            HealthState::Healthy
        } else {
            HealthState::Degraded
        };
        let answer = HealthAnswer {
            state,
            body: report.to_json().into(),
        };
        let newest = Newest {
            taken: Instant::now(),
            uptime: facts.uptime,
            answer,
        };
        let before = self.lock().replace(newest).map(|newest| newest.answer.state);
        match (before, state) {
            (Some(HealthState::Degraded), HealthState::Degraded) | (_, HealthState::Starting) => {}
            (_, HealthState::Degraded) => event(Level::Warning, "health.degraded", &[("items", &unwell)]),
            (Some(HealthState::Degraded), HealthState::Healthy) => {
                event(Level::Info, "health.recovered", &[])
            }
            (_, HealthState::Healthy) => {}
        }
    }

    /// The newest answer; one that nobody renewed counts as knowing nothing.
    pub fn answer(&self) -> HealthAnswer {
        let newest = self.lock();
        let Some(newest) = newest.as_ref() else {
            return HealthAnswer {
                state: HealthState::Starting,
                body: Bytes::from_static(STARTING),
            };
        };
        let age = newest.taken.elapsed();
        if age <= STALE_AFTER {
            return newest.answer.clone();
        }
        let facts = Facts::unknown(Unknown::Stale, SystemTime::now(), newest.uptime + age);
        let body = Report::judge(&self.watched, &facts).to_json().into();
        HealthAnswer {
            state: HealthState::Degraded,
            body,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Newest>> {
        // The value is replaced in one step, so a panic elsewhere cannot have left half of one.
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn age_by(&self, age: Duration) {
        if let Some(newest) = self.lock().as_mut() {
            newest.taken = newest
                .taken
                .checked_sub(age)
                .expect("the test machine is up for long enough");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_nobody_renews_turns_into_knowing_nothing() {
        let board = Board::new(Watched::default());
        assert_eq!(board.answer().state, HealthState::Starting);
        let mut facts = Facts::unknown(Unknown::Failed, SystemTime::now(), Duration::from_secs(60));
        facts.disks.clear();
        facts.load = Ok(crate::health::machine::Load {
            one: 0.0,
            five: 0.0,
            fifteen: 0.0,
        });
        board.publish(&facts);
        assert_eq!(board.answer().state, HealthState::Healthy);
        board.age_by(STALE_AFTER);
        let stale = board.answer();
        assert_eq!(stale.state, HealthState::Degraded);
        assert!(String::from_utf8_lossy(&stale.body).contains("\"status\": \"degraded\""));
    }
}
