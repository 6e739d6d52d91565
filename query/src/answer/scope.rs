//! What a question is about: the period, the one before it, and the part of the country.
//!
//! Defaults, the same for every question that has the parameter:
//! - *period*: the latest last day with a figure in scope; of several such spans the shortest.
//! - *level* of a ranking: the one with the most figures in scope at that period; of several the one with fewer units.
//! - *within*: the province that holds all figures in scope, so that another province, which nobody asked to report, is
//!   not listed as missing; where several provinces hold them, the whole country. (A province is a unit right below the
//!   top of the catalogue, or a top where there are several.)
//!
//! The previous period is the latest one with a figure that ended before the period began and is of the same make: as many
//! whole months from the same day of the month, or a single day, or any window.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::{Calendar, Feed, FeedClass};
use dinh_lake::period::{Make, Period};
use dinh_lake::unit::{UnitId, UnitVersion, Units};

use super::cell::{Cell, Span};
use crate::error::{ErrorKind, Fault, QueryError, Text};

/// The code of [`no_figures`].
const NO_FIGURES: &str = "figures.none";

/// The latest span of some cells.
#[must_use]
pub fn latest_span<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Option<Span> {
    cells.into_iter().map(Cell::span).max()
}

/// The label of a span: the shortest under which a figure was reported, or the one that was asked for.
#[must_use]
pub fn label<'a>(
    span: Span,
    asked: Option<&str>,
    cells: impl IntoIterator<Item = &'a Cell>,
) -> String {
    let labels = cells.into_iter().filter(|cell| cell.span() == span);
    let shortest = labels.map(|cell| cell.period.label.as_str()).min_by_key(|l| (l.len(), *l));
    shortest.or(asked).map_or_else(|| format!("{}/{}", span.start, span.end), str::to_owned)
}

/// The make of a span, which two spans share if their figures may be compared.
fn make(span: Span) -> Make {
    Make::of(span.start, span.end)
}

/// The period before `span` among some cells.
#[must_use]
pub fn previous_span<'a>(span: Span, cells: impl IntoIterator<Item = &'a Cell>) -> Option<Span> {
    let earlier = |other: &Span| other.end < span.start && make(*other) == make(span);
    cells.into_iter().map(Cell::span).filter(earlier).max()
}

/// Where figures may come from.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The feed that was named.
    pub named: Option<&'a Feed>,
    /// The class of every feed of the answer.
    pub class: FeedClass,
    calendars: BTreeSet<bool>,
}

impl<'a> Sources<'a> {
    /// The feed that was named, or all official ones.
    ///
    /// # Errors
    /// When the feed is unknown.
    pub fn of(catalogue: &'a Catalogue, named: Option<&str>) -> Result<Self, QueryError> {
        let reporting = |feed: &Feed| feed.calendar == Calendar::Reporting;
        if let Some(name) = named {
            let feed = catalogue.feeds.get(name).ok_or_else(|| unknown_feed(catalogue, name))?;
            let calendars = [reporting(feed)].into();
            return Ok(Self { named: Some(feed), class: feed.class, calendars });
        }
        let official = catalogue.feeds.values().filter(|feed| feed.class == FeedClass::Official);
        let calendars = official.map(reporting).collect();
        Ok(Self { named: None, class: FeedClass::Official, calendars })
    }

    /// Whether the answer is of made-up figures.
    #[must_use]
    pub fn synthetic(&self) -> bool {
        self.class == FeedClass::Synthetic
    }

