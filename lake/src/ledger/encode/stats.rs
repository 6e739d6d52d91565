//! The statistics that the log keeps of a file.

use std::collections::BTreeMap;

use arrow::array::{Array, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::{max, max_string, min, min_string};
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

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
