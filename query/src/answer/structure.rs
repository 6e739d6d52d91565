//! The structure that figures are shown on: that of their own day, that of another day, or clusters that are the same on
//! every day.
//!
//! `within` chooses the cells by the structure of their own day; the structure says where those are shown.

mod choice;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;
use dinh_lake::reform::{Basis, Comparable, Crossing, Share};
use dinh_lake::unit::{UnitError, UnitId, UnitVersion, Units};

use super::address;
use super::cell::Span;
use super::question::{Asked, On};
use super::scope;
use crate::error::QueryError;

/// More levels than any country has.
const DEPTH_MAX: usize = 16;

/// The structure of an answer.
#[derive(Clone, Debug)]
pub struct Structure<'a> {
    /// What was asked for; none: as reported.
    on: Option<On>,
    catalogue: &'a Catalogue,
    /// The units that figures are shown on.
    pub units: &'a Units,
    comparable: Option<&'a Comparable>,
    indicator: &'a Indicator,
    basis: Basis,
    /// Whether a figure may be split at all.
    splits: bool,
    /// The unit whose cells are meant; none where all are, or as reported.
    within: Option<UnitId>,
    /// Worked out once for every day between two changes.
    ways: Arc<Mutex<Ways>>,
}

/// Ways by the epochs of units and of reforms that a day is in.
type Ways = HashMap<(usize, usize), Arc<Way>>;

/// The way of all figures from the units of a day to those of the structure.
#[derive(Debug, Default)]
pub struct Way {
    crossing: Crossing,
    /// For each unit that a change touched, the chosen units of the day whose figures are expected on it.
    expected: HashMap<UnitId, Vec<UnitId>>,
}

impl Way {
    /// The chosen units whose figures are expected on a unit; none where only its own is.
    #[must_use]
    pub fn expected(&self, unit: &UnitId) -> Option<&[UnitId]> {
        self.expected.get(unit).map(Vec::as_slice)
    }
}

/// Where a unit's figure is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing<'w> {
    /// On the unit itself.
    Same,
    /// On these units, by these shares.
    Shares(&'w [Share]),
    /// On these units together, nobody knows how much on each.
    Together(BTreeSet<UnitId>),
}

impl<'a> Structure<'a> {
    /// The structure of a question about an indicator.
    ///
    /// # Errors
    /// When `on` is before the first unit, or `within` names no one unit.
    pub fn asked(
        catalogue: &'a Catalogue,
        indicator: &'a Indicator,
        asked: &Asked,
        span: Option<Span>,
    ) -> Result<Self, QueryError> {
        let (basis, splits) = choice::basis(catalogue, indicator);
        let comparable = match asked.on {
            Some(On::Clusters) => Some(catalogue.reforms.comparable(&catalogue.units, basis)),
            _ => None,
        };
        if let Some(On::Day(on)) = asked.on {
            choice::check_begun(&catalogue.units, on)?;
        }
        let within = match (&asked.within, asked.on) {
            (Some(text), Some(on)) => Some(choice::source(catalogue, text, on, span)?.unit.clone()),
            _ => None,
        };
        let units = comparable.map_or(&catalogue.units, |comparable| &comparable.units);
        Ok(Self {
            on: asked.on,
            catalogue,
            units,
            comparable,
            indicator,
            basis,
            splits,
            within,
            ways: Arc::default(),
        })
    }

