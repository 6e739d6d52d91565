//! Sorted files merged as streams: of each input a batch is in memory, of the output a row group, whatever their sizes.
//!
//! A merge goes step by step, so that more urgent work can be done in between.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::row::Rows;
use object_store::ObjectStore;
use tokio::runtime::Handle;

use super::order::Keys;
use super::output::Output;
use super::source::Source;
use crate::ledger::LedgerError;
use crate::ledger::snapshot::DataFile;

/// Rows that one step writes, about.
const STEP_ROWS: u64 = 131_072;

/// A merge under way. It lives on blocking threads.
pub(super) struct Streams {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
    kind: &'static str,
    newest: u64,
    modified_ms: i64,
    keys: Keys,
    /// The inputs that have rows left.
    cursors: Vec<Cursor>,
    /// Indices of the cursors, the one with the smallest row first.
    order: VecDeque<usize>,
    rows_per_file: u64,
    output: Option<Output>,
    done: Vec<DataFile>,
    held: usize,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streams({} {})", self.cursors.len(), self.kind)
    }
}

/// One input: a batch of it in memory, and the row that is next.
struct Cursor {
    source: Source,
    batch: RecordBatch,
    keys: Rows,
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
        let keys = Keys::new(kind)?;
        let mut cursors = Vec::with_capacity(inputs.len());
        for input in inputs {
            let mut source = Source::open(store, runtime, input, kind)?;
            if let Some(batch) = source.next()? {
                cursors.push(Cursor { source, keys: keys.of(&batch)?, batch, at: 0 });
            }
        }
        let mut streams = Self {
            store: Arc::clone(store),
            runtime: runtime.clone(),
            kind,
            newest: newest.unwrap_or_default(),
            modified_ms,
            keys,
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
            let Some(rows) = self.batch()? else {
                self.close()?;
                return Ok(Some(std::mem::take(&mut self.done)));
            };
            left = left.saturating_sub(rows.num_rows() as u64);
            self.write(&rows)?;
            self.held = self.held.max(self.holds());
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

    fn write(&mut self, rows: &RecordBatch) -> Result<(), LedgerError> {
        let room = self
            .output
            .as_ref()
            .map_or(self.rows_per_file, |output| self.rows_per_file.saturating_sub(output.rows()));
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(rows.num_rows());
        if self.output.is_none() {
            let output = Output::begin(&self.store, &self.runtime, self.kind, self.newest)?;
            self.output = Some(output);
        }
        if let Some(output) = &mut self.output {
            output.write(&rows.slice(0, room))?;
            if output.rows() >= self.rows_per_file {
                self.close()?;
            }
        }
        if room < rows.num_rows() {
            return self.write(&rows.slice(room, rows.num_rows() - room));
        }
        Ok(())
    }

    fn holds(&self) -> usize {
        let held = |cursor: &Cursor| {
            cursor.batch.get_array_memory_size() + cursor.keys.size() + cursor.source.held()
        };
        let inputs: usize = self.cursors.iter().map(held).sum();
        inputs + self.output.as_ref().map_or(0, Output::held)
    }

    fn close(&mut self) -> Result<(), LedgerError> {
        if let Some(output) = self.output.take() {
            self.done.push(output.finish(self.modified_ms)?);
        }
        Ok(())
    }

    /// The next rows in order, up to the end of the batch of one input.
    fn batch(&mut self) -> Result<Option<RecordBatch>, LedgerError> {
        let mut indices = Vec::new();
        let ended = loop {
            let Some(cursor) = self.order.pop_front() else { return Ok(None) };
            let Cursor { at, keys, .. } = &mut self.cursors[cursor];
            indices.push((cursor, *at));
            *at += 1;
            if *at == keys.num_rows() {
                break cursor;
            }
            self.queue(cursor);
        };
        let batches: Vec<&RecordBatch> = self.cursors.iter().map(|cursor| &cursor.batch).collect();
        let rows = interleave_record_batch(&batches, &indices)?;
        if let Some(batch) = self.cursors[ended].source.next()? {
            let keys = self.keys.of(&batch)?;
            let cursor = &mut self.cursors[ended];
            (cursor.batch, cursor.keys, cursor.at) = (batch, keys, 0);
            self.queue(ended);
        }
        Ok(Some(rows))
    }

    /// Puts a cursor at its place in the order; of equal rows the one of the earlier input comes first.
    fn queue(&mut self, cursor: usize) {
        let key = |index: usize| {
            let cursor = &self.cursors[index];
            (cursor.keys.row(cursor.at), index)
        };
        let own = key(cursor);
        // Most rows are followed by one of the same input.
        let first = self.order.front().is_none_or(|first| own < key(*first));
        let place = if first { 0 } else { self.order.partition_point(|other| key(*other) < own) };
        self.order.insert(place, cursor);
    }
}
