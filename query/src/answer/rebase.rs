//! Re-basing: cells as they were reported in, cells on the units of another day (or on clusters) out.
//!
//! What a unit's figure becomes depends on the indicator:
//!
//! | figure | on the other units |
//! |---|---|
//! | a quantity (`sum`) | each part by the indicator's weight; the parts add up to exactly the figure |
//! | a ratio of sums | numerator and denominator so, and then divided; one without both is left out |
//! | a mean, or a quotient that does not add up | the mean by weight, always an estimate |
//! | a score, a rank | null: they are made anew, or not at all |
//!
//! A figure that went whole from one unit to one that came from nobody else stays what it is, whatever it is. A cell says
//! what it was made from ([`Moved`]), and its status is `estimated` where a unit was split.
//!
//! # Decisions
//! - A figure that cannot be split (its unit ended without a successor, as districts did, or its indicator has no weight)
//!   holds for the units that its own became *together* ([`Together`]) and is null for each.
//! - A cell is partial where one of the units that it comes from is silent. A partial sum has no rank.
//! - What a weight splits is an estimate, however sure the weight is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dinh_lake::Decimal;
use dinh_lake::indicator::{Indicator, UnitAggregation, ValueKind};
use dinh_lake::observation::Status;
use dinh_lake::reform::{Share, Weight, hand_out};
use dinh_lake::succession::Confidence;
use dinh_lake::unit::UnitId;

use super::cell::{Cell, Span};
use super::outline::{joined_qualifier, weaker};
use super::structure::{Landing, Structure, Way};
use super::together::{Joining, Together, joined};

/// What a re-based cell was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The cells, each by its unit.
    pub from: Vec<Portion>,
    /// The units whose figures are expected in it and are not there, in order.
    pub silent: Vec<UnitId>,
    /// The feeds of the cells.
    pub feeds: BTreeSet<Arc<str>>,
}

impl Moved {
    /// What a figure made of several cells of one unit was made from; none where all are as they were reported.
    #[must_use]
    pub fn joined<'c>(cells: impl IntoIterator<Item = &'c Cell>) -> Option<Arc<Self>> {
        let mut joined = Self::default();
        for moved in cells.into_iter().filter_map(|cell| cell.moved.as_ref()) {
            joined.feeds.extend(moved.feeds.iter().cloned());
            for portion in &moved.from {
                if !joined.from.contains(portion) {
                    joined.from.push(portion.clone());
                }
            }
        }
        (!joined.from.is_empty()).then(|| Arc::new(joined))
    }
}

/// A unit's part in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The unit that reported.
    pub unit: UnitId,
    /// How much of it is in the cell.
    pub weight: Weight,
    /// How sure the weight is.
    pub confidence: Confidence,
    /// Whether the figure is an estimate even where the weight is one.
    pub estimated: bool,
}

/// How an indicator's figures are put together on other units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Sum,
    RatioOfSums,
    Mean,
    Null,
}

impl Rule {
    fn of(indicator: &Indicator) -> Self {
        match (indicator.kind, indicator.aggregation) {
            (ValueKind::Score | ValueKind::Rank, _) => Self::Null,
            (_, UnitAggregation::Sum) => Self::Sum,
            (_, UnitAggregation::RatioOfSums) => Self::RatioOfSums,
            (_, UnitAggregation::Mean) => Self::Mean,
            (ValueKind::Ratio | ValueKind::Measure, UnitAggregation::None)
                if indicator.rebase_weight != "none" =>
            {
                Self::Mean
            }
            (_, UnitAggregation::None) => Self::Null,
        }
    }
}

/// Cells on the units of a structure, and the figures that hold for several of them together.
#[derive(Debug, Default)]
pub struct Rebased {
    /// In order of period, stage and unit; of one feed each, as the cells were.
    pub cells: Vec<Cell>,
    /// In order of period and stage.
    pub together: Vec<Together>,
}

/// Shows cells, of one feed for each figure, on the units of a structure.
#[must_use]
pub fn rebase(structure: &Structure<'_>, indicator: &Indicator, cells: &[Cell]) -> Rebased {
    let mut order: Vec<&Cell> =
        cells.iter().filter(|cell| structure.chooses(&cell.unit, cell.period.end)).collect();
    order.sort_by(|a, b| (a.span(), a.stage, &a.unit).cmp(&(b.span(), b.stage, &b.unit)));
    let mut rebased = Rebased::default();
    for cells in order.chunk_by(|a, b| (a.span(), a.stage) == (b.span(), b.stage)) {
        let group = Group {
            structure,
            rule: Rule::of(indicator),
            factor: indicator.factor,
            span: cells[0].span(),
            way: structure.way(cells[0].period.end),
        };
        group.rebase(cells, &mut rebased);
    }
    rebased
}

