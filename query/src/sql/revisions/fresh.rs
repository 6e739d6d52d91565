//! Fresh rows, in the order of their arrival: read once for all partitions, and sorted by their keys.
//!
//! Each partition of the input becomes one run: its batches as they came, and the order of their rows. A run that finds no
//! memory goes to disk, and another begins.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::interleave;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::task::JoinSet;

use super::super::cell::{Cells, Key};
use super::keyed::{Asked, Keyed, Reader};
use super::ranges::Range;
use super::sorted::BATCH_ROWS;
use super::spill::{Spill, Spilled};

/// Rows that one sample stands for.
const SAMPLED: usize = 1_024;

/// All fresh rows, sorted.
pub(super) struct Fresh {
    runs: Vec<Run>,
}

enum Run {
    Held(Arc<Held>),
    Spilled(Spilled),
}

/// A run in memory.
pub(super) struct Held {
    parts: Vec<Part>,
    order: Vec<Row>,
    reservation: MemoryReservation,
}

/// A batch as it came, its keys taken out.
struct Part {
    standing: BooleanBuffer,
    columns: Vec<ArrayRef>,
}

/// Where a row is, and how it compares.
#[derive(Clone, Copy)]
struct Row {
    key: Key,
    stamp: i64,
    part: u32,
    row: u32,
}

impl Fresh {
    /// Reads all partitions of a plan, side by side.
    ///
    /// # Errors
    /// When the plan fails, or there is neither memory nor disk for its rows.
    pub(super) async fn read(
        plan: &Arc<dyn ExecutionPlan>,
        context: &Arc<TaskContext>,
        asked: &Arc<Asked>,
        cells: &Arc<Cells>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Self> {
        let mut readers = JoinSet::new();
        for partition in 0..plan.output_partitioning().partition_count() {
            let mut input = plan.execute(partition, Arc::clone(context))?;
            let spill = Spill::new(context, asked, metrics, partition);
            let consumer = MemoryConsumer::new("Fresh").with_can_spill(true);
            let reservation = consumer.register(context.memory_pool());
            let (asked, cells) = (Arc::clone(asked), Arc::clone(cells));
            readers.spawn(async move {
                let mut reader = Reader::new(asked, Arc::clone(&cells));
                let mut runs = Vec::new();
                let mut held = Held::new(&reservation);
                while let Some(batch) = input.next().await.transpose()? {
                    let rows = reader.read(&batch, true)?;
                    if held.reservation.try_grow(Held::bytes(&rows)).is_err() {
                        held.push(rows)?;
                        held.sort(&cells);
                        runs.push(Run::Spilled(spill.write(&held)?));
                        held = Held::new(&reservation);
                    } else {
                        held.push(rows)?;
                    }
                }
                held.sort(&cells);
                runs.push(Run::Held(Arc::new(held)));
                Ok::<_, DataFusionError>(runs)
            });
        }
        let mut runs = Vec::new();
        while let Some(read) = readers.join_next().await {
            runs.extend(read.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??);
        }
        runs.retain(|run| !matches!(run, Run::Held(held) if held.order.is_empty()));
        Ok(Self { runs })
    }

    /// Keys that rows begin with, and how many.
    pub(super) fn samples(&self) -> impl Iterator<Item = (Key, u64)> {
        let held = self.runs.iter().filter_map(|run| match run {
            Run::Held(held) => Some(held.order.chunks(SAMPLED)),
            Run::Spilled(_) => None,
        });
        held.flatten().map(|rows| (rows[0].key, rows.len() as u64))
    }

    /// The revisions of a range, each run for itself.
    ///
    /// # Errors
    /// When a run cannot be read again.
    pub(super) fn revisions(
        &self,
        range: Range,
        cells: &Arc<Cells>,
    ) -> Result<Vec<BoxStream<'static, Result<Keyed>>>> {
        let of = |run: &Run| match run {
            Run::Held(held) => {
                let own = range.of(&held.order, |row| row.key, cells);
                Ok(held.batches(own.start, own.end))
            }
            Run::Spilled(spilled) => spilled.revisions(range, cells),
        };
        self.runs.iter().map(of).collect()
    }
}

impl Held {
    fn new(like: &MemoryReservation) -> Self {
        Self { parts: Vec::new(), order: Vec::new(), reservation: like.new_empty() }
    }

    /// Bytes that rows take in it.
    fn bytes(rows: &Keyed) -> usize {
        let columns = rows.columns.iter().map(|column| column.get_array_memory_size());
        columns.sum::<usize>() + rows.keys.len() * size_of::<Row>()
    }

    fn push(&mut self, rows: Keyed) -> Result<()> {
        let too_many = |_| DataFusionError::Internal("a run of fresh rows is too long".to_owned());
        let part = u32::try_from(self.parts.len()).map_err(too_many)?;
        let count = u32::try_from(rows.keys.len()).map_err(too_many)?;
        let places = rows.keys.iter().zip(rows.stamps.iter()).zip(0..count);
        self.order.extend(places.map(|((key, stamp), row)| Row {
            key: *key,
            stamp: *stamp,
            part,
            row,
        }));
        self.parts.push(Part { standing: rows.standing, columns: rows.columns });
        Ok(())
    }

    fn sort(&mut self, cells: &Cells) {
        let order = |a: &Row, b: &Row| -> Ordering {
            cells.compare(a.key, b.key).then(a.stamp.cmp(&b.stamp))
        };
        self.order.sort_unstable_by(order);
    }

    /// Some rows in order, batch by batch.
    fn batches(self: &Arc<Self>, from: usize, to: usize) -> BoxStream<'static, Result<Keyed>> {
        let held = Arc::clone(self);
        let batch = move |start| held.batch(start, to.min(start + BATCH_ROWS));
        stream::iter((from..to).step_by(BATCH_ROWS)).map(batch).boxed()
    }

    pub(super) fn rows(&self) -> usize {
        self.order.len()
    }

    /// Some rows in order.
    pub(super) fn batch(&self, from: usize, to: usize) -> Result<Keyed> {
        let rows = &self.order[from..to];
        let place = |at: u32| usize::try_from(at).expect("a place in memory fits");
        let stands = |row: &Row| self.parts[place(row.part)].standing.value(place(row.row));
        let places: Vec<_> = rows.iter().map(|row| (place(row.part), place(row.row))).collect();
        let column = |index: usize| -> Result<ArrayRef> {
            let parts = self.parts.iter().map(|part| part.columns[index].as_ref());
            Ok(interleave(&parts.collect::<Vec<&dyn Array>>(), &places)?)
        };
        let columns = self.parts.first().map_or(0, |part| part.columns.len());
        Ok(Keyed {
            keys: rows.iter().map(|row| row.key).collect(),
            stamps: rows.iter().map(|row| row.stamp).collect::<ScalarBuffer<i64>>(),
            standing: BooleanBuffer::collect_bool(rows.len(), |row| stands(&rows[row])),
            columns: (0..columns).map(column).collect::<Result<_>>()?,
        })
    }
}
