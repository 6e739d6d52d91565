//! Holds the rows that land against the present state: what the lake has of the same unit, of the units around it, and what
//! the submission itself says beside it.
//!
//! Every rule only warns, and says at which position the state was. A rule warns of what is hardly ever true, because a
//! warning that is often wrong is soon read by nobody: small numbers, shares, scores and figures that go on as before never
//! warn. Where what it would need is not known, a rule is silent.
//!
//! Cost: a row of an indicator without such rules costs a glance; one with them a look-up of its series, and one of its
//! family, which is gathered once for all its rows.

mod codes;
mod family;
mod history;
mod stock;
mod withdrawal;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use dinh_lake::decimal::Decimal;
use dinh_lake::indicator::{Indicator, StateRule};
use dinh_lake::intern::Seed;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::present::{Figure, Length, Series, SeriesOf, View};
use dinh_lake::unit::UnitVersion;

use super::Context;
use super::cells::{Cell, Cells};
use super::finding::Finding;
use super::known::{Known, Span};
use super::landed::{Landed, Landing};
use super::place::Places;
use crate::columns::Columns;

/// What was judged of a submission before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged<'a> {
    pub(super) columns: &'a Columns,
    pub(super) context: Context<'a>,
    pub(super) known: &'a Known<'a>,
    pub(super) places: &'a Places<'a>,
    pub(super) cells: &'a Cells,
    pub(super) landed: &'a Landed,
}

/// What was found, row by row in order, and the position that it was held against.
#[derive(Debug)]
pub(super) struct Warnings {
    pub(super) position: u64,
    pub(super) findings: Vec<(u32, Finding)>,
}

/// Holds a submission against a view.
pub(super) fn judge(judged: Judged<'_>, view: &View<'_>) -> Warnings {
    let mut state = State {
        judged,
        view,
        units: judged.places.units().iter().map(|unit| view.unit(unit.as_str())).collect(),
        series: HashMap::default(),
        kin: HashMap::default(),
        counts: HashMap::default(),
        codes: Vec::new(),
        families: HashMap::default(),
        summed: HashSet::default(),
        stocks: None,
        findings: Vec::new(),
    };
    for at in 0..judged.landed.rows.len() {
        state.row(at);
    }
    let position = view.position();
    let mut findings = state.findings;
    findings.sort_by_key(|(row, _)| *row);
    let at = |(row, finding): (u32, Finding)| (row, finding.against(position));
    Warnings { position, findings: findings.into_iter().map(at).collect() }
}

/// A row, with all that its rules ask for.
#[derive(Clone, Copy, Debug)]
struct Row<'a> {
    /// Its number in the submission, from 0.
    row: u32,
    cell: Cell,
    indicator: &'a Indicator,
    unit: &'a UnitVersion,
    span: Span,
    start: i32,
    end: i32,
    value: Decimal,
    is_exact: bool,
    /// The series of all units at its indicator, stage and length.
    series: Option<SeriesOf>,
}

