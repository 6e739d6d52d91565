//! Tables over all revisions of cells: which revision is the newest, and what each submission changed.
//!
//! ```text
//! sorted files ──> the pages of a range of cells, each file a stream, in order already ┐
//! fresh rows   ──> read once, sorted by their keys, spilling where they must           ┘ Keyed: each row has its cell's key
//!                                                      │
//!                                                      ▼
//!                      Meeting: all rows in the order of cells and stamps, as stretches of one stream after another
//!                                │                                                │
//!                                ▼                                                ▼
//!   Newest: rows that a newer one follows are left out,      Changes: each row against the one before it, counted for
//!   and the withdrawn; batches go on as they came            each submission
//! ```
//!
//! All cells are cut into ranges of about as many rows, one for each partition, by the bounds that sorted files keep of their
//! pages; so all processors are at work, and no row is used by two of them.
//!
//! Rows are never merged: a batch goes on as it came, once every cell in it is known to be the newest or not. So only keys
//! are compared, whole stretches of them at once where streams do not meet, and the other columns are not touched unless a
//! row is left out.
//!
//! Invariants:
//! - Predicates on keys may run below, for they keep or drop a cell with all its revisions; no others may, but for the moment
//!   that the statement sees: what came later is left out before anything is compared.
//! - A cell is in one partition with all its revisions, so any number of partitions gives the same rows.
//! - Memory is bounded by the number of streams, a few batches of each, by the fresh rows, which spill, and for changes by
//!   the submissions that are counted.
//! - A stream that is not in order is an error, never a wrong answer.
//!
//! # Decisions
//! - The result is in no order, so it needs no merge of rows; whoever wants an order sorts what is left.
//! - A change is told by what `current` says before and after, so a withdrawal of what is not there is no change.

mod changes;
mod ends;
mod exec;
mod fresh;
mod keyed;
mod meeting;
mod newest;
mod pages;
mod ranges;
mod sorted;
mod spill;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, Result, project_schema};
use datafusion::datasource::TableType;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::ExecutionPlan;
use dinh_lake::ledger::ledger_schema;

use super::cell::{CELL_ORDER, KnownTexts};
use super::ledger_table::{LedgerTable, Order, reader_factory};
use super::view::View;
use changes::{CONTENT, changes_schema};
use exec::RevisionsExec;
use keyed::{Asked, Filter, RECORDED_AT, STATUS};
use pages::Pruning;
use sorted::SortedFiles;

pub(super) use changes::{CHANGED_AT, COUNTS};
pub(super) use ends::{Stretch, stretches};

/// What is wanted of all revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The newest revision of each cell, unless it is withdrawn: all columns of the ledger.
    Newest,
    /// What submissions changed: the stamp of each as [`CHANGED_AT`], and [`COUNTS`] that are to be added up.
    Changes,
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Self::Newest => "Newest",
            Self::Changes => "Changes",
        }
    }

    /// The columns that come out, when these are read.
    fn schema(self, asked: &Asked) -> SchemaRef {
        match self {
            Self::Newest => Arc::clone(&asked.columns),
            Self::Changes => changes_schema(),
        }
    }
}

/// All revisions of the cells for which some filters on keys hold, as a table of what is wanted of them.
pub(super) struct RevisionsTable {
    pub(super) view: View,
    pub(super) known: Arc<KnownTexts>,
    pub(super) wanted: Wanted,
    /// Filters on columns of the key.
    pub(super) filters: Vec<Expr>,
}

impl RevisionsTable {
    /// What is read of the ledger, for some columns of the table.
    fn asked(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filter: Option<&Expr>,
    ) -> Result<Asked> {
        let ledger = ledger_schema();
        let columns = match self.wanted {
            Wanted::Newest => project_schema(&ledger, projection)?,
            Wanted::Changes => {
                let fields = CONTENT.into_iter().map(|name| ledger.field_with_name(name).cloned());
                Arc::new(Schema::new(fields.collect::<Result<Vec<_>, _>>()?))
            }
        };
        let filter = filter.map(|filter| self::filter(session, filter)).transpose()?;
        Ok(Asked { columns, filter, until: self.view.moment.map(|moment| moment.stamp) })
    }

