//! Standings: the units of a field in order of what they are ranked by, with the rank of each.
//!
//! | ties | two units share the second place of four |
//! |---|---|
//! | `standard` | 1, 2, 2, 4 |
//! | `dense` | 1, 2, 2, 3 |
//! | `fractional` | 1, 2.5, 2.5, 4 |

use std::cmp::Ordering;
use std::collections::HashMap;

use dinh_lake::Decimal;
use dinh_lake::indicator::Direction;
use dinh_lake::unit::{UnitId, UnitVersion};

use super::Lack;
use super::field::Field;
use crate::answer::cell::{Cell, Span};
use crate::answer::figures::Figures;
use crate::answer::question::{Ranked, Ties};
use crate::answer::stages::Targets;

/// How units are put in order.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) by: Ranked,
    pub(crate) ties: Ties,
}

/// A unit with its rank.
pub(crate) struct Standing<'a> {
    pub(crate) rank: Decimal,
    pub(crate) tied: bool,
    /// What it is ranked by.
    score: Decimal,
    pub(crate) value: Decimal,
    pub(crate) unit: &'a UnitVersion,
    pub(crate) cell: &'a Cell,
    /// The figure that the change is counted from.
    pub(crate) before: Option<Decimal>,
    /// The target, and how far the figure is beyond it in the indicator's direction.
    pub(crate) target: Option<(&'a Cell, Decimal)>,
}

impl Standing<'_> {
    /// The figure less the one before.
    pub(crate) fn change(&self) -> Option<Decimal> {
        self.value.checked_sub(self.before?)
    }
}

/// The units of a field that have a rank, and those that have none.
pub(crate) struct Standings<'a> {
    /// Best first; of one rank in order of code.
    pub(crate) ranked: Vec<Standing<'a>>,
    /// In order of code.
    pub(crate) lacking: Vec<(&'a UnitVersion, Lack)>,
}

/// The values of the units in a span, to count changes from.
pub(crate) fn values<'c>(figures: &'c Figures<'_>, span: Span) -> HashMap<&'c UnitId, Decimal> {
    let cells = figures.cells.iter().filter(|cell| cell.span() == span && cell.is_whole());
    cells.filter_map(|cell| Some((&cell.unit, cell.value?))).collect()
}

impl Field {
    /// Ranks the units of the field in a span; changes are counted from the values of `before`.
    pub(crate) fn standings<'c>(
        &self,
        figures: &'c Figures<'_>,
        span: Span,
        manner: Manner,
        before: &HashMap<&UnitId, Decimal>,
    ) -> Standings<'c> {
        let cells = figures.cells.iter().filter(|cell| cell.span() == span);
        let cells: HashMap<_, _> = cells.map(|cell| (&cell.unit, cell)).collect();
        let targets = Targets::of(&figures.targets, span);
        let direction = figures.indicator.direction;
        let judge = |unit: &'c UnitVersion| -> Result<Standing<'c>, Lack> {
            let cell = *cells.get(&unit.unit).ok_or(Lack::Silent)?;
            let value = cell.value.ok_or(Lack::NoValue)?;
            if !cell.is_whole() {
                return Err(Lack::Partial);
            }
            let before = before.get(&unit.unit).copied();
            let target = targets
                .get(&unit.unit)
                .and_then(|target| Some((target, distance(direction, value, target.value?)?)));
            let change = before.and_then(|before| value.checked_sub(before));
            let score = match manner.by {
                Ranked::Value => value,
                Ranked::Change => change.ok_or(Lack::NoPrevious)?,
                Ranked::Distance => target.ok_or(Lack::NoTarget)?.1,
            };
            Ok(Standing {
                rank: Decimal::ZERO,
                tied: false,
                score,
                value,
                unit,
                cell,
                before,
                target,
            })
        };
        let (mut ranked, mut lacking) = (Vec::new(), Vec::new());
        for unit in self.universe(figures, span) {
            match judge(unit) {
                Ok(standing) => ranked.push(standing),
                Err(lack) => lacking.push((unit, lack)),
            }
        }
        // A distance is in the indicator's direction already. The sort is stable, so units of one score stay in order of code.
        let direction = if manner.by == Ranked::Distance { Direction::Higher } else { direction };
        ranked.sort_by(|a, b| better(direction, a.score, b.score));
        give_ranks(&mut ranked, manner.ties);
        Standings { ranked, lacking }
    }
}

/// How far a value is beyond a target in a direction: positive is better, as more is where neither is.
pub(crate) fn distance(direction: Direction, value: Decimal, target: Decimal) -> Option<Decimal> {
    match direction {
        Direction::Higher | Direction::Neutral => value.checked_sub(target),
        Direction::Lower => target.checked_sub(value),
    }
}

/// Gives ranks to units that are in order of score.
fn give_ranks(standings: &mut [Standing<'_>], ties: Ties) {
    let (mut better, mut groups) = (0_usize, 0_usize);
    for tie in standings.chunk_by_mut(|a, b| a.score == b.score) {
        let tied = tie.len() > 1;
        let doubled = match ties {
            Ties::Standard => 2 * (better + 1),
            Ties::Dense => 2 * (groups + 1),
            // The mean of the places that the units share.
            Ties::Fractional => 2 * better + 1 + tie.len(),
        };
        let rank = halved(doubled);
        for standing in &mut *tie {
            (standing.rank, standing.tied) = (rank, tied);
        }
        better += tie.len();
        groups += 1;
    }
}

/// Half of a small whole number, exactly.
fn halved(doubled: usize) -> Decimal {
    let whole = |n| i64::try_from(n).ok().and_then(Decimal::from_integer);
    let half = whole(doubled).zip(whole(2)).and_then(|(n, two)| Decimal::ratio(1, n, two));
    half.expect("a rank has a few digits at most")
}

/// The better score first.
fn better(direction: Direction, a: Decimal, b: Decimal) -> Ordering {
    match direction {
        Direction::Higher | Direction::Neutral => b.cmp(&a),
        Direction::Lower => a.cmp(&b),
    }
}
