//! The gRPC service `dinh.v1.Ingest`, one file for each call.
//!
//! ```text
//! token ──> room ──> header ──> grant ──> decode, judge ──> commit ──> answer
//! ```
//!
//! What all calls share stands here: who calls, room in memory, and judging on the right thread.

mod cursor;
mod push;
pub mod stages;
mod stream;
mod turn;
mod validate;

use std::sync::Arc;
use std::time::Instant;

use chrono::{NaiveDate, TimeDelta};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::ledger::{LedgerError, Remedy};
use dinh_lake::unit::UnitId;
use dinh_lake::{Clock, Lake};
use dinh_proto::v1 as proto;
use proto::ingest_server::Ingest;
use tokio::sync::Semaphore;
use tonic::{Extensions, Request, Response, Status, Streaming};
use tracing::{Span, error};

use crate::access::Caller;
use crate::committer::{Admission, CommitError, CommitterHandle};
use crate::error::{ErrorKind, IngestError};
use crate::limits::Limits;
use crate::metrics::IngestMetrics;
use crate::status::status;
use crate::threshold::{Principal, Share};
use crate::validate::{Context, Judged, validate};
use crate::wire;

/// Vietnam has one time zone and no summer time.
const UTC_OFFSET_VIETNAM: TimeDelta = TimeDelta::hours(7);

/// The service; cloning shares everything.
#[derive(Clone, Debug)]
pub struct IngestService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    lake: Arc<Lake>,
    committer: CommitterHandle,
    limits: Limits,
    clock: Clock,
    metrics: IngestMetrics,
    /// Threads that judge large submissions.
    aside: Arc<Semaphore>,
}

/// Room for one message.
#[derive(Debug)]
struct Admitted {
    /// Until it is committed.
    admission: Admission,
    /// Until it is answered.
    share: Share,
}

/// A request that was decoded and judged.
#[derive(Debug)]
struct Examined {
    request: wire::Request,
    principal: String,
    catalogue_version: u64,
    digest: String,
    rows: u64,
    judged: Judged,
}

/// What a request is judged by, on whatever thread.
struct Bench {
    lake: Arc<Lake>,
    catalogue: Arc<Catalogue>,
    feed: String,
    within: Option<UnitId>,
    today: NaiveDate,
    limits: Limits,
}

impl IngestService {
    /// A service that writes through a committer.
    #[must_use]
    pub fn new(
        lake: Arc<Lake>,
        committer: CommitterHandle,
        limits: Limits,
        clock: Clock,
        metrics: IngestMetrics,
    ) -> Self {
        let aside = Arc::new(Semaphore::new(limits.judged_aside_max.max(1)));
        Self { inner: Arc::new(Inner { lake, committer, limits, clock, metrics, aside }) }
    }

    /// Who calls.
    pub(crate) fn principal(&self, request: &Request<()>) -> Result<String, Status> {
        let catalogue = self.inner.lake.catalogue();
        let caller = Caller::of(request, &self.inner.lake);
        let grant = caller.and_then(|caller| {
            Ok(caller.grant(&catalogue, self.inner.clock.now())?.principal.clone())
        });
        grant.map_err(|error| self.refuse(&error))
    }

    /// The status of an error, counted.
    pub(crate) fn refuse(&self, error: &IngestError) -> Status {
        self.inner.refuse(error)
    }

    /// The limits that it holds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }
}

impl Inner {
    /// Checks the header and the grant of a submission, decodes and judges it.
    async fn examine(
        &self,
        caller: &Caller,
        message: Option<proto::Submission>,
        id: wire::Id,
    ) -> Result<Examined, IngestError> {
        let catalogue = self.lake.catalogue();
        let now = self.clock.now();
        let grant = caller.grant(&catalogue, now)?;
        let request = wire::request(message, id, &self.limits)?;
        Span::current().record("feed", &request.feed).record("submission", &request.id);
        if !catalogue.feeds.contains_key(&request.feed) {
            return Err(feed_unknown(&request.feed));
        }
        caller.may_push(grant, &request.feed)?;
        let (principal, catalogue_version) = (grant.principal.clone(), catalogue.version);
        let bench = Bench {
            lake: Arc::clone(&self.lake),
            feed: request.feed.clone(),
            within: grant.within.clone(),
            today: (now + UTC_OFFSET_VIETNAM).date_naive(),
            limits: self.limits.clone(),
            catalogue,
        };
        let began = Instant::now();
        let (request, digest, rows, judged) = self.judge(request, bench).await?;
        self.metrics.judged(began.elapsed());
        Span::current().record("rows", rows);
        Ok(Examined { request, principal, catalogue_version, digest, rows, judged })
    }

