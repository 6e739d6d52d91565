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

/// The place of a submission in the order that its producer gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// Who numbers within the feed; empty is the feed itself.
    pub producer: String,
    /// The life of the producer; a newer one fences the older ones. Below 2^23.
    pub epoch: u64,
    /// The number within the epoch, from 1. Below 2^40.
    pub sequence: u64,
}

impl Numbering {
    const SEQUENCE_BITS: u32 = 40;
    /// The newest epoch that there can be.
    pub const EPOCH_MAX: u64 = (1 << 23) - 1;
    /// The last number of an epoch.
    pub const SEQUENCE_MAX: u64 = (1 << Self::SEQUENCE_BITS) - 1;

    /// Epoch and sequence as one number that increases in the producer's order; it is what the log keeps.
    #[must_use]
    pub fn version(&self) -> u64 {
        debug_assert!(self.epoch <= Self::EPOCH_MAX && self.sequence <= Self::SEQUENCE_MAX);
        (self.epoch << Self::SEQUENCE_BITS) | self.sequence
    }

    /// The epoch and the sequence of a [`version`](Self::version).
    #[must_use]
    pub fn parts(version: u64) -> (u64, u64) {
        (version >> Self::SEQUENCE_BITS, version & Self::SEQUENCE_MAX)
    }
}

/// Why a numbered submission is not taken: it does not come next in its producer's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfTurn {
    /// Numbers are missing before it.
    Gap {
        /// The number that comes next in its epoch.
        expected: u64,
    },
    /// Its number belongs to another submission.
    Used {
        /// The number that comes next in its epoch.
        expected: u64,
    },
    /// A newer epoch has begun.
    Fenced {
        /// The newest epoch.
        epoch: u64,
    },
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
    /// Its place in its producer's order, if it is numbered.
    pub numbering: Option<Numbering>,
    /// The catalogue version that it was validated against.
    pub catalogue_version: u64,
    /// The position of the present state that warnings were found against, if any rule looked at it.
    pub state_position: Option<u64>,
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
