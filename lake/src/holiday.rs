//! Public holidays (ngày nghỉ lễ, tết), and which days are worked.
//!
//! A day is worked if it is no Saturday, no Sunday and no day off, or if the file says that it is worked in exchange. The
//! holidays follow from the Labour Code 2019, art. 112; a day off that falls on a Saturday or Sunday moves to the next working
//! day (art. 111); which days stand for Tết and for the second National Day, and which days are exchanged, is announced each
//! year. So they are data.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use crate::observation::codes;

codes! {
    /// Why a day is off, or is not.
    HolidayKind {
        /// Off by law, on the day that the law names.
        Law = "law",
        /// Off by law, on a day that was announced.
        Announced = "announced",
        /// Off in the place of a day off that fell on a Saturday or Sunday.
        Substitute = "substitute",
        /// Off in exchange for a day that is worked.
        Exchanged = "exchanged",
        /// A Saturday or Sunday that is worked in exchange for a day off.
        Worked = "worked",
    }
}

/// One day of the catalogue's calendar that is not what its weekday says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// The day.
    pub day: NaiveDate,
    /// Its name in Vietnamese.
    pub name_vi: String,
    /// Its name in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// Why it is off, or is not.
    pub kind: HolidayKind,
}

impl Holiday {
    /// Whether the day is one on which nobody works without it being a holiday.
    #[must_use]
    pub fn is_weekend(&self) -> bool {
        is_weekend(self.day)
    }
}

/// Days looked through for a working day at most; no law gives so long a holiday.
const DAYS_MAX: usize = 366;

/// The days that are not what their weekday says, by day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    days: BTreeMap<NaiveDate, Holiday>,
}

impl Holidays {
    /// Whether a day is worked.
    #[must_use]
    pub fn is_worked(&self, day: NaiveDate) -> bool {
        match self.days.get(&day) {
            Some(holiday) => holiday.kind == HolidayKind::Worked,
            None => !is_weekend(day),
        }
    }

    /// The n-th working day after a day; the day itself for n = 0. None past the end of the calendar.
    #[must_use]
    pub fn working_day_after(&self, day: NaiveDate, n: u32) -> Option<NaiveDate> {
        let Some(before) = usize::try_from(n).ok()?.checked_sub(1) else { return Some(day) };
        let days = day.iter_days().skip(1).take(DAYS_MAX.saturating_add(before.saturating_mul(7)));
        days.filter(|day| self.is_worked(*day)).nth(before)
    }

    /// The days in order.
    pub fn iter(&self) -> impl Iterator<Item = &Holiday> {
        self.days.values()
    }
}

impl FromIterator<Holiday> for Holidays {
    fn from_iter<I: IntoIterator<Item = Holiday>>(holidays: I) -> Self {
        Self { days: holidays.into_iter().map(|holiday| (holiday.day, holiday)).collect() }
    }
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn holidays(days: &[(&str, HolidayKind)]) -> Holidays {
        let holiday = |(text, kind): &(&str, HolidayKind)| Holiday {
            day: day(text),
            name_vi: "ngày nghỉ".to_owned(),
            name_en: None,
            kind: *kind,
        };
        days.iter().map(holiday).collect()
    }

    #[test]
    fn weekends_and_holidays_are_no_working_days() {
        let reunification = holidays(&[
            ("2024-04-29", HolidayKind::Exchanged),
            ("2024-04-30", HolidayKind::Law),
            ("2024-05-01", HolidayKind::Law),
            ("2024-05-04", HolidayKind::Worked),
        ]);
        let after = |text, n| reunification.working_day_after(day(text), n).unwrap().to_string();
        assert_eq!(after("2024-04-26", 0), "2024-04-26");
        assert_eq!(after("2024-04-26", 1), "2024-05-02");
        assert_eq!(after("2024-04-26", 3), "2024-05-04");
        assert_eq!(after("2024-04-26", 4), "2024-05-06");
        // A cut-off on a Saturday counts from the Monday.
        assert_eq!(after("2024-12-14", 2), "2024-12-17");
        let none = Holidays::default().working_day_after(NaiveDate::MAX, 1);
        assert_eq!(none, None);
    }
}
