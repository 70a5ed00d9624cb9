//! What a request must satisfy before any page sees it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::refusal::{refuse, refuse_at};

/// The same bound as nginx sets for addresses without one of their own.
const BODY_BYTES: usize = 1024 * 1024;
/// nginx buffers uploads and sends them in one go; only something else is this slow.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The name under which the portal is reached.
#[derive(Debug, Clone)]
pub(super) struct ServedHost(pub(super) Arc<str>);

/// Refuses a foreign Host, so that no link or cookie is ever made for a name that is not ours. The
/// two probes are asked over the socket by programs that know no name.
pub(super) async fn known_host(State(host): State<ServedHost>, request: Request, next: Next) -> Response {
    if matches!(request.uri().path(), "/health" | "/livez") || names(&request, &host.0) {
        next.run(request).await
    } else {
        refuse(&request, StatusCode::MISDIRECTED_REQUEST)
    }
}

fn names(request: &Request, host: &str) -> bool {
    let given = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = given.split_once(':').map_or(given, |(name, _port)| name);
    name.eq_ignore_ascii_case(host)
}

/// Takes the body in whole before a handler runs, within its size and its time. A handler then
/// never waits for a sender.
pub(super) async fn bounded_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let refused = |status| refuse_at(parts.uri.path(), status);
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return refused(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match tokio::time::timeout(BODY_TIME, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        // A sender that broke off does not read this answer; one that sent too much does.
        Ok(Err(_)) => refused(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => refused(StatusCode::REQUEST_TIMEOUT),
    }
}
