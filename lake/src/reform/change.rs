//! Changes: all that left one unit on one day, or all that came into it, as weights for every basis.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use super::Basis;
use super::weight::{Weight, proportional};
use crate::decimal::Decimal;
use crate::succession::{Confidence, Extent, Succession, Weights};
use crate::unit::{UnitId, Units};

/// A part of a unit, and the unit that it went to or came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) unit: usize,
    pub(super) weight: Weight,
    pub(super) confidence: Confidence,
}

/// What happened to all of one unit on one day.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The first day of the new order.
    pub(super) on: NaiveDate,
    /// For each basis, the parts that carry anything; their weights sum to one.
    parts: [Vec<Part>; Basis::ALL.len()],
}

impl Change {
    pub(super) fn parts(&self, basis: Basis) -> &[Part] {
        &self.parts[basis as usize]
    }

    /// The units of any part of any basis.
    pub(super) fn everyone(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().flatten().map(|part| part.unit)
    }
}

/// One way out of a unit.
struct Edge {
    to: usize,
    extent: Extent,
    weights: Weights,
    confidence: Confidence,
}

/// All changes, indexed.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) touched: Vec<UnitId>,
    pub(super) index: HashMap<UnitId, usize>,
    pub(super) leaving: Vec<Vec<Change>>,
    pub(super) entering: Vec<Vec<Change>>,
    pub(super) days: Vec<NaiveDate>,
}

impl Changes {
    pub(super) fn of<'a>(units: &Units, moves: impl Iterator<Item = &'a Succession>) -> Self {
        let moves: Vec<&Succession> = moves.collect();
        let touched: BTreeSet<&UnitId> = moves.iter().flat_map(|m| [&m.from, &m.to]).collect();
        let touched: Vec<UnitId> = touched.into_iter().cloned().collect();
        let index: HashMap<_, _> =
            touched.iter().enumerate().map(|(place, unit)| (unit.clone(), place)).collect();
        let mut out: BTreeMap<(NaiveDate, usize), Vec<Edge>> = BTreeMap::new();
        for m in &moves {
            let edge = Edge {
                to: index[&m.to],
                extent: m.extent,
                weights: m.weights,
                confidence: m.confidence,
            };
            out.entry((m.effective, index[&m.from])).or_default().push(edge);
        }
        let days: BTreeSet<NaiveDate> = out.keys().map(|(on, _)| *on).collect();
        let mut changes = Self {
            leaving: vec![Vec::new(); touched.len()],
            entering: vec![Vec::new(); touched.len()],
            touched,
            index,
            days: days.into_iter().collect(),
        };
        for ((on, from), edges) in &mut out {
            let goes_on = units.version_at(&changes.touched[*from], *on).is_some();
            if goes_on && edges.iter().all(|edge| edge.to != *from) {
                edges.push(stays(*from, edges));
            }
            let change = Change { on: *on, parts: of_each(|basis| parts(edges, basis)) };
            changes.leaving[*from].push(change);
        }
        changes.enter(units, out.keys().copied());
        changes
    }

    /// Turns the changes round: who came into each unit.
    fn enter(&mut self, units: &Units, left: impl Iterator<Item = (NaiveDate, usize)>) {
        let left: BTreeSet<(NaiveDate, usize)> = left.collect();
        let mut into: BTreeMap<(NaiveDate, usize), [Vec<Part>; Basis::ALL.len()]> = BTreeMap::new();
        for (from, changes) in self.leaving.iter().enumerate() {
            for change in changes {
                for (basis, parts) in change.parts.iter().enumerate() {
                    for part in parts {
                        let came = Part { unit: from, ..*part };
                        into.entry((change.on, part.unit)).or_default()[basis].push(came);
                    }
                }
            }
        }
        for ((on, unit), mut came) in into {
            let before = on.pred_opt().unwrap_or(on);
            let was = units.version_at(&self.touched[unit], before).is_some();
            let stayed = was && !left.contains(&(on, unit));
            let land = came[Basis::Area as usize].clone();
            for parts in &mut came {
                if stayed {
                    let confidence = Confidence::Declared;
                    parts.push(Part { unit, weight: Weight::ONE, confidence });
                } else if parts.is_empty() {
                    // Only land came, yet it has people now: they are sought where the land was.
                    parts.clone_from(&land);
                }
                came_by_share(parts);
            }
            self.entering[unit].push(Change { on, parts: came });
        }
    }
}

fn of_each(parts: impl Fn(Basis) -> Vec<Part>) -> [Vec<Part>; Basis::ALL.len()] {
    let mut all: [Vec<Part>; Basis::ALL.len()] = Default::default();
    for basis in Basis::ALL {
        all[*basis as usize] = parts(*basis);
    }
    all
}

