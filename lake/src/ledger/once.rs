//! Which submissions the ledger holds: the memory behind the promise that an id counts once, for ever.
//!
//! The ids in fresh files, which are few, are held as 128-bit digests of (feed, id), each with the position of its entry.
//! Once its file has been sorted an id is forgotten here, and found by the filters of the sorted files ([`filters`]).
//! Beside them stands how far each feed has come.
//!
//! [`filters`]: super::filters

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::schema::{SUBMISSION, kind_of};
use super::snapshot::DataFile;
use crate::delta::Provenance;

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

/// What is known of a feed's newest submission.
#[derive(Clone, Debug)]
pub(crate) enum Newest {
    /// All that is told of it.
    Known(Last),
    /// The entry that holds it; the rest is to be read.
    At(u64),
}

/// The ids in fresh files, and the newest submission of each feed.
#[derive(Debug, Default)]
pub(crate) struct Once {
    positions: HashMap<u128, u64>,
    newest: HashMap<String, Newest>,
}

/// The columns that [`Once::learn`] reads.
pub(crate) const COLUMNS: [&str; 6] =
    ["kind", "feed", "submission", "position", "recorded_at", "digest"];

/// How the log names how far a feed has come.
pub(crate) const FEED: &str = "dinh/feed/";

impl Once {
    /// What the log's state says of the feeds.
    pub(crate) fn reached(transactions: &BTreeMap<String, u64>) -> Self {
        let feeds = transactions.iter().filter_map(|(key, at)| Some((key.strip_prefix(FEED)?, at)));
        let newest = feeds.map(|(feed, at)| (feed.to_owned(), Newest::At(*at))).collect();
        Self { positions: HashMap::new(), newest }
    }

    /// The entry that holds a submission, if a fresh file does.
    pub(crate) fn position(&self, feed: &str, submission: &str) -> Option<u64> {
        self.positions.get(&key(feed, submission)).copied()
    }

    /// The newest submission of a feed.
    pub(crate) fn newest(&self, feed: &str) -> Option<&Newest> {
        self.newest.get(feed)
    }

    /// How many ids are held.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.positions.len()
    }

    /// Takes in the submission rows among some batches of a fresh file.
    pub(crate) fn learn(&mut self, batches: &[RecordBatch]) {
        for batch in batches.iter().filter(|batch| kind_of(batch) == Some(SUBMISSION)) {
            for row in 0..batch.num_rows() {
                let Some((feed, last)) = last(batch, row) else { continue };
                self.positions.insert(key(feed, &last.submission), last.position);
                self.renew(feed, last);
            }
        }
    }

    /// Takes in what an entry of the log says of the submissions that its fresh file holds.
    pub(crate) fn learn_entry(&mut self, position: u64, entry: &Provenance) {
        for submission in &entry.submissions {
            let text = |name: &str| submission[name].as_str().unwrap_or_default();
            let stamp = submission["recorded_at"].as_i64().unwrap_or_default();
            let last = Last {
                submission: text("id").to_owned(),
                digest: text("digest").to_owned(),
                position,
                recorded_at: DateTime::from_timestamp_micros(stamp).unwrap_or_default(),
            };
            self.positions.insert(key(text("feed"), text("id")), position);
            self.renew(text("feed"), last);
        }
    }

    /// Forgets the ids of fresh files that were sorted: the sorted files tell of them from now on.
    pub(crate) fn forget<'a>(&mut self, sorted: impl Iterator<Item = &'a DataFile>) {
        let range =
            |file: &DataFile| file.stats.min_values.position..=file.stats.max_values.position;
        let gone: HashSet<u64> = sorted.filter(|file| !file.is_sorted()).flat_map(range).collect();
        if !gone.is_empty() {
            self.positions.retain(|_, position| !gone.contains(position));
        }
    }

    fn renew(&mut self, feed: &str, last: Last) {
        let older = match self.newest.get(feed) {
            None => true,
            Some(Newest::At(position)) => *position <= last.position,
            Some(Newest::Known(known)) => known.recorded_at < last.recorded_at,
        };
        if older {
            self.newest.insert(feed.to_owned(), Newest::Known(last));
        }
    }
}

/// The feed of a submission row, and what is told of the newest submission; none for rows of another kind.
pub(crate) fn last(batch: &RecordBatch, row: usize) -> Option<(&str, Last)> {
    let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>();
    let (feeds, ids, digests) = (text("feed")?, text("submission")?, text("digest")?);
    let positions = batch["position"].as_primitive::<Int64Type>();
    let stamps = batch["recorded_at"].as_primitive::<TimestampMicrosecondType>();
    let last = Last {
        submission: ids.value(row).to_owned(),
        digest: digests.value(row).to_owned(),
        position: positions.value(row).unsigned_abs(),
        recorded_at: DateTime::from_timestamp_micros(stamps.value(row)).unwrap_or_default(),
    };
    Some((feeds.value(row), last))
}

pub(super) fn key(feed: &str, submission: &str) -> u128 {
    let digest =
        Sha256::new().chain_update(feed).chain_update([0]).chain_update(submission).finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(first)
}
