//! The HTTP door: routes, and nothing that another door would need too.
//!
//! - `GET /v1/<question>`: one handler for all; parameters and routes come from the table of questions.
//! - `POST /v1/sql`: rows as JSON, CSV, Arrow IPC or Parquet.
//! - `/healthz`, `/readyz`, `/metrics`, `/openapi.json`.
//!
//! Every error is a problem document (RFC 9457), in Vietnamese where `Accept-Language` prefers it, else in English. Every
//! answer names its ledger position in `X-Dinh-Position`. The caller owns the listener and the shutdown, and says of each
//! connection who is at its other end (`ConnectInfo<Peer>`).

mod asker;
mod etag;
mod language;
mod openapi;
mod operations;
mod problem;
mod questions;
mod representation;
mod sql;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use dinh_lake::Clock;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::answer::Answers;
use crate::answer::question::Question;
use crate::metrics::QueryMetrics;

pub use openapi::document;
pub use operations::Readiness;

/// The name of this door in metrics.
const DOOR: &str = "http";

/// What the door needs.
#[derive(Clone, Debug)]
pub struct HttpState {
    /// Answers questions and runs SQL.
    pub answers: Answers,
    /// Tells whether a grant has ended.
    pub clock: Clock,
    /// Counts requests.
    pub metrics: QueryMetrics,
    /// What `/metrics` shows.
    pub registry: Arc<Registry>,
    /// Whether pushes should be sent to the hub.
    pub readiness: watch::Receiver<Readiness>,
}

/// All routes.
pub fn router(state: HttpState) -> Router {
    let mut router = Router::new();
    for question in Question::ALL {
        router = router.route(&question.path(), get(questions::handler(question)));
    }
    router
        .route("/v1/sql", post(sql::run))
        .route("/healthz", get(operations::alive))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .route("/openapi.json", get(openapi::get))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .with_state(state)
}
