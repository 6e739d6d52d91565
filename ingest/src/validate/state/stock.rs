//! A stock is what it was before plus what was added, where the catalogue says which indicator counts that.

use std::collections::HashMap;

use dinh_lake::decimal::Decimal;
use dinh_lake::intern::Seed;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::present::Length;

use super::super::cells::Cell;
use super::super::messages;
use super::{Row, State, days};

/// A figure of an earlier period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    length: Length,
    end: i32,
    value: Decimal,
    is_exact: bool,
}

/// The figures of the submission whose indicators have this rule, by indicator, unit and stage.
pub(super) type Stocks = HashMap<(u32, u32, u8), Vec<Earlier>, Seed>;

impl<'a> State<'a> {
    /// Judges a stock.
    pub(super) fn stock(&mut self, row: &Row<'a>) {
        // Aims do not add up, and what is hedged is not exact.
        if !row.is_exact || row.cell.stage == Stage::Target {
            return;
        }
        let Some(code) = row.indicator.rules.added.as_deref() else { return };
        let (Some(added), Some(before)) = (self.added(row, code), self.before(row)) else { return };
        // A day's figure says what was so on it; the day before last may be any. Longer periods must follow each other.
        let follows = before.length == Length::Day || before.end + 1 == row.start;
        if !follows || !before.is_exact || before.value.checked_add(added) == Some(row.value) {
            return;
        }
        let finding = messages::not_previous_plus_added(row.value, before.value, added, code);
        self.warn(row.row, finding);
    }

    /// What was added in the row's period.
    fn added(&mut self, row: &Row<'a>, code: &str) -> Option<Decimal> {
        let indicators = self.judged.columns.indicator.words();
        let key = indicators.into_iter().position(|word| word == code).map(|key| key as u32);
        let sent = key.and_then(|indicator| self.sent(Cell { indicator, ..row.cell }));
        if let Some((_, landing)) = sent {
            let counts =
                landing.qualifier == Qualifier::Exact && landing.status != Status::Withdrawn;
            return landing.value.filter(|_| counts);
        }
        let length = Length::of(row.start, row.end);
        let feed = &self.judged.context.feed.feed;
        let series = self.view.series(feed, code, row.cell.stage, length)?;
        let unit = self.units[row.cell.unit as usize]?;
        let figure = self.view.of_unit(series, unit)?.at(row.start, row.end)?;
        figure.is_exact.then_some(figure.value)
    }

    /// The newest figure before the row's period, of the submission or the ledger.
    fn before(&mut self, row: &Row<'a>) -> Option<Earlier> {
        let length = Length::of(row.start, row.end);
        let recorded = self.of_unit(row, row.cell.unit).and_then(|series| series.earlier(row.end));
        let recorded = recorded.map(|figure| Earlier {
            length,
            end: figure.end,
            value: figure.value,
            is_exact: figure.is_exact,
        });
        if self.stocks.is_none() {
            self.stocks = Some(self.gather_stocks());
        }
        let key = (row.cell.indicator, row.cell.unit, row.cell.stage as u8);
        let sent = self.stocks.as_ref().and_then(|stocks| stocks.get(&key)).into_iter().flatten();
        let sent = sent.filter(|earlier| earlier.length == length && earlier.end < row.end);
        // Of one day the submission's own figure is the newer one.
        recorded.into_iter().chain(sent.copied()).max_by_key(|earlier| earlier.end)
    }

    fn gather_stocks(&self) -> Stocks {
        let mut stocks = Stocks::default();
        let landed = self.judged.landed;
        for (row, landing) in landed.rows.iter().zip(&landed.landings) {
            let indicator = self.judged.columns.indicator.key(*row as usize);
            let ruled = self.judged.known.indicators[indicator as usize].as_ref().ok();
            let Some(value) = landing.value.filter(|_| landing.status != Status::Withdrawn) else {
                continue;
            };
            if ruled.is_none_or(|ruled| ruled.indicator.rules.added.is_none()) {
                continue;
            }
            let span = self.judged.known.spans[landing.span as usize];
            let (start, end) = (days(span.start), days(span.end));
            let is_exact = landing.qualifier == Qualifier::Exact;
            let key = (indicator, landing.unit, landing.stage as u8);
            let earlier = Earlier { length: Length::of(start, end), end, value, is_exact };
            stocks.entry(key).or_default().push(earlier);
        }
        stocks
    }
}
