//! Care of the ledger: small files become larger sorted ones of one kind, and checkpoints keep opening quick.
//!
//! Files are merged within tiers of like size, so a row is written again at most once per tier and the number of live
//! files stays bounded by tiers times [`FAN_IN`].
//!
//! Invariant *merge*: a merge commits at N only if every input is still live at N - 1, checked under the writer's lock; an
//! entry of another hub that gets in between is taken in and the check made again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Int64Array, RecordBatch};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::error::ArrowError;

use super::append::Prepared;
use super::encode::{FileStats, Purpose, encode};
use super::schema::{OBSERVATION, SUBMISSION, VERDICT, ledger_schema};
use super::snapshot::{DataFile, Snapshot};
use super::{Ledger, LedgerError, read};
use crate::delta::{Entry, Provenance, unique};

/// Files of one tier that make a merge.
const FAN_IN: usize = 16;
/// How much larger the files of the next tier are.
const TIER_FACTOR: u64 = 8;
/// Files with more rows than this are large enough.
const FULL_ROWS: u64 = 2_000_000;
/// Rows that one merge holds in memory.
const MERGE_ROWS_MAX: u64 = 4_000_000;
/// Entries between checkpoints.
const CHECKPOINT_EVERY: u64 = 100;

/// What one round of care did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Files that were merged into others.
    pub merged_files: usize,
    /// Whether a checkpoint was written.
    pub checkpointed: bool,
}

impl Ledger {
    /// Merges one set of like files, if there is one, and writes a checkpoint if the last one is old.
    ///
    /// # Errors
    /// When the store fails; nothing is lost by it.
    pub async fn maintain(&self) -> Result<Maintained, LedgerError> {
        let mut done = Maintained::default();
        if let Some(inputs) = due(&self.snapshot()) {
            done.merged_files = self.merge(&inputs).await?;
        }
        let position = self.snapshot().position;
        let last = self.checkpointed.load(Ordering::Relaxed);
        if position >= last + CHECKPOINT_EVERY {
            self.table.checkpoint().await?;
            self.checkpointed.store(position, Ordering::Relaxed);
            done.checkpointed = true;
        }
        Ok(done)
    }

    async fn merge(&self, inputs: &[Arc<DataFile>]) -> Result<usize, LedgerError> {
        let store = &self.table.place.store;
        let mut outputs = Vec::new();
        for kind in [OBSERVATION, SUBMISSION, VERDICT] {
            let mut batches = Vec::new();
            for file in inputs {
                batches.extend(read::rows(store, file, kind, &[]).await?);
            }
            if batches.is_empty() {
                continue;
            }
            let written = tokio::task::spawn_blocking(move || {
                let rows = sorted(kind, &batches)?;
                let stats = FileStats::of(std::slice::from_ref(&rows));
                encode(&[rows], Purpose::Keep)
                    .map(|bytes| (bytes, stats))
                    .map_err(LedgerError::from)
            });
            let (bytes, stats) = written.await??;
            let path = format!("{kind}-{:020}-{}.parquet", stats.max_values.position, unique());
            let file =
                DataFile::fresh(path, bytes.len(), self.clock.micros() / 1000, stats, Vec::new())
                    .cold();
            self.metrics.file_bytes.inc_by(bytes.len() as u64);
            self.table.put_file(&file.path, bytes).await?;
            outputs.push(file);
        }
        self.replace(inputs, outputs).await
    }

    /// Puts the outputs in the place of the inputs; gives the number of inputs, or 0 if one of them was gone.
    async fn replace(
        &self,
        inputs: &[Arc<DataFile>],
        outputs: Vec<DataFile>,
    ) -> Result<usize, LedgerError> {
        let mut writer = self.writer.lock().await;
        self.settle(&mut writer).await?;
        loop {
            let snapshot = self.snapshot();
            let live =
                |input: &Arc<DataFile>| snapshot.files.iter().any(|file| file.path == input.path);
            if !inputs.iter().all(live) {
                return Ok(0);
            }
            let provenance =
                Provenance { commit: unique(), stamp: writer.stamp, submissions: Vec::new() };
            let removes = inputs.iter().map(|file| file.to_live()).collect();
            let entry = Entry {
                provenance,
                adds: outputs.iter().map(DataFile::to_live).collect(),
                removes,
                ..Entry::default()
            };
            let position = snapshot.position + 1;
            let staged = self.table.stage(position, &entry).await?;
            let prepared = Prepared { position, entry, files: outputs.clone(), staged };
            if self.commit(&mut writer, prepared).await? {
                self.metrics.merged_files.inc_by(inputs.len() as u64);
                return Ok(inputs.len());
            }
        }
    }
}

/// The oldest set of like files that is worth a merge.
fn due(snapshot: &Snapshot) -> Option<Vec<Arc<DataFile>>> {
    let small = snapshot.files.iter().filter(|file| file.stats.num_records <= FULL_ROWS);
    let mut tiers = std::collections::BTreeMap::<_, Vec<Arc<DataFile>>>::new();
    for file in small {
        let kind = file.stats.single_kind().then(|| file.stats.min_values.kind.clone());
        let tier = file.stats.num_records.max(1).ilog(TIER_FACTOR);
        tiers.entry((kind, tier)).or_default().push(Arc::clone(file));
    }
    let full = tiers.into_values().find(|files| files.len() >= FAN_IN)?;
    let mut rows = 0;
    let fits = |file: &Arc<DataFile>| {
        rows += file.stats.num_records;
        rows <= MERGE_ROWS_MAX
    };
    Some(full.into_iter().take_while(fits).collect()).filter(|inputs: &Vec<_>| inputs.len() > 1)
}

/// One batch of all rows in the order that reads of their kind want.
fn sorted(kind: &str, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let rows = concat_batches(&ledger_schema(), batches)?;
    let order: &[&str] = match kind {
        OBSERVATION => {
            &["indicator", "period_end", "period_start", "unit", "stage", "feed", "recorded_at"]
        }
        SUBMISSION => &["recorded_at"],
        _ => &["recorded_at", "row"],
    };
    let mut columns: Vec<_> = order
        .iter()
        .map(|name| SortColumn { values: Arc::clone(&rows[*name]), options: None })
        .collect();
    // The sort is not stable by itself, and several verdicts on one row stay in the order that they were given.
    let arrival =
        Int64Array::from_iter_values(0..i64::try_from(rows.num_rows()).unwrap_or(i64::MAX));
    columns.push(SortColumn { values: Arc::new(arrival), options: None });
    let indices = lexsort_to_indices(&columns, None)?;
    take_record_batch(&rows, &indices)
}
