//! What operators and machines look at: is it alive, is it ready, how is it doing.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::HttpState;
use super::language::preferred;
use crate::error::Language;

/// Whether pushes should be sent to a hub, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// They should.
    Ready,
    /// Its store failed last.
    StoreFails,
    /// A sync failed.
    SyncFailed,
    /// It is about to end.
    Stopping,
}

impl Readiness {
    /// Why pushes should not be sent; none if they should.
    fn reason(self, language: Language) -> Option<&'static str> {
        let (vi, en) = match self {
            Self::Ready => return None,
            Self::StoreFails => (
                "kho lưu trữ đang lỗi; hub thử lại mỗi giây",
                "the store fails; it is tried again every second",
            ),
            Self::SyncFailed => (
                "đĩa không ghi chắc được dữ liệu (sync lỗi), nên không nhận gì thêm: hãy kiểm tra đĩa rồi khởi động lại hub",
                "the disk did not take a sync, so nothing more is acked: look at the disk, then start the hub again",
            ),
            Self::Stopping => ("hub đang dừng", "the hub is stopping"),
        };
        Some(match language {
            Language::Vietnamese => vi,
            Language::English => en,
        })
    }
}

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The hub takes requests, up to a ledger position.
pub(super) async fn ready(State(state): State<HttpState>, headers: HeaderMap) -> Response {
    let language = preferred(&headers);
    if let Some(reason) = state.readiness.borrow().reason(language) {
        let not_ready = match language {
            Language::Vietnamese => "chưa sẵn sàng",
            Language::English => "not ready",
        };
        let told = format!("{not_ready}: {reason}\n");
        return (StatusCode::SERVICE_UNAVAILABLE, told).into_response();
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
