//! What answers have in common: names of units, coverage, and the share that is estimated.

use dinh_lake::Decimal;
use dinh_lake::observation::{Qualifier, Status};
use dinh_lake::unit::{UnitVersion, Units};
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::{Cell, Declared};
use super::rebase::Portion;

/// When an answer was known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The newest ledger entry that it includes.
    pub position: u64,
    /// The moment, in RFC 3339; none: now.
    pub as_of: Option<String>,
}

/// A unit, as it is named beside a figure or in a list of those without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnitName {
    /// Its id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
}

impl UnitName {
    /// The name that a unit had in one version.
    #[must_use]
    pub fn of(version: &UnitVersion) -> Self {
        Self {
            unit: version.unit.0.clone(),
            code: version.code.clone(),
            name: version.name.clone(),
        }
    }
}

/// What a figure covers: computed from who reported here, and declared by its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Coverage {
    /// Expected units with a complete figure.
    pub reported: i64,
    /// Expected units.
    pub expected: i64,
    /// Those that reported before their deadline; null where none of the figures has one.
    pub on_time: Option<i64>,
    /// Those that reported after it; null where none of the figures has one.
    pub late: Option<Vec<UnitName>>,
    /// Expected units without a complete figure; null where it is unknown who stands behind the figure.
    pub silent: Option<Vec<UnitName>>,
    /// Units whose ratio has no numerator and denominator, so that it could not be summed; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<UnitName>,
    /// What the source itself says, where it says so.
    pub declared: Option<Declared>,
}

impl Coverage {
    /// The coverage of one figure: on another structure, of the units that it comes from; else as its source declares it.
    /// `known` are all units of the catalogue.
    #[must_use]
    pub fn of_cell(cell: &Cell, known: &Units) -> Option<Self> {
        let Some(moved) = &cell.moved else { return Self::declared_by(cell) };
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let name = |unit| {
            let version = known.version_at(unit, cell.period.end).or_else(|| known.latest(unit));
            version.map(UnitName::of)
        };
        Some(Self {
            reported: count(moved.from.len()),
            expected: count(moved.from.len() + moved.silent.len()),
            on_time: None,
            late: None,
            silent: Some(moved.silent.iter().filter_map(name).collect()),
            left_out: Vec::new(),
            declared: cell.declared,
        })
    }

    /// The coverage of one figure as its source declares it; none where it declares nothing.
    #[must_use]
    pub fn declared_by(cell: &Cell) -> Option<Self> {
        cell.declared.map(|declared| Self {
            reported: declared.reported.unwrap_or_default(),
            expected: declared.expected.unwrap_or_default(),
            on_time: None,
            late: None,
            silent: None,
            left_out: Vec::new(),
            declared: Some(declared),
        })
    }
}

/// Of the units that reported, how many did before their deadline, and which did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeliness {
    /// How many in time; none where nothing had a deadline.
    pub on_time: Option<i64>,
    /// Which late; none where nothing had a deadline.
    pub late: Option<Vec<UnitName>>,
}

impl Timeliness {
    /// Sorts units by whether they were late; one without a deadline is neither late nor on time.
    #[must_use]
    pub fn of<'v>(units: impl IntoIterator<Item = (&'v UnitVersion, Option<bool>)>) -> Self {
        let mut found = Self::default();
        for (unit, late) in units {
            let Some(late) = late else { continue };
            let on_time = found.on_time.get_or_insert_default();
            let names = found.late.get_or_insert_default();
            if late {
                names.push(UnitName::of(unit));
            } else {
                *on_time += 1;
            }
        }
        found
    }
}

/// The share of some figures whose status is `estimated`, from 0 to 1; 0 where there are none.
#[must_use]
pub fn estimated_share(estimated: usize, all: usize) -> Decimal {
    let whole = |n: usize| i64::try_from(n).ok().and_then(Decimal::from_integer);
    whole(estimated)
        .zip(whole(all))
        .and_then(|(estimated, all)| Decimal::ratio(1, estimated, all))
        .unwrap_or_default()
}

/// Whether a figure is estimated.
#[must_use]
pub fn is_estimated(cell: &Cell) -> bool {
    cell.status == Status::Estimated
}

/// How a figure made of several is hedged: exact only if all of them are, else approximate.
#[must_use]
pub fn joined_qualifier(qualifiers: impl IntoIterator<Item = Qualifier>) -> Qualifier {
    let exact = qualifiers.into_iter().all(|qualifier| qualifier == Qualifier::Exact);
    if exact { Qualifier::Exact } else { Qualifier::Approximate }
}

/// The standing of a figure made of two: an estimate makes an estimate, else a provisional one makes a provisional one.
#[must_use]
pub fn weaker(a: Status, b: Status) -> Status {
    let either = |status| a == status || b == status;
    [Status::Estimated, Status::Provisional]
        .into_iter()
        .find(|s| either(*s))
        .unwrap_or(Status::Normal)
}

/// A unit that was split, and how much of it is in a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WeightUsed {
    /// The unit's id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The share of it that is in the figure, from 0 to 1.
    #[schema(value_type = f64)]
    pub weight: Decimal,
    /// How sure the weight is: declared, derived, or low where nothing is known and parts are taken to be equal.
    pub confidence: &'static str,
}

impl WeightUsed {
    /// The weights of portions that make an estimate of a figure.
    #[must_use]
    pub fn of<'a>(units: &Units, portions: impl IntoIterator<Item = &'a Portion>) -> Vec<Self> {
        let portions = portions.into_iter().filter(|portion| portion.is_estimated());
        let used = portions.filter_map(|portion| {
            let UnitName { unit, code, name } = UnitName::of(units.latest(&portion.unit)?);
            let confidence = portion.confidence.code();
            Some(Self { unit, code, name, weight: portion.weight.decimal(), confidence })
        });
        used.collect()
    }

    /// The weights in a cell that was re-based.
    #[must_use]
    pub fn of_cell(units: &Units, cell: &Cell) -> Vec<Self> {
        let portions = cell.moved.iter().flat_map(|moved| &moved.from);
        Self::of(units, portions)
    }
}