    /// The sorted files that may hold a row for which all of some filters hold.
    fn sorted(
        &self,
        session: &dyn Session,
        filters: &[Expr],
        asked: Arc<Asked>,
    ) -> Result<SortedFiles> {
        let filter = conjunction(filters.iter().cloned());
        Ok(SortedFiles {
            files: self.ledger(Order::Cells).files(session, filters)?,
            readers: reader_factory(session)?,
            pruning: filter.map(|filter| pruning(session, &filter)).transpose()?,
            asked,
        })
    }

    fn ledger(&self, order: Order) -> LedgerTable {
        LedgerTable::new(self.view.clone(), order)
    }

    /// The columns of the ledger that fresh rows need.
    fn needed(asked: &Asked) -> Vec<usize> {
        let is_asked = |name: &str| asked.columns.column_with_name(name).is_some();
        let is_needed = |name: &str| {
            CELL_ORDER.contains(&name) || name == RECORDED_AT || name == STATUS || is_asked(name)
        };
        let schema = ledger_schema();
        let fields = schema.fields().iter().enumerate();
        fields.filter(|(_, field)| is_needed(field.name())).map(|(index, _)| index).collect()
    }
}

fn filter(session: &dyn Session, filter: &Expr) -> Result<Filter> {
    let ledger = ledger_schema();
    let named = filter.column_refs();
    let fields = ledger.fields().iter();
    let fields = fields.filter(|field| named.iter().any(|column| column.name == *field.name()));
    let columns = Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()));
    let schema = DFSchema::try_from(Arc::clone(&columns))?;
    Ok(Filter { predicate: session.create_physical_expr(filter.clone(), &schema)?, columns })
}

fn pruning(session: &dyn Session, filter: &Expr) -> Result<Pruning> {
    let schema = ledger_schema();
    let columns = DFSchema::try_from(Arc::clone(&schema))?;
    let predicate = |filter: Expr| -> Result<PruningPredicate> {
        let filter = session.create_physical_expr(filter, &columns)?;
        let builder = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&schema));
        builder.try_build(filter)
    };
    // What is null is neither true nor false, and columns of the key are never null.
    let has_null =
        filter.exists(|part| Ok(matches!(part, Expr::Literal(value, _) if value.is_null())))?;
    let may_fail = (!has_null).then(|| predicate(!filter.clone())).transpose()?;
    Ok(Pruning { may_hold: predicate(filter.clone())?, may_fail })
}

impl fmt::Debug for RevisionsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevisionsTable {} at {}", self.wanted.name(), self.view.position())
    }
}

#[async_trait]
impl TableProvider for RevisionsTable {
    fn schema(&self) -> SchemaRef {
        match self.wanted {
            Wanted::Newest => ledger_schema(),
            Wanted::Changes => changes_schema(),
        }
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filters: Vec<_> = self.filters.iter().chain(filters).cloned().collect();
        let filter = conjunction(filters.iter().cloned());
        let asked = Arc::new(self.asked(session, projection, filter.as_ref())?);
        let fresh = self.ledger(Order::None);
        let fresh = fresh.observations(session, Self::needed(&asked), &filters)?;
        let sorted = self.sorted(session, &filters, asked)?;
        let (known, partitions) = (Arc::clone(&self.known), session.config().target_partitions());
        Ok(Arc::new(RevisionsExec::new(Arc::new(sorted), fresh, known, self.wanted, partitions)))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let on_keys = |filter: &&Expr| {
            let columns = filter.column_refs();
            let mut names = columns.iter().map(|column| column.name.as_str());
            let is_on_keys = names.all(|name| CELL_ORDER.contains(&name));
            if self.wanted == Wanted::Newest && is_on_keys && !filter.is_volatile() {
                return TableProviderFilterPushDown::Exact;
            }
            TableProviderFilterPushDown::Unsupported
        };
        Ok(filters.iter().map(on_keys).collect())
    }
}

#[cfg(test)]
mod tests;
