//! The tables over the ledger: `observations`, `current`, `submissions`, `verdicts`.
//!
//! A scan of one of them is a small plan over [`LedgerTable`](super::ledger_table::LedgerTable), built here:
//!
//! ```text
//! project the columns that are asked for
//!   filter: all that the statement pushed down
//!     filter: kind, class of feeds, grants
//!       ledger
//! ```
//!
//! `current` has in the place of the ledger the newest revision of each cell, unless it is withdrawn; what the statement says
//! about keys is done there too, see `revisions.rs`. `submissions` joins what each submission changed, if that is asked for.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::execution::session_state::SessionState;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    Expr, JoinType, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{coalesce, ident, lit};
use dinh_lake::feed::FeedClass;
use dinh_lake::ledger::{OBSERVATION, SUBMISSION, VERDICT, ledger_schema};

use super::ledger_table::{LedgerTable, Order};
use super::naming::named;
use super::permission;
use super::revisions::{CHANGED_AT, COUNTS, RevisionsTable, Wanted};
use super::rules::Rules;
use super::view::View;

const OBSERVATION_COLUMNS: &[&str] = &[
    "indicator",
    "unit",
    "period",
    "period_start",
    "period_end",
    "stage",
    "value",
    "numerator",
    "denominator",
    "qualifier",
    "status",
    "coverage_reported",
    "coverage_expected",
    "feed",
    "feed_class",
    "submission",
    "row",
    "note",
    "recorded_at",
    "position",
];

/// `rows_new`, `rows_revised` and `rows_unchanged` add up to `accepted`; see `revisions/changes.rs`. They are worked out only
/// when they are asked for, from all revisions of the feeds that the statement names.
const SUBMISSION_COLUMNS: &[&str] = &[
    "feed",
    "submission",
    "principal",
    "mode",
    "digest",
    "reason",
    "document",
    "catalogue_version",
    "rows",
    "accepted",
    "warned",
    "refused",
    "rows_new",
    "rows_revised",
    "rows_unchanged",
    "producer",
    "epoch",
    "sequence",
    "state_position",
    "recorded_at",
    "position",
];

const VERDICT_COLUMNS: &[&str] = &[
    "feed",
    "submission",
    "row",
    "severity",
    "field",
    "rule",
    "message_vi",
    "message_en",
    "suggestions",
    "content",
    "recorded_at",
    "position",
];

/// Which of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Facts {
    Observations,
    Current,
    Submissions,
    Verdicts,
}

impl Facts {
    pub(super) const ALL: [Self; 4] =
        [Self::Observations, Self::Current, Self::Submissions, Self::Verdicts];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Observations => "observations",
            Self::Current => "current",
            Self::Submissions => "submissions",
            Self::Verdicts => "verdicts",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Observations | Self::Current => OBSERVATION,
            Self::Submissions => SUBMISSION,
            Self::Verdicts => VERDICT,
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Observations | Self::Current => OBSERVATION_COLUMNS,
            Self::Submissions => SUBMISSION_COLUMNS,
            Self::Verdicts => VERDICT_COLUMNS,
        }
    }
}

/// One of the tables over the ledger, in one statement.
pub(super) struct FactTable {
    facts: Facts,
    schema: SchemaRef,
    rules: Arc<Rules>,
    /// Plans scans, without physical rules: those of the statement's session go over the whole plan, and would push every
    /// filter down a second time.
    planner: Arc<SessionState>,
}

impl FactTable {
    pub(super) fn new(facts: Facts, rules: Arc<Rules>, planner: Arc<SessionState>) -> Result<Self> {
        let mut plan = scan_ledger(&rules.view)?;
        if facts == Facts::Submissions {
            plan =
                plan.project(ledger_columns().chain(COUNTS.map(|name| lit(0_i64).alias(name))))?;
        }
        let plan = plan.project(columns(facts, FeedClass::Official))?.build()?;
        let schema = Arc::new(plan.schema().as_arrow().clone());
        Ok(Self { facts, schema, rules, planner })
    }

