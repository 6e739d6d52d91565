//! What the distinct texts of a submission mean, each found out once: indicators, periods, stages, qualifiers, statuses and
//! notes. What a unit's text means depends on the period, so units have a file of their own.
//!
//! Everything is by the number of the text in its column.

use std::collections::HashMap;

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;
use dinh_lake::intern::Seed;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::period::Period;

use super::finding::Finding;
use super::{Context, figures, messages};
use crate::columns::{Columns, EMPTY};

/// Characters of a remark.
pub(super) const NOTE_CHARACTERS_MAX: usize = 2_000;
/// Unknown indicators of one submission for which the nearest ones are looked up: more than any mistake makes.
const HINTS_MAX: usize = 1_000;

/// An indicator, with what is asked of each of its rows laid out.
#[derive(Clone, Debug)]
pub(super) struct Ruled<'a> {
    pub(super) indicator: &'a Indicator,
    /// Whether its value is factor * numerator / denominator.
    pub(super) is_quotient: bool,
    /// Whether its numerator is a part of its denominator.
    pub(super) is_share: bool,
    /// The indicators of its numerator and denominator, if they count whole things.
    pub(super) counted_parts: (Option<&'a str>, Option<&'a str>),
    /// Whether any rule holds its figures against the present state.
    pub(super) needs_state: bool,
    /// The stages that it is reported at, a bit for each.
    stages: u8,
    /// The levels that were asked for, and those of them that it is reported at: a bit for each number of a level.
    levels: (u64, u64),
}

impl<'a> Ruled<'a> {
    fn new(indicator: &'a Indicator, catalogue: &'a Catalogue) -> Self {
        let counted = |part: &Option<String>| {
            let part = catalogue.indicators.get(part.as_deref()?)?;
            part.integer.then_some(part.indicator.as_str())
        };
        let stages = indicator.stages.iter().fold(0, |bits, stage| bits | 1 << *stage as u8);
        Self {
            indicator,
            is_quotient: figures::is_quotient(indicator),
            is_share: figures::is_share(indicator),
            counted_parts: (counted(&indicator.numerator), counted(&indicator.denominator)),
            needs_state: indicator.needs_state(),
            stages,
            levels: (0, 0),
        }
    }

    /// Whether it is reported at a stage.
    pub(super) fn has_stage(&self, stage: Stage) -> bool {
        self.stages & 1 << stage as u8 != 0
    }

    /// Whether it is reported at a level, whose number is given too.
    pub(super) fn has_level(&mut self, number: usize, level: &str) -> bool {
        let bit = 1_u64.checked_shl(number as u32).unwrap_or(0);
        if self.levels.0 & bit == 0 {
            let has = self.indicator.levels.contains(level);
            if bit == 0 {
                return has;
            }
            self.levels.0 |= bit;
            self.levels.1 |= if has { bit } else { 0 };
        }
        self.levels.1 & bit != 0
    }
}

/// The span of a label; equal spans have equal ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) id: u32,
    /// The epoch of units that its last day is in.
    pub(super) epoch: u32,
    pub(super) start: NaiveDate,
    pub(super) end: NaiveDate,
    /// Whether it ends after the present day.
    pub(super) is_future: bool,
}

/// What texts mean; none where they mean nothing.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) indicators: Vec<Result<Ruled<'a>, Finding>>,
    pub(super) periods: Vec<Result<Span, Finding>>,
    /// The spans of the periods, by id.
    pub(super) spans: Vec<Span>,
    pub(super) stages: Vec<Option<Stage>>,
    pub(super) qualifiers: Vec<Option<Qualifier>>,
    pub(super) statuses: Vec<Option<Status>>,
    /// Which notes are longer than they may be.
    pub(super) long_notes: Vec<bool>,
}

impl<'a> Known<'a> {
    /// Whether any rule needs the present state.
    pub(super) fn needs_state(&self) -> bool {
        let withdraws = self.statuses.contains(&Some(Status::Withdrawn));
        withdraws || self.indicators.iter().flatten().any(|ruled| ruled.needs_state)
    }

    pub(super) fn new(columns: &'a Columns, context: Context<'a>) -> Self {
        let mut hints_left = HINTS_MAX;
        let indicators = columns.indicator.words();
        let indicators = indicators
            .map(|code| find_indicator(context, code, &mut hints_left))
            .map(|found| found.map(|indicator| Ruled::new(indicator, context.catalogue)))
            .collect();
        let (periods, spans) = periods(columns, context);
        let long = |note: &str| {
            note.len() > NOTE_CHARACTERS_MAX && note.chars().nth(NOTE_CHARACTERS_MAX).is_some()
        };
        let mut qualifiers: Vec<_> = columns.qualifier.words().map(Qualifier::from_code).collect();
        let mut statuses: Vec<_> = columns.status.words().map(Status::from_code).collect();
        qualifiers[EMPTY as usize] = Some(Qualifier::Exact);
        statuses[EMPTY as usize] = Some(Status::Normal);
        Self {
            indicators,
            periods,
            spans,
            stages: columns.stage.words().map(Stage::from_code).collect(),
            qualifiers,
            statuses,
            long_notes: columns.note.words().map(long).collect(),
        }
    }
}

fn periods(columns: &Columns, context: Context<'_>) -> (Vec<Result<Span, Finding>>, Vec<Span>) {
    let mut spans = Vec::new();
    let mut ids: HashMap<(NaiveDate, NaiveDate), u32, Seed> = HashMap::default();
    let span = |label: &str| {
        if label.is_empty() {
            return Err(messages::missing("period", "period.missing"));
        }
        let period = Period::parse(label, context.feed.calendar);
        let Period { start, end, .. } = period.map_err(|_| messages::period(label))?;
        let next = ids.len() as u32;
        let id = *ids.entry((start, end)).or_insert(next);
        let epoch = context.catalogue.units.epoch(end) as u32;
        let span = Span { id, epoch, start, end, is_future: end > context.today };
        if id == next {
            spans.push(span);
        }
        Ok(span)
    };
    let periods = columns.period.words().map(span).collect();
    (periods, spans)
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
