//! Ledger rows as Parquet, and the statistics that the log keeps of a file.
//!
//! Invariant *one kind per row group*: so a reader of one kind skips the others by the statistics of the column `kind`.
//!
//! A fresh group is written for speed: plain pages, and no compression where it is small.

use std::collections::BTreeMap;

use arrow::array::{Array, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::{max, max_string, min, min_string};
use bytes::Bytes;
use chrono::{NaiveDate, TimeDelta};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use super::schema::ledger_schema;

/// The columns with statistics in every file.
const ALWAYS_INDEXED: [&str; 5] = ["kind", "position", "indicator", "period_start", "period_end"];
/// Above this many rows compressed plain pages are smaller and quicker to sync than bare ones.
const ACK_COMPRESS_ROWS: usize = 32_768;

/// Writes batches, each of one kind, as one fresh file.
pub(crate) fn encode(batches: &[RecordBatch]) -> Result<Bytes, ParquetError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut writer = ArrowWriter::try_new(Vec::new(), ledger_schema(), Some(properties(rows)))?;
    for batch in batches {
        writer.write(batch)?;
        writer.flush()?;
    }
    writer.into_inner().map(Bytes::from)
}

fn properties(rows: usize) -> WriterProperties {
    let compression = if rows > ACK_COMPRESS_ROWS {
        Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default())
    } else {
        Compression::UNCOMPRESSED
    };
    let bare = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_compression(compression);
    let indexed = ALWAYS_INDEXED.iter().fold(bare, |builder, column| {
        builder.set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::Chunk)
    });
    indexed.build()
}

/// The statistics of a file, as Delta keeps them: counts, and bounds of the indexed columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStats {
    /// Rows of all kinds.
    pub num_records: u64,
    /// The smallest value of each indexed column.
    pub min_values: Bounds,
    /// The largest value of each indexed column.
    pub max_values: Bounds,
    /// Nulls of each indexed column.
    pub null_count: BTreeMap<String, u64>,
}

/// One end of the range of each indexed column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Of `kind`.
    pub kind: String,
    /// Of `position`.
    pub position: u64,
    /// Of `period_start`; none where no row has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_start: Option<NaiveDate>,
    /// Of `period_end`; none where no row has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_end: Option<NaiveDate>,
}

impl FileStats {
    /// The statistics of the batches of one file.
    pub(crate) fn of(batches: &[RecordBatch]) -> Self {
        let mut stats = Self {
            num_records: batches.iter().map(|batch| batch.num_rows() as u64).sum(),
            min_values: Bounds::default(),
            max_values: Bounds::default(),
            null_count: BTreeMap::new(),
        };
        for column in ["kind", "position", "period_start", "period_end"] {
            let nulls = batches
                .iter()
                .filter_map(|b| b.column_by_name(column))
                .map(|c| c.null_count() as u64)
                .sum();
            stats.null_count.insert(column.to_owned(), nulls);
        }
        let kinds = || batches.iter().filter_map(|b| typed::<StringArray>(b, "kind"));
        stats.min_values.kind = kinds().filter_map(min_string).min().unwrap_or_default().to_owned();
        stats.max_values.kind = kinds().filter_map(max_string).max().unwrap_or_default().to_owned();
        let positions = || batches.iter().filter_map(|b| typed::<Int64Array>(b, "position"));
        stats.min_values.position =
            positions().filter_map(min).min().unwrap_or_default().unsigned_abs();
        stats.max_values.position =
            positions().filter_map(max).max().unwrap_or_default().unsigned_abs();
        let days = |column| batches.iter().filter_map(move |b| typed::<Date32Array>(b, column));
        stats.min_values.period_start = days("period_start").filter_map(min).min().and_then(date);
        stats.max_values.period_start = days("period_start").filter_map(max).max().and_then(date);
        stats.min_values.period_end = days("period_end").filter_map(min).min().and_then(date);
        stats.max_values.period_end = days("period_end").filter_map(max).max().and_then(date);
        stats
    }

    /// Takes in the statistics of more rows of the same file.
    pub(crate) fn join(&mut self, more: Self) {
        self.num_records += more.num_records;
        for (column, nulls) in more.null_count {
            *self.null_count.entry(column).or_default() += nulls;
        }
        let (low, high) = (&mut self.min_values, &mut self.max_values);
        let Bounds { kind, position, period_start, period_end } = more.min_values;
        low.kind = std::mem::take(&mut low.kind).min(kind);
        low.position = low.position.min(position);
        low.period_start = [low.period_start, period_start].into_iter().flatten().min();
        low.period_end = [low.period_end, period_end].into_iter().flatten().min();
        let Bounds { kind, position, period_start, period_end } = more.max_values;
        high.kind = std::mem::take(&mut high.kind).max(kind);
        high.position = high.position.max(position);
        high.period_start = high.period_start.max(period_start);
        high.period_end = high.period_end.max(period_end);
    }

    /// Whether the file may hold rows of a kind.
    #[must_use]
    pub fn may_hold(&self, kind: &str) -> bool {
        self.min_values.kind.as_str() <= kind && kind <= self.max_values.kind.as_str()
    }

    /// Whether all its rows are of one kind.
    #[must_use]
    pub fn single_kind(&self) -> bool {
        self.min_values.kind == self.max_values.kind
    }
}

fn typed<'a, A: Array + 'static>(batch: &'a RecordBatch, column: &str) -> Option<&'a A> {
    batch.column_by_name(column)?.as_any().downcast_ref::<A>()
}

fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(days)))
}
