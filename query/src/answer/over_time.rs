//! Over time: one figure of a longer period made of those of shorter ones, and which of them are there.
//!
//! | `aggregation_time` | the figure of a year is |
//! |---|---|
//! | `sum` (flows) | the sum of its parts |
//! | `last` (stocks) | the figure at its last day |
//! | `average` | the mean of its parts, each by its months |
//! | `ratio_of_sums` | the sum of numerators over the sum of denominators |
//! | `none` | never made of others |
//!
//! # Decisions
//! - A figure that was reported for the period itself stands; only where there is none is one made of others.
//! - It is whole if every month of the period is in it, for `last` if its last day is. One that is not whole still says what
//!   it amounts to, but its unit counts as silent, its total as partial, and no ranking has it.
//! - Parts are periods of whole months on the period's own calendar, the longest first, so that a quarter and its months are
//!   never counted twice; for `last` any period that ends within, a day too. A window has no parts.
//! - Nothing is made of others unless the period was named or a series asks for it (`every`).
//! - Where any unit of a ranking's field reported the period itself, only such figures are ranked.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{Months, NaiveDate};
use dinh_lake::Decimal;
use dinh_lake::feed::Calendar;
use dinh_lake::indicator::{Indicator, TimeAggregation};
use dinh_lake::observation::Stage;
use dinh_lake::period::{Every, Make, Period};
use dinh_lake::unit::UnitId;
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::{Cell, Span};
use super::figures::Figures;
use super::outline::{joined_qualifier, weaker};
use super::question::Asked;
use super::rebase::Moved;
use super::tree::sum;
use crate::error::QueryError;

/// Which parts of a longer period a figure was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OverTime {
    /// How: `sum`, `last`, `average` or `ratio_of_sums`.
    pub aggregation: &'static str,
    /// Months of the period that are in it.
    pub months_reported: u32,
    /// Months of the period.
    pub months_expected: u32,
    /// The parts that are missing, as labels; months that follow each other are one window.
    pub missing: Vec<String>,
    /// Whether nothing is missing that the figure needs.
    pub whole: bool,
    /// The feeds of the parts.
    #[serde(skip)]
    pub feeds: BTreeSet<Arc<str>>,
}

/// What an answer says of figures that were made of those of shorter periods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Composed {
    /// How: `sum`, `last`, `average` or `ratio_of_sums`.
    pub aggregation: &'static str,
    /// How many figures were made so.
    pub figures: usize,
    /// How many of them lack parts that they need.
    pub partial: usize,
}

impl Composed {
    /// What is to be said of some figures; none where all are of the period itself.
    pub(super) fn of<'c>(
        cells: impl IntoIterator<Item = &'c Cell>,
        indicator: &Indicator,
    ) -> Option<Self> {
        let made: Vec<_> = cells.into_iter().filter_map(|cell| cell.over_time.as_ref()).collect();
        (!made.is_empty()).then(|| Self {
            aggregation: indicator.aggregation_time.code(),
            figures: made.len(),
            partial: made.iter().filter(|over_time| !over_time.whole).count(),
        })
    }
}

/// The figures with those of a named period that can be made of shorter ones, for units that did not report it; none where
/// there is nothing to make.
///
/// # Errors
/// When the label names no period.
pub fn for_totals<'a>(
    figures: &Figures<'a>,
    asked: &Asked,
) -> Result<Option<Figures<'a>>, QueryError> {
    let Some(label) = &asked.period else { return Ok(None) };
    let span = figures.sources.span(label, &figures.cells.iter())?;
    let made = composed(figures.indicator, &figures.cells, span);
    Ok((!made.is_empty()).then(|| {
        let mut with = figures.with_cells(made);
        let reported = composed(figures.indicator, &figures.as_reported, span);
        with.as_reported.extend(reported);
        with
    }))
}

