//! Totals by level, each with its coverage: see `tree.rs` for how a unit's figure is made.
//!
//! - Rows are the units of the level that have a figure; those without one are in the total's `coverage.silent`.
//! - The total is the figure of `within`, or of the province or country that holds all figures.
//! - A sum is exact only if all its parts are, else approximate; a reported figure keeps its own qualifier.
//! - On another structure the total is what was reported, and the rows are what it amounts to on the units of that
//!   structure. A unit that has a figure only together with others has a row without a value.
//! - `feed` of a row is null where several feeds are behind it.

use std::collections::{BTreeMap, BTreeSet};

use dinh_lake::Decimal;
use dinh_lake::observation::{Qualifier, Status};
use dinh_lake::unit::UnitVersion;
use serde::Serialize;
use utoipa::ToSchema;

use super::address;
use super::cell::{Cell, Span};
use super::figures::Figures;
use super::outline::{Coverage, WeightUsed, estimated_share};
use super::over_time::{self, Composed, OverTime};
use super::question::Asked;
use super::scope;
use super::together::TogetherRow;
use super::tree::{Figure, Source, Tree};
use crate::error::QueryError;

/// Totals of an indicator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Totals {
    /// The indicator.
    pub indicator: String,
    /// The level of the rows.
    pub by: String,
    /// The period's label.
    pub period: String,
    /// The stage.
    pub stage: &'static str,
    /// The structure date; null: as reported.
    pub on: Option<String>,
    /// When it was known; null: now.
    pub as_of: Option<String>,
    /// The newest ledger entry that the answer includes.
    pub position: u64,
    /// The feeds that figures came from.
    pub feeds: Vec<String>,
    /// Whether the figures are made up.
    pub contains_synthetic: bool,
    /// What the total covers, in units of the level of the rows.
    pub coverage: Coverage,
    /// How figures were made of those of shorter periods; null where they are of the period itself.
    pub over_time: Option<Composed>,
    /// The share that is estimated, from 0 to 1: of the reports behind the total; on another structure, of the rows.
    #[schema(value_type = f64)]
    pub estimated_share: Decimal,
    /// The total.
    pub total: Total,
    /// Figures that hold for several units together and for none of them alone; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<TogetherRow>,
    /// The units of the level, in order of code.
    pub rows: Vec<TotalsRow>,
}

/// A total; both null where there is none.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Total {
    /// The figure.
    #[schema(value_type = Option<f64>)]
    pub value: Option<Decimal>,
    /// How it is hedged.
    pub qualifier: Option<&'static str>,
}

/// The figure of one unit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TotalsRow {
    /// The unit's id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The figure.
    #[schema(value_type = Option<f64>)]
    pub value: Option<Decimal>,
    /// How it is hedged.
    pub qualifier: &'static str,
    /// The standing of the figure.
    pub status: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// The feed that it came from, if it is one.
    pub feed: Option<String>,
    /// The weights by which units were split that make it an estimate; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightUsed>,
    /// What it covers; on another structure, of the units that it comes from.
    pub coverage: Coverage,
    /// Which parts of the period it was made of; null where it is of the period itself.
    pub over_time: Option<OverTime>,
}

