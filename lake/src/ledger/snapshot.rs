//! What a reader sees of the ledger: the files that are live at one position, the newest of them in memory.
//!
//! `hot` is only a cache. Dropping it changes nothing but the time that a read takes; after a start it is empty.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::array::RecordBatch;

use super::encode::FileStats;
use super::schema::{OBSERVATION, kind_of};
use crate::delta::{LiveFile, Removed};

/// The ledger at one position; immutable.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The newest ledger entry that it includes.
    pub position: u64,
    /// The live files, oldest first.
    pub files: Vec<Arc<DataFile>>,
}

/// One live file of the ledger.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// Its name within the ledger's folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Counts and bounds.
    pub stats: FileStats,
    /// All its rows, one batch for each kind, in the ledger's schema, while they are cached.
    pub hot: Option<Arc<[RecordBatch]>>,
    hot_bytes: usize,
    sorted: bool,
    /// Shared by all snapshots that hold the file: while anything but a note of its removal holds it, somebody may read it.
    pin: Arc<()>,
}

/// Who still reads files that are not live any more: queries that began before a merge.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<HashMap<String, Weak<()>>>);

impl Readers {
    /// Notes files that were removed.
    pub(crate) fn note<'a>(&self, removed: impl Iterator<Item = &'a DataFile>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(removed.map(|file| (file.path.clone(), Arc::downgrade(&file.pin))));
    }

    /// Whether somebody in this process holds a snapshot with a file.
    pub(crate) fn need(&self, path: &str) -> bool {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get(path).is_some_and(|pin| pin.strong_count() > 0)
    }

    /// Forgets the files that nobody holds.
    pub(crate) fn tidy(&self) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|_, pin| pin.strong_count() > 0);
    }
}

impl DataFile {
    /// A file that was just written, its rows cached.
    pub(crate) fn fresh(
        path: String,
        size: usize,
        modified_ms: i64,
        stats: FileStats,
        rows: Vec<RecordBatch>,
    ) -> Self {
        let hot_bytes = rows.iter().map(RecordBatch::get_array_memory_size).sum();
        let (size, hot, pin) = (size as u64, Some(rows.into()), Arc::default());
        let sorted = is_sorted(&path, &stats);
        Self { path, size, modified_ms, stats, hot, hot_bytes, sorted, pin }
    }

    /// Its observations, while they are cached.
    pub(crate) fn observations(&self) -> impl Iterator<Item = &RecordBatch> {
        let hot = self.hot.iter().flat_map(|batches| batches.iter());
        hot.filter(|batch| kind_of(batch) == Some(OBSERVATION))
    }

    /// The same file, its rows to be read from the store.
    pub(crate) fn cold(&self) -> Self {
        Self { hot: None, hot_bytes: 0, ..self.clone() }
    }

    pub(crate) fn from_live(file: LiveFile) -> Result<Self, serde_json::Error> {
        let stats = serde_json::from_str(file.stats.as_deref().unwrap_or_default())?;
        let sorted = is_sorted(&file.path, &stats);
        Ok(Self {
            path: file.path,
            size: file.size,
            modified_ms: file.modified_ms,
            stats,
            hot: None,
            hot_bytes: 0,
            sorted,
            pin: Arc::default(),
        })
    }

    pub(crate) fn to_live(&self) -> LiveFile {
        LiveFile {
            path: self.path.clone(),
            size: self.size,
            modified_ms: self.modified_ms,
            stats: Some(serde_json::to_string(&self.stats).expect("statistics are JSON")),
        }
    }

    pub(crate) fn removed(&self, at_ms: i64) -> Removed {
        Removed { path: self.path.clone(), size: self.size, at_ms }
    }

    /// Whether it was merged: then all its rows are of one kind, in the order of
    /// [`sort_order`](crate::ledger::sort_order).
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        self.sorted
    }

    /// The order of live files: by what they hold, oldest first.
    pub(crate) fn order(&self) -> (u64, &str) {
        (self.stats.max_values.position, &self.path)
    }

    /// Bytes that its cached rows take.
    #[must_use]
    pub fn hot_bytes(&self) -> usize {
        self.hot_bytes
    }
}

fn is_sorted(path: &str, stats: &FileStats) -> bool {
    stats.single_kind() && path.starts_with(&sorted_prefix(&stats.min_values.kind))
}

/// How the name of a sorted file of a kind begins.
pub(crate) fn sorted_prefix(kind: &str) -> String {
    format!("{kind}-sorted-")
}

impl Snapshot {
    /// How many live files have not been sorted.
    pub(crate) fn fresh_files(&self) -> usize {
        self.files.iter().filter(|file| !file.is_sorted()).count()
    }

    /// The live files that some removed ones are.
    pub(crate) fn named(&self, removed: &[Removed]) -> impl Iterator<Item = &DataFile> {
        let removed: HashSet<&str> = removed.iter().map(|gone| gone.path.as_str()).collect();
        let named = move |file: &&DataFile| removed.contains(file.path.as_str());
        self.files.iter().map(AsRef::as_ref).filter(named)
    }

    /// The snapshot after an entry: some files gone, some come, the oldest cached rows dropped beyond the budget.
    pub(crate) fn advance(
        &self,
        position: u64,
        removed: &[Removed],
        added: impl IntoIterator<Item = DataFile>,
        hot_bytes_max: usize,
    ) -> Self {
        let removed: HashSet<&str> = removed.iter().map(|gone| gone.path.as_str()).collect();
        let kept =
            self.files.iter().filter(|file| !removed.contains(file.path.as_str())).map(Arc::clone);
        let mut files: Vec<_> = kept.chain(added.into_iter().map(Arc::new)).collect();
        let mut hot_bytes = 0;
        for file in files.iter_mut().rev().filter(|file| file.hot.is_some()) {
            hot_bytes += file.hot_bytes();
            if hot_bytes > hot_bytes_max {
                *file = Arc::new(file.cold());
            }
        }
        Self { position, files }
    }
}
