//! Small files become larger sorted ones of one kind, beside ingest at full speed and in fixed memory.
//!
//! ```text
//! fresh files ── sort, in memory ──> sorted files of one kind ── merge, as streams ──> larger ones ──> full ones
//! ```
//!
//! Fresh files go first: a merge of sorted files is done in steps, and between two steps the fresh files that have piled
//! up meanwhile are sorted. Sorted files are merged within tiers of like size, so a row is written again at most once a
//! tier. All of it runs on one blocking thread at a time.
//!
//! Invariants:
//! - *merge*: a merge commits at N only if every input is still live at N - 1, checked under the turn to commit; an entry of
//!   another hub that gets in between is taken in and the check made again.
//! - *few files*: when nothing is due, fewer than [`FRESH_FILES_MAX`] fresh files with fewer than [`FRESH_ROWS`] rows are
//!   live, and of each kind fewer than [`FAN_IN`] sorted files in each of the [`TIERS`], beside the full ones.
//!   Beyond [`PACE_FILES`] fresh files appends are held back, so that ingest cannot outrun merging for long.
//! - *ingest first*: while rows pour in sorted files wait, up to [`FAN_IN_BUSY`] of a tier: only fresh files are sorted then.
//! - *fixed memory*: a sort holds 96 MiB of rows and 16 bytes for the place of each, a merge a quarter of a MiB of rows and
//!   2 MiB of encoded bytes of each input, an output the numbers of 131,072 rows and a part of 8 MiB: together below
//!   200 MiB, whatever the files' sizes.
//!
//! # Decisions
//! - Rows go from file to file as numbers (`rows`), with the columns of their kind alone, and what is known of them is not
//!   found out again by the Parquet writer (`chunk`).
//! - Fresh files pile up until they make a large run, unless they are so small that sorting them early costs little. So at
//!   full speed a row is written again once in its run and once in a full file.

mod chunk;
mod group;
mod order;
mod output;
mod rows;
mod sort;
mod source;
mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use tokio::runtime::Handle;
use tracing::{debug, info};

use super::append::Prepared;
use super::care::Maintained;
use super::schema::{KINDS, SUBMISSION};
use super::snapshot::{DataFile, Snapshot};
use super::{Ledger, LedgerError};
use crate::delta::{DeltaError, Entry, Provenance, unique};
use order::Layout;
use rows::{Rows, Texts};
use source::Source;
use streams::Streams;

pub use order::sort_order;

/// Fresh files that are worth a sort while they have few rows; few in tests, which try every call of one.
pub(super) const FRESH_FILES: usize = if cfg!(test) { 8 } else { 32 };
/// Rows that are few.
const FEW_ROWS: u64 = 65_536;
/// Fresh files that are worth a sort, whatever their rows.
const FRESH_FILES_MAX: usize = 128;
/// Rows of fresh files that are worth a sort, however few the files.
const FRESH_ROWS: u64 = 524_288;
/// Rows of fresh files above which the rest waits for the next sort.
const SORT_ROWS_MAX: u64 = 1_048_576;
/// Fresh files above which appends are held back.
const PACE_FILES: usize = 512;
/// How long one append is held back at most, when twice as many wait.
const PACE_MAX: Duration = Duration::from_millis(50);
/// Sorted files of one tier that make a merge; few in tests, so that power cuts and chance come upon one.
pub(super) const FAN_IN: usize = if cfg!(test) { 4 } else { 16 };
/// The same while rows pour in: merging them then would take the processor from whoever acks.
const FAN_IN_BUSY: usize = 4 * FAN_IN;
/// Rows pour in while the newest of many fresh rows are younger than this, in milliseconds.
const BUSY_MS: i64 = 250;
/// Rows of the largest files of each tier of sorted files; what is larger is full.
const TIERS: [u64; 4] = [8_192, 65_536, 524_288, FULL_ROWS / 2];
/// Rows of a file that a merge writes, at most.
const FULL_ROWS: u64 = 4_194_304;

/// A merge of sorted files that is not done yet.
#[derive(Debug)]
pub(super) struct Merging {
    inputs: Vec<Arc<DataFile>>,
    streams: Streams,
}

impl Ledger {
    /// Holds an append back while merging is far behind: the longer the more files wait, and never for long, since merging
    /// may be failing. Groups grow meanwhile, so fewer files come.
    pub(super) async fn pace(&self) {
        let waiting = self.published.borrow().fresh_files();
        let behind = waiting.saturating_sub(PACE_FILES).min(PACE_FILES);
        if behind > 0 {
            let longest = PACE_MAX * u32::try_from(behind).unwrap_or(1) / (PACE_FILES as u32);
            self.merged_below(waiting, longest).await;
            self.metrics.paced.inc();
        }
    }

    /// Waits until fewer fresh files are live, for some time at most.
    async fn merged_below(&self, files: usize, longest: Duration) {
        let mut published = self.published.subscribe();
        let merged = published.wait_for(|snapshot| snapshot.fresh_files() < files);
        // Whichever comes first.
        let _ = tokio::time::timeout(longest, merged).await;
    }

