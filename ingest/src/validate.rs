//! Judges rows: pure, from decoded columns and a catalogue to the rows that land and a verdict for each other one.
//!
//! All problems of a row are found at once. A text that repeats is judged once: codes of indicators, labels of periods and
//! units at a period are remembered with what was found, so a row costs a few look-ups.
//!
//! Invariants:
//! - A row lands exactly if nothing was found that refuses it; in atomic mode all rows land or none does.
//! - Verdicts are in order of rows. A row that does not land has no warnings: they would say that it landed.
//! - A key (indicator, unit, span, stage) belongs to the first row that names it, whether that row lands or not.

mod accepted;
mod figures;
mod finding;
mod intern;
mod messages;
mod place;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::Feed;
use dinh_lake::indicator::Indicator;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::period::Period;
use dinh_lake::submission::{Mode, Severity, Verdict};
use dinh_lake::unit::{UnitId, UnitVersion};

use crate::columns::{Columns, text_at};
use accepted::Accepted;
use finding::Finding;
use intern::Intern;
use place::Places;

/// Characters of a remark.
const NOTE_CHARACTERS_MAX: usize = 2_000;

/// Unknown indicators of one submission for which the nearest ones are looked up: more than any mistake makes.
const HINTS_MAX: usize = 1_000;

/// What rows are judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// Units and indicators.
    pub(crate) catalogue: &'a Catalogue,
    /// The feed that the rows belong to.
    pub(crate) feed: &'a Feed,
    /// The subtree that the sender may write; none means all.
    pub(crate) within: Option<&'a UnitId>,
    /// The present day where the hub's users are.
    pub(crate) today: NaiveDate,
}

/// What was found in a submission.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// The rows that land, in the schema of accepted rows.
    pub(crate) accepted: RecordBatch,
    /// In order of rows.
    pub(crate) verdicts: Vec<Verdict>,
    /// How many rows land with a warning.
    pub(crate) warned: u64,
    /// How many rows do not land.
    pub(crate) refused: u64,
}

/// Judges all rows.
pub(crate) fn validate(columns: &Columns, context: Context<'_>, mode: Mode) -> Judged {
    let mut judge = Judge::new(columns, context);
    let mut accepted = Accepted::with_capacity(columns.rows);
    let (mut verdicts, mut warned, mut refused) = (Vec::new(), 0, Vec::new());
    for row in 0..columns.rows {
        let landing = judge.row(row);
        let findings = &mut judge.findings;
        match landing
            .filter(|_| findings.iter().all(|finding| finding.severity == Severity::Warned))
        {
            Some(landing) => {
                accepted.push(columns, row, &landing);
                warned += u64::from(!findings.is_empty());
            }
            None => {
                findings.retain(|finding| finding.severity == Severity::Refused);
                refused.push(row);
            }
        }
        if !findings.is_empty() {
            let content = columns.content(row);
            verdicts
                .extend(findings.drain(..).map(|finding| finding.verdict(row, content.clone())));
        }
    }
    if mode == Mode::Atomic && !refused.is_empty() {
        return none_lands(columns, verdicts, &refused);
    }
    Judged { accepted: accepted.finish(), verdicts, warned, refused: refused.len() as u64 }
}

/// What becomes of an atomic submission with refused rows: the others are refused for their sake.
fn none_lands(columns: &Columns, verdicts: Vec<Verdict>, refused: &[usize]) -> Judged {
    let mut found =
        verdicts.into_iter().filter(|verdict| verdict.severity == Severity::Refused).peekable();
    let mut refused_rows = refused.iter().copied().peekable();
    let mut verdicts = Vec::with_capacity(columns.rows);
    for row in 0..columns.rows {
        if refused_rows.next_if_eq(&row).is_none() {
            verdicts.push(messages::atomic(refused).verdict(row, columns.content(row)));
        }
        while let Some(verdict) = found.next_if(|verdict| verdict.row == row as u64 + 1) {
            verdicts.push(verdict);
        }
    }
    let accepted = Accepted::with_capacity(0).finish();
    Judged { accepted, verdicts, warned: 0, refused: columns.rows as u64 }
}