    /// The span of a label. A reporting label such as `2024-Q4` is another span on another calendar: of several the one
    /// with figures is meant.
    ///
    /// # Errors
    /// When it is no label, or figures exist for both spans.
    pub fn span<'c>(
        &self,
        label: &str,
        cells: &(impl Iterator<Item = &'c Cell> + Clone),
    ) -> Result<Span, QueryError> {
        let spans = self.spans(label)?;
        let filled = |span: &&Span| cells.clone().any(|cell| cell.span() == **span);
        let with_figures: Vec<_> = spans.iter().filter(filled).collect();
        match with_figures.as_slice() {
            // Shorter periods on its calendar, which it may be made of, tell which span is meant.
            [] => {
                let first_day = |span: &Span| span.start.day();
                let has_parts = |span: &&Span| {
                    cells.clone().any(|cell| {
                        let part = cell.span();
                        let regular = matches!(cell.period.make(), Make::Months { .. });
                        regular
                            && first_day(&part) == first_day(span)
                            && span.start <= part.start
                            && part.end <= span.end
                    })
                };
                Ok(*spans.iter().find(has_parts).unwrap_or(&spans[0]))
            }
            [span] => Ok(**span),
            several => Err(two_calendars(label, several)),
        }
    }

    /// Every span that a label may name on the calendars of the feeds; at least one.
    ///
    /// # Errors
    /// When it is no label.
    pub fn spans(&self, label: &str) -> Result<Vec<Span>, QueryError> {
        let calendar = |reporting: &bool| {
            if *reporting { Calendar::Reporting } else { Calendar::Gregorian }
        };
        let mut calendars: Vec<_> = self.calendars.iter().map(calendar).collect();
        if calendars.is_empty() {
            calendars.push(Calendar::Gregorian);
        }
        let mut spans = Vec::new();
        for calendar in calendars {
            let period =
                Period::parse(label, calendar).map_err(|error| no_period(label, &error))?;
            let span = Span { start: period.start, end: period.end };
            if !spans.contains(&span) {
                spans.push(span);
            }
        }
        Ok(spans)
    }
}

fn unknown_feed(catalogue: &Catalogue, name: &str) -> QueryError {
    let nearest = super::question::nearest(name, catalogue.feeds.keys().map(String::as_str));
    let message = Text::new(
        format!("không có nguồn số liệu `{name}`; xem danh sách ở `/v1/feeds`"),
        format!("there is no feed `{name}`; `/v1/feeds` lists them"),
    );
    let fault = Fault::of("feed", "feed.unknown", message).suggest(nearest);
    QueryError::from_fault(ErrorKind::Invalid, fault)
}

fn no_period(label: &str, error: &dyn std::fmt::Display) -> QueryError {
    let message = Text::new(
        format!(
            "`{label}` không phải là kỳ số liệu; hãy ghi năm `2023`, tháng `2024-03`, ngày `2024-03-14`, khoảng \
             `2023-12-10/2024-07-30` hoặc `2023-12-15/P9M`, hoặc kỳ báo cáo `2024-A1`, `2024-S1`, `2024-T1`, `2024-Q4`, `2024-M03`"
        ),
        error.to_string(),
    );
    QueryError::from_fault(ErrorKind::Invalid, Fault::of("period", "period.invalid", message))
}

fn two_calendars(label: &str, spans: &[&Span]) -> QueryError {
    let spans: Vec<_> = spans.iter().map(|span| format!("{}/{}", span.start, span.end)).collect();
    let listed = spans.join(", ");
    let message = Text::new(
        format!("kỳ `{label}` có số liệu theo cả hai lịch; hãy ghi một trong các khoảng: {listed}"),
        format!(
            "the period `{label}` has figures on both calendars; write one of the spans: {listed}"
        ),
    );
    let fault = Fault::of("period", "period.ambiguous", message).suggest(spans);
    QueryError::from_fault(ErrorKind::Ambiguous, fault)
}

/// The unit that stands for the whole answer where `within` is absent: see the head of this file.
#[must_use]
pub fn default_within<'a>(
    units: &Units,
    on: NaiveDate,
    reporters: impl IntoIterator<Item = &'a UnitId>,
) -> Option<UnitId> {
    let tops: Vec<_> = units.at(on, None, None, None);
    let tops: Vec<_> = tops.into_iter().filter(|v| parent(units, v, on).is_none()).collect();
    let top = if let [top] = tops.as_slice() { Some(&top.unit) } else { None };
    let province = |unit: &UnitId| {
        let mut version = units.version_at(unit, on)?;
        while let Some(above) = parent(units, version, on).filter(|p| Some(&p.unit) != top) {
            version = above;
        }
        Some(version.unit.clone())
    };
    let provinces: BTreeSet<_> = reporters.into_iter().filter_map(province).collect();
    match provinces.len() {
        1 => provinces.into_iter().next(),
        _ => top.cloned(),
    }
}

