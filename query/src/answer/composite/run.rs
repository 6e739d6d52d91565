//! The scores of one definition over periods and stages.

use std::collections::{BTreeSet, HashMap};

use dinh_lake::composite::{Method, Outcome, Part, Score, UnitFigures, Unscored};
use dinh_lake::observation::Stage;
use dinh_lake::unit::{UnitId, UnitVersion};

use super::super::cell::{Cell, Span};
use super::super::outline::is_estimated;
use super::super::scope;
use super::field::Field;
use super::parts::Parts;

/// The scores that one answer is made of.
pub(super) struct Runs<'a> {
    pub(super) method: &'a Method<'a>,
    /// Of the period and the stage that were asked for.
    pub(super) now: Run<'a>,
    /// Of the previous period, where there is one.
    pub(super) before: Option<Run<'a>>,
    /// The span of the previous period.
    pub(super) span_before: Option<Span>,
    /// By what units say of themselves, and as appraised, where there are figures of both.
    pub(super) stages: Option<(Run<'a>, Run<'a>)>,
}

/// The scores of one period and one stage.
#[derive(Default)]
pub(super) struct Run<'a> {
    /// The ranked units that are asked for, best first; of one rank in order of code.
    pub(super) standings: Vec<Standing<'a>>,
    /// The others that are asked for.
    pub(super) unscored: Vec<(&'a UnitVersion, Unscored)>,
    /// The feeds of the ranked units' figures.
    pub(super) feeds: BTreeSet<String>,
    /// The ranked units' figures, and how many of them are estimated.
    pub(super) figures: usize,
    pub(super) estimated: usize,
}

/// A unit with its score and rank.
pub(super) struct Standing<'a> {
    pub(super) rank: usize,
    pub(super) tied: bool,
    pub(super) unit: &'a UnitVersion,
    pub(super) score: Score,
    /// The figure of each component.
    pub(super) cells: Vec<Option<&'a Cell>>,
}

impl<'a> Runs<'a> {
    /// The runs that a question needs.
    pub(super) fn of(parts: &'a Parts<'_>, field: &Field, asked: Option<Stage>) -> Self {
        let span_before = scope::previous_span(field.span, field.cells(parts));
        let both = || {
            let of_stage = |stage| {
                let at = |part: &Part<'_>| part.stage(Some(stage)) == stage;
                let parts_at = parts.method.parts.iter().filter(|part| at(part));
                let mut cells = parts_at.flat_map(|part| &parts.cells[code_of(part)]);
                let there = cells.any(|cell| cell.span() == field.span && cell.stage == stage);
                there.then(|| run(parts, field, field.span, Some(stage)))
            };
            Some((of_stage(Stage::SelfReported)?, of_stage(Stage::Appraised)?))
        };
        Self {
            method: &parts.method,
            now: run(parts, field, field.span, asked),
            before: span_before.map(|span| run(parts, field, span, asked)),
            span_before,
            stages: if asked.is_none() { both() } else { None },
        }
    }
}

fn code_of<'p>(part: &Part<'p>) -> &'p str {
    part.indicator.indicator.as_str()
}

/// Scores the units of a span.
fn run<'a>(parts: &'a Parts<'_>, field: &Field, span: Span, asked: Option<Stage>) -> Run<'a> {
    let units = field.scored(parts, span);
    let cells = cells_of(parts, span, asked);
    let span_before = scope::previous_span(span, field.cells(parts));
    let before = span_before.map(|span| cells_of(parts, span, asked)).unwrap_or_default();
    let figures = |cells: &[HashMap<&UnitId, &Cell>], unit: &UnitVersion| {
        cells.iter().map(|of| of.get(&unit.unit)?.value).collect()
    };
    let rows: Vec<_> = units
        .iter()
        .map(|unit| UnitFigures {
            kind: &unit.kind,
            figures: figures(&cells, unit),
            previous: figures(&before, unit),
        })
        .collect();
    let mut run = Run::default();
    for (unit, outcome) in units.into_iter().zip(parts.method.outcomes(&rows)) {
        if !field.shows(parts, unit, span) {
            continue;
        }
        match outcome {
            Outcome::Unscored(unscored) => run.unscored.push((unit, unscored)),
            Outcome::Scored(score) => {
                let cells = cells.iter().map(|of| of.get(&unit.unit).copied()).collect();
                run.standings.push(Standing { rank: 0, tied: false, unit, score, cells });
            }
        }
    }
    // The sort is stable, so units of one score stay in order of code.
    run.standings.sort_by_key(|standing| std::cmp::Reverse(standing.score.score));
    give_ranks(&mut run.standings);
    let used = run.standings.iter().flat_map(|standing| standing.cells.iter().flatten());
    for cell in used {
        run.figures += 1;
        run.estimated += usize::from(is_estimated(cell));
        if !run.feeds.contains(cell.feed.as_ref()) {
            run.feeds.insert(cell.feed.to_string());
        }
    }
    run
}

/// By component, the cell of each unit.
fn cells_of<'a>(
    parts: &'a Parts<'_>,
    span: Span,
    asked: Option<Stage>,
) -> Vec<HashMap<&'a UnitId, &'a Cell>> {
    let of_part = |part: &Part<'_>| {
        let stage = part.stage(asked);
        let cells = parts.cells[code_of(part)].iter();
        let cells = cells.filter(|cell| cell.span() == span && cell.stage == stage);
        cells.map(|cell| (&cell.unit, cell)).collect()
    };
    parts.method.parts.iter().map(of_part).collect()
}

/// Gives standard competition ranks to units that are in order of score.
fn give_ranks(standings: &mut [Standing<'_>]) {
    let mut better = 0;
    for tie in standings.chunk_by_mut(|a, b| a.score.score == b.score.score) {
        let tied = tie.len() > 1;
        for standing in &mut *tie {
            (standing.rank, standing.tied) = (better + 1, tied);
        }
        better += tie.len();
    }
}
