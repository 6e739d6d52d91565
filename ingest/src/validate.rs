//! Judges rows: pure, from decoded columns, a catalogue and a view of the present state to the rows that land and a verdict
//! for each other one.
//!
//! ```text
//! texts ──> known: each once ──> row by row, by numbers ──> landed ──> state: all at once ──> accepted rows, verdicts
//! ```
//!
//! All problems of a row are found at once. What a text means is found out once ([`known`], [`place`]); a row is numbers
//! from then on, and one that is in order allocates nothing. What needs the present state is held against one view of it,
//! after all rows are judged, and only warns.
//!
//! Invariants:
//! - A row lands exactly if nothing was found that refuses it; in atomic mode all rows land or none does.
//! - Verdicts are in order of rows. A row that does not land has no warnings: they would say that it landed.
//! - A key (indicator, unit, span, stage) belongs to the first row that names it, whether that row lands or not.

mod cells;
mod figures;
mod finding;
mod known;
mod landed;
mod messages;
mod place;
mod state;

use std::collections::HashSet;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::Feed;
use dinh_lake::observation::{Stage, Status, accepted_schema};
use dinh_lake::present::Present;
use dinh_lake::submission::{Mode, Severity, Verdict};
use dinh_lake::unit::UnitId;

use crate::columns::{Columns, EMPTY};
use cells::{Cell, Cells};
use finding::Finding;
use known::{Known, NOTE_CHARACTERS_MAX, Span};
use landed::{Landed, Landing};
use place::Places;
use state::Warnings;

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
    /// What the lake has now, for rules that warn; none where it is not kept.
    pub(crate) present: Option<&'a Present>,
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
    /// The position of the state that rows were held against; none if they were not.
    pub(crate) state_position: Option<u64>,
}

