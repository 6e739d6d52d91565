//! `current` against what it means, the first row of a window over all revisions, and what submissions changed against a walk
//! through them; on made-up histories in files of every kind.
//!
//! The seed is printed; `DINH_TEST_SEED` gives it again, and `DINH_TEST_ROUNDS` makes more histories.

use std::collections::BTreeMap;
use std::fmt::Write;

use dinh_lake::catalogue::{Record, RecordKind};
use dinh_query::{Access, SqlLimits};

use crate::dice::{Dice, seed, setting};
use crate::hanoi::{Hanoi, Row, row};

const INDICATORS: [&str; 3] =
    ["community_digital_teams", "community_team_members", "par_index_pct"];
const FEEDS: [&str; 3] = ["ha-noi", "dan-phuong", "demo-synthetic"];

/// What is asked of both, beside all: on keys, on anything else, and on both.
const FILTERS: [&str; 6] = [
    "unit = '002.1'",
    "period_end >= DATE '2022-06-01' AND indicator <> 'par_index_pct'",
    "value > 3",
    "submission IN ('1', '2', '5', '8', '13', '21')",
    "unit IN ('001.1', '003.1') AND status = 'provisional'",
    "value > 3 OR unit = '001.1'",
];

/// Some rows of one push, each cell once.
fn push(dice: &mut Dice) -> Vec<Row> {
    let mut rows = BTreeMap::new();
    for _ in 0..=dice.below(6) {
        let cell = [
            ("indicator", dice.one(&INDICATORS)),
            ("unit", dice.one(&["001", "002", "003"])),
            ("period", dice.one(&["2021", "2022", "2022-S1"])),
            ("stage", dice.one(&["self", "final"])),
        ];
        let value = dice.below(6).to_string();
        let figure = match dice.below(5) {
            0 => [("value", ""), ("status", "withdrawn")],
            1 => [("value", value.as_str()), ("status", "provisional")],
            _ => [("value", value.as_str()), ("status", "normal")],
        };
        rows.insert(cell, row(&[&cell[..], &figure[..]].concat()));
    }
    rows.into_values().collect()
}

async fn check(dice: &mut Dice, hanoi: &Hanoi, history: &str) {
    let columns = "indicator, unit, period, stage, value, status, feed, feed_class, submission, row, recorded_at, position";
    for feeds in ["feed IN ('ha-noi', 'dan-phuong')", "feed = 'demo-synthetic'"] {
        for filter in ["true", dice.one(&FILTERS), dice.one(&FILTERS)] {
            let sql = [
                format!(
                    "SELECT {columns} FROM current WHERE {feeds} AND ({filter}) ORDER BY recorded_at, row"
                ),
                format!(
                    "SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY indicator, unit, period_start, \
                     period_end, stage, feed ORDER BY recorded_at DESC) AS age FROM observations WHERE {feeds}) \
                     WHERE age = 1 AND status <> 'withdrawn' AND ({filter}) ORDER BY recorded_at, row"
                ),
                format!("SELECT count(*) FROM current WHERE {feeds} AND ({filter})"),
            ];
            let mut answers = Vec::new();
            for sql in sql {
                answers.push(hanoi.sql(&sql, &Access::everything()).await.unwrap());
            }
            assert_eq!(answers[0], answers[1], "{feeds} {filter}; {history}");
            assert_eq!(answers[2], [answers[1].len().to_string()], "{feeds} {filter}; {history}");
        }
    }
}

/// The counts of `submissions` against a walk through all revisions, oldest first.
async fn check_counts(hanoi: &Hanoi, history: &str) {
    for feed in FEEDS {
        let everything = Access::everything();
        let sql = format!(
            "SELECT submission, indicator || unit || period || stage, status, value FROM observations \
             WHERE feed = '{feed}' ORDER BY recorded_at, row"
        );
        let mut cells: BTreeMap<String, String> = BTreeMap::new();
        let mut counts: BTreeMap<String, [usize; 3]> = BTreeMap::new();
        for line in hanoi.sql(&sql, &everything).await.unwrap() {
            let [submission, cell, content] = line.splitn(3, ',').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let before = if content.starts_with("withdrawn") {
                cells.remove(cell).map(|_| String::new())
            } else {
                cells.insert(cell.to_owned(), content.to_owned()).or(Some("nothing".to_owned()))
            };
            let kind = match before.as_deref() {
                Some("nothing") => 0,
                Some(before) if before != content => 1,
                _ => 2,
            };
            counts.entry(submission.to_owned()).or_default()[kind] += 1;
        }
        let expected = counts.into_iter().map(|(id, [new, revised, unchanged])| {
            format!("{id},{new},{revised},{unchanged},{}", new + revised + unchanged)
        });
        let sql = format!(
            "SELECT submission, rows_new, rows_revised, rows_unchanged, accepted FROM submissions \
             WHERE feed = '{feed}' ORDER BY submission"
        );
        let counted = hanoi.sql(&sql, &everything).await.unwrap();
        assert_eq!(counted, expected.collect::<Vec<_>>(), "{feed}; {history}");
    }
}

async fn histories(dice: &mut Dice) {
    let mut hanoi = Hanoi::empty().await;
    let mut history = String::new();
    let mut pushes = 0;
    for _ in 0..3 {
        for _ in 0..25 + dice.below(20) {
            pushes += 1;
            hanoi.push(dice.one(&FEEDS), &pushes.to_string(), &push(dice)).await;
        }
        let care = dice.below(3);
        for _ in 0..care {
            hanoi.lake.ledger().maintain().await.unwrap();
        }
        if dice.below(2) == 0 {
            hanoi = hanoi.reopened().await;
            history.push_str("reopened, ");
        }
        let partitions = 1 + dice.below(3);
        hanoi.limit(SqlLimits { partitions: Some(partitions), ..SqlLimits::default() });
        write!(history, "{pushes} pushes, cared {care} times, {partitions} partitions; ").unwrap();
        check(dice, &hanoi, &history).await;
        check_counts(&hanoi, &history).await;
    }
    // The ledger keeps figures of an indicator that is in the catalogue no more.
    let kind = RecordKind::Indicator;
    let gone = Record { kind, key: "community_team_members".to_owned(), content: None };
    hanoi.lake.apply(vec![gone]).await.unwrap();
    check(dice, &hanoi, &history).await;
    check_counts(&hanoi, &history).await;
}

#[tokio::test]
async fn the_newest_and_the_changes_are_as_a_window_and_a_walk_tell() {
    let mut dice = Dice(seed());
    for _ in 0..setting("DINH_TEST_ROUNDS").unwrap_or(1) {
        histories(&mut dice).await;
    }
}
