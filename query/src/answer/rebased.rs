//! All figures of an indicator on the units of another day, or on clusters: one row for each unit, period and stage, as SQL's
//! `rebased(…)` gives them. They are the cells that rankings, totals and series on that structure are made of.
//!
//! A figure that holds for several units together has a row of its own without a unit; it names them in `together`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::NaiveDate;
use dinh_lake::Decimal;
use dinh_lake::observation::{Status, decimal_type};
use dinh_lake::unit::UnitVersion;

use super::cell::{Cell, Span};
use super::figures::Figures;
use super::question::Asked;
use super::together::Together;
use super::{gather, scope};
use crate::error::QueryError;
use crate::sql::Statement;

/// The columns.
#[must_use]
pub(crate) fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let day = |name| Field::new(name, DataType::Date32, true);
    let decimal = |name| Field::new(name, decimal_type(), true);
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
        decimal("value"),
        decimal("numerator"),
        decimal("denominator"),
        text("qualifier"),
        text("status"),
        Field::new("complete", DataType::Boolean, true),
        text("feed"),
        text("reported_by"),
        text("together"),
    ]))
}

/// One row.
struct Row<'a> {
    unit: Option<&'a UnitVersion>,
    span: Span,
    period: String,
    stage: &'static str,
    figures: [Option<Decimal>; 3],
    qualifier: &'static str,
    status: &'static str,
    complete: bool,
    feed: Option<&'a str>,
    /// The units that reported it, parted by `;`.
    reported_by: String,
    /// The units that have it together.
    together: Option<String>,
}

/// The rows of an indicator's figures on the structure that was asked for.
///
/// # Errors
/// When a parameter names nothing, or the ledger cannot be read.
pub(crate) async fn rows(statement: &Statement, asked: &Asked) -> Result<RecordBatch, QueryError> {
    let figures = gather::figures(statement, asked, None).await?;
    if let Some(level) = &asked.level {
        scope::check_level(figures.catalogue, "level", level)?;
    }
    let named = match &asked.period {
        Some(label) => Some(figures.sources.span(label, &figures.reported().iter())?),
        None => None,
    };
    let is_asked = |span: Span| named.is_none_or(|named| named == span);
    let cells = figures.cells.iter().filter(|cell| is_asked(cell.span()));
    let mut rows: Vec<_> = cells.filter_map(|cell| of_cell(&figures, asked, cell)).collect();
    // A figure of several units is of no level and no kind.
    if asked.level.is_none() && asked.kind.is_none() {
        let together = figures.together.iter().filter(|together| is_asked(together.span));
        rows.extend(together.map(|together| of_together(&figures, together)));
    }
    let code = &figures.indicator.indicator;
    batch(code, &rows).map_err(|error| QueryError::internal("writing re-based figures", &error))
}

fn of_cell<'a>(figures: &'a Figures<'_>, asked: &Asked, cell: &'a Cell) -> Option<Row<'a>> {
    let unit = figures.units().version_at(&cell.unit, figures.day(cell.span()))?;
    let is_asked = asked.level.as_ref().is_none_or(|level| unit.level == *level)
        && asked.kind.as_ref().is_none_or(|kind| unit.kind == *kind);
    let reported_by = match &cell.moved {
        Some(moved) => joined(moved.from.iter().map(|portion| portion.unit.as_str())),
        None => cell.unit.0.clone(),
    };
    is_asked.then(|| Row {
        unit: Some(unit),
        span: cell.span(),
        period: cell.period.label.clone(),
        stage: cell.stage.code(),
        figures: [cell.value, cell.numerator, cell.denominator],
        qualifier: cell.qualifier.code(),
        status: cell.status.code(),
        complete: cell.is_whole(),
        feed: Some(&cell.feed)
            .filter(|_| cell.moved.as_ref().is_none_or(|moved| moved.feeds.len() < 2))
            .map(AsRef::as_ref),
        reported_by,
        together: None,
    })
}

fn of_together<'a>(figures: &Figures<'_>, together: &'a Together) -> Row<'a> {
    let span = together.span;
    let one_feed = together.feeds.first().filter(|_| together.feeds.len() == 1);
    Row {
        unit: None,
        span,
        period: scope::label(span, None, figures.reported()),
        stage: together.stage.code(),
        figures: [together.value, None, None],
        qualifier: together.qualifier.code(),
        status: Status::Normal.code(),
        complete: together.complete,
        feed: one_feed.map(AsRef::as_ref),
        reported_by: joined(together.from.iter().map(|unit| unit.as_str())),
        together: Some(joined(together.units.iter().map(|unit| unit.as_str()))),
    }
}

fn joined<'a>(units: impl Iterator<Item = &'a str>) -> String {
    units.collect::<Vec<_>>().join(";")
}

fn batch(indicator: &str, rows: &[Row<'_>]) -> Result<RecordBatch, arrow::error::ArrowError> {
    fn text<'r>(values: impl Iterator<Item = Option<&'r str>>) -> ArrayRef {
        Arc::new(values.collect::<StringArray>())
    }
    let unit = |of: fn(&UnitVersion) -> &str| text(rows.iter().map(|row| row.unit.map(of)));
    let day = |of: fn(&Span) -> NaiveDate| -> ArrayRef {
        let since = |day: NaiveDate| day.signed_duration_since(NaiveDate::default()).num_days();
        let days = rows.iter().map(|row| i32::try_from(since(of(&row.span))).ok());
        Arc::new(days.collect::<Date32Array>())
    };
    let decimal = |which: usize| -> ArrayRef {
        let values = rows.iter().map(|row| row.figures[which].map(Decimal::unscaled));
        Arc::new(values.collect::<Decimal128Array>().with_data_type(decimal_type()))
    };
    let columns = vec![
        text(rows.iter().map(|_| Some(indicator))),
        unit(|unit| unit.unit.as_str()),
        unit(|unit| &unit.code),
        unit(|unit| &unit.name),
        unit(|unit| &unit.level),
        text(rows.iter().map(|row| Some(&*row.period))),
        day(|span| span.start),
        day(|span| span.end),
        text(rows.iter().map(|row| Some(row.stage))),
        decimal(0),
        decimal(1),
        decimal(2),
        text(rows.iter().map(|row| Some(row.qualifier))),
        text(rows.iter().map(|row| Some(row.status))),
        Arc::new(rows.iter().map(|row| Some(row.complete)).collect::<BooleanArray>()),
        text(rows.iter().map(|row| row.feed)),
        text(rows.iter().map(|row| Some(&*row.reported_by))),
        text(rows.iter().map(|row| row.together.as_deref())),
    ];
    RecordBatch::try_new(schema(), columns)
}
