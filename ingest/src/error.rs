//! Why a whole request is refused: one kind for each thing that the caller can do next, with the text in both languages.
//!
//! What is wrong with single rows is a [`Verdict`](dinh_lake::submission::Verdict), never one of these.

use std::collections::BTreeMap;

/// What the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Send a token.
    TokenMissing,
    /// Get another token.
    TokenInvalid,
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
    /// Try again a little later.
    QueueFull,
    /// Try again, with the same id.
    StoreUnavailable,
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
            Self::FeedNotGranted => "FEED_NOT_GRANTED",
            Self::FeedUnknown => "FEED_UNKNOWN",
            Self::SubmissionInvalid => "SUBMISSION_INVALID",
            Self::PayloadBroken => "PAYLOAD_BROKEN",
            Self::SubmissionIdReused => "SUBMISSION_ID_REUSED",
            Self::QueueFull => "QUEUE_FULL",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
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
}

impl IngestError {
    /// An error of a kind, in both languages.
    pub(crate) fn new(kind: ErrorKind, en: impl Into<String>, vi: impl Into<String>) -> Self {
        let (en, vi) = (en.into(), vi.into());
        Self { kind, en, vi, violations: Vec::new(), metadata: BTreeMap::new() }
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
