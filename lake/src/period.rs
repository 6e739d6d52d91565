//! Periods (kỳ số liệu): a period is its span, both days included; its label follows SDMX.
//!
//! | label | calendar | span |
//! |---|---|---|
//! | `2023`, `2024-03`, `2024-03-14` | Gregorian | that year, month, day |
//! | `2023-12-10/2024-07-30` | any | that window |
//! | `2024-A1`, `2024-S1`, `2024-T2`, `2024-Q4`, `2024-M03` | the feed's | the n-th part of the (reporting) year |
//!
//! On the reporting calendar the year 2024 is 2023-12-15/2024-12-14 and its month 3 is 2024-02-15/2024-03-14.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::feed::Calendar;

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
     `2023-12-10/2024-07-30`, or a reporting period `2024-A1`, `2024-S1`, `2024-T1`, `2024-Q4`, `2024-M03`"
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

    /// How many days it has.
    #[must_use]
    pub fn days(&self) -> i64 {
        (self.end - self.start).num_days() + 1
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.label)
    }
}

fn span(label: &str, calendar: Calendar) -> Option<(NaiveDate, NaiveDate)> {
    if let Some((start, end)) = label.split_once('/') {
        return Some((day(start)?, day(end)?));
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
    let january = date(year, 1, 1)?;
    let start = january.checked_add_months(Months::new((ordinal - 1) * months))?;
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
mod tests {
    use super::*;

    fn spans(label: &str, calendar: Calendar) -> String {
        Period::parse(label, calendar)
            .map_or_else(|e| e.to_string(), |p| format!("{}/{}", p.start, p.end))
    }

    #[test]
    fn a_letter_of_several_bytes_is_no_part_of_a_year() {
        for label in ["2024ạ", "2024-ạ", "2024ệệ", "ạ2024", "20ạ"] {
            assert!(Period::parse(label, Calendar::Gregorian).is_err(), "{label}");
        }
    }

    #[test]
    fn gregorian_labels() {
        for (label, span) in [
            ("2023", "2023-01-01/2023-12-31"),
            ("2024-02", "2024-02-01/2024-02-29"),
            ("2024-03-14", "2024-03-14/2024-03-14"),
            ("2023-12-10/2024-07-30", "2023-12-10/2024-07-30"),
            ("2024-A1", "2024-01-01/2024-12-31"),
            ("2024-S2", "2024-07-01/2024-12-31"),
            ("2024-Q4", "2024-10-01/2024-12-31"),
            ("2024-M03", "2024-03-01/2024-03-31"),
        ] {
            assert_eq!(spans(label, Calendar::Gregorian), span, "{label}");
        }
    }

    #[test]
    fn reporting_labels_run_from_the_15th_to_the_14th() {
        for (label, span) in [
            ("2024-A1", "2023-12-15/2024-12-14"),
            ("2024-S1", "2023-12-15/2024-06-14"),
            ("2024-Q4", "2024-09-15/2024-12-14"),
            ("2024-M01", "2023-12-15/2024-01-14"),
            ("2024-M03", "2024-02-15/2024-03-14"),
            ("2024-03", "2024-03-01/2024-03-31"),
        ] {
            assert_eq!(spans(label, Calendar::Reporting), span, "{label}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for label in [
            "",
            "24",
            "2024-13",
            "2024-02-30",
            "2024-07-30/2023-12-10",
            "2024-Q5",
            "2024-M3",
            "03/2024",
            "năm 2023",
            "2024-",
            "1066",
            "2024-03-14-1",
        ] {
            assert!(Period::parse(label, Calendar::Gregorian).is_err(), "{label}");
        }
    }
}
