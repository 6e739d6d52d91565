//! Rankings against plain SQL that DuckDB runs over the same files: made-up figures with ties, gaps, revisions, withdrawals,
//! competing feeds, made-up feeds and units that change, in fresh and merged files.
//!
//! DuckDB comes from PyPI, see [`crate::python`]. `DINH_TEST_ROUNDS` makes more lakes of some hundred rankings each.

use std::collections::BTreeMap;
use std::path::Path;

use dinh_lake::Decimal;
use dinh_query::SqlLimits;
use serde_json::Value;

use crate::dice::{Dice, seed, setting};
use crate::hanoi::{Hanoi, Row, row};
use crate::python::python;

const RANK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/engines/rank.py");
const REQUIREMENTS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/engines/requirements.txt");

/// Units of one level that are near each other, so that several feeds report them.
const UNITS_OF_A_LEVEL: usize = 9;
/// Across the reforms of Hà Nội, on both calendars, with gaps between.
const PERIODS: [&str; 12] = [
    "2022",
    "2023",
    "2024",
    "2025",
    "2024-11",
    "2024-12",
    "2025-01",
    "2025-06",
    "2025-07",
    "2024-06-30",
    "2025-07-02",
    "2023-12-10/2024-07-30",
];

/// Which ranking: indicator, first day, last day and level.
type Case = [String; 4];
/// A place in it: rank, whether it is shared, unit, value, and value and rank in the period before.
type Place = (i64, bool, String, Decimal, Option<Decimal>, Option<i64>);

/// The rankings of a lake by DuckDB.
fn by_duckdb(python: &Path, lake: &Path) -> BTreeMap<Case, Vec<Place>> {
    let output = std::process::Command::new(python).arg(RANK).arg(lake).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rankings: BTreeMap<Case, Vec<Place>> = BTreeMap::new();
    let mut lines = csv::ReaderBuilder::new().has_headers(false).from_reader(&output.stdout[..]);
    for line in lines.records() {
        let line = line.unwrap();
        let case = [0, 1, 2, 3].map(|field| line[field].to_owned());
        let place = (
            line[4].parse().unwrap(),
            &line[5] == "True",
            line[6].to_owned(),
            line[7].parse().unwrap(),
            line[8].parse().ok(),
            line[9].parse().ok(),
        );
        rankings.entry(case).or_default().push(place);
    }
    rankings
}

/// The places of one ranking of the hub.
fn places(ranking: &Value) -> Vec<Place> {
    let exact = |value: &Value| value.to_string().parse::<Decimal>().ok();
    let place = |row: &Value| {
        let rank = row["rank"].as_i64().unwrap();
        let movement = row["previous_rank"].as_i64().map(|before| before - rank);
        assert_eq!(row["movement"].as_i64(), movement, "{row}");
        let (value, before) = (exact(&row["value"]).unwrap(), exact(&row["previous_value"]));
        let change = before.map(|before| value.checked_sub(before).unwrap());
        assert_eq!(exact(&row["change"]), change, "{row}");
        let unit = row["unit"].as_str().unwrap().to_owned();
        (rank, row["tied"].as_bool().unwrap(), unit, value, before, row["previous_rank"].as_i64())
    };
    ranking["rows"].as_array().unwrap().iter().map(place).collect()
}

/// Codes of some districts and some communes on a day.
fn codes(hanoi: &Hanoi, period: &str) -> Vec<String> {
    let end =
        dinh_lake::period::Period::parse(period, dinh_lake::feed::Calendar::Gregorian).unwrap().end;
    let units = &hanoi.lake.catalogue().units;
    let of = |level| {
        let units = units.at(end, Some(level), None, None).into_iter();
        let of_city = units.filter(|unit| {
            unit.code.len() == 3 && unit.code.as_str() < "300"
                || unit.code.len() == 5 && unit.code.as_str() < "11000"
        });
        of_city.take(UNITS_OF_A_LEVEL).map(|unit| unit.code.clone()).collect::<Vec<_>>()
    };
    [of("district"), of("commune")].concat()
}

