//! What is answered: the definition, the units in order with what their scores are made of, and those without one.

use std::cmp::Reverse;
use std::collections::HashMap;

use dinh_lake::Decimal;
use dinh_lake::composite::{Part, RankInterval, Why};
use dinh_lake::unit::{UnitId, UnitVersion};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::outline::{Coverage, Timeliness, UnitName, estimated_share};
use super::super::question::{Asked, Order};
use super::super::scope;
use super::CompositeScores;
use super::field::Field;
use super::parts::Parts;
use super::run::{Run, Runs, Standing};

/// A group of the definition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupOf {
    /// Its code.
    pub group: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// Its weight.
    #[schema(value_type = f64)]
    pub weight: Decimal,
    /// Its components, in order.
    pub components: Vec<ComponentOf>,
}

/// A component of the definition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ComponentOf {
    /// Its code.
    pub component: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The indicator whose figures it takes.
    pub indicator: String,
    /// The stage whose figures it takes.
    pub stage: &'static str,
    /// Its weight.
    #[schema(value_type = f64)]
    pub weight: Decimal,
}

/// A unit's place.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompositeRow {
    /// One more than the number of units that are better.
    pub rank: usize,
    /// Whether another unit has the same rank.
    pub tied: bool,
    /// The rank that one draw of weights in twenty is better than.
    pub rank_from: usize,
    /// The rank that one draw of weights in twenty is worse than.
    pub rank_to: usize,
    /// The unit's id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The id of the unit above it.
    pub parent: Option<String>,
    /// The score.
    #[schema(value_type = f64)]
    pub score: Decimal,
    /// The share of the weight that was filled in, from 0 to 1.
    #[schema(value_type = f64)]
    pub imputed_share: Decimal,
    /// The components of which it has no figure.
    pub missing_components: Vec<String>,
    /// The score by what the unit says of itself, where appraised figures are there too.
    #[schema(value_type = Option<f64>)]
    pub self_score: Option<Decimal>,
    /// The score by appraised figures, where the unit's own are there too.
    #[schema(value_type = Option<f64>)]
    pub appraised_score: Option<Decimal>,
    /// The unit's own score less the appraised one.
    #[schema(value_type = Option<f64>)]
    pub self_gap: Option<Decimal>,
    /// The score of the previous period.
    #[schema(value_type = Option<f64>)]
    pub previous_score: Option<Decimal>,
    /// The score less the previous one.
    #[schema(value_type = Option<f64>)]
    pub change: Option<Decimal>,
    /// The rank in the previous period.
    pub previous_rank: Option<usize>,
    /// The previous rank less the rank: positive is better.
    pub movement: Option<i64>,
    /// What each group contributed; the contributions sum to the score.
    pub groups: Vec<GroupShare>,
}

/// What a group contributed to a score.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupShare {
    /// The group.
    pub group: String,
    /// What it contributed: the sum of its components' contributions.
    #[schema(value_type = f64)]
    pub contribution: Decimal,
    /// Its components, in order.
    pub components: Vec<ComponentShare>,
}

/// What a component contributed to a score.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ComponentShare {
    /// The component.
    pub component: String,
    /// The unit's figure; null where it has none.
    #[schema(value_type = Option<f64>)]
    pub figure: Option<Decimal>,
    /// The figure, or what was filled in, on the common scale.
    #[schema(value_type = f64)]
    pub normalised: Decimal,
    /// What it contributed.
    #[schema(value_type = f64)]
    pub contribution: Decimal,
    /// Whether it was filled in.
    pub imputed: bool,
}

/// A unit without a score.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Unranked {
    /// The unit's id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// Why: `silent`, `missing`, `below_threshold` or `not_filled`.
    pub why: &'static str,
    /// The share of the weight that it has figures for, from 0 to 1.
    #[schema(value_type = f64)]
    pub present_share: Decimal,
    /// The components of which it has no figure.
    pub missing_components: Vec<String>,
}

/// Whether any figure of a ranked unit was late; none where none had a deadline.
fn lateness<'a>(standing: &Standing<'a>) -> (&'a UnitVersion, Option<bool>) {
    let cells = standing.cells.iter().flatten();
    (standing.unit, cells.filter_map(|cell| cell.late).reduce(|a, b| a || b))
}