/// What stays of a unit that goes on: all its people where only land left it, else a part.
fn stays(unit: usize, edges: &[Edge]) -> Edge {
    let only_land = edges.iter().all(|edge| edge.extent == Extent::PartAreaOnly);
    let extent = if only_land { Extent::PartAreaAllPopulation } else { Extent::Part };
    Edge { to: unit, extent, weights: Weights::default(), confidence: Confidence::Derived }
}

/// Makes the shares that predecessors gave up into shares of the one that they came into.
fn came_by_share(parts: &mut [Part]) {
    let alone = parts.len() == 1;
    let shares: Vec<u64> = parts.iter().map(|part| part.weight.steps()).collect();
    for (part, weight) in parts.iter_mut().zip(proportional(&shares)) {
        part.weight = weight;
        if !alone {
            part.confidence = Confidence::Low;
        }
    }
}

/// The parts that a unit's edges carry.
fn parts(edges: &[Edge], basis: Basis) -> Vec<Part> {
    let all: Vec<&Edge> = edges.iter().collect();
    let of = |wanted: fn(Extent) -> bool| -> Vec<&Edge> {
        edges.iter().filter(|edge| wanted(edge.extent)).collect()
    };
    let certain = match basis.of_people() {
        true => of(|extent| matches!(extent, Extent::Whole | Extent::PartAreaAllPopulation)),
        false => of(|extent| extent == Extent::Whole),
    };
    let mut parts = match certain.as_slice() {
        [one] => vec![Part { unit: one.to, weight: Weight::ONE, confidence: one.confidence }],
        [] => {
            let part = of(|extent| extent == Extent::Part);
            let carries = if basis.of_people() && !part.is_empty() { part } else { all };
            split(&carries, basis)
        }
        several => equally(several),
    };
    parts.retain(|part| part.weight != Weight::ZERO);
    parts
}

/// Splits a unit over edges of which each carries some part.
fn split(edges: &[&Edge], basis: Basis) -> Vec<Part> {
    if let [one] = edges {
        let confidence = Confidence::Derived;
        return vec![Part { unit: one.to, weight: Weight::ONE, confidence }];
    }
    let declared = measures(basis).iter().enumerate().find_map(|(place, measure)| {
        let weights: Vec<_> = edges.iter().map(|edge| measure(&edge.weights)).collect();
        by_declared(edges, &weights, place == 0 && basis != Basis::Units)
    });
    declared.unwrap_or_else(|| equally(edges))
}

/// A weight that an edge may declare.
type Measure = fn(&Weights) -> Option<Decimal>;

/// The weights that a basis goes by, best first.
fn measures(basis: Basis) -> &'static [Measure] {
    const POPULATION: Measure = |weights| weights.population;
    const HOUSEHOLDS: Measure = |weights| weights.households;
    const AREA: Measure = |weights| weights.area;
    const VILLAGES: Measure = |weights| weights.villages;
    match basis {
        Basis::Population => &[POPULATION, HOUSEHOLDS],
        Basis::Households => &[HOUSEHOLDS, POPULATION],
        Basis::Area => &[AREA],
        Basis::Villages => &[VILLAGES, POPULATION, HOUSEHOLDS],
        // No weight is one of units, so all are borrowed.
        Basis::Units => &[POPULATION, HOUSEHOLDS],
    }
}

/// By declared weights: what they leave of one goes to the edges without, in equal parts. None where nothing is declared.
fn by_declared(edges: &[&Edge], weights: &[Option<Decimal>], own: bool) -> Option<Vec<Part>> {
    let known = |weight: &Option<Decimal>| weight.and_then(Weight::of);
    let sum = weights.iter().filter_map(known).fold(Weight::ZERO, Weight::plus);
    if sum == Weight::ZERO {
        return None;
    }
    let silent = weights.iter().filter(|weight| known(weight).is_none()).count();
    let rest = sum.rest().steps() / u64::try_from(silent).unwrap_or(u64::MAX).max(1);
    let steps: Vec<u64> =
        weights.iter().map(|weight| known(weight).map_or(rest, Weight::steps)).collect();
    let part = |((edge, declared), weight): ((&&Edge, &Option<Decimal>), Weight)| {
        let confidence = match (declared, own) {
            (None, _) => Confidence::Low,
            (Some(_), true) => edge.confidence,
            (Some(_), false) => edge.confidence.max(Confidence::Derived),
        };
        Part { unit: edge.to, weight, confidence }
    };
    Some(edges.iter().zip(weights).zip(proportional(&steps)).map(part).collect())
}

/// In equal parts, for want of anything better.
fn equally(edges: &[&Edge]) -> Vec<Part> {
    let weights = proportional(&vec![1; edges.len()]);
    let part = |(edge, weight): (&&Edge, Weight)| Part {
        unit: edge.to,
        weight,
        confidence: Confidence::Low,
    };
    edges.iter().zip(weights).map(part).collect()
}
