//! The ledger: the one append-only table that is the truth, with one total order.
//!
//! ```text
//! append ── Once: known id? ──> its first answer, or a conflict
//!   │ new
//!   ▼
//! stamp ──> encode ──> put file, stage entry ──> show entry N ──┬─ done ──> snapshot N is published ──> answers
//!   ▲         the group before this one syncs meanwhile         ├─ lost ──> take in the winner's entry ─┐
//!   └───────────────────────────────────────────────────────────┼───────────────────────────────────────┘
//!                                                               └─ unknown ──> kept; tried again before all else
//! ```
//!
//! Invariants:
//! - *Order*: `recorded_at` strictly increases along the ledger: max(clock, last stamp + 1) + ordinal in the group.
//! - *Once*: an id is unique within its feed, for ever; who loses a race reads what won before trying again.
//! - *Unknown outcome*: see [`crate::delta`]. *No ghosts*: see [`crate::delta`]'s cleaning; who finds that the log has been
//!   cleaned beyond what it knows reads the ledger anew.
//! - *Turn*, *behind*, *in flight*: how groups overlap and yet commit one after the other, see [`append`].
//! - *Durable before visible*: an entry is shown when all that it names is synced, see [`crate::store`].
//! - *Visible*: the snapshot that holds a submission is published before its answer is returned.
//!
//! # Decisions
//! - `position` is a column of every row, beside being the entry's version, so SQL and a repeated answer need no log. The
//!   price is that a group which lost the race for N is always encoded again.

mod answer;
mod append;
mod care;
mod check;
mod draft;
mod encode;
mod filters;
mod merge;
mod once;
mod producers;
mod read;
mod schema;
mod seal;
mod seek;
mod snapshot;
pub mod stages;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use arrow::error::ArrowError;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::ObjectStore;
use parquet::errors::ParquetError;
use tokio::sync::{Mutex, watch};
use tracing::warn;

use crate::clock::Clock;
use crate::delta::{DeltaError, Shape, State, Table};
use crate::metrics::LakeMetrics;
use crate::store::Place;
use crate::submission::Answer;

pub use append::{Outcome, Ready};
pub use care::Maintained;
pub use check::{Checked, Finding};
pub use encode::{Bounds, FileStats};
use filters::Filters;
pub use merge::sort_order;
pub use once::Last;
use once::{Newest, Once};
pub use schema::{OBSERVATION, SUBMISSION, VERDICT, ledger_schema};
use snapshot::Readers;
pub use snapshot::{DataFile, Snapshot};
pub use standing::{Remedy, Standing};

pub(crate) use read::batches;

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

/// Files that are read at once at opening.
const READS_AT_ONCE: usize = 16;

/// What the ledger may take, and how long it keeps what it does not need itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of the newest rows kept in memory.
    pub(crate) hot_bytes_max: usize,
    /// Bytes of the filters that ids are looked up in.
    pub(crate) filter_bytes_max: usize,
    /// How long removed files and old log entries are kept for those who still read them; none leaves it as it was set.
    pub(crate) retention: Option<Duration>,
}

impl Default for Limits {
    /// 256 MiB of hot rows, 64 MiB of filters.
    fn default() -> Self {
        Self { hot_bytes_max: 256 << 20, filter_bytes_max: 64 << 20, retention: None }
    }
}

impl From<usize> for Limits {
    /// A budget of hot rows, and all else by default.
    fn from(hot_bytes_max: usize) -> Self {
        Self { hot_bytes_max, ..Self::default() }
    }
}

/// The ledger, opened.
#[derive(Debug)]
pub struct Ledger {
    table: Table,
    ahead: Mutex<append::Ahead>,
    turn: Mutex<append::Turn>,
    writer: Mutex<append::Writer>,
    published: watch::Sender<Arc<Snapshot>>,
    standing: watch::Sender<Standing>,
    clock: Clock,
    filters: Filters,
    limits: Limits,
    /// As the table itself says it.
    retention: Duration,
    care: Mutex<care::Care>,
    readers: Arc<Readers>,
    metrics: LakeMetrics,
}

