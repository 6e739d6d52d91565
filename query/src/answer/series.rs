//! Series: one unit's current figures over periods, oldest first, at every stage unless one is asked for; with `every` in
//! parts of one length, each made of what was reported within where it was not reported itself (`over_time.rs`).
//!
//! On another structure a row says what it covers of the units that it comes from, and a figure that the unit has only
//! together with others stands in a row without a value.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use dinh_lake::Decimal;
use dinh_lake::observation::{Stage, Status};
use dinh_lake::period::Every;
use dinh_lake::unit::{UnitVersion, Units};
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::{Cell, Span};
use super::figures::Figures;
use super::outline::{Coverage, WeightUsed, estimated_share, is_estimated};
use super::over_time::{self, OverTime};
use super::question::Asked;
use super::scope;
use super::together::{Together, TogetherRow};

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
    /// The share of the figures that are estimated, from 0 to 1.
    #[schema(value_type = f64)]
    pub estimated_share: Decimal,
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
    /// The figure; null where it is withdrawn, or the unit has none of its own on the structure.
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
    /// What the source says that it covers; on another structure, the units that it comes from.
    pub coverage: Option<Coverage>,
    /// The feed; null where several are behind it.
    pub feed: Option<String>,
    /// The weights by which units were split that make it an estimate; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightUsed>,
    /// The figure that the unit has together with others; absent where it has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub together: Option<TogetherRow>,
    /// When it was recorded, in UTC.
    pub recorded_at: String,
    /// Whether it was first reported after its deadline; null where it has none.
    pub late: Option<bool>,
    /// Which parts of the period it was made of; null where it is of the period itself.
    pub over_time: Option<OverTime>,
}

impl SeriesRow {
    /// A figure as a row. `known` are all units of the catalogue.
    #[must_use]
    pub fn of(cell: &Cell, known: &Units) -> Self {
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
            coverage: Coverage::of_cell(cell, known),
            feed: cell.only_feed(),
            weights: WeightUsed::of_cell(known, cell),
            together: None,
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
    let together: Vec<_> = match asked.every {
        None => figures.together.iter().filter(|t| t.units.contains(&unit.unit)).collect(),
        Some(_) => Vec::new(),
    };
    cells.sort_by_key(|cell| (cell.span(), cell.stage));
    let feeds: BTreeSet<&str> = cells
        .iter()
        .flat_map(|cell| cell.feeds())
        .chain(together.iter().flat_map(|together| &together.feeds).map(AsRef::as_ref))
        .collect();
    let estimated = cells.iter().filter(|cell| is_estimated(cell)).count();
    let rows = rows(figures, &cells, &together);
    Series {
        indicator: figures.indicator.indicator.clone(),
        unit: unit.unit.0.clone(),
        code: unit.code.clone(),
        name: unit.name.clone(),
        on: figures.structure.name(),
        as_of: figures.seen.as_of.clone(),
        position: figures.seen.position,
        feeds: feeds.into_iter().map(str::to_owned).collect(),
        contains_synthetic: figures.sources.synthetic(),
        every: asked.every.map(Every::code),
        estimated_share: estimated_share(estimated, cells.len()),
        rows,
    }
}

/// The rows of some figures, and of those that the unit has only together with others.
fn rows(figures: &Figures<'_>, cells: &[Cow<'_, Cell>], together: &[&Together]) -> Vec<SeriesRow> {
    let known = &figures.catalogue.units;
    let mut rows: BTreeMap<(Span, Stage), SeriesRow> = BTreeMap::new();
    for cell in cells {
        rows.insert((cell.span(), cell.stage), SeriesRow::of(cell, known));
    }
    let has_its_own = |of_several: &Together| {
        let mut own = cells
            .iter()
            .filter(|cell| (cell.span(), cell.stage) == (of_several.span, of_several.stage));
        own.any(|cell| cell.value.is_some() && !cell.is_partial())
    };
    for of_several in together.iter().filter(|of_several| !has_its_own(of_several)) {
        let row = rows.entry((of_several.span, of_several.stage));
        let row = row.or_insert_with(|| without_its_own(figures, of_several));
        row.together = Some(of_several.row(&figures.structure, known));
    }
    rows.into_values().collect()
}

/// The row of a period in which the unit has a figure only together with others.
fn without_its_own(figures: &Figures<'_>, together: &Together) -> SeriesRow {
    let Together { span, stage, .. } = together;
    SeriesRow {
        period: scope::label(*span, None, &figures.as_reported),
        period_start: span.start.to_string(),
        period_end: span.end.to_string(),
        stage: stage.code(),
        value: None,
        numerator: None,
        denominator: None,
        qualifier: together.qualifier.code(),
        status: Status::Normal.code(),
        coverage: None,
        feed: None,
        weights: Vec::new(),
        together: None,
        recorded_at: stamp(together.recorded_at),
        late: None,
        over_time: None,
    }
}