/// Adds up.
///
/// # Errors
/// When a parameter names nothing, or there is no figure in scope to take the period from.
pub fn totals(figures: &Figures<'_>, asked: &Asked) -> Result<Totals, QueryError> {
    if let Some(level) = &asked.level {
        scope::check_level(figures.catalogue, "by", level)?;
    }
    let composed = over_time::for_totals(figures, asked)?;
    let figures = composed.as_ref().unwrap_or(figures);
    let (span, top) = span_and_top(figures, asked)?;
    let (units, day, rebases) = (figures.units(), figures.day(span), figures.structure.rebases());
    let at_span = figures.cells.iter().filter(|cell| cell.span() == span);
    // A score that was re-based is null: it is no report.
    let at_span = at_span.filter(|cell| cell.value.is_some() || !rebases);
    let tree = Tree::grow(units, day, figures.indicator, at_span.clone());
    let shown = Shown::choose(figures, asked, &tree, span, top);
    let over_time = at_span.clone().any(|cell| cell.over_time.is_some());
    let total = match (rebases, shown.top.filter(|_| over_time)) {
        (false, _) => total(&tree, top),
        // What was made of parts of a period before and after a reform is on one structure only here.
        (true, Some(top)) => total(&tree, Some(top)),
        (true, None) => total(&reported(figures, span), top),
    };
    let in_scope = at_span.filter(|cell| {
        rebases || top.is_none_or(|top| units.is_within(&cell.unit, &top.unit, span.end))
    });
    let together = figures.together_in(span);
    let mut coverage = shown.coverage(&tree, total.as_ref());
    if !together.is_empty() {
        coverage.silent = None;
    }
    let rows: Vec<_> =
        shown.units.iter().filter_map(|version| row(figures, &tree, version, &together)).collect();
    let of_rows = shown.units.iter().filter_map(|version| tree.of(&version.unit));
    let behind = total.iter().chain(of_rows).flat_map(|figure| figure.feeds.iter().copied());
    let feeds: BTreeSet<_> = behind.map(str::to_owned).collect();
    Ok(Totals {
        indicator: figures.indicator.indicator.clone(),
        period: scope::label(span, asked.period.as_deref(), figures.reported()),
        stage: asked.stage.unwrap_or(figures.indicator.default_stage).code(),
        on: figures.structure.name(),
        as_of: figures.seen.as_of.clone(),
        position: figures.seen.position,
        contains_synthetic: figures.sources.synthetic(),
        coverage,
        over_time: Composed::of(in_scope, figures.indicator),
        estimated_share: share(figures, total.as_ref(), &rows),
        total: Total {
            value: total.as_ref().and_then(|figure| figure.value),
            qualifier: total.as_ref().map(|figure| figure.qualifier.code()),
        },
        together,
        rows,
        feeds: feeds.into_iter().collect(),
        by: shown.by,
    })
}

/// The figures as they were reported, on the units of their own day: the total is theirs, whatever it is shown on.
fn reported<'a>(figures: &'a Figures<'_>, span: Span) -> Tree<'a> {
    let chosen = |cell: &&Cell| figures.structure.chooses(&cell.unit, span.end);
    let cells = figures.as_reported.iter().filter(|cell| cell.span() == span).filter(chosen);
    Tree::grow(&figures.catalogue.units, span.end, figures.indicator, cells)
}

/// The figure of the unit that stands for all, or of all tops.
fn total<'a>(tree: &Tree<'a>, top: Option<&UnitVersion>) -> Option<Figure<'a>> {
    match top {
        Some(top) => tree.of(&top.unit).cloned(),
        None => tree.combined(tree.tops()),
    }
}

/// The share that is estimated: as reported, of the reports behind the total; on another structure, where the total is
/// what was reported, of the rows.
fn share(figures: &Figures<'_>, total: Option<&Figure<'_>>, rows: &[TotalsRow]) -> Decimal {
    if figures.structure.rebases() {
        let with_value = rows.iter().filter(|row| row.value.is_some());
        let estimated = with_value.clone().filter(|row| row.status == Status::Estimated.code());
        return estimated_share(estimated.count(), with_value.count());
    }
    let (estimated, reports) = total.map_or((0, 0), |f| (f.estimated(), f.reports()));
    estimated_share(estimated, reports)
}

/// The units of the rows.
struct Shown<'a> {
    by: String,
    units: Vec<&'a UnitVersion>,
    /// The unit that stands for all, where it is one of the structure.
    top: Option<&'a UnitVersion>,
}

impl<'a> Shown<'a> {
    fn choose(
        figures: &Figures<'a>,
        asked: &Asked,
        tree: &Tree<'_>,
        span: Span,
        top: Option<&'a UnitVersion>,
    ) -> Self {
        let (structure, day) = (&figures.structure, figures.day(span));
        let on_it = |version: &UnitVersion| figures.units().version_at(&version.unit, day);
        let shown_top = if structure.rebases() { top.and_then(on_it) } else { top };
        let landed = top.filter(|_| shown_top.is_none());
        let landed = landed.and_then(|top| structure.landed_level(&top.unit, span));
        let by = asked.level.clone().or(landed.map(str::to_owned));
        let by = by.unwrap_or_else(|| default_level(tree, shown_top));
        let units = match structure.within() {
            Some(within) => structure.landed(within, span, &by),
            None => figures.units().at(day, Some(&by), None, shown_top.map(|top| &top.unit)),
        };
        Self { by, units, top: shown_top }
    }

