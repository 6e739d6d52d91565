//! Rankings: standard competition ranks (1, 2, 2, 4) of the units of one level.
//!
//! - The universe is every unit of the level (and kind, and subtree) valid on the period's last day; those without a figure
//!   are listed as missing, never ranked as zero.
//! - Only figures of exactly the chosen span are ranked. Qualifier and status pass through; the figure ranks as it stands.
//! - Movement is previous rank - rank, change is value - previous value; the previous period is ranked by the same rule,
//!   over the units that were valid then.
//! - A rank that a source reported stands beside the computed one.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use dinh_lake::Decimal;
use dinh_lake::indicator::Direction;
use dinh_lake::unit::{UnitId, UnitVersion, Units};
use serde::Serialize;
use utoipa::ToSchema;

use super::address;
use super::cell::{Cell, Span};
use super::figures::Figures;
use super::outline::{Coverage, UnitName, estimated_share, is_estimated};
use super::question::{Asked, Order};
use super::scope;
use crate::error::QueryError;

/// A ranking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Ranking {
    /// The indicator.
    pub indicator: String,
    /// The level of the units.
    pub level: String,
    /// The period's label.
    pub period: String,
    /// The stage.
    pub stage: &'static str,
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
    /// Units that could have a rank.
    pub universe: usize,
    /// Units that have one.
    pub ranked: usize,
    /// Units that have none.
    pub missing: Vec<UnitName>,
    /// What the ranking covers.
    pub coverage: Coverage,
    /// The share of the ranked figures that are estimated, from 0 to 1.
    #[schema(value_type = f64)]
    pub estimated_share: Decimal,
    /// The units in order.
    pub rows: Vec<RankingRow>,
}

/// A unit's place in a ranking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RankingRow {
    /// One more than the number of units that are better.
    pub rank: usize,
    /// Whether another unit has the same rank.
    pub tied: bool,
    /// The unit's id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The id of the unit above it.
    pub parent: Option<String>,
    /// The figure.
    #[schema(value_type = f64)]
    pub value: Decimal,
    /// How the source hedges it.
    pub qualifier: &'static str,
    /// The standing of the figure.
    pub status: &'static str,
    /// The feed it came from.
    pub feed: String,
    /// The rank that a source reported.
    #[schema(value_type = Option<f64>)]
    pub reported_rank: Option<Decimal>,
    /// The figure of the previous period.
    #[schema(value_type = Option<f64>)]
    pub previous_value: Option<Decimal>,
    /// The figure less the previous one.
    #[schema(value_type = Option<f64>)]
    pub change: Option<Decimal>,
    /// The rank in the previous period.
    pub previous_rank: Option<usize>,
    /// The previous rank less the rank: positive is better.
    pub movement: Option<i64>,
}