impl Ledger {
    /// Opens the ledger of a place, or creates it. Nothing is replayed: the log's state is the state, and it is as large
    /// as what is live, not as what ever was.
    pub(crate) async fn open(
        place: Place,
        clock: Clock,
        limits: impl Into<Limits>,
        metrics: LakeMetrics,
    ) -> Result<Self, LedgerError> {
        let limits = limits.into();
        let schema = ledger_schema();
        let retention_seconds = limits.retention.map(|retention| retention.as_secs());
        let shape = Shape { schema: &schema, indexed: schema::INDEXED, retention_seconds };
        let (table, state) = Table::open(place, &shape).await?;
        let care = care::Care::begin(&state);
        let (snapshot, once) = restored(&table.place.store, &state).await?;
        metrics.observe(&snapshot);
        Ok(Self {
            table,
            ahead: Mutex::default(),
            turn: Mutex::default(),
            writer: Mutex::new(append::Writer::new(&state, once)),
            published: watch::Sender::new(Arc::new(snapshot)),
            standing: watch::Sender::new(Standing::Taking),
            clock,
            filters: Filters::new(limits.filter_bytes_max, metrics.clone()),
            limits,
            retention: state.retention(),
            care: Mutex::new(care),
            readers: Arc::default(),
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
    ///
    /// # Errors
    /// When the entry or the files that hold it cannot be read.
    pub async fn last(&self, feed: &str) -> Result<Option<Last>, LedgerError> {
        let position = match self.writer.lock().await.once.newest(feed) {
            None => return Ok(None),
            Some(Newest::Known(last)) => return Ok(Some(last.clone())),
            Some(Newest::At(position)) => *position,
        };
        self.last_at(position, feed).await
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
        let (position, snapshot) = {
            let writer = self.writer.lock().await;
            (writer.once.position(feed, submission), self.snapshot())
        };
        self.answer(&snapshot, position, feed, submission).await
    }
}

impl Ledger {
    /// Whether the entry that comes next was deleted: then this hub slept while others wrote and cleaned.
    async fn is_cleaned_beyond(&self, next: u64) -> Result<bool, LedgerError> {
        Ok(self.table.floor().await?.is_some_and(|floor| next <= floor))
    }

    /// Reads the ledger anew, as opening does.
    async fn reload(&self) -> Result<(), LedgerError> {
        let state = self.table.state().await?.unwrap_or_default();
        let (snapshot, once) = restored(&self.table.place.store, &state).await?;
        warn!(position = snapshot.position, "the ledger was read anew");
        self.metrics.observe(&snapshot);
        let mut writer = self.writer.lock().await;
        let stamp = writer.stamp.max(state.newest.stamp);
        *writer = append::Writer::new(&state, once);
        writer.stamp = stamp;
        let before = self.snapshot();
        self.readers.note(before.files.iter().map(AsRef::as_ref));
        self.published.send_replace(Arc::new(snapshot));
        Ok(())
    }
}

/// What the log's state amounts to: the live files, and the ids that are in fresh ones.
async fn restored(
    store: &Arc<dyn ObjectStore>,
    state: &State,
) -> Result<(Snapshot, Once), LedgerError> {
    let mut files = Vec::with_capacity(state.files.len());
    for file in &state.files {
        let read = DataFile::from_live(file.clone());
        let wrong = |error: serde_json::Error| LedgerError::Stats {
            file: file.path.clone(),
            reason: error.to_string(),
        };
        files.push(Arc::new(read.map_err(wrong)?));
    }
    files.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut once = Once::reached(&state.transactions);
    // The entries since the checkpoint tell the ids of their files; the few fresh files from before it are read.
    let tail = state.tail.first().map_or(u64::MAX, |(position, _)| *position);
    let fresh = files.iter().filter(|file| !file.is_sorted());
    let older = fresh.filter(|file| file.stats.max_values.position < tail);
    let reads = older.map(|file| read::rows(store, file, SUBMISSION, &once::COLUMNS).boxed());
    let reads: Vec<_> = reads.collect();
    let mut rows = futures::stream::iter(reads).buffered(READS_AT_ONCE);
    while let Some(rows) = rows.try_next().await? {
        once.learn(&rows);
    }
    drop(rows);
    let live: std::collections::HashSet<u64> = files
        .iter()
        .filter(|file| !file.is_sorted())
        .map(|file| file.stats.max_values.position)
        .collect();
    for (position, entry) in state.tail.iter().filter(|(position, _)| live.contains(position)) {
        once.learn_entry(*position, entry);
    }
    Ok((Snapshot { position: state.version, files }, once))
}

#[cfg(test)]
mod tests;
