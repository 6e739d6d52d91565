//! Units that ended, and what came after them: for whoever names one that is no more.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Catalogue;
use crate::reform::Basis;
use crate::unit::{UnitError, UnitId, UnitVersion};

/// Successors that an error names; a district may have dozens.
const NAMED_MAX: usize = 8;

impl Catalogue {
    /// The units that have a unit's people on a day after it ended, in order of unit. A district that was dissolved went
    /// nowhere itself: those of its communes count. None where it ended without successors, or had not begun.
    #[must_use]
    pub fn successors(&self, unit: &UnitId, on: NaiveDate) -> Vec<&UnitVersion> {
        let last = self.units.latest(unit).map(UnitVersion::last_day);
        let Some(last) = last.filter(|last| *last < on) else { return Vec::new() };
        let mut found = BTreeMap::new();
        let mut add = |unit: &UnitId| {
            for share in self.reforms.shares(unit, last, on, Basis::Population) {
                let version = self.units.version_at(&share.to, on);
                found.extend(version.map(|version| (&version.unit, version)));
            }
        };
        add(unit);
        for below in self.units.below(unit, last) {
            add(&below.unit);
        }
        found.into_values().collect()
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
                let after = known.iter().flat_map(|known| self.successors(&known.unit, *to));
                let after: BTreeMap<_, _> = after.map(|version| (&version.unit, version)).collect();
                *successors = self.units.candidates(after.into_values().take(NAMED_MAX));
            }
            error
        })
    }
}
