//! A machine that answers as told, a portal that watches it, and a client that speaks to the portal.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{oneshot, watch};
use webapp::health::board::Board;
use webapp::health::machine::{Answer, DiskFacts, Load, Machine, ServiceFacts, TimerFacts, UnitFacts};
use webapp::health::prober::{Prober, Pulse};
use webapp::health::report::Facts;
use webapp::health::watched::{LoadOf, Watched, WatchedTimer};
use webapp::http::router;
use webapp::http::server::PortalSocket;

pub const HOUR: Duration = Duration::from_secs(3600);
pub const GIB: u64 = 1 << 30;

pub fn watched() -> Watched {
    let timer = |name: &str, interval, oldest| WatchedTimer {
        name: name.into(),
        interval,
        oldest,
    };
    Watched {
        services: vec![
            "webapp.service".into(),
            "notify-bot.service".into(),
            "appliance-broker.socket".into(),
        ],
        timers: vec![
            timer("data-sync.timer", 11 * HOUR, 13 * HOUR),
            timer("jira-sla-poll.timer", HOUR / 4, HOUR * 3 / 4),
        ],
        disabled: vec!["notify-bot.service".into(), "jira-sla-poll.timer".into()],
        load: LoadOf::Machine,
    }
}

pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(1_763_718_373_000_042)
}

pub fn active() -> ServiceFacts {
    ServiceFacts {
        load_state: "loaded".into(),
        active_state: "active".into(),
    }
}

pub fn timer() -> TimerFacts {
    TimerFacts {
        active_state: "active".into(),
        active_for: 48 * HOUR,
        last_result: "success".into(),
        last_run: Some(now() - 4 * HOUR),
        next_run: Some(now() + HOUR),
    }
}

/// A machine where every item is well.
pub fn well() -> Facts {
    let disk = |total: u64, available: u64| {
        Ok(DiskFacts::Mounted {
            total: total * GIB,
            available: available * GIB,
        })
    };
    Facts {
        at: now(),
        uptime: 50 * HOUR,
        units: Ok(UnitFacts {
            services: vec![active(), active()],
            timers: vec![Ok(timer())],
        }),
        disks: vec![disk(10, 4), disk(100, 87), disk(20, 19), disk(3, 2)],
        load: Ok(Load {
            one: 0.5,
            five: 0.25,
            fifteen: 0.125,
        }),
    }
}

/// A machine under the test's hand.
#[derive(Clone)]
pub struct Fake(pub Arc<FakeState>);

pub struct FakeState {
    pub facts: Mutex<Facts>,
    pub disk_hangs: AtomicBool,
    pub bus_hangs: AtomicBool,
    pub waiting: AtomicUsize,
    pub rounds: AtomicUsize,
}

impl Fake {
    pub fn new(mut facts: Facts) -> Self {
        // The prober reads the real clock.
        for timer in facts
            .units
            .iter_mut()
            .flat_map(|units| &mut units.timers)
            .flatten()
        {
            timer.last_run = Some(SystemTime::now() - HOUR);
        }
        Self(Arc::new(FakeState {
            facts: Mutex::new(facts),
            disk_hangs: AtomicBool::new(false),
            bus_hangs: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            rounds: AtomicUsize::new(0),
        }))
    }
}

impl Machine for Fake {
    fn disk(&self, partition: &'static str) -> io::Result<DiskFacts> {
        if partition == "/data" {
            self.0.waiting.fetch_add(1, Ordering::SeqCst);
            while self.0.disk_hangs.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        let at = webapp::health::watched::PARTITIONS
            .iter()
            .position(|path| *path == partition)
            .unwrap();
        self.0.facts.lock().unwrap().disks[at].map_err(io::Error::other)
    }

    fn load(&self) -> io::Result<Load> {
        self.0.facts.lock().unwrap().load.map_err(io::Error::other)
    }

    async fn units(&self, _: &Watched) -> Answer<UnitFacts> {
        self.0.rounds.fetch_add(1, Ordering::SeqCst);
        if self.0.bus_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.0.facts.lock().unwrap().units.clone()
    }

    fn uptime(&self) -> Duration {
        50 * HOUR
    }
}

/// A portal on a socket of its own, stopped when dropped.
pub struct Portal {
    pub path: PathBuf,
    pub pulse: Arc<Pulse>,
    pub board: Arc<Board>,
    directory: tempfile::TempDir,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Portal {
    /// `machine` is asked only if there is one; without, the portal stays "starting".
    pub fn start(machine: Option<Fake>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("webapp.sock");
        let (stop, stopped) = watch::channel(false);
        let board = Arc::new(Board::new(watched()));
        let pulse = Pulse::new();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn({
            let (path, pulse, board) = (path.clone(), Arc::clone(&pulse), Arc::clone(&board));
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let socket = PortalSocket::open(&path).unwrap();
                    ready.send(()).unwrap();
                    if let Some(machine) = machine {
                        let (rehearsed, _) = oneshot::channel();
                        pulse.nudge();
                        tokio::spawn(Prober::new(machine, Arc::clone(&board), pulse).run(rehearsed));
                    }
                    socket.serve(router(board, "broker.example.com"), stopped).await;
                });
                runtime.shutdown_background();
            }
        });
        is_ready.recv().unwrap();
        Self {
            path,
            pulse,
            board,
            directory,
            stop,
            thread: Some(thread),
        }
    }

    pub fn ask(&self, method: &str, target: &str) -> Reply {
        ask(&self.path, method, target, "Host: broker.example.com\r\n", b"")
    }

    /// Asks `/health` until `wanted` is true of the answer.
    pub fn health_until(&self, wanted: impl Fn(&Reply) -> bool) -> Reply {
        let started = Instant::now();
        loop {
            let reply = self.ask("GET", "/health");
            if wanted(&reply) {
                return reply;
            }
            assert!(
                started.elapsed() < Duration::from_secs(15),
                "never came: {reply:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.end();
        assert!(self.directory.path().exists());
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.lines().filter_map(|line| line.split_once(": "));
        found
            .into_iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub fn ask(path: &Path, method: &str, target: &str, headers: &str, body: &[u8]) -> Reply {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!("{method} {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // A server that has already refused does not read the rest.
    let _ = stream.write_all(body);
    read_reply(&mut stream)
}

pub fn read_reply(stream: &mut UnixStream) -> Reply {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply {
        status,
        head: head.into(),
        body: body.into(),
    }
}
