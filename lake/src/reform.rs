//! Reforms (sắp xếp đơn vị hành chính): the graph of what became of whom, and what a figure of one day's units amounts to
//! on the units of another day.
//!
//! A change takes all of a unit to its successors on one day, by weights that sum to exactly one. What the weights are is
//! the [`Basis`]'s: people follow `whole` and `part_area_all_population` edges with nobody left behind, never go over a
//! `part_area_only` edge, and over several `part` edges by the declared weights, else by those of households or population,
//! else in equal parts, which is a guess ([`Confidence::Low`]).
//!
//! ```text
//!   2024-12-31        2025-01-01         2025-07-01
//!   00010.1 --whole--> 00004.2 --whole--> 00004.3       forwards: shares multiply along the days
//!   00004.1 --whole--> 00004.2 --part---> 00008.2       backwards: a unit goes to those that it came from
//! ```
//!
//! Invariants: the shares of a unit sum to exactly one; [`hand_out`] gives parts that sum to exactly what was handed out;
//! there and back over whole units is the identity where nothing was merged; [`Reforms::clusters`] partition the units.
//!
//! # Decisions
//! - A unit that goes on under its own id after some of it left keeps the rest: an edge to itself is taken as said.
//! - Backwards the weight of a predecessor is the share of it that came over: equal parts where all came whole. A unit of
//!   which all came from one predecessor goes back to it exactly, so a split is undone without a guess.
//! - Figures by households fall back on population and the other way round; by villages and by units on both. A weight that
//!   was declared for something else is called derived.
//! - Weights have 18 digits after the point, so that thirds of thirds still add up; a [`Decimal`] shows six.
//! - A unit that ended without a successor has no share anywhere: see what was below it.

mod change;
mod clusters;
mod comparable;
mod crossing;
#[cfg(test)]
mod tests;
mod weight;

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;

use crate::observation::codes;
use crate::succession::{Confidence, Succession};
use crate::unit::{UnitId, Units};
use change::{Change, Changes};

pub use clusters::Cluster;
pub use comparable::Comparable;
pub use crossing::Crossing;
pub use weight::{Weight, hand_out};

codes! {
    /// What a figure is split by across a reform.
    Basis {
        /// By people.
        Population = "population",
        /// By households.
        Households = "households",
        /// By land.
        Area = "area",
        /// By villages and residential groups.
        Villages = "villages",
        /// By units: each new one has its own, as offices do.
        Units = "units",
    }
}

impl Basis {
    /// Whether it is where people are, so that an edge without people carries nothing.
    #[must_use]
    pub fn of_people(self) -> bool {
        self != Self::Area
    }
}

/// The part of a unit that is in another unit on another day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The unit of the other day.
    pub to: UnitId,
    /// How much of the unit is there; more than nothing.
    pub weight: Weight,
    /// Whether the weight splits the unit, so that a figure that follows is an estimate.
    pub estimated: bool,
    /// How sure the weight is.
    pub confidence: Confidence,
}

/// What became of all units, indexed by unit; immutable.
#[derive(Clone, Debug, Default)]
pub struct Reforms {
    /// The units that any change has touched, in order.
    touched: Vec<UnitId>,
    index: HashMap<UnitId, usize>,
    /// For each of them, the changes that it left by and the ones that it came by, in order of time.
    leaving: Vec<Vec<Change>>,
    entering: Vec<Vec<Change>>,
    /// The first days of all changes, in order.
    days: Vec<NaiveDate>,
    comparable: comparable::Kept,
}

impl Reforms {
    /// Indexes what became of units. Events of one unit alone move nothing.
    pub fn new<'a>(units: &Units, successions: impl IntoIterator<Item = &'a Succession>) -> Self {
        let moves = successions.into_iter().filter(|succession| succession.event.moves());
        let Changes { touched, index, leaving, entering, days } = Changes::of(units, moves);
        Self { touched, index, leaving, entering, days, comparable: comparable::Kept::default() }
    }

    /// How many days of change lie at or before a day: between two days of one number nothing moves.
    #[must_use]
    pub fn epoch(&self, on: NaiveDate) -> usize {
        self.days.partition_point(|day| *day <= on)
    }

    /// Where a unit of one day is on another, in order of unit; itself, whole, where no change touched it between them.
    #[must_use]
    pub fn shares(
        &self,
        unit: &UnitId,
        from: NaiveDate,
        to: NaiveDate,
        basis: Basis,
    ) -> Vec<Share> {
        let Some(start) = self.index.get(unit) else {
            return vec![Share::whole(unit.clone(), Confidence::Declared)];
        };
        let mut ends = BTreeMap::new();
        self.walk(&Step::start(*start, from), to, basis, &mut ends);
        weight::complete(ends.values_mut().map(|(weight, _)| weight));
        let share = |(end, (weight, confidence)): (usize, (Weight, Confidence))| Share {
            to: self.touched[end].clone(),
            weight,
            estimated: weight != Weight::ONE,
            confidence,
        };
        ends.into_iter().map(share).collect()
    }

    /// The units that figures of a unit may have come from or gone to on any day, itself among them.
    #[must_use]
    pub fn related(&self, unit: &UnitId) -> Vec<UnitId> {
        let Some(start) = self.index.get(unit) else { return vec![unit.clone()] };
        let mut found = vec![false; self.touched.len()];
        for changes in [&self.leaving, &self.entering] {
            let mut waiting = vec![*start];
            let mut seen = vec![false; self.touched.len()];
            while let Some(next) = waiting.pop() {
                if !std::mem::replace(&mut seen[next], true) {
                    found[next] = true;
                    waiting.extend(changes[next].iter().flat_map(Change::everyone));
                }
            }
        }
        let related = self.touched.iter().zip(found).filter(|(_, found)| *found);
        related.map(|(unit, _)| unit.clone()).collect()
    }

    /// Follows the changes from one step on; days only go one way, so this ends.
    fn walk(
        &self,
        step: &Step,
        to: NaiveDate,
        basis: Basis,
        ends: &mut BTreeMap<usize, (Weight, Confidence)>,
    ) {
        let Some((change, day)) = self.next(step.unit, step.day, to) else {
            let end = ends.entry(step.unit).or_insert((Weight::ZERO, step.confidence));
            *end = (end.0.plus(step.weight), end.1.max(step.confidence));
            return;
        };
        for part in change.parts(basis) {
            let next = Step {
                unit: part.unit,
                day,
                weight: step.weight.times(part.weight),
                confidence: step.confidence.max(part.confidence),
            };
            self.walk(&next, to, basis, ends);
        }
    }

    /// The first change on the way from a day to another, and the day after it on that way.
    fn next(&self, unit: usize, day: NaiveDate, to: NaiveDate) -> Option<(&Change, NaiveDate)> {
        if to >= day {
            let change = self.leaving[unit].iter().find(|change| change.on > day)?;
            (change.on <= to).then_some((change, change.on))
        } else {
            let change = self.entering[unit].iter().rev().find(|change| change.on <= day)?;
            (change.on > to).then_some((change, change.on.pred_opt()?))
        }
    }
}

impl Share {
    fn whole(to: UnitId, confidence: Confidence) -> Self {
        Self { to, weight: Weight::ONE, estimated: false, confidence }
    }
}

/// Where a part of a unit has got to.
struct Step {
    unit: usize,
    day: NaiveDate,
    weight: Weight,
    confidence: Confidence,
}

impl Step {
    fn start(unit: usize, day: NaiveDate) -> Self {
        Self { unit, day, weight: Weight::ONE, confidence: Confidence::Declared }
    }
}
