//! Ratios of two indicators: where both parts of a ratio were reported as indicators of their own, the ratio follows.
//!
//! # Decisions
//! - A ratio that was pushed keeps its value, for it is what the source said; it takes the parts of the two indicators where
//!   it came without, so that it can be summed.
//! - A ratio that follows has the numerator's feed, label and stamp, and is hedged where one of its parts is.

use std::collections::{HashMap, HashSet};

use dinh_lake::Decimal;
use dinh_lake::indicator::Indicator;
use dinh_lake::observation::Stage;
use dinh_lake::unit::UnitId;

use super::cell::{Cell, Span};
use super::outline::{joined_qualifier, weaker};

type Key<'a> = (&'a UnitId, Span, Stage);

fn key(cell: &Cell) -> Key<'_> {
    (&cell.unit, cell.span(), cell.stage)
}

/// The pushed cells of a ratio with those that follow from its parts. Each of the three has one feed for each cell.
#[must_use]
pub fn with_derived(
    indicator: &Indicator,
    mut pushed: Vec<Cell>,
    numerators: &[Cell],
    denominators: &[Cell],
) -> Vec<Cell> {
    let denominators: HashMap<Key<'_>, &Cell> = denominators.iter().map(|c| (key(c), c)).collect();
    let derive = |numerator: &Cell| {
        let denominator = denominators.get(&key(numerator))?;
        ratio(indicator.factor, numerator, denominator)
    };
    let derived: Vec<Cell> = numerators.iter().filter_map(derive).collect();
    let by_key: HashMap<Key<'_>, &Cell> = derived.iter().map(|cell| (key(cell), cell)).collect();
    let parts: Vec<_> = pushed
        .iter()
        .map(|cell| by_key.get(&key(cell)).map(|found| (found.numerator, found.denominator)))
        .collect();
    let known: HashSet<Key<'_>> = pushed.iter().map(key).collect();
    let new: Vec<Cell> =
        derived.iter().filter(|cell| !known.contains(&key(cell))).cloned().collect();
    drop(known);
    for (cell, parts) in pushed.iter_mut().zip(parts) {
        if let (None, Some((numerator, denominator))) = (cell.parts(), parts) {
            (cell.numerator, cell.denominator) = (numerator, denominator);
        }
    }
    pushed.extend(new);
    pushed
}

/// The ratio of two cells of one unit, span and stage.
fn ratio(factor: i64, numerator: &Cell, denominator: &Cell) -> Option<Cell> {
    let value = Decimal::ratio(factor, numerator.value?, denominator.value?)?;
    Some(Cell {
        value: Some(value),
        numerator: numerator.value,
        denominator: denominator.value,
        qualifier: joined_qualifier([numerator.qualifier, denominator.qualifier]),
        status: weaker(numerator.status, denominator.status),
        declared: None,
        recorded_at: numerator.recorded_at.max(denominator.recorded_at),
        late: numerator.late.into_iter().chain(denominator.late).reduce(|a, b| a || b),
        ..numerator.clone()
    })
}

#[cfg(test)]
mod tests {
    use dinh_lake::indicator::UnitAggregation;
    use dinh_lake::observation::Qualifier;

    use super::super::fixture::{cell, decimal, indicator};
    use super::*;

    #[test]
    fn a_ratio_follows_from_its_parts() {
        let pct = indicator("pct", UnitAggregation::RatioOfSums);
        let numerators =
            [cell("A", "2024", "26").hedged(Qualifier::Greater), cell("B", "2024", "1")];
        let denominators = [cell("A", "2024", "35"), cell("B", "2023", "2")];
        let cells = with_derived(&pct, Vec::new(), &numerators, &denominators);
        let [ratio] = cells.as_slice() else { panic!("{cells:?}") };
        assert_eq!(ratio.value, Some(decimal("74.285714")));
        assert_eq!(ratio.parts(), Some((decimal("26"), decimal("35"))));
        assert_eq!(ratio.qualifier, Qualifier::Approximate);
    }

    #[test]
    fn a_pushed_ratio_keeps_its_value_and_takes_the_parts() {
        let pct = indicator("pct", UnitAggregation::RatioOfSums);
        let (numerators, denominators) = ([cell("A", "2024", "26")], [cell("A", "2024", "35")]);
        let pushed = vec![cell("A", "2024", "74")];
        let cells = with_derived(&pct, pushed, &numerators, &denominators);
        let [ratio] = cells.as_slice() else { panic!("{cells:?}") };
        assert_eq!(ratio.value, Some(decimal("74")));
        assert_eq!(ratio.parts(), Some((decimal("26"), decimal("35"))));
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        let pct = indicator("pct", UnitAggregation::RatioOfSums);
        let (numerators, denominators) = ([cell("A", "2024", "0")], [cell("A", "2024", "0")]);
        assert!(with_derived(&pct, Vec::new(), &numerators, &denominators).is_empty());
    }
}
