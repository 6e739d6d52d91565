//! One series: its two newest periods, each with its newest figure.

use crate::decimal::Decimal;

/// How long a period is: figures of periods of one length can be held against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Length {
    /// One day: what was so on it.
    Day,
    /// A month, of whatever calendar.
    Month,
    /// Three months.
    Quarter,
    /// Four months.
    Third,
    /// Six months.
    Half,
    /// A year.
    Year,
    /// Any other window.
    Window,
}

impl Length {
    /// The length of a span of days since 1970, both included.
    #[must_use]
    pub fn of(start: i32, end: i32) -> Self {
        match end - start + 1 {
            1 => Self::Day,
            28..=31 => Self::Month,
            89..=92 => Self::Quarter,
            120..=123 => Self::Third,
            181..=184 => Self::Half,
            365..=366 => Self::Year,
            _ => Self::Window,
        }
    }
}

/// The figure of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The first day, counted from 1970.
    pub start: i32,
    /// The last day, included.
    pub end: i32,
    /// The value; zero where it is withdrawn.
    pub value: Decimal,
    /// The stamp of the row.
    pub recorded_at: i64,
    /// Whether it was taken back.
    pub is_withdrawn: bool,
    /// Whether it is neither about, nor above, nor below.
    pub is_exact: bool,
}

impl Figure {
    fn period(&self) -> (i32, i32) {
        (self.end, self.start)
    }
}

/// The two newest periods of a series.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    newest: Figure,
    before: Option<Figure>,
}

impl Series {
    pub(super) fn new(figure: Figure) -> Self {
        Self { newest: figure, before: None }
    }

    pub(super) fn take_in(&mut self, figure: Figure) {
        let before = self.before.map(|before| before.period());
        if figure.period() == self.newest.period() {
            revise(&mut self.newest, figure);
        } else if figure.period() > self.newest.period() {
            self.before = Some(std::mem::replace(&mut self.newest, figure));
        } else if let Some(known) = self.before.as_mut().filter(|_| before == Some(figure.period()))
        {
            revise(known, figure);
        } else if before.is_none_or(|before| before < figure.period()) {
            self.before = Some(figure);
        }
    }

    /// The figure of a period, if it is one of the two that are known, and not withdrawn.
    #[must_use]
    pub fn at(&self, start: i32, end: i32) -> Option<&Figure> {
        self.known().find(|figure| figure.period() == (end, start))
    }

    /// Whether a period certainly has no figure: it was withdrawn, or is not so old that it may be forgotten.
    #[must_use]
    pub fn lacks(&self, start: i32, end: i32) -> bool {
        let figures = [Some(&self.newest), self.before.as_ref()];
        match figures.into_iter().flatten().find(|figure| figure.period() == (end, start)) {
            Some(figure) => figure.is_withdrawn,
            None => self.before.is_none_or(|before| before.period() < (end, start)),
        }
    }

    /// The newest known figure of a period that was over before one began that ends on this day; the others are of the same
    /// length, so what ended earlier began earlier.
    #[must_use]
    pub fn earlier(&self, end: i32) -> Option<&Figure> {
        self.known().find(|figure| figure.end < end)
    }

    /// What is known and not withdrawn, newest first.
    fn known(&self) -> impl Iterator<Item = &Figure> {
        let figures = [Some(&self.newest), self.before.as_ref()];
        figures.into_iter().flatten().filter(|figure| !figure.is_withdrawn)
    }
}

fn revise(known: &mut Figure, figure: Figure) {
    if figure.recorded_at >= known.recorded_at {
        *known = figure;
    }
}
