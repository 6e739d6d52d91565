//! The units of no day in particular: clusters over every reform that the catalogue knows, as units of their own.
//!
//! A cluster that amounts to one unit today is that unit. One of several has their ids and codes joined by `+`, and their
//! names. A unit that ended and left nothing but the units below it, as a district did, is none: it is what those are.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use chrono::NaiveDate;

use super::{Basis, Reforms};
use crate::unit::{UnitId, UnitVersion, Units};

/// More levels than any country has.
const DEPTH_MAX: usize = 16;

/// Units that are the same on every day.
#[derive(Clone, Debug, Default)]
pub struct Comparable {
    /// The units, valid on any day; their parents are of today.
    pub units: Units,
    /// What a unit of any day is a part of.
    of: HashMap<UnitId, UnitId>,
}

/// What was worked out, for each basis.
pub(super) type Kept = [OnceLock<Comparable>; Basis::ALL.len()];

impl Comparable {
    /// What a unit of any day is a part of; none of one that ended and left only the units below it.
    #[must_use]
    pub fn of(&self, unit: &UnitId) -> Option<&UnitId> {
        self.of.get(unit)
    }

    /// The units of any day that a cluster is made of.
    pub fn members(&self, cluster: &UnitId) -> impl Iterator<Item = &UnitId> {
        self.of.iter().filter(move |(_, of)| *of == cluster).map(|(unit, _)| unit)
    }
}

impl Reforms {
    /// The units that are comparable over all time, worked out once. `units` are those that the reforms were made with.
    pub fn comparable(&self, units: &Units, basis: Basis) -> &Comparable {
        self.comparable[basis as usize].get_or_init(|| self.work_out(units, basis))
    }

    fn work_out(&self, units: &Units, basis: Basis) -> Comparable {
        let begun = units.versions().iter().map(|version| version.valid_from);
        let today = begun.chain(self.days.last().copied()).max().unwrap_or_default();
        let roots = self.components(basis, |_| true);
        let mut groups: BTreeMap<&UnitId, Vec<&UnitVersion>> = BTreeMap::new();
        let mut last: Vec<&UnitVersion> = Vec::new();
        for version in units.versions() {
            match last.last_mut().filter(|other| other.unit == version.unit) {
                Some(other) => *other = version,
                None => last.push(version),
            }
        }
        for version in last {
            let touched = self.index.get(&version.unit);
            let left_only_those_below = touched.is_none()
                && version.last_day() < today
                && units.below(&version.unit, version.last_day()).next().is_some();
            if !left_only_those_below {
                let key = touched.map_or(&version.unit, |place| &self.touched[roots[*place]]);
                groups.entry(key).or_default().push(version);
            }
        }
        let mut of = HashMap::new();
        let mut clusters = Vec::new();
        for members in groups.into_values() {
            let end = members.iter().map(|version| version.last_day()).max();
            let newest: Vec<_> =
                members.iter().copied().filter(|version| Some(version.last_day()) == end).collect();
            let cluster = cluster(&newest);
            of.extend(members.iter().map(|version| (version.unit.clone(), cluster.unit.clone())));
            clusters.push((cluster, newest[0]));
        }
        let placed = |(cluster, newest): (UnitVersion, &UnitVersion)| {
            let parent = above(units, newest, &of, &cluster.unit);
            UnitVersion { parent, ..cluster }
        };
        let versions = clusters.into_iter().map(placed).collect();
        Comparable { units: Units::new(versions), of }
    }
}

/// Some units as one that is valid on any day.
fn cluster(members: &[&UnitVersion]) -> UnitVersion {
    let joined = |text: fn(&UnitVersion) -> &str, by: &str| {
        members.iter().map(|version| text(version)).collect::<Vec<_>>().join(by)
    };
    let kind = members[0].kind.as_str();
    let one_kind = members.iter().all(|version| version.kind == kind);
    UnitVersion {
        unit: UnitId(joined(|version| version.unit.as_str(), "+")),
        code: joined(|version| &version.code, "+"),
        name: joined(|version| &version.name, " + "),
        name_en: None,
        kind: if one_kind { kind } else { "" }.to_owned(),
        level: members[0].level.clone(),
        parent: None,
        valid_from: NaiveDate::MIN,
        valid_to: None,
        legal_basis: None,
    }
}

/// What a unit is below: the nearest unit above it, on its last day, that is comparable and another.
fn above(
    units: &Units,
    version: &UnitVersion,
    of: &HashMap<UnitId, UnitId>,
    cluster: &UnitId,
) -> Option<UnitId> {
    let on = version.last_day();
    let mut next = version.parent.as_ref();
    for _ in 0..DEPTH_MAX {
        let parent = next?;
        if let Some(found) = of.get(parent).filter(|found| *found != cluster) {
            return Some(found.clone());
        }
        next = units.version_at(parent, on)?.parent.as_ref();
    }
    None
}
