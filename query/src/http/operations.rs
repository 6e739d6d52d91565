//! What operators and machines look at: is it alive, is it ready, how is it doing.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::HttpState;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The hub takes requests, up to a ledger position.
pub(super) async fn ready(State(state): State<HttpState>) -> Response {
    if !*state.ready.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    }
    let position = state.answers.engine().lake().ledger().snapshot().position;
    format!("ready at position {position}\n").into_response()
}

/// The registry in the OpenMetrics text format.
pub(super) async fn metrics(State(state): State<HttpState>) -> Response {
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &state.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, content_type)], text).into_response()
}
