//! Figures over the tree of units: what a unit's figure is, from its own report and from those below it.
//!
//! For each unit, in this order:
//! 1. the figure made of those below, if every expected one has a complete figure (`computed`);
//! 2. its own report (`reported`);
//! 3. what can be made of those below, which is not all (`partial`).
//!
//! Expected below a unit are the units right below it that may report the indicator, or that have units below that may.
//! How figures are made is the indicator's: sums; the ratio of the sums of numerators and denominators, where a ratio
//! without both is left out and listed; the plain mean; or not at all, and then a unit has only its own report.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use dinh_lake::Decimal;
use dinh_lake::indicator::{Indicator, UnitAggregation};
use dinh_lake::observation::{Qualifier, Status};
use dinh_lake::reform::Weight;
use dinh_lake::unit::{UnitId, UnitVersion, Units};
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::{Cell, Declared};
use super::outline::{Coverage, Timeliness, UnitName, is_estimated, joined_qualifier, weaker};
use super::over_time::OverTime;
use super::rebase::Portion;

/// More levels than any country has.
const DEPTH_MAX: usize = 16;

/// Where a total comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// From every expected unit below; on another structure, from every unit that it came from.
    Computed,
    /// From the unit's own report.
    Reported,
    /// From some of the units below, or of those that it came from.
    Partial,
    /// From no report of its own: it has a part in a figure of several units.
    Together,
}

/// A unit's figure and what stands behind it.
#[derive(Clone, Debug)]
pub struct Figure<'a> {
    /// Where it comes from.
    pub source: Source,
    /// The figure; none where it does not fit a decimal.
    pub value: Option<Decimal>,
    /// Numerator and denominator, where they are known.
    pub parts: Option<(Decimal, Decimal)>,
    /// How it is hedged.
    pub qualifier: Qualifier,
    /// The feeds it is made from.
    pub feeds: BTreeSet<&'a str>,
    /// How many reports it is made from as they are, and how many of these are estimated.
    reports: (usize, usize),
    /// The reports that were re-based: the parts of one unit add up again.
    moved: BTreeMap<&'a UnitId, Portion>,
    /// The weakest standing of the reports.
    standing: Status,
    /// Whether any of them was late; none where none had a deadline.
    pub late: Option<bool>,
    /// For a report that was made of shorter periods: which of them are there.
    pub over_time: Option<Arc<OverTime>>,
    /// What its own source says that it covers.
    pub declared: Option<Declared>,
}

impl<'a> Figure<'a> {
    fn reported(cell: &'a Cell) -> Self {
        let source = match (&cell.moved, &cell.over_time) {
            (None, None) => Source::Reported,
            _ if cell.is_whole() => Source::Computed,
            _ => Source::Partial,
        };
        let portions = cell.moved.iter().flat_map(|moved| &moved.from);
        let as_it_is = cell.moved.is_none();
        Self {
            source,
            value: cell.value,
            parts: cell.parts(),
            qualifier: cell.qualifier,
            feeds: cell.feeds().collect(),
            reports: (usize::from(as_it_is), usize::from(as_it_is && is_estimated(cell))),
            moved: portions.map(|portion| (&portion.unit, portion.clone())).collect(),
            // What was split may be whole again further up: the portions know.
            standing: match cell.status {
                Status::Estimated => Status::Normal,
                status => status,
            },
            late: cell.late,
            over_time: cell.over_time.clone(),
            declared: cell.declared,
        }
    }

    /// How many reports it is made from.
    #[must_use]
    pub fn reports(&self) -> usize {
        self.reports.0 + self.moved.len()
    }

    /// How many of the reports are estimated, or only in part in it.
    #[must_use]
    pub fn estimated(&self) -> usize {
        let portions = self.moved.values().filter(|portion| portion.is_estimated());
        self.reports.1 + portions.count()
    }

    /// The parts of units that were split.
    pub fn portions(&self) -> impl Iterator<Item = &Portion> {
        self.moved.values()
    }

    /// The standing of the figure: of an estimate, `estimated`; else that of its weakest report.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.estimated() > 0 { Status::Estimated } else { self.standing }
    }

    /// Whether all that is expected is in it.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.source != Source::Partial
    }
}

/// The units of one day with their figures of one span.
pub struct Tree<'a> {
    aggregation: UnitAggregation,
    factor: i64,
    own: HashMap<&'a UnitId, &'a Cell>,
    /// The units right below each unit that are expected to report, in order of code.
    expected: HashMap<&'a UnitId, Vec<&'a UnitVersion>>,
    tops: Vec<&'a UnitVersion>,
    figures: BTreeMap<&'a UnitId, Figure<'a>>,
}

