//! Reading rows of one kind out of one file, from memory where it is hot and from the store where it is not.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use object_store::ObjectStore;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::{ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::schema::kind_of;
use super::snapshot::DataFile;
use crate::stored_file::StoredFile;
use crate::submission::{Severity, Verdict};

/// Rows that one batch of a cold read holds.
const BATCH_ROWS: usize = 65_536;

/// Reads the rows of one kind: some columns, or all where none are named.
pub(crate) async fn rows(
    store: &Arc<dyn ObjectStore>,
    file: &DataFile,
    kind: &str,
    columns: &[&str],
) -> Result<Vec<RecordBatch>, ParquetError> {
    if !file.stats.may_hold(kind) {
        return Ok(Vec::new());
    }
    if let Some(hot) = &file.hot {
        return Ok(hot.iter().filter(|batch| kind_of(batch) == Some(kind)).cloned().collect());
    }
    let stored = StoredFile::new(store, &file.path, file.size);
    let builder = ParquetRecordBatchStreamBuilder::new(stored).await?.with_batch_size(BATCH_ROWS);
    let groups = kind_groups(builder.metadata(), kind);
    let mask = if columns.is_empty() {
        ProjectionMask::all()
    } else {
        ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied())
    };
    builder.with_row_groups(groups).with_projection(mask).build()?.try_collect().await
}

/// Rows of one file, batch by batch.
pub(crate) enum Batches {
    /// Those that are cached.
    Hot(std::vec::IntoIter<RecordBatch>),
    /// Those of the store.
    Cold(Box<ParquetRecordBatchStream<StoredFile>>),
}

impl Batches {
    /// The next batch.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, ParquetError> {
        match self {
            Self::Hot(batches) => Ok(batches.next()),
            Self::Cold(batches) => batches.try_next().await,
        }
    }
}

/// Reads the rows of one kind batch by batch: all columns of cached rows, those that are named of others.
pub(crate) async fn batches(
    store: &Arc<dyn ObjectStore>,
    file: &DataFile,
    kind: &str,
    columns: &[&str],
) -> Result<Batches, ParquetError> {
    if !file.stats.may_hold(kind) {
        return Ok(Batches::Hot(Vec::new().into_iter()));
    }
    if let Some(hot) = &file.hot {
        let ours = hot.iter().filter(|batch| kind_of(batch) == Some(kind));
        return Ok(Batches::Hot(ours.cloned().collect::<Vec<_>>().into_iter()));
    }
    let stored = StoredFile::new(store, &file.path, file.size);
    let builder = ParquetRecordBatchStreamBuilder::new(stored).await?.with_batch_size(BATCH_ROWS);
    let groups = kind_groups(builder.metadata(), kind);
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let stream = builder.with_row_groups(groups).with_projection(mask).build()?;
    Ok(Batches::Cold(Box::new(stream)))
}

/// The row groups that may hold rows of a kind.
pub(crate) fn kind_groups(file: &ParquetMetaData, kind: &str) -> Vec<usize> {
    let groups = file.row_groups().iter().enumerate();
    let groups =
        groups.filter(|(_, group)| group_kind(group).is_none_or(|found| found == kind.as_bytes()));
    groups.map(|(index, _)| index).collect()
}

/// The kind of a row group's rows, by the statistics of its first column.
fn group_kind(group: &RowGroupMetaData) -> Option<&[u8]> {
    match group.column(0).statistics() {
        Some(Statistics::ByteArray(stats)) => {
            stats.min_opt().map(parquet::data_type::ByteArray::data)
        }
        _ => None,
    }
}

/// The verdicts on a submission among some verdict rows, in their order.
pub(crate) fn verdicts(rows: &[RecordBatch], feed: &str, submission: &str) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for batch in rows {
        let text = |name: &str| batch[name].as_string::<i32>();
        let numbers = batch["row"].as_primitive::<Int64Type>();
        let ours = |row: &usize| {
            text("submission").value(*row) == submission && text("feed").value(*row) == feed
        };
        verdicts.extend((0..batch.num_rows()).filter(ours).map(|row| {
            let cell = |name: &str| text(name).value(row).to_owned();
            Verdict {
                row: numbers.value(row).unsigned_abs(),
                severity: Severity::from_code(&cell("severity")).unwrap_or(Severity::Refused),
                field: cell("field"),
                rule: cell("rule"),
                message_vi: cell("message_vi"),
                message_en: cell("message_en"),
                suggestions: serde_json::from_str(&cell("suggestions")).unwrap_or_default(),
                content: cell("content"),
            }
        }));
    }
    verdicts
}
