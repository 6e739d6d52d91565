//! Crossings: where all units of one day are on another, worked out once for as many figures as there are.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::{Basis, Comparable, Reforms, Share};
use crate::succession::Confidence;
use crate::unit::{UnitId, Units};

/// The shares of every unit between two days, both ways.
#[derive(Clone, Debug, Default)]
pub struct Crossing {
    /// Of the units that a change touched.
    shares: HashMap<UnitId, Vec<Share>>,
    /// The units of the first day that have a share in a unit of the second.
    sources: HashMap<UnitId, Vec<UnitId>>,
}

impl Reforms {
    /// Where the units that were valid on one day are on another.
    #[must_use]
    pub fn crossing(
        &self,
        units: &Units,
        from: NaiveDate,
        to: NaiveDate,
        basis: Basis,
    ) -> Crossing {
        let mut crossing = Crossing::default();
        for (place, unit) in self.touched.iter().enumerate() {
            if units.version_at(unit, from).is_none() {
                continue;
            }
            if self.next(place, from, to).is_none() {
                crossing.sources.entry(unit.clone()).or_default().push(unit.clone());
                continue;
            }
            let shares = self.shares(unit, from, to, basis);
            for share in &shares {
                crossing.sources.entry(share.to.clone()).or_default().push(unit.clone());
            }
            crossing.shares.insert(unit.clone(), shares);
        }
        crossing
    }
}

impl Comparable {
    /// Where the units that were valid on one day are, each as a whole.
    #[must_use]
    pub fn crossing(&self, units: &Units, from: NaiveDate) -> Crossing {
        let mut crossing = Crossing::default();
        for version in units.at(from, None, None, None) {
            let Some(cluster) = self.of(&version.unit) else { continue };
            crossing.sources.entry(cluster.clone()).or_default().push(version.unit.clone());
            if *cluster != version.unit {
                let whole = Share::whole(cluster.clone(), Confidence::Declared);
                crossing.shares.insert(version.unit.clone(), vec![whole]);
            }
        }
        crossing
    }
}

impl Crossing {
    /// The shares of a unit of the first day; none where it is itself, whole, on both.
    #[must_use]
    pub fn shares(&self, unit: &UnitId) -> Option<&[Share]> {
        self.shares.get(unit).map(Vec::as_slice)
    }

    /// Each unit of the second day that a change touched, with the units of the first day that it came from.
    pub fn sources(&self) -> impl Iterator<Item = (&UnitId, &[UnitId])> {
        self.sources.iter().map(|(unit, sources)| (unit, sources.as_slice()))
    }

    /// Whether a unit of the first day has a share in a unit of the second.
    #[must_use]
    pub fn has_share(&self, unit: &UnitId, to: &UnitId) -> bool {
        self.sources.get(to).map_or(unit == to, |sources| sources.contains(unit))
    }
}
