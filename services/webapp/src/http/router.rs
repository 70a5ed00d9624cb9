//! The table of addresses. nginx adds the headers that are the same for every site (machine
//! specification, section 14); the content policy and the caching are the portal's to know.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::guard::{self, ServedHost};
use super::page::{Look, PORTAL_CSS, PORTAL_ICON};
use super::refusal::refuse;
use crate::health::board::{Board, HealthState};

const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                              form-action 'none'; frame-ancestors 'none'";
/// The addresses carry a digest of the content, so an old copy is never asked for again.
const KEEP: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=86400, immutable");
const FRESH: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

struct Portal {
    board: Arc<Board>,
    look: Look,
}

/// Every address, behind the same guards.
pub fn router(board: Arc<Board>, hostname: &str) -> Router {
    let portal = Arc::new(Portal {
        board,
        look: Look::new(hostname),
    });
    let look = portal.look.clone();
    let host = ServedHost(hostname.into());
    Router::new()
        .route("/", get(home))
        .route("/health", get(health))
        .route(
            "/livez",
            get(async || ([FRESH, (header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok")),
        )
        .route(
            "/static/portal.css",
            get(async || {
                (
                    [KEEP, (header::CONTENT_TYPE, "text/css; charset=utf-8")],
                    PORTAL_CSS,
                )
            }),
        )
        .route(
            "/static/icon.svg",
            get(async || ([KEEP, (header::CONTENT_TYPE, "image/svg+xml")], PORTAL_ICON)),
        )
        .fallback(async |request: Request| refuse(&request, StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(async |request: Request| {
            refuse(&request, StatusCode::METHOD_NOT_ALLOWED)
        })
        .with_state(portal)
        .layer(middleware::from_fn(guard::bounded_body))
        .layer(middleware::from_fn_with_state(host, guard::known_host))
        .layer(middleware::from_fn_with_state(look, finish))
}

async fn home(State(portal): State<Arc<Portal>>) -> Response {
    let state = portal.board.answer().state;
    page(StatusCode::OK, portal.look.home(state))
}

async fn health(State(portal): State<Arc<Portal>>) -> Response {
    let answer = portal.board.answer();
    let status = match answer.state {
        HealthState::Healthy => StatusCode::OK,
        HealthState::Starting | HealthState::Degraded => StatusCode::SERVICE_UNAVAILABLE,
    };
    (
        status,
        [FRESH, (header::CONTENT_TYPE, "application/json")],
        answer.body,
    )
        .into_response()
}

/// Gives refusals a page where a person reads them, and every answer the content policy.
async fn finish(State(look): State<Look>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(refusal) = response.extensions_mut().remove::<super::refusal::AsPage>() {
        // The refusal's own headers stay: a 405 must keep its Allow.
        let (mut parts, _) = response.into_parts();
        let (made, body) = page(parts.status, look.refusal(parts.status, refusal.0)).into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.extend(made.headers);
        response = Response::from_parts(parts, body);
    }
    let policy = HeaderValue::from_static(CONTENT_POLICY);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn page(status: StatusCode, html: String) -> Response {
    (
        status,
        [FRESH, (header::CONTENT_TYPE, "text/html; charset=utf-8")],
        html,
    )
        .into_response()
}
