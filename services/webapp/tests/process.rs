//! The program as systemd runs it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop, in its helpers too"
)]

mod common;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::ask;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webapp"));
    command.env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn configured(directory: &Path) -> Command {
    let mut command = program();
    command
        .env("SERVER_HOSTNAME", "broker.example.com")
        .env("WEBAPP_SOCKET", directory.join("webapp.sock"))
        .env("HEALTH_SERVICES", "webapp-of-no-machine.service")
        .env("HEALTH_TIMERS", "")
        .env("NOTIFY_SOCKET", directory.join("notify.sock"))
        .env("WATCHDOG_USEC", "400000");
    command
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

struct Systemd(UnixDatagram);

impl Systemd {
    fn listen(directory: &Path) -> Self {
        let socket = UnixDatagram::bind(directory.join("notify.sock")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(socket)
    }

    fn wait_for(&self, word: &str) {
        let mut text = [0; 256];
        loop {
            let length = self
                .0
                .recv(&mut text)
                .unwrap_or_else(|error| panic!("no {word}: {error}"));
            if std::str::from_utf8(&text[..length])
                .unwrap()
                .lines()
                .any(|line| line == word)
            {
                return;
            }
        }
    }
}

fn ended(mut child: Child, within: Duration) -> Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < within, "still running");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn it_is_ready_when_it_answers_and_stops_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let systemd = Systemd::listen(directory.path());
    let socket = directory.path().join("webapp.sock");
    let child = configured(directory.path()).spawn().unwrap();
    systemd.wait_for("READY=1");
    assert_eq!(ask(&socket, "GET", "/livez", "", b"").body, "ok");
    // No machine has the unit, with or without a system bus.
    let started = Instant::now();
    let health = loop {
        let reply = ask(&socket, "GET", "/health", "", b"");
        if reply.body.contains("timestamp") {
            break reply;
        }
        assert!(started.elapsed() < Duration::from_secs(8));
    };
    assert_eq!(
        (health.status, health.json()["services"][0]["healthy"].as_bool()),
        (503, Some(false))
    );
    systemd.wait_for("WATCHDOG=1");
    signal(&child, rustix::process::Signal::HUP);
    systemd.wait_for("RELOADING=1");
    systemd.wait_for("READY=1");
    assert_eq!(ask(&socket, "GET", "/livez", "", b"").body, "ok");
    signal(&child, rustix::process::Signal::TERM);
    systemd.wait_for("STOPPING=1");
    let output = ended(child, Duration::from_secs(5));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    assert!(
        log.contains("<3>event=config.sign_in_disabled reason=\"WEBAPP_SECRET_KEY is absent\"\n"),
        "{log}"
    );
    assert!(!socket.exists());
}

#[test]
fn a_second_one_leaves_the_first_alone() {
    let directory = tempfile::tempdir().unwrap();
    let systemd = Systemd::listen(directory.path());
    let first = configured(directory.path()).spawn().unwrap();
    systemd.wait_for("READY=1");
    let second = configured(directory.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        String::from_utf8(second.stderr)
            .unwrap()
            .contains("another process answers there")
    );
    assert_eq!(
        ask(&directory.path().join("webapp.sock"), "GET", "/livez", "", b"").body,
        "ok"
    );
    signal(&first, rustix::process::Signal::TERM);
    assert!(ended(first, Duration::from_secs(5)).status.success());
}

#[test]
fn wrong_settings_are_all_shown_and_nothing_starts() {
    for words in [&["--check"][..], &[]] {
        let output = program().args(words).env("LOG_LEVEL", "loud").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        for name in ["SERVER_HOSTNAME", "LOG_LEVEL", "HEALTH_SERVICES", "HEALTH_TIMERS"] {
            assert!(
                text.contains(&format!("{name}: ")) && text.contains(&format!("next: write {name}=")),
                "{text}"
            );
        }
    }
}

#[test]
fn the_questions_of_an_operator_and_of_a_deploy_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(
        configured(directory.path())
            .arg("--check")
            .output()
            .unwrap()
            .status
            .code(),
        Some(0)
    );
    let answer = |word: &str| {
        let output = program().arg(word).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(answer("--self-check"), (Some(0), "ok\n".into()));
    assert_eq!(
        answer("--version"),
        (
            Some(0),
            concat!("webapp ", env!("CARGO_PKG_VERSION"), "\n").into()
        )
    );
    assert!(answer("--help").1.contains("HEALTH_TIMERS"));
    assert_eq!(answer("--nonsense").0, Some(2));
}
