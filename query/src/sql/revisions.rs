//! Plans over all revisions of cells: which revision is the newest, and what each submission changed.
//!
//! ```text
//! sorted files ──> one stream each, in order already ┐
//! fresh rows   ──> sorted, spilling where it must    ┘ Keyed: each row has its cell's key; on a task of its own
//!                                                      │
//!                                                      ▼
//!                      Meeting: all rows in the order of cells and stamps, as stretches of one stream after another
//!                                │                                                │
//!                                ▼                                                ▼
//!   Newest: rows that a newer one follows are left out,      Changes: each row against the one before it, counted for
//!   and the withdrawn; batches go on as they came            each submission
//! ```
//!
//! Rows are never merged: a batch goes on as it came, once every cell in it is known to be the newest or not. So only keys
//! are compared, whole stretches of them at once where streams do not meet, and the other columns are not touched unless a
//! row is left out.
//!
//! Invariants:
//! - Predicates on keys may run below, for they keep or drop a cell with all its revisions; no others may.
//! - Memory is bounded by the number of streams, a few batches of each, and for changes by the submissions that are counted.
//!   The sort of the fresh rows spills.
//! - A stream that is not in order is an error, never a wrong answer.
//!
//! # Decisions
//! - The result is in no order, so it needs no merge of rows; whoever wants an order sorts what is left.
//! - A change is told by what `current` says before and after, so a withdrawal of what is not there is no change.

mod changes;
mod exec;
mod keyed;
mod meeting;
mod newest;

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
use changes::{CONTENT, changes_schema};
use exec::{Give, RevisionsExec};
use keyed::RECORDED_AT;
use newest::STATUS;

pub(super) use changes::{CHANGED_AT, COUNTS};
pub(super) use exec::cell_ordering;

/// The same rows of the ledger's files that are in the order of cells, and of the others.
pub(super) struct AllRevisions {
    pub(super) ordered: LogicalPlan,
    pub(super) unordered: LogicalPlan,
    /// The texts that ordinals are ready for.
    pub(super) known: Arc<KnownTexts>,
}

impl AllRevisions {
    /// The newest revision of each cell, unless it is withdrawn.
    pub(super) fn newest(self) -> LogicalPlanBuilder {
        let schema = Arc::clone(self.unordered.schema());
        self.wanting(Wanted::Newest, schema)
    }

    /// What each submission changed: its stamp as [`CHANGED_AT`], and the [`COUNTS`].
    ///
    /// # Errors
    /// Never: the columns have different names.
    pub(super) fn changes(self) -> Result<LogicalPlanBuilder> {
        let schema = DFSchema::try_from(changes_schema())?;
        Ok(self.wanting(Wanted::Changes, Arc::new(schema)))
    }

    fn wanting(self, wanted: Wanted, schema: DFSchemaRef) -> LogicalPlanBuilder {
        let Self { ordered, unordered, known } = self;
        let node = Arc::new(OverRevisions { ordered, unordered, known, wanted, schema });
        LogicalPlanBuilder::from(LogicalPlan::Extension(Extension { node }))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wanted {
    Newest,
    Changes,
}

/// The node of a plan.
#[derive(Clone)]
struct OverRevisions {
    ordered: LogicalPlan,
    unordered: LogicalPlan,
    known: Arc<KnownTexts>,
    wanted: Wanted,
    schema: DFSchemaRef,
}

impl UserDefinedLogicalNodeCore for OverRevisions {
    fn name(&self) -> &'static str {
        match self.wanted {
            Wanted::Newest => "Newest",
            Wanted::Changes => "Changes",
        }
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.ordered, &self.unordered]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let columns = self.schema.fields().iter().map(|field| field.name());
        columns.filter(|name| !CELL_ORDER.contains(&name.as_str())).cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(UserDefinedLogicalNodeCore::name(self))
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([ordered, unordered]) = <[LogicalPlan; 2]>::try_from(inputs) else {
            return internal_err!("all revisions are two inputs");
        };
        let schema = match self.wanted {
            Wanted::Newest => Arc::clone(unordered.schema()),
            Wanted::Changes => Arc::clone(&self.schema),
        };
        let (known, wanted) = (Arc::clone(&self.known), self.wanted);
        Ok(Self { ordered, unordered, known, wanted, schema })
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let mut names: HashSet<&str> =
            CELL_ORDER.into_iter().chain([RECORDED_AT, STATUS]).collect();
        match self.wanted {
            Wanted::Newest => names.extend(
                output_columns.iter().map(|index| self.schema.field(*index).name().as_str()),
            ),
            Wanted::Changes => names.extend(CONTENT),
        }
        let of = |schema: &DFSchema| {
            let fields = schema.fields().iter().enumerate();
            let wanted = fields.filter(|(_, field)| names.contains(field.name().as_str()));
            wanted.map(|(index, _)| index).collect::<Vec<_>>()
        };
        Some(vec![of(self.ordered.schema()), of(self.unordered.schema())])
    }
}

impl PartialEq for OverRevisions {
    fn eq(&self, other: &Self) -> bool {
        self.wanted == other.wanted
            && self.ordered == other.ordered
            && self.unordered == other.unordered
    }
}

impl Eq for OverRevisions {}

impl PartialOrd for OverRevisions {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for OverRevisions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.wanted.hash(state);
        self.ordered.hash(state);
        self.unordered.hash(state);
    }
}

impl fmt::Debug for OverRevisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        UserDefinedLogicalNodeCore::fmt_for_explain(self, f)
    }
}

/// Plans what DataFusion knows, and [`AllRevisions`].
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
        let Some(node) = node.as_any().downcast_ref::<OverRevisions>() else { return Ok(None) };
        let [ordered, unordered] = inputs else {
            return internal_err!("all revisions are two inputs");
        };
        let inputs = [Arc::clone(ordered), Arc::clone(unordered)];
        let known = Arc::clone(&node.known);
        let plan = match node.wanted {
            Wanted::Newest => {
                let schema = unordered.schema();
                let columns = schema.fields().iter().map(|field| field.name().clone());
                RevisionsExec::try_new(inputs, known, Give::Newest(columns.collect()), schema)
            }
            Wanted::Changes => {
                RevisionsExec::try_new(inputs, known, Give::Changes, changes_schema())
            }
        };
        Ok(Some(Arc::new(plan?)))
    }
}

#[cfg(test)]
mod tests;