struct State<'a> {
    judged: Judged<'a>,
    view: &'a View<'a>,
    /// The numbers in the view of the submission's units.
    units: Vec<Option<u32>>,
    series: HashMap<(u32, u8, u8), Option<SeriesOf>, Seed>,
    /// By number of the unit, and epoch.
    kin: HashMap<(u32, u32), family::Kin<'a>, Seed>,
    /// Large counts and whose they are, by cell without its unit, and by place of the family in `codes`.
    counts: HashMap<(u128, usize), HashMap<Decimal, &'a UnitVersion, Seed>, Seed>,
    /// The codes of the units that have one parent, and of the parent.
    codes: Vec<family::Codes<'a>>,
    /// Where they stand, by the parent, or the unit itself if it has none, and the epoch.
    families: HashMap<(&'a str, bool, u32), usize, Seed>,
    /// The families, by cell without its unit and by the unit above, that were added up.
    summed: HashSet<(u128, &'a str), Seed>,
    stocks: Option<stock::Stocks>,
    findings: Vec<(u32, Finding)>,
}

impl<'a> State<'a> {
    fn row(&mut self, at: usize) {
        let landing = &self.judged.landed.landings[at];
        if landing.status == Status::Withdrawn {
            return self.withdrawal(self.judged.landed.rows[at], landing);
        }
        let Some(row) = self.gather(at) else { return };
        let before = self.of_unit(&row, row.cell.unit).and_then(|series| series.earlier(row.end));
        let before = before.copied();
        let found = before.and_then(|before| {
            history::judge(&row, &before, self.judged.columns.value.sent(row.row as usize))
        });
        self.findings.extend(found.map(|finding| (row.row, finding)));
        if row.indicator.rules.added.is_some() {
            self.stock(&row);
        }
        let goes_on = before.is_some_and(|before| history::goes_on(row.value, before.value));
        let kin = self.kin(&row);
        if !goes_on {
            self.code(&row, kin);
        }
        self.family(&row, kin, goes_on);
    }

    /// What the rules ask for of a landed row; none if there is no rule for it.
    fn gather(&mut self, at: usize) -> Option<Row<'a>> {
        let Judged { columns, known, places, landed, .. } = self.judged;
        let (row, landing) = (landed.rows[at], &landed.landings[at]);
        let key = columns.indicator.key(row as usize);
        let ruled =
            known.indicators[key as usize].as_ref().ok().filter(|ruled| ruled.needs_state)?;
        let value = landing.value?;
        let span = known.spans[landing.span as usize];
        let (start, end) = (days(span.start), days(span.end));
        let cell =
            Cell { indicator: key, unit: landing.unit, span: landing.span, stage: landing.stage };
        Some(Row {
            row,
            cell,
            indicator: ruled.indicator,
            unit: places.version(landing.unit, span),
            span,
            start,
            end,
            value,
            is_exact: landing.qualifier == Qualifier::Exact,
            series: self.series_of(key, ruled.indicator, landing.stage, Length::of(start, end)),
        })
    }

    fn series_of(
        &mut self,
        key: u32,
        indicator: &Indicator,
        stage: Stage,
        length: Length,
    ) -> Option<SeriesOf> {
        let (feed, view) = (&self.judged.context.feed.feed, self.view);
        *self
            .series
            .entry((key, stage as u8, length as u8))
            .or_insert_with(|| view.series(feed, &indicator.indicator, stage, length))
    }

    /// The series of a unit of the submission at a row's indicator, stage and length.
    fn of_unit(&self, row: &Row<'_>, unit: u32) -> Option<&'a Series> {
        self.view.of_unit(row.series?, self.units[unit as usize]?)
    }

    /// What the ledger has of any unit for a row's period.
    fn recorded(&self, row: &Row<'_>, unit: &UnitVersion) -> Option<&'a Figure> {
        let series = row.series.filter(|series| self.view.newest(*series) >= row.end)?;
        let unit = self.view.unit(unit.unit.as_str())?;
        self.view.of_unit(series, unit)?.at(row.start, row.end)
    }

    /// What the submission says of a cell, if the row lands.
    fn sent(&self, cell: Cell) -> Option<(u32, &'a Landing)> {
        let row = self.judged.cells.row(cell)?;
        let at = self.judged.landed.rows.binary_search(&row).ok()?;
        Some((row, &self.judged.landed.landings[at]))
    }

    fn warn(&mut self, row: u32, finding: Finding) {
        self.findings.push((row, finding));
    }
}

impl Row<'_> {
    fn holds(&self, rule: StateRule) -> bool {
        self.indicator.holds(rule)
    }

    /// The cell without its unit.
    fn of_all_units(&self) -> u128 {
        Cell { unit: 0, ..self.cell }.packed()
    }
}

/// Days since 1970, as Arrow counts them.
fn days(day: NaiveDate) -> i32 {
    arrow::datatypes::Date32Type::from_naive_date(day)
}

#[cfg(test)]
mod tests;
