//! Where streams meet: which of their cells others have too, and which revision is the newest.
//!
//! Each stream has a head, a batch of last revisions with ascending cells. The stream with the smallest cell goes on up to
//! the smallest cell of the others: all these cells are its own. Where it meets another, the older revision is left out. A
//! head that is used up goes on as a batch.

use std::sync::Arc;

use arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::cell::{Cells, Key};
use super::revisions::{RevisionReader, Revisions};

/// Batches that a stream makes ahead, while the one before is used.
const BATCHES_AHEAD: usize = 1;

/// Streams that meet.
pub(super) struct Meeting {
    cells: Arc<Cells>,
    heads: Vec<Head>,
    /// Streams with a head, by their next cell, the smallest last.
    order: Vec<usize>,
    /// Streams whose head is used up.
    empty: Vec<usize>,
    /// Bytes of the heads.
    reservation: MemoryReservation,
    /// Reads the streams; dropping it stops them.
    readers: JoinSet<()>,
}

/// What is at hand of one stream.
struct Head {
    input: mpsc::Receiver<Result<Revisions>>,
    revisions: Option<Revisions>,
    bytes: usize,
    next: usize,
    /// Rows of the head that another stream has a newer revision of, ascending.
    superseded: Vec<usize>,
}

impl Meeting {
    /// Starts to read.
    pub(super) fn start(
        inputs: Vec<RevisionReader>,
        cells: Arc<Cells>,
        reservation: MemoryReservation,
    ) -> Self {
        let mut readers = JoinSet::new();
        let mut heads = Vec::with_capacity(inputs.len());
        for mut reader in inputs {
            let (sender, input) = mpsc::channel(BATCHES_AHEAD);
            readers.spawn(async move {
                while let Some(next) = reader.next().await.transpose() {
                    let is_last = next.is_err();
                    if sender.send(next).await.is_err() || is_last {
                        break;
                    }
                }
            });
            heads.push(Head { input, revisions: None, bytes: 0, next: 0, superseded: Vec::new() });
        }
        let empty = (0..heads.len()).collect();
        Self { cells, heads, order: Vec::new(), empty, reservation, readers }
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// When a stream fails, or there is no memory for the heads.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            while let Some(stream) = self.empty.pop() {
                self.fill(stream).await?;
            }
            let Some(used) = self.advance() else {
                return self.broken().await.map_or(Ok(None), Err);
            };
            self.empty.push(used);
            let rows = self.heads[used].used()?;
            if rows.num_rows() > 0 {
                return Ok(Some(rows));
            }
        }
    }

    async fn fill(&mut self, stream: usize) -> Result<()> {
        let head = &mut self.heads[stream];
        self.reservation.shrink(std::mem::take(&mut head.bytes));
        let Some(revisions) = head.input.recv().await.transpose()? else { return Ok(()) };
        let bytes = revisions.rows.get_array_memory_size() + size_of_val(&revisions.keys[..]);
        self.reservation.try_grow(bytes)?;
        head.bytes = bytes;
        head.next = 0;
        head.revisions = Some(revisions);
        self.place(stream);
        Ok(())
    }

    /// Goes on until a head is used up; none when there are no more.
    fn advance(&mut self) -> Option<usize> {
        loop {
            let stream = self.order.pop()?;
            let (key, next) = (self.key(stream), self.order.last().map(|other| self.key(*other)));
            let reached = match next {
                None => self.heads[stream].len(),
                Some(next) if next == key => {
                    self.meet(stream, key);
                    self.heads[stream].next + 1
                }
                Some(next) => self.own(stream, next),
            };
            self.heads[stream].next = reached;
            if reached == self.heads[stream].len() {
                return Some(stream);
            }
            self.place(stream);
        }
    }

    /// Leaves out all revisions of a cell but the newest, of a stream and those that come next.
    fn meet(&mut self, stream: usize, key: Key) {
        let mut newest = stream;
        let meets = self.order.iter().rev().take_while(|other| self.key(**other) == key);
        for other in meets.copied().collect::<Vec<_>>() {
            let (older, newer) = if self.heads[other].stamp() > self.heads[newest].stamp() {
                (newest, other)
            } else {
                (other, newest)
            };
            let older = &mut self.heads[older];
            older.superseded.push(older.next);
            newest = newer;
        }
    }

    /// The first row of a head that is not before a cell: looks in strides that double, then between the last two.
    fn own(&self, stream: usize, next: Key) -> usize {
        let head = &self.heads[stream];
        let keys =
            head.revisions.as_ref().map_or(&[][..], |revisions| &revisions.keys[head.next..]);
        let is_before = |key: &Key| self.cells.compare(*key, next).is_lt();
        let mut stride = 1;
        while stride < keys.len() && is_before(&keys[stride]) {
            stride *= 2;
        }
        let (from, to) = (stride / 2, stride.min(keys.len()));
        head.next + from + keys[from..to].partition_point(is_before)
    }

    fn place(&mut self, stream: usize) {
        let key = self.key(stream);
        let after = |other: &usize| self.cells.compare(self.key(*other), key).is_gt();
        let place = self.order.partition_point(after);
        self.order.insert(place, stream);
    }

    /// The next cell of a stream that has a head.
    fn key(&self, stream: usize) -> Key {
        let head = &self.heads[stream];
        head.revisions.as_ref().map_or(Key::MAX, |revisions| revisions.keys[head.next])
    }

    /// A reader that panicked looks like a stream that ended.
    async fn broken(&mut self) -> Option<DataFusionError> {
        while let Some(ended) = self.readers.join_next().await {
            if let Err(error) = ended {
                return Some(DataFusionError::ExecutionJoin(Box::new(error)));
            }
        }
        None
    }
}

impl Head {
    fn len(&self) -> usize {
        self.revisions.as_ref().map_or(0, |revisions| revisions.keys.len())
    }

    fn stamp(&self) -> i64 {
        self.revisions.as_ref().map_or(i64::MIN, |revisions| revisions.stamps[self.next])
    }

    /// The rows of a head that is used up, without the superseded and the withdrawn ones.
    fn used(&mut self) -> Result<RecordBatch> {
        let Some(Revisions { rows, standing, .. }) = self.revisions.take() else {
            return Err(DataFusionError::Internal("a head is used twice".to_owned()));
        };
        let superseded = std::mem::take(&mut self.superseded);
        let keep = without(&standing, &superseded);
        if keep.count_set_bits() == rows.num_rows() {
            return Ok(rows);
        }
        Ok(filter_record_batch(&rows, &BooleanArray::new(keep, None))?)
    }
}

/// Rows without some of them.
fn without(rows: &BooleanBuffer, left_out: &[usize]) -> BooleanBuffer {
    if left_out.is_empty() {
        return rows.clone();
    }
    let mut builder = BooleanBufferBuilder::new(rows.len());
    builder.append_buffer(rows);
    for row in left_out {
        builder.set_bit(*row, false);
    }
    builder.finish()
}
