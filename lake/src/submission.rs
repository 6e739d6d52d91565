//! One push: what is handed to the ledger, and the answer that it gets, the same one for ever.

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};

use crate::observation::codes;

codes! {
    /// What becomes of a submission when some of its rows are refused.
    Mode {
        /// The good rows land.
        Partial = "partial",
        /// One refused row refuses all.
        Atomic = "atomic",
    }
}

codes! {
    /// How bad a verdict is.
    Severity {
        /// The row landed all the same.
        Warned = "warned",
        /// The row did not land; its content is kept as it was sent.
        Refused = "refused",
    }
}

/// What was found wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The row's number in its submission, from 1.
    pub row: u64,
    /// Whether the row landed.
    pub severity: Severity,
    /// The column at fault, such as `unit`.
    pub field: String,
    /// The rule that it broke, such as `unit.unknown`.
    pub rule: String,
    /// What is wrong and what to do, in Vietnamese.
    pub message_vi: String,
    /// What is wrong and what to do, in English.
    pub message_en: String,
    /// The nearest valid values, best first.
    pub suggestions: Vec<String>,
    /// The row as it was sent: a JSON object of the columns that were not empty.
    pub content: String,
}

/// A validated submission, ready for the ledger.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The feed it belongs to.
    pub feed: String,
    /// The client's id for it, unique within the feed for ever.
    pub id: String,
    /// Who sent it.
    pub principal: String,
    /// What was to become of it if rows were refused.
    pub mode: Mode,
    /// SHA-256, lower-case hex, over the decoded columns (not over wire bytes, which are not canonical).
    pub digest: String,
    /// Why it revises or withdraws earlier figures, in the sender's words.
    pub reason: Option<String>,
    /// The document that orders the revision.
    pub document: Option<String>,
    /// The catalogue version that it was validated against.
    pub catalogue_version: u64,
    /// How many rows were sent.
    pub rows: u64,
    /// The rows that land, in [`accepted_schema`](crate::observation::accepted_schema).
    pub accepted: RecordBatch,
    /// One or more for every row that was warned or refused, in order of rows.
    pub verdicts: Vec<Verdict>,
}

/// The answer to a submission. A repeat of the same submission gets an equal one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The feed.
    pub feed: String,
    /// The submission's id.
    pub submission: String,
    /// The ledger entry that holds it.
    pub position: u64,
    /// The stamp of all its rows.
    pub recorded_at: DateTime<Utc>,
    /// The digest of its content.
    pub digest: String,
    /// Rows that landed (those with warnings among them).
    pub accepted: u64,
    /// Rows that landed with a warning.
    pub warned: u64,
    /// Rows that did not land.
    pub refused: u64,
    /// In order of rows.
    pub verdicts: Vec<Verdict>,
}