    fn coverage(&self, tree: &Tree<'_>, total: Option<&Figure<'_>>) -> Coverage {
        match self.top {
            // Where the rows are the top itself, it covers what its own row covers.
            Some(top) if top.level == self.by => tree.coverage(top),
            _ => tree.coverage_over(&self.units, total),
        }
    }
}

/// Whether the figures that are read so far, of the latest periods, tell the period of the answer; or that there is no
/// answer, whatever comes.
#[must_use]
pub fn is_enough(figures: &Figures<'_>, asked: &Asked) -> bool {
    let is_found = |error| asked.period.is_some() || !scope::is_no_figures(&error);
    span_and_top(figures, asked).map_or_else(is_found, |_| true)
}

/// The period, and the unit that stands for all; none where several tops do.
fn span_and_top<'a>(
    figures: &Figures<'a>,
    asked: &Asked,
) -> Result<(Span, Option<&'a UnitVersion>), QueryError> {
    let units = &figures.catalogue.units;
    let cells = figures.reported();
    let named = match &asked.period {
        Some(label) => Some(figures.sources.span(label, &cells.iter())?),
        None => None,
    };
    let within = match &asked.within {
        _ if figures.structure.rebases() => figures.structure.within().cloned(),
        Some(text) => Some(address::unit(figures.catalogue, "within", text, named)?.unit.clone()),
        None => None,
    };
    let in_scope = |cell: &&Cell| match &within {
        Some(top) => units.is_within(&cell.unit, top, cell.period.end),
        None => units.version_at(&cell.unit, cell.period.end).is_some(),
    };
    let latest = || scope::latest_span(cells.iter().filter(in_scope));
    let none = || scope::no_figures(&figures.indicator.indicator);
    let span = named.or_else(latest).ok_or_else(none)?;
    let reporters = cells.iter().filter(|cell| cell.span() == span);
    let Some(within) = within else {
        let top = scope::default_within(units, span.end, reporters.map(|cell| &cell.unit));
        return Ok((span, top.and_then(|top| units.version_at(&top, span.end))));
    };
    Ok((span, Some(units.version_at(&within, span.end).ok_or_else(none)?)))
}

/// The level of most units that are expected right below the top; the top's own where there are none.
fn default_level(tree: &Tree<'_>, top: Option<&UnitVersion>) -> String {
    let below = match top {
        Some(top) => tree.expected_below(&top.unit),
        None => tree.tops(),
    };
    let mut levels: BTreeMap<&str, usize> = BTreeMap::new();
    for version in below {
        *levels.entry(&version.level).or_default() += 1;
    }
    let most = levels.into_iter().max_by_key(|(_, units)| *units).map(|(level, _)| level);
    most.or(top.map(|top| top.level.as_str())).unwrap_or_default().to_owned()
}

/// The row of a unit; none where nothing is known of it.
fn row(
    figures: &Figures<'_>,
    tree: &Tree<'_>,
    version: &UnitVersion,
    together: &[TogetherRow],
) -> Option<TotalsRow> {
    let known = &figures.catalogue.units;
    let own = tree.own(&version.unit).filter(|cell| cell.moved.is_some());
    let coverage = own.and_then(|cell| Coverage::of_cell(cell, known));
    let row = TotalsRow {
        unit: version.unit.0.clone(),
        code: version.code.clone(),
        name: version.name.clone(),
        value: None,
        qualifier: Qualifier::Exact.code(),
        status: Status::Normal.code(),
        source: Source::Together,
        feed: None,
        weights: Vec::new(),
        coverage: coverage.unwrap_or_else(|| tree.coverage(version)),
        over_time: None,
    };
    let Some(figure) = tree.of(&version.unit) else {
        let of_several = |row: &&TogetherRow| row.units.iter().any(|u| u.unit == version.unit.0);
        let with_others = together.iter().find(of_several)?;
        return Some(TotalsRow { qualifier: with_others.qualifier, ..row });
    };
    let feed = figure.feeds.first().filter(|_| figure.feeds.len() == 1);
    Some(TotalsRow {
        value: figure.value,
        qualifier: figure.qualifier.code(),
        status: figure.status().code(),
        source: figure.source,
        feed: feed.map(|feed| (*feed).to_owned()),
        over_time: figure.over_time.as_deref().cloned(),
        weights: WeightUsed::of(known, figure.portions()),
        ..row
    })
}

#[cfg(test)]
mod tests;
