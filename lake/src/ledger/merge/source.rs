//! The rows of one kind in one file, batch by batch, for a blocking thread.

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::error::ArrowError;
use futures::StreamExt;
use object_store::ObjectStore;
use parquet::arrow::async_reader::{ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder};
use tokio::runtime::Handle;

use crate::ledger::LedgerError;
use crate::ledger::read::kind_groups;
use crate::ledger::schema::{kind_of, ledger_schema};
use crate::ledger::snapshot::DataFile;
use crate::stored_file::StoredFile;

/// Bytes that a batch should have at most.
const BATCH_BYTES: u64 = 512 << 10;
/// What a row takes in memory beside its encoded bytes: offsets and nulls of the columns that its kind does not use.
const ROW_BYTES: u64 = 220;
const BATCH_ROWS_MIN: u64 = 64;
const BATCH_ROWS_MAX: u64 = 4_096;

/// Where the rows of a file come from.
pub(super) enum Source {
    /// From memory: slices of what is cached.
    Hot(Vec<RecordBatch>),
    /// From the store.
    Cold { runtime: Handle, stream: Box<ParquetRecordBatchStream<StoredFile>>, group_bytes: usize },
    /// From nowhere: the file has none of the kind.
    Empty,
}

impl Source {
    pub(super) fn open(
        store: &Arc<dyn ObjectStore>,
        runtime: &Handle,
        file: &DataFile,
        kind: &str,
    ) -> Result<Self, LedgerError> {
        if !file.stats.may_hold(kind) {
            return Ok(Self::Empty);
        }
        if let Some(hot) = &file.hot {
            let ours = hot.iter().filter(|batch| kind_of(batch) == Some(kind));
            let mut slices: Vec<_> = ours.flat_map(slices).collect();
            slices.reverse();
            return Ok(Self::Hot(slices));
        }
        let stored = StoredFile::new(store, &file.path, file.size);
        let builder = runtime.block_on(ParquetRecordBatchStreamBuilder::new(stored))?;
        let groups = kind_groups(builder.metadata(), kind);
        let of = |group: &usize| builder.metadata().row_group(*group);
        let bytes: i64 = groups.iter().map(|group| of(group).total_byte_size()).sum();
        let rows: i64 = groups.iter().map(|group| of(group).num_rows()).sum();
        let row_bytes = bytes.unsigned_abs() / rows.unsigned_abs().max(1) + ROW_BYTES;
        let batch_rows = (BATCH_BYTES / row_bytes).clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX);
        let batch_rows = usize::try_from(batch_rows).unwrap_or(1);
        let largest = groups.iter().map(|group| of(group).compressed_size()).max();
        let group_bytes = usize::try_from(largest.unwrap_or_default()).unwrap_or_default();
        let stream = builder.with_row_groups(groups).with_batch_size(batch_rows).build()?;
        Ok(Self::Cold { runtime: runtime.clone(), stream: Box::new(stream), group_bytes })
    }

    /// Encoded bytes that it holds in memory at most.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Cold { group_bytes, .. } => *group_bytes,
            Self::Hot(_) | Self::Empty => 0,
        }
    }

    /// The next rows, in the ledger's schema; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, LedgerError> {
        match self {
            Self::Empty => Ok(None),
            Self::Hot(slices) => Ok(slices.pop()),
            Self::Cold { runtime, stream, .. } => match runtime.block_on(stream.next()) {
                Some(batch) => Ok(Some(in_our_schema(&batch?)?)),
                None => Ok(None),
            },
        }
    }
}

/// Small views of a large batch.
fn slices(batch: &RecordBatch) -> Vec<RecordBatch> {
    let step = usize::try_from(BATCH_ROWS_MAX).unwrap_or(1);
    let starts = (0..batch.num_rows()).step_by(step);
    starts.map(|start| batch.slice(start, step.min(batch.num_rows() - start))).collect()
}

/// Rows of an earlier version, with nulls in the columns that it did not have.
fn in_our_schema(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = ledger_schema();
    let column = |field: &Arc<arrow::datatypes::Field>| match batch.column_by_name(field.name()) {
        Some(column) => Arc::clone(column),
        None => new_null_array(field.data_type(), batch.num_rows()),
    };
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(schema, columns)
}
