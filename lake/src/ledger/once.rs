//! Which submissions the ledger holds: the memory behind the promise that an id counts once, for ever.
//!
//! The index holds a 128-bit digest of (feed, id) and the position of the entry; what the submission said is read from
//! the ledger. Beside it stands the newest submission of each feed.

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::schema::{SUBMISSION, kind_of};

/// The newest submission of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Its id.
    pub submission: String,
    /// Its digest.
    pub digest: String,
    /// Its ledger entry.
    pub position: u64,
    /// Its stamp.
    pub recorded_at: DateTime<Utc>,
}

/// The index of all submissions.
#[derive(Debug, Default)]
pub(crate) struct Once {
    positions: HashMap<u128, u64>,
    last: HashMap<String, Last>,
}

/// The columns that [`Once::learn`] and [`Producers::learn_rows`](super::producers::Producers::learn_rows) read.
pub(crate) const COLUMNS: [&str; 9] = [
    "kind",
    "feed",
    "submission",
    "position",
    "recorded_at",
    "digest",
    "producer",
    "epoch",
    "sequence",
];

impl Once {
    /// The entry that holds a submission, if one does.
    pub(crate) fn position(&self, feed: &str, submission: &str) -> Option<u64> {
        self.positions.get(&key(feed, submission)).copied()
    }

    /// The newest submission of a feed.
    pub(crate) fn last(&self, feed: &str) -> Option<&Last> {
        self.last.get(feed)
    }

    /// Takes in the submission rows among some batches.
    pub(crate) fn learn(&mut self, batches: &[RecordBatch]) {
        for batch in batches.iter().filter(|batch| kind_of(batch) == Some(SUBMISSION)) {
            let text =
                |name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            let (Some(feeds), Some(ids), Some(digests)) =
                (text("feed"), text("submission"), text("digest"))
            else {
                continue;
            };
            let positions = batch["position"].as_primitive::<Int64Type>();
            let stamps = batch["recorded_at"].as_primitive::<TimestampMicrosecondType>();
            for row in 0..batch.num_rows() {
                let last = Last {
                    submission: ids.value(row).to_owned(),
                    digest: digests.value(row).to_owned(),
                    position: positions.value(row).unsigned_abs(),
                    recorded_at: DateTime::from_timestamp_micros(stamps.value(row))
                        .unwrap_or_default(),
                };
                self.positions.insert(key(feeds.value(row), ids.value(row)), last.position);
                self.renew(feeds.value(row), last);
            }
        }
    }

    fn renew(&mut self, feed: &str, last: Last) {
        let newer = self.last.get(feed).is_none_or(|known| known.recorded_at < last.recorded_at);
        if newer {
            self.last.insert(feed.to_owned(), last);
        }
    }
}

fn key(feed: &str, submission: &str) -> u128 {
    let digest =
        Sha256::new().chain_update(feed).chain_update([0]).chain_update(submission).finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(first)
}
