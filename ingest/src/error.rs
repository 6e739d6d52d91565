//! Why a whole request is refused: one kind for each thing that the caller can do next, with the text in both languages.
//!
//! What is wrong with single rows is a [`Verdict`](dinh_lake::submission::Verdict), never one of these.

use std::collections::BTreeMap;
use std::time::Duration;

use dinh_lake::submission::OutOfTurn;

/// A disk is not seen to in less.
const STOPPED_RETRY: Duration = Duration::from_secs(30);

/// What the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Send a token.
    TokenMissing,
    /// Get another token.
    TokenInvalid,
    /// Mend the token, then wait.
    TooManyAttempts,
    /// Get a grant for the feed.
    FeedNotGranted,
    /// Name a feed of the catalogue.
    FeedUnknown,
    /// Mend the named fields of the request.
    SubmissionInvalid,
    /// Mend the Arrow payload.
    PayloadBroken,
    /// Choose another id.
    SubmissionIdReused,
    /// Go on from the number that is expected.
    SequenceGap,
    /// Take the number that is expected.
    SequenceUsed,
    /// Stop: another life of the producer has taken over.
    ProducerFenced,
    /// Try again a little later.
    QueueFull,
    /// Wait for answers, then try again.
    PrincipalLimit,
    /// Send what there is to send without a long pause.
    CallIdle,
    /// Read the answers.
    AnswersUnread,
    /// Try again, with the same id: nothing was recorded.
    StoreUnavailable,
    /// Try again, with the same id: that tells whether it was recorded.
    OutcomeUnknown,
    /// Try again, with the same id, when the operator has seen to the disk.
    LedgerStopped,
    /// Try again, with the same id, when the hub is back.
    ShuttingDown,
    /// Tell the operator; trying again with the same id is safe.
    Internal,
}

impl ErrorKind {
    /// Its name on the wire and in the metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::TokenMissing => "TOKEN_MISSING",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::TooManyAttempts => "TOO_MANY_ATTEMPTS",
            Self::FeedNotGranted => "FEED_NOT_GRANTED",
            Self::FeedUnknown => "FEED_UNKNOWN",
            Self::SubmissionInvalid => "SUBMISSION_INVALID",
            Self::PayloadBroken => "PAYLOAD_BROKEN",
            Self::SubmissionIdReused => "SUBMISSION_ID_REUSED",
            Self::SequenceGap => "SEQUENCE_GAP",
            Self::SequenceUsed => "SEQUENCE_USED",
            Self::ProducerFenced => "PRODUCER_FENCED",
            Self::QueueFull => "QUEUE_FULL",
            Self::PrincipalLimit => "PRINCIPAL_LIMIT",
            Self::CallIdle => "CALL_IDLE",
            Self::AnswersUnread => "ANSWERS_UNREAD",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::LedgerStopped => "LEDGER_STOPPED",
            Self::ShuttingDown => "SHUTTING_DOWN",
            Self::Internal => "INTERNAL",
        }
    }
}

/// One field of the request that has to be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, such as `submission.id`.
    pub field: &'static str,
    /// What is wrong and what to do, in English.
    pub en: String,
    /// The same in Vietnamese.
    pub vi: String,
}

/// Why a whole request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{en}")]
pub struct IngestError {
    /// What the caller can do.
    pub kind: ErrorKind,
    /// What is wrong and what to do, in English.
    pub en: String,
    /// The same in Vietnamese.
    pub vi: String,
    /// All fields that have to be mended.
    pub violations: Vec<Violation>,
    /// The values in the texts, by name.
    pub metadata: BTreeMap<&'static str, String>,
    /// How long to wait, where it is not the hub's usual time.
    pub retry_after: Option<Duration>,
}

impl IngestError {
    /// An error of a kind, in both languages.
    pub(crate) fn new(kind: ErrorKind, en: impl Into<String>, vi: impl Into<String>) -> Self {
        let (en, vi) = (en.into(), vi.into());
        Self { kind, en, vi, violations: Vec::new(), metadata: BTreeMap::new(), retry_after: None }
    }

