//! One statement: a session over one view of ledger and catalogue.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{DataFrame, Expr, SQLOptions, SessionContext, ident};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;

use super::engine::Engine;
use super::failure::from_datafusion;
use super::rules::Rules;
use crate::access::Access;
use crate::as_of::{AsOf, Moment};
use crate::error::QueryError;

/// One statement: a session over one snapshot of ledger and catalogue, or over what was known at a moment of the past.
pub struct Statement {
    engine: Arc<Engine>,
    session: SessionContext,
    rules: Arc<Rules>,
}

impl Statement {
    pub(super) fn new(engine: Arc<Engine>, session: SessionContext, rules: Arc<Rules>) -> Self {
        Self { engine, session, rules }
    }

    /// The same caller's statement over what was known at a moment of the past; both read one class of feeds.
    ///
    /// # Errors
    /// As [`Engine::begin`].
    pub async fn at(&self, as_of: AsOf) -> Result<Self, QueryError> {
        let Rules { access, claim, .. } = self.rules.as_ref();
        self.engine.begin_claimed(access, Some(as_of), claim.clone()).await
    }

    /// What it may read.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.rules.access
    }

    /// Whether any figure of an indicator may be read, by the catalogue of today; which ones, the plan decides.
    #[must_use]
    pub fn may_read_some(&self, indicator: &Indicator) -> bool {
        let today = self.rules.present.indicators.get(&indicator.indicator);
        self.access().may_read_some(today.unwrap_or(indicator))
    }

    /// Whether it may read every figure of an indicator, by what the catalogue says of it today.
    #[must_use]
    pub fn may_read_all(&self, indicator: &Indicator) -> bool {
        let today = self.rules.present.indicators.get(&indicator.indicator);
        self.access().may_read_all(today.unwrap_or(indicator))
    }

    /// The catalogue of the snapshot.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.rules.catalogue
    }

    /// The newest ledger entry that it sees.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.rules.view.position()
    }

    /// When what it sees was known; none: now.
    #[must_use]
    pub fn as_of(&self) -> Option<String> {
        self.rules.view.moment.map(Moment::shown)
    }

    /// Some columns of the rows of a table for which a filter holds.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn select(
        &self,
        table: &str,
        columns: &[&str],
        filter: Expr,
    ) -> Result<Vec<RecordBatch>, QueryError> {
        let rows = async {
            let rows: DataFrame = self.session.table(table).await?;
            let columns = columns.iter().map(|column| ident(*column)).collect::<Vec<_>>();
            rows.filter(filter)?.select(columns)?.collect().await
        };
        rows.await.map_err(|error| from_datafusion(&error))
    }

    /// Parses and plans one statement that reads, and starts it.
    pub(super) async fn stream(
        &self,
        sql: &str,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let plan = self.read_only(sql).await?;
        let state = self.session.state();
        let plan = state.create_physical_plan(&plan).await?;
        execute_stream(plan, self.session.task_ctx())
    }

    async fn read_only(&self, sql: &str) -> Result<LogicalPlan, DataFusionError> {
        let plan = self.session.state().create_logical_plan(sql).await?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)?;
        Ok(plan)
    }
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Statement at {}", self.position())
    }
}
