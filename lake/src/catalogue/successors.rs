//! Units that ended, and what came after them: for whoever names one that is no more.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::Catalogue;
use crate::succession::{Extent, Succession};
use crate::unit::{UnitError, UnitId, UnitVersion};

/// More reforms than a figure lives through; edges lead forward in time, so a walk ends by itself.
const REFORMS_MAX: usize = 64;
/// Successors that an error names; a district may have dozens.
const NAMED_MAX: usize = 8;

impl Catalogue {
    /// The edges out of a unit, in order of the new unit.
    pub fn edges_from(&self, unit: &UnitId) -> impl Iterator<Item = &Succession> {
        // Keys begin with the old unit and a `/`, the sign before `0`.
        let keys = self.successions.range(format!("{unit}/")..format!("{unit}0"));
        keys.map(|(_, edge)| edge).filter(|edge| edge.event.moves())
    }

    /// The units that have a unit's people on a day, in order of unit; where only its land went over, those that have the
    /// land. A district that was dissolved has no edges: those of its communes count. None where it ended without
    /// successors; the unit itself where it is valid.
    #[must_use]
    pub fn successors(&self, unit: &UnitId, on: NaiveDate) -> Vec<&UnitVersion> {
        let (mut found, mut walked) = (BTreeSet::new(), BTreeSet::new());
        let mut next = vec![unit.clone()];
        for _ in 0..REFORMS_MAX {
            let mut after = Vec::new();
            for unit in next {
                if self.units.version_at(&unit, on).is_some() {
                    found.insert(unit);
                } else if walked.insert(unit.clone()) {
                    after.extend(self.directly_after(&unit, on));
                }
            }
            next = after;
        }
        found.iter().filter_map(|unit| self.units.version_at(unit, on)).collect()
    }

    /// The units that a unit's people went to when it ended, if it did by a day.
    fn directly_after(&self, unit: &UnitId, on: NaiveDate) -> Vec<UnitId> {
        let past = |edge: &&Succession| edge.effective <= on;
        let edges: Vec<&Succession> = self.edges_from(unit).filter(past).collect();
        let with_people = |edge: &&Succession| edge.extent != Extent::PartAreaOnly;
        let of_people = edges.iter().copied().filter(with_people).collect::<Vec<_>>();
        let edges = if of_people.is_empty() { edges } else { of_people };
        if !edges.is_empty() {
            return edges.into_iter().map(|edge| edge.to.clone()).collect();
        }
        let last = self.units.latest(unit).and_then(|version| version.valid_to);
        let Some(last) = last.filter(|last| *last < on) else { return Vec::new() };
        self.units.below(unit, last).map(|version| version.unit.clone()).collect()
    }

    /// The version that a text names, as [`Units::resolve`](crate::unit::Units::resolve) gives it; where that unit is no more,
    /// the error names what came after it.
    ///
    /// # Errors
    /// [`UnitError`] when it names no unit, none that was valid on that day, or more than one.
    pub fn resolve(&self, text: &str, on: Option<NaiveDate>) -> Result<&UnitVersion, UnitError> {
        self.resolve_over(text, on.map(|on| (on, on)))
    }

    /// As [`Catalogue::resolve`], over the days from a first to a last one.
    ///
    /// # Errors
    /// [`UnitError`] when it names no unit, none that was valid on any of the days, or more than one.
    pub fn resolve_over(
        &self,
        text: &str,
        days: Option<(NaiveDate, NaiveDate)>,
    ) -> Result<&UnitVersion, UnitError> {
        self.units.resolve_over(text, days).map_err(|mut error| {
            if let UnitError::NotValid { to, known, successors, .. } = &mut error {
                let units: BTreeSet<&UnitId> = known.iter().map(|known| &known.unit).collect();
                let after: BTreeSet<&UnitId> = units
                    .into_iter()
                    .flat_map(|unit| self.successors(unit, *to))
                    .map(|version| &version.unit)
                    .take(NAMED_MAX)
                    .collect();
                let after = after.into_iter().filter_map(|unit| self.units.version_at(unit, *to));
                *successors = self.units.candidates(after);
            }
            error
        })
    }
}
