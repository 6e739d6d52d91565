//! Stages side by side: what a unit said itself, what was appraised, surveyed and announced, what was aimed at, and how far
//! the figure is from the target.
//!
//! # Decisions
//! - The target of a period is the one of the same span; where there is none, the one that ends next after it, which is named
//!   (`target_period`): a target "to 2025" is what the figures of 2024 are held against.
//! - The distance is in the indicator's direction, so that positive is always better: value - target where more is better,
//!   target - value where less is. It is of the stage that was asked for, or the indicator's default.
//! - Whether a target is met follows its qualifier: `ge`, `exact` and `approx` take a distance of 0, `gt` takes more; where less
//!   is better, `lt` takes more than 0.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dinh_lake::Decimal;
use dinh_lake::observation::{Qualifier, Stage};
use dinh_lake::unit::{UnitId, UnitVersion};
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::{Cell, Span};
use super::figures::Figures;
use super::outline::{Coverage, Timeliness, UnitName};
use super::question::Asked;
use super::ranking::field::Field;
use super::ranking::standing::distance;
use super::scope;
use crate::error::QueryError;

/// The figures of units at every stage.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Stages {
    /// The indicator.
    pub indicator: String,
    /// The level of the units.
    pub level: String,
    /// The period's label.
    pub period: String,
    /// The stage that distances are of, and coverage.
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
    /// Who has a figure at the stage.
    pub coverage: Coverage,
    /// The units with a figure at any stage, in order of code.
    pub rows: Vec<StagesRow>,
}

/// One unit's figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StagesRow {
    /// The unit's id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// What it said itself.
    #[serde(rename = "self")]
    #[schema(value_type = Option<f64>)]
    pub self_reported: Option<Decimal>,
    /// What the level above found.
    #[schema(value_type = Option<f64>)]
    pub appraised: Option<Decimal>,
    /// What citizens said.
    #[schema(value_type = Option<f64>)]
    pub survey: Option<Decimal>,
    /// What was announced.
    #[serde(rename = "final")]
    #[schema(value_type = Option<f64>)]
    pub announced: Option<Decimal>,
    /// How the figure at the answer's stage is hedged.
    pub qualifier: Option<&'static str>,
    /// What was aimed at.
    #[schema(value_type = Option<f64>)]
    pub target: Option<Decimal>,
    /// How the target is hedged.
    pub target_qualifier: Option<&'static str>,
    /// The target's period.
    pub target_period: Option<String>,
    /// How far the figure is beyond the target in the indicator's direction: positive is better.
    #[schema(value_type = Option<f64>)]
    pub distance: Option<Decimal>,
    /// Whether the target is met.
    pub met: Option<bool>,
}

/// The target of each unit for a period.
pub(crate) struct Targets<'c>(HashMap<&'c UnitId, &'c Cell>);

impl<'c> Targets<'c> {
    /// Finds the targets for a span among cells at the stage `target`.
    pub(crate) fn of(cells: &'c [Cell], span: Span) -> Self {
        let mut targets: HashMap<&UnitId, &Cell> = HashMap::new();
        let rank = |cell: &Cell| (cell.span() != span, cell.period.end, cell.period.days());
        for cell in cells.iter().filter(|cell| cell.period.end >= span.end && cell.value.is_some())
        {
            let best = targets.entry(&cell.unit).or_insert(cell);
            if rank(cell) < rank(best) {
                *best = cell;
            }
        }
        Self(targets)
    }

    /// The target of a unit.
    pub(crate) fn get(&self, unit: &UnitId) -> Option<&'c Cell> {
        self.0.get(unit).copied()
    }
}

/// Whether a figure so far beyond a target meets it.
fn meets(qualifier: Qualifier, distance: Decimal) -> bool {
    match qualifier {
        Qualifier::Greater | Qualifier::Less => distance > Decimal::ZERO,
        Qualifier::Exact
        | Qualifier::Approximate
        | Qualifier::GreaterOrEqual
        | Qualifier::LessOrEqual => distance >= Decimal::ZERO,
    }
}

/// Puts the stages of each unit side by side.
///
/// # Errors
/// When a parameter names nothing, or there is no figure in scope to take the period from.
pub fn stages(figures: &Figures<'_>, asked: &Asked) -> Result<Stages, QueryError> {
    let field = Field::choose(figures, asked)?;
    let stage = asked.stage.unwrap_or(figures.indicator.default_stage);
    let mut cells: BTreeMap<(&UnitId, Stage), &Cell> = BTreeMap::new();
    let at_span = figures.cells.iter().filter(|cell| cell.span() == field.span);
    cells.extend(at_span.map(|cell| ((&cell.unit, cell.stage), cell)));
    let targets = Targets::of(&figures.targets, field.span);
    let universe = field.universe(figures, field.span);

    let (mut rows, mut feeds) = (Vec::new(), BTreeSet::new());
    let (mut silent, mut reported) = (Vec::new(), Vec::new());
    for unit in universe {
        let of = |stage| cells.get(&(&unit.unit, stage)).copied();
        let target = targets.get(&unit.unit);
        match of(stage) {
            Some(cell) => reported.push((unit, cell.late)),
            None => silent.push(UnitName::of(unit)),
        }
        let all = Stage::ALL.iter().filter_map(|stage| of(*stage)).chain(target);
        let all: Vec<&Cell> = all.collect();
        feeds.extend(all.iter().flat_map(|cell| cell.feeds()).map(str::to_owned));
        if !all.is_empty() {
            rows.push(row(figures, unit, of, (stage, target)));
        }
    }
    let Timeliness { on_time, late } = Timeliness::of(reported.iter().copied());
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(Stages {
        indicator: figures.indicator.indicator.clone(),
        period: scope::label(field.span, asked.period.as_deref(), &figures.cells),
        stage: stage.code(),
        on: figures.structure.name(),
        as_of: figures.seen.as_of.clone(),
        position: figures.seen.position,
        feeds: feeds.into_iter().collect(),
        contains_synthetic: figures.sources.synthetic(),
        coverage: Coverage {
            reported: count(reported.len()),
            expected: count(reported.len() + silent.len()),
            on_time,
            late,
            silent: Some(silent),
            left_out: Vec::new(),
            declared: None,
        },
        rows,
        level: field.level,
    })
}

fn row<'c>(
    figures: &Figures<'_>,
    unit: &UnitVersion,
    of: impl Fn(Stage) -> Option<&'c Cell>,
    (stage, target): (Stage, Option<&Cell>),
) -> StagesRow {
    let value = |stage| of(stage).and_then(|cell| cell.value);
    let direction = figures.indicator.direction;
    let distance = value(stage)
        .zip(target.and_then(|target| target.value))
        .and_then(|(value, target)| distance(direction, value, target));
    StagesRow {
        unit: unit.unit.0.clone(),
        code: unit.code.clone(),
        name: unit.name.clone(),
        self_reported: value(Stage::SelfReported),
        appraised: value(Stage::Appraised),
        survey: value(Stage::Survey),
        announced: value(Stage::Final),
        qualifier: of(stage).map(|cell| cell.qualifier.code()),
        target: target.and_then(|target| target.value),
        target_qualifier: target.map(|target| target.qualifier.code()),
        target_period: target.map(|target| target.period.label.clone()),
        distance,
        met: distance.zip(target).map(|(distance, target)| meets(target.qualifier, distance)),
    }
}

#[cfg(test)]
mod tests;