/// Ranks.
///
/// # Errors
/// When a parameter names nothing, or there is no figure in scope to take the period from.
pub fn ranking(figures: &Figures<'_>, asked: &Asked) -> Result<Ranking, QueryError> {
    let field = Field::choose(figures, asked)?;
    let now = field.standings(figures, field.span);
    let span_before = scope::previous_span(field.span, field.in_scope(figures));
    let before = span_before.map(|span| field.standings(figures, span)).unwrap_or_default();
    let before: HashMap<_, _> =
        before.iter().map(|standing| (&standing.unit.unit, standing)).collect();
    let reported = reported_ranks(figures, field.span);

    let ranked_units: BTreeSet<_> = now.iter().map(|standing| &standing.unit.unit).collect();
    let universe = field.universe(figures, field.span);
    let missing = universe.iter().filter(|version| !ranked_units.contains(&version.unit));
    let missing: Vec<_> = missing.map(|version| UnitName::of(version)).collect();
    let row = |standing: &Standing<'_>| {
        let before = before.get(&standing.unit.unit).copied();
        standing.row(before, reported.get(&standing.unit.unit).copied())
    };
    let feeds: BTreeSet<_> = now.iter().map(|standing| standing.cell.feed.to_string()).collect();
    let estimated = now.iter().filter(|standing| is_estimated(standing.cell)).count();
    Ok(Ranking {
        indicator: figures.indicator.indicator.clone(),
        period: scope::label(field.span, asked.period.as_deref(), &figures.cells),
        stage: asked.stage.unwrap_or(figures.indicator.default_stage).code(),
        on: None,
        as_of: figures.seen.as_of.clone(),
        position: figures.seen.position,
        feeds: feeds.into_iter().collect(),
        contains_synthetic: figures.sources.synthetic(),
        universe: universe.len(),
        ranked: now.len(),
        coverage: Coverage {
            reported: count(now.len()),
            expected: count(universe.len()),
            silent: Some(missing.clone()),
            left_out: Vec::new(),
            declared: None,
        },
        missing,
        estimated_share: estimated_share(estimated, now.len()),
        rows: page(&now, asked).map(row).collect(),
        level: field.level,
    })
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The rows that were asked for, in the order that was asked for.
fn page<'s, 'a>(
    standings: &'s [Standing<'a>],
    asked: &Asked,
) -> Box<dyn Iterator<Item = &'s Standing<'a>> + 's> {
    let limit = asked.limit.unwrap_or(usize::MAX);
    match asked.order {
        Order::Ascending => Box::new(standings.iter().skip(asked.offset).take(limit)),
        Order::Descending => {
            let mut last_first: Vec<_> = standings.iter().collect();
            last_first.sort_by_key(|standing| Reverse(standing.rank));
            Box::new(last_first.into_iter().skip(asked.offset).take(limit))
        }
    }
}

/// The ranks that sources reported for a span. Where ranks of several stages exist, the greatest stage is taken: final
/// ranks before those of a survey.
fn reported_ranks<'a>(figures: &'a Figures<'_>, span: Span) -> HashMap<&'a UnitId, Decimal> {
    let mut cells: Vec<_> =
        figures.reported_ranks.iter().filter(|cell| cell.span() == span).collect();
    cells.sort_by_key(|cell| cell.stage);
    cells.into_iter().filter_map(|cell| Some((&cell.unit, cell.value?))).collect()
}

/// Which units compete.
struct Field {
    level: String,
    kind: Option<String>,
    /// The subtree that was asked for.
    within: Option<UnitId>,
    span: Span,
}

impl Field {
    fn choose(figures: &Figures<'_>, asked: &Asked) -> Result<Self, QueryError> {
        let units = &figures.catalogue.units;
        if let Some(level) = &asked.level {
            scope::check_level(figures.catalogue, "level", level)?;
        }
        let named = match &asked.period {
            Some(label) => Some(figures.sources.span(label, &figures.cells.iter())?),
            None => None,
        };
        let within = match &asked.within {
            Some(text) => {
                Some(address::unit(figures.catalogue, "within", text, named)?.unit.clone())
            }
            None => None,
        };
        let none = || scope::no_figures(&figures.indicator.indicator);
        let cells = || in_scope(figures, asked.level.as_deref(), within.as_ref());
        let span = named.or_else(|| scope::latest_span(cells())).ok_or_else(none)?;
        let at_span = cells().filter(|cell| cell.span() == span);
        let level =
            asked.level.clone().or_else(|| fullest_level(units, at_span)).ok_or_else(none)?;
        Ok(Self { level, kind: asked.kind.clone(), within, span })
    }

    fn in_scope<'c>(&self, figures: &'c Figures<'_>) -> impl Iterator<Item = &'c Cell> {
        in_scope(figures, Some(&self.level), self.within.as_ref())
    }

