//! A sorted file on its way into the store, written part by part.
//!
//! Merged files are written for size and for skipping: dictionaries, zstd, page statistics on the columns that readers
//! look for, row groups and pages small enough that a later merge holds one of each input in memory.

use std::sync::Arc;

use arrow::array::RecordBatch;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use tokio::runtime::Handle;

use crate::delta::{DeltaError, unique};
use crate::ledger::LedgerError;
use crate::ledger::encode::FileStats;
use crate::ledger::merge::order::sort_order;
use crate::ledger::schema::{SUBMISSION, ledger_schema};
use crate::ledger::snapshot::{DataFile, sorted_prefix};
use crate::upload::Upload;

/// Rows of a row group.
const GROUP_ROWS: usize = 131_072;
/// Encoded bytes of a row group, whatever its rows: what a merge holds of each input.
const GROUP_BYTES: usize = 2 << 20;
/// Bytes of rows that are handed to the Parquet writer at once.
const WRITE_BYTES: usize = 512 << 10;
/// Rows of a page.
const PAGE_ROWS: usize = 8_192;
/// Rows of a page of submissions: what finding one id reads.
const SUBMISSION_PAGE_ROWS: usize = 1_024;
/// How often a Bloom filter sends a new id to a page in vain.
const FALSE_POSITIVES: f64 = 0.001;
/// A sorted file of one kind that is being written. It lives on a blocking thread.
pub(super) struct Output {
    path: Path,
    runtime: Handle,
    writer: ArrowWriter<Upload>,
    stats: Option<FileStats>,
}

impl Output {
    /// Begins a file under a name of its own; `newest` is the position that it is named after.
    pub(super) fn begin(
        store: &Arc<dyn ObjectStore>,
        runtime: &Handle,
        kind: &str,
        newest: u64,
    ) -> Result<Self, LedgerError> {
        let path = Path::from(format!("{}{newest:020}-{}.parquet", sorted_prefix(kind), unique()));
        let upload =
            runtime.block_on(store.put_multipart(&path)).map_err(|error| failed(&path, error))?;
        let upload = Upload::new(runtime, upload);
        let writer = ArrowWriter::try_new(upload, ledger_schema(), Some(properties(kind)))?;
        Ok(Self { path, runtime: runtime.clone(), writer, stats: None })
    }

    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<(), LedgerError> {
        // The writer minds the size of a row group between two writes only.
        let parts = rows.get_array_memory_size().div_ceil(WRITE_BYTES).max(1);
        let step = rows.num_rows().div_ceil(parts).max(1);
        for start in (0..rows.num_rows()).step_by(step) {
            self.writer.write(&rows.slice(start, step.min(rows.num_rows() - start)))?;
        }
        let stats = FileStats::of(std::slice::from_ref(rows));
        match &mut self.stats {
            Some(all) => all.join(stats),
            none => *none = Some(stats),
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> u64 {
        self.stats.as_ref().map_or(0, |stats| stats.num_records)
    }

    /// Bytes that it holds in memory.
    pub(super) fn held(&self) -> usize {
        self.writer.memory_size() + self.writer.inner().held()
    }

    /// Makes the file durable; nothing of it counts before an entry names it.
    pub(super) fn finish(self, modified_ms: i64) -> Result<DataFile, LedgerError> {
        let upload = self.writer.into_inner()?;
        let stats = self.stats.unwrap_or_else(|| FileStats::of(&[]));
        let size = self.runtime.block_on(upload.complete());
        let size = size.map_err(|error| failed(&self.path, error))?;
        Ok(DataFile::fresh(self.path.to_string(), size, modified_ms, stats, Vec::new()).cold())
    }

    /// Gives the file up. What the store keeps of it all the same is an orphan, which vacuum removes.
    pub(super) fn abandon(mut self) {
        self.runtime.block_on(self.writer.inner_mut().abandon());
    }
}

fn failed(path: &Path, source: object_store::Error) -> LedgerError {
    DeltaError::Store { table: "ledger".to_owned(), object: path.to_string(), source }.into()
}

fn properties(kind: &str) -> WriterProperties {
    let page_rows = if kind == SUBMISSION { SUBMISSION_PAGE_ROWS } else { PAGE_ROWS };
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .set_data_page_row_count_limit(page_rows)
        .set_write_batch_size(page_rows)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let sought = sort_order(kind).iter().chain(&["kind", "position", "recorded_at"]);
    let builder = sought.fold(builder, |builder, column| {
        builder.set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::Page)
    });
    if kind != SUBMISSION {
        return builder.build();
    }
    let id = ColumnPath::from("submission");
    builder
        .set_column_bloom_filter_fpp(id.clone(), FALSE_POSITIVES)
        .set_column_bloom_filter_max_ndv(id, GROUP_ROWS as u64)
        .build()
}
