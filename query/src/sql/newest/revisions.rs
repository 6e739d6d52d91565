//! One stream in the order of cells, cut down to the last revision that it has of each.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp::neq;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use datafusion::common::{Result, internal_datafusion_err, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use dinh_lake::observation::Status;
use futures::StreamExt;

use super::super::cell::{CELL_ORDER, Cells, Key};
use super::{RECORDED_AT, STATUS};

/// The last revisions that a stream has of some cells, the cells strictly ascending.
#[derive(Debug)]
pub(super) struct Revisions {
    /// The columns that go on.
    pub(super) rows: RecordBatch,
    pub(super) keys: Vec<Key>,
    pub(super) stamps: ScalarBuffer<i64>,
    /// Which of them are not withdrawn.
    pub(super) standing: BooleanBuffer,
}

/// Where the columns of a stream are.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    cell: [usize; 6],
    recorded_at: usize,
    status: usize,
    /// The columns that go on, and their schema.
    output: Vec<usize>,
    schema: SchemaRef,
}

impl Columns {
    /// The columns by name; `output` go on under the names of `schema`.
    ///
    /// # Errors
    /// When one is not there.
    pub(super) fn find(from: &SchemaRef, output: &[String], schema: &SchemaRef) -> Result<Self> {
        let mut cell = [0; 6];
        for (place, name) in cell.iter_mut().zip(CELL_ORDER) {
            *place = from.index_of(name)?;
        }
        let output = output.iter().map(|name| from.index_of(name)).collect::<Result<_, _>>()?;
        Ok(Self {
            cell,
            recorded_at: from.index_of(RECORDED_AT)?,
            status: from.index_of(STATUS)?,
            output,
            schema: Arc::clone(schema),
        })
    }
}

/// Reads a stream. It holds one batch back, for the first row of the next tells whether its last row is the last revision.
pub(super) struct RevisionReader {
    input: SendableRecordBatchStream,
    cells: Arc<Cells>,
    columns: Columns,
    held: Option<Held>,
}

/// A batch with its keys.
struct Held {
    batch: RecordBatch,
    keys: Vec<Key>,
    stamps: ScalarBuffer<i64>,
}

impl RevisionReader {
    pub(super) fn new(
        input: SendableRecordBatchStream,
        cells: Arc<Cells>,
        columns: Columns,
    ) -> Self {
        Self { input, cells, columns, held: None }
    }

    /// The next revisions; none at the end.
    ///
    /// # Errors
    /// When the stream fails, or is not in order.
    pub(super) async fn next(&mut self) -> Result<Option<Revisions>> {
        loop {
            let Some(batch) = self.input.next().await.transpose()? else {
                let last = self.held.take();
                return last.map(|held| self.last_revisions(held, None)).transpose();
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let held = self.keyed(batch)?;
            let next = (held.keys[0], held.stamps[0]);
            if let Some(before) = self.held.replace(held) {
                let revisions = self.last_revisions(before, Some(next))?;
                if !revisions.keys.is_empty() {
                    return Ok(Some(revisions));
                }
            }
        }
    }

    fn keyed(&self, batch: RecordBatch) -> Result<Held> {
        let cell = self.columns.cell.map(|index| batch.column(index));
        let keys = self.cells.keys(&cell, batch.num_rows())?;
        let stamps = batch.column(self.columns.recorded_at);
        let Some(stamps) = stamps.as_primitive_opt::<TimestampMicrosecondType>() else {
            return internal_err!("`{RECORDED_AT}` is no time");
        };
        let stamps = stamps.values().clone();
        Ok(Held { batch, keys, stamps })
    }

    fn last_revisions(&self, held: Held, next: Option<(Key, i64)>) -> Result<Revisions> {
        let Held { batch, keys, stamps } = held;
        let rows = keys.len();
        let is_last = |row: usize| -> Result<bool> {
            let after = if row + 1 < rows { Some((keys[row + 1], stamps[row + 1])) } else { next };
            let Some((key, stamp)) = after else { return Ok(true) };
            match self.cells.compare(keys[row], key) {
                Ordering::Less => Ok(true),
                Ordering::Equal if stamps[row] <= stamp => Ok(false),
                Ordering::Equal | Ordering::Greater => Err(internal_datafusion_err!(
                    "a file of the ledger is not in the order of cells: run `dinh check`"
                )),
            }
        };
        let keep = (0..rows).map(is_last).collect::<Result<Vec<_>>>()?;
        let count = keep.iter().filter(|keep| **keep).count();
        let standing = standing(batch.column(self.columns.status))?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let output = self.columns.output.iter().map(|index| Arc::clone(batch.column(*index)));
        let schema = Arc::clone(&self.columns.schema);
        let batch = RecordBatch::try_new_with_options(schema, output.collect(), &options)?;
        if count == rows {
            return Ok(Revisions { rows: batch, keys, stamps, standing });
        }
        let kept = || (0..rows).filter(|row| keep[*row]);
        Ok(Revisions {
            rows: filter_record_batch(&batch, &BooleanArray::from(keep.clone()))?,
            keys: kept().map(|row| keys[row]).collect(),
            stamps: kept().map(|row| stamps[row]).collect(),
            standing: kept().map(|row| standing.value(row)).collect(),
        })
    }
}

/// Which rows are not withdrawn.
fn standing(status: &ArrayRef) -> Result<BooleanBuffer> {
    let withdrawn = StringArray::new_scalar(Status::Withdrawn.code());
    let standing = neq(status, &withdrawn)?;
    if standing.null_count() > 0 {
        return internal_err!("an observation of the ledger has no `{STATUS}`");
    }
    Ok(standing.values().clone())
}
