//! A sorted file on its way into the store, written part by part.
//!
//! Merged files are written for skipping and for little work: dictionaries, page statistics on the columns that readers
//! look for, row groups and pages small enough that a later merge holds one of each input in memory. A column that the kind
//! does not use is left out.
//!
//! # Decisions
//! - Columns of repeated values are written as [`chunk`](super::chunk) does, without compression; what does not repeat, such
//!   as the content of refused rows, goes through Parquet's writer and zstd. Two million rows that come in
//!   (`cargo bench -p dinh-lake --bench merging`, two shared cores under load), processor time of care for each row written
//!   and bytes a row; only in the first line were some of the rows written by a merge of sorted files:
//!
//!   | way | ns | bytes |
//!   |---|---|---|
//!   | all columns, through Arrow's interleave and Parquet's writer, dictionaries and zstd 1 | 2,170 | 2.9 |
//!   | columns of the kind, rows as numbers, Parquet's writer, dictionaries and zstd 1 | 1,180 | 2.6 |
//!   | the same, own dictionaries, nothing compressed | 800 | 5.9 |

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use tokio::runtime::Handle;

use crate::delta::{DeltaError, unique};
use crate::ledger::LedgerError;
use crate::ledger::encode::{Bounds, FileStats};
use crate::ledger::merge::group::Group;
use crate::ledger::merge::order::{Layout, sort_order};
use crate::ledger::merge::rows::{Column, Rows, Texts};
use crate::ledger::schema::SUBMISSION;
use crate::ledger::snapshot::{DataFile, sorted_prefix};
use crate::upload::Upload;

/// Rows of a row group.
const GROUP_ROWS: usize = 131_072;
/// Encoded bytes of a row group, whatever its rows: what a merge holds of each input.
const GROUP_BYTES: usize = 2 << 20;
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
    layout: Layout,
    page_rows: usize,
    writer: SerializedFileWriter<Upload>,
    factory: ArrowRowGroupWriterFactory,
    group: Group,
    stats: FileStats,
}

impl Output {
    /// Begins a file under a name of its own; `newest` is the position that it is named after.
    pub(super) fn begin(
        store: &Arc<dyn ObjectStore>,
        runtime: &Handle,
        layout: &Layout,
        newest: u64,
    ) -> Result<Self, LedgerError> {
        let (kind, schema) = (layout.kind, Arc::clone(&layout.schema));
        let path = Path::from(format!("{}{newest:020}-{}.parquet", sorted_prefix(kind), unique()));
        let upload =
            runtime.block_on(store.put_multipart(&path)).map_err(|error| failed(&path, error))?;
        let upload = Upload::new(runtime, upload);
        let page_rows = if kind == SUBMISSION { SUBMISSION_PAGE_ROWS } else { PAGE_ROWS };
        let writer = ArrowWriter::try_new(upload, schema, Some(properties(kind, page_rows)))?;
        let (writer, factory) = writer.into_serialized_writer()?;
        let (group, stats) = (Group::of(layout), no_rows(kind));
        let (runtime, layout) = (runtime.clone(), layout.clone());
        Ok(Self { path, runtime, layout, page_rows, writer, factory, group, stats })
    }

    pub(super) fn write(&mut self, rows: &Rows, texts: &Texts) -> Result<(), LedgerError> {
        self.group.push(rows, texts);
        count(&mut self.stats, &self.layout, rows);
        if self.group.len() >= GROUP_ROWS || self.group.bytes() >= GROUP_BYTES {
            self.flush(texts)?;
        }
        Ok(())
    }

    /// Writes what it holds; then the texts may be numbered anew.
    pub(super) fn flush(&mut self, texts: &Texts) -> Result<(), LedgerError> {
        let Self { writer, factory, layout, page_rows, .. } = self;
        Ok(self.group.write(writer, factory, layout, texts, *page_rows)?)
    }

    pub(super) fn rows(&self) -> u64 {
        self.stats.num_records
    }

    /// Bytes that it holds in memory.
    pub(super) fn held(&self) -> usize {
        self.group.held() + self.writer.inner().held()
    }

    /// Makes the file durable; nothing of it counts before an entry names it.
    pub(super) fn finish(
        mut self,
        texts: &Texts,
        modified_ms: i64,
    ) -> Result<DataFile, LedgerError> {
        self.flush(texts)?;
        let upload = self.writer.into_inner()?;
        let size = self.runtime.block_on(upload.complete());
        let size = size.map_err(|error| failed(&self.path, error))?;
        Ok(DataFile::fresh(self.path.to_string(), size, modified_ms, self.stats, Vec::new()).cold())
    }

    /// Gives the file up. What the store keeps of it all the same is an orphan, which vacuum removes.
    pub(super) fn abandon(mut self) {
        self.runtime.block_on(self.writer.inner_mut().abandon());
    }
}

/// The statistics of a file of one kind, before its first row.
fn no_rows(kind: &str) -> FileStats {
    let bounds = |position| Bounds { kind: kind.to_owned(), position, ..Bounds::default() };
    let counted = ["kind", "position", "period_start", "period_end"];
    FileStats {
        num_records: 0,
        min_values: bounds(u64::MAX),
        max_values: bounds(0),
        null_count: counted.map(|column| (column.to_owned(), 0)).into(),
    }
}

/// Counts more rows.
fn count(stats: &mut FileStats, layout: &Layout, rows: &Rows) {
    stats.num_records += rows.len() as u64;
    for (name, nulls) in &mut stats.null_count {
        let column = layout.place(name).map(|place| rows.column(place));
        let bounds = match column {
            Some(Column::Texts(_)) => continue,
            Some(Column::Numbers(numbers)) => numbers.bounds(rows.len()),
            None => None,
        };
        let Some((least, most, missing)) = bounds else {
            *nulls += rows.len() as u64;
            continue;
        };
        *nulls += missing as u64;
        let (low, high) = (&mut stats.min_values, &mut stats.max_values);
        match name.as_str() {
            "position" => {
                low.position = low.position.min(least.unsigned_abs());
                high.position = high.position.max(most.unsigned_abs());
            }
            "period_start" => {
                low.period_start = [low.period_start, day(least)].into_iter().flatten().min();
                high.period_start = high.period_start.max(day(most));
            }
            _ => {
                low.period_end = [low.period_end, day(least)].into_iter().flatten().min();
                high.period_end = high.period_end.max(day(most));
            }
        }
    }
}

fn day(days: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::days(days))
}

fn failed(path: &Path, source: object_store::Error) -> LedgerError {
    DeltaError::Store { table: "ledger".to_owned(), object: path.to_string(), source }.into()
}

fn properties(kind: &str, page_rows: usize) -> WriterProperties {
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
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