    pub(super) fn plan(
        &self,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<LogicalPlan> {
        let (plan, class) = match self.facts {
            Facts::Observations | Facts::Current => self.observations(filters)?,
            Facts::Submissions | Facts::Verdicts => {
                (self.submissions(projection, filters)?, FeedClass::Official)
            }
        };
        let plan = plan.project(columns(self.facts, class))?;
        let plan = filter_all(plan, filters.iter().cloned())?.limit(0, limit)?;
        let column = |index: usize| ident(self.schema.field(index).name());
        match projection {
            None => plan.build(),
            Some(indices) => plan.project(indices.iter().copied().map(column))?.build(),
        }
    }

    /// Observations that may be read, and their class.
    fn observations(&self, filters: &[Expr]) -> Result<(LogicalPlanBuilder, FeedClass)> {
        let (class, feeds) = self.rules.feeds(filters)?;
        self.rules.claim(class)?;
        let indicators = named("indicator", filters);
        let Rules { present, access, .. } = self.rules.as_ref();
        let mut readable = vec![feeds];
        readable.extend(permission::observations(present, access, indicators.as_ref()));
        let plan = if self.facts == Facts::Current {
            self.revisions(Wanted::Newest, readable)?
        } else {
            self.rows(&readable)?
        };
        Ok((plan, class))
    }

    /// Submissions or verdicts that may be read; submissions with their counts, if they are asked for.
    fn submissions(
        &self,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<LogicalPlanBuilder> {
        let Rules { present, access, .. } = self.rules.as_ref();
        let mut readable: Vec<_> = permission::submissions(present, access).into_iter().collect();
        let plan = self.rows(&readable)?;
        if self.facts == Facts::Verdicts {
            return Ok(plan);
        }
        if !self.asks_for_counts(projection, filters) {
            return plan.project(ledger_columns().chain(no_counts()));
        }
        // A cell is of one feed, so a feed's counts need the revisions of no other.
        readable.extend(on_feeds(filters));
        let added_up = COUNTS.map(|name| sum(ident(name)).alias(name));
        let changes = self.revisions(Wanted::Changes, readable)?;
        let changes = changes.aggregate([ident(CHANGED_AT)], added_up)?.build()?;
        let (stamp, changed_at) = ("ledger.recorded_at", CHANGED_AT);
        let counted = plan.join(changes, JoinType::Left, (vec![stamp], vec![changed_at]), None)?;
        let counts = COUNTS.map(|name| coalesce(vec![ident(name), lit(0_i64)]).alias(name));
        counted.project(ledger_columns().chain(counts))
    }

    fn asks_for_counts(&self, projection: Option<&Vec<usize>>, filters: &[Expr]) -> bool {
        let is_count = |name: &str| COUNTS.contains(&name);
        let named = |index: &usize| is_count(self.schema.field(*index).name());
        projection.is_none_or(|indices| indices.iter().any(named))
            || filters.iter().any(|f| f.column_refs().iter().any(|column| is_count(&column.name)))
    }

    /// What is wanted of all revisions of the cells for which some filters on keys hold.
    fn revisions(&self, wanted: Wanted, filters: Vec<Expr>) -> Result<LogicalPlanBuilder> {
        let (view, known) = (self.rules.view.clone(), Arc::clone(&self.rules.known));
        let table = RevisionsTable { view, known, wanted, filters };
        LogicalPlanBuilder::scan("revisions", provider_as_source(Arc::new(table)), None)
    }

    /// Rows of its kind for which some filters hold.
    fn rows(&self, filters: &[Expr]) -> Result<LogicalPlanBuilder> {
        let view = &self.rules.view;
        let of_kind = ident("kind").eq(lit(self.facts.kind()));
        let filters = filters.iter().cloned().chain(view.filter());
        filter_all(scan_ledger(view)?, std::iter::once(of_kind).chain(filters))
    }
}

/// The parts of some filters that look at nothing but feeds.
fn on_feeds(filters: &[Expr]) -> impl Iterator<Item = Expr> {
    let parts = filters.iter().flat_map(|filter| split_conjunction(filter));
    let of_feed = |part: &&Expr| {
        let columns = part.column_refs();
        !columns.is_empty() && columns.iter().all(|column| column.name == "feed")
    };
    parts.filter(of_feed).cloned()
}

/// The columns of the counts where nobody asks for them.
fn no_counts() -> [Expr; 3] {
    COUNTS.map(|name| lit(ScalarValue::Int64(None)).alias(name))
}

/// All columns of the ledger.
fn ledger_columns() -> impl Iterator<Item = Expr> {
    let schema = ledger_schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().clone()).collect();
    names.into_iter().map(ident)
}

fn scan_ledger(view: &View) -> Result<LogicalPlanBuilder> {
    let ledger = LedgerTable::new(view.clone(), Order::Any);
    LogicalPlanBuilder::scan("ledger", provider_as_source(Arc::new(ledger)), None)
}

/// The columns of a table, over the ledger's.
fn columns(facts: Facts, class: FeedClass) -> Vec<Expr> {
    let column = |name: &&str| match *name {
        "feed_class" => lit(class.code()).alias("feed_class"),
        name => ident(name).alias(name),
    };
    facts.columns().iter().map(column).collect()
}

fn filter_all(
    plan: LogicalPlanBuilder,
    filters: impl IntoIterator<Item = Expr>,
) -> Result<LogicalPlanBuilder> {
    match conjunction(filters) {
        Some(filter) => plan.filter(filter),
        None => Ok(plan),
    }
}

impl fmt::Debug for FactTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FactTable {}", self.facts.name())
    }
}

#[async_trait]
impl TableProvider for FactTable {
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
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.plan(projection, filters, limit)?;
        self.planner.create_physical_plan(&plan).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // Whatever is pushed down is applied to every row above, in `plan`.
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }
}
