//! The table `timeliness`: for each push and period, how many figures it was the first to report, when they were due, and
//! whether they came late.
//!
//! ```text
//! join: the submission with that stamp
//!   group by feed, period, stage and stamp: how many cells
//!     group by cell: the stamp of its first report
//!       observations, without withdrawals
//! ```
//!
//! Nothing of it is kept: deadlines follow from the catalogue that the statement sees, so a holiday that is announced later
//! moves them, and `as_of` gives them as they were known.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::execution::session_state::SessionState;
use datafusion::functions_aggregate::expr_fn::{count, min};
use datafusion::logical_expr::{
    ColumnarValue, Expr, JoinType, LogicalPlanBuilder, ScalarUDF, TableProviderFilterPushDown,
    Volatility, create_udf,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{ident, lit};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::observation::{Stage, Status};

use super::fact_table::{FactTable, Facts};
use super::rules::Rules;

/// Its name.
pub(super) const NAME: &str = "timeliness";

/// What figures of one push have in common.
const GROUP: [&str; 4] = ["feed", "period_start", "period_end", "stage"];
/// The columns of a cell's key.
const CELL: [&str; 6] = ["feed", "period_start", "period_end", "stage", "indicator", "unit"];
/// The stamp of a first report.
const FIRST: &str = "first_reported_at";

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let day = |name: &str| Field::new(name, DataType::Date32, true);
    Arc::new(Schema::new(vec![
        text("feed"),
        text("submission"),
        text("principal"),
        day("period_start"),
        day("period_end"),
        text("stage"),
        Field::new("rows", DataType::Int64, true),
        Field::new("due_at", stamp_type(), true),
        Field::new("late", DataType::Boolean, true),
        Field::new("recorded_at", stamp_type(), true),
        Field::new("position", DataType::Int64, true),
    ]))
});

fn stamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The table in one statement.
pub(super) struct TimelinessTable {
    rules: Arc<Rules>,
    planner: Arc<SessionState>,
}

impl TimelinessTable {
    pub(super) fn new(rules: Arc<Rules>, planner: Arc<SessionState>) -> Self {
        Self { rules, planner }
    }

    fn facts(&self, facts: Facts) -> Result<FactTable> {
        FactTable::new(facts, Arc::clone(&self.rules), Arc::clone(&self.planner))
    }

    /// The plan, with filters on the columns of [`GROUP`].
    fn plan(&self, filters: &[Expr]) -> Result<LogicalPlanBuilder> {
        let observations = self.facts(Facts::Observations)?.plan(None, filters, None)?;
        let given = ident("status").not_eq(lit(Status::Withdrawn.code()));
        let first = min(ident("recorded_at")).alias(FIRST);
        let by_push = GROUP.into_iter().chain([FIRST]).map(ident);
        let reports = LogicalPlanBuilder::from(observations)
            .filter(given)?
            .aggregate(CELL.map(ident), [first])?
            .aggregate(by_push, [count(lit(1_i64)).alias("rows")])?;
        // The stamp belongs to one submission, so it alone finds it.
        let submissions = self.facts(Facts::Submissions)?;
        let named = ["submission", "principal", "recorded_at", "position"];
        let schema = submissions.schema();
        let indices = named.iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
        let submissions = submissions.plan(Some(&indices), &[], None)?;
        let on = (vec![FIRST], vec!["recorded_at"]);
        let joined = reports.join(submissions, JoinType::Inner, on, None)?;
        let due = due_at(Arc::clone(&self.rules.catalogue)).call(GROUP.map(ident).to_vec());
        let columns = SCHEMA.fields().iter().map(|field| match field.name().as_str() {
            "due_at" => due.clone().alias("due_at"),
            "late" => ident("recorded_at").gt_eq(due.clone()).alias("late"),
            name => ident(name).alias(name),
        });
        joined.project(columns)
    }
}

/// When figures of a feed, a period and a stage are due, as a function of SQL.
fn due_at(catalogue: Arc<Catalogue>) -> ScalarUDF {
    let types = vec![DataType::Utf8, DataType::Date32, DataType::Date32, DataType::Utf8];
    let due = move |arguments: &[ColumnarValue]| {
        let columns = ColumnarValue::values_to_arrays(arguments)?;
        let [feeds, starts, ends, stages] = columns.as_slice() else { return Err(wrong()) };
        let (feeds, stages) = (feeds.as_string_opt::<i32>(), stages.as_string_opt::<i32>());
        let (feeds, stages) = feeds.zip(stages).ok_or_else(wrong)?;
        let starts = starts.as_primitive_opt::<Date32Type>().ok_or_else(wrong)?;
        let ends = ends.as_primitive_opt::<Date32Type>().ok_or_else(wrong)?;
        let due = |row: usize| {
            let stage = Stage::from_code(stages.value(row))?;
            let span = (day(starts.value(row))?, day(ends.value(row))?);
            let due = catalogue.due_at(feeds.value(row), span, stage)?;
            Some(due.timestamp_micros())
        };
        let due: TimestampMicrosecondArray = (0..feeds.len()).map(due).collect();
        Ok(ColumnarValue::Array(Arc::new(due.with_timezone("UTC"))))
    };
    create_udf("due_at", types, stamp_type(), Volatility::Immutable, Arc::new(due))
}

fn day(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(days.into()))
}

fn wrong() -> DataFusionError {
    DataFusionError::Internal("a deadline is of a feed, a period and a stage".to_owned())
}

/// Whether a filter looks at nothing but what figures of one push have in common.
fn is_on_group(filter: &Expr) -> bool {
    let columns = filter.column_refs();
    !filter.is_volatile() && columns.iter().all(|column| GROUP.contains(&column.name.as_str()))
}

impl fmt::Debug for TimelinessTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimelinessTable")
    }
}

#[async_trait]
impl TableProvider for TimelinessTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&SCHEMA)
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
        let mut plan = self.plan(filters)?;
        if let Some(projection) = projection {
            let column = |index: &usize| ident(SCHEMA.field(*index).name());
            plan = plan.project(projection.iter().map(column))?;
        }
        self.planner.create_physical_plan(&plan.build()?).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = |filter: &&Expr| {
            if is_on_group(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(pushed).collect())
    }
}
