//! Coverage: for one period, which units of each level reported each indicator, and which are silent.
//!
//! - There is a row for each indicator and level with a figure in scope; where a feed is named that carries certain
//!   indicators, for each of those at each of their levels, so that silence shows.
//! - Expected are the units of the level that were valid on the period's last day: within `within`, else within the unit
//!   of the named feed, else within the province or country that holds all figures of the indicator.
//! - On time or late is the first report of a unit's figure against its feed's deadline (`timeliness.rs`); `on_time` and `late`
//!   are null where no figure has one. A unit that several feeds or stages speak of is in time if one of them was.
//! - A target is no report.
//!
//! Invariant: `on_time` + late <= `reported` <= `expected`, and `reported` + silent = `expected`: whoever is not expected does
//! not count, whatever they sent.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::observation::Stage;
use dinh_lake::unit::{UnitId, UnitVersion};
use serde::Serialize;
use utoipa::ToSchema;

use super::address;
use super::cell::{Cell, Span};
use super::outline::{Seen, Timeliness, UnitName};
use super::question::Asked;
use super::scope::{self, Sources};
use super::series::stamp;
use super::timeliness::due_at;
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
    /// How many reported before the deadline; null where there is none.
    pub on_time: Option<i64>,
    /// Units that reported after the deadline; null where there is none.
    pub late: Option<Vec<UnitName>>,
    /// The first instant that is too late, in UTC; null where there is none, or feeds have several.
    pub due_at: Option<String>,
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

/// What a coverage is of.
struct Scope {
    span: Span,
    within: Option<UnitId>,
}

impl Scope {
    fn choose(reports: &Reports<'_>, asked: &Asked) -> Result<Self, QueryError> {
        if let Some(level) = &asked.level {
            scope::check_level(reports.catalogue, "level", level)?;
        }
        let cells = reports.figures().map(|(_, cell)| cell);
        let named = match &asked.period {
            Some(label) => Some(reports.sources.span(label, &cells)?),
            None => None,
        };
        let within = match &asked.within {
            Some(text) => {
                Some(address::unit(reports.catalogue, "within", text, named)?.unit.clone())
            }
            None => None,
        };
        let in_scope = |cell: &&Cell| is_in_scope(reports, asked, within.as_ref(), cell);
        let latest = || scope::latest_span(cells.clone().filter(in_scope));
        let span = named.or_else(latest).ok_or_else(no_reports)?;
        Ok(Self { span, within })
    }
}

impl Reports<'_> {
    /// The figures that are reports.
    fn figures(&self) -> impl Iterator<Item = (&str, &Cell)> + Clone {
        let reported = self.cells.iter().filter(|(_, cell)| cell.stage != Stage::Target);
        reported.map(|(indicator, cell)| (indicator.as_str(), cell))
    }
}

fn is_in_scope(reports: &Reports<'_>, asked: &Asked, within: Option<&UnitId>, cell: &Cell) -> bool {
    let (units, on) = (&reports.catalogue.units, cell.period.end);
    let level = units.version_at(&cell.unit, on).map(|version| &version.level);
    level.is_some_and(|level| asked.level.as_ref().is_none_or(|asked| asked == level))
        && within.is_none_or(|top| units.is_within(&cell.unit, top, on))
}

/// The period that an answer is about.
///
/// # Errors
/// As [`coverage`].
pub fn span(reports: &Reports<'_>, asked: &Asked) -> Result<Span, QueryError> {
    Ok(Scope::choose(reports, asked)?.span)
}

