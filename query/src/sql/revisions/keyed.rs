//! One stream of revisions in the order of cells, each row with its cell's key.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::kernels::cmp::neq;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use datafusion::common::{Result, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use dinh_lake::observation::Status;
use futures::StreamExt;

use super::super::cell::{CELL_ORDER, Cells, Key};

/// The column that tells which revision is newer.
pub(super) const RECORDED_AT: &str = "recorded_at";

/// A batch with the key and the stamp of each row; it has at least one.
pub(super) struct Keyed {
    pub(super) batch: RecordBatch,
    pub(super) keys: Vec<Key>,
    pub(super) stamps: ScalarBuffer<i64>,
}

/// Reads a stream, and makes sure of its order.
pub(super) struct KeyedReader {
    input: SendableRecordBatchStream,
    cells: Arc<Cells>,
    cell: [usize; 6],
    recorded_at: usize,
    last: Option<(Key, i64)>,
}

impl KeyedReader {
    /// A reader of a stream that has the columns of a key and [`RECORDED_AT`].
    ///
    /// # Errors
    /// When it has not.
    pub(super) fn new(input: SendableRecordBatchStream, cells: Arc<Cells>) -> Result<Self> {
        let (cell, recorded_at) = places(&input.schema())?;
        Ok(Self { input, cells, cell, recorded_at, last: None })
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// When the stream fails, or is not in order.
    pub(super) async fn next(&mut self) -> Result<Option<Keyed>> {
        let batch = loop {
            match self.input.next().await.transpose()? {
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => break batch,
                None => return Ok(None),
            }
        };
        let keys =
            self.cells.keys(&self.cell.map(|place| batch.column(place)), batch.num_rows())?;
        let stamps = batch.column(self.recorded_at);
        let Some(stamps) = stamps.as_primitive_opt::<TimestampMicrosecondType>() else {
            return internal_err!("`{RECORDED_AT}` is no time");
        };
        let stamps = stamps.values().clone();
        for (key, stamp) in keys.iter().zip(stamps.iter()) {
            let order =
                self.last.map(|last| self.cells.compare(last.0, *key).then(last.1.cmp(stamp)));
            if order.is_some_and(std::cmp::Ordering::is_gt) {
                return internal_err!(
                    "a file of the ledger is not in the order of cells: run `dinh check`"
                );
            }
            self.last = Some((*key, *stamp));
        }
        Ok(Some(Keyed { batch, keys, stamps }))
    }
}

fn places(schema: &SchemaRef) -> Result<([usize; 6], usize)> {
    let mut cell = [0; 6];
    for (place, name) in cell.iter_mut().zip(CELL_ORDER) {
        *place = schema.index_of(name)?;
    }
    Ok((cell, schema.index_of(RECORDED_AT)?))
}

/// Which rows are not withdrawn, by their status.
///
/// # Errors
/// When a row has none.
pub(super) fn standing(status: &ArrayRef) -> Result<BooleanBuffer> {
    let withdrawn = StringArray::new_scalar(Status::Withdrawn.code());
    let standing = neq(status, &withdrawn)?;
    if standing.null_count() > 0 {
        return internal_err!("an observation of the ledger has no status");
    }
    Ok(standing.values().clone())
}
