//! Figures that hold for several units together and for none of them alone: a district's, after it went and its communes
//! were divided anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use dinh_lake::Decimal;
use dinh_lake::observation::{Qualifier, Stage};
use dinh_lake::unit::{UnitId, Units};
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::{Cell, Declared, Span};
use super::outline::{UnitName, joined_qualifier};
use super::structure::Structure;

/// A figure of several units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Together {
    /// Its period.
    pub span: Span,
    /// Its stage.
    pub stage: Stage,
    /// The units.
    pub units: BTreeSet<UnitId>,
    /// The units that reported it, in order.
    pub from: Vec<UnitId>,
    /// The figure; none where those of several units do not add up.
    pub value: Option<Decimal>,
    /// How it is hedged.
    pub qualifier: Qualifier,
    /// The feeds it is from.
    pub feeds: BTreeSet<Arc<str>>,
    /// What its source says that it covers; none where it has several.
    pub declared: Option<Declared>,
    /// When the newest figure in it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Whether it is all that the units have, and not only what came to them from those that reported.
    pub complete: bool,
}

/// A figure of several units, in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TogetherRow {
    /// The units that have it together; each of them alone has none.
    pub units: Vec<UnitName>,
    /// The units that reported it.
    pub from: Vec<UnitName>,
    /// The figure.
    #[schema(value_type = Option<f64>)]
    pub value: Option<Decimal>,
    /// How it is hedged.
    pub qualifier: &'static str,
    /// The feeds that it came from.
    pub feeds: Vec<String>,
    /// What its source says that it covers.
    pub declared: Option<Declared>,
    /// Whether it is all that the units have; else it is what came to them from `from`.
    pub complete: bool,
}

impl Together {
    /// As a row of an answer. `known` are all units of the catalogue.
    #[must_use]
    pub fn row(&self, structure: &Structure<'_>, known: &Units) -> TogetherRow {
        let shown = structure.day(self.span);
        let named = |units: &Units, unit: &UnitId, day| {
            let version = units.version_at(unit, day).or_else(|| units.latest(unit));
            version.map(UnitName::of)
        };
        let units = self.units.iter().filter_map(|unit| named(structure.units, unit, shown));
        let from = self.from.iter().filter_map(|unit| named(known, unit, self.span.end));
        TogetherRow {
            units: units.collect(),
            from: from.collect(),
            value: self.value,
            qualifier: self.qualifier.code(),
            feeds: self.feeds.iter().map(|feed| feed.to_string()).collect(),
            declared: self.declared,
            complete: self.complete,
        }
    }
}

/// The figures of some cells of one period and stage, each with the units that it holds for together. Where figures add up,
/// those whose units overlap are one figure of all of them.
pub(super) fn joined(
    structure: &Structure<'_>,
    joining: Joining,
    cells: &[(&Cell, BTreeSet<UnitId>)],
) -> Vec<Together> {
    let reported: BTreeSet<&UnitId> = cells.iter().map(|(cell, _)| &cell.unit).collect();
    let counted_above =
        |cell: &Cell| structure.is_below_any(&cell.unit, &reported, cell.period.end);
    let mut groups: Vec<(Vec<&Cell>, BTreeSet<UnitId>)> = Vec::new();
    for (cell, units) in cells {
        if units.is_empty() || counted_above(cell) {
            continue;
        }
        let mut group = (vec![*cell], units.clone());
        let overlap = |other: &BTreeSet<UnitId>| !other.is_disjoint(units);
        let (touching, apart): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(_, other)| joining != Joining::Never && overlap(other));
        for (cells, units) in touching {
            group.0.extend(cells);
            group.1.extend(units);
        }
        groups = apart;
        groups.push(group);
    }
    groups.into_iter().map(|(cells, units)| together(structure, joining, cells, units)).collect()
}

/// How figures whose units overlap become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joining {
    /// By adding up.
    Sum,
    /// As the ratio of sums, times this.
    Ratio(i64),
    /// Not at all.
    Never,
}

fn together(
    structure: &Structure<'_>,
    joining: Joining,
    mut cells: Vec<&Cell>,
    units: BTreeSet<UnitId>,
) -> Together {
    cells.sort_by(|a, b| a.unit.cmp(&b.unit));
    let span = cells[0].span();
    let from: Vec<UnitId> = cells.iter().map(|cell| cell.unit.clone()).collect();
    let one = if let [one] = cells.as_slice() { Some(*one) } else { None };
    Together {
        span,
        stage: cells[0].stage,
        complete: structure.is_all_of(&units, &from, span.end),
        value: one.map_or_else(|| sum(joining, &cells), |cell| cell.value),
        qualifier: one.map_or_else(
            || joined_qualifier(cells.iter().map(|cell| cell.qualifier)),
            |cell| cell.qualifier,
        ),
        feeds: cells.iter().map(|cell| Arc::clone(&cell.feed)).collect(),
        declared: one.and_then(|cell| cell.declared),
        recorded_at: cells.iter().map(|cell| cell.recorded_at).max().unwrap_or_default(),
        units,
        from,
    }
}

/// The sum of some figures, or the ratio of their sums where they have parts.
fn sum(joining: Joining, cells: &[&Cell]) -> Option<Decimal> {
    let add = |figure: fn(&Cell) -> Option<Decimal>| {
        cells.iter().try_fold(Decimal::ZERO, |sum, cell| sum.checked_add(figure(cell)?))
    };
    match joining {
        Joining::Sum => add(|cell| cell.value),
        Joining::Ratio(factor) => {
            let above = add(|cell| cell.parts().map(|parts| parts.0))?;
            Decimal::ratio(factor, above, add(|cell| cell.parts().map(|parts| parts.1))?)
        }
        Joining::Never => None,
    }
}
