//! Views: `conflicts`, a statement over `current`, and `reconciliation`, made of the cells by the code that makes totals.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{ident, lit};
use tokio::sync::OnceCell;

use super::naming::named;
use super::statement::Statement;
use crate::answer::reconciliation;
use crate::error::QueryError;

/// The columns that the cells of a family have in common: what is said of them may be asked of each cell.
const OF_FAMILY: [&str; 3] = ["period_start", "period_end", "stage"];
/// The columns of the key of a cell without its feed.
const OF_KEY: [&str; 5] = ["indicator", "unit", "period_start", "period_end", "stage"];

/// Feeds by the indicator's own order, then by precedence, then by name, as everywhere.
const CONFLICTS: &str = "\
    SELECT indicator, unit, period, period_start, period_end, stage, feed, value, precedence, \
           place = 1 AS answers, lowest, highest, feeds, submission, recorded_at \
    FROM (SELECT c.indicator, c.unit, c.period, c.period_start, c.period_end, c.stage, c.feed, c.value, \
                 f.precedence, c.submission, c.recorded_at, \
                 row_number() OVER (PARTITION BY c.indicator, c.unit, c.period_start, c.period_end, c.stage \
                     ORDER BY nullif(strpos(';' || coalesce(i.precedence, '') || ';', ';' || c.feed || ';'), 0) \
                         ASC NULLS LAST, f.precedence, c.feed) AS place, \
                 min(c.value) OVER (PARTITION BY c.indicator, c.unit, c.period_start, c.period_end, c.stage) \
                     AS lowest, \
                 max(c.value) OVER (PARTITION BY c.indicator, c.unit, c.period_start, c.period_end, c.stage) \
                     AS highest, \
                 count(*) OVER (PARTITION BY c.indicator, c.unit, c.period_start, c.period_end, c.stage) AS feeds \
          FROM current AS c JOIN feeds AS f ON f.feed = c.feed \
              LEFT JOIN indicators AS i ON i.indicator = c.indicator) \
    WHERE lowest <> highest";

/// The views of a statement, by name.
///
/// # Errors
/// When one of them cannot be planned.
pub(super) async fn views(
    statement: &Arc<Statement>,
    schema: &OnceCell<SchemaRef>,
) -> Result<[(&'static str, Arc<dyn TableProvider>); 2]> {
    // It is planned again in each statement that reads it, but its columns are always the same.
    let planned = async || -> Result<SchemaRef> {
        let plan = statement.logical_plan(CONFLICTS).await?;
        Ok(Arc::new(plan.schema().as_arrow().clone()))
    };
    let schema = Arc::clone(schema.get_or_try_init(planned).await?);
    let conflicts = Conflicts { statement: Arc::clone(statement), schema };
    let reconciliation = Reconciliation { statement: Arc::clone(statement) };
    Ok([("conflicts", Arc::new(conflicts)), ("reconciliation", Arc::new(reconciliation))])
}

/// Cells for which official feeds give different values.
struct Conflicts {
    statement: Arc<Statement>,
    schema: SchemaRef,
}

impl fmt::Debug for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conflicts")
    }
}

#[async_trait]
impl TableProvider for Conflicts {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plan = LogicalPlanBuilder::from(self.statement.logical_plan(CONFLICTS).await?);
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            plan = plan.filter(filter)?;
        }
        if let Some(projection) = projection {
            let column = |index: &usize| ident(self.schema.field(*index).name());
            plan = plan.project(projection.iter().map(column))?;
        }
        self.statement.step(&plan.build()?).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // Whatever else is said is said of rows that were compared already.
        let pushed = |filter: &&Expr| {
            if is_on(filter, &OF_KEY) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(pushed).collect())
    }
}

/// Reported figures of units against what those right below them make.
struct Reconciliation {
    statement: Arc<Statement>,
}

impl fmt::Debug for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reconciliation")
    }
}

#[async_trait]
impl TableProvider for Reconciliation {
    fn schema(&self) -> SchemaRef {
        reconciliation::schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let external = |error: QueryError| DataFusionError::External(Box::new(error));
        let indicators = named("indicator", filters);
        let of_family = filters.iter().filter(|filter| is_on(filter, &OF_FAMILY)).cloned();
        let filter = conjunction(of_family).unwrap_or_else(|| lit(true));
        let rows = reconciliation::rows(&self.statement, indicators.as_ref(), &filter).await;
        let schema = reconciliation::schema();
        let rows = vec![rows.map_err(external)?];
        Ok(MemorySourceConfig::try_new_exec(&[rows], schema, projection.cloned())?)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = |filter: &&Expr| {
            if is_on(filter, &OF_FAMILY) {
                TableProviderFilterPushDown::Exact
            } else if is_on(filter, &["indicator"]) {
                // What it names is all that is read; the rest of it is left to the statement.
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(pushed).collect())
    }
}

/// Whether a filter looks at some columns alone.
fn is_on(filter: &Expr, columns: &[&str]) -> bool {
    let named = filter.column_refs();
    named.iter().all(|column| columns.contains(&column.name.as_str())) && !filter.is_volatile()
}
