//! About where revisions lie in time, from what is known of files without reading their rows: the bounds of pages of sorted
//! files, and of fresh files as a whole.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;

use super::super::cell::{Cells, period_end};
use super::super::ledger_table::Order;
use super::RevisionsTable;

/// Rows that lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Stretch {
    /// No period of theirs ends later, in days since 1970; none if that is not known.
    pub(in super::super) last_end: Option<i32>,
    pub(in super::super) rows: u64,
}

/// The stretches that may hold revisions for which the filters of a table hold, in no order.
pub(in super::super) async fn stretches(
    table: &RevisionsTable,
    session: &dyn Session,
) -> Result<Vec<Stretch>> {
    let filter = conjunction(table.filters.iter().cloned());
    let asked = Arc::new(table.asked(session, Some(&Vec::new()), filter.as_ref())?);
    let sorted = Arc::new(table.sorted(session, &table.filters, asked)?);
    let cells = Arc::new(Cells::new(Arc::clone(&table.known)));
    let opened = sorted.open(&cells, &ExecutionPlanMetricsSet::new()).await?;
    let pages = opened
        .iter()
        .flat_map(|file| &file.pages)
        .map(|page| Stretch { last_end: page.high.map(period_end), rows: page.rows as u64 });
    let fresh = table.ledger(Order::None).matching(session, &table.filters)?;
    let files = fresh.iter().map(|file| Stretch {
        last_end: file.stats.max_values.period_end.map(super::super::ledger_table::days),
        rows: file.stats.num_records,
    });
    Ok(pages.chain(files).collect())
}
