//! Cells: the current figures that answers are made of, and which of several feeds a cell is answered from.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use dinh_lake::Decimal;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::period::Period;
use dinh_lake::unit::UnitId;
use serde::Serialize;
use utoipa::ToSchema;

use super::over_time::OverTime;
use super::rebase::Moved;

/// What a source itself says its figure covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Declared {
    /// How many units the figure covers.
    pub reported: Option<i64>,
    /// How many there are.
    pub expected: Option<i64>,
}

/// One revision of one figure; in most answers the newest of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The unit.
    pub unit: UnitId,
    /// The period, with the label that it was reported under.
    pub period: Period,
    /// The stage.
    pub stage: Stage,
    /// The figure; none only where the cell is withdrawn.
    pub value: Option<Decimal>,
    /// The numerator, where it was given.
    pub numerator: Option<Decimal>,
    /// The denominator, where it was given.
    pub denominator: Option<Decimal>,
    /// How the source hedges.
    pub qualifier: Qualifier,
    /// The standing of the revision.
    pub status: Status,
    /// What the source says it covers.
    pub declared: Option<Declared>,
    /// The feed.
    pub feed: Arc<str>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Whether it was first reported after its deadline; none where it has none, or nobody asked.
    pub late: Option<bool>,
    /// For a figure made of those of shorter periods: which of them are there.
    pub over_time: Option<Arc<OverTime>>,
    /// What it was made from, where it is shown on another unit than it was reported for.
    pub moved: Option<Arc<Moved>>,
}

impl Cell {
    /// The first and the last day of its period.
    #[must_use]
    pub fn span(&self) -> Span {
        Span { start: self.period.start, end: self.period.end }
    }

    /// Whether all that it needs is in it: a figure of shorter periods, or of several units, may lack some.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.over_time.as_ref().is_none_or(|over_time| over_time.whole) && !self.is_partial()
    }

    /// The feeds that it came from.
    pub fn feeds(&self) -> impl Iterator<Item = &str> {
        let of_parts = self.over_time.iter().flat_map(|over_time| &over_time.feeds);
        let of_units = self.moved.iter().flat_map(|moved| &moved.feeds);
        let own = (self.over_time.is_none() && self.moved.is_none()).then_some(&self.feed);
        own.into_iter().chain(of_parts).chain(of_units).map(AsRef::as_ref)
    }

    /// Numerator and denominator, where both are known and make a ratio.
    #[must_use]
    pub fn parts(&self) -> Option<(Decimal, Decimal)> {
        Some((self.numerator?, self.denominator.filter(|d| *d != Decimal::ZERO)?))
    }
}

/// The days of a period, both included: what makes two periods the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first day.
    pub start: NaiveDate,
    /// The last day.
    pub end: NaiveDate,
}

impl Ord for Span {
    /// The later end is greater; of one end the shorter span is.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.end, self.start).cmp(&(other.end, other.start))
    }
}

impl PartialOrd for Span {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Keeps one feed of each cell: the first by the indicator's own order of feeds, then by the feeds' precedence, then by
/// name. Everything else about the order of cells is left as it is.
#[must_use]
pub fn one_feed_per_cell(
    cells: Vec<Cell>,
    indicator: &Indicator,
    catalogue: &Catalogue,
) -> Vec<Cell> {
    let standing = |feed: &str| {
        let own = indicator.precedence.iter().position(|known| known == feed);
        let general = catalogue.feeds.get(feed).map_or(i64::MAX, |feed| feed.precedence);
        (own.unwrap_or(usize::MAX), general)
    };
    let mut best: HashMap<(UnitId, Span, Stage), Arc<str>> = HashMap::new();
    for cell in &cells {
        let key = (cell.unit.clone(), cell.span(), cell.stage);
        let chosen = best.entry(key).or_insert_with(|| Arc::clone(&cell.feed));
        if (standing(&cell.feed), &cell.feed) < (standing(chosen), chosen) {
            *chosen = Arc::clone(&cell.feed);
        }
    }
    let is_best =
        |cell: &Cell| best.get(&(cell.unit.clone(), cell.span(), cell.stage)) == Some(&cell.feed);
    cells.into_iter().filter(is_best).collect()
}
