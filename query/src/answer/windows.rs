//! The newest figures first: windows of periods, from the latest back, so that a question about the latest period does not
//! read the history of its indicator.
//!
//! Nobody keeps a list of periods; files tell about where their rows lie, see [`Statement::stretches`]. The first window
//! holds at least so many rows as are cheap to read ([`SqlLimits::window_rows`](crate::SqlLimits)), each next one some times as many as all before it, and the last one
//! all that is left. Who finds what it looks for stops; all together cost no more than a few times what was needed.
//!
//! Invariants:
//! - Windows follow each other without a gap or an overlap, and the last one has no beginning: every cell is in one.
//! - Cells of one period are in one window, for a window ends between two days.

use std::cmp::Reverse;

use chrono::NaiveDate;

use crate::error::QueryError;
use crate::sql::{Statement, Stretch};

/// How many times as many rows as all before it the next window has, at least.
const GROWTH: u64 = 4;

/// Periods that end from a day to before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first day on which they may end; none: any.
    pub from: Option<NaiveDate>,
    /// The day before which they end; none: any.
    pub before: Option<NaiveDate>,
}

/// All windows, the latest first.
#[derive(Debug)]
pub struct Windows {
    before: Option<NaiveDate>,
    /// Where each begins, from the latest; the last one is none.
    begins: std::vec::IntoIter<Option<NaiveDate>>,
}

impl Windows {
    /// The windows of some indicators; with `through`, of periods that end up to that day.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn of(
        statement: &Statement,
        indicators: &[&str],
        through: Option<NaiveDate>,
    ) -> Result<Self, QueryError> {
        let mut stretches = statement.stretches(indicators).await?;
        let before = through.and_then(|day| day.succ_opt());
        if let Some(day) = through {
            // Of those that go on beyond, nothing is known but that they may end there.
            stretches.iter_mut().for_each(|stretch| stretch.last_end = stretch.last_end.min(day));
        }
        Ok(Self { before, begins: begins(stretches, statement.window_rows()).into_iter() })
    }
}

impl Iterator for Windows {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let from = self.begins.next()?;
        let window = Window { from, before: self.before };
        self.before = from;
        Some(window)
    }
}

fn begins(mut stretches: Vec<Stretch>, rows_first: u64) -> Vec<Option<NaiveDate>> {
    stretches.sort_unstable_by_key(|stretch| Reverse(stretch.last_end));
    let (mut begins, mut passed, mut enough) = (Vec::new(), 0, rows_first);
    for Stretch { last_end, rows } in stretches {
        passed += rows;
        if passed >= enough && begins.last() != Some(&Some(last_end)) {
            begins.push(Some(last_end));
            enough = passed.saturating_mul(GROWTH);
        }
    }
    begins.push(None);
    begins
}

#[cfg(test)]
mod tests {
    use super::super::fixture::day;
    use super::*;

    fn windows(through: Option<&str>, stretches: &[(&str, u64)]) -> Vec<String> {
        let stretch = |(end, rows): &(&str, u64)| Stretch { last_end: day(end), rows: *rows };
        let begins = begins(stretches.iter().map(stretch).collect(), 16_384);
        let windows = Windows { before: through.map(day), begins: begins.into_iter() };
        let text = |day: Option<NaiveDate>| day.map_or_else(|| "…".to_owned(), |d| d.to_string());
        windows.map(|window| format!("{} {}", text(window.from), text(window.before))).collect()
    }

    #[test]
    fn a_few_rows_are_one_window() {
        assert_eq!(windows(None, &[]), ["… …"]);
        assert_eq!(windows(None, &[("2023-12-31", 9_000), ("2024-12-31", 100)]), ["… …"]);
    }

    #[test]
    fn windows_follow_each_other_and_grow() {
        let pages: Vec<_> = [
            "2024-12-31",
            "2024-12-31",
            "2024-11-30",
            "2024-10-31",
            "2024-09-30",
            "2024-08-31",
            "2024-07-31",
            "2024-06-30",
            "2024-05-31",
        ]
        .map(|end| (end, 20_000))
        .to_vec();
        let expected = ["2024-12-31 2025-01-01", "2024-10-31 2024-12-31", "… 2024-10-31"];
        assert_eq!(windows(Some("2025-01-01"), &pages), expected);
    }
}
