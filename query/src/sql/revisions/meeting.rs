//! Streams in the order of cells and stamps, read side by side as one.
//!
//! Each stream has a head, a batch of keys. The stream with the smallest row goes on up to the smallest cell of the others:
//! that is one stretch. Where two streams have the same cell, a stretch is one row.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::cell::{Cells, Key};

/// Batches that a stream makes ahead, while the one before is used.
const BATCHES_AHEAD: usize = 1;

/// What a stream is made of: at least one row, in the order of keys and stamps.
pub(super) trait Batch: Send + 'static {
    fn keys(&self) -> &[Key];
    fn stamps(&self) -> &[i64];
    fn bytes(&self) -> usize;
}

/// Rows of one stream that come next.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) stream: usize,
    pub(super) rows: Range<usize>,
    /// Whether the row after these, of another stream, is of the same cell.
    pub(super) meets: bool,
    /// Whether the batch is used up: then it is to be taken.
    pub(super) is_end: bool,
}

/// Streams that are read side by side.
pub(super) struct Meeting<B> {
    cells: Arc<Cells>,
    heads: Vec<Head<B>>,
    /// Streams with a head, by their next row, the first last.
    order: Vec<usize>,
    /// Streams whose head was taken.
    empty: Vec<usize>,
    /// Bytes of the heads.
    reservation: MemoryReservation,
    /// Reads the streams; dropping it stops them.
    readers: JoinSet<()>,
}

/// What is at hand of one stream.
struct Head<B> {
    input: mpsc::Receiver<Result<B>>,
    batch: Option<B>,
    bytes: usize,
    next: usize,
}

impl<B: Batch> Meeting<B> {
    /// Starts to read.
    pub(super) fn start(
        inputs: Vec<BoxStream<'static, Result<B>>>,
        cells: Arc<Cells>,
        reservation: MemoryReservation,
    ) -> Self {
        let mut readers = JoinSet::new();
        let mut heads = Vec::with_capacity(inputs.len());
        for mut reader in inputs {
            let (sender, input) = mpsc::channel(BATCHES_AHEAD);
            readers.spawn(async move {
                while let Some(next) = reader.next().await {
                    let is_last = next.is_err();
                    if sender.send(next).await.is_err() || is_last {
                        break;
                    }
                }
            });
            heads.push(Head { input, batch: None, bytes: 0, next: 0 });
        }
        let empty = (0..heads.len()).collect();
        Self { cells, heads, order: Vec::new(), empty, reservation, readers }
    }

    /// How many streams there are.
    pub(super) fn streams(&self) -> usize {
        self.heads.len()
    }

    /// The next stretch; none at the end. A batch that is used up must have been taken.
    ///
    /// # Errors
    /// When a stream fails, or there is no memory for the heads.
    pub(super) async fn next(&mut self) -> Result<Option<Stretch>> {
        while let Some(stream) = self.empty.pop() {
            let head = &mut self.heads[stream];
            let Some(batch) = head.input.recv().await.transpose()? else { continue };
            let bytes = batch.bytes();
            self.reservation.try_grow(bytes)?;
            (head.batch, head.bytes, head.next) = (Some(batch), bytes, 0);
            self.place(stream);
        }
        match self.advance() {
            Some(stretch) => Ok(Some(stretch)),
            None => self.broken().await.map_or(Ok(None), Err),
        }
    }

    /// The batch of a stretch.
    pub(super) fn batch(&self, stretch: &Stretch) -> Option<&B> {
        self.heads[stretch.stream].batch.as_ref()
    }

    /// The batch that a stretch has used up.
    pub(super) fn take(&mut self, stretch: &Stretch) -> Option<B> {
        let head = &mut self.heads[stretch.stream];
        let batch = head.batch.take()?;
        self.reservation.shrink(std::mem::take(&mut head.bytes));
        self.empty.push(stretch.stream);
        Some(batch)
    }

    fn advance(&mut self) -> Option<Stretch> {
        let stream = self.order.pop()?;
        let other = self.order.last().map(|other| self.key(*other));
        let (from, meets) = (self.heads[stream].next, other == Some(self.key(stream)));
        let to = match other {
            None => self.rows(stream),
            Some(_) if meets => from + 1,
            Some(other) => self.own(stream, other),
        };
        self.heads[stream].next = to;
        let is_end = to == self.rows(stream);
        if !is_end {
            self.place(stream);
        }
        Some(Stretch { stream, rows: from..to, meets, is_end })
    }

    /// The first row of a head that is not before a cell: looks in strides that double, then between the last two.
    fn own(&self, stream: usize, cell: Key) -> usize {
        let Head { batch, next, .. } = &self.heads[stream];
        let keys = batch.as_ref().map_or(&[][..], |batch| &batch.keys()[*next..]);
        let is_before = |key: &Key| self.cells.compare(*key, cell).is_lt();
        let mut stride = 1;
        while stride < keys.len() && is_before(&keys[stride]) {
            stride *= 2;
        }
        let (from, to) = (stride / 2, stride.min(keys.len()));
        next + from + keys[from..to].partition_point(is_before)
    }

    fn place(&mut self, stream: usize) {
        let after = |other: &usize| self.compare(*other, stream).is_gt();
        let place = self.order.partition_point(after);
        self.order.insert(place, stream);
    }

    fn compare(&self, left: usize, right: usize) -> Ordering {
        let cells = self.cells.compare(self.key(left), self.key(right));
        cells.then_with(|| self.stamp(left).cmp(&self.stamp(right)))
    }

    fn rows(&self, stream: usize) -> usize {
        self.heads[stream].batch.as_ref().map_or(0, |batch| batch.keys().len())
    }

    /// The next cell of a stream that has a head.
    fn key(&self, stream: usize) -> Key {
        let Head { batch, next, .. } = &self.heads[stream];
        batch.as_ref().map_or(Key::MAX, |batch| batch.keys()[*next])
    }

    fn stamp(&self, stream: usize) -> i64 {
        let Head { batch, next, .. } = &self.heads[stream];
        batch.as_ref().map_or(i64::MAX, |batch| batch.stamps()[*next])
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