impl<'a> Tree<'a> {
    /// Works out the figure of every unit. `cells` are of one span and one stage, one for each unit at most.
    #[must_use]
    pub fn grow(
        units: &'a Units,
        on: NaiveDate,
        indicator: &Indicator,
        cells: impl IntoIterator<Item = &'a Cell>,
    ) -> Self {
        let all = units.at(on, None, None, None);
        let alive: BTreeSet<_> = all.iter().map(|version| &version.unit).collect();
        let mut below: HashMap<&UnitId, Vec<&UnitVersion>> = HashMap::new();
        let mut tops = Vec::new();
        for version in &all {
            match version.parent.as_ref().filter(|parent| alive.contains(parent)) {
                Some(parent) => below.entry(parent).or_default().push(version),
                None => tops.push(*version),
            }
        }
        let mut tree = Self {
            aggregation: indicator.aggregation,
            factor: indicator.factor,
            own: cells.into_iter().map(|cell| (&cell.unit, cell)).collect(),
            expected: HashMap::new(),
            tops,
            figures: BTreeMap::new(),
        };
        for top in tree.tops.clone() {
            tree.expect(&below, indicator, top, 0);
            tree.figure(top, 0);
        }
        tree
    }

    /// The units without one above.
    #[must_use]
    pub fn tops(&self) -> &[&'a UnitVersion] {
        &self.tops
    }

    /// The units right below one that are expected to report, in order of code.
    #[must_use]
    pub fn expected_below(&self, unit: &UnitId) -> &[&'a UnitVersion] {
        self.expected.get(unit).map_or(&[], Vec::as_slice)
    }

