//! Sorted files merged as streams: of each input a batch is in memory, of the output a row group, whatever their sizes.
//!
//! A merge goes step by step, so that more urgent work can be done in between.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use object_store::ObjectStore;
use tokio::runtime::Handle;

use super::order::Layout;
use super::output::Output;
use super::rows::{Rows, Texts};
use super::source::Source;
use crate::ledger::LedgerError;
use crate::ledger::snapshot::DataFile;

/// Rows that one step writes, about.
const STEP_ROWS: u64 = 131_072;
/// Rows that are written at once.
const WRITE_ROWS: usize = 8_192;

/// Bytes of new texts that rows written at once may have.
const WRITE_BYTES: usize = 1 << 20;
/// Bytes of texts that may be known of rows that are written, beside half as many as the rows in memory have.
const TEXT_BYTES: usize = 1 << 20;

/// A merge under way. It lives on blocking threads.
pub(super) struct Streams {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
    layout: Layout,
    texts: Texts,
    newest: u64,
    modified_ms: i64,
    /// The inputs that have rows left.
    cursors: Vec<Cursor>,
    /// Indices of the cursors, the one with the smallest row first.
    order: VecDeque<usize>,
    /// Bytes of texts above which those are forgotten that no row has any more.
    texts_max: usize,
    /// Rows in order that are not written yet.
    block: Rows,
    rows_per_file: u64,
    output: Option<Output>,
    done: Vec<DataFile>,
    held: usize,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streams({} {})", self.cursors.len(), self.layout.kind)
    }
}

/// One input: a batch of it in memory, and the row that is next.
struct Cursor {
    source: Source,
    rows: Rows,
    at: usize,
}

impl Streams {
    /// Begins a merge of sorted files of one kind, into files of at most `rows_max` rows and of about the same size.
    pub(super) fn begin(
        store: &Arc<dyn ObjectStore>,
        runtime: &Handle,
        kind: &'static str,
        inputs: &[Arc<DataFile>],
        rows_max: u64,
        modified_ms: i64,
    ) -> Result<Self, LedgerError> {
        let rows: u64 = inputs.iter().map(|file| file.stats.num_records).sum();
        let newest = inputs.iter().map(|file| file.stats.max_values.position).max();
        let layout = Layout::of(kind)?;
        let mut texts = Texts::of(&layout);
        let mut cursors = Vec::with_capacity(inputs.len());
        for input in inputs {
            let source = Source::open(store, runtime, input, &layout)?;
            let mut cursor = Cursor { source, rows: Rows::of(&layout), at: 0 };
            if cursor.next(&layout, &mut texts)? {
                cursors.push(cursor);
            }
        }
        let mut streams = Self {
            store: Arc::clone(store),
            runtime: runtime.clone(),
            block: Rows::of(&layout),
            layout,
            texts_max: texts.bytes() * 3 / 2 + TEXT_BYTES,
            texts,
            newest: newest.unwrap_or_default(),
            modified_ms,
            cursors,
            order: VecDeque::with_capacity(inputs.len()),
            rows_per_file: rows.div_ceil(rows.div_ceil(rows_max).max(1)),
            output: None,
            done: Vec::new(),
            held: 0,
        };
        (0..streams.cursors.len()).for_each(|cursor| streams.queue(cursor));
        Ok(streams)
    }

    /// Merges some rows more: the files, if these were the last.
    pub(super) fn step(&mut self) -> Result<Option<Vec<DataFile>>, LedgerError> {
        let mut left = STEP_ROWS;
        while left > 0 {
            self.fill()?;
            if self.block.len() == 0 {
                self.close()?;
                return Ok(Some(std::mem::take(&mut self.done)));
            }
            left = left.saturating_sub(self.block.len() as u64);
            self.held = self.held.max(self.holds());
            self.write()?;
            // Whoever acks may have the processor.
            std::thread::yield_now();
        }
        Ok(None)
    }

    /// The most bytes that it has held in memory: batches, keys, encoded input and what of the output is not sent yet.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Gives the merge up.
    pub(super) fn abandon(mut self) {
        if let Some(output) = self.output.take() {
            output.abandon();
        }
    }

