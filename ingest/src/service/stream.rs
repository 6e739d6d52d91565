//! `PushStream`: several submissions in flight, each answered as soon as it is durable.
//!
//! ```text
//! client ──> read ──> room ──> in flight: judge, turn, commit ──> answer ──> client
//!             └── one at a time        └── at most `in_flight_per_stream_max`   └── within `unread_max`
//! ```
//!
//! One task reads, works and answers. It belongs to the stream of answers: a client that vanishes takes the task with it,
//! and its unanswered submissions, except those that the committer holds already. Room in memory is waited for before the
//! next message is read: that slows the client down, which is what it is for. A client that does not read its answers is
//! not read from either, and after a while what it has in flight is given up, since that holds room that others need.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use dinh_proto::v1 as proto;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, Stream, StreamExt as _};
use prost::Message as _;
use proto::push_stream_response::Outcome;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::{Request, Status, Streaming};
use tracing::{Instrument as _, Span, error, warn};

use super::turn::{Turn, Turns};
use super::{Admitted, Inner};
use crate::access::Caller;
use crate::error::{ErrorKind, IngestError, Violation};
use crate::threshold::{Principal, Share};

const CORRELATION_BYTES_MAX: usize = 128;
/// Answers that wait to be read beside those that the connection holds.
const ANSWERS_WAITING_MAX: usize = 1;

/// Answers as they become durable; an error ends them.
pub struct Answers {
    waiting: mpsc::Receiver<proto::PushStreamResponse>,
    /// The one task; its result is the error that ends the stream, if one does.
    work: JoinSet<Result<(), Status>>,
}

impl Stream for Answers {
    type Item = Result<proto::PushStreamResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(answer) = ready!(self.waiting.poll_recv(context)) {
            return Poll::Ready(Some(Ok(answer)));
        }
        let ended = ready!(self.work.poll_join_next(context));
        Poll::Ready(match ended {
            Some(Ok(ended)) => ended.err().map(Err),
            Some(Err(cause)) => {
                error!(%cause, "a stream of submissions broke off");
                Some(Err(Status::internal(
                    "the stream broke off: send again what was not answered",
                )))
            }
            None => None,
        })
    }
}

/// The answers to a stream of submissions.
pub(super) fn answers(
    inner: Arc<Inner>,
    request: Request<Streaming<proto::PushStreamRequest>>,
) -> Result<Answers, Status> {
    let caller = Caller::of(&request, &inner.lake).and_then(|caller| {
        caller.grant(&inner.lake.catalogue(), inner.clock.now())?;
        Ok(Arc::new(caller))
    });
    let caller = caller.map_err(|error| inner.refuse(&error))?;
    let (answers, waiting) = mpsc::channel(ANSWERS_WAITING_MAX);
    let mut work = JoinSet::new();
    let principal = request.extensions().get::<Arc<Principal>>().cloned();
    let serving = serve(inner, caller, principal, request.into_inner(), answers);
    work.spawn(serving.instrument(Span::current()));
    Ok(Answers { waiting, work })
}

/// Reads, works and answers until all is answered. A broken request ends it, but only after what came before is answered.
async fn serve(
    inner: Arc<Inner>,
    caller: Arc<Caller>,
    principal: Option<Arc<Principal>>,
    requests: Streaming<proto::PushStreamRequest>,
    answers: mpsc::Sender<proto::PushStreamResponse>,
) -> Result<(), Status> {
    let in_flight_max = inner.limits.in_flight_per_stream_max.max(1);
    let admitting = Arc::clone(&inner);
    let mut arriving =
        pin!(requests.then(|message| arrive(&admitting, principal.as_deref(), message)));
    let (mut in_flight, mut turns) = (FuturesUnordered::new(), Turns::default());
    let mut end = None;
    loop {
        tokio::select! {
            biased;
            Some((answer, share)) = in_flight.next() => {
                hand_over(&inner, &answers, answer).await?;
                drop(share);
            }
            arrived = arriving.next(), if end.is_none() && in_flight.len() < in_flight_max => {
                match arrived {
                    Some(Ok((message, room))) => {
                        let turn = turn_of(&message, &mut turns);
                        let (inner, caller) = (Arc::clone(&inner), Arc::clone(&caller));
                        in_flight.push(answer(inner, caller, message, room, turn).boxed());
                    }
                    Some(Err(status)) => end = Some(Err(status)),
                    None => end = Some(Ok(())),
                }
            }
            else => return end.unwrap_or(Ok(())),
        }
    }
}

/// Waits for room for a message that was read.
async fn arrive(
    inner: &Inner,
    principal: Option<&Principal>,
    message: Result<proto::PushStreamRequest, Status>,
) -> Result<(proto::PushStreamRequest, Result<Admitted, IngestError>), Status> {
    let message = message?;
    let room = inner.admitted(principal, message.encoded_len()).await;
    Ok((message, room))
}

fn turn_of(message: &proto::PushStreamRequest, turns: &mut Turns) -> Turn {
    let numbered = message.submission.as_ref().is_some_and(|submission| submission.sequence > 0);
    if numbered { turns.next() } else { Turn::default() }
}

/// Gives an answer to a client that reads it in time.
async fn hand_over(
    inner: &Inner,
    answers: &mpsc::Sender<proto::PushStreamResponse>,
    answer: proto::PushStreamResponse,
) -> Result<(), Status> {
    // That the client is gone is told by the end of this task.
    let Ok(_) = timeout(inner.limits.unread_max, answers.send(answer)).await else {
        warn!(
            "a client does not read the answers of its stream; what it has in flight is given up"
        );
        return Err(inner.refuse(&answers_unread()));
    };
    Ok(())
}

/// Takes one submission to its answer; an error is an answer too. The share is kept until the answer is handed over.
async fn answer(
    inner: Arc<Inner>,
    caller: Arc<Caller>,
    message: proto::PushStreamRequest,
    room: Result<Admitted, IngestError>,
    turn: Turn,
) -> (proto::PushStreamResponse, Share) {
    let proto::PushStreamRequest { correlation, submission } = message;
    let name = |field: fn(&proto::Submission) -> &String| {
        submission.as_ref().map(field).cloned().unwrap_or_default()
    };
    let (feed, id) = (name(|submission| &submission.feed), name(|submission| &submission.id));
    let (outcome, share) = match room {
        Ok(_) if correlation.len() > CORRELATION_BYTES_MAX => {
            (Err(correlation_too_long()), Share::default())
        }
        Ok(Admitted { admission, share }) => {
            (inner.push(&caller, submission, admission, turn).await, share)
        }
        Err(error) => (Err(error), Share::default()),
    };
    let outcome = match outcome {
        Ok(answer) => Outcome::Answer(answer),
        Err(error) => Outcome::Error(in_band(&inner.refuse(&error))),
    };
    let outcome = Some(outcome);
    (proto::PushStreamResponse { correlation, feed, submission: id, outcome }, share)
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

fn answers_unread() -> IngestError {
    IngestError::new(
        ErrorKind::AnswersUnread,
        "the answers of this stream were not read for too long: send again what was not answered, with the same ids",
        "các câu trả lời của luồng này không được đọc trong thời gian quá lâu: hãy gửi lại những lần gửi chưa được trả lời, với cùng mã",
    )
}