/// Writes the answer.
pub(super) fn answer(
    parts: &Parts<'_>,
    field: &Field,
    runs: &Runs<'_>,
    intervals: &[RankInterval],
    asked: &Asked,
) -> CompositeScores {
    let definition = parts.method.definition;
    let Run { standings, unscored, .. } = &runs.now;
    let code = |index: &usize| parts.method.parts[*index].component.component.clone();
    let missing = unscored.iter().map(|(unit, unscored)| Unranked {
        unit: unit.unit.0.clone(),
        code: unit.code.clone(),
        name: unit.name.clone(),
        why: why(unscored.why),
        present_share: unscored.present_share,
        missing_components: unscored.missing.iter().map(code).collect(),
    });
    let silent = unscored.iter().map(|(unit, _)| UnitName::of(unit));
    let universe = standings.len() + unscored.len();
    let others = Others::of(runs);
    let Timeliness { on_time, late } = Timeliness::of(standings.iter().map(lateness));
    let ranked: Vec<_> = standings.iter().zip(intervals).collect();
    let rows = page(&ranked, asked);
    CompositeScores {
        composite: definition.composite.clone(),
        version: definition.version.clone(),
        name: definition.name_vi.clone(),
        legal_basis: definition.legal_basis.clone(),
        example: definition.example,
        level: field.level.clone(),
        period: scope::label(field.span, asked.period.as_deref(), parts.all_cells()),
        stage: asked.stage.map(|stage| stage.code()),
        on: None,
        as_of: parts.seen.as_of.clone(),
        position: parts.seen.position,
        feeds: runs.now.feeds.iter().cloned().collect(),
        contains_synthetic: parts.sources.synthetic(),
        full_score: definition.full_score,
        normalisation: definition.normalisation.code(),
        within_groups: definition.within_groups.code(),
        over_groups: definition.over_groups.code(),
        missing_rule: definition.missing.code(),
        threshold: definition.threshold,
        seed: definition.seed,
        draws: definition.draws,
        groups: groups(parts, asked),
        universe,
        ranked: standings.len(),
        missing: missing.collect(),
        coverage: Coverage {
            reported: count(standings.len()),
            expected: count(universe),
            on_time,
            late,
            silent: Some(silent.collect()),
            left_out: Vec::new(),
            declared: None,
        },
        estimated_share: estimated_share(runs.now.estimated, runs.now.figures),
        imputed_share: mean(standings.iter().map(|standing| standing.score.imputed_share)),
        previous_period: runs.span_before.map(|span| scope::label(span, None, parts.all_cells())),
        rows: rows.into_iter().map(|ranked| row(parts, *ranked, &others)).collect(),
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn why(why: Why) -> &'static str {
    match why {
        Why::Silent => "silent",
        Why::Missing => "missing",
        Why::BelowThreshold => "below_threshold",
        Why::NotFilled => "not_filled",
    }
}

/// The mean, rounded to 6 digits; 0 of nothing.
fn mean(shares: impl ExactSizeIterator<Item = Decimal>) -> Decimal {
    let all = Decimal::from_integer(count(shares.len()));
    let sum = Decimal::from_unscaled(shares.map(Decimal::unscaled).sum());
    sum.zip(all).and_then(|(sum, all)| Decimal::ratio(1, sum, all)).unwrap_or_default()
}

/// The parts of the definition, each with its place.
fn by_group<'p, 'a>(
    parts: &'p Parts<'a>,
) -> impl Iterator<Item = (&'a dinh_lake::composite::Group, Vec<(usize, &'p Part<'a>)>)> {
    let of_group = |index: usize| {
        let all = parts.method.parts.iter().enumerate();
        all.filter(|(_, part)| part.group == index).collect()
    };
    let groups = parts.method.definition.groups.iter().enumerate();
    groups.map(move |(index, group)| (group, of_group(index)))
}

fn groups(parts: &Parts<'_>, asked: &Asked) -> Vec<GroupOf> {
    let component = |(_, part): (usize, &Part<'_>)| ComponentOf {
        component: part.component.component.clone(),
        name: part.component.name_vi.clone().unwrap_or_else(|| part.indicator.name_vi.clone()),
        indicator: part.indicator.indicator.clone(),
        stage: part.stage(asked.stage).code(),
        weight: part.component.weight,
    };
    let groups = by_group(parts).map(|(group, components)| GroupOf {
        group: group.group.clone(),
        name: group.name_vi.clone(),
        weight: group.weight,
        components: components.into_iter().map(component).collect(),
    });
    groups.collect()
}

/// A ranked unit with its interval.
type Ranked<'s, 'a> = (&'s Standing<'a>, &'s RankInterval);

/// The rows that were asked for, in the order that was asked for.
fn page<'r, 's, 'a>(ranked: &'r [Ranked<'s, 'a>], asked: &Asked) -> Vec<&'r Ranked<'s, 'a>> {
    let mut ranked: Vec<_> = ranked.iter().collect();
    if asked.order == Order::Descending {
        ranked.sort_by_key(|(standing, _)| Reverse(standing.rank));
    }
    ranked.into_iter().skip(asked.offset).take(asked.limit.unwrap_or(usize::MAX)).collect()
}

