//! The ledger: the one append-only table that is the truth, with one total order.
//!
//! ```text
//! append ── Once: known id? ──> its first answer, or a conflict
//!   │ new
//!   ▼
//! stamp ──> encode ──> put file ──> put entry N ──┬─ done ──> snapshot N is published ──> answers
//!   ▲                                             ├─ lost ──> take in the winner's entry ─┐
//!   └─────────────────────────────────────────────┼───────────────────────────────────────┘
//!                                                 └─ unknown ──> kept; tried again before anything else
//! ```
//!
//! Invariants:
//! - *Order*: `recorded_at` strictly increases along the ledger: max(clock, last stamp + 1) + ordinal in the group.
//! - *Once*: an id is unique within its feed, for ever; who loses a race reads what won before trying again.
//! - *Unknown outcome*: see [`crate::delta`].
//! - *Visible*: the snapshot that holds a submission is published before its answer is returned.
//!
//! # Decisions
//! - `position` is a column of every row, beside being the entry's version, so SQL and a repeated answer need no log. The
//!   price is that a group which lost the race for N is always encoded again.
//! - The log is not cleaned and nothing is vacuumed yet, so the rule *no ghosts* (a floor below which no entry may be
//!   created) has nothing to guard.

mod append;
mod care;
mod check;
mod encode;
mod merge;
mod once;
mod producers;
mod read;
mod schema;
mod snapshot;
mod standing;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::error::ArrowError;
use object_store::ObjectStore;
use parquet::errors::ParquetError;
use tokio::sync::{Mutex, watch};

use crate::clock::Clock;
use crate::delta::{DeltaError, Table};
use crate::metrics::LakeMetrics;
use crate::store::Place;
use crate::submission::Answer;

pub use append::Outcome;
pub use care::Maintained;
pub use check::{Checked, Finding};
pub use encode::{Bounds, FileStats};
pub use merge::sort_order;
pub use once::Last;
pub use schema::{OBSERVATION, SUBMISSION, VERDICT, ledger_schema};
pub use snapshot::{DataFile, Snapshot};
pub use standing::{Remedy, Standing};

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed; nothing of the request was recorded, unless the error says that this is unknown.
    #[error("the ledger's store failed: {0}")]
    Delta(#[from] DeltaError),
    /// Rows could not be put into columns.
    #[error("rows could not be arranged for the ledger: {0}")]
    Rows(#[from] ArrowError),
    /// A file could not be written or read as Parquet.
    #[error("a ledger file could not be encoded or decoded: {0}")]
    Parquet(#[from] ParquetError),
    /// A file of the log has statistics that are not ours.
    #[error("the file `{file}` of the ledger has unreadable statistics: {reason}")]
    Stats {
        /// The file.
        file: String,
        /// What is wrong with them.
        reason: String,
    },
    /// An id is known, but the file of its entry does not have it.
    #[error(
        "the submission `{id}` of the feed `{feed}` is missing from entry {position}: run `dinh check`"
    )]
    Missing {
        /// The feed.
        feed: String,
        /// The submission.
        id: String,
        /// Where it should be.
        position: u64,
    },
    /// A sync failed earlier: what the disk holds is known only after the lake is opened again.
    #[error(
        "the ledger takes nothing more since the disk did not take a sync: look at the disk, then start the hub again"
    )]
    Stopped,
    /// Work that was handed to another thread did not come back.
    #[error("the work was broken off: {0}")]
    Aborted(#[from] tokio::task::JoinError),
}

/// The ledger, opened.
#[derive(Debug)]
pub struct Ledger {
    table: Table,
    writer: Mutex<append::Writer>,
    published: watch::Sender<Arc<Snapshot>>,
    standing: watch::Sender<Standing>,
    clock: Clock,
    hot_bytes_max: usize,
    checkpointed: AtomicU64,
    care: Mutex<care::Care>,
    metrics: LakeMetrics,
}

impl Ledger {
    /// Opens the ledger of a place, or creates it. Nothing is replayed: the log's state is the state.
    pub(crate) async fn open(
        place: Place,
        clock: Clock,
        hot_bytes_max: usize,
        metrics: LakeMetrics,
    ) -> Result<Self, LedgerError> {
        let (table, opened) = Table::open(place, &ledger_schema(), schema::INDEXED).await?;
        let mut files = Vec::with_capacity(opened.files.len());
        for file in opened.files {
            let path = file.path.clone();
            let file = DataFile::from_live(file)
                .map_err(|error| LedgerError::Stats { file: path, reason: error.to_string() })?;
            files.push(Arc::new(file));
        }
        files.sort_by_key(|file| file.stats.max_values.position);
        let (mut once, mut producers) = (once::Once::default(), producers::Producers::default());
        for file in &files {
            let rows = read::rows(&table.place.store, file, SUBMISSION, &once::COLUMNS).await?;
            once.learn(&rows);
            producers.learn_rows(&rows);
        }
        let snapshot = Arc::new(Snapshot { position: opened.version, files });
        metrics.observe(&snapshot);
        let writer = Mutex::new(append::Writer::new(opened.stamp, once, producers));
        Ok(Self {
            table,
            writer,
            published: watch::Sender::new(snapshot),
            standing: watch::Sender::new(Standing::Taking),
            clock,
            hot_bytes_max,
            checkpointed: AtomicU64::new(opened.checkpoint),
            care: Mutex::default(),
            metrics,
        })
    }

    /// The ledger as it is now; never waits for a writer.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.published.borrow())
    }

    /// Every snapshot from now on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.published.subscribe()
    }

    /// The store, rooted at the ledger's folder, that the files of a snapshot are read from.
    #[must_use]
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.table.place.store)
    }

    /// The newest submission of a feed.
    pub async fn last(&self, feed: &str) -> Option<Last> {
        self.writer.lock().await.once.last(feed).cloned()
    }

    /// The epoch and the number that a producer of a feed has come to, if it has numbered any submission.
    pub async fn reached(&self, feed: &str, producer: &str) -> Option<(u64, u64)> {
        self.writer.lock().await.producers.reached(feed, producer)
    }

    /// The answer that a submission got, if the ledger holds it.
    ///
    /// # Errors
    /// When the file that holds it cannot be read.
    pub async fn find(&self, feed: &str, submission: &str) -> Result<Option<Answer>, LedgerError> {
        let Some(position) = self.writer.lock().await.once.position(feed, submission) else {
            return Ok(None);
        };
        self.answer_at(position, feed, submission).await
    }

    async fn answer_at(
        &self,
        position: u64,
        feed: &str,
        submission: &str,
    ) -> Result<Option<Answer>, LedgerError> {
        let snapshot = self.snapshot();
        let bounds =
            |file: &DataFile| file.stats.min_values.position..=file.stats.max_values.position;
        let holders: Vec<_> =
            snapshot.files.iter().filter(|file| bounds(file).contains(&position)).collect();
        let store = &self.table.place.store;
        let mut answer = None;
        for file in &holders {
            if let Some(found) = read::answer(store, file, feed, submission).await? {
                answer = Some(found);
                break;
            }
        }
        let Some(mut answer) = answer else { return Ok(None) };
        for file in holders {
            answer.verdicts.extend(read::verdicts(store, file, feed, submission).await?);
        }
        Ok(Some(answer))
    }
}

#[cfg(test)]
mod tests;
