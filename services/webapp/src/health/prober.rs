//! Asks the machine in rounds, each bounded in time whatever the machine does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant as Deadline, timeout_at};

use super::board::Board;
use super::machine::{Answer, DiskFacts, Load, Machine, Unknown};
use super::report::Facts;
use super::watched::PARTITIONS;

/// One check may take this long, then its item is unknown (machine specification, section 18).
const PROBE_TIME: Duration = Duration::from_secs(2);
/// The time between two rounds.
const PERIOD: Duration = Duration::from_secs(5);

/// What the rest of the program can tell the prober, and learn from it.
#[derive(Debug)]
pub struct Pulse {
    nudge: Notify,
    started: Instant,
    last_round_ms: AtomicU64,
}

impl Pulse {
    /// A prober that has not run yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            nudge: Notify::new(),
            started: Instant::now(),
            last_round_ms: AtomicU64::new(0),
        })
    }

    /// Asks for a round now.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// How long ago a round ended. A prober that is alive ends one at least every seven seconds.
    pub fn quiet_for(&self) -> Duration {
        let last = Duration::from_millis(self.last_round_ms.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last)
    }

    fn beat(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_round_ms.store(now, Ordering::Relaxed);
    }
}

/// A question to the kernel that may never be answered.
///
/// At most one thread waits for each: while the last question is open, none is added to it, so a
/// dead disk costs one thread and not one every five seconds.
struct Blocking<T> {
    open: Option<JoinHandle<io::Result<T>>>,
}

impl<T: Send + 'static> Blocking<T> {
    const fn new() -> Self {
        Self { open: None }
    }

    fn ask(&mut self, question: impl FnOnce() -> io::Result<T> + Send + 'static) {
        // An answer that came between two rounds is as old as the round that asked.
        if self.open.as_ref().is_none_or(JoinHandle::is_finished) {
            self.open = Some(spawn_blocking(question));
        }
    }

    async fn answer(&mut self, deadline: Deadline) -> Answer<T> {
        let Some(open) = self.open.as_mut() else {
            return Err(Unknown::Failed);
        };
        let Ok(joined) = timeout_at(deadline, open).await else {
            return Err(Unknown::TimedOut);
        };
        self.open = None;
        joined.ok().and_then(Result::ok).ok_or(Unknown::Failed)
    }
}

/// The loop behind `/health`.
pub struct Prober<M> {
    machine: Arc<M>,
    board: Arc<Board>,
    pulse: Arc<Pulse>,
    disks: [Blocking<DiskFacts>; PARTITIONS.len()],
    load: Blocking<Load>,
}

impl<M: Machine> Prober<M> {
    /// A prober that writes to `board`.
    pub fn new(machine: M, board: Arc<Board>, pulse: Arc<Pulse>) -> Self {
        Self {
            machine: Arc::new(machine),
            board,
            pulse,
            disks: [const { Blocking::new() }; PARTITIONS.len()],
            load: Blocking::new(),
        }
    }

    /// Runs until it is dropped.
    ///
    /// The first round is only rehearsed: this very service is still "activating" while it is asked,
    /// and would report itself ill after every start. `rehearsed` tells the caller to say that it is
    /// ready; its nudge starts the round that counts.
    pub async fn run(mut self, rehearsed: oneshot::Sender<()>) {
        self.round().await;
        // Whoever does not wait for the rehearsal any more has nudged already.
        let _ = rehearsed.send(());
        self.pause().await;
        loop {
            let facts = self.round().await;
            self.board.publish(&facts);
            self.pause().await;
        }
    }

    async fn pause(&self) {
        self.pulse.beat();
        let _ = tokio::time::timeout(PERIOD, self.pulse.nudge.notified()).await;
    }

    async fn round(&mut self) -> Facts {
        let deadline = Deadline::now() + PROBE_TIME;
        for (disk, partition) in self.disks.iter_mut().zip(PARTITIONS) {
            let machine = Arc::clone(&self.machine);
            disk.ask(move || machine.disk(partition));
        }
        let machine = Arc::clone(&self.machine);
        self.load.ask(move || machine.load());
        let units = timeout_at(deadline, self.machine.units(self.board.watched()));
        let units = units.await.unwrap_or(Err(Unknown::TimedOut));
        // All were asked at once and share the deadline, so waiting in turn takes no longer.
        let mut disks = Vec::with_capacity(PARTITIONS.len());
        for disk in &mut self.disks {
            disks.push(disk.answer(deadline).await);
        }
        let load = self.load.answer(deadline).await;
        Facts {
            at: SystemTime::now(),
            uptime: self.machine.uptime(),
            units,
            disks,
            load,
        }
    }
}
