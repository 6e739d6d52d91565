//! From the tables to cells. The only file of the answers that knows SQL's columns.
//!
//! Filters on indicator, unit, stage and feed go down into the ledger's files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::conjunction;
use datafusion::prelude::{Expr, ident, lit};
use dinh_lake::Decimal;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::period::Period;
use dinh_lake::unit::UnitId;

use super::cell::{Cell, Declared, Span};
use super::history::Revision;
use super::windows::Window;
use crate::error::QueryError;
use crate::sql::Statement;

const CELL_COLUMNS: [&str; 16] = [
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
    "recorded_at",
    "submission",
];

/// Which observations are wanted; none means all.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Of these indicators.
    pub indicators: Option<Vec<&'a str>>,
    /// Of one of these units.
    pub units: Option<Vec<&'a UnitId>>,
    /// At this stage.
    pub stage: Option<Stage>,
    /// From this feed; none: the official ones.
    pub feed: Option<&'a str>,
    /// Of one of these spans.
    pub spans: Option<Vec<Span>>,
    /// The spans that an answer may be about, if they are known: whether others came late is not asked.
    pub timely: Option<Vec<Span>>,
    /// Of periods that end in it.
    pub window: Window,
    /// Those for which a filter on the columns of period and stage holds.
    pub family: Option<Expr>,
}

impl Wanted<'_> {
    /// Whether an answer may be about a span, or be made of what was reported for it.
    #[must_use]
    pub fn is_timely(&self, span: Span) -> bool {
        let within = |of: &Span| of.start <= span.start && span.end <= of.end;
        self.timely.as_ref().is_none_or(|spans| spans.iter().any(within))
    }

    fn filter(&self) -> Expr {
        let mut filters = Vec::new();
        if let Some(indicators) = &self.indicators {
            let listed = indicators.iter().map(|code| lit(*code)).collect();
            filters.push(ident("indicator").in_list(listed, false));
        }
        if let Some(units) = &self.units {
            let listed = units.iter().map(|unit| lit(unit.as_str())).collect();
            filters.push(ident("unit").in_list(listed, false));
        }
        filters.extend(self.stage.map(|stage| ident("stage").eq(lit(stage.code()))));
        filters.extend(self.feed.map(|feed| ident("feed").eq(lit(feed))));
        let spans = self.spans.iter().flatten().map(|span| {
            let is = |column, day| ident(column).eq(lit(day_of(day)));
            is("period_end", span.end).and(is("period_start", span.start))
        });
        filters.extend(spans.reduce(Expr::or));
        let Window { from, before } = self.window;
        filters.extend(from.map(|day| ident("period_end").gt_eq(lit(day_of(day)))));
        filters.extend(before.map(|day| ident("period_end").lt(lit(day_of(day)))));
        filters.extend(self.family.clone());
        conjunction(filters).unwrap_or_else(|| lit(true))
    }
}

fn day_of(day: NaiveDate) -> ScalarValue {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    ScalarValue::Date32(i32::try_from(days).ok())
}

/// The current cells that are wanted, each with its indicator.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn current(
    statement: &Statement,
    wanted: &Wanted<'_>,
) -> Result<Vec<(String, Cell)>, QueryError> {
    let batches = statement.select("current", &CELL_COLUMNS, wanted.filter()).await?;
    with_indicators(&batches)
}

/// The cells of rows, each with its indicator.
fn with_indicators(batches: &[RecordBatch]) -> Result<Vec<(String, Cell)>, QueryError> {
    let mut feeds = Feeds::default();
    let mut cells = Vec::new();
    for batch in batches {
        let rows = Columns::of(batch)?;
        for row in 0..batch.num_rows() {
            cells.push((rows.text("indicator", row).to_owned(), rows.cell(row, &mut feeds)?));
        }
    }
    Ok(cells)
}

/// The revisions that are wanted that were recorded before a moment and gave a figure, each with its indicator.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn reported_before(
    statement: &Statement,
    wanted: &Wanted<'_>,
    moment: DateTime<Utc>,
) -> Result<Vec<(String, Cell)>, QueryError> {
    let stamp =
        ScalarValue::TimestampMicrosecond(Some(moment.timestamp_micros()), Some("UTC".into()));
    let before = ident("recorded_at").lt(lit(stamp));
    let given = ident("status").not_eq(lit(Status::Withdrawn.code()));
    let filter = wanted.filter().and(before).and(given);
    let batches = statement.select("observations", &CELL_COLUMNS, filter).await?;
    with_indicators(&batches)
}

