//! What a peer on the portal's socket sees.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop, in its helpers too"
)]

mod common;

use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use common::{Fake, Portal, ask, read_reply, well};
use webapp::health::machine::DiskFacts;
use webapp::http::server::{PortalSocket, SocketError};

fn healthy() -> Portal {
    let portal = Portal::start(Some(Fake::new(well())));
    portal.health_until(|reply| reply.status == 200);
    portal
}

#[test]
fn a_healthy_machine_is_answered_with_200_and_the_literal_that_the_uptime_check_seeks() {
    let portal = healthy();
    let reply = portal.ask("GET", "/health");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(reply.body.contains("\"status\": \"healthy\""));
    let order: Vec<_> = reply.json()["disk"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["partition"].to_string())
        .collect();
    assert_eq!(order, ["\"/\"", "\"/data\"", "\"/home\"", "\"/tmp\""]);
}

#[test]
fn head_tells_the_same_without_a_body() {
    let portal = healthy();
    let (get, head) = (portal.ask("GET", "/health"), portal.ask("HEAD", "/health"));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(portal.ask("HEAD", "/").body, "");
    assert_eq!(portal.ask("HEAD", "/nowhere").body, "");
}

#[test]
fn other_methods_are_told_which_ones_work() {
    let portal = healthy();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let reply = portal.ask(method, "/health");
        assert_eq!(reply.status, 405, "{method}");
        assert_eq!(reply.header("allow"), Some("GET,HEAD"));
        assert_eq!(reply.json()["error"], "This address does not take that method");
    }
    let page = portal.ask("POST", "/");
    assert_eq!((page.status, page.header("allow")), (405, Some("GET,HEAD")));
}

#[test]
fn before_the_first_round_the_portal_is_starting() {
    let portal = Portal::start(None);
    let reply = portal.ask("GET", "/health");
    assert_eq!(
        (reply.status, reply.body.trim_end()),
        (503, "{\"status\": \"starting\"}")
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(portal.ask("GET", "/livez").body, "ok");
    assert_eq!(portal.ask("GET", "/").status, 200);
}

#[test]
fn a_sick_machine_is_answered_with_503() {
    let mut facts = well();
    facts.disks[1] = Ok(DiskFacts::Missing);
    let portal = Portal::start(Some(Fake::new(facts)));
    let reply = portal.health_until(|reply| reply.body.contains("timestamp"));
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("\"status\": \"degraded\""));
    assert_eq!(reply.json()["disk"][1]["mounted"], false);
}

#[test]
fn the_home_page_needs_nothing_from_elsewhere() {
    let portal = healthy();
    let page = portal.ask("GET", "/");
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'; style-src 'self'")
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.body.contains("broker.example.com") && page.body.contains("Everything is working"));
    let sheet = page
        .body
        .split("href=\"")
        .find(|part| part.starts_with("/static/portal.css"))
        .unwrap();
    let reply = portal.ask("GET", sheet.split('"').next().unwrap());
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(
        reply.header("cache-control"),
        Some("public, max-age=86400, immutable")
    );
    assert!(reply.header("content-security-policy").is_some());
}

#[test]
fn a_missing_address_is_a_page_for_people_and_json_for_programs() {
    let portal = healthy();
    let page = portal.ask("GET", "/nowhere/%3Cscript%3E");
    assert_eq!(
        (page.status, page.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
    assert!(page.body.contains("<h1>There is nothing at this address</h1>") && !page.body.contains("script"));
    assert!(page.header("content-security-policy").is_some());
    let json = portal.ask("GET", "/api/nowhere");
    assert_eq!(
        (json.status, json.header("content-type")),
        (404, Some("application/json"))
    );
    assert_eq!(
        json.json(),
        serde_json::json!({"error": "There is nothing at this address"})
    );
}

#[test]
fn only_the_probes_answer_for_a_foreign_name() {
    let portal = healthy();
    let foreign = |target| ask(&portal.path, "GET", target, "Host: evil.example\r\n", b"").status;
    assert_eq!(
        ["/", "/api/x", "/health", "/livez"].map(foreign),
        [421, 421, 200, 200]
    );
    let port = ask(&portal.path, "GET", "/", "Host: BROKER.example.com:8443\r\n", b"");
    assert_eq!(port.status, 200);
}

#[test]
fn a_body_above_the_bound_is_refused() {
    let portal = healthy();
    let send = |headers: &str, body: &[u8]| {
        let headers = format!("Host: broker.example.com\r\n{headers}\r\n");
        ask(&portal.path, "POST", "/api/x", &headers, body).status
    };
    assert_eq!(send("Content-Length: 1048577", b""), 413);
    assert_eq!(send("Content-Length: 3", b"abc"), 404);
    let mut chunked = b"100001\r\n".to_vec();
    chunked.resize(chunked.len() + 0x10_0001, b'x');
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    assert_eq!(send("Transfer-Encoding: chunked", &chunked), 413);
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let portal = healthy();
    let long = format!("Host: broker.example.com\r\nX-Long: {}\r\n", "x".repeat(40_000));
    assert_eq!(ask(&portal.path, "GET", "/livez", &long, b"").status, 431);
}

#[test]
fn a_slow_sender_holds_nobody_up_and_is_let_go() {
    let portal = healthy();
    let mut slow = UnixStream::connect(&portal.path).unwrap();
    slow.write_all(b"GET /health HT").unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let started = Instant::now();
    assert_eq!(portal.ask("GET", "/health").status, 200);
    assert!(started.elapsed() < Duration::from_secs(1));
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut slow, &mut rest);
    assert!(
        (9..15).contains(&started.elapsed().as_secs()),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn an_open_connection_is_answered_and_then_closed_at_the_stop() {
    let portal = healthy();
    let path = portal.path.clone();
    let mut idle = UnixStream::connect(&path).unwrap();
    let mut slow = UnixStream::connect(&path).unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    slow.write_all(b"POST /api/x HTTP/1.1\r\nHost: broker.example.com\r\nContent-Length: 3\r\n\r\na")
        .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    let stopping = std::thread::spawn(move || portal.stop());
    std::thread::sleep(Duration::from_millis(200));
    slow.write_all(b"bc").unwrap();
    assert_eq!(read_reply(&mut slow).status, 404);
    assert_eq!(read_reply(&mut idle).body, "ok");
    stopping.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(!path.exists());
}

#[tokio::test]
async fn the_socket_is_for_owner_and_group_and_takes_the_place_of_a_stale_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("webapp.sock");
    drop(UnixListener::bind(&path).unwrap());
    let socket = PortalSocket::open(&path).unwrap();
    let metadata = std::fs::symlink_metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o660);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    assert!(matches!(PortalSocket::open(&path), Err(SocketError::Busy { .. })));
    drop(socket);
    assert!(!path.exists());
}

#[tokio::test]
async fn what_is_not_a_socket_of_ours_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("webapp.sock");
    std::fs::File::create(&path).unwrap();
    assert!(matches!(
        PortalSocket::open(&path),
        Err(SocketError::Occupied { .. })
    ));
    assert!(path.is_file());
}