    /// Does what is most urgent: sorts the fresh files if enough have piled up, else goes on with a merge.
    pub(super) async fn merge_some(
        &self,
        merging: &mut Option<Merging>,
        done: &mut Maintained,
    ) -> Result<(), LedgerError> {
        let snapshot = self.snapshot();
        let busy = is_busy(&snapshot, self.clock.micros() / 1000);
        let fan_in = if busy { FAN_IN_BUSY } else { FAN_IN };
        let outputs = if let Some(inputs) = fresh_due(&snapshot) {
            let outputs = self.sort(inputs.clone()).await?;
            Some((inputs, outputs))
        } else if let Some(merge) = merging.take() {
            if busy && sorted_due(&snapshot, fan_in).is_none() {
                (*merging, done.held) = (Some(merge), true);
                return Ok(());
            }
            if !are_live(&merge.inputs, &snapshot) {
                tokio::task::spawn_blocking(move || merge.streams.abandon()).await?;
                done.more = true;
                return Ok(());
            }
            self.step(merge, merging, done).await?
        } else if let Some((kind, inputs)) = sorted_due(&snapshot, fan_in) {
            let merge = self.begin(kind, inputs).await?;
            self.step(merge, merging, done).await?
        } else {
            done.held = sorted_due(&snapshot, FAN_IN).is_some();
            None
        };
        if let Some((inputs, outputs)) = outputs {
            self.replace(&inputs, outputs, done).await?;
            done.more = true;
        }
        Ok(())
    }

    async fn sort(&self, inputs: Vec<Arc<DataFile>>) -> Result<Vec<DataFile>, LedgerError> {
        let (store, runtime) = (self.object_store(), Handle::current());
        let modified_ms = self.clock.micros() / 1000;
        let sort = move || sort::sort(&store, &runtime, &inputs, modified_ms);
        tokio::task::spawn_blocking(sort).await?.map_err(|error| self.judged(error))
    }

    async fn begin(
        &self,
        kind: &'static str,
        inputs: Vec<Arc<DataFile>>,
    ) -> Result<Merging, LedgerError> {
        let (store, runtime) = (self.object_store(), Handle::current());
        let modified_ms = self.clock.micros() / 1000;
        debug!(kind, files = inputs.len(), "a merge begins");
        let begin = move || {
            Streams::begin(&store, &runtime, kind, &inputs, FULL_ROWS, modified_ms)
                .map(|streams| Merging { inputs, streams })
        };
        tokio::task::spawn_blocking(begin).await?
    }

    /// Merges some rows more; gives inputs and outputs if these were the last.
    async fn step(
        &self,
        merge: Merging,
        merging: &mut Option<Merging>,
        done: &mut Maintained,
    ) -> Result<Option<(Vec<Arc<DataFile>>, Vec<DataFile>)>, LedgerError> {
        let step = move || {
            let Merging { inputs, mut streams } = merge;
            match streams.step() {
                Ok(outputs) => Ok((inputs, streams, outputs)),
                Err(error) => {
                    streams.abandon();
                    Err(error)
                }
            }
        };
        let stepped = tokio::task::spawn_blocking(step).await?;
        let (inputs, streams, outputs) = stepped.map_err(|error| self.judged(error))?;
        self.metrics.merge_held(streams.held());
        if let Some(outputs) = outputs {
            return Ok(Some((inputs, outputs)));
        }
        *merging = Some(Merging { inputs, streams });
        done.more = true;
        Ok(None)
    }

    /// Whether the rows of a sorted file are in the order of their kind.
    pub(super) async fn is_in_order(&self, file: &Arc<DataFile>) -> Result<bool, LedgerError> {
        let (store, runtime, file) = (self.object_store(), Handle::current(), Arc::clone(file));
        let kind = KINDS.into_iter().find(|kind| *kind == file.stats.min_values.kind);
        let Some(kind) = kind else { return Ok(true) };
        let walk = move || -> Result<bool, LedgerError> {
            let layout = Layout::of(kind)?;
            let mut source = Source::open(&store, &runtime, &file, &layout)?;
            let mut last: Option<(Rows, Texts)> = None;
            while let Some(batch) = source.next()? {
                let mut texts = Texts::of(&layout);
                let mut rows = Rows::of(&layout);
                if let Some((mut before, known)) = last {
                    before.renumber(&known, &mut texts);
                    rows.extend(&before, before.len() - 1..before.len());
                }
                rows.push(&layout, &mut texts, &batch)?;
                let falls =
                    |row: &usize| rows.compare(*row, (&rows, row + 1), &layout, &texts).is_gt();
                if (0..rows.len().saturating_sub(1)).any(|row| falls(&row)) {
                    return Ok(false);
                }
                last = Some((rows, texts)).filter(|(rows, _)| rows.len() > 0);
            }
            Ok(true)
        };
        tokio::task::spawn_blocking(walk).await?
    }