/// All revisions that are wanted.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn revisions(
    statement: &Statement,
    wanted: &Wanted<'_>,
) -> Result<Vec<Revision>, QueryError> {
    let mut columns = CELL_COLUMNS.to_vec();
    columns.extend(["row", "note", "position"]);
    let batches = statement.select("observations", &columns, wanted.filter()).await?;
    let mut feeds = Feeds::default();
    let mut revisions = Vec::new();
    for batch in &batches {
        let rows = Columns::of(batch)?;
        for row in 0..batch.num_rows() {
            let whole = |name| rows.whole(name, row).unwrap_or_default();
            revisions.push(Revision {
                cell: rows.cell(row, &mut feeds)?,
                submission: rows.text("submission", row).to_owned(),
                row: whole("row"),
                note: rows.optional_text("note", row).map(str::to_owned),
                position: whole("position").unsigned_abs(),
            });
        }
    }
    Ok(revisions)
}

/// Feeds' names, each kept once.
#[derive(Default)]
struct Feeds(HashMap<String, Arc<str>>);

impl Feeds {
    fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(shared) = self.0.get(name) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = Arc::from(name);
        self.0.insert(name.to_owned(), Arc::clone(&shared));
        shared
    }
}

/// The columns of a batch by name.
struct Columns<'a> {
    batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, QueryError> {
        match CELL_COLUMNS.iter().find(|name| batch.column_by_name(name).is_none()) {
            Some(missing) => Err(QueryError::internal("reading cells", missing)),
            None => Ok(Self { batch }),
        }
    }

    fn text(&self, name: &str, row: usize) -> &'a str {
        self.optional_text(name, row).unwrap_or_default()
    }

    fn optional_text(&self, name: &str, row: usize) -> Option<&'a str> {
        let column = self.batch.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn whole(&self, name: &str, row: usize) -> Option<i64> {
        let column = self.batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn decimal(&self, name: &str, row: usize) -> Option<Decimal> {
        let column = self.batch.column_by_name(name)?.as_primitive_opt::<Decimal128Type>()?;
        if column.is_valid(row) { Decimal::from_unscaled(column.value(row)) } else { None }
    }

    fn day(&self, name: &str, row: usize) -> Option<NaiveDate> {
        let column = self.batch.column_by_name(name)?.as_primitive_opt::<Date32Type>()?;
        let days = TimeDelta::days(i64::from(column.value(row)));
        if column.is_valid(row) { NaiveDate::default().checked_add_signed(days) } else { None }
    }

    fn cell(&self, row: usize, feeds: &mut Feeds) -> Result<Cell, QueryError> {
        let broken = |what: &'static str| QueryError::internal("reading a cell", &what);
        let stamps = self.batch.column_by_name("recorded_at");
        let stamps = stamps.and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
        let stamp = stamps.and_then(|c| DateTime::from_timestamp_micros(c.value(row)));
        let declared = Declared {
            reported: self.whole("coverage_reported", row),
            expected: self.whole("coverage_expected", row),
        };
        let is_declared = declared.reported.is_some() || declared.expected.is_some();
        Ok(Cell {
            unit: UnitId(self.text("unit", row).to_owned()),
            period: Period {
                start: self.day("period_start", row).ok_or_else(|| broken("period_start"))?,
                end: self.day("period_end", row).ok_or_else(|| broken("period_end"))?,
                label: self.text("period", row).to_owned(),
            },
            stage: Stage::from_code(self.text("stage", row)).ok_or_else(|| broken("stage"))?,
            value: self.decimal("value", row),
            numerator: self.decimal("numerator", row),
            denominator: self.decimal("denominator", row),
            qualifier: Qualifier::from_code(self.text("qualifier", row))
                .ok_or_else(|| broken("qualifier"))?,
            status: Status::from_code(self.text("status", row)).ok_or_else(|| broken("status"))?,
            declared: is_declared.then_some(declared),
            feed: feeds.shared(self.text("feed", row)),
            recorded_at: stamp.ok_or_else(|| broken("recorded_at"))?,
            late: None,
            over_time: None,
            moved: None,
        })
    }
}
