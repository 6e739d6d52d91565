//! One statement: a session over one view of ledger and catalogue.

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{NaiveDate, TimeDelta};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{DataFrame, Expr, SQLOptions, SessionContext, ident, lit};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;

use super::catalogue_tables::Tables;
use super::engine::Engine;
use super::failure::from_datafusion;
use super::functions::TableFunctions;
use super::revisions::{RevisionsTable, Wanted, stretches};
use super::rules::Rules;
use super::views::views;
use crate::access::Access;
use crate::as_of::{AsOf, Moment};
use crate::error::QueryError;

/// Rows of the ledger that lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// No period of theirs ends later.
    pub last_end: NaiveDate,
    /// How many there are.
    pub rows: u64,
}

/// One statement: a session over one snapshot of ledger and catalogue, or over what was known at a moment of the past.
pub struct Statement {
    engine: Arc<Engine>,
    session: SessionContext,
    tables: Tables,
    rules: Arc<Rules>,
}

impl Statement {
    pub(super) fn new(
        engine: Arc<Engine>,
        tables: Tables,
        rules: Arc<Rules>,
    ) -> Result<Self, DataFusionError> {
        let session = engine.session(&tables, Vec::new())?;
        Ok(Self { engine, session, tables, rules })
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

    /// Rows that a question about the latest period reads first.
    #[must_use]
    pub fn window_rows(&self) -> u64 {
        self.engine.limits().window_rows
    }

    /// About where the revisions of some indicators lie in time, or of all if none is named; found without reading rows.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn stretches(&self, indicators: &[&str]) -> Result<Vec<Stretch>, QueryError> {
        let listed = indicators.iter().map(|code| lit(*code)).collect();
        let named = (!indicators.is_empty()).then(|| ident("indicator").in_list(listed, false));
        let table = RevisionsTable {
            view: self.rules.view.clone(),
            known: Arc::clone(&self.rules.known),
            wanted: Wanted::Newest,
            filters: Vec::from_iter(named),
        };
        let stretches = stretches(&table, self.engine.scans()).await;
        let day = |days: i32| NaiveDate::default().checked_add_signed(TimeDelta::days(days.into()));
        let stretch = |stretch: &super::revisions::Stretch| Stretch {
            last_end: stretch.last_end.and_then(day).unwrap_or(NaiveDate::MAX),
            rows: stretch.rows,
        };
        let stretches = stretches.map_err(|error| from_datafusion(&error))?;
        Ok(stretches.iter().map(stretch).collect())
    }

    /// A table by its name.
    pub(super) fn table(&self, name: &str) -> Result<&Arc<dyn TableProvider>, DataFusionError> {
        let table = self.tables.iter().find(|(known, _)| *known == name);
        let none = || DataFusionError::Plan(format!("there is no table `{name}`"));
        table.map(|(_, table)| table).ok_or_else(none)
    }

    /// The names of its tables.
    pub(super) fn tables(&self) -> Vec<&'static str> {
        self.tables.iter().map(|(name, _)| *name).collect()
    }

    /// What a statement over its tables means, not planned any further.
    pub(super) async fn logical_plan(&self, sql: &str) -> Result<LogicalPlan, DataFusionError> {
        self.session.state().create_logical_plan(sql).await
    }

    /// A step of a larger plan, which physical rules will go over.
    pub(super) async fn step(
        &self,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        self.engine.scans().create_physical_plan(plan).await
    }

    /// Parses and plans one statement that reads, and starts it. It has views and table functions beside the tables.
    pub(super) async fn stream(
        self: &Arc<Self>,
        sql: &str,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let mut tables = self.tables.clone();
        tables.extend(views(self, self.engine.view_schema()).await?);
        let functions = TableFunctions { statement: Arc::clone(self) };
        let session = self.engine.session(&tables, vec![Arc::new(functions)])?;
        let state = session.state();
        let plan = read_only(&state, sql).await?;
        let plan = state.create_physical_plan(&plan).await?;
        execute_stream(plan, session.task_ctx())
    }
}

async fn read_only(state: &SessionState, sql: &str) -> Result<LogicalPlan, DataFusionError> {
    let plan = state.create_logical_plan(sql).await?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    Ok(plan)
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Statement at {}", self.position())
    }
}