    /// Names a value of the texts.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.metadata.insert(name, value.into());
        self
    }

    /// All fields of a submission that have to be mended; there is at least one.
    pub(crate) fn invalid(violations: Vec<Violation>) -> Self {
        let all = |text: fn(&Violation) -> &str| {
            violations
                .iter()
                .map(|v| format!("{}: {}", v.field, text(v)))
                .collect::<Vec<_>>()
                .join("; ")
        };
        let (en, vi) = (all(|v| &v.en), all(|v| &v.vi));
        Self { violations, ..Self::new(ErrorKind::SubmissionInvalid, en, vi) }
    }

    /// An Arrow payload that cannot be taken.
    pub(crate) fn payload(en: impl Into<String>, vi: impl Into<String>) -> Self {
        let (en, vi) = (en.into(), vi.into());
        let violations =
            vec![Violation { field: "submission.arrow_ipc", en: en.clone(), vi: vi.clone() }];
        Self { violations, ..Self::new(ErrorKind::PayloadBroken, en, vi) }
    }

    /// A push that came while too much was waiting.
    pub(crate) fn queue_full() -> Self {
        Self::new(
            ErrorKind::QueueFull,
            "too much is waiting to be written: try again a little later, with the same id",
            "đang có quá nhiều số liệu chờ ghi: hãy thử lại sau giây lát, với cùng mã lần gửi",
        )
    }

    /// A push of a principal that has too much under way.
    pub(crate) fn principal_limit() -> Self {
        Self::new(
            ErrorKind::PrincipalLimit,
            "you have too many calls or too many bytes under way: wait for answers, then try again with the same id",
            "bạn đang có quá nhiều lần gọi hoặc quá nhiều dữ liệu chờ xử lý: hãy chờ các câu trả lời rồi thử lại với cùng mã lần gửi",
        )
    }

    /// A call whose client is silent.
    pub(crate) fn call_idle(patience: Duration) -> Self {
        let seconds = patience.as_secs();
        Self::new(
            ErrorKind::CallIdle,
            format!(
                "nothing came for {seconds} s: send again what was not answered, with the same ids"
            ),
            format!(
                "không nhận được gì trong {seconds} giây: hãy gửi lại những lần gửi chưa được trả lời, với cùng mã"
            ),
        )
    }

    /// A submission whose number does not come next.
    pub(crate) fn out_of_turn(refused: OutOfTurn, feed: &str, producer: &str) -> Self {
        let error = match refused {
            OutOfTurn::Gap { expected } => Self::new(
                ErrorKind::SequenceGap,
                format!("numbers are missing before this one: send the submission with number {expected} first"),
                format!("thiếu các số thứ tự trước số này: hãy gửi trước lần gửi có số thứ tự {expected}"),
            )
            .with("expected", expected.to_string()),
            OutOfTurn::Used { expected } => Self::new(
                ErrorKind::SequenceUsed,
                format!("another submission has this number: the next free one is {expected}; to repeat a submission send it with its own id"),
                format!("số thứ tự này đã thuộc về một lần gửi khác: số kế tiếp còn trống là {expected}; muốn gửi lại một lần gửi cũ, hãy giữ nguyên mã của nó"),
            )
            .with("expected", expected.to_string()),
            OutOfTurn::Fenced { epoch } => Self::new(
                ErrorKind::ProducerFenced,
                format!("epoch {epoch} of this producer has begun: stop sending, another program has taken over"),
                format!("kỳ hoạt động {epoch} của bên gửi này đã bắt đầu: hãy dừng gửi, một chương trình khác đã tiếp quản"),
            )
            .with("epoch", epoch.to_string()),
        };
        error.with("feed", feed).with("producer", producer)
    }

    /// A push that the store did not take.
    pub(crate) fn store_unavailable() -> Self {
        Self::new(
            ErrorKind::StoreUnavailable,
            "the store does not take writes now and nothing was recorded: try again with the same id",
            "kho dữ liệu hiện không nhận ghi và chưa có gì được ghi: hãy thử lại với cùng mã lần gửi",
        )
    }

    /// A push of which the store did not say whether it took it.
    pub(crate) fn outcome_unknown() -> Self {
        Self::new(
            ErrorKind::OutcomeUnknown,
            "the store did not say whether this was recorded: send it again with the same id, it is counted once",
            "kho dữ liệu không cho biết đã ghi hay chưa: hãy gửi lại với cùng mã lần gửi, số liệu chỉ được tính một lần",
        )
    }

    /// A push to a hub whose disk failed.
    pub(crate) fn ledger_stopped() -> Self {
        let error = Self::new(
            ErrorKind::LedgerStopped,
            "the hub's disk failed and nothing is recorded until its operator has seen to it: then send this again with the same id, it is counted once",
            "ổ đĩa của hệ thống bị lỗi, không có gì được ghi cho đến khi đơn vị vận hành khắc phục: khi đó hãy gửi lại với cùng mã lần gửi, số liệu chỉ được tính một lần",
        );
        Self { retry_after: Some(STOPPED_RETRY), ..error }
    }

    /// A push that came while the hub was going down.
    pub(crate) fn shutting_down() -> Self {
        Self::new(
            ErrorKind::ShuttingDown,
            "the hub is stopping: try again, with the same id, when it is back",
            "hệ thống đang dừng: hãy thử lại, với cùng mã lần gửi, khi hệ thống hoạt động trở lại",
        )
    }

    /// A fault of the hub's own; its cause goes to the log, not to the client.
    pub(crate) fn internal() -> Self {
        Self::new(
            ErrorKind::Internal,
            "a fault of the hub: sending the same again with the same id is safe",
            "lỗi của hệ thống: có thể gửi lại đúng nội dung này với cùng mã lần gửi",
        )
    }
}