/// The unit above a version, on a day; none at the top.
#[must_use]
pub fn parent<'a>(
    units: &'a Units,
    version: &UnitVersion,
    on: NaiveDate,
) -> Option<&'a UnitVersion> {
    version.parent.as_ref().and_then(|parent| units.version_at(parent, on))
}

/// Refuses a level that no unit ever had.
///
/// # Errors
/// With the levels that there are.
pub fn check_level(catalogue: &Catalogue, parameter: &str, level: &str) -> Result<(), QueryError> {
    let versions = catalogue.units.versions().iter();
    let levels: BTreeSet<_> = versions.map(|version| version.level.as_str()).collect();
    if levels.contains(level) {
        return Ok(());
    }
    let listed = levels.iter().copied().collect::<Vec<_>>().join(", ");
    let message = Text::new(
        format!("không có cấp `{level}`; các cấp hiện có: {listed}"),
        format!("there is no level `{level}`; there are: {listed}"),
    );
    let fault = Fault::of(parameter, "level.unknown", message).suggest(levels);
    Err(QueryError::from_fault(ErrorKind::Invalid, fault))
}

/// Refuses a kind that no unit ever had.
///
/// # Errors
/// With the kinds that there are.
pub fn check_kind(catalogue: &Catalogue, kind: &str) -> Result<(), QueryError> {
    let versions = catalogue.units.versions();
    if versions.iter().any(|version| version.kind == kind) {
        return Ok(());
    }
    let kinds: BTreeSet<_> = versions.iter().map(|version| version.kind.as_str()).collect();
    let listed = kinds.iter().copied().collect::<Vec<_>>().join(", ");
    let message = Text::new(
        format!("không có loại đơn vị `{kind}`; các loại hiện có: {listed}"),
        format!("there is no kind of unit `{kind}`; there are: {listed}"),
    );
    let fault = Fault::of("kind", "kind.unknown", message).suggest(kinds);
    Err(QueryError::from_fault(ErrorKind::Invalid, fault))
}

/// No figure is in scope, so there is no period to answer for.
#[must_use]
pub fn no_figures(indicator: &str) -> QueryError {
    let message = Text::new(
        format!(
            "chưa có số liệu nào của `{indicator}` trong phạm vi đã hỏi; số liệu giả lập chỉ hiện khi gọi đích danh \
             bằng `feed=`"
        ),
        format!(
            "there is no figure of `{indicator}` in the scope of the question; synthetic figures answer only when named \
             by `feed=`"
        ),
    );
    QueryError::new(ErrorKind::NotFound, NO_FIGURES, message)
}

/// Whether an error says that no figure is in scope.
#[must_use]
pub fn is_no_figures(error: &QueryError) -> bool {
    error.code == NO_FIGURES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(label: &str) -> Span {
        let period = Period::parse(label, Calendar::Reporting).unwrap();
        Span { start: period.start, end: period.end }
    }

    #[test]
    fn spans_of_one_make_are_compared() {
        for (a, b) in [
            ("2023", "2022"),
            ("2024-03", "2024-02"),
            ("2024-M03", "2024-M02"),
            ("2024-03-14", "2022-11-04"),
            ("2023-12-10/2024-07-30", "2022-01-03/2022-01-05"),
        ] {
            assert_eq!(make(span(a)), make(span(b)), "{a} and {b}");
        }
        for (a, b) in [("2023", "2022-12"), ("2024-M03", "2024-03"), ("2024-03-14", "2024-03")] {
            assert_ne!(make(span(a)), make(span(b)), "{a} and {b}");
        }
    }

    #[test]
    fn the_latest_span_is_the_one_that_ends_last_and_is_shortest() {
        assert!(span("2024-12") > span("2024"));
        assert!(span("2024") > span("2024-11"));
    }
}