/// A push of figures of one indicator in one period.
fn figures(dice: &mut Dice, hanoi: &Hanoi, indicator: &str) -> Vec<Row> {
    let period = dice.one(&PERIODS);
    let codes = codes(hanoi, period);
    // Few values, so that there are ties.
    let values = 1 + dice.below(12);
    let mut rows = Vec::new();
    for code in codes {
        if dice.below(4) == 0 {
            continue;
        }
        let (units, cents) = (dice.below(values), dice.below(3) * 25);
        let value = format!("{units}.{cents:02}");
        let (value, status) = match dice.below(12) {
            0 => ("", "withdrawn"),
            1 => (value.as_str(), "provisional"),
            _ => (value.as_str(), "normal"),
        };
        let cell = [("indicator", indicator), ("unit", &*code), ("period", period)];
        rows.push(row(&[&cell[..], &[("value", value), ("status", status)]].concat()));
    }
    rows
}

async fn round(dice: &mut Dice, python: &Path) -> usize {
    let mut hanoi = Hanoi::empty().await;
    let catalogue = hanoi.lake.catalogue();
    let plain =
        catalogue.indicators.values().filter(|i| i.numerator.is_none() && i.precedence.is_empty());
    let plain = plain.filter(|i| i.tier == dinh_lake::indicator::Tier::Open);
    let indicators: Vec<_> = plain.map(|indicator| indicator.indicator.clone()).take(6).collect();
    let lower = catalogue
        .indicators
        .values()
        .find(|i| i.direction == dinh_lake::indicator::Direction::Lower && i.numerator.is_none());
    let indicators: Vec<&str> = indicators
        .iter()
        .map(String::as_str)
        .chain(lower.map(|indicator| indicator.indicator.as_str()))
        .collect();
    // One calendar, so that a label names one period.
    let feeds = ["par-index", "par-index", "city-too", "demo-synthetic"];
    let mut too = catalogue.feeds["par-index"].clone();
    too.feed = "city-too".to_owned();
    too.precedence += 1;
    hanoi.lake.apply(vec![(&too).into()]).await.unwrap();
    for push in 0..90 {
        let indicator = indicators[dice.below(indicators.len())];
        let rows = figures(dice, &hanoi, indicator);
        if !rows.is_empty() {
            hanoi.push(dice.one(&feeds), &push.to_string(), &rows).await;
        }
        if push == 60 {
            hanoi.lake.ledger().maintain().await.unwrap();
            hanoi = hanoi.reopened().await;
        }
    }
    // Many windows, so that what is read of a history is not all of it.
    hanoi.limit(SqlLimits { window_rows: 1 + dice.below(60) as u64, ..SqlLimits::default() });
    let rankings = by_duckdb(python, hanoi.folder.path());
    assert!(rankings.len() > 50, "{} rankings are too few", rankings.len());
    for (case, expected) in &rankings {
        let [indicator, start, end, level] = case.each_ref().map(String::as_str);
        let period = if start == end { start.to_owned() } else { format!("{start}/{end}") };
        let asked =
            [("indicator", indicator), ("period", &*period), ("level", level), ("within", "01")];
        let ranking = hanoi.ask("rankings", &asked).await.unwrap();
        assert_eq!(places(&ranking), *expected, "{case:?}");
    }
    // Without a period, the latest: of those that end last the one that begins last.
    let mut latest: BTreeMap<[&str; 2], &Case> = BTreeMap::new();
    for case in rankings.keys() {
        let best = latest.entry([&case[0], &case[3]]).or_insert(case);
        if [&best[2], &best[1]] < [&case[2], &case[1]] {
            *best = case;
        }
    }
    for ([indicator, level], case) in latest {
        let asked = [("indicator", indicator), ("level", level), ("within", "01")];
        let ranking = hanoi.ask("rankings", &asked).await.unwrap();
        assert_eq!(places(&ranking), rankings[case], "the latest is {case:?}");
    }
    rankings.len()
}

#[tokio::test]
async fn rankings_are_those_of_plain_sql() {
    let mut dice = Dice(seed());
    let python = python(REQUIREMENTS).await;
    let mut cases = 0;
    for _ in 0..setting("DINH_TEST_ROUNDS").unwrap_or(1) {
        cases += round(&mut dice, &python).await;
    }
    eprintln!("{cases} rankings agree");
}
