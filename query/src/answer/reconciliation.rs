//! Reconciliation: what a unit reported against what those right below it make, for each indicator, period and stage.
//!
//! - A row stands where there are both: the unit's own report and at least one figure below it. What those below make is
//!   made as in totals (`tree.rs`): sums, ratios of sums, means; an indicator whose figures are not made has no row.
//! - `gap` is reported - computed. Where not all of those below reported it says little, so how many did stands beside it.
//! - Made-up figures never enter: only official feeds are read, one of them for each cell.
//! - One indicator is worked on at a time, so memory is that of the largest one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::NaiveDate;
use datafusion::prelude::Expr;
use dinh_lake::Decimal;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;
use dinh_lake::observation::{Stage, decimal_type};

use super::cell::{Cell, Span};
use super::gather::cells_or_ratios;
use super::read::Wanted;
use super::scope;
use super::tree::{Source, Tree};
use crate::error::QueryError;
use crate::sql::Statement;

/// One unit's report against those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// The unit's id, code, name and level.
    pub unit: [String; 4],
    /// The period's label.
    pub period: String,
    /// The period.
    pub span: Span,
    /// The stage.
    pub stage: Stage,
    /// What the unit reported.
    pub reported: Decimal,
    /// The feed that it came from.
    pub feed: String,
    /// What those below make.
    pub computed: Decimal,
    /// Reported less computed; none where that does not fit.
    pub gap: Option<Decimal>,
    /// How many of those right below have a figure that is in it.
    pub children_reported: i64,
    /// How many there are that may report.
    pub children_expected: i64,
    /// Whether all of them have a complete one.
    pub complete: bool,
}

/// The reconciliation of one indicator's cells, of one feed each, in order of period, stage and unit.
#[must_use]
pub fn reconcile(catalogue: &Catalogue, indicator: &Indicator, cells: &[Cell]) -> Vec<Reconciled> {
    let mut families: BTreeMap<(Span, Stage), Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        families.entry((cell.span(), cell.stage)).or_default().push(cell);
    }
    let mut rows = Vec::new();
    for ((span, stage), cells) in families {
        let tree = Tree::grow(&catalogue.units, span.end, indicator, cells.iter().copied());
        let own: BTreeMap<_, _> = cells.iter().map(|cell| (&cell.unit, *cell)).collect();
        let period = scope::label(span, None, cells.iter().copied());
        for (unit, cell) in own {
            let below = tree.expected_below(unit);
            let (Some(reported), Some(version)) =
                (cell.value, catalogue.units.version_at(unit, span.end))
            else {
                continue;
            };
            let Some(made) = tree.combined(below) else { continue };
            let Some(computed) = made.value else { continue };
            let text = str::to_owned;
            rows.push(Reconciled {
                unit: [&version.unit.0, &version.code, &version.name, &version.level]
                    .map(|t| text(t)),
                period: period.clone(),
                span,
                stage,
                reported,
                feed: cell.feed.to_string(),
                computed,
                gap: reported.checked_sub(computed),
                children_reported: count(tree.usable_count(below)),
                children_expected: count(below.len()),
                complete: made.source == Source::Computed,
            });
        }
    }
    rows
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The rows of the view for the indicators that are named, or all that may be read, and cells for which a filter on what
/// the cells of a family have in common holds.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn rows(
    statement: &Statement,
    named: Option<&BTreeSet<String>>,
    filter: &Expr,
) -> Result<RecordBatch, QueryError> {
    let catalogue = statement.catalogue();
    let is_named = |indicator: &&Indicator| {
        named.is_none_or(|named| named.contains(&indicator.indicator))
            && statement.may_read_some(indicator)
    };
    let mut all = Vec::new();
    for indicator in catalogue.indicators.values().filter(is_named) {
        let wanted = Wanted {
            indicators: Some(vec![&indicator.indicator]),
            family: Some(filter.clone()),
            ..Wanted::default()
        };
        let cells = cells_or_ratios(statement, indicator, &wanted).await?;
        let rows = reconcile(catalogue, indicator, &cells);
        all.extend(rows.into_iter().map(|row| (indicator.indicator.as_str(), row)));
    }
    batch(&all).map_err(|error| QueryError::internal("writing a reconciliation", &error))
}

/// The columns of the view.
#[must_use]
pub(crate) fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let day = |name| Field::new(name, DataType::Date32, true);
    let decimal = |name| Field::new(name, decimal_type(), true);
    let whole = |name| Field::new(name, DataType::Int64, true);
    Arc::new(Schema::new(vec![
        text("indicator"),
        text("unit"),
        text("code"),
        text("name"),
        text("level"),
        text("period"),
        day("period_start"),
        day("period_end"),
        text("stage"),
        decimal("reported"),
        text("feed"),
        decimal("computed"),
        decimal("gap"),
        whole("children_reported"),
        whole("children_expected"),
        Field::new("complete", DataType::Boolean, true),
    ]))
}

fn batch(rows: &[(&str, Reconciled)]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let text = |of: &dyn Fn(&Reconciled) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, row)| Some(of(row))).collect::<StringArray>())
    };
    let day = |of: fn(&Span) -> NaiveDate| -> ArrayRef {
        let since = |day: NaiveDate| day.signed_duration_since(NaiveDate::default()).num_days();
        let days = rows.iter().map(|(_, row)| i32::try_from(since(of(&row.span))).ok());
        Arc::new(days.collect::<Date32Array>())
    };
    let decimal = |of: fn(&Reconciled) -> Option<Decimal>| -> ArrayRef {
        let values = rows.iter().map(|(_, row)| of(row).map(Decimal::unscaled));
        Arc::new(values.collect::<Decimal128Array>().with_data_type(decimal_type()))
    };
    let whole = |of: fn(&Reconciled) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, row)| of(row))))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|(code, _)| Some(*code)).collect::<StringArray>()),
        text(&|row| row.unit[0].clone()),
        text(&|row| row.unit[1].clone()),
        text(&|row| row.unit[2].clone()),
        text(&|row| row.unit[3].clone()),
        text(&|row| row.period.clone()),
        day(|span| span.start),
        day(|span| span.end),
        text(&|row| row.stage.code().to_owned()),
        decimal(|row| Some(row.reported)),
        text(&|row| row.feed.clone()),
        decimal(|row| Some(row.computed)),
        decimal(|row| row.gap),
        whole(|row| row.children_reported),
        whole(|row| row.children_expected),
        Arc::new(rows.iter().map(|(_, row)| Some(row.complete)).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(schema(), columns)
}
