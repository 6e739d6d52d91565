//! Hà Nội's calendar in `deploy/hanoi`: the days off that follow from law, and when the regime's periods are due.

use chrono::NaiveDate;
use dinh_lake::feed::Calendar;
use dinh_lake::holiday::HolidayKind;
use dinh_lake::observation::Stage;
use dinh_lake::period::Period;

use crate::hanoi::catalogue;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn each_year_has_the_eleven_days_that_the_law_gives() {
    let catalogue = catalogue();
    for year in 2022..=2026 {
        let of_year = |kinds: &[HolidayKind]| {
            let days = catalogue.holidays.iter().filter(|holiday| kinds.contains(&holiday.kind));
            days.filter(|holiday| holiday.day.format("%Y").to_string() == year.to_string()).count()
        };
        // New Year, Tết, the Hùng Kings' day, 30 April, 1 May, 2 September and the day beside it: 1 + 5 + 1 + 1 + 1 + 2.
        assert_eq!(of_year(&[HolidayKind::Law, HolidayKind::Announced]), 11, "{year}");
        let exchanged = (of_year(&[HolidayKind::Exchanged]), of_year(&[HolidayKind::Worked]));
        assert_eq!(exchanged.0, exchanged.1, "{year}");
        // A day off on a weekend has one in its place.
        let lost = catalogue.holidays.iter().filter(|holiday| {
            let by_law = matches!(holiday.kind, HolidayKind::Law | HolidayKind::Announced);
            by_law
                && holiday.is_weekend()
                && holiday.day.format("%Y").to_string() == year.to_string()
        });
        assert_eq!(lost.count(), of_year(&[HolidayKind::Substitute]), "{year}");
    }
}

#[test]
fn periods_of_the_regime_are_due_two_working_days_after_they_close() {
    let catalogue = catalogue();
    for (label, due) in [
        // Closes on Saturday 14 December 2024: Monday and Tuesday are left.
        ("2024-A1", "2024-12-17T17:00:00+00:00"),
        ("2024-Q4", "2024-12-17T17:00:00+00:00"),
        // Closes on the last day of Tết 2024, a Wednesday.
        ("2024-M02", "2024-02-16T17:00:00+00:00"),
        ("2024-S1", "2024-06-18T17:00:00+00:00"),
        ("2023-12-15/P9M", "2024-09-17T17:00:00+00:00"),
        // A calendar month on the reporting feed: 30 April and 1 May are days off.
        ("2024-04", "2024-05-03T17:00:00+00:00"),
        // 30 April, 1 May and 2 May 2025 are off.
        ("2025-04", "2025-05-06T17:00:00+00:00"),
    ] {
        let period = Period::parse(label, Calendar::Reporting).unwrap();
        let span = (period.start, period.end);
        let found = catalogue.due_at("dan-phuong", span, Stage::SelfReported);
        assert_eq!(found.map(|due| due.to_rfc3339()).as_deref(), Some(due), "{label}");
        assert_eq!(catalogue.due_at("par-index", span, Stage::Final), None, "{label}");
        assert_eq!(catalogue.due_at("nobody", span, Stage::Final), None, "{label}");
    }
    let until = (day("2024-04-25"), day("2024-04-25"));
    assert_eq!(catalogue.due_at("dan-phuong", until, Stage::SelfReported), None);
}
