//! Administrative units (đơn vị hành chính) and their versions over time.
//!
//! The official code is not an identity: Decision 124/2004/QĐ-TTg gives a merged unit the code of the old unit where its
//! office sits. A unit's id is its code and the ordinal of its holder (`00004.1`, then `00004.2`), and is never reused.
//!
//! Invariants of a catalogue that [`files::read`](crate::catalogue::files::read) passed: the versions of one unit do not
//! overlap, a code has one holder on a day, a parent is valid for as long as its children are, and there are no cycles.
//! [`Units`] answers whatever it is given, and never loops.

mod error;
mod name;
mod nearest;
mod resolve;
mod search;
mod synonym;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use error::{Candidate, UnitError};
pub use synonym::{Language, Synonym};

/// More levels than any country has; a walk upwards that is longer than this is a cycle.
const DEPTH_MAX: usize = 16;

/// A unit's id, such as `00004.1`: an official code and the ordinal of its holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(pub String);

impl UnitId {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for UnitId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What a unit was between two dates, both included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitVersion {
    /// The unit.
    pub unit: UnitId,
    /// Its official code in this version, such as `00004`.
    pub code: String,
    /// Its name with its kind word, in Vietnamese: `Xã Song Phượng`.
    pub name: String,
    /// Its name in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// Its kind, such as `quan`, `huyen`, `phuong`, `xa`, `thi_tran`.
    pub kind: String,
    /// Its level, such as `country`, `city`, `district`, `commune`, `village`.
    pub level: String,
    /// The unit above it.
    pub parent: Option<UnitId>,
    /// The first day of this version.
    pub valid_from: NaiveDate,
    /// The last day of this version; none while it goes on.
    pub valid_to: Option<NaiveDate>,
    /// The decision or list that it rests on.
    pub legal_basis: Option<String>,
}

impl UnitVersion {
    /// Whether this version holds on a day.
    #[must_use]
    pub fn valid_on(&self, on: NaiveDate) -> bool {
        self.valid_from <= on && on <= self.last_day()
    }

    /// Its last day, or the last day there is while it goes on.
    #[must_use]
    pub fn last_day(&self) -> NaiveDate {
        self.valid_to.unwrap_or(NaiveDate::MAX)
    }
}

/// All units, indexed; immutable.
#[derive(Clone, Debug, Default)]
pub struct Units {
    /// In order of unit, then of time.
    versions: Vec<UnitVersion>,
    /// Where a unit's versions stand.
    units: HashMap<UnitId, Range<usize>>,
    /// The versions that have a code.
    codes: HashMap<String, Vec<usize>>,
    /// For each version, where the versions of its parent stand; empty without a parent.
    above: Vec<Range<usize>>,
    /// The versions that have a unit as their parent.
    below: HashMap<UnitId, Vec<usize>>,
    /// The days on which any unit begins, or is no more, in order.
    epochs: Vec<NaiveDate>,
    names: name::Names,
}

impl Units {
    /// Indexes versions, in whatever order they come.
    #[must_use]
    pub fn new(mut versions: Vec<UnitVersion>) -> Self {
        versions.sort_by(|a, b| (&a.unit, a.valid_from).cmp(&(&b.unit, b.valid_from)));
        let mut units: HashMap<UnitId, Range<usize>> = HashMap::new();
        let mut codes: HashMap<String, Vec<usize>> = HashMap::new();
        let mut below: HashMap<UnitId, Vec<usize>> = HashMap::new();
        for (index, version) in versions.iter().enumerate() {
            units.entry(version.unit.clone()).or_insert(index..index).end = index + 1;
            codes.entry(version.code.clone()).or_default().push(index);
            if let Some(parent) = &version.parent {
                below.entry(parent.clone()).or_default().push(index);
            }
        }
        let parent = |version: &UnitVersion| units.get(version.parent.as_ref()?).cloned();
        let above = versions.iter().map(|version| parent(version).unwrap_or(0..0)).collect();
        let names = name::Names::new(&versions, units.values());
        let bounds = versions.iter().flat_map(|version| {
            [Some(version.valid_from), version.valid_to.and_then(|day| day.succ_opt())]
        });
        let mut epochs: Vec<NaiveDate> = bounds.flatten().collect();
        epochs.sort_unstable();
        epochs.dedup();
        Self { versions, units, codes, above, below, epochs, names }
    }