    /// Decodes and judges: at once if it is quick, else on a thread where it holds nobody up.
    async fn judge(
        &self,
        request: wire::Request,
        bench: Bench,
    ) -> Result<(wire::Request, String, u64, Judged), IngestError> {
        if request.rows_estimated() <= self.limits.inline_rows_max {
            return judge(request, &bench);
        }
        let turn = Arc::clone(&self.aside).acquire_owned().await;
        let span = Span::current();
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            span.in_scope(|| judge(request, &bench))
        });
        work.await.unwrap_or_else(|cause| {
            error!(%cause, "judging a submission broke off");
            Err(IngestError::internal())
        })
    }

    /// Room for a message of some bytes in a call that does not wait: the caller's share, then the hub's.
    fn admit(&self, extensions: &Extensions, bytes: usize) -> Result<Admitted, IngestError> {
        let share = match extensions.get::<Arc<Principal>>() {
            Some(principal) => principal.admit(bytes)?,
            None => Share::default(),
        };
        let admission = self.committer.admit(bytes);
        let admission = admission.map_err(|error| self.commit_error(&error))?;
        Ok(Admitted { admission: admission.within(share.clone()), share })
    }

    /// The same for one that waits.
    async fn admitted(
        &self,
        principal: Option<&Principal>,
        bytes: usize,
    ) -> Result<Admitted, IngestError> {
        let share = match principal {
            Some(principal) => principal.admitted(bytes).await,
            None => Share::default(),
        };
        let admission = self.committer.admitted(bytes).await;
        let admission = admission.map_err(|error| self.commit_error(&error))?;
        Ok(Admitted { admission: admission.within(share.clone()), share })
    }

    /// The status of an error, counted.
    fn refuse(&self, error: &IngestError) -> Status {
        self.metrics.error(error.kind);
        status(error, self.limits.retry_after)
    }

    fn commit_error(&self, error: &CommitError) -> IngestError {
        match error {
            CommitError::QueueFull => IngestError::queue_full(),
            CommitError::Ended => IngestError::shutting_down(),
            CommitError::Ledger(error) => ledger_error(error),
            CommitError::NoOutcome => IngestError::internal(),
        }
    }
}

fn judge(
    mut request: wire::Request,
    bench: &Bench,
) -> Result<(wire::Request, String, u64, Judged), IngestError> {
    let columns = request.decode(&bench.limits)?;
    let feed = bench.catalogue.feeds.get(&bench.feed).ok_or_else(|| feed_unknown(&bench.feed))?;
    let present = bench.lake.present();
    present.catch_up(&bench.lake.ledger().snapshot());
    let context = Context {
        catalogue: &bench.catalogue,
        feed,
        within: bench.within.as_ref(),
        today: bench.today,
        present: Some(present),
    };
    let judged = validate(&columns, context, request.mode);
    let digest = columns.digest(request.mode);
    Ok((request, digest, columns.rows as u64, judged))
}

fn feed_unknown(feed: &str) -> IngestError {
    IngestError::new(
        ErrorKind::FeedUnknown,
        format!("feed `{feed}` is not in the catalogue"),
        format!("nguồn số liệu `{feed}` không có trong danh mục"),
    )
    .with("feed", feed)
}

/// What an error of the ledger means to whoever sent a submission or asked for one.
fn ledger_error(error: &LedgerError) -> IngestError {
    match error.remedy() {
        Remedy::TryLater => IngestError::store_unavailable(),
        Remedy::SendAgain => IngestError::outcome_unknown(),
        Remedy::Restart => IngestError::ledger_stopped(),
        Remedy::Report => IngestError::internal(),
    }
}

impl Examined {
    /// What was found, as the sender is told.
    fn report(&self) -> proto::Report {
        let Judged { verdicts, warned, refused, .. } = &self.judged;
        let counts = (self.rows - refused, *warned, *refused);
        wire::report(&self.digest, counts, verdicts, self.request.verdicts_max)
    }
}

#[tonic::async_trait]
impl Ingest for IngestService {
    type PushStreamStream = stream::Answers;

    async fn push(
        &self,
        request: Request<proto::PushRequest>,
    ) -> Result<Response<proto::PushResponse>, Status> {
        self.inner.push_one(request).await.map(Response::new)
    }

    async fn push_stream(
        &self,
        request: Request<Streaming<proto::PushStreamRequest>>,
    ) -> Result<Response<Self::PushStreamStream>, Status> {
        stream::answers(Arc::clone(&self.inner), request).map(Response::new)
    }

    async fn validate(
        &self,
        request: Request<proto::ValidateRequest>,
    ) -> Result<Response<proto::ValidateResponse>, Status> {
        self.inner.validate_one(request).await.map(Response::new)
    }

    async fn cursor(
        &self,
        request: Request<proto::CursorRequest>,
    ) -> Result<Response<proto::CursorResponse>, Status> {
        self.inner.cursor_of(request).await.map(Response::new)
    }
}
