//! All revisions as a step of a plan.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, EvaluationType, SchedulingType,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::super::cell::{Cells, KnownTexts};
use super::Wanted;
use super::changes::Changes;
use super::fresh::Fresh;
use super::keyed::Keyed;
use super::newest::Newest;
use super::ranges::{Range, cut};
use super::sorted::{SortedFile, SortedFiles};

/// Rows on their way.
type Rows = BoxStream<'static, Result<RecordBatch>>;
/// What all partitions wait for; whichever of them is asked works on it.
type Preparing = Shared<BoxFuture<'static, Result<Arc<Prepared>, Arc<DataFusionError>>>>;

/// Reads sorted files and fresh rows in the order of cells, each partition a range of them.
#[derive(Clone)]
pub(super) struct RevisionsExec {
    sorted: Arc<SortedFiles>,
    fresh: Arc<dyn ExecutionPlan>,
    known: Arc<KnownTexts>,
    wanted: Wanted,
    partitions: usize,
    prepared: Arc<OnceLock<Preparing>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// What is found out once for all partitions.
struct Prepared {
    cells: Arc<Cells>,
    sorted: Vec<SortedFile>,
    fresh: Fresh,
    /// Of the partitions that have anything to do.
    ranges: Vec<Range>,
}

impl Prepared {
    async fn new(exec: RevisionsExec, context: Arc<TaskContext>) -> Result<Self> {
        let RevisionsExec { sorted, fresh, known, metrics, .. } = exec;
        let cells = Arc::new(Cells::new(known));
        let (sorted, fresh) = tokio::try_join!(
            sorted.open(&cells, &metrics),
            Fresh::read(&fresh, &context, &sorted.asked, &cells, &metrics),
        )?;
        let pages = sorted.iter().flat_map(|file| &file.pages);
        let samples = pages.filter_map(|page| Some((page.low?, page.rows as u64)));
        let ranges = cut(samples.chain(fresh.samples()).collect(), exec.partitions, &cells);
        Ok(Self { cells, sorted, fresh, ranges })
    }

    /// All streams that have revisions of a partition's cells.
    fn revisions(
        &self,
        range: Range,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Vec<BoxStream<'static, Result<Keyed>>>> {
        let mut streams = self.fresh.revisions(range, &self.cells)?;
        for file in &self.sorted {
            streams.extend(file.revisions(range, &self.cells, metrics)?);
        }
        Ok(streams)
    }
}

impl RevisionsExec {
    /// A step of some partitions, over sorted files and a plan of all fresh rows.
    pub(super) fn new(
        sorted: Arc<SortedFiles>,
        fresh: Arc<dyn ExecutionPlan>,
        known: Arc<KnownTexts>,
        wanted: Wanted,
        partitions: usize,
    ) -> Self {
        let schema = wanted.schema(&sorted.asked);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_evaluation_type(EvaluationType::Eager)
        .with_scheduling_type(SchedulingType::Cooperative);
        let (properties, prepared) = (Arc::new(properties), Arc::default());
        let metrics = ExecutionPlanMetricsSet::new();
        Self { sorted, fresh, known, wanted, partitions, prepared, properties, metrics }
    }

    async fn rows(self, partition: usize, context: Arc<TaskContext>) -> Result<Rows> {
        let preparing = self.prepared.get_or_init(|| {
            let exec = Self { prepared: Arc::default(), ..self.clone() };
            let prepared = Prepared::new(exec, Arc::clone(&context));
            prepared.map(|prepared| prepared.map(Arc::new).map_err(Arc::new)).boxed().shared()
        });
        let prepared = preparing.clone().await.map_err(DataFusionError::Shared)?;
        let Some(range) = prepared.ranges.get(partition) else {
            return Ok(stream::empty().boxed());
        };
        let streams = prepared.revisions(*range, &self.metrics)?;
        let cells = Arc::clone(&prepared.cells);
        let schema = &self.sorted.asked.columns;
        let consumer = MemoryConsumer::new(self.wanted.name());
        let reservation = consumer.register(context.memory_pool());
        match self.wanted {
            Wanted::Newest => {
                let newest = Newest::start(streams, Arc::clone(schema), cells, reservation);
                Ok(stream::try_unfold(newest, |mut newest| async {
                    let rows = newest.next().await;
                    rows.map(|rows| rows.map(|rows| (rows, newest)))
                })
                .boxed())
            }
            Wanted::Changes => {
                let changes = Changes::start(streams, schema, cells, reservation)?;
                Ok(stream::once(changes.count()).boxed())
            }
        }
    }
}

impl fmt::Debug for RevisionsExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as(DisplayFormatType::Default, f)
    }
}

impl DisplayAs for RevisionsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wanted, files) = (self.wanted.name(), self.sorted.files.len());
        let columns = self.sorted.asked.columns.fields().iter();
        let columns: Vec<_> = columns.map(|field| field.name().as_str()).collect();
        write!(
            f,
            "RevisionsExec: {wanted}, sorted_files={files}, columns=[{}]",
            columns.join(", ")
        )?;
        match &self.sorted.asked.filter {
            Some(filter) => write!(f, ", filter={}", filter.predicate),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for RevisionsExec {
    fn name(&self) -> &'static str {
        "RevisionsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.fresh]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([fresh]) = <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) else {
            return internal_err!("all revisions have one input");
        };
        let (sorted, known) = (Arc::clone(&self.sorted), Arc::clone(&self.known));
        Ok(Arc::new(Self::new(sorted, fresh, known, self.wanted, self.partitions)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let rows = stream::once(self.clone().rows(partition, context)).try_flatten();
        let rows = rows.map_ok(move |rows| rows.record_output(&metrics));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
