//! Clusters: units of two days that exchanged people (or land) with one another only. Their sums are comparable exactly,
//! with no weight at all.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Basis, Reforms};
use crate::unit::{UnitId, Units};

/// Units of one day and of another that hold the same people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Those of the first day, in order.
    pub before: Vec<UnitId>,
    /// Those of the second day, in order.
    pub after: Vec<UnitId>,
}

impl Reforms {
    /// The connected components of what happened between two days, in order of unit: each unit that was valid on the first
    /// day is in exactly one, as is each of the second. An edge that carries nothing by the basis joins nothing.
    #[must_use]
    pub fn clusters(
        &self,
        units: &Units,
        from: NaiveDate,
        to: NaiveDate,
        basis: Basis,
    ) -> Vec<Cluster> {
        let roots = self.components(basis, |on| from.min(to) < on && on <= from.max(to));
        let mut clusters: BTreeMap<&UnitId, Cluster> = BTreeMap::new();
        for (day, side) in [(from, Cluster::before_mut as Side), (to, Cluster::after_mut)] {
            for version in units.at(day, None, None, None) {
                let touched = self.index.get(&version.unit);
                let key = touched.map_or(&version.unit, |place| &self.touched[roots[*place]]);
                side(clusters.entry(key).or_default()).push(version.unit.clone());
            }
        }
        let mut clusters: Vec<Cluster> = clusters.into_values().collect();
        for cluster in &mut clusters {
            cluster.before.sort();
            cluster.after.sort();
        }
        clusters
    }

    /// For each unit that a change touched, the first of those that it is connected with by the changes of some days.
    pub(super) fn components(
        &self,
        basis: Basis,
        wanted: impl Fn(NaiveDate) -> bool,
    ) -> Vec<usize> {
        let mut above: Vec<usize> = (0..self.touched.len()).collect();
        let changes = self.leaving.iter().enumerate().chain(self.entering.iter().enumerate());
        for (unit, changes) in changes {
            for change in changes.iter().filter(|change| wanted(change.on)) {
                for part in change.parts(basis) {
                    let (a, b) = (root(&mut above, unit), root(&mut above, part.unit));
                    above[a.max(b)] = a.min(b);
                }
            }
        }
        (0..above.len()).map(|place| root(&mut above, place)).collect()
    }
}

type Side = fn(&mut Cluster) -> &mut Vec<UnitId>;

impl Cluster {
    fn before_mut(&mut self) -> &mut Vec<UnitId> {
        &mut self.before
    }

    fn after_mut(&mut self) -> &mut Vec<UnitId> {
        &mut self.after
    }
}

/// The root of a tree, to which everything on the way is tied on passing.
fn root(above: &mut [usize], place: usize) -> usize {
    let mut root = place;
    while above[root] != root {
        root = above[root];
    }
    let mut next = place;
    while above[next] != root {
        next = std::mem::replace(&mut above[next], root);
    }
    root
}
