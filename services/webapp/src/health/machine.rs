//! The questions that `/health` asks a machine, and the shape of the answers.
//!
//! A trait, because a hung disk and a silent system manager must be testable without either.

use std::future::Future;
use std::io;
use std::time::{Duration, SystemTime};

use super::watched::Watched;

/// An answer, or the reason why there is none.
pub type Answer<T> = Result<T, Unknown>;

/// Why a question has no answer. Shown to anonymous readers, so it says nothing about the inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The check did not end in time.
    #[error("no answer within 2 s")]
    TimedOut,
    /// There is no system bus, or it refused.
    #[error("the system manager cannot be asked")]
    NoBus,
    /// The kernel answered with an error.
    #[error("the check failed")]
    Failed,
    /// Nothing was asked for too long.
    #[error("the last check is too old")]
    Stale,
}

/// A service or socket, as the system manager sees it.
#[derive(Debug, Clone)]
pub struct ServiceFacts {
    /// `loaded`, `not-found`, `masked`, …
    pub load_state: String,
    /// `active`, `inactive`, `failed`, …
    pub active_state: String,
}

/// A timer and the service it starts.
#[derive(Debug, Clone)]
pub struct TimerFacts {
    /// The timer's own state.
    pub active_state: String,
    /// How long the timer has been active: from boot, or from when it was first enabled.
    pub active_for: Duration,
    /// The service's result, `success` or a reason.
    pub last_result: String,
    /// When the service last ran; none since boot, and none before, is `None`.
    pub last_run: Option<SystemTime>,
    /// When it runs next.
    pub next_run: Option<SystemTime>,
}

/// All watched units, in the order of [`Watched`], disabled ones left out.
#[derive(Debug, Clone, Default)]
pub struct UnitFacts {
    /// One for each enabled service.
    pub services: Vec<ServiceFacts>,
    /// One for each enabled timer.
    pub timers: Vec<Answer<TimerFacts>>,
}

/// What a partition holds.
#[derive(Debug, Clone, Copy)]
pub enum DiskFacts {
    /// Nothing of its own is mounted there: a number would be some other filesystem's.
    Missing,
    /// Its size and what users other than root may still write.
    Mounted {
        /// Bytes in all.
        total: u64,
        /// Bytes free to non-root.
        available: u64,
    },
}

/// The load averages.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Over one minute.
    pub one: f64,
    /// Over five minutes.
    pub five: f64,
    /// Over fifteen minutes.
    pub fifteen: f64,
}

/// The machine that is watched.
pub trait Machine: Send + Sync + 'static {
    /// One of [`super::watched::PARTITIONS`]. May block for ever on a hung disk.
    fn disk(&self, partition: &'static str) -> io::Result<DiskFacts>;
    /// The load. May block.
    fn load(&self) -> io::Result<Load>;
    /// The state of every watched unit that is not disabled. Dropped when it takes too long.
    fn units(&self, watched: &Watched) -> impl Future<Output = Answer<UnitFacts>> + Send;
    /// Time since boot.
    fn uptime(&self) -> Duration;
}
