//! Periods (kỳ số liệu): a period is its span, both days included; its label follows SDMX.
//!
//! | label | calendar | span |
//! |---|---|---|
//! | `2023`, `2024-03`, `2024-03-14` | Gregorian | that year, month, day |
//! | `2023-12-10/2024-07-30` | any | that window |
//! | `2023-12-15/P9M`, `2023-12-10/P234D` | any | the same by its length, as SDMX writes a time range |
//! | `2024-A1`, `2024-S1`, `2024-T2`, `2024-Q4`, `2024-M03` | the feed's | the n-th part of the (reporting) year |
//!
//! On the reporting calendar the year 2024 is 2023-12-15/2024-12-14 and its month 3 is 2024-02-15/2024-03-14. What Vietnam's
//! reporting regime asks for is `M`, `Q`, `S1` (6 months), `2023-12-15/P9M` (9 months) and `A1`.
//!
//! # Decisions
//! - SDMX names a reporting year after the year that its start day (`--12-15`) falls in; the regime names it after the year
//!   that it ends in, and so do we. Whoever exports `2024-A1` with `reportingYearStartDay=--12-15` writes `2023-A1`.
//! - Nine months are no part of a year in SDMX, so they are a time range; the period before is the same nine months a year
//!   earlier.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::feed::Calendar;
use crate::observation::codes;

/// A span of days with the label that it was reported under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    /// The first day.
    pub start: NaiveDate,
    /// The last day, included.
    pub end: NaiveDate,
    /// The label, as it was sent.
    pub label: String,
}

/// A text that is no period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a period: write a year `2023`, a month `2024-03`, a day `2024-03-14`, a window \
     `2023-12-10/2024-07-30` or `2023-12-15/P9M`, or a reporting period `2024-A1`, `2024-S1`, `2024-T1`, `2024-Q4`, `2024-M03`"
)]
pub struct PeriodError(pub String);

impl Period {
    /// Reads a label on a calendar; the calendar matters for `A`, `S`, `T`, `Q`, `M` only.
    ///
    /// # Errors
    /// [`PeriodError`] when it is no label, names a day that does not exist, or ends before it starts.
    pub fn parse(label: &str, calendar: Calendar) -> Result<Self, PeriodError> {
        let span = span(label, calendar).filter(|(start, end)| start <= end);
        let (start, end) = span.ok_or_else(|| PeriodError(label.to_owned()))?;
        Ok(Self { start, end, label: label.to_owned() })
    }

    /// The period of a span, under the label that SDMX has for it on a calendar; of a span that has none, the window itself.
    #[must_use]
    pub fn of(start: NaiveDate, end: NaiveDate, calendar: Calendar) -> Self {
        let label = standard_label(start, end, calendar);
        Self { start, end, label: label.unwrap_or_else(|| format!("{start}/{end}")) }
    }

    /// Its SDMX label on a calendar: a window is its first day and its length.
    #[must_use]
    pub fn sdmx(&self, calendar: Calendar) -> String {
        let Self { start, end, .. } = self;
        standard_label(*start, *end, calendar).unwrap_or_else(|| match self.make() {
            Make::Months { count, .. } => format!("{start}/P{count}M"),
            Make::Day | Make::Window => format!("{start}/P{}D", self.days()),
        })
    }

    /// What another period must share for their figures to be compared.
    #[must_use]
    pub fn make(&self) -> Make {
        Make::of(self.start, self.end)
    }

    /// The period of the same make that comes right before; none before a window, which has no such period.
    #[must_use]
    pub fn before(&self, calendar: Calendar) -> Option<Self> {
        let (start, end) = match self.make() {
            Make::Day => (self.start.pred_opt()?, self.end.pred_opt()?),
            Make::Months { count, .. } => {
                let months = Months::new(if 12_u32.is_multiple_of(count) {
                    count
                } else {
                    count.div_ceil(12) * 12
                });
                let after = self.end.succ_opt()?.checked_sub_months(months)?;
                (self.start.checked_sub_months(months)?, after.pred_opt()?)
            }
            Make::Window => return None,
        };
        Some(Self::of(start, end, calendar))
    }

    /// How many days it has.
    #[must_use]
    pub fn days(&self) -> i64 {
        (self.end - self.start).num_days() + 1
    }
}

/// What two spans share if their figures may be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Make {
    /// A single day.
    Day,
    /// Whole months.
    Months {
        /// How many.
        count: u32,
        /// The day of the month that each begins on: 1 on the Gregorian calendar, 15 on the reporting calendar.
        from_day: u32,
    },
    /// Anything else; windows may be compared with windows.
    Window,
}

impl Make {
    /// The make of the span from one day to another, both included.
    #[must_use]
    pub fn of(start: NaiveDate, end: NaiveDate) -> Self {
        if start == end {
            return Self::Day;
        }
        let Some(after) = end.succ_opt() else { return Self::Window };
        let months = (after.year() * 12 + after.month0().cast_signed())
            - (start.year() * 12 + start.month0().cast_signed());
        match u32::try_from(months) {
            Ok(count)
                if count > 0 && start.checked_add_months(Months::new(count)) == Some(after) =>
            {
                Self::Months { count, from_day: start.day() }
            }
            _ => Self::Window,
        }
    }
}

codes! {
    /// The parts that time is cut in to make one figure of several.
    Every {
        /// A month.
        Month = "month",
        /// Three months.
        Quarter = "quarter",
        /// Six months.
        Half = "half",
        /// Twelve months.
        Year = "year",
    }
}

