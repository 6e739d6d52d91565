//! All revisions as a step of a plan.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr, PhysicalSortExpr,
    expressions::Column,
};
use datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, EvaluationType, SchedulingType,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::stream::{self, BoxStream, StreamExt};

use super::super::cell::{CELL_ORDER, Cells, KnownTexts};
use super::changes::{Changes, ContentReader, converter};
use super::keyed::RECORDED_AT;
use super::newest::{Newest, RevisionReader};

/// Rows on their way.
type Rows = BoxStream<'static, Result<RecordBatch>>;

/// What a step gives.
#[derive(Clone, Debug)]
pub(super) enum Give {
    /// These columns of the newest revisions.
    Newest(Vec<String>),
    /// What each submission changed.
    Changes,
}

/// Reads two inputs in the order of cells, each in any number of partitions, as one.
#[derive(Clone, Debug)]
pub(super) struct RevisionsExec {
    inputs: [Arc<dyn ExecutionPlan>; 2],
    known: Arc<KnownTexts>,
    give: Give,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RevisionsExec {
    pub(super) fn try_new(
        inputs: [Arc<dyn ExecutionPlan>; 2],
        known: Arc<KnownTexts>,
        give: Give,
        schema: SchemaRef,
    ) -> Result<Self> {
        for input in &inputs {
            cell_ordering(&input.schema())?;
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_evaluation_type(EvaluationType::Eager)
        .with_scheduling_type(SchedulingType::Cooperative);
        let properties = Arc::new(properties);
        Ok(Self { inputs, known, give, properties, metrics: ExecutionPlanMetricsSet::new() })
    }

    /// The partitions of both inputs.
    fn streams(&self, context: &Arc<TaskContext>) -> Result<Vec<SendableRecordBatchStream>> {
        let partitions = |input: &Arc<dyn ExecutionPlan>| {
            let input = Arc::clone(input);
            let count = input.output_partitioning().partition_count();
            (0..count).map(move |partition| (Arc::clone(&input), partition))
        };
        let all = self.inputs.iter().flat_map(partitions);
        all.map(|(input, partition)| input.execute(partition, Arc::clone(context))).collect()
    }

    fn newest(
        &self,
        output: &[String],
        partition: usize,
        context: &Arc<TaskContext>,
    ) -> Result<Rows> {
        let cells = Arc::new(Cells::new(Arc::clone(&self.known)));
        let reader = |input| RevisionReader::new(input, Arc::clone(&cells), output, self.schema());
        let readers = self.streams(context)?.into_iter().map(reader).collect::<Result<_>>()?;
        let reservation = MemoryConsumer::new("Newest").register(context.memory_pool());
        let newest = Newest::start(readers, cells, reservation);
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let rows = stream::try_unfold((newest, metrics), |(mut newest, metrics)| async {
            let rows = newest.next().await;
            rows.map(|rows| Some((rows?.record_output(&metrics), (newest, metrics))))
        });
        Ok(rows.boxed())
    }

    fn changes(&self, context: &Arc<TaskContext>) -> Result<Rows> {
        let cells = Arc::new(Cells::new(Arc::clone(&self.known)));
        let converter = converter(&self.inputs[0].schema())?;
        let reader = |input| ContentReader::new(input, Arc::clone(&cells), Arc::clone(&converter));
        let readers = self.streams(context)?.into_iter().map(reader).collect::<Result<_>>()?;
        let reservation = MemoryConsumer::new("Changes").register(context.memory_pool());
        let changes = Changes::start(readers, cells, reservation);
        Ok(stream::once(changes.count()).boxed())
    }
}

/// The order of cells over a schema that has their columns, oldest revisions first.
pub(in super::super) fn cell_ordering(schema: &SchemaRef) -> Result<Option<LexOrdering>> {
    let ascending = |name: &&str| -> Result<PhysicalSortExpr> {
        let column = Column::new_with_schema(name, schema)?;
        Ok(PhysicalSortExpr::new_default(Arc::new(column)))
    };
    let columns = CELL_ORDER.iter().chain([&RECORDED_AT]).map(ascending);
    Ok(LexOrdering::new(columns.collect::<Result<Vec<_>>>()?))
}

impl DisplayAs for RevisionsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.give {
            Give::Newest(columns) => {
                write!(f, "RevisionsExec: the newest, columns=[{}]", columns.join(", "))
            }
            Give::Changes => write!(f, "RevisionsExec: changes"),
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
        self.inputs.iter().collect()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let ordering = |input: &Arc<dyn ExecutionPlan>| {
            cell_ordering(&input.schema()).ok().flatten().map(OrderingRequirements::from)
        };
        self.inputs.iter().map(ordering).collect()
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.inputs.len()]
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
        let Ok(inputs) = children.try_into() else {
            return internal_err!("all revisions are two inputs");
        };
        let (known, give) = (Arc::clone(&self.known), self.give.clone());
        Ok(Arc::new(Self::try_new(inputs, known, give, self.schema())?))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
    }

    /// Takes over a choice of columns, so that the others are not carried through.
    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Give::Newest(columns) = &self.give else { return Ok(None) };
        let chosen = |expr: &Arc<dyn PhysicalExpr>| {
            let column = expr.downcast_ref::<Column>()?;
            columns.get(column.index()).cloned()
        };
        let output = projection.expr().iter().map(|projected| chosen(&projected.expr));
        let Some(output) = output.collect() else { return Ok(None) };
        let (inputs, known) = (self.inputs.clone(), Arc::clone(&self.known));
        let give = Give::Newest(output);
        Ok(Some(Arc::new(Self::try_new(inputs, known, give, projection.schema())?)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = match &self.give {
            Give::Newest(output) => self.newest(output, partition, &context)?,
            Give::Changes => self.changes(&context)?,
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