    fn write(&mut self) -> Result<(), LedgerError> {
        if self.output.is_none() {
            let (store, newest) = (&self.store, self.newest);
            self.output = Some(Output::begin(store, &self.runtime, &self.layout, newest)?);
        }
        if let Some(output) = &mut self.output {
            output.write(&self.block, &self.texts)?;
            self.block.clear();
            if output.rows() >= self.rows_per_file {
                self.close()?;
            }
        }
        self.renew()
    }

    /// Rows that still fit into the file that is being written.
    fn room(&self) -> usize {
        let written = self.output.as_ref().map_or(0, Output::rows);
        usize::try_from(self.rows_per_file.saturating_sub(written)).unwrap_or(usize::MAX)
    }

    /// Forgets the texts of rows that are written, once there are many.
    fn renew(&mut self) -> Result<(), LedgerError> {
        if self.texts.bytes() > self.texts_max {
            if let Some(output) = &mut self.output {
                output.flush(&self.texts)?;
            }
            let mut texts = Texts::of(&self.layout);
            for cursor in &mut self.cursors {
                cursor.rows.renumber(&self.texts, &mut texts);
            }
            self.texts_max = texts.bytes() * 3 / 2 + TEXT_BYTES;
            self.texts = texts;
        }
        Ok(())
    }

    fn holds(&self) -> usize {
        let held = |cursor: &Cursor| cursor.rows.bytes() + cursor.source.held();
        let inputs: usize = self.cursors.iter().map(held).sum();
        inputs
            + self.texts.bytes()
            + self.block.bytes()
            + self.output.as_ref().map_or(0, Output::held)
    }

    fn close(&mut self) -> Result<(), LedgerError> {
        if let Some(output) = self.output.take() {
            self.done.push(output.finish(&self.texts, self.modified_ms)?);
        }
        Ok(())
    }

    /// Puts the next rows in order into the block, until it is full or there are no more.
    fn fill(&mut self) -> Result<(), LedgerError> {
        let full = self.room().min(WRITE_ROWS);
        let texts_max = self.texts.bytes() + WRITE_BYTES;
        while self.block.len() < full && (self.block.len() == 0 || self.texts.bytes() < texts_max) {
            let Some(index) = self.order.pop_front() else { return Ok(()) };
            let end = self.stretch(index, full - self.block.len());
            let cursor = &mut self.cursors[index];
            self.block.extend(&cursor.rows, cursor.at..end);
            cursor.at = end;
            if end < cursor.rows.len() || cursor.next(&self.layout, &mut self.texts)? {
                self.queue(index);
            }
        }
        Ok(())
    }

    /// Where the rows of a cursor end that come before all rows of the others, within `most` of them. There is one at least.
    fn stretch(&self, index: usize, most: usize) -> usize {
        let Cursor { rows, at, .. } = &self.cursors[index];
        let limit = rows.len().min(at.saturating_add(most));
        let Some(next) = self.order.front() else { return limit };
        let other = (&self.cursors[*next].rows, self.cursors[*next].at);
        let is_first = |row: usize| {
            let ordering = rows.compare(row, other, &self.layout, &self.texts);
            ordering.then(index.cmp(next)).is_lt()
        };
        // Strides that double, then halves of the last of them.
        let (mut first, mut stride) = (at + 1, 1);
        while first + stride < limit && is_first(first + stride - 1) {
            first += stride;
            stride *= 2;
        }
        let mut end = limit.min(first + stride);
        while first < end {
            let middle = first + (end - first) / 2;
            if is_first(middle) { first = middle + 1 } else { end = middle }
        }
        first
    }

    /// Puts a cursor at its place in the order; of equal rows the one of the earlier input comes first.
    fn queue(&mut self, index: usize) {
        let Cursor { rows, at, .. } = &self.cursors[index];
        let place = self.order.partition_point(|other| {
            let one = &self.cursors[*other];
            let ordering = one.rows.compare(one.at, (rows, *at), &self.layout, &self.texts);
            ordering.then(other.cmp(&index)).is_lt()
        });
        self.order.insert(place, index);
    }
}

impl Cursor {
    /// Reads the next batch, if there is one.
    fn next(&mut self, layout: &Layout, texts: &mut Texts) -> Result<bool, LedgerError> {
        self.rows.clear();
        self.at = 0;
        while self.rows.len() == 0 {
            let Some(batch) = self.source.next()? else { return Ok(false) };
            self.rows.push(layout, texts, &batch)?;
        }
        Ok(true)
    }
}