/// As [`for_totals`], where no unit of the level reported the period itself; with the two periods before it, which movement
/// and the change of the period before are counted from.
///
/// # Errors
/// When the label names no period.
pub fn for_rankings<'a>(
    figures: &Figures<'a>,
    asked: &Asked,
) -> Result<Option<Figures<'a>>, QueryError> {
    let Some(label) = &asked.period else { return Ok(None) };
    let span = figures.sources.span(label, &figures.cells.iter())?;
    let competes = |cell: &&Cell| {
        let version = figures.units().version_at(&cell.unit, figures.day(cell.span()));
        asked.level.as_ref().is_none_or(|level| version.is_some_and(|v| v.level == *level))
    };
    let cells: Vec<Cell> = figures.cells.iter().filter(competes).cloned().collect();
    if cells.iter().any(|cell| cell.span() == span) {
        return Ok(None);
    }
    let mut made = composed(figures.indicator, &cells, span);
    if made.is_empty() {
        return Ok(None);
    }
    let mut period = Period { start: span.start, end: span.end, label: String::new() };
    for _ in 0..2 {
        let Some(before) = period.before(Calendar::Gregorian) else { break };
        let earlier = Span { start: before.start, end: before.end };
        if !cells.iter().any(|cell| cell.span() == earlier) {
            made.extend(composed(figures.indicator, &cells, earlier));
        }
        period = before;
    }
    let mut with = figures.with_cells(made);
    with.against = figures.against.as_ref().map(|earlier| {
        Box::new(earlier.with_cells(composed(earlier.indicator, &earlier.cells, span)))
    });
    Ok(Some(with))
}

/// Some figures of one unit in parts of one length: those that were reported for a part, and for other parts those made of
/// what was reported within. What is longer than a part, or in two of them, is left out.
#[must_use]
pub fn every(figures: &Figures<'_>, cells: &[&Cell], every: Every) -> Vec<Cell> {
    let calendar = |cell: &Cell| match cell.period.make() {
        Make::Months { from_day: 1, .. } => Calendar::Gregorian,
        Make::Months { from_day: 15, .. } => Calendar::Reporting,
        _ => {
            let feed = figures.catalogue.feeds.get(cell.feed.as_ref());
            feed.map_or(Calendar::Gregorian, |feed| feed.calendar)
        }
    };
    let part = |cell: &&Cell| {
        let part = every.around(cell.period.end, calendar(cell))?;
        (part.start <= cell.period.start).then_some(Span { start: part.start, end: part.end })
    };
    let parts: BTreeSet<Span> = cells.iter().filter_map(part).collect();
    let cells: Vec<Cell> = cells.iter().copied().cloned().collect();
    let of_part = |span: &Span| {
        let reported = cells.iter().filter(|cell| cell.span() == *span).cloned();
        reported.chain(composed(figures.indicator, &cells, *span)).collect::<Vec<_>>()
    };
    parts.iter().flat_map(of_part).collect()
}

/// The figures of a span that can be made of shorter ones, for each unit and stage that has none of the span itself.
#[must_use]
pub fn composed(indicator: &Indicator, cells: &[Cell], span: Span) -> Vec<Cell> {
    let aggregation = indicator.aggregation_time;
    let Make::Months { count, from_day } = Make::of(span.start, span.end) else {
        return Vec::new();
    };
    if aggregation == TimeAggregation::None {
        return Vec::new();
    }
    let reported: HashSet<(&UnitId, Stage)> =
        cells.iter().filter(|cell| cell.span() == span).map(|c| (&c.unit, c.stage)).collect();
    let inside = |cell: &&Cell| {
        span.start <= cell.period.start
            && cell.period.end <= span.end
            && cell.stage != Stage::Target
            && !cell.is_partial()
            && !reported.contains(&(&cell.unit, cell.stage))
    };
    let mut parts: BTreeMap<(&UnitId, Stage), Vec<&Cell>> = BTreeMap::new();
    for cell in cells.iter().filter(inside) {
        parts.entry((&cell.unit, cell.stage)).or_default().push(cell);
    }
    let grid = Grid { span, months: count, from_day };
    parts.into_values().filter_map(|parts| grid.figure(indicator, &parts)).collect()
}

/// A period cut into months.
#[derive(Clone, Copy)]
struct Grid {
    span: Span,
    months: u32,
    from_day: u32,
}

/// Some parts in order, each with its months, and the months without one.
struct Cover<'c> {
    parts: Vec<(&'c Cell, u32)>,
    missing: Vec<u32>,
}

impl Grid {
    /// The first day of the n-th month, from 0.
    fn month(&self, n: u32) -> Option<NaiveDate> {
        self.span.start.checked_add_months(Months::new(n))
    }