/// A row that can land, as far as it is not in its columns.
#[derive(Clone, Copy, Debug)]
struct Landing<'a> {
    unit: &'a UnitId,
    span: Span,
    stage: Stage,
    qualifier: Qualifier,
    status: Status,
    figures: figures::Figures,
}

/// The span of a label; equal spans have equal ids.
#[derive(Clone, Copy, Debug)]
struct Span {
    id: usize,
    /// The epoch of units that its last day is in.
    epoch: usize,
    start: NaiveDate,
    end: NaiveDate,
}

/// What makes a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    indicator: usize,
    unit: usize,
    span: usize,
    stage: Stage,
}

struct Judge<'a> {
    columns: &'a Columns,
    context: Context<'a>,
    indicators: Intern<'a, Result<&'a Indicator, Finding>>,
    periods: Intern<'a, Result<Span, Finding>>,
    spans: HashMap<(NaiveDate, NaiveDate), usize>,
    places: Places<'a>,
    keys: HashMap<Key, usize>,
    /// Unknown indicators for which the nearest ones may still be looked up.
    hints_left: usize,
    /// What was found in the present row.
    findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    fn new(columns: &'a Columns, context: Context<'a>) -> Self {
        Self {
            columns,
            context,
            indicators: Intern::default(),
            periods: Intern::default(),
            spans: HashMap::new(),
            places: Places::new(context),
            keys: HashMap::with_capacity(columns.rows),
            hints_left: HINTS_MAX,
            findings: Vec::new(),
        }
    }

    /// Judges one row and leaves what was found in `findings`; gives the row if nothing of it is missing.
    fn row(&mut self, row: usize) -> Option<Landing<'a>> {
        let columns = self.columns;
        let indicator = self.indicator(text_at(&columns.indicator, row));
        let span = self.span(text_at(&columns.period, row));
        let place = self.place(text_at(&columns.unit, row), span);
        let known = indicator.map(|(_, indicator)| indicator);
        if let (Some(indicator), Some((_, unit))) = (known, place)
            && !indicator.levels.contains(&unit.level)
        {
            self.findings.push(messages::level(indicator, unit));
        }
        let stage = self.stage(text_at(&columns.stage, row), known);
        let qualifier = match text_at(&columns.qualifier, row) {
            "" => Some(Qualifier::Exact),
            code => self.known(Qualifier::from_code(code), || messages::qualifier(code)),
        };
        let status = match text_at(&columns.status, row) {
            "" => Some(Status::Normal),
            code => self.known(Status::from_code(code), || messages::status(code)),
        };
        let withdrawn = status == Some(Status::Withdrawn);
        let figures = figures::judge(columns, row, known, withdrawn, &mut self.findings);
        figures::coverage(columns, row, &mut self.findings);
        if text_at(&columns.note, row).chars().nth(NOTE_CHARACTERS_MAX).is_some() {
            self.findings.push(messages::note(NOTE_CHARACTERS_MAX));
        }
        let ((indicator, _), span, (place, unit), stage) = (indicator?, span?, place?, stage?);
        self.key(row, Key { indicator, unit: place, span: span.id, stage });
        if span.end > self.context.today && stage != Stage::Target && !withdrawn {
            let label = text_at(&columns.period, row);
            self.findings.push(messages::future(label, span.end, self.context.today));
        }
        Some(Landing {
            unit: &unit.unit,
            span,
            stage,
            qualifier: qualifier?,
            status: status?,
            figures,
        })
    }

    fn known<T>(&mut self, value: Option<T>, finding: impl FnOnce() -> Finding) -> Option<T> {
        if value.is_none() {
            self.findings.push(finding());
        }
        value
    }

    fn indicator(&mut self, code: &'a str) -> Option<(usize, &'a Indicator)> {
        let (context, hints_left) = (self.context, &mut self.hints_left);
        let index = self.indicators.number(code, || find_indicator(context, code, hints_left));
        match self.indicators.at(index) {
            Ok(indicator) => Some((index, indicator)),
            Err(finding) => {
                self.findings.push(finding.clone());
                None
            }
        }
    }

    fn span(&mut self, label: &'a str) -> Option<Span> {
        let (calendar, spans, places) = (self.context.feed.calendar, &mut self.spans, &self.places);
        let index = self.periods.number(label, || {
            if label.is_empty() {
                return Err(messages::missing("period", "period.missing"));
            }
            let period = Period::parse(label, calendar).map_err(|_| messages::period(label))?;
            let next = spans.len();
            let id = *spans.entry((period.start, period.end)).or_insert(next);
            Ok(Span { id, epoch: places.epoch(period.end), start: period.start, end: period.end })
        });
        match self.periods.at(index) {
            Ok(span) => Some(*span),
            Err(finding) => {
                self.findings.push(finding.clone());
                None
            }
        }
    }

    /// The unit that a text names at a period; without a period nothing can be said of it.
    fn place(&mut self, text: &'a str, span: Option<Span>) -> Option<(usize, &'a UnitVersion)> {
        if text.is_empty() {
            self.findings.push(messages::missing("unit", "unit.missing"));
            return None;
        }
        match self.places.find(text, span?) {
            Ok(place) => {
                self.findings.extend_from_slice(&place.findings);
                Some((place.number, place.unit))
            }
            Err(finding) => {
                self.findings.push(finding.clone());
                None
            }
        }
    }

    fn stage(&mut self, code: &str, indicator: Option<&Indicator>) -> Option<Stage> {
        let stage = match code {
            "" => return indicator.map(|indicator| indicator.default_stage),
            code => self.known(Stage::from_code(code), || messages::stage(code, indicator))?,
        };
        if let Some(indicator) = indicator.filter(|indicator| !indicator.stages.contains(&stage)) {
            self.findings.push(messages::stage_not_allowed(stage, indicator));
        }
        Some(stage)
    }

    fn key(&mut self, row: usize, key: Key) {
        match self.keys.entry(key) {
            Entry::Occupied(first) => self.findings.push(messages::duplicate(*first.get())),
            Entry::Vacant(vacant) => {
                vacant.insert(row);
            }
        }
    }
}

