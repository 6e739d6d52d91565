//! When something was known: `as_of`, the same at every door.
//!
//! - A number is a position of the ledger: what was known when that entry was written.
//! - A time, in RFC 3339, is itself: `2024-06-30T17:00:00+07:00`.
//! - A day is its end in Vietnam: `2024-06-30` is known once that day is over.
//!
//! What was known then is what was recorded by then, so it never changes: rows by `recorded_at`, whatever file they are in
//! by now, and the catalogue as it was recorded by then. What the caller may read is decided by the catalogue of today.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};

use crate::error::{ErrorKind, Fault, QueryError, Text};

/// Vietnam's clocks, which know no summer time, are so far east of UTC, in seconds.
const VIETNAM_EAST: i32 = 7 * 3600;

/// When something was known, as it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// With the ledger entry of this position.
    Position(u64),
    /// At this time, included.
    Time(DateTime<Utc>),
}

/// A moment of the past, found in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The last `recorded_at` that was known, in microseconds since 1970.
    pub stamp: i64,
    /// The newest ledger entry that was known.
    pub position: u64,
}

impl AsOf {
    /// Reads a position, a time or a day.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).ok();
        // The plus of an offset, written bare in an address, arrives as a space.
        let time = time(text).or_else(|| time(&text.replacen(' ', "+", 1)));
        let read = match (text.parse(), text.parse::<NaiveDate>()) {
            (Ok(position), _) => Some(Self::Position(position)),
            (_, Ok(day)) => end_of(day).map(Self::Time),
            _ => time.map(|time| Self::Time(time.to_utc())),
        };
        read.ok_or_else(|| unreadable(text))
    }

    /// The error of one that is not over yet.
    #[must_use]
    pub(crate) fn in_the_future(now: DateTime<Utc>, position: u64) -> QueryError {
        let now = shown(now);
        let message = Text::new(
            format!(
                "thời điểm `as_of` chưa tới; bây giờ là {now}, mục mới nhất của sổ là {position} (một số là vị trí trong \
                 sổ, một ngày là hết ngày đó)"
            ),
            format!(
                "the moment of `as_of` has not come yet; it is {now}, and the newest entry of the ledger is {position} (a \
                 number is a position of the ledger, a day is the end of that day)"
            ),
        );
        QueryError::from_fault(ErrorKind::Invalid, Fault::of("as_of", "as_of.future", message))
    }

    /// The error of one before anything was recorded.
    #[must_use]
    pub(crate) fn before_the_beginning(first: Option<i64>) -> QueryError {
        let first = first.and_then(DateTime::from_timestamp_micros).map(shown);
        let (vi, en) = match &first {
            Some(first) => (
                format!("; mục đầu tiên được ghi lúc {first}"),
                format!("; the first entry is of {first}"),
            ),
            None => ("; sổ chưa có gì".to_owned(), "; nothing is recorded yet".to_owned()),
        };
        let message = Text::new(
            format!("vào thời điểm `as_of` chưa có gì được ghi{vi}"),
            format!("nothing was recorded at the moment of `as_of`{en}"),
        );
        let fault = Fault::of("as_of", "as_of.before_beginning", message).suggest(first);
        QueryError::from_fault(ErrorKind::Invalid, fault)
    }

    /// The error of a moment at which another hub may still be recording.
    #[must_use]
    pub(crate) fn unsettled() -> QueryError {
        let message = Text::new(
            "chưa biết hết những gì được ghi vào thời điểm `as_of`; hãy thử lại sau một phút, hoặc hỏi một thời điểm sớm hơn",
            "not all that is recorded at the moment of `as_of` is known yet; try again in a minute, or ask for an earlier one",
        );
        QueryError::from_fault(ErrorKind::Busy, Fault::of("as_of", "as_of.unsettled", message))
    }
}

impl Moment {
    /// It as answers say it: a time in UTC with microseconds.
    #[must_use]
    pub fn shown(self) -> String {
        DateTime::from_timestamp_micros(self.stamp).map(shown).unwrap_or_default()
    }
}

impl fmt::Display for AsOf {
    /// As it can be asked again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(f, "{position}"),
            Self::Time(time) => f.write_str(&shown(*time)),
        }
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The last microsecond of a day in Vietnam.
fn end_of(day: NaiveDate) -> Option<DateTime<Utc>> {
    let vietnam = FixedOffset::east_opt(VIETNAM_EAST)?;
    let next = day.succ_opt()?.and_time(NaiveTime::MIN).and_local_timezone(vietnam).single()?;
    next.to_utc().checked_sub_signed(TimeDelta::microseconds(1))
}

fn unreadable(text: &str) -> Fault {
    let message = Text::new(
        format!(
            "`{text}` không dùng được cho `as_of`; hãy ghi một vị trí trong sổ như `42`, một thời điểm như \
             `2024-06-30T17:00:00+07:00`, hoặc một ngày như `2024-06-30` (hết ngày đó ở Việt Nam)"
        ),
        format!(
            "`{text}` is no value for `as_of`; write a position of the ledger such as `42`, a time such as \
             `2024-06-30T17:00:00+07:00`, or a day such as `2024-06-30` (the end of that day in Vietnam)"
        ),
    );
    Fault::of("as_of", "parameter.invalid", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_a_time_and_a_day_are_read() {
        let read = |text: &str| AsOf::read(text).map(|as_of| as_of.to_string());
        assert_eq!(read("42").unwrap(), "42");
        for time in
            ["2024-06-30T17:00:00+07:00", "2024-06-30T17:00:00 07:00", "2024-06-30T10:00:00Z"]
        {
            assert_eq!(read(time).unwrap(), "2024-06-30T10:00:00.000000Z", "{time}");
        }
        assert_eq!(read("2024-06-30").unwrap(), "2024-06-30T16:59:59.999999Z");
        for text in ["", "yesterday", "2024-06-31", "-1", "2024-06", "2024-06-30T17:00:00"] {
            assert_eq!(AsOf::read(text).unwrap_err().code, "parameter.invalid", "{text}");
        }
    }
}
