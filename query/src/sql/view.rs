//! The ledger as a statement sees it: the files of one snapshot, and up to which moment their rows count.
//!
//! A moment of the past is a stamp and a position that belong together, for stamps increase along the ledger. The stamp
//! decides row by row; the position leaves out files that came later.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::physical_plan::collect;
use datafusion::prelude::{ident, lit};
use dinh_lake::ledger::{SUBMISSION, Snapshot};

use super::ledger_table::{LedgerTable, Order};
use crate::as_of::Moment;

/// A snapshot of the ledger, up to a moment.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) snapshot: Arc<Snapshot>,
    /// What came later is left out; none: nothing is.
    pub(super) moment: Option<Moment>,
}

impl View {
    /// All of a snapshot.
    pub(super) fn whole(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, moment: None }
    }

    /// The newest ledger entry that it includes.
    pub(super) fn position(&self) -> u64 {
        self.moment.map_or(self.snapshot.position, |moment| moment.position)
    }

    /// What holds for its rows.
    pub(super) fn filter(&self) -> Option<Expr> {
        self.moment.map(|moment| ident("recorded_at").lt_eq(stamp(moment.stamp)))
    }

    /// What holds for files that have any of its rows, by their bounds.
    pub(super) fn filter_of_files(&self) -> Option<Expr> {
        self.moment.map(|moment| ident("position").lt_eq(position(moment.position)))
    }

    /// The moment of a position: its entry, or the newest one with rows before it. None where there is none.
    pub(super) async fn moment_of(
        &self,
        at: u64,
        session: &SessionState,
    ) -> Result<Option<Moment>> {
        let by_then = ident("position").lt_eq(position(at));
        let [stamp, _] = self.last(by_then, session).await?;
        Ok(stamp.map(|stamp| Moment { stamp, position: at }))
    }

    /// The newest position that has rows of a time or before; none where there is none.
    pub(super) async fn position_at(&self, at: i64, session: &SessionState) -> Result<Option<u64>> {
        let by_then = ident("recorded_at").lt_eq(stamp(at));
        let [_, position] = self.last(by_then, session).await?;
        Ok(position.map(i64::unsigned_abs))
    }

    /// The first stamp of all.
    pub(super) async fn first(&self, session: &SessionState) -> Result<Option<i64>> {
        let first = [min(ident("recorded_at")), min(ident("position"))];
        Ok(self.ends(lit(true), first, session).await?[0])
    }

    async fn last(&self, filter: Expr, session: &SessionState) -> Result<[Option<i64>; 2]> {
        let last = [max(ident("recorded_at")), max(ident("position"))];
        self.ends(filter, last, session).await
    }

    /// A stamp and a position over all submissions for which a filter holds: every entry with rows has one.
    async fn ends(
        &self,
        filter: Expr,
        ends: [Expr; 2],
        session: &SessionState,
    ) -> Result<[Option<i64>; 2]> {
        let ledger = LedgerTable::new(self.clone(), Order::Any);
        let of_kind = ident("kind").eq(lit(SUBMISSION));
        let plan = LogicalPlanBuilder::scan("ledger", provider_as_source(Arc::new(ledger)), None)?
            .filter(of_kind.and(filter))?
            .aggregate(Vec::<Expr>::new(), ends)?
            .build()?;
        let plan = session.create_physical_plan(&plan).await?;
        let rows = collect(plan, Arc::new(TaskContext::from(session))).await?;
        let row = rows.iter().find(|rows| rows.num_rows() > 0);
        let none = || DataFusionError::Internal("an aggregate gave no row".to_owned());
        let columns = row.ok_or_else(none)?.columns();
        let stamps = columns[0].as_primitive_opt::<TimestampMicrosecondType>();
        let positions = columns[1].as_primitive_opt::<Int64Type>();
        let (stamps, positions) = stamps.zip(positions).ok_or_else(none)?;
        Ok([
            stamps.is_valid(0).then(|| stamps.value(0)),
            positions.is_valid(0).then(|| positions.value(0)),
        ])
    }
}

fn stamp(stamp: i64) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(stamp), Some("UTC".into())))
}

fn position(position: u64) -> Expr {
    lit(i64::try_from(position).unwrap_or(i64::MAX))
}
