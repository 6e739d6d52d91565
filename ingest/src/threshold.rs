//! The threshold: what every call passes before the service sees it, and what watches over it until it ends.
//!
//! ```text
//! call ──> who? ──> one more call of theirs? ──> body: time and room ──> service ──> answer
//!           └ no token: refused        └ too many: refused   └ read no further than there is room,
//!                                                              ended when nothing comes
//! ```
//!
//! A large message takes memory before the service has heard of it, so its room is taken when its length is announced.
//! Each principal has a share of the room and of the calls: whoever floods the hub fills only that.
//!
//! Invariants:
//! - Nothing of a call without a token that holds is read beyond its headers.
//! - A message longer than [`FREE_BYTES`] is read only when its principal and the hub have room for all of it.
//! - Time counts only while the hub waits for the client, never while the client waits for the hub.

mod framing;
mod watched;

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Bytes, Service, http};
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::{Request, Status};

use self::watched::Watched;
use crate::error::IngestError;
use crate::limits::Limits;
use crate::service::IngestService;

/// The path of the one call that streams.
const STREAM: &str = "/dinh.v1.Ingest/PushStream";
/// Messages up to this length need no room of their own before they are read: a connection's buffers are larger.
const FREE_BYTES: usize = 64 * 1024;
/// Bytes of one permit.
const PERMIT_BYTES: usize = 1024;

/// A service behind the threshold of the way in.
#[derive(Clone, Debug)]
pub struct Threshold<S> {
    service: S,
    calls: IngestService,
    house: Arc<House>,
}

/// Who is in, and how much room there is.
#[derive(Debug)]
struct House {
    limits: Limits,
    /// Room for large messages on their way in.
    arriving: Arc<Semaphore>,
    /// As many as have ever called: no more than there are grants.
    principals: Mutex<HashMap<String, Arc<Principal>>>,
}

/// What one principal may take up at a time.
#[derive(Debug)]
pub(crate) struct Principal {
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    arriving: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    waiting_permits: usize,
}

/// A principal's share of what is being judged, waits to be written, or waits to be answered; it ends with its last clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share(
    #[expect(dead_code, reason = "held for its drop")] Option<Arc<OwnedSemaphorePermit>>,
);

impl Principal {
    fn new(limits: &Limits) -> Self {
        let waiting_permits = permits_of(limits.principal_bytes_max);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            calls: semaphore(limits.calls_per_principal_max),
            streams: semaphore(limits.streams_per_principal_max),
            arriving: semaphore(waiting_permits),
            waiting: semaphore(waiting_permits),
            waiting_permits,
        }
    }

    /// Takes a share for a message of some bytes, at once or not at all.
    ///
    /// # Errors
    /// When the principal has too much under way.
    pub(crate) fn admit(&self, bytes: usize) -> Result<Share, IngestError> {
        let permit = Arc::clone(&self.waiting).try_acquire_many_owned(self.permits(bytes));
        permit
            .map(|permit| Share(Some(Arc::new(permit))))
            .map_err(|_| IngestError::principal_limit())
    }

    /// Takes a share for a message of some bytes, and waits for it if need be.
    pub(crate) async fn admitted(&self, bytes: usize) -> Share {
        let permit = Arc::clone(&self.waiting).acquire_many_owned(self.permits(bytes)).await;
        // Nobody closes the semaphore.
        Share(permit.ok().map(Arc::new))
    }

    /// A message larger than the whole share takes all of it.
    fn permits(&self, bytes: usize) -> u32 {
        count(bytes, self.waiting_permits)
    }
}

fn permits_of(bytes: usize) -> usize {
    (bytes / PERMIT_BYTES).clamp(1, u32::MAX as usize)
}

fn count(bytes: usize, permits_max: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES).clamp(1, permits_max)).unwrap_or(u32::MAX)
}

impl House {
    fn principal(&self, name: &str) -> Arc<Principal> {
        let mut principals = self.principals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(principal) = principals.get(name) {
            return Arc::clone(principal);
        }
        let principal = Arc::new(Principal::new(&self.limits));
        principals.insert(name.to_owned(), Arc::clone(&principal));
        principal
    }
}

impl<S> Threshold<S> {
    pub(crate) fn new(service: S, calls: IngestService) -> Self {
        let limits = calls.limits().clone();
        let arriving = Arc::new(Semaphore::new(permits_of(limits.arriving_bytes_max)));
        let house = Arc::new(House { limits, arriving, principals: Mutex::default() });
        Self { service, calls, house }
    }

    /// Lets a call in, with what it holds until it ends.
    fn enter(
        &self,
        request: &http::Request<Body>,
    ) -> Result<(Arc<Principal>, OwnedSemaphorePermit), Status> {
        let metadata = MetadataMap::from_headers(request.headers().clone());
        let shown = Request::from_parts(metadata, request.extensions().clone(), ());
        let principal = self.house.principal(&self.calls.principal(&shown)?);
        let room =
            if request.uri().path() == STREAM { &principal.streams } else { &principal.calls };
        let held = Arc::clone(room).try_acquire_owned();
        let held = held.map_err(|_| self.calls.refuse(&IngestError::principal_limit()))?;
        Ok((principal, held))
    }
}

impl<S: NamedService> NamedService for Threshold<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Threshold<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (principal, held) = match self.enter(&request) {
            Ok(entered) => entered,
            Err(status) => return Box::pin(std::future::ready(Ok(status.into_http()))),
        };
        let streams = request.uri().path() == STREAM;
        let mut request = request.map(|body| {
            let arriving = [Arc::clone(&principal.arriving), Arc::clone(&self.house.arriving)];
            Body::new(Watched::new(body, self.calls.clone(), arriving, streams))
        });
        request.extensions_mut().insert(principal);
        let answered = self.service.call(request);
        Box::pin(
            async move { Ok(answered.await?.map(|body| Body::new(Held { body, _held: held }))) },
        )
    }
}

/// An answer on its way, and what its call holds until it is gone.
struct Held {
    body: Body,
    _held: OwnedSemaphorePermit,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