    /// With other names of units, which a search finds too.
    #[must_use]
    pub fn with_synonyms<'a>(mut self, synonyms: impl IntoIterator<Item = &'a Synonym>) -> Self {
        for synonym in synonyms {
            let versions = self.units.get(&synonym.unit).cloned().unwrap_or_default();
            self.names.add(versions, &synonym.name);
        }
        self
    }

    /// Every version of every unit, in order of unit, then of time.
    #[must_use]
    pub fn versions(&self) -> &[UnitVersion] {
        &self.versions
    }

    /// The number of the epoch that a day is in: between two days of one epoch no unit begins or ends.
    #[must_use]
    pub fn epoch(&self, on: NaiveDate) -> usize {
        self.epochs.partition_point(|first| *first <= on)
    }

    /// What a unit was on a day.
    #[must_use]
    pub fn version_at(&self, unit: &UnitId, on: NaiveDate) -> Option<&UnitVersion> {
        self.index_at(unit, on).map(|index| &self.versions[index])
    }

    /// What a unit was last, or is.
    #[must_use]
    pub fn latest(&self, unit: &UnitId) -> Option<&UnitVersion> {
        self.versions[self.units.get(unit)?.clone()].last()
    }

    /// The unit that held a code on a day.
    #[must_use]
    pub fn by_code(&self, code: &str, on: NaiveDate) -> Option<&UnitVersion> {
        let mut holders = self.codes.get(code)?.iter().map(|index| &self.versions[*index]);
        holders.find(|version| version.valid_on(on))
    }

    /// The units directly below one on a day.
    pub fn below(&self, parent: &UnitId, on: NaiveDate) -> impl Iterator<Item = &UnitVersion> {
        let versions = self.below.get(parent).into_iter().flatten();
        versions.map(|index| &self.versions[*index]).filter(move |version| version.valid_on(on))
    }

    /// Whether a unit was in the subtree of `ancestor` on a day. Every unit is within itself, on any day; a unit that
    /// was not valid on that day is within no other.
    #[must_use]
    pub fn is_within(&self, unit: &UnitId, ancestor: &UnitId, on: NaiveDate) -> bool {
        unit == ancestor
            || self.index_at(unit, on).is_some_and(|index| self.index_within(index, ancestor, on))
    }

    /// The versions valid on a day, of one level, of one kind, within one subtree, in order of code.
    #[must_use]
    pub fn at(
        &self,
        on: NaiveDate,
        level: Option<&str>,
        kind: Option<&str>,
        within: Option<&UnitId>,
    ) -> Vec<&UnitVersion> {
        let wanted = |(index, version): &(usize, &UnitVersion)| {
            version.valid_on(on)
                && level.is_none_or(|level| version.level == level)
                && kind.is_none_or(|kind| version.kind == kind)
                && within.is_none_or(|ancestor| self.index_within(*index, ancestor, on))
        };
        let versions = self.versions.iter().enumerate().filter(wanted);
        let mut versions: Vec<_> = versions.map(|(_, version)| version).collect();
        versions.sort_by(|a, b| (&a.code, &a.unit).cmp(&(&b.code, &b.unit)));
        versions
    }

    /// Its name after those of the units above it, as they were on its last day:
    /// `Thành phố Hà Nội/Huyện Đan Phượng/Xã Song Phượng`.
    #[must_use]
    pub fn path(&self, version: &UnitVersion) -> String {
        let on = version.last_day();
        let mut names = vec![version.name.as_str()];
        let mut parent = version.parent.as_ref().and_then(|parent| self.index_at(parent, on));
        while let Some(index) = parent.filter(|_| names.len() < DEPTH_MAX) {
            names.push(&self.versions[index].name);
            parent = self.parent_at(index, on);
        }
        names.reverse();
        names.join("/")
    }

    fn index_at(&self, unit: &UnitId, on: NaiveDate) -> Option<usize> {
        self.units.get(unit)?.clone().find(|index| self.versions[*index].valid_on(on))
    }

    fn parent_at(&self, index: usize, on: NaiveDate) -> Option<usize> {
        self.above[index].clone().find(|index| self.versions[*index].valid_on(on))
    }

    fn index_within(&self, index: usize, ancestor: &UnitId, on: NaiveDate) -> bool {
        let mut next = Some(index);
        for _ in 0..DEPTH_MAX {
            let Some(index) = next else { return false };
            if self.versions[index].unit == *ancestor {
                return true;
            }
            next = self.parent_at(index, on);
        }
        false
    }
}
