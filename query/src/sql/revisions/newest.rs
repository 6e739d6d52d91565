//! The newest revision of each cell, unless it is withdrawn.

use std::sync::Arc;

use arrow::array::{BooleanBufferBuilder, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::MemoryReservation;
use futures::stream::{self, BoxStream, StreamExt};

use super::super::cell::{Cells, Key};
use super::keyed::{Keyed, filtered, plain};
use super::meeting::{Batch, Meeting};

impl Batch for Keyed {
    fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn stamps(&self) -> &[i64] {
        &self.stamps
    }

    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}

/// Cuts a stream down to the last revision that it has of each cell. It holds one batch back, for the first row of the next
/// tells whether its last row is the last revision.
struct RevisionReader {
    input: BoxStream<'static, Result<Keyed>>,
    held: Option<Keyed>,
}

impl RevisionReader {
    async fn next(&mut self) -> Result<Option<Keyed>> {
        loop {
            let Some(keyed) = self.input.next().await.transpose()? else {
                let last = self.held.take();
                return last.map(|held| last_revisions(held, None)).transpose();
            };
            let Some(next) = keyed.keys.first().copied() else { continue };
            if let Some(held) = self.held.replace(keyed) {
                let revisions = last_revisions(held, Some(next))?;
                if !revisions.keys.is_empty() {
                    return Ok(Some(revisions));
                }
            }
        }
    }
}

fn last_revisions(held: Keyed, next: Option<Key>) -> Result<Keyed> {
    let keys = &held.keys;
    let is_last = |row: usize| keys.get(row + 1).copied().or(next) != Some(keys[row]);
    let last = BooleanBuffer::collect_bool(keys.len(), is_last);
    held.keep(last)
}

fn revisions(input: BoxStream<'static, Result<Keyed>>) -> BoxStream<'static, Result<Keyed>> {
    stream::try_unfold(RevisionReader { input, held: None }, |mut reader| async {
        let next = reader.next().await;
        next.map(|next| next.map(|revisions| (revisions, reader)))
    })
    .boxed()
}

/// The newest revisions of all streams.
pub(super) struct Newest {
    meeting: Meeting<Keyed>,
    /// Of each head, the rows that another stream has a newer revision of.
    superseded: Vec<Vec<usize>>,
    schema: SchemaRef,
}

impl Newest {
    /// Starts to read streams of revisions; the rows that are left have the columns of `schema`.
    pub(super) fn start(
        inputs: Vec<BoxStream<'static, Result<Keyed>>>,
        schema: SchemaRef,
        cells: Arc<Cells>,
        reservation: MemoryReservation,
    ) -> Self {
        let inputs = inputs.into_iter().map(revisions).collect();
        let meeting = Meeting::start(inputs, cells, reservation);
        Self { superseded: vec![Vec::new(); meeting.streams()], meeting, schema }
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
                let rows = left(&revisions, &std::mem::take(superseded), &self.schema)?;
                if rows.num_rows() > 0 {
                    return Ok(Some(rows));
                }
            }
        }
        Ok(None)
    }
}

/// The rows without the superseded and the withdrawn ones.
fn left(revisions: &Keyed, superseded: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let standing = &revisions.standing;
    let mut keep = BooleanBufferBuilder::new(standing.len());
    keep.append_buffer(standing);
    for row in superseded {
        keep.set_bit(*row, false);
    }
    let keep = keep.finish();
    let rows = keep.count_set_bits();
    let columns = if rows == keep.len() {
        revisions.columns.clone()
    } else {
        filtered(&revisions.columns, keep)?
    };
    let columns = columns.iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| plain(column, field.data_type()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let columns = columns.collect::<Result<_>>()?;
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
