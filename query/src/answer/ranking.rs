//! Rankings: the units of one level in order of a figure, of its change, or of its distance to the target.
//!
//! - The universe is every unit of the level (and kind, and subtree) valid on the period's last day; those without a rank
//!   are listed as missing with the reason, never ranked as zero. Units that have a figure and are no part of the universe
//!   are counted in `excluded`.
//! - Only figures of exactly the chosen span are ranked. Qualifier and status pass through; the figure ranks as it stands.
//! - Movement is previous rank - rank, change is value - previous value. What it is held against is named in `compared_with`:
//!   the previous period, ranked by the same rule over the units that were valid then; or, where `against` is asked for, the
//!   same period as it was known at that moment.
//! - A rank that a source reported stands beside the computed one.
//! - On another structure the universe is that structure's units (with `within`: those that its figures are shown on), the
//!   ranks are made anew, and a unit of which a part is silent has none.
//!
//! # Decisions
//! - Ranks are decimals, for `ties=fractional` gives halves.
//! - By change, the previous rank is that by the change of the period before; against an earlier moment there is none.
//! - A figure that was made of shorter periods is ranked if it is whole, and only where no unit of the field reported the
//!   period itself (`over_time.rs`): figures of different spans never meet in a ranking.

pub(crate) mod field;
pub(crate) mod standing;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use dinh_lake::Decimal;
use dinh_lake::unit::{UnitId, UnitVersion};
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::{Cell, Span};
use super::figures::Figures;
use super::outline::{Coverage, Timeliness, UnitName, WeightUsed, estimated_share, is_estimated};
use super::over_time::{self, Composed};
use super::question::{Asked, Order, Ranked};
use super::scope;
use super::together::TogetherRow;
use crate::error::QueryError;
use field::Field;
use standing::{Manner, Standing, Standings, values};

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
    /// What units are ranked by: `value`, `change` or `distance`.
    pub by: &'static str,
    /// How units of one value share ranks: `standard`, `dense` or `fractional`.
    pub ties: &'static str,
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
    pub missing: Vec<Missing>,
    /// Units of the level that have a figure and are no part of the universe, counted by the reason.
    pub excluded: Vec<Excluded>,
    /// What previous values and ranks are of; null where there is nothing to compare with.
    pub compared_with: Option<Compared>,
    /// What the ranking covers.
    pub coverage: Coverage,
    /// How figures were made of those of shorter periods; null where they are of the period itself.
    pub over_time: Option<Composed>,
    /// The share of the ranked figures that are estimated, from 0 to 1.
    #[schema(value_type = f64)]
    pub estimated_share: Decimal,
    /// Figures that hold for several units together and for none of them alone; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<TogetherRow>,
    /// The units in order.
    pub rows: Vec<RankingRow>,
}

/// A unit's place in a ranking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RankingRow {
    /// One more than the number of units that are better; see `ties`.
    #[schema(value_type = f64)]
    pub rank: Decimal,
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
    pub feed: Option<String>,
    /// The weights by which units were split that make it an estimate; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightUsed>,
    /// The rank that a source reported.
    #[schema(value_type = Option<f64>)]
    pub reported_rank: Option<Decimal>,
    /// The figure that it is compared with.
    #[schema(value_type = Option<f64>)]
    pub previous_value: Option<Decimal>,
    /// The figure less the previous one.
    #[schema(value_type = Option<f64>)]
    pub change: Option<Decimal>,
    /// The rank that it is compared with.
    #[schema(value_type = Option<f64>)]
    pub previous_rank: Option<Decimal>,
    /// The previous rank less the rank: positive is better.
    #[schema(value_type = Option<f64>)]
    pub movement: Option<Decimal>,
    /// The target; of rankings by distance only.
    #[schema(value_type = Option<f64>)]
    pub target: Option<Decimal>,
    /// How the target is hedged.
    pub target_qualifier: Option<&'static str>,
    /// How far the figure is beyond the target in the indicator's direction: positive is better.
    #[schema(value_type = Option<f64>)]
    pub distance: Option<Decimal>,
}

