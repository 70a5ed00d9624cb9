//! One shape for every "no": `{"error": "<text>"}` for programs, a page for people.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Marks an answer whose body is still to be drawn as a page, with its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsPage(pub(super) &'static str);

#[derive(Serialize)]
struct Envelope {
    error: &'static str,
}

/// Refuses a request, in the form that its sender reads.
pub(super) fn refuse(request: &Request, status: StatusCode) -> Response {
    refuse_at(request.uri().path(), status)
}

/// As [`refuse`], for a request that is used up.
pub(super) fn refuse_at(path: &str, status: StatusCode) -> Response {
    let text = match status {
        StatusCode::NOT_FOUND => "There is nothing at this address",
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take that method",
        StatusCode::PAYLOAD_TOO_LARGE => "The request is too large",
        StatusCode::REQUEST_TIMEOUT => "The request did not arrive in time",
        StatusCode::MISDIRECTED_REQUEST => "This server does not answer for that name",
        _ => "The request cannot be answered",
    };
    let mut response = if is_for_programs(path) {
        axum::Json(Envelope { error: text }).into_response()
    } else {
        let mut response = ().into_response();
        response.extensions_mut().insert(AsPage(text));
        response
    };
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        axum::http::HeaderValue::from_static("no-store"),
    );
    response
}

fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/")
        || path.starts_with("/webhooks/")
        || matches!(path, "/api" | "/health" | "/livez")
}
