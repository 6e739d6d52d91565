//! The hub put together: a lake, the way in, the way out, and what they share. No doors; see [`crate::serve`].

use std::sync::Arc;
use std::time::Duration;

use dinh_ingest::{Committer, IngestDoor, IngestMetrics, IngestService, Limits};
use dinh_lake::Lake;
use dinh_lake::grant::{Credential, new_token, token_sha256};
use dinh_query::http::{HttpState, Readiness};
use dinh_query::metrics::QueryMetrics;
use dinh_query::{Answers, Engine, SqlLimits};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::config::Serve;

/// A hub without doors; cloning shares it.
#[derive(Clone, Debug)]
pub struct Hub {
    lake: Arc<Lake>,
    answers: Answers,
    ingest: IngestService,
    http: HttpState,
    readiness: watch::Sender<Readiness>,
    operator_token: Arc<str>,
    operator: Arc<Credential>,
}

impl Hub {
    /// Puts a hub together over a lake. The future is the committer: it must be driven, and ends when the hub is gone and
    /// all that waited is written.
    ///
    /// # Errors
    /// When the folder that queries spill to cannot be used.
    pub fn new(
        lake: Arc<Lake>,
        settings: &Serve,
        mut registry: Registry,
    ) -> anyhow::Result<(Self, impl Future<Output = ()> + Send + 'static)> {
        let clock = lake.clock().clone();
        let limits = Limits {
            message_bytes_max: settings.message_bytes_max,
            waiting_bytes_max: settings.queue_bytes_max,
            arriving_bytes_max: settings.queue_bytes_max,
            principal_bytes_max: settings.queue_bytes_max / 2,
            ..Limits::default()
        };
        let ingest_metrics = IngestMetrics::register(&mut registry);
        let query_metrics = QueryMetrics::register(&mut registry);
        let (committer, committing) =
            Committer::start(Arc::clone(&lake), &limits, ingest_metrics.clone());
        let ingest =
            IngestService::new(Arc::clone(&lake), committer, limits, clock.clone(), ingest_metrics);
        let sql = SqlLimits {
            time_max: Duration::from_secs(settings.query_seconds_max),
            memory_bytes_max: settings.query_bytes_max,
            ..SqlLimits::default()
        };
        let answers = Answers::new(Arc::new(Engine::new(Arc::clone(&lake), sql)?));
        let (readiness, told) = watch::channel(Readiness::Ready);
        let http = HttpState {
            answers: answers.clone(),
            clock,
            metrics: query_metrics,
            registry: Arc::new(registry),
            readiness: told,
        };
        let token = new_token();
        let operator = Arc::new(Credential::Token(token_sha256(&token)));
        let operator_token = token.into();
        Ok((Self { lake, answers, ingest, http, readiness, operator_token, operator }, committing))
    }

    /// The lake.
    #[must_use]
    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// What answers questions and runs SQL.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The token that lets this machine's operator do everything, for as long as the hub lives.
    #[must_use]
    pub fn operator_token(&self) -> &str {
        &self.operator_token
    }

    /// What whoever has that token shows.
    #[must_use]
    pub fn operator(&self) -> &Credential {
        &self.operator
    }

    /// The way in, as a gRPC service.
    #[must_use]
    pub fn ingest(&self) -> IngestDoor {
        dinh_ingest::server(self.ingest.clone())
    }

    /// Where it is told whether pushes should be sent here.
    pub(crate) fn readiness(&self) -> watch::Sender<Readiness> {
        self.readiness.clone()
    }

    /// The HTTP door's routes.
    pub fn http_router(&self) -> axum::Router {
        dinh_query::http::router(self.http.clone())
    }
}