/// A unit of the universe without a rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Missing {
    /// Its id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// Why it has none.
    pub reason: Lack,
}

/// Why a unit of the universe has no rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// It reported no figure of the period.
    Silent,
    /// Its figure has no value of its own, as on units that it cannot be divided among.
    NoValue,
    /// Its figure was made of shorter periods, and some are not there.
    Partial,
    /// There is no figure to count the change from.
    NoPrevious,
    /// It has no target.
    NoTarget,
}

/// Units that have a figure and do not compete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Excluded {
    /// Why.
    pub reason: Exclusion,
    /// How many.
    pub units: usize,
}

/// Why a unit with a figure does not compete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// It is not within the unit that was asked for.
    Within,
    /// It is of another kind.
    Kind,
    /// It was no more, or not yet, on the period's last day.
    NotValid,
}

/// What a ranking is held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Compared {
    /// The period's label.
    pub period: String,
    /// The earlier moment that was asked for; null: as of the answer.
    pub as_of: Option<String>,
    /// The newest ledger entry of that moment; null: that of the answer.
    pub position: Option<u64>,
}

/// Ranks.
///
/// # Errors
/// When a parameter names nothing, or there is no figure in scope to take the period from.
pub fn ranking(figures: &Figures<'_>, asked: &Asked) -> Result<Ranking, QueryError> {
    let composed = over_time::for_rankings(figures, asked)?;
    let figures = composed.as_ref().unwrap_or(figures);
    let field = Field::choose(figures, asked)?;
    let span_before = scope::previous_span(field.span, field.in_scope(figures));
    let manner = Manner { by: asked.by, ties: asked.ties };
    let against = figures.against.as_deref();
    let base = match (against, span_before) {
        (Some(earlier), _) => values(earlier, field.span),
        (None, Some(span)) => values(figures, span),
        (None, None) => HashMap::new(),
    };
    let now = field.standings(figures, field.span, manner, &base);
    let before = previous(&field, figures, span_before, manner);
    let before: HashMap<_, _> = before.iter().map(|s| (&s.unit.unit, s)).collect();
    let reported = reported_ranks(figures, field.span);

    let row = |standing: &Standing<'_>| {
        let before = before.get(&standing.unit.unit).copied();
        standing.row(figures, before, reported.get(&standing.unit.unit).copied())
    };
    let Standings { ranked, lacking } = &now;
    let feeds: BTreeSet<_> = ranked.iter().flat_map(|standing| standing.cell.feeds()).collect();
    let estimated = ranked.iter().filter(|standing| is_estimated(standing.cell)).count();
    let universe = ranked.len() + lacking.len();
    let compared = |span: Span, earlier: Option<&Figures<'_>>| Compared {
        period: scope::label(span, None, &earlier.unwrap_or(figures).cells),
        as_of: earlier.and_then(|earlier| earlier.seen.as_of.clone()),
        position: earlier.map(|earlier| earlier.seen.position),
    };
    Ok(Ranking {
        indicator: figures.indicator.indicator.clone(),
        period: scope::label(field.span, asked.period.as_deref(), &figures.cells),
        stage: asked.stage.unwrap_or(figures.indicator.default_stage).code(),
        by: asked.by.code(),
        ties: asked.ties.code(),
        on: figures.structure.name(),
        as_of: figures.seen.as_of.clone(),
        position: figures.seen.position,
        feeds: feeds.into_iter().map(str::to_owned).collect(),
        contains_synthetic: figures.sources.synthetic(),
        universe,
        ranked: ranked.len(),
        coverage: coverage(&now),
        missing: lacking.iter().map(|(unit, lack)| Missing::of(unit, *lack)).collect(),
        excluded: field.excluded(figures),
        compared_with: match (against, span_before) {
            (Some(_), _) => Some(compared(field.span, against)),
            (None, span) => span.map(|span| compared(span, None)),
        },
        over_time: Composed::of(ranked.iter().map(|standing| standing.cell), figures.indicator),
        estimated_share: estimated_share(estimated, ranked.len()),
        together: figures.together_in(field.span),
        rows: page(ranked, asked).map(row).collect(),
        level: field.level,
    })
}

