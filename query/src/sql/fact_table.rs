//! The tables over the ledger: `observations`, `current`, `submissions`, `verdicts`.
//!
//! A scan of one of them is a small plan over [`LedgerTable`](super::ledger_table::LedgerTable), built here:
//!
//! ```text
//! project the columns that are asked for
//!   filter: all that the statement pushed down
//!     [current only: the newest revision of each cell, unless it is withdrawn; see `newest.rs`]
//!       filter: kind, class of feeds, grants; for `current` also what the statement says about keys
//!         ledger [current only: twice, the files in the order of cells and the others]
//! ```

use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{ident, lit};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::FeedClass;
use dinh_lake::ledger::{OBSERVATION, SUBMISSION, Snapshot, VERDICT};

use super::cell::KnownTexts;
use super::ledger_table::{LedgerTable, Order};
use super::naming::named;
use super::newest::newest;
use super::permission;
use crate::access::Access;
use crate::error::{ErrorKind, QueryError, Text};

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

/// What holds for all scans of one statement.
pub(super) struct Rules {
    catalogue: Arc<Catalogue>,
    /// The texts of the catalogue.
    known: Arc<KnownTexts>,
    access: Access,
    /// The class of feeds that the statement reads, once a scan has chosen.
    class: Mutex<Option<FeedClass>>,
}

impl Rules {
    pub(super) fn new(catalogue: Arc<Catalogue>, known: Arc<KnownTexts>, access: Access) -> Self {
        Self { catalogue, known, access, class: Mutex::new(None) }
    }

    /// The feeds that a scan reads: those that its filters name, or all official ones.
    fn feeds(&self, filters: &[Expr]) -> Result<(FeedClass, Expr)> {
        let feeds = &self.catalogue.feeds;
        let named = named("feed", filters);
        let wanted = |name: &str| named.as_ref().is_none_or(|named| named.contains(name));
        let of = |class| {
            let of_class = feeds.values().filter(move |feed| feed.class == class);
            of_class.map(|feed| feed.feed.as_str()).filter(|name| wanted(name)).collect::<Vec<_>>()
        };
        let synthetic = if named.is_some() { of(FeedClass::Synthetic) } else { Vec::new() };
        let official = of(FeedClass::Official);
        match (official.is_empty(), synthetic.is_empty()) {
            (false, false) => Err(both_classes()),
            (true, false) => Ok((FeedClass::Synthetic, permission::one_of("feed", synthetic))),
            (_, true) => Ok((FeedClass::Official, permission::one_of("feed", official))),
        }
    }

    /// Holds the statement to one class.
    fn claim(&self, class: FeedClass) -> Result<()> {
        let mut claimed = self.class.lock().expect("nothing panics while it is held");
        match *claimed {
            Some(other) if other != class => Err(both_classes()),
            _ => {
                *claimed = Some(class);
                Ok(())
            }
        }
    }
}

fn both_classes() -> DataFusionError {
    let message = Text::new(
        "số liệu chính thức và số liệu giả lập không bao giờ nằm chung trong một câu trả lời; hãy hỏi riêng từng loại, và \
         ghi `feed = '…'` cho mỗi bảng trong câu lệnh",
        "official and synthetic figures never meet in one answer; ask for one class at a time, and write `feed = '…'` for \
         each table of the statement",
    );
    let error = QueryError::new(ErrorKind::Invalid, "sql.feed_classes", message);
    DataFusionError::External(Box::new(error))
}

/// One of the tables over the ledger, in one statement.
pub(super) struct FactTable {
    facts: Facts,
    schema: SchemaRef,
    snapshot: Arc<Snapshot>,
    rules: Arc<Rules>,
    /// Plans scans, without physical rules: those of the statement's session go over the whole plan, and would push every
    /// filter down a second time.
    planner: Arc<SessionState>,
}

impl FactTable {
    pub(super) fn new(
        facts: Facts,
        snapshot: Arc<Snapshot>,
        rules: Arc<Rules>,
        planner: Arc<SessionState>,
    ) -> Result<Self> {
        let all = columns(facts, FeedClass::Official);
        let plan = scan_ledger(&snapshot, Order::Any)?.project(all)?.build()?;
        let schema = Arc::new(plan.schema().as_arrow().clone());
        Ok(Self { facts, schema, snapshot, rules, planner })
    }

    fn plan(
        &self,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<LogicalPlan> {
        let catalogue = &self.rules.catalogue;
        let access = &self.rules.access;
        let mut below = vec![ident("kind").eq(lit(self.facts.kind()))];
        let class = match self.facts {
            Facts::Observations | Facts::Current => {
                let (class, feeds) = self.rules.feeds(filters)?;
                self.rules.claim(class)?;
                below.push(feeds);
                let indicators = named("indicator", filters);
                below.extend(permission::observations(catalogue, access, indicators.as_ref()));
                class
            }
            Facts::Submissions | Facts::Verdicts => {
                below.extend(permission::submissions(catalogue, access));
                FeedClass::Official
            }
        };
        let rows = |order| filter_all(scan_ledger(&self.snapshot, order)?, below.iter().cloned());
        let plan = if self.facts == Facts::Current {
            let (ordered, unordered) = (rows(Order::Cells)?, rows(Order::None)?);
            newest(ordered.build()?, unordered.build()?, Arc::clone(&self.rules.known))
        } else {
            rows(Order::Any)?
        };
        let plan = plan.project(columns(self.facts, class))?;
        let plan = filter_all(plan, filters.iter().cloned())?.limit(0, limit)?;
        let column = |index: usize| ident(self.schema.field(index).name());
        match projection {
            None => plan.build(),
            Some(indices) => plan.project(indices.iter().copied().map(column))?.build(),
        }
    }
}

fn scan_ledger(snapshot: &Arc<Snapshot>, order: Order) -> Result<LogicalPlanBuilder> {
    let ledger = LedgerTable::new(Arc::clone(snapshot), order);
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
