//! The newest revision of each cell, unless it is withdrawn.

use std::sync::Arc;

use arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::stream::{self, BoxStream, StreamExt};

use super::super::cell::{Cells, Key};
use super::keyed::{Keyed, KeyedReader, standing};
use super::meeting::{Batch, Meeting};

/// The column that tells whether a revision stands.
pub(super) const STATUS: &str = "status";

/// The last revisions that a stream has of some cells.
pub(super) struct Revisions {
    /// The columns that go on.
    rows: RecordBatch,
    keys: Vec<Key>,
    stamps: ScalarBuffer<i64>,
    standing: BooleanBuffer,
}

impl Batch for Revisions {
    fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn stamps(&self) -> &[i64] {
        &self.stamps
    }

    fn bytes(&self) -> usize {
        self.rows.get_array_memory_size() + size_of_val(&self.keys[..])
    }
}

/// Cuts a stream down to the last revision that it has of each cell. It holds one batch back, for the first row of the next
/// tells whether its last row is the last revision.
pub(super) struct RevisionReader {
    input: KeyedReader,
    status: usize,
    output: Vec<usize>,
    schema: SchemaRef,
    held: Option<Keyed>,
}

impl RevisionReader {
    /// A reader of a stream; the columns `output` go on under the names of `schema`.
    ///
    /// # Errors
    /// When the stream has not the columns.
    pub(super) fn new(
        input: SendableRecordBatchStream,
        cells: Arc<Cells>,
        output: &[String],
        schema: SchemaRef,
    ) -> Result<Self> {
        let from = input.schema();
        let output = output.iter().map(|name| from.index_of(name)).collect::<Result<_, _>>()?;
        let status = from.index_of(STATUS)?;
        Ok(Self { input: KeyedReader::new(input, cells)?, status, output, schema, held: None })
    }

    /// The revisions as they come.
    pub(super) fn stream(self) -> BoxStream<'static, Result<Revisions>> {
        stream::try_unfold(self, |mut reader| async {
            let next = reader.next().await;
            next.map(|next| next.map(|revisions| (revisions, reader)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Revisions>> {
        loop {
            let Some(keyed) = self.input.next().await? else {
                let last = self.held.take();
                return last.map(|held| self.last_revisions(held, None)).transpose();
            };
            let next = keyed.keys[0];
            if let Some(held) = self.held.replace(keyed) {
                let revisions = self.last_revisions(held, Some(next))?;
                if !revisions.keys.is_empty() {
                    return Ok(Some(revisions));
                }
            }
        }
    }

    fn last_revisions(&self, held: Keyed, next: Option<Key>) -> Result<Revisions> {
        let Keyed { batch, keys, stamps } = held;
        let standing = standing(batch.column(self.status))?;
        let options = RecordBatchOptions::new().with_row_count(Some(keys.len()));
        let output = self.output.iter().map(|index| Arc::clone(batch.column(*index)));
        let schema = Arc::clone(&self.schema);
        let rows = RecordBatch::try_new_with_options(schema, output.collect(), &options)?;
        let after = keys[1..].iter().copied().map(Some).chain([next]);
        let last = keys.iter().zip(after).map(|(key, after)| after != Some(*key));
        let last: BooleanBuffer = last.collect();
        if last.count_set_bits() == keys.len() {
            return Ok(Revisions { rows, keys, stamps, standing });
        }
        Ok(Revisions {
            keys: last.set_indices().map(|row| keys[row]).collect(),
            stamps: last.set_indices().map(|row| stamps[row]).collect(),
            standing: last.set_indices().map(|row| standing.value(row)).collect(),
            rows: filter_record_batch(&rows, &BooleanArray::new(last, None))?,
        })
    }
}

/// The newest revisions of all streams.
pub(super) struct Newest {
    meeting: Meeting<Revisions>,
    /// Of each head, the rows that another stream has a newer revision of.
    superseded: Vec<Vec<usize>>,
}

impl Newest {
    pub(super) fn start(
        readers: Vec<RevisionReader>,
        cells: Arc<Cells>,
        reservation: MemoryReservation,
    ) -> Self {
        let inputs = readers.into_iter().map(RevisionReader::stream).collect();
        let meeting = Meeting::start(inputs, cells, reservation);
        Self { superseded: vec![Vec::new(); meeting.streams()], meeting }
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// When a stream fails, or there is no memory.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(stretch) = self.meeting.next().await? {
            let superseded = &mut self.superseded[stretch.stream];
            if stretch.meets {
                superseded.push(stretch.rows.start);
            }
            if stretch.is_end {
                let Some(revisions) = self.meeting.take(&stretch) else {
                    return internal_err!("a batch is used twice");
                };
                let rows = left(revisions, &std::mem::take(superseded))?;
                if rows.num_rows() > 0 {
                    return Ok(Some(rows));
                }
            }
        }
        Ok(None)
    }
}

/// The rows without the superseded and the withdrawn ones.
fn left(revisions: Revisions, superseded: &[usize]) -> Result<RecordBatch> {
    let Revisions { rows, standing, .. } = revisions;
    let mut keep = BooleanBufferBuilder::new(standing.len());
    keep.append_buffer(&standing);
    for row in superseded {
        keep.set_bit(*row, false);
    }
    let keep = BooleanArray::new(keep.finish(), None);
    if keep.true_count() == keep.len() { Ok(rows) } else { Ok(filter_record_batch(&rows, &keep)?) }
}
