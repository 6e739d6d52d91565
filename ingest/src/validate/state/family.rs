//! A unit and the units below it, at one indicator, period and stage: together these have no more than the unit itself, and
//! no two of them have the same large count by chance.
//!
//! What holds for a family is gathered once for all its rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use dinh_lake::decimal::Decimal;
use dinh_lake::indicator::StateRule;
use dinh_lake::intern::Seed;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::unit::UnitVersion;

use super::super::cells::Cell;
use super::super::messages;
use super::{Row, State};

const ONE: i128 = 1_000_000;
/// Counts below this are often the same.
const COUNT_MIN: i128 = 1_000;
/// So are round ones.
const ROUND: i128 = 100;

/// A figure of a unit, from the submission or else from the ledger.
struct Known {
    value: Decimal,
    /// The row that says so, if it is of the submission.
    row: Option<u32>,
}

/// The unit above one, and whether there are any below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kin<'a> {
    parent: Option<&'a UnitVersion>,
    has_children: bool,
    /// Where [`State::codes`] has the codes around it.
    pub(super) codes: usize,
}

/// The units by their codes, as far as these are numbers.
pub(super) type Codes<'a> = HashMap<i128, &'a UnitVersion, Seed>;

impl<'a> State<'a> {
    /// Judges a row by the families that it is in: with the units beside it, and with those below it.
    pub(super) fn family(&mut self, row: &Row<'a>, kin: Kin<'a>, goes_on: bool) {
        if let Some(parent) = kin.parent {
            if row.holds(StateRule::Alike) && !goes_on {
                self.alike(row, parent, kin);
            }
            if self.adds_up(row) {
                self.children(row, parent);
            }
        }
        if kin.has_children && self.adds_up(row) {
            self.children(row, row.unit);
        }
    }

    /// Who is above and below a row's unit: the same for all periods of an epoch.
    pub(super) fn kin(&mut self, row: &Row<'a>) -> Kin<'a> {
        let key = (row.cell.unit, row.span.epoch);
        if let Some(kin) = self.kin.get(&key) {
            return *kin;
        }
        let (units, on) = (&self.judged.context.catalogue.units, row.span.end);
        let parent = row.unit.parent.as_ref().and_then(|parent| units.version_at(parent, on));
        let above = parent.map_or(row.unit.unit.as_str(), |parent| parent.unit.as_str());
        let codes =
            *self.families.entry((above, parent.is_some(), row.span.epoch)).or_insert_with(|| {
                let beside = parent.map(|parent| units.below(&parent.unit, on));
                let around = beside.into_iter().flatten().chain(parent).chain([row.unit]);
                let code = |unit: &'a UnitVersion| Some((unit.code.parse().ok()?, unit));
                self.codes.push(around.filter_map(code).collect());
                self.codes.len() - 1
            });
        let has_children = units.below(&row.unit.unit, on).next().is_some();
        let kin = Kin { parent, has_children, codes };
        self.kin.insert(key, kin);
        kin
    }

    /// Whether the units below may not have more. Targets of theirs may well add up to more: they are aims.
    fn adds_up(&self, row: &Row<'_>) -> bool {
        row.holds(StateRule::Children) && row.cell.stage != Stage::Target
    }

    /// Judges whether the units below one have more than it has. It is told of the unit's own row, or else of the first row
    /// of the units below it.
    fn children(&mut self, row: &Row<'a>, parent: &'a UnitVersion) {
        let Some(whole) = self.exact(row, parent) else { return };
        let is_teller = match whole.row {
            Some(own) => own == row.row,
            None => self.summed.insert((row.of_all_units(), parent.unit.as_str())),
        };
        if !is_teller {
            return;
        }
        let below = self.judged.context.catalogue.units.below(&parent.unit, row.span.end);
        let parts: Vec<i128> = below
            .filter_map(|child| self.exact(row, child))
            .map(|part| part.value.unscaled())
            .collect();
        let sum = Decimal::from_unscaled(parts.iter().sum());
        if let Some(sum) = sum.filter(|sum| *sum > whole.value) {
            let finding = messages::children_over_parent(parent, whole.value, parts.len(), sum);
            self.warn(row.row, finding);
        }
    }

    /// The exact figure of a unit in a row's indicator, period and stage.
    fn exact(&self, row: &Row<'a>, unit: &UnitVersion) -> Option<Known> {
        let number = self.judged.places.number_of(&unit.unit);
        if let Some((row, landing)) = number.and_then(|unit| self.sent(Cell { unit, ..row.cell })) {
            let counts =
                landing.qualifier == Qualifier::Exact && landing.status != Status::Withdrawn;
            return landing.value.filter(|_| counts).map(|value| Known { value, row: Some(row) });
        }
        let recorded = self.recorded(row, unit).filter(|figure| figure.is_exact)?;
        Some(Known { value: recorded.value, row: None })
    }

    /// Judges whether a unit beside has the same count.
    fn alike(&mut self, row: &Row<'a>, parent: &'a UnitVersion, kin: Kin<'a>) {
        let value = row.value.unscaled();
        if value < COUNT_MIN * ONE || value % (ROUND * ONE) == 0 {
            return;
        }
        let family = (row.of_all_units(), kin.codes);
        if !self.counts.contains_key(&family) {
            let recorded = self.recorded_counts(row, parent);
            self.counts.insert(family, recorded);
        }
        let counts = self.counts.get_mut(&family).expect("it was put there");
        let other = match counts.entry(row.value) {
            Entry::Occupied(other) => *other.get(),
            Entry::Vacant(vacant) => *vacant.insert(row.unit),
        };
        if other.unit != row.unit.unit {
            self.warn(row.row, messages::same_as_other_unit(row.value, row.unit, other));
        }
    }

    /// The counts that the ledger has of the units below one, but for those that the submission revises.
    fn recorded_counts(
        &self,
        row: &Row<'a>,
        parent: &'a UnitVersion,
    ) -> HashMap<Decimal, &'a UnitVersion, Seed> {
        if row.series.is_none_or(|series| self.view.newest(series) < row.end) {
            return HashMap::default();
        }
        let below = self.judged.context.catalogue.units.below(&parent.unit, row.span.end);
        let recorded = below.filter_map(|unit| {
            let number = self.judged.places.number_of(&unit.unit);
            let sent = number.and_then(|unit| self.sent(Cell { unit, ..row.cell }));
            let recorded = self.recorded(row, unit).filter(|_| sent.is_none())?;
            Some((recorded.value, unit))
        });
        recorded.collect()
    }
}
