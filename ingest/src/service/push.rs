//! `Push`: one submission, judged, committed and answered.

use dinh_lake::ledger::Outcome;
use dinh_lake::submission::{Answer, Submission};
use dinh_proto::v1 as proto;
use prost::Message as _;
use tonic::{Request, Status};
use tracing::{Span, field, info, instrument};

use super::turn::Turn;
use super::{Examined, Inner};
use crate::access::Caller;
use crate::committer::Admission;
use crate::error::{ErrorKind, IngestError};
use crate::wire;

impl Inner {
    pub(super) async fn push_one(
        &self,
        request: Request<proto::PushRequest>,
    ) -> Result<proto::PushResponse, Status> {
        let answer = async {
            let caller = Caller::of(&request, &self.lake)?;
            let room = self.admit(request.extensions(), request.get_ref().encoded_len())?;
            let submission = request.into_inner().submission;
            let answer = self.push(&caller, submission, room.admission, Turn::default()).await;
            drop(room.share);
            answer
        };
        let answer = answer.await.map_err(|error| self.refuse(&error))?;
        Ok(proto::PushResponse { answer: Some(answer) })
    }

    /// Takes one submission from its message to its answer.
    #[instrument(
        skip_all,
        fields(feed = field::Empty, submission = field::Empty, rows = field::Empty, position = field::Empty)
    )]
    pub(super) async fn push(
        &self,
        caller: &Caller,
        message: Option<proto::Submission>,
        admission: Admission,
        turn: Turn,
    ) -> Result<proto::Answer, IngestError> {
        let answer = self.take(caller, message, admission, turn).await;
        answer
            .inspect_err(|error| info!(reason = error.kind.reason(), %error, "submission refused"))
    }

    async fn take(
        &self,
        caller: &Caller,
        message: Option<proto::Submission>,
        admission: Admission,
        turn: Turn,
    ) -> Result<proto::Answer, IngestError> {
        let examined = self.examine(caller, message, wire::Id::Required).await?;
        if examined.request.dry_run {
            self.metrics.submission(&examined.request.feed, "dry_run");
            return Ok(wire::dry_run(&examined.request, examined.report()));
        }
        let verdicts_max = examined.request.verdicts_max;
        let submission = examined.into_submission();
        let (feed, id) = (submission.feed.clone(), submission.id.clone());
        let producer = submission.numbering.as_ref().map(|numbering| numbering.producer.clone());
        let outcome = turn.take(self.committer.commit(submission, admission)).await;
        match outcome.map_err(|error| self.commit_error(&error))? {
            Outcome::Recorded(answer) => {
                self.metrics.rows(answer.accepted, answer.refused);
                Ok(self.answer(&answer, "recorded", verdicts_max))
            }
            Outcome::Repeated(answer) => Ok(self.answer(&answer, "repeated", verdicts_max)),
            Outcome::Conflict { recorded_digest } => {
                self.metrics.submission(&feed, "conflict");
                Err(id_reused(&feed, &id, &recorded_digest))
            }
            Outcome::OutOfTurn(refused) => {
                self.metrics.submission(&feed, "out_of_turn");
                Err(IngestError::out_of_turn(refused, &feed, &producer.unwrap_or_default()))
            }
        }
    }

    fn answer(&self, answer: &Answer, outcome: &'static str, verdicts_max: u32) -> proto::Answer {
        let Answer { position, accepted, warned, refused, .. } = *answer;
        Span::current().record("position", position);
        self.metrics.submission(&answer.feed, outcome);
        info!(outcome, accepted, warned, refused, "submission answered");
        wire::answer(answer, verdicts_max)
    }
}

impl Examined {
    fn into_submission(self) -> Submission {
        let Self { request, principal, catalogue_version, digest, rows, judged } = self;
        Submission {
            feed: request.feed,
            id: request.id,
            principal,
            mode: request.mode,
            digest,
            reason: request.reason,
            document: request.document,
            numbering: request.numbering,
            catalogue_version,
            state_position: judged.state_position,
            rows,
            accepted: judged.accepted,
            verdicts: judged.verdicts,
        }
    }
}

fn id_reused(feed: &str, id: &str, recorded_digest: &str) -> IngestError {
    IngestError::new(
        ErrorKind::SubmissionIdReused,
        format!("submission `{id}` of feed `{feed}` is recorded with other content: choose a new id"),
        format!("lần gửi `{id}` của nguồn `{feed}` đã được ghi với nội dung khác: hãy chọn mã lần gửi mới"),
    )
    .with("feed", feed)
    .with("submission", id)
    .with("recorded_digest", recorded_digest)
}
