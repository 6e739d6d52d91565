//! The rows of one kind in one file, batch by batch, for a blocking thread.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use futures::StreamExt;
use object_store::ObjectStore;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::{ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use tokio::runtime::Handle;

use super::order::Layout;
use crate::ledger::LedgerError;
use crate::ledger::read::kind_groups;
use crate::ledger::schema::kind_of;
use crate::ledger::snapshot::DataFile;
use crate::stored_file::StoredFile;

/// Bytes that a batch should have at most.
const BATCH_BYTES: u64 = 256 << 10;
/// What a row takes in memory beside its encoded bytes.
const ROW_BYTES: u64 = 100;
const BATCH_ROWS_MIN: u64 = 16;
const BATCH_ROWS_MAX: u64 = 8_192;

/// Where the rows of a file come from.
pub(super) enum Source {
    /// From memory: slices of what is cached, the first one last.
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
        layout: &Layout,
    ) -> Result<Self, LedgerError> {
        if !file.stats.may_hold(layout.kind) {
            return Ok(Self::Empty);
        }
        if let Some(hot) = &file.hot {
            let ours = hot.iter().filter(|batch| kind_of(batch) == Some(layout.kind));
            let mut slices: Vec<_> = ours.flat_map(slices).collect();
            slices.reverse();
            return Ok(Self::Hot(slices));
        }
        let stored = StoredFile::new(store, &file.path, file.size);
        let builder = runtime.block_on(builder(stored))?;
        let groups = kind_groups(builder.metadata(), layout.kind);
        let of = |group: &usize| builder.metadata().row_group(*group);
        let bytes: i64 = groups.iter().map(|group| of(group).total_byte_size()).sum();
        let rows: i64 = groups.iter().map(|group| of(group).num_rows()).sum();
        let row_bytes = bytes.unsigned_abs() / rows.unsigned_abs().max(1) + ROW_BYTES;
        let batch_rows = (BATCH_BYTES / row_bytes).clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX);
        let batch_rows = usize::try_from(batch_rows).unwrap_or(1);
        let largest = groups.iter().map(|group| of(group).compressed_size()).max();
        let group_bytes = usize::try_from(largest.unwrap_or_default()).unwrap_or_default();
        let used = layout.schema.fields().iter().map(|field| field.name().as_str());
        let mask = ProjectionMask::columns(builder.parquet_schema(), used);
        let builder = builder.with_row_groups(groups).with_projection(mask);
        let stream = builder.with_batch_size(batch_rows).build()?;
        Ok(Self::Cold { runtime: runtime.clone(), stream: Box::new(stream), group_bytes })
    }

    /// Encoded bytes that it holds in memory at most.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Cold { group_bytes, .. } => *group_bytes,
            Self::Hot(_) | Self::Empty => 0,
        }
    }

    /// The next rows, with the columns of their kind and maybe others; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, LedgerError> {
        match self {
            Self::Empty => Ok(None),
            Self::Hot(slices) => Ok(slices.pop()),
            Self::Cold { runtime, stream, .. } => {
                Ok(runtime.block_on(stream.next()).transpose()?)
            }
        }
    }
}

/// Small views of a large batch.
fn slices(batch: &RecordBatch) -> Vec<RecordBatch> {
    let step = usize::try_from(BATCH_ROWS_MAX).unwrap_or(1);
    let starts = (0..batch.num_rows()).step_by(step);
    starts.map(|start| batch.slice(start, step.min(batch.num_rows() - start))).collect()
}

/// A reader that gives texts as numbers into a dictionary where they are so in the file.
async fn builder(
    mut file: StoredFile,
) -> Result<ParquetRecordBatchStreamBuilder<StoredFile>, ParquetError> {
    let read = ArrowReaderMetadata::load_async(&mut file, ArrowReaderOptions::new()).await?;
    let has_dictionary = |column: usize| {
        let mut groups = read.metadata().row_groups().iter();
        groups.any(|group| group.column(column).dictionary_page_offset().is_some())
    };
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    // No column has columns of its own, so they are numbered alike in both schemas.
    let field = |(column, field): (usize, &Arc<Field>)| match field.data_type() {
        DataType::Utf8 if has_dictionary(column) => {
            field.as_ref().clone().with_data_type(dictionary.clone())
        }
        _ => field.as_ref().clone(),
    };
    let fields = read.schema().fields().iter().enumerate().map(field);
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(read.metadata()), options)?;
    Ok(ParquetRecordBatchStreamBuilder::new_with_metadata(file, metadata))
}
