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
fn the_regime_has_its_periods() {
    let reporting = |label| spans(label, Calendar::Reporting);
    assert_eq!(reporting("2024-M12"), "2024-11-15/2024-12-14");
    assert_eq!(reporting("2024-Q1"), "2023-12-15/2024-03-14");
    assert_eq!(reporting("2024-S1"), "2023-12-15/2024-06-14");
    assert_eq!(reporting("2023-12-15/P9M"), "2023-12-15/2024-09-14");
    assert_eq!(reporting("2024-A1"), reporting("2023-12-15/P1Y"));
    assert_eq!(reporting("2023-12-10/P234D"), "2023-12-10/2024-07-30");
}

#[test]
fn a_label_gives_a_span_and_the_span_its_label() {
    use Calendar::{Gregorian, Reporting};
    for (calendar, label, sdmx) in [
        (Gregorian, "2023", "2023"),
        (Gregorian, "2023-A1", "2023"),
        (Gregorian, "2024-02", "2024-02"),
        (Gregorian, "2024-M02", "2024-02"),
        (Gregorian, "2024-Q3", "2024-Q3"),
        (Gregorian, "2024-T2", "2024-T2"),
        (Gregorian, "2024-S2", "2024-S2"),
        (Gregorian, "2024-03-14", "2024-03-14"),
        (Gregorian, "2024-02-01/P3M", "2024-02-01/P3M"),
        (Gregorian, "2023-12-15/2024-12-14", "2023-12-15/P12M"),
        (Gregorian, "2023-12-10/2024-07-30", "2023-12-10/P234D"),
        (Reporting, "2023", "2023"),
        (Reporting, "2024-02", "2024-02"),
        (Reporting, "2024-A1", "2024-A1"),
        (Reporting, "2024-S2", "2024-S2"),
        (Reporting, "2024-T3", "2024-T3"),
        (Reporting, "2024-Q4", "2024-Q4"),
        (Reporting, "2024-M01", "2024-M01"),
        (Reporting, "2023-12-15/2024-09-14", "2023-12-15/P9M"),
        (Reporting, "2024-01-01/2024-03-31", "2024-01-01/P3M"),
    ] {
        let period = Period::parse(label, calendar).unwrap();
        assert_eq!(period.sdmx(calendar), sdmx, "{label}");
        let again = Period::parse(sdmx, calendar).unwrap();
        assert_eq!((again.start, again.end), (period.start, period.end), "{label}");
        let named = Period::of(period.start, period.end, calendar);
        let named = Period::parse(&named.label, calendar).unwrap();
        assert_eq!((named.start, named.end), (period.start, period.end), "{label}");
    }
}

#[test]
fn the_period_before_is_of_the_same_make() {
    use Calendar::{Gregorian, Reporting};
    for (calendar, label, before) in [
        (Gregorian, "2024", Some("2023")),
        (Gregorian, "2024-03", Some("2024-02")),
        (Gregorian, "2024-01", Some("2023-12")),
        (Gregorian, "2024-03-01", Some("2024-02-29")),
        (Gregorian, "2024-Q1", Some("2023-Q4")),
        (Gregorian, "2023-12-10/2024-07-30", None),
        (Reporting, "2024-A1", Some("2023-A1")),
        (Reporting, "2024-M01", Some("2023-M12")),
        (Reporting, "2024-S1", Some("2023-S2")),
        (Reporting, "2023-12-15/P9M", Some("2022-12-15/2023-09-14")),
    ] {
        let period = Period::parse(label, calendar).unwrap();
        let found = period.before(calendar);
        assert_eq!(found.as_ref().map(|p| p.label.as_str()), before, "{label}");
        assert!(found.is_none_or(|found| found.make() == period.make()), "{label}");
    }
}

#[test]
fn time_is_cut_in_parts_that_each_day_is_in_one_of() {
    for calendar in [Calendar::Gregorian, Calendar::Reporting] {
        for every in Every::ALL {
            let mut day = date(2023, 11, 1).unwrap();
            let mut part = every.around(day, calendar).unwrap();
            while day < date(2025, 2, 1).unwrap() {
                let of_day = every.around(day, calendar).unwrap();
                assert!(of_day.start <= day && day <= of_day.end, "{every} {day}");
                let make = Make::Months { count: every.months(), from_day: of_day.start.day() };
                assert_eq!(of_day.make(), make, "{every} {day}");
                assert!(of_day == part || of_day.start == part.end.succ_opt().unwrap());
                (part, day) = (of_day, day.succ_opt().unwrap());
            }
        }
    }
    let year = Every::Year.around(date(2023, 12, 15).unwrap(), Calendar::Reporting).unwrap();
    assert_eq!(year.label, "2024-A1");
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
        "2023-12-15/P",
        "2023-12-15/P0M",
        "2023-12-15/P9",
        "2023-12-15/P-9M",
        "2023-12-15/P09M",
        "2023-12-15/P99999999999D",
    ] {
        assert!(Period::parse(label, Calendar::Gregorian).is_err(), "{label}");
    }
}