/// What stands beside a score.
struct Others<'r> {
    before: HashMap<&'r UnitId, (usize, Decimal)>,
    own: HashMap<&'r UnitId, (usize, Decimal)>,
    appraised: HashMap<&'r UnitId, (usize, Decimal)>,
}

impl<'r> Others<'r> {
    fn of(runs: &'r Runs<'_>) -> Self {
        let of = |run: Option<&'r Run<'_>>| {
            let standings = run.into_iter().flat_map(|run| &run.standings);
            standings.map(|one| (&one.unit.unit, (one.rank, one.score.score))).collect()
        };
        Self {
            before: of(runs.before.as_ref()),
            own: of(runs.stages.as_ref().map(|(own, _)| own)),
            appraised: of(runs.stages.as_ref().map(|(_, appraised)| appraised)),
        }
    }
}

fn row(
    parts: &Parts<'_>,
    (standing, interval): Ranked<'_, '_>,
    others: &Others<'_>,
) -> CompositeRow {
    let Standing { unit, score, .. } = standing;
    let before = others.before.get(&unit.unit);
    let scores = others.own.get(&unit.unit).zip(others.appraised.get(&unit.unit));
    let scores = scores.map(|((_, own), (_, appraised))| (*own, *appraised));
    let components = parts.method.parts.iter().zip(&score.imputed);
    let missing = components.filter(|(_, imputed)| **imputed);
    CompositeRow {
        rank: standing.rank,
        tied: standing.tied,
        rank_from: interval.from,
        rank_to: interval.to,
        unit: unit.unit.0.clone(),
        code: unit.code.clone(),
        name: unit.name.clone(),
        parent: unit.parent.as_ref().map(|parent| parent.0.clone()),
        score: score.score,
        imputed_share: score.imputed_share,
        missing_components: missing.map(|(part, _)| part.component.component.clone()).collect(),
        self_score: scores.map(|(own, _)| own),
        appraised_score: scores.map(|(_, appraised)| appraised),
        self_gap: scores.and_then(|(own, appraised)| own.checked_sub(appraised)),
        previous_score: before.map(|(_, score)| *score),
        change: before.and_then(|(_, before)| score.score.checked_sub(*before)),
        previous_rank: before.map(|(rank, _)| *rank),
        movement: before.map(|(rank, _)| count(*rank) - count(standing.rank)),
        groups: by_group(parts).map(|(group, of)| share(&group.group, &of, standing)).collect(),
    }
}

fn share(group: &str, parts: &[(usize, &Part<'_>)], standing: &Standing<'_>) -> GroupShare {
    let score = &standing.score;
    let component = |(index, part): &(usize, &Part<'_>)| ComponentShare {
        component: part.component.component.clone(),
        figure: standing.cells[*index].and_then(|cell| cell.value),
        normalised: score.values[*index],
        contribution: score.contributions[*index],
        imputed: score.imputed[*index],
    };
    let sum = parts.iter().map(|(index, _)| score.contributions[*index].unscaled()).sum();
    GroupShare {
        group: group.to_owned(),
        contribution: Decimal::from_unscaled(sum).unwrap_or_default(),
        components: parts.iter().map(component).collect(),
    }
}
