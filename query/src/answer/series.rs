//! Series: one unit's current figures over periods, oldest first, at every stage unless one is asked for; with `every` in
//! parts of one length, each made of what was reported within where it was not reported itself (`over_time.rs`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use dinh_lake::Decimal;
use dinh_lake::period::Every;
use dinh_lake::unit::UnitVersion;
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::Cell;
use super::figures::Figures;
use super::outline::Coverage;
use super::over_time::{self, OverTime};
use super::question::Asked;

/// One unit's figures over periods.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Series {
    /// The indicator.
    pub indicator: String,
    /// The unit's id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The structure date; null: as reported.
    pub on: Option<String>,
    /// When it was known; null: now.
    pub as_of: Option<String>,
    /// The newest ledger entry that the answer includes.
    pub position: u64,
    /// The feeds that figures came from.
    pub feeds: Vec<String>,
    /// Whether the figures are made up.
    pub contains_synthetic: bool,
    /// The parts that time is cut in, of which each row has one; null: periods as they were reported.
    pub every: Option<&'static str>,
    /// The figures, by period and then by stage.
    pub rows: Vec<SeriesRow>,
}

/// One figure.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeriesRow {
    /// The period's label.
    pub period: String,
    /// Its first day.
    pub period_start: String,
    /// Its last day, included.
    pub period_end: String,
    /// The stage.
    pub stage: &'static str,
    /// The figure; null where it is withdrawn.
    #[schema(value_type = Option<f64>)]
    pub value: Option<Decimal>,
    /// The numerator, where it was given.
    #[schema(value_type = Option<f64>)]
    pub numerator: Option<Decimal>,
    /// The denominator, where it was given.
    #[schema(value_type = Option<f64>)]
    pub denominator: Option<Decimal>,
    /// How the source hedges.
    pub qualifier: &'static str,
    /// The standing of the figure.
    pub status: &'static str,
    /// What the source says that it covers.
    pub coverage: Option<Coverage>,
    /// The feed.
    pub feed: String,
    /// When it was recorded, in UTC.
    pub recorded_at: String,
    /// Whether it was first reported after its deadline; null where it has none.
    pub late: Option<bool>,
    /// Which parts of the period it was made of; null where it is of the period itself.
    pub over_time: Option<OverTime>,
}

impl SeriesRow {
    /// A figure as a row.
    #[must_use]
    pub fn of(cell: &Cell) -> Self {
        Self {
            period: cell.period.label.clone(),
            period_start: cell.period.start.to_string(),
            period_end: cell.period.end.to_string(),
            stage: cell.stage.code(),
            value: cell.value,
            numerator: cell.numerator,
            denominator: cell.denominator,
            qualifier: cell.qualifier.code(),
            status: cell.status.code(),
            coverage: Coverage::declared_by(cell),
            feed: cell.feed.to_string(),
            recorded_at: stamp(cell.recorded_at),
            late: cell.late,
            over_time: cell.over_time.as_deref().cloned(),
        }
    }
}

/// A stamp in RFC 3339 with microseconds.
#[must_use]
pub fn stamp(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// Lines up the figures of one unit.
#[must_use]
pub fn series(figures: &Figures<'_>, unit: &UnitVersion, asked: &Asked) -> Series {
    let cells: Vec<_> = figures.cells.iter().filter(|cell| cell.unit == unit.unit).collect();
    let mut cells: Vec<Cow<'_, Cell>> = match asked.every {
        None => cells.into_iter().map(Cow::Borrowed).collect(),
        Some(every) => {
            let made = over_time::every(figures, &cells, every);
            made.into_iter().map(Cow::Owned).collect()
        }
    };
    cells.sort_by_key(|cell| (cell.span(), cell.stage));
    let feeds: BTreeSet<_> = cells.iter().flat_map(|cell| cell.feeds()).collect();
    Series {
        indicator: figures.indicator.indicator.clone(),
        unit: unit.unit.0.clone(),
        code: unit.code.clone(),
        name: unit.name.clone(),
        on: None,
        as_of: figures.seen.as_of.clone(),
        position: figures.seen.position,
        feeds: feeds.into_iter().map(str::to_owned).collect(),
        contains_synthetic: figures.sources.synthetic(),
        every: asked.every.map(Every::code),
        rows: cells.iter().map(|cell| SeriesRow::of(cell)).collect(),
    }
}
