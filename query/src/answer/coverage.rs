//! Coverage: for one period, which units of each level reported each indicator, and which are silent.
//!
//! - There is a row for each indicator and level with a figure in scope; where a feed is named that carries certain
//!   indicators, for each of those at each of their levels, so that silence shows.
//! - Expected are the units of the level that were valid on the period's last day: within `within`, else within the unit
//!   of the named feed, else within the province or country that holds all figures of the indicator.
//! - `late` is null until deadlines are kept.

use std::collections::{BTreeMap, BTreeSet};

use dinh_lake::catalogue::Catalogue;
use dinh_lake::unit::{UnitId, UnitVersion};
use serde::Serialize;
use utoipa::ToSchema;

use super::address;
use super::cell::{Cell, Span};
use super::outline::{Seen, UnitName};
use super::question::Asked;
use super::scope::{self, Sources};
use crate::error::{ErrorKind, QueryError, Text};

/// Who reported in a period.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CoverageOf {
    /// The period's label.
    pub period: String,
    /// Its first day.
    pub period_start: String,
    /// Its last day, included.
    pub period_end: String,
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
    /// One for each indicator and level.
    pub rows: Vec<CoverageRow>,
}

/// Who reported one indicator at one level.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CoverageRow {
    /// The indicator.
    pub indicator: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The level.
    pub level: String,
    /// Units that reported.
    pub reported: usize,
    /// Units that could have.
    pub expected: usize,
    /// Units that did not, in order of code.
    pub silent: Vec<UnitName>,
    /// Units that reported after the deadline; null where there is none.
    pub late: Option<Vec<UnitName>>,
}

/// What the coverage of a period is made of.
#[derive(Debug)]
pub struct Reports<'a> {
    /// The catalogue of the answer.
    pub catalogue: &'a Catalogue,
    /// When the answer was known.
    pub seen: Seen,
    /// Where figures may come from.
    pub sources: Sources<'a>,
    /// Current cells with the indicator of each.
    pub cells: Vec<(String, Cell)>,
}

/// Finds who reported and who is silent.
///
/// # Errors
/// When a parameter names nothing, or there is no figure in scope to take the period from.
pub fn coverage(reports: &Reports<'_>, asked: &Asked) -> Result<CoverageOf, QueryError> {
    let units = &reports.catalogue.units;
    if let Some(level) = &asked.level {
        scope::check_level(reports.catalogue, "level", level)?;
    }
    let cells = reports.cells.iter().map(|(_, cell)| cell);
    let named = match &asked.period {
        Some(label) => Some(reports.sources.span(label, &cells)?),
        None => None,
    };
    let within = match &asked.within {
        Some(text) => Some(address::unit(reports.catalogue, "within", text, named)?.unit.clone()),
        None => None,
    };
    let in_scope = |cell: &Cell| {
        let on = cell.period.end;
        let version = units.version_at(&cell.unit, on);
        let level = version.map(|version| &version.level);
        level.is_some_and(|level| asked.level.as_ref().is_none_or(|asked| asked == level))
            && within.as_ref().is_none_or(|top| units.is_within(&cell.unit, top, on))
    };
    let latest = || scope::latest_span(cells.clone().filter(|cell| in_scope(cell)));
    let span = named.or_else(latest).ok_or_else(no_reports)?;
    let at_span = reports.cells.iter().filter(|(_, cell)| cell.span() == span && in_scope(cell));

    let mut groups = expected_groups(reports, asked);
    let mut feeds = BTreeSet::new();
    for (indicator, cell) in at_span {
        let Some(version) = units.version_at(&cell.unit, span.end) else { continue };
        let group = (indicator.as_str(), version.level.as_str());
        groups.entry(group).or_default().insert(&cell.unit);
        feeds.insert(cell.feed.to_string());
    }
    let row = |(group, reporters): (&Group<'_>, &BTreeSet<&UnitId>)| {
        row(reports, within.as_ref(), span, *group, reporters)
    };
    Ok(CoverageOf {
        period: scope::label(span, asked.period.as_deref(), cells.clone()),
        period_start: span.start.to_string(),
        period_end: span.end.to_string(),
        on: None,
        as_of: reports.seen.as_of.clone(),
        position: reports.seen.position,
        feeds: feeds.into_iter().collect(),
        contains_synthetic: reports.sources.synthetic(),
        rows: groups.iter().map(row).filter(|row| row.expected > 0).collect(),
    })
}

/// An indicator and a level.
type Group<'a> = (&'a str, &'a str);

/// The groups that a named feed is expected to fill.
fn expected_groups<'a>(
    reports: &Reports<'a>,
    asked: &Asked,
) -> BTreeMap<Group<'a>, BTreeSet<&'a UnitId>>
where
{
    let catalogue = reports.catalogue;
    let mut groups = BTreeMap::new();
    let Some(feed) = reports.sources.named else { return groups };
    for indicator in feed.indicators.iter().filter_map(|code| catalogue.indicators.get(code)) {
        let wanted = |level: &&String| asked.level.as_ref().is_none_or(|asked| asked == *level);
        for level in indicator.levels.iter().filter(wanted) {
            groups.insert((indicator.indicator.as_str(), level.as_str()), BTreeSet::new());
        }
    }
    groups
}

fn row(
    reports: &Reports<'_>,
    within: Option<&UnitId>,
    span: Span,
    (indicator, level): Group<'_>,
    reporters: &BTreeSet<&UnitId>,
) -> CoverageRow {
    let units = &reports.catalogue.units;
    let of_feed = || {
        let feed = reports.sources.named?;
        units.by_code(&feed.within, span.end).map(|version| version.unit.clone())
    };
    let of_reporters = || {
        let top = scope::default_within(units, span.end, reporters.iter().copied())?;
        units.version_at(&top, span.end).filter(|version| version.level != level)?;
        Some(top)
    };
    let top = within.cloned().or_else(of_feed).or_else(of_reporters);
    let expected = units.at(span.end, Some(level), None, top.as_ref());
    let silent = |version: &&&UnitVersion| !reporters.contains(&version.unit);
    let silent: Vec<_> = expected.iter().filter(silent).map(|v| UnitName::of(v)).collect();
    let known = reports.catalogue.indicators.get(indicator);
    CoverageRow {
        indicator: indicator.to_owned(),
        name: known.map_or_else(|| indicator.to_owned(), |known| known.name_vi.clone()),
        level: level.to_owned(),
        reported: expected.len() - silent.len(),
        expected: expected.len(),
        silent,
        late: None,
    }
}

fn no_reports() -> QueryError {
    let message = Text::new(
        "chưa có số liệu nào trong phạm vi đã hỏi; số liệu giả lập chỉ hiện khi gọi đích danh bằng `feed=`",
        "there is no figure in the scope of the question; synthetic figures answer only when named by `feed=`",
    );
    QueryError::new(ErrorKind::NotFound, "figures.none", message)
}