/// The figures of one period and stage.
struct Group<'s, 'a> {
    structure: &'s Structure<'a>,
    rule: Rule,
    factor: i64,
    span: Span,
    way: Arc<Way>,
}

/// A part of a cell on its way to another unit.
struct Arrived<'c> {
    cell: &'c Cell,
    weight: Weight,
    confidence: Confidence,
    value: Option<Decimal>,
    parts: Option<(Decimal, Decimal)>,
}

impl Group<'_, '_> {
    fn rebase(&self, cells: &[&Cell], rebased: &mut Rebased) {
        let mut arrived: BTreeMap<&UnitId, Vec<Arrived<'_>>> = BTreeMap::new();
        let mut not_split: Vec<(&Cell, BTreeSet<UnitId>)> = Vec::new();
        for cell in cells {
            match self.structure.landing(&self.way, &cell.unit, self.span.end) {
                Landing::Same => arrived.entry(&cell.unit).or_default().push(Arrived::whole(cell)),
                Landing::Shares(shares) => {
                    for (to, part) in self.handed_out(cell, shares) {
                        arrived.entry(to).or_default().push(part);
                    }
                }
                Landing::Together(units) if self.rule != Rule::Null => {
                    not_split.push((cell, units))
                }
                Landing::Together(_) => {}
            }
        }
        let first = rebased.cells.len();
        rebased.cells.extend(arrived.into_iter().map(|(unit, arrived)| self.cell(unit, &arrived)));
        let made = &rebased.cells[first..];
        let whole = |unit: &UnitId| {
            let found = made.binary_search_by(|cell| cell.unit.cmp(unit));
            found.is_ok_and(|place| made[place].value.is_some() && !made[place].is_partial())
        };
        not_split.retain(|(_, units)| !units.iter().all(whole));
        let joining = match self.rule {
            Rule::Sum => Joining::Sum,
            Rule::RatioOfSums => Joining::Ratio(self.factor),
            Rule::Mean | Rule::Null => Joining::Never,
        };
        rebased.together.extend(joined(self.structure, joining, &not_split));
    }

    /// The parts of a cell on each unit that it goes to.
    fn handed_out<'c, 'w>(
        &self,
        cell: &'c Cell,
        shares: &'w [Share],
    ) -> impl Iterator<Item = (&'w UnitId, Arrived<'c>)> + use<'c, 'w> {
        let weights: Vec<Weight> = shares.iter().map(|share| share.weight).collect();
        let adds_up = matches!(self.rule, Rule::Sum | Rule::RatioOfSums);
        let of = |figure: Decimal| hand_out(figure, &weights).unwrap_or_default();
        let values = cell.value.filter(|_| adds_up).map(of);
        let parts = cell.parts().map(|(above, below)| (of(above), of(below)));
        shares.iter().enumerate().map(move |(place, share)| {
            let nth = |figures: &Vec<Decimal>| figures.get(place).copied();
            let parts = parts.as_ref().and_then(|(above, below)| nth(above).zip(nth(below)));
            let value = if adds_up { values.as_ref().and_then(nth) } else { cell.value };
            let Share { weight, confidence, .. } = *share;
            (&share.to, Arrived { cell, weight, confidence, value, parts })
        })
    }

