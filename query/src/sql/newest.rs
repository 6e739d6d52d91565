//! The newest revision of each cell, unless it is withdrawn: what `current` has and `observations` has not.
//!
//! ```text
//! merged files  ──> one stream each, in order already ┐   Revisions: keys, the last revision
//! fresh rows    ──> sorted, spilling where it must    ┘   that the stream has of each cell
//!                                                           │ each on a task of its own
//!                                                           ▼
//!                                   Meeting: the cells that several streams have, and which revision is the newest
//!                                                           │
//!                                                           ▼
//!                                   rows of one stream at a time, without the superseded and the withdrawn ones
//! ```
//!
//! Rows are never merged: a stream's batch goes on as it came, once every cell in it is known to be the newest or not. So
//! only keys are compared, whole stretches of them at once where streams do not meet, and the other columns are not touched
//! unless a row is left out.
//!
//! Invariants:
//! - Predicates on keys may run below, for they keep or drop a cell with all its revisions; no others may.
//! - Memory is bounded by the number of streams: a few batches of each. The sort of the fresh rows spills.
//! - A stream that is not in order is an error, never a wrong answer.
//!
//! # Decisions
//! - The result is in no order, so it needs no merge of rows; whoever wants an order sorts what is left.

mod exec;
mod meeting;
mod revisions;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNode,
    UserDefinedLogicalNodeCore,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::cell::{CELL_ORDER, KnownTexts};
use exec::NewestExec;

pub(super) use exec::cell_ordering;

/// The columns that are read beside the key: which revision is newer, and whether it stands.
const RECORDED_AT: &str = "recorded_at";
const STATUS: &str = "status";

/// The newest revisions among rows in the order of cells and other rows.
pub(super) fn newest(
    ordered: LogicalPlan,
    unordered: LogicalPlan,
    known: Arc<KnownTexts>,
) -> LogicalPlanBuilder {
    let node = Arc::new(Newest { ordered, unordered, known });
    LogicalPlanBuilder::from(LogicalPlan::Extension(Extension { node }))
}

/// The choice of the newest revisions, in a plan.
#[derive(Clone)]
struct Newest {
    ordered: LogicalPlan,
    unordered: LogicalPlan,
    known: Arc<KnownTexts>,
}

impl UserDefinedLogicalNodeCore for Newest {
    fn name(&self) -> &'static str {
        "Newest"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.ordered, &self.unordered]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.unordered.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let columns = self.unordered.schema().fields().iter().map(|field| field.name());
        columns.filter(|name| !CELL_ORDER.contains(&name.as_str())).cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Newest")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match <[LogicalPlan; 2]>::try_from(inputs) {
            Ok([ordered, unordered]) => {
                Ok(Self { ordered, unordered, known: Arc::clone(&self.known) })
            }
            Err(inputs) => internal_err!("the newest revisions of {} inputs", inputs.len()),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let own = CELL_ORDER.iter().chain([&RECORDED_AT, &STATUS]).copied();
        let wanted = output_columns
            .iter()
            .map(|index| self.unordered.schema().field(*index).name().as_str());
        let names: HashSet<_> = own.chain(wanted).collect();
        let of = |schema: &DFSchema| {
            let fields = schema.fields().iter().enumerate();
            let wanted = fields.filter(|(_, field)| names.contains(field.name().as_str()));
            wanted.map(|(index, _)| index).collect::<Vec<_>>()
        };
        Some(vec![of(self.ordered.schema()), of(self.unordered.schema())])
    }
}

impl PartialEq for Newest {
    fn eq(&self, other: &Self) -> bool {
        self.ordered == other.ordered && self.unordered == other.unordered
    }
}

impl Eq for Newest {}

impl PartialOrd for Newest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for Newest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ordered.hash(state);
        self.unordered.hash(state);
    }
}

impl fmt::Debug for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Newest")
    }
}

/// Plans what DataFusion knows, and [`newest`].
#[derive(Debug)]
pub(super) struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Self)])
            .create_physical_plan(plan, session)
            .await
    }
}

#[async_trait]
impl ExtensionPlanner for Planner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(newest) = node.as_any().downcast_ref::<Newest>() else { return Ok(None) };
        let [ordered, unordered] = inputs else {
            return internal_err!("the newest revisions have two inputs");
        };
        let plan = NewestExec::try_new(
            Arc::clone(ordered),
            Arc::clone(unordered),
            Arc::clone(&newest.known),
        )?;
        Ok(Some(Arc::new(plan)))
    }
}

#[cfg(test)]
mod tests;
