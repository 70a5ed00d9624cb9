//! The life of the process: start, be watched, reload, stop. systemd is told at each turn.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::time::{interval, sleep, timeout};

use crate::config::Config;
use crate::health::board::Board;
use crate::health::machine::Machine;
use crate::health::prober::{Prober, Pulse};
use crate::http::router;
use crate::http::server::PortalSocket;
use crate::log::{Level, event, set_level};

/// How long a start waits for the machine's first answers. A hung disk must not keep the portal
/// down, since `/health` is where one sees it.
const FIRST_ROUND_TIME: Duration = Duration::from_secs(2);
/// Longer than any round plus the pause after it: a prober this quiet is dead.
const PROBER_QUIET: Duration = Duration::from_secs(15);
/// systemd calls a unit "reloading" until its reload command has ended as well; asked sooner, this
/// service would find itself ill.
const RELOAD_SETTLES: Duration = Duration::from_millis(300);

/// Runs the portal for `machine` until SIGTERM or SIGINT.
pub async fn run(config: Config, machine: impl Machine) -> anyhow::Result<()> {
    set_level(config.log_level);
    // Before the socket: a stop that comes early must still find somebody who takes it.
    let mut signals = Signals::listen()?;
    if let Err(reason) = &config.secret_key {
        event(Level::Error, "config.sign_in_disabled", &[("reason", reason)]);
    }
    let board = Arc::new(Board::new(config.watched));
    let socket = PortalSocket::open(&config.socket)?;
    event(
        Level::Info,
        "service.listening",
        &[("socket", &config.socket.display())],
    );

    let (stop, stopped) = watch::channel(false);
    let app = router(Arc::clone(&board), &config.hostname);
    let serving = tokio::spawn(socket.serve(app, stopped));
    let pulse = Pulse::new();
    let (rehearsed, first_round) = oneshot::channel();
    let probing = tokio::spawn(Prober::new(machine, board, Arc::clone(&pulse)).run(rehearsed));
    let watchdog = tokio::spawn(watchdog(Arc::clone(&pulse)));

    let _ = timeout(FIRST_ROUND_TIME, first_round).await;
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
    pulse.nudge();
    event(
        Level::Info,
        "service.ready",
        &[("version", &env!("CARGO_PKG_VERSION"))],
    );

    while let Request::Reload = signals.next().await {
        // Settings arrive with the process and stay; what can be renewed is the view of the machine.
        tell(&[NotifyState::Reloading]);
        tell(&[NotifyState::Ready]);
        event(Level::Info, "service.reloaded", &[]);
        sleep(RELOAD_SETTLES).await;
        pulse.nudge();
    }

    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("finishing open requests"),
    ]);
    event(Level::Info, "service.stopping", &[]);
    watchdog.abort();
    probing.abort();
    let _ = stop.send(true);
    serving.await.context("the server ended badly")
}

/// Tells systemd that the service lives, at half the time it allows, and only while that is true:
/// this task needs the event loop to run, and asks whether the prober does.
async fn watchdog(pulse: Arc<Pulse>) {
    let Some(allowed) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut ticks = interval(allowed / 2);
    loop {
        ticks.tick().await;
        let quiet = pulse.quiet_for();
        if quiet < PROBER_QUIET {
            tell(&[NotifyState::Watchdog]);
        } else {
            event(
                Level::Error,
                "health.prober_stuck",
                &[("quiet_seconds", &quiet.as_secs())],
            );
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    // Without systemd there is no socket, and that is no error.
    if let Err(error) = sd_notify::notify(state) {
        event(Level::Warning, "service.notify_failed", &[("error", &error)]);
    }
}

enum Request {
    Reload,
    Stop,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.hangup.recv() => Request::Reload,
        }
    }
}
