//! The field of a ranking: which units compete in a period, and which of those that have a figure do not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use dinh_lake::unit::{UnitId, UnitVersion};

use super::{Excluded, Exclusion};
use crate::answer::address;
use crate::answer::cell::{Cell, Span};
use crate::answer::figures::Figures;
use crate::answer::question::Asked;
use crate::answer::scope;
use crate::error::QueryError;

/// Which units compete.
pub(crate) struct Field {
    /// Their level.
    pub(crate) level: String,
    /// The kind that was asked for.
    kind: Option<String>,
    /// The subtree that was asked for.
    within: Option<UnitId>,
    /// The period.
    pub(crate) span: Span,
}

impl Field {
    /// The field of a question.
    ///
    /// # Errors
    /// When a parameter names nothing, or there is no figure in scope to take the period from.
    pub(crate) fn choose(figures: &Figures<'_>, asked: &Asked) -> Result<Self, QueryError> {
        if let Some(level) = &asked.level {
            scope::check_level(figures.catalogue, "level", level)?;
        }
        if let Some(kind) = &asked.kind {
            scope::check_kind(figures.catalogue, kind)?;
        }
        let named = match &asked.period {
            Some(label) => Some(figures.sources.span(label, &figures.cells.iter())?),
            None => None,
        };
        let within = match &asked.within {
            // The structure has chosen the cells already.
            _ if figures.structure.rebases() => None,
            Some(text) => {
                Some(address::unit(figures.catalogue, "within", text, named)?.unit.clone())
            }
            None => None,
        };
        let none = || scope::no_figures(&figures.indicator.indicator);
        let cells = || in_scope(figures, asked.level.as_deref(), within.as_ref());
        // Where no unit has a figure of its own there may be some that have one together.
        let of_several = || figures.together.iter().map(|together| together.span).max();
        let latest = || scope::latest_span(cells()).or_else(of_several);
        let span = named.or_else(latest).ok_or_else(none)?;
        let at_span = cells().filter(|cell| cell.span() == span);
        let level =
            asked.level.clone().or_else(|| fullest_level(figures, at_span)).ok_or_else(none)?;
        Ok(Self { level, kind: asked.kind.clone(), within, span })
    }

    /// The figures of the field's level and subtree, whatever their period.
    pub(crate) fn in_scope<'c>(
        &self,
        figures: &'c Figures<'_>,
    ) -> impl Iterator<Item = &'c Cell> + Clone {
        in_scope(figures, Some(&self.level), self.within.as_ref())
    }

    /// The units that could have a rank in a span, in order of code.
    pub(crate) fn universe<'c>(&self, figures: &Figures<'c>, span: Span) -> Vec<&'c UnitVersion> {
        if let Some(within) = figures.structure.within() {
            let mut landed = figures.structure.landed(within, span, &self.level);
            landed.retain(|version| self.kind.as_ref().is_none_or(|kind| version.kind == *kind));
            return landed;
        }
        let top = self.top(figures, span);
        let day = figures.day(span);
        figures.units().at(day, Some(&self.level), self.kind.as_deref(), top.as_ref())
    }

    /// The unit that the universe is within: what was asked for, or the province or country that holds all figures.
    fn top(&self, figures: &Figures<'_>, span: Span) -> Option<UnitId> {
        if let Some(within) = &self.within {
            return Some(within.clone());
        }
        let (units, day) = (figures.units(), figures.day(span));
        let reporters = self.in_scope(figures).filter(|cell| cell.span() == span);
        let whole = scope::default_within(units, day, reporters.map(|cell| &cell.unit));
        // Provinces themselves compete with each other, not each within itself.
        let above = |top: &UnitId| {
            units.version_at(top, day).is_some_and(|version| version.level != self.level)
        };
        whole.filter(above)
    }

    /// How many units of the level have a figure of the period and do not compete, by the reason.
    pub(crate) fn excluded(&self, figures: &Figures<'_>) -> Vec<Excluded> {
        let (units, on) = (figures.units(), figures.day(self.span));
        let top = self.top(figures, self.span);
        let reason = |unit: &UnitId| {
            let Some(version) = units.version_at(unit, on) else {
                // What it was last tells whether it would have been of the level.
                let was = units.latest(unit)?;
                return (was.level == self.level).then_some(Exclusion::NotValid);
            };
            if version.level != self.level {
                None
            } else if top.as_ref().is_some_and(|top| !units.is_within(unit, top, on)) {
                Some(Exclusion::Within)
            } else if self.kind.as_ref().is_some_and(|kind| *kind != version.kind) {
                Some(Exclusion::Kind)
            } else {
                None
            }
        };
        let at_span = figures.cells.iter().filter(|cell| cell.span() == self.span);
        let reporters: BTreeSet<_> = at_span.map(|cell| &cell.unit).collect();
        let mut counts: BTreeMap<Exclusion, usize> = BTreeMap::new();
        for reason in reporters.into_iter().filter_map(reason) {
            *counts.entry(reason).or_default() += 1;
        }
        counts.into_iter().map(|(reason, units)| Excluded { reason, units }).collect()
    }
}

/// The cells of a level and a subtree, whatever their period.
fn in_scope<'c>(
    figures: &'c Figures<'_>,
    level: Option<&str>,
    within: Option<&UnitId>,
) -> impl Iterator<Item = &'c Cell> + Clone {
    let units = figures.units();
    figures.cells.iter().filter(move |cell| {
        let on = figures.day(cell.span());
        let version = units.version_at(&cell.unit, on);
        version.is_some_and(|version| level.is_none_or(|level| version.level == level))
            && within.is_none_or(|top| units.is_within(&cell.unit, top, on))
    })
}

/// The level with the most of some cells of one period; of several the one with fewer units.
fn fullest_level<'c>(
    figures: &Figures<'_>,
    cells: impl Iterator<Item = &'c Cell>,
) -> Option<String> {
    let units = figures.units();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for cell in cells {
        let on = figures.day(cell.span());
        let level = units.version_at(&cell.unit, on)?.level.as_str();
        let size = || (0, units.at(on, Some(level), None, None).len());
        counts.entry(level).or_insert_with(size).0 += 1;
    }
    let fullest = counts.into_iter().max_by_key(|(_, (figures, size))| (*figures, Reverse(*size)));
    fullest.map(|(level, _)| level.to_owned())
}