/// Judges all rows.
pub(crate) fn validate(columns: &Columns, context: Context<'_>, mode: Mode) -> Judged {
    let mut judge = Judge::new(columns, context);
    let mut landed = Landed::with_capacity(columns.rows);
    let (mut verdicts, mut warned, mut refused) = (Vec::new(), 0, Vec::new());
    for row in 0..columns.rows {
        let landing = judge.row(row);
        let findings = &mut judge.findings;
        match landing
            .filter(|_| findings.iter().all(|finding| finding.severity == Severity::Warned))
        {
            Some(landing) => {
                landed.push(row, landing);
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
    let state_position = match judge.against_state(&landed) {
        Some(warnings) => {
            warned += add(&mut verdicts, columns, warnings.findings);
            Some(warnings.position)
        }
        None => None,
    };
    let accepted = landed.batch(columns, judge.places.units(), &judge.known.spans);
    Judged { accepted, verdicts, warned, refused: refused.len() as u64, state_position }
}

/// Puts warnings among the verdicts, in order of rows; gives how many rows had none before.
fn add(verdicts: &mut Vec<Verdict>, columns: &Columns, warnings: Vec<(u32, Finding)>) -> u64 {
    if warnings.is_empty() {
        return 0;
    }
    let known: HashSet<u64> = verdicts.iter().map(|verdict| verdict.row).collect();
    let mut fresh = HashSet::new();
    for (row, finding) in warnings {
        let verdict = finding.verdict(row as usize, columns.content(row as usize));
        if !known.contains(&verdict.row) {
            fresh.insert(verdict.row);
        }
        verdicts.push(verdict);
    }
    verdicts.sort_by_key(|verdict| verdict.row);
    fresh.len() as u64
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
    let accepted = RecordBatch::new_empty(accepted_schema());
    let refused = columns.rows as u64;
    Judged { accepted, verdicts, warned: 0, refused, state_position: None }
}

struct Judge<'a> {
    columns: &'a Columns,
    known: Known<'a>,
    places: Places<'a>,
    context: Context<'a>,
    cells: Cells,
    /// What was found in the present row.
    findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    fn new(columns: &'a Columns, context: Context<'a>) -> Self {
        Self {
            columns,
            known: Known::new(columns, context),
            places: Places::new(context, &columns.unit),
            context,
            cells: Cells::with_capacity(columns.rows),
            findings: Vec::new(),
        }
    }

    /// Holds the rows that land against the present state, if any rule needs it and it is known.
    fn against_state(&self, landed: &Landed) -> Option<Warnings> {
        let view = self.context.present.filter(|_| self.known.needs_state())?.view()?;
        let Self { columns, known, places, cells, context, .. } = self;
        let judged = state::Judged { columns, context: *context, known, places, cells, landed };
        Some(state::judge(judged, &view))
    }

    /// Judges one row and leaves what was found in `findings`; gives the row if nothing of it is missing.
    fn row(&mut self, row: usize) -> Option<Landing> {
        let columns = self.columns;
        let indicator = self.indicator(row);
        let span = self.span(row);
        let place = self.place(row, span);
        self.level(indicator, place);
        let stage = self.stage(row, indicator);
        let qualifier = self.known.qualifiers[columns.qualifier.key(row) as usize];
        if qualifier.is_none() {
            self.findings.push(messages::qualifier(columns.qualifier.text(row)));
        }
        let status = self.known.statuses[columns.status.key(row) as usize];
        if status.is_none() {
            self.findings.push(messages::status(columns.status.text(row)));
        }
        let withdrawn = status == Some(Status::Withdrawn);
        let ruled = indicator.and_then(|key| self.known.indicators[key as usize].as_ref().ok());
        let value = figures::judge(columns, row, ruled, withdrawn, &mut self.findings);
        figures::coverage(columns, row, &mut self.findings);
        if self.known.long_notes[columns.note.key(row) as usize] {
            self.findings.push(messages::note(NOTE_CHARACTERS_MAX));
        }
        let (indicator, span, (_, unit), stage) = (indicator?, span?, place?, stage?);
        if let Some(first) =
            self.cells.insert(Cell { indicator, unit, span: span.id, stage }, row as u32)
        {
            self.findings.push(messages::duplicate(first as usize));
        }
        if span.is_future && stage != Stage::Target && !withdrawn {
            let label = columns.period.text(row);
            self.findings.push(messages::future(label, span.end, self.context.today));
        }
        let (qualifier, status) = (qualifier?, status?);
        Some(Landing { unit, span: span.id, stage, qualifier, status, value })
    }

    /// The number of the row's indicator.
    fn indicator(&mut self, row: usize) -> Option<u32> {
        let key = self.columns.indicator.key(row);
        match &self.known.indicators[key as usize] {
            Ok(_) => Some(key),
            Err(finding) => {
                self.findings.push(finding.clone());
                None
            }
        }
    }

    fn span(&mut self, row: usize) -> Option<Span> {
        match &self.known.periods[self.columns.period.key(row) as usize] {
            Ok(span) => Some(*span),
            Err(finding) => {
                self.findings.push(finding.clone());
                None
            }
        }
    }

    /// Where the row's place was found, and the number of its unit; without a period nothing can be said of it.
    fn place(&mut self, row: usize, span: Option<Span>) -> Option<(usize, u32)> {
        if self.columns.unit.key(row) == EMPTY {
            self.findings.push(messages::missing("unit", "unit.missing"));
            return None;
        }
        let at = self.places.find(row, span?);
        match self.places.at(at) {
            Ok(place) => {
                self.findings.extend_from_slice(&place.findings);
                Some((at, place.number))
            }
            Err(finding) => {
                self.findings.push(finding.clone());
                None
            }
        }
    }

    fn level(&mut self, indicator: Option<u32>, place: Option<(usize, u32)>) {
        let (Some(indicator), Some((at, _))) = (indicator, place) else { return };
        let (Ok(ruled), Ok(place)) =
            (&mut self.known.indicators[indicator as usize], self.places.at(at))
        else {
            return;
        };
        if !ruled.has_level(place.level, &place.unit.level) {
            self.findings.push(messages::level(ruled.indicator, place.unit));
        }
    }

    fn stage(&mut self, row: usize, indicator: Option<u32>) -> Option<Stage> {
        let ruled = indicator.and_then(|key| self.known.indicators[key as usize].as_ref().ok());
        let key = self.columns.stage.key(row);
        if key == EMPTY {
            return ruled.map(|ruled| ruled.indicator.default_stage);
        }
        let Some(stage) = self.known.stages[key as usize] else {
            let code = self.columns.stage.text(row);
            self.findings.push(messages::stage(code, ruled.map(|ruled| ruled.indicator)));
            return None;
        };
        if let Some(ruled) = ruled.filter(|ruled| !ruled.has_stage(stage)) {
            self.findings.push(messages::stage_not_allowed(stage, ruled.indicator));
        }
        Some(stage)
    }
}

#[cfg(test)]
mod tests;
