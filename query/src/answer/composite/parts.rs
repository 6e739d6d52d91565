//! What a composite is made of: a version of its definition, the indicators that it names, and all their figures.

use std::collections::BTreeMap;

use dinh_lake::catalogue::Catalogue;
use dinh_lake::composite::{Composite, Method, MethodError};
use dinh_lake::indicator::Indicator;

use super::super::address;
use super::super::cell::{Cell, Span, one_feed_per_cell};
use super::super::outline::Seen;
use super::super::question::{Asked, nearest};
use super::super::read::{self, Wanted};
use super::super::scope::{self, Sources};
use super::super::timeliness;
use super::super::{not_open, ratio, seen};
use crate::error::{ErrorKind, Fault, QueryError, Text};
use crate::sql::Statement;

/// A composite's definition and figures in one snapshot.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) seen: Seen,
    pub(super) method: Method<'a>,
    pub(super) sources: Sources<'a>,
    /// The current cells of each indicator at all stages, of one feed each.
    pub(super) cells: BTreeMap<&'a str, Vec<Cell>>,
}

impl Parts<'_> {
    /// All cells, whatever their indicator and stage.
    pub(super) fn all_cells(&self) -> impl Iterator<Item = &Cell> + Clone {
        self.cells.values().flatten()
    }
}

/// The parts of the version that answers, and the period.
///
/// # Errors
/// When the composite, the version, the period or an indicator is unknown, or no version is for the period.
pub(super) async fn of<'a>(
    statement: &'a Statement,
    asked: &Asked,
) -> Result<(Parts<'a>, Span), QueryError> {
    let catalogue: &'a Catalogue = statement.catalogue();
    let versions = versions(catalogue, asked)?;
    if let Some(level) = &asked.level {
        scope::check_level(catalogue, "level", level)?;
    }
    if let Some(kind) = &asked.kind {
        scope::check_kind(catalogue, kind)?;
    }
    let mut last = None;
    // The newest version first: mostly it is the one.
    for definition in versions.iter().rev() {
        let mut parts = read_parts(statement, definition, asked).await?;
        let Some(span) = span(&parts, asked)? else { continue };
        if asked.version.is_some() || definition.valid_on(span.end) {
            judge(statement, &mut parts, span, asked).await?;
            return Ok((parts, span));
        }
        last = last.max(Some(span));
    }
    let code = asked.composite.as_deref().unwrap_or_default();
    Err(match last {
        Some(span) => no_version(code, span, &versions),
        None => scope::no_figures(code),
    })
}

/// Says of the figures of the period whether they came late.
async fn judge(
    statement: &Statement,
    parts: &mut Parts<'_>,
    span: Span,
    asked: &Asked,
) -> Result<(), QueryError> {
    let wanted = Wanted {
        indicators: Some(parts.cells.keys().copied().collect()),
        feed: asked.feed.as_deref(),
        spans: Some(vec![span]),
        ..Wanted::default()
    };
    let mut of_answer: Vec<(&str, &mut Cell)> = Vec::new();
    for (code, cells) in &mut parts.cells {
        of_answer.extend(cells.iter_mut().filter(|c| c.span() == span).map(|cell| (*code, cell)));
    }
    timeliness::judge(statement, &wanted, of_answer).await
}

/// The versions that may answer, in order of time: the one that was named, or all.
fn versions<'a>(catalogue: &'a Catalogue, asked: &Asked) -> Result<Vec<&'a Composite>, QueryError> {
    let code = asked.composite.as_deref().unwrap_or_default();
    let mut versions: Vec<_> =
        catalogue.composites.values().filter(|known| known.composite == code).collect();
    versions.sort_by_key(|version| version.valid_from);
    if versions.is_empty() {
        return Err(unknown_composite(catalogue, code));
    }
    let Some(version) = &asked.version else { return Ok(versions) };
    let named = versions.iter().find(|known| known.version == *version);
    named.map(|named| vec![*named]).ok_or_else(|| unknown_version(code, version, &versions))
}

async fn read_parts<'a>(
    statement: &'a Statement,
    definition: &'a Composite,
    asked: &Asked,
) -> Result<Parts<'a>, QueryError> {
    let catalogue: &'a Catalogue = statement.catalogue();
    let indicators = &catalogue.indicators;
    let method = Method::of(definition, indicators)
        .map_err(|error| unusable(definition, indicators, &error))?;
    let mut needed: BTreeMap<&'a str, &'a Indicator> = BTreeMap::new();
    for part in &method.parts {
        let whole = Some(&part.indicator.indicator);
        for code in [whole, part.indicator.numerator.as_ref(), part.indicator.denominator.as_ref()]
        {
            needed.extend(
                code.and_then(|c| indicators.get_key_value(c)).map(|(c, i)| (c.as_str(), i)),
            );
        }
        if !statement.may_read_all(part.indicator) {
            return Err(not_open(statement, &part.indicator.indicator));
        }
    }
    let sources = Sources::of(catalogue, asked.feed.as_deref())?;
    let feed = asked.feed.as_deref();
    let codes = needed.keys().copied().collect();
    let wanted = Wanted { indicators: Some(codes), feed, ..Wanted::default() };
    let mut read: BTreeMap<String, Vec<Cell>> = BTreeMap::new();
    for (code, cell) in read::current(statement, &wanted).await? {
        read.entry(code).or_default().push(cell);
    }
    let mut own = |code: &str, indicator: &Indicator| {
        one_feed_per_cell(read.remove(code).unwrap_or_default(), indicator, catalogue)
    };
    let by_code: BTreeMap<&'a str, Vec<Cell>> =
        needed.iter().map(|(code, indicator)| (*code, own(code, indicator))).collect();
    let cells = method
        .parts
        .iter()
        .map(|part| (part.indicator.indicator.as_str(), with_ratios(part.indicator, &by_code)));
    let cells = cells.collect();
    Ok(Parts { catalogue, seen: seen(statement), method, sources, cells })
}