    /// A unit's own cell.
    #[must_use]
    pub fn own(&self, unit: &UnitId) -> Option<&'a Cell> {
        self.own.get(unit).copied()
    }

    /// A unit's figure.
    #[must_use]
    pub fn of(&self, unit: &UnitId) -> Option<&Figure<'a>> {
        self.figures.get(unit)
    }

    /// Notes who is expected below a unit; says whether the unit itself is expected to have a figure.
    fn expect(
        &mut self,
        below: &HashMap<&UnitId, Vec<&'a UnitVersion>>,
        indicator: &Indicator,
        unit: &'a UnitVersion,
        depth: usize,
    ) -> bool {
        let mut expected = Vec::new();
        if depth < DEPTH_MAX {
            for child in below.get(&unit.unit).into_iter().flatten() {
                if self.expect(below, indicator, child, depth + 1) {
                    expected.push(*child);
                }
            }
        }
        let levels = &indicator.levels;
        let reports = levels.is_empty() || levels.contains(&unit.level) || !expected.is_empty();
        self.expected.insert(&unit.unit, expected);
        reports
    }

    fn figure(&mut self, unit: &'a UnitVersion, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        for child in self.expected_below(&unit.unit).to_vec() {
            self.figure(child, depth + 1);
        }
        let own = self.own.get(&unit.unit).map(|cell| Figure::reported(cell));
        let made = self.combined(self.expected_below(&unit.unit));
        let figure = match (made, own) {
            (Some(made), _) if made.complete() => Some(made),
            (_, Some(own)) => Some(own),
            (made, None) => made,
        };
        if let Some(figure) = figure {
            self.figures.insert(&unit.unit, figure);
        }
    }

    /// The figure made of those of some units: partial unless all of them have a complete one that can be used.
    #[must_use]
    pub fn combined(&self, units: &[&UnitVersion]) -> Option<Figure<'a>> {
        let usable: Vec<_> = units.iter().filter_map(|version| self.usable(version)).collect();
        if usable.is_empty() {
            return None;
        }
        let complete = usable.len() == units.len() && usable.iter().all(|figure| figure.complete());
        let (value, parts) = self.aggregate(&usable);
        Some(Figure {
            source: if complete { Source::Computed } else { Source::Partial },
            value,
            parts,
            qualifier: joined_qualifier(usable.iter().map(|figure| figure.qualifier)),
            feeds: usable.iter().flat_map(|figure| figure.feeds.iter().copied()).collect(),
            reports: usable.iter().fold((0, 0), |(all, estimated), figure| {
                (all + figure.reports.0, estimated + figure.reports.1)
            }),
            moved: joined_portions(usable.iter().flat_map(|figure| &figure.moved)),
            standing: usable.iter().map(|figure| figure.standing).fold(Status::Normal, weaker),
            late: usable.iter().filter_map(|figure| figure.late).reduce(|a, b| a || b),
            over_time: None,
            declared: None,
        })
    }

    /// How many of some units have a complete figure that can be a part of a larger one.
    #[must_use]
    pub fn usable_count(&self, units: &[&UnitVersion]) -> usize {
        let usable = units.iter().filter_map(|version| self.usable(version));
        usable.filter(|figure| figure.complete()).count()
    }

    /// A unit's figure, if it can be a part of a larger one.
    fn usable(&self, version: &UnitVersion) -> Option<&Figure<'a>> {
        self.of(&version.unit).filter(|figure| match self.aggregation {
            UnitAggregation::Sum | UnitAggregation::Mean => figure.value.is_some(),
            UnitAggregation::RatioOfSums => figure.parts.is_some(),
            UnitAggregation::None => false,
        })
    }

    fn aggregate(&self, figures: &[&Figure<'a>]) -> (Option<Decimal>, Option<(Decimal, Decimal)>) {
        let values = || figures.iter().map(|figure| figure.value);
        match self.aggregation {
            UnitAggregation::Sum => (sum(values()), None),
            UnitAggregation::Mean => {
                let count = i64::try_from(figures.len()).ok().and_then(Decimal::from_integer);
                let mean = sum(values()).zip(count).and_then(|(sum, n)| Decimal::ratio(1, sum, n));
                (mean, None)
            }
            UnitAggregation::RatioOfSums => {
                let numerator = sum(figures.iter().map(|figure| Some(figure.parts?.0)));
                let denominator = sum(figures.iter().map(|figure| Some(figure.parts?.1)));
                let parts = numerator.zip(denominator);
                (parts.and_then(|(n, d)| Decimal::ratio(self.factor, n, d)), parts)
            }
            UnitAggregation::None => (None, None),
        }
    }

    /// What a unit's figure covers: who is expected right below it, or the unit itself where nobody is.
    #[must_use]
    pub fn coverage(&self, version: &UnitVersion) -> Coverage {
        let below = self.expected_below(&version.unit);
        if below.is_empty() || self.aggregation == UnitAggregation::None {
            let figure = self.of(&version.unit);
            let whole = figure.is_some_and(Figure::complete);
            let late = figure.and_then(|figure| figure.late).filter(|_| whole);
            let Timeliness { on_time, late } = Timeliness::of([(version, late)]);
            return Coverage {
                reported: i64::from(whole),
                expected: 1,
                silent: Some((!whole).then(|| UnitName::of(version)).into_iter().collect()),
                left_out: Vec::new(),
                declared: figure.and_then(|figure| figure.declared),
                on_time,
                late,
            };
        }
        self.coverage_over(below, self.of(&version.unit))
    }

    /// What a figure covers of some units. Who stands behind a figure that its own unit reported is unknown.
    #[must_use]
    pub fn coverage_over(
        &self,
        expected: &[&UnitVersion],
        figure: Option<&Figure<'a>>,
    ) -> Coverage {
        let (mut silent, mut left_out, mut reported) = (Vec::new(), Vec::new(), 0);
        let mut whole = Vec::new();
        for version in expected {
            match self.of(&version.unit) {
                Some(found) if self.lacks_parts(found) => left_out.push(UnitName::of(version)),
                Some(found) if found.complete() => {
                    reported += 1;
                    whole.push((*version, found.late));
                }
                _ => silent.push(UnitName::of(version)),
            }
        }
        let Timeliness { on_time, late } = Timeliness::of(whole);
        let own_report = figure.is_some_and(|figure| figure.source == Source::Reported);
        Coverage {
            reported,
            expected: i64::try_from(expected.len()).unwrap_or(i64::MAX),
            on_time,
            late,
            silent: (!own_report).then_some(silent),
            left_out,
            declared: figure.and_then(|figure| figure.declared),
        }
    }

    fn lacks_parts(&self, figure: &Figure<'a>) -> bool {
        self.aggregation == UnitAggregation::RatioOfSums
            && figure.parts.is_none()
            && figure.complete()
    }
}

/// The parts of each unit as one.
fn joined_portions<'a, 'p>(
    portions: impl Iterator<Item = (&'p &'a UnitId, &'p Portion)>,
) -> BTreeMap<&'a UnitId, Portion>
where
    'a: 'p,
{
    let mut joined: BTreeMap<&UnitId, Portion> = BTreeMap::new();
    for (unit, portion) in portions {
        let all = joined
            .entry(*unit)
            .or_insert_with(|| Portion { weight: Weight::ZERO, ..portion.clone() });
        all.weight = all.weight.plus(portion.weight);
        all.confidence = all.confidence.max(portion.confidence);
        all.estimated |= portion.estimated;
    }
    joined
}

/// The sum of some figures, if all of them are there and it fits.
pub(super) fn sum(mut values: impl Iterator<Item = Option<Decimal>>) -> Option<Decimal> {
    values.try_fold(Decimal::ZERO, |sum, value| sum.checked_add(value?))
}
