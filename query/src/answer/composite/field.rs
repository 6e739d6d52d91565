//! Which units are scored together, and which of them are asked for.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dinh_lake::unit::{UnitId, UnitVersion};

use super::super::address;
use super::super::cell::{Cell, Span};
use super::super::question::Asked;
use super::super::scope;
use super::parts::Parts;
use crate::error::QueryError;

/// Which units compete.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) level: String,
    kind: Option<String>,
    /// The subtree that was asked for.
    within: Option<UnitId>,
    pub(super) span: Span,
}

impl Field {
    /// The field of a question.
    ///
    /// # Errors
    /// When `within` names nothing, or no figure is in scope.
    pub(super) fn choose(parts: &Parts<'_>, asked: &Asked, span: Span) -> Result<Self, QueryError> {
        let within = match &asked.within {
            Some(text) => {
                Some(address::unit(parts.catalogue, "within", text, Some(span))?.unit.clone())
            }
            None => None,
        };
        let none = || scope::no_figures(&parts.method.definition.composite);
        let own = asked.level.as_ref().or(parts.method.definition.level.as_ref());
        let level = own.cloned().or_else(|| fullest_level(parts, span, within.as_ref()));
        let level = level.ok_or_else(none)?;
        Ok(Self { level, kind: asked.kind.clone(), within, span })
    }

    /// The units that are scored together in a span, in order of code: those of the level in the province of the figures.
    pub(super) fn scored<'c>(&self, parts: &Parts<'c>, span: Span) -> Vec<&'c UnitVersion> {
        let units = &parts.catalogue.units;
        let reporters = self.cells(parts).filter(|cell| cell.span() == span);
        let whole = scope::default_within(units, span.end, reporters.map(|cell| &cell.unit));
        // Provinces themselves compete with each other, not each within itself.
        let above = |top: &UnitId| {
            units.version_at(top, span.end).is_some_and(|version| version.level != self.level)
        };
        units.at(span.end, Some(&self.level), None, whole.filter(above).as_ref())
    }

    /// Whether a unit is asked for.
    pub(super) fn shows(&self, parts: &Parts<'_>, unit: &UnitVersion, span: Span) -> bool {
        let units = &parts.catalogue.units;
        self.kind.as_ref().is_none_or(|kind| unit.kind == *kind)
            && self.within.as_ref().is_none_or(|top| units.is_within(&unit.unit, top, span.end))
    }

    /// The cells of the level and the subtree, whatever their period.
    pub(super) fn cells<'c>(&self, parts: &'c Parts<'_>) -> impl Iterator<Item = &'c Cell> {
        let units = &parts.catalogue.units;
        parts.all_cells().filter(move |cell| {
            let on = cell.period.end;
            let version = units.version_at(&cell.unit, on);
            version.is_some_and(|version| version.level == self.level)
                && self.within.as_ref().is_none_or(|top| units.is_within(&cell.unit, top, on))
        })
    }
}

/// The level with the most figures of a period; of several the one with fewer units.
fn fullest_level(parts: &Parts<'_>, span: Span, within: Option<&UnitId>) -> Option<String> {
    let units = &parts.catalogue.units;
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for cell in parts.all_cells().filter(|cell| cell.span() == span) {
        let Some(version) = units.version_at(&cell.unit, span.end) else { continue };
        if within.is_some_and(|top| !units.is_within(&cell.unit, top, span.end)) {
            continue;
        }
        let size = || (0, units.at(span.end, Some(&version.level), None, None).len());
        counts.entry(&version.level).or_insert_with(size).0 += 1;
    }
    let fullest = counts.into_iter().max_by_key(|(_, (figures, size))| (*figures, Reverse(*size)));
    fullest.map(|(level, _)| level.to_owned())
}
