use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::UnitAggregation;

use super::super::fixture::{catalogue, cell, feed, indicator, units};
use super::*;

/// A city of five districts, and one elsewhere.
fn city() -> Catalogue {
    let rows = [
        ("VN", "country", ""),
        ("01", "city", "VN"),
        ("A", "district", "01"),
        ("B", "district", "01"),
        ("C", "district", "01"),
        ("D", "district", "01"),
        ("E", "district", "01"),
        ("68", "city", "VN"),
        ("Z", "district", "68"),
    ];
    catalogue(units(&rows), indicator("teams", UnitAggregation::Sum))
}

fn reports(catalogue: &Catalogue, cells: Vec<Cell>) -> Reports<'_> {
    let cells = cells.into_iter().map(|cell| ("teams".to_owned(), cell)).collect();
    let sources = Sources::of(catalogue, None).unwrap();
    Reports { catalogue, seen: Seen { position: 7, as_of: None }, sources, cells }
}

fn codes(units: &[UnitName]) -> Vec<&str> {
    units.iter().map(|unit| unit.code.as_str()).collect()
}

/// The row of the districts.
fn row_of(catalogue: &Catalogue, cells: Vec<Cell>, within: &str) -> CoverageRow {
    let within = (!within.is_empty()).then(|| within.to_owned());
    let asked = Asked { level: Some("district".to_owned()), within, ..Asked::default() };
    coverage(&reports(catalogue, cells), &asked).unwrap().rows.remove(0)
}

#[test]
fn each_unit_is_on_time_late_or_silent() {
    let catalogue = city();
    let cells = vec![
        cell("A", "2024", "1").reported(false),
        cell("B", "2024", "1").reported(true),
        // Late by one feed, in time by another.
        cell("C", "2024", "1").reported(true),
        cell("C", "2024", "1").of_feed("district").reported(false),
        // Nothing was due.
        cell("D", "2024", "1"),
        // An aim is no report.
        cell("E", "2024", "9").at(Stage::Target),
    ];
    let row = row_of(&catalogue, cells, "");
    assert_eq!((row.reported, row.expected), (4, 5));
    assert_eq!((row.on_time, codes(&row.late.unwrap())), (Some(2), vec!["B"]));
    assert_eq!(codes(&row.silent), ["E"]);
}

#[test]
fn an_aim_in_the_future_is_not_the_latest_period() {
    let catalogue = city();
    let cells = vec![cell("A", "2024", "1"), cell("A", "2030", "9").at(Stage::Target)];
    let answer = coverage(&reports(&catalogue, cells), &Asked::default()).unwrap();
    assert_eq!((answer.period.as_str(), answer.rows.len()), ("2024", 1));
}

#[test]
fn a_named_feed_says_when_it_is_due_before_anybody_reported() {
    let mut catalogue = city();
    let mut monthly = feed("monthly", dinh_lake::feed::FeedClass::Official, 1);
    monthly.indicators.insert("teams".to_owned());
    monthly.deadline_working_days = Some(2);
    catalogue.feeds.insert("monthly".to_owned(), monthly);
    let mut reports = reports(&catalogue, Vec::new());
    reports.sources = Sources::of(&catalogue, Some("monthly")).unwrap();
    let asked = Asked {
        level: Some("district".to_owned()),
        period: Some("2024-11".to_owned()),
        ..Asked::default()
    };
    let row = coverage(&reports, &asked).unwrap().rows.remove(0);
    assert_eq!((row.reported, row.expected, row.silent.len()), (0, 5, 5));
    // Saturday 30 November: Monday and Tuesday are left.
    assert_eq!(row.due_at.as_deref(), Some("2024-12-03T17:00:00.000000Z"));
}

#[test]
fn nothing_is_ever_covered_by_more_than_is_expected() {
    let catalogue = city();
    let codes = ["A", "B", "C", "D", "E", "Z", "nobody"];
    for seed in 0..300_u64 {
        let mut state = seed;
        let mut roll = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((state >> 33) % below).unwrap()
        };
        let mut cells = vec![cell("A", "2024", "1")];
        for _ in 0..roll(30) {
            let stage = Stage::ALL[roll(5)];
            let feed = ["city", "district"][roll(2)];
            let late = [None, Some(true), Some(false)][roll(3)];
            let of = cell(codes[roll(7)], "2024", "1").at(stage).of_feed(feed);
            cells.push(Cell { late, ..of });
        }
        let within = ["", "01", "VN"][roll(3)];
        let row = row_of(&catalogue, cells, within);
        let late = row.late.as_ref().map_or(0, Vec::len);
        let on_time = usize::try_from(row.on_time.unwrap_or(0)).unwrap();
        assert_eq!(row.reported + row.silent.len(), row.expected, "seed {seed}");
        assert!(on_time + late <= row.reported && row.expected <= 6, "seed {seed}: {row:?}");
        assert_eq!(row.on_time.is_some(), row.late.is_some(), "seed {seed}");
    }
}
