//! What a table holds: its newest checkpoint, and the entries after it. Nothing older is read, so opening takes as long after
//! a million entries as after a hundred.
//!
//! # Decisions
//! - A checkpoint is read by column, without the one of removed files, and its rows pass through Delta's own JSON, so that
//!   there is one way to read an action. Only checkpoints of one file are known, which is what Dinh and delta-rs write.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, is_not_null, or};
use arrow::json::LineDelimitedWriter;
use bytes::Bytes;
use deltalake_core::kernel::{Metadata, Protocol};
use deltalake_core::logstore::get_actions;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use serde::Deserialize;

use super::{DeltaError, Entry, LiveFile, Provenance, Removed, Table};
use crate::stored_file::StoredFile;

/// Entries that are asked for at once, beyond those that are known to be there.
const AHEAD: usize = 16;
/// The actions of a checkpoint that make a state.
const KEPT: [&str; 4] = ["add", "txn", "metaData", "protocol"];

/// A table at one version.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) version: u64,
    /// The version of the newest checkpoint, if there is one.
    pub(crate) checkpoint: Option<u64>,
    pub(crate) files: Vec<LiveFile>,
    /// How far each application has come.
    pub(crate) transactions: BTreeMap<String, u64>,
    /// What the entries since the checkpoint say of themselves.
    pub(crate) tail: Vec<(u64, Provenance)>,
    /// What they removed.
    pub(crate) removed: Vec<Removed>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) protocol: Option<Protocol>,
    /// What the newest entry says of itself.
    pub(crate) newest: Provenance,
}

impl Table {
    /// The table as it is now; none if there is none yet.
    pub(crate) async fn state(&self) -> Result<Option<State>, DeltaError> {
        let state = self.state_from(self.last_checkpoint().await).await?;
        let floor = self.floor().await?;
        match (state, floor) {
            // A hub that slept has hinted at a checkpoint whose next entries are deleted.
            (Some(state), Some(floor)) if state.version < floor => {
                self.state_from(self.newest_checkpoint().await?).await
            }
            (state, _) => Ok(state),
        }
    }

    async fn state_from(&self, checkpoint: Option<u64>) -> Result<Option<State>, DeltaError> {
        let mut state = State { checkpoint, ..State::default() };
        let mut files = HashMap::new();
        let mut next = 0;
        if let Some(version) = state.checkpoint {
            let kept = self.read_checkpoint(version).await?;
            state.take(&mut files, kept);
            state.version = version;
            next = version + 1;
        }
        let mut entries = stream::iter(next..).map(|version| self.read(version)).buffered(AHEAD);
        while let Some(entry) = entries.next().await {
            let Some(mut entry) = entry? else { break };
            state.newest = std::mem::take(&mut entry.provenance);
            state.tail.push((next, state.newest.clone()));
            state.take(&mut files, entry);
            state.version = next;
            next += 1;
        }
        if next == 0 {
            return Ok(None);
        }
        if state.tail.is_empty() {
            let newest = self.read(state.version).await?;
            state.newest = newest.map(|entry| entry.provenance).unwrap_or_default();
        }
        state.files = files.into_values().collect();
        Ok(Some(state))
    }

    /// The version of the newest checkpoint that is there.
    async fn newest_checkpoint(&self) -> Result<Option<u64>, DeltaError> {
        let log = Path::from("_delta_log");
        let mut listed = self.place.store.list(Some(&log));
        let mut newest = None;
        while let Some(object) = listed.next().await {
            let object = object.map_err(|source| self.store_failed(&log, source))?;
            let name = object.location.filename().unwrap_or_default();
            let version = name.strip_suffix(".checkpoint.parquet").and_then(|v| v.parse().ok());
            newest = newest.max(version);
        }
        Ok(newest)
    }

    /// The version that the checkpoint hint names; only a hint, so anything unreadable counts as none.
    pub(crate) async fn last_checkpoint(&self) -> Option<u64> {
        #[derive(Deserialize)]
        struct Hint {
            version: u64,
        }
        let got = self.place.store.get(&Path::from("_delta_log/_last_checkpoint")).await.ok()?;
        let bytes = got.bytes().await.ok()?;
        serde_json::from_slice::<Hint>(&bytes).ok().map(|hint| hint.version)
    }

    /// All that a checkpoint holds but what was removed.
    async fn read_checkpoint(&self, version: u64) -> Result<Entry, DeltaError> {
        let path = checkpoint_path(version);
        let size = self.place.store.head(&path).await;
        let size = size.map_err(|source| self.store_failed(&path, source))?.size;
        let wrong = |reason: String| self.unreadable(version, reason);
        let stored = StoredFile::new(&self.place.store, path.as_ref(), size);
        let rows = async {
            let builder = ParquetRecordBatchStreamBuilder::new(stored).await?;
            let mask = ProjectionMask::columns(builder.parquet_schema(), KEPT);
            builder.with_projection(mask).build()?.try_collect::<Vec<_>>().await
        };
        let rows = rows.await.map_err(|error| wrong(error.to_string()))?;
        let lines = json(&rows).map_err(|error| wrong(error.to_string()))?;
        let actions = get_actions(version, &lines).map_err(|error| wrong(error.to_string()))?;
        Entry::from_actions(actions).map_err(|error| wrong(error.to_string()))
    }
}

impl State {
    fn take(&mut self, files: &mut HashMap<String, LiveFile>, entry: Entry) {
        for gone in &entry.removes {
            files.remove(&gone.path);
        }
        self.removed.extend(entry.removes);
        files.extend(entry.adds.into_iter().map(|file| (file.path.clone(), file)));
        self.transactions.extend(entry.transactions);
        self.metadata = entry.metadata.or(self.metadata.take());
        self.protocol = entry.protocol.or(self.protocol.take());
    }
}

/// Where the checkpoint of a version is.
pub(super) fn checkpoint_path(version: u64) -> Path {
    Path::from(format!("_delta_log/{version:020}.checkpoint.parquet"))
}

/// The rows of a checkpoint as the lines of an entry.
fn json(rows: &[RecordBatch]) -> Result<Bytes, arrow::error::ArrowError> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    for batch in rows {
        let mut kept = BooleanArray::from(vec![false; batch.num_rows()]);
        for column in batch.columns() {
            kept = or(&kept, &is_not_null(column)?)?;
        }
        if kept.true_count() > 0 {
            writer.write(&filter_record_batch(batch, &kept)?)?;
        }
    }
    writer.finish()?;
    Ok(writer.into_inner().into())
}