    /// The units that could have a rank in a span, in order of code.
    fn universe<'c>(&self, figures: &Figures<'c>, span: Span) -> Vec<&'c UnitVersion> {
        let units = &figures.catalogue.units;
        let (level, kind) = (Some(self.level.as_str()), self.kind.as_deref());
        if let Some(within) = &self.within {
            return units.at(span.end, level, kind, Some(within));
        }
        let reporters = self.in_scope(figures).filter(|cell| cell.span() == span);
        let whole = scope::default_within(units, span.end, reporters.map(|cell| &cell.unit));
        // Provinces themselves compete with each other, not each within itself.
        let above = |top: &UnitId| {
            units.version_at(top, span.end).is_some_and(|version| version.level != self.level)
        };
        units.at(span.end, level, kind, whole.filter(above).as_ref())
    }

    /// The ranked units of a span, best first; of one rank in order of code.
    fn standings<'c>(&self, figures: &'c Figures<'_>, span: Span) -> Vec<Standing<'c>> {
        let cells = figures.cells.iter().filter(|cell| cell.span() == span);
        let cells: HashMap<_, _> = cells.map(|cell| (&cell.unit, cell)).collect();
        let universe = self.universe(figures, span);
        let with_value = universe.into_iter().filter_map(|unit| {
            let cell = *cells.get(&unit.unit)?;
            Some(Standing { rank: 0, tied: false, value: cell.value?, unit, cell })
        });
        let mut standings: Vec<_> = with_value.collect();
        let direction = figures.indicator.direction;
        // The sort is stable, so units of one value stay in order of code.
        standings.sort_by(|a, b| better(direction, a.value, b.value));
        give_ranks(&mut standings);
        standings
    }
}

/// The cells of a level and a subtree, whatever their period.
fn in_scope<'c>(
    figures: &'c Figures<'_>,
    level: Option<&str>,
    within: Option<&UnitId>,
) -> impl Iterator<Item = &'c Cell> {
    let units = &figures.catalogue.units;
    figures.cells.iter().filter(move |cell| {
        let on = cell.period.end;
        let version = units.version_at(&cell.unit, on);
        version.is_some_and(|version| level.is_none_or(|level| version.level == level))
            && within.is_none_or(|top| units.is_within(&cell.unit, top, on))
    })
}

/// The level with the most of some cells of one period; of several the one with fewer units.
fn fullest_level<'c>(units: &Units, cells: impl Iterator<Item = &'c Cell>) -> Option<String> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for cell in cells {
        let on = cell.period.end;
        let level = units.version_at(&cell.unit, on)?.level.as_str();
        let size = || (0, units.at(on, Some(level), None, None).len());
        counts.entry(level).or_insert_with(size).0 += 1;
    }
    let fullest = counts.into_iter().max_by_key(|(_, (figures, size))| (*figures, Reverse(*size)));
    fullest.map(|(level, _)| level.to_owned())
}

/// Gives standard competition ranks to units that are in order of value.
fn give_ranks(standings: &mut [Standing<'_>]) {
    let mut better = 0;
    for tie in standings.chunk_by_mut(|a, b| a.value == b.value) {
        let tied = tie.len() > 1;
        for standing in &mut *tie {
            (standing.rank, standing.tied) = (better + 1, tied);
        }
        better += tie.len();
    }
}

/// The better value first.
fn better(direction: Direction, a: Decimal, b: Decimal) -> Ordering {
    match direction {
        Direction::Higher | Direction::Neutral => b.cmp(&a),
        Direction::Lower => a.cmp(&b),
    }
}

/// A unit with its rank.
struct Standing<'a> {
    rank: usize,
    tied: bool,
    value: Decimal,
    unit: &'a UnitVersion,
    cell: &'a Cell,
}

impl Standing<'_> {
    fn row(&self, before: Option<&Standing<'_>>, reported_rank: Option<Decimal>) -> RankingRow {
        RankingRow {
            rank: self.rank,
            tied: self.tied,
            unit: self.unit.unit.0.clone(),
            code: self.unit.code.clone(),
            name: self.unit.name.clone(),
            parent: self.unit.parent.as_ref().map(|parent| parent.0.clone()),
            value: self.value,
            qualifier: self.cell.qualifier.code(),
            status: self.cell.status.code(),
            feed: self.cell.feed.to_string(),
            reported_rank,
            previous_value: before.map(|before| before.value),
            change: before.and_then(|before| self.value.checked_sub(before.value)),
            previous_rank: before.map(|before| before.rank),
            movement: before.map(|before| count(before.rank) - count(self.rank)),
        }
    }
}

#[cfg(test)]
mod tests;
