//! Runs of fresh rows on disk.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, Int64Type, Schema,
};
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::spill_file::SpillFile;
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use super::super::cell::{Cells, Key};
use super::fresh::Held;
use super::keyed::{Asked, Keyed};
use super::ranges::Range;
use super::sorted::BATCH_ROWS;

/// Writes runs of one stream.
pub(super) struct Spill {
    manager: SpillManager,
}

/// A run on disk.
pub(super) struct Spilled {
    manager: SpillManager,
    file: Arc<dyn SpillFile>,
}

impl Spill {
    pub(super) fn new(
        context: &Arc<TaskContext>,
        asked: &Asked,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Self {
        let own = [
            Field::new("key", DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0), false),
            Field::new("stamp", DataType::Int64, false),
            Field::new("standing", DataType::Boolean, false),
        ];
        let asked =
            asked.columns.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(own.into_iter().chain(asked).collect::<Vec<_>>()));
        let metrics = SpillMetrics::new(metrics, partition);
        Self { manager: SpillManager::new(context.runtime_env(), metrics, schema) }
    }

    /// Writes a run, batch by batch.
    ///
    /// # Errors
    /// When the disk takes no more.
    pub(super) fn write(&self, held: &Held) -> Result<Spilled> {
        let mut file = self.manager.create_in_progress_file("fresh rows in the order of cells")?;
        for from in (0..held.rows()).step_by(BATCH_ROWS) {
            let rows = held.batch(from, held.rows().min(from + BATCH_ROWS))?;
            file.append_batch(&self.batch(rows)?)?;
        }
        match file.finish()? {
            Some(file) => Ok(Spilled { manager: self.manager.clone(), file }),
            None => internal_err!("a run without rows needs no disk"),
        }
    }

    fn batch(&self, rows: Keyed) -> Result<RecordBatch> {
        let keys = rows.keys.iter().map(|key| key.cast_signed());
        let keys = Decimal128Array::from_iter_values(keys);
        let own: [ArrayRef; 3] = [
            Arc::new(keys.with_data_type(self.manager.schema().field(0).data_type().clone())),
            Arc::new(Int64Array::new(rows.stamps, None)),
            Arc::new(BooleanArray::new(rows.standing, None)),
        ];
        let columns = own.into_iter().chain(rows.columns).collect();
        Ok(RecordBatch::try_new(Arc::clone(self.manager.schema()), columns)?)
    }
}

impl Spilled {
    /// The revisions of a range.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn revisions(
        &self,
        range: Range,
        cells: &Arc<Cells>,
    ) -> Result<BoxStream<'static, Result<Keyed>>> {
        let batches = self.manager.read_spill_as_stream(Arc::clone(&self.file), None)?;
        let cells = Arc::clone(cells);
        let own = move |batch: RecordBatch| {
            let own = keyed(&batch).map(|rows| {
                let own = range.of(&rows.keys, |key| *key, &cells);
                (!own.is_empty()).then(|| rows.slice(own.start, own.end))
            });
            std::future::ready(own)
        };
        Ok(batches.try_filter_map(own).boxed())
    }
}

fn keyed(batch: &RecordBatch) -> Result<Keyed> {
    let [keys, stamps, standing, columns @ ..] = batch.columns() else {
        return internal_err!("a run on disk has no keys");
    };
    let keys = keys.as_primitive_opt::<Decimal128Type>();
    let stamps = stamps.as_primitive_opt::<Int64Type>();
    let (Some(keys), Some(stamps), Some(standing)) = (keys, stamps, standing.as_boolean_opt())
    else {
        return internal_err!("a run on disk has keys of another type");
    };
    Ok(Keyed {
        keys: keys.values().iter().map(|key| Key::from_ne_bytes(key.to_ne_bytes())).collect(),
        stamps: ScalarBuffer::clone(stamps.values()),
        standing: standing.values().clone(),
        columns: columns.to_vec(),
    })
}
