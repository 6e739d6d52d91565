//! `PushStream`: several submissions in flight, each answered as soon as it is durable.
//!
//! The stream of answers is what drives the work: nothing is spawned, so a client that vanishes takes its unanswered
//! submissions with it, except those that the committer holds already. A client that does not read its answers is not
//! read from either. Room in memory is waited for here, not refused: that slows the client down, which is what it is for.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use dinh_proto::v1 as proto;
use futures::{Stream, StreamExt as _, future, stream};
use prost::Message as _;
use proto::push_stream_response::Outcome;
use tonic::{Request, Status, Streaming};

use super::Inner;
use crate::access::Caller;
use crate::error::{IngestError, Violation};

const CORRELATION_BYTES_MAX: usize = 128;

/// Answers as they become durable; an error ends them.
pub(super) type Answers =
    Pin<Box<dyn Stream<Item = Result<proto::PushStreamResponse, Status>> + Send>>;

/// The answers to a stream of submissions.
pub(super) fn answers(
    inner: Arc<Inner>,
    request: Request<Streaming<proto::PushStreamRequest>>,
) -> Result<Answers, Status> {
    let caller = Caller::from_metadata(request.metadata()).and_then(|caller| {
        caller.grant(&inner.lake.catalogue(), inner.clock.now())?;
        Ok(Arc::new(caller))
    });
    let caller = caller.map_err(|error| inner.refuse(&error))?;
    let in_flight_max = inner.limits.in_flight_per_stream_max.max(1);

    // A broken request ends the stream, but only after what came before it is answered.
    let broken = Arc::new(Mutex::new(None));
    let last_words = Arc::clone(&broken);
    let whole = move |message: Result<_, Status>| {
        let message = message.map_err(|status| {
            *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
        });
        future::ready(message.ok())
    };
    let answered = request
        .into_inner()
        .scan((), move |(), message| whole(message))
        .map(move |message| answer(Arc::clone(&inner), Arc::clone(&caller), message))
        .buffer_unordered(in_flight_max)
        .map(Ok);
    let end =
        stream::once(
            async move { last_words.lock().unwrap_or_else(PoisonError::into_inner).take() },
        );
    Ok(Box::pin(answered.chain(end.filter_map(|status| future::ready(status.map(Err))))))
}

/// Takes one submission to its answer; an error is an answer too.
async fn answer(
    inner: Arc<Inner>,
    caller: Arc<Caller>,
    message: proto::PushStreamRequest,
) -> proto::PushStreamResponse {
    let bytes = message.encoded_len();
    let proto::PushStreamRequest { correlation, submission } = message;
    let name = |field: fn(&proto::Submission) -> &String| {
        submission.as_ref().map(field).cloned().unwrap_or_default()
    };
    let (feed, id) = (name(|submission| &submission.feed), name(|submission| &submission.id));
    let outcome = if correlation.len() > CORRELATION_BYTES_MAX {
        Err(correlation_too_long())
    } else {
        match inner.committer.admitted(bytes).await {
            Ok(admission) => inner.push(&caller, submission, admission).await,
            Err(error) => Err(inner.commit_error(&error)),
        }
    };
    let outcome = match outcome {
        Ok(answer) => Outcome::Answer(answer),
        Err(error) => Outcome::Error(in_band(&inner.refuse(&error))),
    };
    proto::PushStreamResponse { correlation, feed, submission: id, outcome: Some(outcome) }
}

/// The `google.rpc.Status` that would have travelled in the trailer.
fn in_band(status: &Status) -> tonic_types::pb::Status {
    let plain = || tonic_types::pb::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    };
    tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| plain())
}

fn correlation_too_long() -> IngestError {
    IngestError::invalid(vec![Violation {
        field: "correlation",
        en: format!("at most {CORRELATION_BYTES_MAX} bytes"),
        vi: format!("tối đa {CORRELATION_BYTES_MAX} byte"),
    }])
}