    /// The unit of the structure that a text names; of a cluster, any unit that it is made of may be named.
    ///
    /// # Errors
    /// When it names none of the structure's units, or several.
    pub fn unit(&self, text: &str) -> Result<&'a UnitVersion, QueryError> {
        let known = &self.catalogue.units;
        let Some(comparable) = self.comparable else {
            let day = self.on.and_then(On::day).map(|day| Span { start: day, end: day });
            return address::unit(self.catalogue, "unit", text, day);
        };
        if let Some(cluster) = self.units.latest(&UnitId(text.trim().to_owned())) {
            return Ok(cluster);
        }
        let named: BTreeSet<UnitId> = match known.resolve(text, None) {
            Ok(version) => [version.unit.clone()].into(),
            Err(UnitError::Ambiguous { candidates, .. }) => {
                candidates.into_iter().map(|candidate| candidate.unit).collect()
            }
            Err(_) => BTreeSet::new(),
        };
        let clusters: BTreeSet<_> = named.iter().filter_map(|unit| comparable.of(unit)).collect();
        let one = clusters.first().filter(|_| clusters.len() == 1);
        match one.and_then(|cluster| self.units.latest(cluster)) {
            Some(cluster) => Ok(cluster),
            None => address::unit(self.catalogue, "unit", text, None)
                .and_then(|_| Err(choice::no_cluster(text))),
        }
    }

    /// Whether figures are shown on other units than they were reported for.
    #[must_use]
    pub fn rebases(&self) -> bool {
        self.on.is_some()
    }

    /// The unit whose cells were chosen, where figures are shown on other units.
    #[must_use]
    pub fn within(&self) -> Option<&UnitId> {
        self.within.as_ref()
    }

    /// As it stands in an answer: a date or `clusters`; none: as reported.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.on.map(|on| on.to_string())
    }

    /// The day on which the units of a period's figures are looked up in [`Structure::units`].
    #[must_use]
    pub fn day(&self, span: Span) -> NaiveDate {
        match self.on {
            Some(On::Day(on)) => on,
            Some(On::Clusters) | None => span.end,
        }
    }

    /// Whether the cell of a unit is chosen on its own day.
    #[must_use]
    pub fn chooses(&self, unit: &UnitId, day: NaiveDate) -> bool {
        let units = &self.catalogue.units;
        self.within.as_ref().is_none_or(|within| units.is_within(unit, within, day))
    }

    /// Whether a unit is one of the structure.
    #[must_use]
    pub fn shows(&self, unit: &UnitId, day: NaiveDate) -> bool {
        let on = self.day(Span { start: day, end: day });
        self.units.version_at(unit, on).is_some()
    }

    /// The way of all figures of a day, worked out once for as many days as it is the same.
    #[must_use]
    pub fn way(&self, day: NaiveDate) -> Arc<Way> {
        let Self { catalogue, .. } = self;
        let key = (catalogue.units.epoch(day), catalogue.reforms.epoch(day));
        let mut ways = self.ways.lock().expect("nothing panics while it is held");
        let way = ways.entry(key).or_insert_with(|| {
            let crossing = match (self.comparable, self.on) {
                (Some(comparable), _) => comparable.crossing(&catalogue.units, day),
                (None, Some(On::Day(on))) => {
                    catalogue.reforms.crossing(&catalogue.units, day, on, self.basis)
                }
                _ => Crossing::default(),
            };
            let expected = |(unit, sources): (&UnitId, &[UnitId])| {
                let sources = sources.iter().filter(|source| self.expects(source, day));
                (unit.clone(), sources.cloned().collect())
            };
            let expected = crossing.sources().map(expected).collect();
            Arc::new(Way { crossing, expected })
        });
        Arc::clone(way)
    }

    fn expects(&self, unit: &UnitId, day: NaiveDate) -> bool {
        let levels = &self.indicator.levels;
        let version = self.catalogue.units.version_at(unit, day);
        version.is_some_and(|version| levels.is_empty() || levels.contains(&version.level))
            && self.chooses(unit, day)
    }

    /// Where the figure of a unit of a day is shown.
    #[must_use]
    pub fn landing<'w>(&self, way: &'w Way, unit: &UnitId, day: NaiveDate) -> Landing<'w> {
        match way.crossing.shares(unit) {
            Some(shares) if self.splits || !shares.iter().any(|share| share.estimated) => {
                Landing::Shares(shares)
            }
            Some(shares) => Landing::Together(shares.iter().map(|s| s.to.clone()).collect()),
            None if self.shows(unit, day) => Landing::Same,
            None => {
                let mut units = BTreeSet::new();
                self.land_below(&way.crossing, unit, day, DEPTH_MAX, &mut units);
                Landing::Together(units)
            }
        }
    }

    /// A unit that ended without a successor is where the units below it are.
    fn land_below(
        &self,
        crossing: &Crossing,
        unit: &UnitId,
        day: NaiveDate,
        depth: usize,
        units: &mut BTreeSet<UnitId>,
    ) {
        for version in self.catalogue.units.below(unit, day) {
            match crossing.shares(&version.unit) {
                Some(shares) => units.extend(shares.iter().map(|share| share.to.clone())),
                None if self.shows(&version.unit, day) => {
                    units.insert(version.unit.clone());
                }
                None if depth > 0 => {
                    self.land_below(crossing, &version.unit, day, depth - 1, units);
                }
                None => {}
            }
        }
    }

    /// The level of most of the uppermost units that the units below one of a day are shown on.
    #[must_use]
    pub fn landed_level(&self, within: &UnitId, span: Span) -> Option<&'a str> {
        let on = self.day(span);
        let landed = self.landed_on(within, span);
        let all: BTreeSet<&UnitId> = landed.iter().collect();
        let mut levels: BTreeMap<&str, usize> = BTreeMap::new();
        for version in landed.iter().filter_map(|unit| self.units.version_at(unit, on)) {
            if version.parent.as_ref().is_none_or(|parent| !all.contains(parent)) {
                *levels.entry(&version.level).or_default() += 1;
            }
        }
        levels.into_iter().max_by_key(|(_, units)| *units).map(|(level, _)| level)
    }

    /// The units of a level that the units within one of a day are shown on, in order of code.
    #[must_use]
    pub fn landed(&self, within: &UnitId, span: Span, level: &str) -> Vec<&'a UnitVersion> {
        let on = self.day(span);
        let landed = self.landed_on(within, span);
        let shown = landed.iter().filter_map(|unit| self.at_level(unit, on, level));
        let mut shown: Vec<&UnitVersion> = shown.collect();
        shown.sort_by(|a, b| (&a.code, &a.unit).cmp(&(&b.code, &b.unit)));
        shown.dedup();
        shown
    }

    /// The units that those within one of a day are shown on.
    fn landed_on(&self, within: &UnitId, span: Span) -> BTreeSet<UnitId> {
        let way = self.way(span.end);
        let mut landed = BTreeSet::new();
        for version in self.catalogue.units.at(span.end, None, None, Some(within)) {
            match self.landing(&way, &version.unit, span.end) {
                Landing::Same => drop(landed.insert(version.unit.clone())),
                Landing::Shares(shares) => landed.extend(shares.iter().map(|s| s.to.clone())),
                Landing::Together(units) => landed.extend(units),
            }
        }
        landed
    }

    /// A unit, or the one above it, that is of a level.
    fn at_level(&self, unit: &UnitId, on: NaiveDate, level: &str) -> Option<&'a UnitVersion> {
        let mut version = self.units.version_at(unit, on)?;
        for _ in 0..DEPTH_MAX {
            if version.level == level {
                return Some(version);
            }
            version = scope::parent(self.units, version, on)?;
        }
        None
    }

    /// Whether all that is expected on some units is from below some units of the day.
    #[must_use]
    pub fn is_all_of(&self, units: &BTreeSet<UnitId>, from: &[UnitId], day: NaiveDate) -> bool {
        let way = self.way(day);
        let mut expected =
            units.iter().flat_map(|unit| way.expected(unit).unwrap_or(std::slice::from_ref(unit)));
        let known = &self.catalogue.units;
        expected.all(|source| from.iter().any(|top| known.is_within(source, top, day)))
    }

    /// Whether any of some units is above a unit on a day.
    #[must_use]
    pub fn is_below_any(&self, unit: &UnitId, tops: &BTreeSet<&UnitId>, day: NaiveDate) -> bool {
        let units = &self.catalogue.units;
        let mut version = units.version_at(unit, day);
        for _ in 0..DEPTH_MAX {
            version = version.and_then(|version| scope::parent(units, version, day));
            if version.is_some_and(|version| tops.contains(&version.unit)) {
                return true;
            }
        }
        false
    }

    /// The units of any day whose figures may be shown on a unit.
    #[must_use]
    pub fn readable(&self, unit: &UnitId) -> BTreeSet<UnitId> {
        let mut wanted: Vec<UnitId> = match self.comparable {
            Some(comparable) => comparable.members(unit).cloned().collect(),
            None => self.catalogue.reforms.related(unit),
        };
        wanted.push(unit.clone());
        let mut all = BTreeSet::new();
        while let Some(unit) = wanted.pop() {
            let versions = self.catalogue.units.versions();
            if all.insert(unit.clone()) {
                let of_unit = versions.iter().filter(|version| version.unit == unit);
                wanted.extend(of_unit.filter_map(|version| version.parent.clone()));
            }
        }
        all
    }
}