    fn figure(&self, indicator: &Indicator, parts: &[&Cell]) -> Option<Cell> {
        let cover = self.cover(indicator.aggregation_time, parts);
        let last = parts.iter().copied().max_by_key(|cell| (cell.period.end, cell.period.start))?;
        let (made, whole) = match indicator.aggregation_time {
            TimeAggregation::Last => (last.clone(), last.period.end == self.span.end),
            TimeAggregation::Sum | TimeAggregation::Average | TimeAggregation::RatioOfSums => {
                (combined(indicator, &cover)?, cover.missing.is_empty())
            }
            TimeAggregation::None => return None,
        };
        let feeds = match indicator.aggregation_time {
            TimeAggregation::Last => [Arc::clone(&last.feed)].into(),
            _ => cover.parts.iter().map(|(cell, _)| Arc::clone(&cell.feed)).collect(),
        };
        let over_time = OverTime {
            aggregation: indicator.aggregation_time.code(),
            months_reported: self.months - u32::try_from(cover.missing.len()).ok()?,
            months_expected: self.months,
            missing: self.labels(&cover.missing),
            whole,
            feeds,
        };
        let calendar = if self.from_day == 1 { Calendar::Gregorian } else { Calendar::Reporting };
        Some(Cell {
            period: Period::of(self.span.start, self.span.end, calendar),
            over_time: Some(Arc::new(over_time)),
            ..made
        })
    }

    /// Covers the months with parts, the longest first, none twice.
    fn cover<'c>(&self, aggregation: TimeAggregation, parts: &[&'c Cell]) -> Cover<'c> {
        let usable = |cell: &Cell| match aggregation {
            TimeAggregation::RatioOfSums => cell.parts().is_some(),
            _ => cell.value.is_some(),
        };
        let mut starting: BTreeMap<NaiveDate, (&Cell, u32)> = BTreeMap::new();
        for cell in parts.iter().copied().filter(|cell| usable(cell)) {
            let Make::Months { count, .. } = cell.period.make() else { continue };
            let longest = starting.entry(cell.period.start).or_insert((cell, count));
            if longest.1 < count {
                *longest = (cell, count);
            }
        }
        let (mut cover, mut month) = (Cover { parts: Vec::new(), missing: Vec::new() }, 0);
        while month < self.months {
            let part = self.month(month).and_then(|first| starting.get(&first));
            match part {
                Some((cell, months)) => {
                    cover.parts.push((cell, *months));
                    month += months;
                }
                None => {
                    cover.missing.push(month);
                    month += 1;
                }
            }
        }
        cover
    }

    /// The labels of months, those that follow each other as one.
    fn labels(&self, months: &[u32]) -> Vec<String> {
        let calendar = if self.from_day == 1 { Calendar::Gregorian } else { Calendar::Reporting };
        let runs = months.chunk_by(|a, b| a + 1 == *b);
        let label = |run: &[u32]| {
            let (first, last) = (*run.first()?, *run.last()?);
            let end = self.month(last + 1)?.pred_opt()?;
            Some(Period::of(self.month(first)?, end, calendar).label)
        };
        runs.filter_map(label).collect()
    }
}

/// The parts as one figure: a sum, a mean by months, or a ratio of sums.
fn combined(indicator: &Indicator, cover: &Cover<'_>) -> Option<Cell> {
    let cells = || cover.parts.iter().map(|(cell, _)| *cell);
    let last = cells().next_back()?;
    let numerator = sum(cells().map(|cell| cell.numerator));
    let denominator = sum(cells().map(|cell| cell.denominator));
    let value = match indicator.aggregation_time {
        TimeAggregation::RatioOfSums => Decimal::ratio(indicator.factor, numerator?, denominator?)?,
        TimeAggregation::Average => {
            let by_month = |(cell, months): &(&Cell, u32)| vec![cell.value; *months as usize];
            let values: Vec<_> = cover.parts.iter().flat_map(by_month).collect();
            let months = Decimal::from_integer(i64::try_from(values.len()).ok()?)?;
            Decimal::ratio(1, sum(values.into_iter())?, months)?
        }
        TimeAggregation::Sum | TimeAggregation::Last | TimeAggregation::None => {
            sum(cells().map(|cell| cell.value))?
        }
    };
    let is_ratio = indicator.aggregation_time == TimeAggregation::RatioOfSums;
    let late = cells().filter_map(|cell| cell.late).reduce(|a, b| a || b);
    Some(Cell {
        value: Some(value),
        numerator: numerator.filter(|_| is_ratio),
        denominator: denominator.filter(|_| is_ratio),
        qualifier: joined_qualifier(cells().map(|cell| cell.qualifier)),
        status: cells().map(|cell| cell.status).reduce(weaker)?,
        declared: None,
        recorded_at: cells().map(|cell| cell.recorded_at).max()?,
        late,
        moved: Moved::joined(cells()),
        ..last.clone()
    })
}

#[cfg(test)]
mod tests;