/// The cells of an indicator, those that follow from its parts among them.
fn with_ratios(indicator: &Indicator, by_code: &BTreeMap<&str, Vec<Cell>>) -> Vec<Cell> {
    let of = |code: Option<&String>| by_code.get(code?.as_str());
    let pushed = of(Some(&indicator.indicator)).cloned().unwrap_or_default();
    match (of(indicator.numerator.as_ref()), of(indicator.denominator.as_ref())) {
        (Some(above), Some(below)) => ratio::with_derived(indicator, pushed, above, below),
        _ => pushed,
    }
}

/// The period that was asked for, or the latest one with a figure in scope.
fn span(parts: &Parts<'_>, asked: &Asked) -> Result<Option<Span>, QueryError> {
    let cells = parts.all_cells();
    if let Some(label) = &asked.period {
        return parts.sources.span(label, &cells).map(Some);
    }
    let units = &parts.catalogue.units;
    let within = match &asked.within {
        Some(text) => Some(address::unit(parts.catalogue, "within", text, None)?),
        None => None,
    };
    let level = asked.level.as_ref().or(parts.method.definition.level.as_ref());
    let in_scope = |cell: &&Cell| {
        let on = cell.period.end;
        let version = units.version_at(&cell.unit, on);
        version.is_some_and(|version| level.is_none_or(|level| version.level == *level))
            && within.is_none_or(|top| units.is_within(&cell.unit, &top.unit, on))
    };
    Ok(scope::latest_span(cells.filter(in_scope)))
}

fn unknown_composite(catalogue: &Catalogue, code: &str) -> QueryError {
    let mut known: Vec<_> =
        catalogue.composites.values().map(|known| known.composite.as_str()).collect();
    known.dedup();
    let near = nearest(code, known.iter().copied());
    let listed = known.join(", ");
    let message = Text::new(
        format!("không có chỉ số tổng hợp `{code}`; hiện có: {listed}"),
        format!("there is no composite `{code}`; there are: {listed}"),
    );
    let fault = Fault::of("composite", "composite.unknown", message).suggest(near);
    QueryError::from_fault(ErrorKind::NotFound, fault)
}

/// The versions with their days, for a reader.
fn listed(versions: &[&Composite]) -> String {
    let shown = |version: &&Composite| {
        let last = version.valid_to.map(|day| day.to_string()).unwrap_or_default();
        format!("{} ({}/{last})", version.version, version.valid_from)
    };
    versions.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn unknown_version(code: &str, version: &str, versions: &[&Composite]) -> QueryError {
    let listed = listed(versions);
    let message = Text::new(
        format!("`{code}` không có phiên bản `{version}`; hiện có: {listed}"),
        format!("`{code}` has no version `{version}`; there are: {listed}"),
    );
    let known = versions.iter().map(|known| known.version.as_str());
    let fault = Fault::of("version", "composite.version_unknown", message).suggest(known);
    QueryError::from_fault(ErrorKind::NotFound, fault)
}

fn no_version(code: &str, span: Span, versions: &[&Composite]) -> QueryError {
    let (listed, end) = (listed(versions), span.end);
    let message = Text::new(
        format!(
            "không phiên bản nào của `{code}` có hiệu lực ngày {end}; hãy chọn một phiên bản bằng `version=`: {listed}"
        ),
        format!(
            "no version of `{code}` is for periods that end on {end}; name one by `version=`: {listed}"
        ),
    );
    let known = versions.iter().map(|known| known.version.as_str());
    let fault = Fault::of("version", "composite.version_none", message).suggest(known);
    QueryError::from_fault(ErrorKind::NotFound, fault)
}

fn unusable(
    definition: &Composite,
    indicators: &BTreeMap<String, Indicator>,
    error: &MethodError,
) -> QueryError {
    let key = definition.key();
    let faults = match error {
        MethodError::UnknownIndicators(codes) => {
            let fault = |code: &String| {
                let message = Text::new(
                    format!("thành phần của `{key}` cần chỉ tiêu `{code}` mà danh mục không có"),
                    format!(
                        "a component of `{key}` needs the indicator `{code}`, which the catalogue does not have"
                    ),
                );
                let near = nearest(code, indicators.keys().map(String::as_str));
                Fault::of("composite", "composite.component_unknown", message).suggest(near)
            };
            codes.iter().map(fault).collect::<Vec<_>>()
        }
        MethodError::Unsound(faults) => {
            let fault = |fault: &dinh_lake::composite::DefinitionFault| {
                let message = Text::new(
                    format!("`{key}` không dùng được: `{}`: {}", fault.field, fault.message_vi),
                    format!("`{key}` cannot be used: `{}`: {}", fault.field, fault.message),
                );
                Fault::of("composite", "composite.unsound", message)
            };
            faults.iter().map(fault).collect()
        }
    };
    let mut error = QueryError::from_faults(faults);
    error.kind = ErrorKind::NotFound;
    error
}