    /// The cell of a unit that some parts arrived at; none of them is without a cell.
    fn cell(&self, unit: &UnitId, arrived: &[Arrived<'_>]) -> Cell {
        let expected = self.way.expected(unit);
        let alone = expected.is_none_or(|expected| expected.len() <= 1);
        if let ([one], true) = (arrived, alone)
            && one.weight == Weight::ONE
        {
            return one.same(unit);
        }
        let used: Vec<&Arrived<'_>> = arrived.iter().filter(|part| self.usable(part)).collect();
        let silent = expected.unwrap_or_default().iter();
        let silent = silent.filter(|unit| !used.iter().any(|part| part.cell.unit == **unit));
        let (value, parts) = self.combined(&used);
        let mean = self.rule == Rule::Mean;
        let moved = Moved {
            from: used.iter().map(|part| part.portion(mean)).collect(),
            silent: silent.cloned().collect(),
            feeds: arrived.iter().map(|part| Arc::clone(&part.cell.feed)).collect(),
        };
        let estimated = moved.from.iter().any(Portion::is_estimated);
        let statuses = arrived.iter().map(|part| part.cell.status);
        let status = if estimated { Status::Estimated } else { Status::Normal };
        let newest = arrived.iter().map(|part| part.cell).max_by_key(|cell| cell.recorded_at);
        let newest = newest.unwrap_or(arrived[0].cell);
        Cell {
            unit: unit.clone(),
            value,
            numerator: parts.map(|parts| parts.0),
            denominator: parts.map(|parts| parts.1),
            qualifier: joined_qualifier(arrived.iter().map(|part| part.cell.qualifier)),
            status: statuses.fold(status, weaker),
            declared: None,
            late: arrived.iter().filter_map(|part| part.cell.late).reduce(|a, b| a || b),
            moved: Some(Arc::new(moved)),
            ..newest.clone()
        }
    }

    /// Whether a part can be put together with others.
    fn usable(&self, part: &Arrived<'_>) -> bool {
        match self.rule {
            Rule::Sum | Rule::Mean => part.value.is_some(),
            Rule::RatioOfSums => part.parts.is_some(),
            Rule::Null => false,
        }
    }

    fn combined(&self, used: &[&Arrived<'_>]) -> (Option<Decimal>, Option<(Decimal, Decimal)>) {
        let sum = |figure: fn(&Arrived<'_>) -> Option<Decimal>| {
            let add = |sum: Decimal, part: &&Arrived<'_>| sum.checked_add(figure(part)?);
            used.iter().try_fold(Decimal::ZERO, add).filter(|_| !used.is_empty())
        };
        match self.rule {
            Rule::Sum => (sum(|part| part.value), None),
            Rule::RatioOfSums => {
                let above = sum(|part| part.parts.map(|parts| parts.0));
                let below = sum(|part| part.parts.map(|parts| parts.1));
                let parts = above.zip(below);
                (parts.and_then(|(n, d)| Decimal::ratio(self.factor, n, d)), parts)
            }
            Rule::Mean => (mean(used), None),
            Rule::Null => (None, None),
        }
    }
}

/// The mean of some figures by weight, in millionths of one; rounded half up.
fn mean(used: &[&Arrived<'_>]) -> Option<Decimal> {
    let weight = |part: &Arrived<'_>| part.weight.decimal().unscaled();
    let weights: i128 = used.iter().map(|part| weight(part)).sum();
    let sum: i128 = used
        .iter()
        .map(|part| part.value.map(|value| value.unscaled() * weight(part)))
        .sum::<Option<i128>>()?;
    if weights == 0 {
        return None;
    }
    Decimal::from_unscaled(sum.signum() * ((2 * sum.abs() + weights) / (2 * weights)))
}

impl<'c> Arrived<'c> {
    fn whole(cell: &'c Cell) -> Self {
        let (weight, confidence) = (Weight::ONE, Confidence::Declared);
        Self { cell, weight, confidence, value: cell.value, parts: cell.parts() }
    }

    /// The cell as it is, on a unit that is the whole of its own.
    fn same(&self, unit: &UnitId) -> Cell {
        let mut cell = self.cell.clone();
        if cell.unit != *unit {
            let feeds = [Arc::clone(&cell.feed)].into();
            let moved = Moved { from: vec![self.portion(false)], silent: Vec::new(), feeds };
            cell.moved = Some(Arc::new(moved));
            cell.unit.clone_from(unit);
        }
        cell
    }

    fn portion(&self, mean: bool) -> Portion {
        Portion {
            unit: self.cell.unit.clone(),
            weight: self.weight,
            confidence: self.confidence,
            estimated: mean || self.cell.status == Status::Estimated,
        }
    }
}

impl Portion {
    /// Whether what it brings is an estimate.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        self.estimated || self.weight != Weight::ONE
    }
}

impl Cell {
    /// Whether figures that belong in it are not there.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.moved.as_ref().is_some_and(|moved| !moved.silent.is_empty())
    }

    /// The feed that it is from, if it is one.
    #[must_use]
    pub fn only_feed(&self) -> Option<String> {
        let feeds: BTreeSet<&str> = self.feeds().collect();
        feeds.first().filter(|_| feeds.len() == 1).map(|feed| (*feed).to_owned())
    }
}

#[cfg(test)]
mod tests;
