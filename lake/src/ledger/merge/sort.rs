//! Fresh files, whose rows are in the order of their arrival, become sorted files: as many rows as fit are sorted in memory
//! and written as one run.

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
use crate::ledger::schema::KINDS;
use crate::ledger::snapshot::DataFile;

/// Bytes of rows that are sorted at once.
const RUN_BYTES: usize = 32 << 20;
/// Bytes of rows that are put in order at once.
const WRITE_BYTES: usize = 1 << 20;

/// Sorts the rows of some files into runs, each a file of one kind.
pub(super) fn sort(
    store: &Arc<dyn ObjectStore>,
    runtime: &Handle,
    inputs: &[Arc<DataFile>],
    modified_ms: i64,
) -> Result<Vec<DataFile>, LedgerError> {
    let newest = inputs.iter().map(|file| file.stats.max_values.position).max().unwrap_or_default();
    let mut outputs = Vec::new();
    for kind in KINDS {
        let keys = Keys::new(kind)?;
        let mut run = Run::default();
        let mut write = |run: &Run| -> Result<(), LedgerError> {
            let mut output = Output::begin(store, runtime, kind, newest)?;
            match run.write(&mut output) {
                Ok(()) => outputs.push(output.finish(modified_ms)?),
                Err(error) => {
                    output.abandon();
                    return Err(error);
                }
            }
            Ok(())
        };
        for input in inputs {
            let mut source = Source::open(store, runtime, input, kind)?;
            while let Some(batch) = source.next()? {
                if run.bytes > RUN_BYTES && run.may_end_before(&keys.of(&batch)?) {
                    write(&run)?;
                    run = Run::default();
                }
                run.push(&keys, batch)?;
            }
        }
        if run.bytes > 0 {
            write(&run)?;
        }
    }
    Ok(outputs)
}

/// Rows in memory, and their keys.
#[derive(Default)]
struct Run {
    batches: Vec<RecordBatch>,
    keys: Vec<Rows>,
    bytes: usize,
}

impl Run {
    fn push(&mut self, keys: &Keys, batch: RecordBatch) -> Result<(), LedgerError> {
        let keys = keys.of(&batch)?;
        for column in batch.columns() {
            self.bytes += column.to_data().get_slice_memory_size()?;
        }
        self.bytes += keys.size();
        self.keys.push(keys);
        self.batches.push(batch);
        Ok(())
    }

    /// Whether rows of equal keys, which keep the order of their arrival, all stay in one run.
    fn may_end_before(&self, next: &Rows) -> bool {
        let last = self.keys.last();
        last.is_none_or(|last| last.row(last.num_rows() - 1) != next.row(0))
    }

    fn write(&self, output: &mut Output) -> Result<(), LedgerError> {
        let rows = |batch: usize| (0..self.keys[batch].num_rows()).map(move |row| (batch, row));
        let mut order: Vec<(usize, usize)> = (0..self.keys.len()).flat_map(rows).collect();
        // A stable sort: several verdicts on one row stay in the order that they were given.
        order.sort_by(|a, b| self.keys[a.0].row(a.1).cmp(&self.keys[b.0].row(b.1)));
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let at_once = (order.len() * WRITE_BYTES / self.bytes.max(1)).max(1);
        for rows in order.chunks(at_once) {
            output.write(&interleave_record_batch(&batches, rows)?)?;
            std::thread::yield_now();
        }
        Ok(())
    }
}
