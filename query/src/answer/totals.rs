//! Totals by level, each with its coverage: see `tree.rs` for how a unit's figure is made.
//!
//! - Rows are the units of the level that have a figure; those without one are in the total's `coverage.silent`.
//! - The total is the figure of `within`, or of the province or country that holds all figures.
//! - A sum is exact only if all its parts are, else approximate; a reported figure keeps its own qualifier.
//! - `feed` of a row is null where several feeds are behind it.

use std::collections::{BTreeMap, BTreeSet};

use dinh_lake::Decimal;
use dinh_lake::unit::UnitVersion;
use serde::Serialize;
use utoipa::ToSchema;

use super::address;
use super::cell::{Cell, Span};
use super::figures::Figures;
use super::outline::{Coverage, estimated_share};
use super::over_time::{self, Composed, OverTime};
use super::question::Asked;
use super::scope;
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
    /// The share of the reports behind the total that are estimated, from 0 to 1.
    #[schema(value_type = f64)]
    pub estimated_share: Decimal,
    /// The total.
    pub total: Total,
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
    /// Where it comes from.
    pub source: Source,
    /// The feed that it came from, if it is one.
    pub feed: Option<String>,
    /// What it covers.
    pub coverage: Coverage,
    /// Which parts of the period it was made of; null where it is of the period itself.
    pub over_time: Option<OverTime>,
}

/// Adds up.
///
/// # Errors
/// When a parameter names nothing, or there is no figure in scope to take the period from.
pub fn totals(figures: &Figures<'_>, asked: &Asked) -> Result<Totals, QueryError> {
    let units = &figures.catalogue.units;
    if let Some(level) = &asked.level {
        scope::check_level(figures.catalogue, "by", level)?;
    }
    let composed = over_time::for_totals(figures, asked)?;
    let figures = composed.as_ref().unwrap_or(figures);
    let (span, top) = span_and_top(figures, asked)?;
    let at_span = figures.cells.iter().filter(|cell| cell.span() == span);
    let in_scope = at_span
        .clone()
        .filter(|cell| top.is_none_or(|top| units.is_within(&cell.unit, &top.unit, span.end)));
    let tree = Tree::grow(units, span.end, figures.indicator, at_span);

    let by = asked.level.clone().unwrap_or_else(|| default_level(&tree, top));
    let shown = units.at(span.end, Some(&by), None, top.map(|top| &top.unit));
    let total = match top {
        Some(top) => tree.of(&top.unit).cloned(),
        None => tree.combined(tree.tops()),
    };
    // Where the rows are the top itself, it covers what its own row covers.
    let coverage = match top {
        Some(top) if top.level == by => tree.coverage(top),
        _ => tree.coverage_over(&shown, total.as_ref()),
    };
    let rows = shown.iter().filter_map(|version| row(&tree, version));
    let feeds = total.iter().flat_map(|figure| figure.feeds.iter().copied());
    let of_rows = shown.iter().filter_map(|version| tree.of(&version.unit));
    let feeds: BTreeSet<_> =
        feeds.chain(of_rows.flat_map(|figure| figure.feeds.iter().copied())).collect();
    let (estimated, reports) = total.as_ref().map_or((0, 0), |f| (f.estimated, f.reports));
    Ok(Totals {
        indicator: figures.indicator.indicator.clone(),
        period: scope::label(span, asked.period.as_deref(), &figures.cells),
        stage: asked.stage.unwrap_or(figures.indicator.default_stage).code(),
        on: None,
        as_of: figures.seen.as_of.clone(),
        position: figures.seen.position,
        contains_synthetic: figures.sources.synthetic(),
        coverage,
        over_time: Composed::of(in_scope, figures.indicator),
        estimated_share: estimated_share(estimated, reports),
        total: Total {
            value: total.as_ref().and_then(|figure| figure.value),
            qualifier: total.as_ref().map(|figure| figure.qualifier.code()),
        },
        rows: rows.collect(),
        feeds: feeds.into_iter().map(str::to_owned).collect(),
        by,
    })
}

/// The period, and the unit that stands for all; none where several tops do.
fn span_and_top<'a>(
    figures: &Figures<'a>,
    asked: &Asked,
) -> Result<(Span, Option<&'a UnitVersion>), QueryError> {
    let units = &figures.catalogue.units;
    let named = match &asked.period {
        Some(label) => Some(figures.sources.span(label, &figures.cells.iter())?),
        None => None,
    };
    let within = match &asked.within {
        Some(text) => Some(address::unit(figures.catalogue, "within", text, named)?.unit.clone()),
        None => None,
    };
    let in_scope = |cell: &&Cell| match &within {
        Some(top) => units.is_within(&cell.unit, top, cell.period.end),
        None => units.version_at(&cell.unit, cell.period.end).is_some(),
    };
    let latest = || scope::latest_span(figures.cells.iter().filter(in_scope));
    let none = || scope::no_figures(&figures.indicator.indicator);
    let span = named.or_else(latest).ok_or_else(none)?;
    let reporters = figures.cells.iter().filter(|cell| cell.span() == span);
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

fn row<'a>(tree: &Tree<'a>, version: &'a UnitVersion) -> Option<TotalsRow> {
    let figure: &Figure<'a> = tree.of(&version.unit)?;
    let mut feeds = figure.feeds.iter();
    let feed = feeds.next().filter(|_| figure.feeds.len() == 1);
    Some(TotalsRow {
        unit: version.unit.0.clone(),
        code: version.code.clone(),
        name: version.name.clone(),
        value: figure.value,
        qualifier: figure.qualifier.code(),
        source: figure.source,
        feed: feed.map(|feed| (*feed).to_owned()),
        coverage: tree.coverage(version),
        over_time: figure.over_time.as_deref().cloned(),
    })
}

#[cfg(test)]
mod tests;