fn find_indicator<'a>(
    context: Context<'a>,
    code: &str,
    hints_left: &mut usize,
) -> Result<&'a Indicator, Finding> {
    let carried =
        |code: &str| context.feed.indicators.is_empty() || context.feed.indicators.contains(code);
    if code.is_empty() {
        return Err(messages::missing("indicator", "indicator.missing"));
    }
    match context.catalogue.indicators.get(code) {
        Some(indicator) if carried(code) => Ok(indicator),
        Some(_) => Err(messages::not_in_feed(code, context.feed)),
        None => {
            let codes = context.catalogue.indicators.keys().map(String::as_str);
            let nearest = match hints_left.checked_sub(1) {
                Some(left) => {
                    *hints_left = left;
                    nearest(code, codes.filter(|code| carried(code)))
                }
                None => Vec::new(),
            };
            Err(messages::indicator(code, nearest))
        }
    }
}

/// The codes that look most like `code`, best first.
fn nearest<'c>(code: &str, codes: impl Iterator<Item = &'c str>) -> Vec<String> {
    const ALIKE_MIN: f64 = 0.8;
    const NEAREST_MAX: usize = 3;
    // Longer texts are no mistyped codes, and comparing takes time by their length.
    const CHARACTERS_MAX: usize = 100;
    if code.len() > CHARACTERS_MAX {
        return Vec::new();
    }
    let alike = codes.map(|known| (strsim::jaro_winkler(code, known), known));
    let mut alike: Vec<_> = alike.filter(|(alike, _)| *alike >= ALIKE_MIN).collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    alike.into_iter().take(NEAREST_MAX).map(|(_, code)| code.to_owned()).collect()
}

#[cfg(test)]
mod tests;
