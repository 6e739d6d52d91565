//! Deadlines (thời hạn gửi báo cáo): when the figures of a period are due, counted in working days after its last day.
//!
//! Decree 09/2019/NĐ-CP, as provinces apply it, gives two working days after the cut-off. A day ends at midnight in Hà Nội,
//! which has no daylight saving time.
//!
//! # Decisions
//! - What is due are figures of whole months on either calendar: the periods that a regime asks for. A figure of a day ("đến
//!   nay") or of a window has no deadline, and a target has none.
//! - On time or late is the *first* report of a cell: a correction that comes later takes nothing from having been in time.
//! - A feed on the reporting calendar has two working days unless its row says otherwise; one on the Gregorian calendar has a
//!   deadline only if its row says so.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, Utc};

use crate::catalogue::Catalogue;
use crate::feed::{Calendar, Feed};
use crate::holiday::Holidays;
use crate::observation::Stage;
use crate::period::Make;

/// The working days that the reporting regime gives.
pub const REGIME_WORKING_DAYS: u32 = 2;

/// The most working days that a feed may have: about a year.
pub const WORKING_DAYS_MAX: u32 = 250;

/// Seconds that Asia/Ho_Chi_Minh is ahead of UTC, all year.
const HANOI_SECONDS_EAST: i32 = 7 * 3600;

/// The working days of a feed whose row does not say.
#[must_use]
pub fn default_working_days(calendar: Calendar) -> Option<u32> {
    (calendar == Calendar::Reporting).then_some(REGIME_WORKING_DAYS)
}

/// The first instant that is too late, so many working days after a period's last day.
#[must_use]
pub fn due_at(end: NaiveDate, working_days: u32, holidays: &Holidays) -> Option<DateTime<Utc>> {
    let last_day = holidays.working_day_after(end, working_days)?;
    let midnight = last_day.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN);
    let hanoi = FixedOffset::east_opt(HANOI_SECONDS_EAST)?;
    Some(midnight.and_local_timezone(hanoi).single()?.to_utc())
}

impl Feed {
    /// When its figures of a period are due: the first instant that is too late. None where they have no deadline.
    #[must_use]
    pub fn due_at(
        &self,
        (start, end): (NaiveDate, NaiveDate),
        stage: Stage,
        holidays: &Holidays,
    ) -> Option<DateTime<Utc>> {
        let regular = matches!(Make::of(start, end), Make::Months { .. });
        let working_days =
            self.deadline_working_days.filter(|_| regular && stage != Stage::Target)?;
        due_at(end, working_days, holidays)
    }
}

impl Catalogue {
    /// When a feed's figures of a period are due, as [`Feed::due_at`]; none for a feed that is not known.
    #[must_use]
    pub fn due_at(
        &self,
        feed: &str,
        span: (NaiveDate, NaiveDate),
        stage: Stage,
    ) -> Option<DateTime<Utc>> {
        self.feeds.get(feed)?.due_at(span, stage, &self.holidays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_ends_at_midnight_in_ha_noi() {
        let due = |end, days| due_at(day(end), days, &Holidays::default()).unwrap().to_rfc3339();
        // The year 2024 closes on Saturday 14 December: Monday and Tuesday are its two working days.
        assert_eq!(due("2024-12-14", 2), "2024-12-17T17:00:00+00:00");
        assert_eq!(due("2024-12-14", 3), "2024-12-18T17:00:00+00:00");
        assert_eq!(due("2024-12-14", 0), "2024-12-14T17:00:00+00:00");
        assert_eq!(due_at(NaiveDate::MAX, 2, &Holidays::default()), None);
    }

    #[test]
    fn only_periods_of_whole_months_are_due() {
        let json = r#"{"feed":"f","name_vi":"f","name_en":null,"class":"official","calendar":"reporting",
            "precedence":1,"within":"01","indicators":[],"deadline_working_days":2}"#;
        let feed: Feed = serde_json::from_str(json).unwrap();
        let due = |start, end, stage| {
            feed.due_at((day(start), day(end)), stage, &Holidays::default()).is_some()
        };
        assert!(due("2023-12-15", "2024-12-14", Stage::SelfReported));
        assert!(due("2024-01-01", "2024-12-31", Stage::Final));
        assert!(!due("2023-12-15", "2024-12-14", Stage::Target));
        assert!(!due("2024-04-25", "2024-04-25", Stage::SelfReported));
        assert!(!due("2023-12-10", "2024-07-30", Stage::SelfReported));
        let without = Feed { deadline_working_days: None, ..feed };
        let span = (day("2023-12-15"), day("2024-12-14"));
        assert_eq!(without.due_at(span, Stage::Final, &Holidays::default()), None);
    }
}
