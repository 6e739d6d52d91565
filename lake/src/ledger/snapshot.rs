//! What a reader sees of the ledger: the files that are live at one position, the newest of them in memory.
//!
//! `hot` is only a cache. Dropping it changes nothing but the time that a read takes; after a start it is empty.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::encode::FileStats;
use crate::delta::LiveFile;

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
        Self { path, size: size as u64, modified_ms, stats, hot: Some(rows.into()), hot_bytes }
    }

    /// The same file, its rows to be read from the store.
    pub(crate) fn cold(&self) -> Self {
        Self { hot: None, hot_bytes: 0, ..self.clone() }
    }

    pub(crate) fn from_live(file: LiveFile) -> Result<Self, serde_json::Error> {
        let stats = serde_json::from_str(file.stats.as_deref().unwrap_or_default())?;
        Ok(Self {
            path: file.path,
            size: file.size,
            modified_ms: file.modified_ms,
            stats,
            hot: None,
            hot_bytes: 0,
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

    /// Whether it was merged: then all its rows are of one kind, in the order of
    /// [`sort_order`](crate::ledger::sort_order).
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        let kind = &self.stats.min_values.kind;
        self.stats.single_kind() && self.path.starts_with(&sorted_prefix(kind))
    }

    /// Bytes that its cached rows take.
    #[must_use]
    pub fn hot_bytes(&self) -> usize {
        self.hot_bytes
    }
}

/// How the name of a sorted file of a kind begins.
pub(crate) fn sorted_prefix(kind: &str) -> String {
    format!("{kind}-sorted-")
}

impl Snapshot {
    /// The snapshot after an entry: some files gone, some come, the oldest cached rows dropped beyond the budget.
    pub(crate) fn advance(
        &self,
        position: u64,
        removed: &[LiveFile],
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