    /// The same error, and nothing more is written if it was a sync that failed.
    fn judged(&self, error: LedgerError) -> LedgerError {
        match error {
            LedgerError::Delta(DeltaError::Store { object, source, .. }) => {
                self.table.store_failed(&Path::from(object), source).into()
            }
            error => error,
        }
    }

    /// Puts the outputs in the place of the inputs, unless one of these is gone.
    async fn replace(
        &self,
        inputs: &[Arc<DataFile>],
        outputs: Vec<DataFile>,
        done: &mut Maintained,
    ) -> Result<(), LedgerError> {
        for output in &outputs {
            if output.stats.may_hold(SUBMISSION) {
                self.filters.warm(&self.table.place.store, output).await?;
            }
        }
        let mut turn = self.turn.lock().await;
        self.settle(&mut turn).await?;
        loop {
            let snapshot = self.snapshot();
            if !are_live(inputs, &snapshot) {
                drop(turn);
                // Another hub merged them. Nobody names our files, and nobody ever will.
                for output in outputs {
                    self.table.discard_file(&output.path).await;
                }
                return Ok(());
            }
            let now_ms = self.clock.micros() / 1000;
            let stamp = self.writer.lock().await.stamp;
            let provenance = Provenance { commit: unique(), stamp, submissions: Vec::new() };
            let entry = Entry {
                provenance,
                adds: outputs.iter().map(DataFile::to_live).collect(),
                removes: inputs.iter().map(|file| file.removed(now_ms)).collect(),
                ..Entry::default()
            };
            let position = snapshot.position + 1;
            let staged = self.table.stage(position, &entry).await?;
            let prepared = Prepared { position, entry, files: outputs.clone(), staged };
            if self.commit(&mut turn, prepared).await? {
                let rows: u64 = outputs.iter().map(|file| file.stats.num_records).sum();
                info!(inputs = inputs.len(), outputs = outputs.len(), rows, "files merged");
                self.metrics.merged_files.inc_by(inputs.len() as u64);
                self.metrics.merged_rows.inc_by(rows);
                let bytes = outputs.iter().map(|file| file.size).sum();
                self.metrics.file_bytes.inc_by(bytes);
                drop(turn);
                self.filters.keep(&self.snapshot());
                done.merged_files += inputs.len();
                done.written_files += outputs.len();
                return Ok(());
            }
        }
    }
}

fn are_live(inputs: &[Arc<DataFile>], snapshot: &Snapshot) -> bool {
    let live: std::collections::HashSet<&str> =
        snapshot.files.iter().map(|file| file.path.as_str()).collect();
    inputs.iter().all(|input| live.contains(input.path.as_str()))
}

/// The fresh files, oldest first, if there are enough to be sorted.
fn fresh_due(snapshot: &Snapshot) -> Option<Vec<Arc<DataFile>>> {
    let mut fresh: Vec<_> = snapshot.files.iter().filter(|file| !file.is_sorted()).collect();
    fresh.sort_by_key(|file| file.stats.min_values.position);
    let rows: u64 = fresh.iter().map(|file| file.stats.num_records).sum();
    let files = if rows < FEW_ROWS { FRESH_FILES } else { FRESH_FILES_MAX };
    if fresh.len() < files && rows < FRESH_ROWS {
        return None;
    }
    let mut rows = 0;
    let fits = |file: &&&Arc<DataFile>| {
        let first = rows == 0;
        rows += file.stats.num_records;
        first || rows <= SORT_ROWS_MAX
    };
    Some(fresh.iter().take_while(fits).map(|file| Arc::clone(file)).collect())
}

/// Whether rows pour in.
fn is_busy(snapshot: &Snapshot, now_ms: i64) -> bool {
    let fresh = || snapshot.files.iter().filter(|file| !file.is_sorted());
    let newest_ms = fresh().map(|file| file.modified_ms).max();
    fresh().map(|file| file.stats.num_records).sum::<u64>() >= FEW_ROWS
        && newest_ms.is_some_and(|newest_ms| now_ms - newest_ms < BUSY_MS)
}

/// The oldest of the smallest sorted files of one kind and tier, if there are so many that some are to be merged.
fn sorted_due(snapshot: &Snapshot, fan_in: usize) -> Option<(&'static str, Vec<Arc<DataFile>>)> {
    let mut tiers = BTreeMap::<_, Vec<Arc<DataFile>>>::new();
    for file in snapshot.files.iter().filter(|file| file.is_sorted()) {
        let kind = KINDS.iter().find(|kind| **kind == file.stats.min_values.kind);
        let tier = TIERS.iter().position(|rows_max| file.stats.num_records < *rows_max);
        if let (Some(kind), Some(tier)) = (kind, tier) {
            tiers.entry((tier, *kind)).or_default().push(Arc::clone(file));
        }
    }
    let due = tiers.into_iter().find(|(_, files)| files.len() >= fan_in);
    due.map(|((_, kind), mut files)| {
        files.sort_by_key(|file| file.stats.min_values.position);
        files.truncate(FAN_IN);
        (kind, files)
    })
}

#[cfg(test)]
mod tests;