/// Finds who reported, who did late and who is silent.
///
/// # Errors
/// When a parameter names nothing, or there is no figure in scope to take the period from.
pub fn coverage(reports: &Reports<'_>, asked: &Asked) -> Result<CoverageOf, QueryError> {
    let units = &reports.catalogue.units;
    let scope = Scope::choose(reports, asked)?;
    let (span, within) = (scope.span, scope.within.as_ref());
    let of_scope = |cell: &Cell| cell.span() == span && is_in_scope(reports, asked, within, cell);
    let mut groups = expected_groups(reports, asked);
    let mut feeds = BTreeSet::new();
    for (indicator, cell) in reports.figures().filter(|(_, cell)| of_scope(cell)) {
        let Some(version) = units.version_at(&cell.unit, span.end) else { continue };
        let group = groups.entry((indicator, version.level.as_str())).or_default();
        group.add(cell, due_at(reports.catalogue, cell));
        feeds.insert(cell.feed.to_string());
    }
    let cells = reports.figures().map(|(_, cell)| cell);
    let row = |(group, reporters): (&Group<'_>, &Reporters<'_>)| {
        row(reports, within, span, *group, reporters)
    };
    Ok(CoverageOf {
        period: scope::label(span, asked.period.as_deref(), cells),
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

/// Who reported a group.
#[derive(Default)]
struct Reporters<'a> {
    /// Whether each was late; none where its figures have no deadline.
    late: BTreeMap<&'a UnitId, Option<bool>>,
    /// The deadlines of the figures.
    due: BTreeSet<DateTime<Utc>>,
}

impl<'a> Reporters<'a> {
    fn add(&mut self, cell: &'a Cell, due: Option<DateTime<Utc>>) {
        let late = self.late.entry(&cell.unit).or_insert(cell.late);
        *late = [*late, cell.late].into_iter().flatten().reduce(|a, b| a && b);
        self.due.extend(due);
    }
}

/// The groups that a named feed is expected to fill.
fn expected_groups<'a>(reports: &Reports<'a>, asked: &Asked) -> BTreeMap<Group<'a>, Reporters<'a>> {
    let catalogue = reports.catalogue;
    let mut groups = BTreeMap::new();
    let Some(feed) = reports.sources.named else { return groups };
    for indicator in feed.indicators.iter().filter_map(|code| catalogue.indicators.get(code)) {
        let wanted = |level: &&String| asked.level.as_ref().is_none_or(|asked| asked == *level);
        for level in indicator.levels.iter().filter(wanted) {
            groups.insert((indicator.indicator.as_str(), level.as_str()), Reporters::default());
        }
    }
    groups
}

fn row(
    reports: &Reports<'_>,
    within: Option<&UnitId>,
    span: Span,
    (indicator, level): Group<'_>,
    reporters: &Reporters<'_>,
) -> CoverageRow {
    let units = &reports.catalogue.units;
    let of_feed = || {
        let feed = reports.sources.named?;
        units.by_code(&feed.within, span.end).map(|version| version.unit.clone())
    };
    let of_reporters = || {
        let top = scope::default_within(units, span.end, reporters.late.keys().copied())?;
        units.version_at(&top, span.end).filter(|version| version.level != level)?;
        Some(top)
    };
    let top = within.cloned().or_else(of_feed).or_else(of_reporters);
    let expected = units.at(span.end, Some(level), None, top.as_ref());
    let of = |version: &UnitVersion| reporters.late.get(&version.unit).copied();
    let silent = expected.iter().filter(|version| of(version).is_none());
    let silent: Vec<_> = silent.map(|version| UnitName::of(version)).collect();
    let reported = expected.iter().filter_map(|version| Some((*version, of(version)?)));
    let Timeliness { on_time, late } = Timeliness::of(reported);
    // Before anybody reported, a named feed tells when it is due.
    let of_feed = reports.sources.named.and_then(|feed| {
        feed.due_at((span.start, span.end), Stage::SelfReported, &reports.catalogue.holidays)
    });
    let due = if reporters.due.is_empty() { of_feed } else { reporters.due.first().copied() };
    let known = reports.catalogue.indicators.get(indicator);
    CoverageRow {
        indicator: indicator.to_owned(),
        name: known.map_or_else(|| indicator.to_owned(), |known| known.name_vi.clone()),
        level: level.to_owned(),
        reported: expected.len() - silent.len(),
        expected: expected.len(),
        silent,
        on_time,
        late,
        due_at: due.filter(|_| reporters.due.len() < 2).map(stamp),
    }
}

fn no_reports() -> QueryError {
    let message = Text::new(
        "chưa có số liệu nào trong phạm vi đã hỏi; số liệu giả lập chỉ hiện khi gọi đích danh bằng `feed=`",
        "there is no figure in the scope of the question; synthetic figures answer only when named by `feed=`",
    );
    QueryError::new(ErrorKind::NotFound, "figures.none", message)
}

#[cfg(test)]
mod tests;