/// The standings that movement is counted from.
fn previous<'c>(
    field: &Field,
    figures: &'c Figures<'_>,
    span_before: Option<Span>,
    manner: Manner,
) -> Vec<Standing<'c>> {
    let (of, span) = match (figures.against.as_deref(), span_before) {
        (Some(_), _) if manner.by == Ranked::Change => return Vec::new(),
        (Some(earlier), _) => (earlier, field.span),
        (None, Some(span)) => (figures, span),
        (None, None) => return Vec::new(),
    };
    let base = match scope::previous_span(span, field.in_scope(of)) {
        Some(span) if manner.by == Ranked::Change => values(of, span),
        _ => HashMap::new(),
    };
    field.standings(of, span, manner, &base).ranked
}

/// What the ranking covers: a unit has reported if it has a whole figure, whether that gives it a rank or not.
fn coverage(standings: &Standings<'_>) -> Coverage {
    let has_figure = |lack: &Lack| matches!(lack, Lack::NoPrevious | Lack::NoTarget);
    let unranked = standings.lacking.iter().filter(|(_, lack)| has_figure(lack)).count();
    let silent = standings.lacking.iter().filter(|(_, lack)| !has_figure(lack));
    let silent: Vec<_> = silent.map(|(unit, _)| UnitName::of(unit)).collect();
    let reported = standings.ranked.len() + unranked;
    let figures = standings.ranked.iter().map(|s| (s.unit, s.cell.late));
    let Timeliness { on_time, late } = Timeliness::of(figures);
    Coverage {
        reported: count(reported),
        expected: count(reported + silent.len()),
        on_time,
        late,
        silent: Some(silent),
        left_out: Vec::new(),
        declared: None,
    }
}

/// Whether the figures that are read so far tell the period of the answer and those before it that it is compared with; or
/// that there is no answer, whatever comes.
#[must_use]
pub fn is_enough(figures: &Figures<'_>, asked: &Asked) -> bool {
    let Ok(composed) = over_time::for_rankings(figures, asked) else { return true };
    let figures = composed.as_ref().unwrap_or(figures);
    let field = match Field::choose(figures, asked) {
        Ok(field) => field,
        Err(error) => return asked.period.is_some() || !scope::is_no_figures(&error),
    };
    let previous = |span: Span| scope::previous_span(span, field.in_scope(figures));
    let before = previous(field.span);
    match asked.by {
        // The ranking before has changes too.
        Ranked::Change => before.and_then(previous).is_some(),
        Ranked::Value | Ranked::Distance => before.is_some(),
    }
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

impl Missing {
    fn of(version: &UnitVersion, reason: Lack) -> Self {
        let UnitName { unit, code, name } = UnitName::of(version);
        Self { unit, code, name, reason }
    }
}

impl Standing<'_> {
    fn row(
        &self,
        figures: &Figures<'_>,
        before: Option<&Standing<'_>>,
        reported_rank: Option<Decimal>,
    ) -> RankingRow {
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
            feed: self.cell.only_feed(),
            weights: WeightUsed::of_cell(&figures.catalogue.units, self.cell),
            reported_rank,
            previous_value: self.before,
            change: self.change(),
            previous_rank: before.map(|before| before.rank),
            movement: before.and_then(|before| before.rank.checked_sub(self.rank)),
            target: self.target.and_then(|(target, _): (&Cell, _)| target.value),
            target_qualifier: self.target.map(|(target, _)| target.qualifier.code()),
            distance: self.target.map(|(_, distance)| distance),
        }
    }
}

#[cfg(test)]
mod tests;
