//! The choice of the newest revisions as a step of a plan.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr, PhysicalSortExpr,
    expressions::Column,
};
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
use futures::stream;

use super::super::cell::{CELL_ORDER, Cells, KnownTexts};
use super::RECORDED_AT;
use super::meeting::Meeting;
use super::revisions::{Columns, RevisionReader};

/// Reads two inputs in the order of cells, each in any number of partitions, and gives the newest revisions of both.
#[derive(Clone, Debug)]
pub(super) struct NewestExec {
    inputs: [Arc<dyn ExecutionPlan>; 2],
    known: Arc<KnownTexts>,
    /// The columns that go on.
    output: Vec<String>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl NewestExec {
    pub(super) fn try_new(
        ordered: Arc<dyn ExecutionPlan>,
        unordered: Arc<dyn ExecutionPlan>,
        known: Arc<KnownTexts>,
    ) -> Result<Self> {
        let schema = unordered.schema();
        let output = schema.fields().iter().map(|field| field.name().clone()).collect();
        Self::giving([ordered, unordered], known, output, schema)
    }

    fn giving(
        inputs: [Arc<dyn ExecutionPlan>; 2],
        known: Arc<KnownTexts>,
        output: Vec<String>,
        schema: SchemaRef,
    ) -> Result<Self> {
        for input in &inputs {
            Columns::find(&input.schema(), &output, &schema)?;
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
        Ok(Self { inputs, known, output, properties, metrics: ExecutionPlanMetricsSet::new() })
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

impl DisplayAs for NewestExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewestExec: columns=[{}]", self.output.join(", "))
    }
}

impl ExecutionPlan for NewestExec {
    fn name(&self) -> &'static str {
        "NewestExec"
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
            return internal_err!("the newest revisions have two inputs");
        };
        let (known, output) = (Arc::clone(&self.known), self.output.clone());
        Ok(Arc::new(Self::giving(inputs, known, output, self.schema())?))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
    }

    /// Takes over a choice of columns, so that the others are not carried through.
    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let chosen = |expr: &Arc<dyn PhysicalExpr>| {
            let column = expr.downcast_ref::<Column>()?;
            self.output.get(column.index()).cloned()
        };
        let output = projection.expr().iter().map(|projected| chosen(&projected.expr));
        let Some(output) = output.collect() else { return Ok(None) };
        let (inputs, known) = (self.inputs.clone(), Arc::clone(&self.known));
        Ok(Some(Arc::new(Self::giving(inputs, known, output, projection.schema())?)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let cells = Arc::new(Cells::new(Arc::clone(&self.known)));
        let mut readers = Vec::new();
        for input in &self.inputs {
            let columns = Columns::find(&input.schema(), &self.output, &self.schema())?;
            for partition in 0..input.output_partitioning().partition_count() {
                let rows = input.execute(partition, Arc::clone(&context))?;
                readers.push(RevisionReader::new(rows, Arc::clone(&cells), columns.clone()));
            }
        }
        let reservation = MemoryConsumer::new("NewestExec").register(context.memory_pool());
        let meeting = Meeting::start(readers, cells, reservation);
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let rows = stream::try_unfold((meeting, metrics), |(mut meeting, metrics)| async {
            let rows = meeting.next().await?;
            Ok(rows.map(|rows| (rows.record_output(&metrics), (meeting, metrics))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
