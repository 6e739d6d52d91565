//! Units: search by name, code or place in the tree, with or without a date.

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::unit::{UnitId, UnitVersion, Units};
use serde::Serialize;
use utoipa::ToSchema;

use super::address;
use super::outline::Seen;
use super::question::{Asked, On};
use crate::error::QueryError;

/// Units that were found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnitsFound {
    /// The date that they are valid on; null: all that ever were.
    pub on: Option<String>,
    /// When it was known; null: now.
    pub as_of: Option<String>,
    /// The newest ledger entry at the time of the answer.
    pub position: u64,
    /// How many there are, before `limit` and `offset`.
    pub total: usize,
    /// The units: the best match first, or in order of unit.
    pub units: Vec<UnitRow>,
}

/// What a unit was between two dates.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnitRow {
    /// Its id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese, with its kind word.
    pub name: String,
    /// Its name in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its level.
    pub level: String,
    /// The id of the unit above it.
    pub parent: Option<String>,
    /// Its name after those of the units above it.
    pub path: String,
    /// The first day.
    pub valid_from: String,
    /// The last day; null while it goes on.
    pub valid_to: Option<String>,
}

impl UnitRow {
    /// A version as a row.
    #[must_use]
    pub fn of(units: &Units, version: &UnitVersion) -> Self {
        Self {
            unit: version.unit.0.clone(),
            code: version.code.clone(),
            name: version.name.clone(),
            name_en: version.name_en.clone(),
            kind: version.kind.clone(),
            level: version.level.clone(),
            parent: version.parent.as_ref().map(|parent| parent.0.clone()),
            path: units.path(version),
            valid_from: version.valid_from.to_string(),
            valid_to: version.valid_to.map(|day| day.to_string()),
        }
    }
}

/// Finds units. A level that no unit has on the day gives an empty list.
///
/// # Errors
/// When `within` names no one unit.
pub fn units(catalogue: &Catalogue, seen: Seen, asked: &Asked) -> Result<UnitsFound, QueryError> {
    let units = &catalogue.units;
    let on = asked.on.and_then(On::day);
    let within = match (&asked.within, on) {
        (None, _) => None,
        (Some(text), Some(on)) => {
            let day = super::cell::Span { start: on, end: on };
            Some(address::unit(catalogue, "within", text, Some(day))?)
        }
        (Some(text), None) => Some(address::unit(catalogue, "within", text, None)?),
    };
    let within = within.map(|version| &version.unit);
    let candidates: Vec<&UnitVersion> = match &asked.q {
        Some(q) => units.search(q),
        None => units.versions().iter().collect(),
    };
    let wanted = |version: &&UnitVersion| {
        asked.level.as_ref().is_none_or(|level| version.level == *level)
            && on.is_none_or(|on| version.valid_on(on))
            && within.is_none_or(|top| was_within(units, version, top, on))
    };
    let found: Vec<_> = candidates.into_iter().filter(wanted).collect();
    let page = found.iter().skip(asked.offset).take(asked.limit.unwrap_or(usize::MAX));
    Ok(UnitsFound {
        on: on.map(|on| on.to_string()),
        as_of: seen.as_of,
        position: seen.position,
        total: found.len(),
        units: page.map(|version| UnitRow::of(units, version)).collect(),
    })
}

/// Whether a version is in a subtree on the day that was asked for; without one, on its first or its last day.
fn was_within(units: &Units, version: &UnitVersion, top: &UnitId, on: Option<NaiveDate>) -> bool {
    let days = on.map_or([version.valid_from, version.last_day()], |on| [on, on]);
    days.into_iter().any(|day| units.is_within(&version.unit, top, day))
}