impl Every {
    /// How many months it has.
    #[must_use]
    pub fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Half => 6,
            Self::Year => 12,
        }
    }

    /// The part that a day is in, on a calendar; none where the calendar has no such day.
    #[must_use]
    pub fn around(self, day: NaiveDate, calendar: Calendar) -> Option<Period> {
        let named = match calendar {
            Calendar::Gregorian => day,
            // A reporting month is named after the month of its 14th.
            Calendar::Reporting => {
                day.checked_sub_days(Days::new(14))?.checked_add_months(Months::new(1))?
            }
        };
        let january = NaiveDate::from_ymd_opt(named.year(), 1, 1)?;
        let (start, end) =
            year_part(january, self.months(), named.month0() / self.months(), calendar)?;
        Some(Period::of(start, end, calendar))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.label)
    }
}

fn span(label: &str, calendar: Calendar) -> Option<(NaiveDate, NaiveDate)> {
    if let Some((start, end)) = label.split_once('/') {
        let start = day(start)?;
        return Some((start, if end.starts_with('P') { last_day(start, end)? } else { day(end)? }));
    }
    let year = digits(label.get(..4)?, 4)?;
    match label.get(4..)? {
        "" => Some((date(year, 1, 1)?, date(year, 12, 31)?)),
        rest if rest.len() == 3 && month(rest).is_some() => {
            let start = date(year, month(rest)?, 1)?;
            Some((start, start.checked_add_months(Months::new(1))?.pred_opt()?))
        }
        rest if rest.len() == 6 => day(label).map(|day| (day, day)),
        rest => part(year, rest.strip_prefix('-')?, calendar),
    }
}

/// A part of the year, such as `Q4` or `M03`.
fn part(year: u32, label: &str, calendar: Calendar) -> Option<(NaiveDate, NaiveDate)> {
    let (months, width) = match label.get(..1)? {
        "A" => (12, 1),
        "S" => (6, 1),
        "T" => (4, 1),
        "Q" => (3, 1),
        "M" => (1, 2),
        _ => return None,
    };
    let ordinal = digits(label.get(1..)?, width).filter(|n| (1..=12 / months).contains(n))?;
    year_part(date(year, 1, 1)?, months, ordinal - 1, calendar)
}

/// The part of the (reporting) year that `january` opens, after `before` parts of so many months.
fn year_part(
    january: NaiveDate,
    months: u32,
    before: u32,
    calendar: Calendar,
) -> Option<(NaiveDate, NaiveDate)> {
    let start = january.checked_add_months(Months::new(before * months))?;
    let end = start.checked_add_months(Months::new(months))?.pred_opt()?;
    match calendar {
        Calendar::Gregorian => Some((start, end)),
        // The reporting month is named after the month that it ends in, on the 14th.
        Calendar::Reporting => {
            let back = |first: NaiveDate| {
                first.checked_sub_months(Months::new(1))?.checked_add_days(Days::new(14))
            };
            Some((back(start)?, back(end.succ_opt()?)?.pred_opt()?))
        }
    }
}

/// The last day of a span of a length such as `P9M` or `P234D`.
fn last_day(start: NaiveDate, length: &str) -> Option<NaiveDate> {
    let length = length.strip_prefix('P')?;
    let count = |unit| {
        let count: &str = length.strip_suffix(unit)?;
        let plain = count.bytes().all(|b| b.is_ascii_digit()) && !count.starts_with('0');
        count.parse::<u32>().ok().filter(|_| plain)
    };
    let years = |n: u32| n.checked_mul(12);
    let after = match (count('D'), count('M'), count('Y').and_then(years)) {
        (Some(days), _, _) => start.checked_add_days(Days::new(days.into()))?,
        (_, Some(months), _) | (_, _, Some(months)) => {
            start.checked_add_months(Months::new(months))?
        }
        (None, None, None) => return None,
    };
    after.pred_opt()
}

/// The label of a span that is a day, or a part of the year of a calendar.
fn standard_label(start: NaiveDate, end: NaiveDate, calendar: Calendar) -> Option<String> {
    let Make::Months { count, from_day } = Make::of(start, end) else {
        return (start == end).then(|| start.to_string());
    };
    let year = start.format("%Y");
    match (calendar, from_day, count) {
        (_, 1, 12) if start.month() == 1 => return Some(year.to_string()),
        (_, 1, 1) => return Some(start.format("%Y-%m").to_string()),
        (Calendar::Gregorian, 1, _) | (Calendar::Reporting, 15, _) => {}
        _ => return None,
    }
    let letter = match count {
        12 => 'A',
        6 => 'S',
        4 => 'T',
        3 => 'Q',
        1 => 'M',
        _ => return None,
    };
    // Of a reporting period, the month that it is named after is that of its last day.
    let last = end.month0() + 1;
    if !last.is_multiple_of(count) {
        return None;
    }
    let width = if letter == 'M' { 2 } else { 1 };
    Some(format!("{}-{letter}{:0width$}", end.format("%Y"), last / count))
}

fn day(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    date(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)
}

fn month(rest: &str) -> Option<u32> {
    digits(rest.strip_prefix('-')?, 2)
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
        .filter(|date| date.year() >= 1900)
}

fn digits(text: &str, width: usize) -> Option<u32> {
    if text.len() != width || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests;
