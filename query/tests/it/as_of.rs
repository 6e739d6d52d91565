//! What was known at a moment: it never changes, whatever is recorded later and whatever becomes of the files.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta};
use dinh_lake::Clock;
use dinh_lake::catalogue::{Record, RecordKind};
use dinh_lake::indicator::Direction;
use dinh_query::{ErrorKind, SqlLimits};
use serde_json::{Value, json};

use crate::dice::{Dice, seed, setting};
use crate::hanoi::{Hanoi, Row, row};

/// A clock that stands still until it is set.
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn at(time: &str) -> Self {
        let hands = Self(Arc::default());
        hands.set(time);
        hands
    }

    fn set(&self, time: &str) {
        let time = DateTime::parse_from_rfc3339(time).unwrap();
        self.0.store(time.timestamp_micros(), Ordering::Relaxed);
    }

    fn pass(&self, time: TimeDelta) {
        self.0.fetch_add(time.num_microseconds().unwrap(), Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let micros = Arc::clone(&self.0);
        Clock::from_fn(move || {
            DateTime::from_timestamp_micros(micros.load(Ordering::Relaxed)).unwrap()
        })
    }

    fn text(&self) -> String {
        let now = DateTime::from_timestamp_micros(self.0.load(Ordering::Relaxed)).unwrap();
        now.to_rfc3339()
    }
}

fn score(unit: &str, value: &str) -> Row {
    row(&[
        ("indicator", "par_index_pct"),
        ("unit", unit),
        ("period", "2023-12"),
        ("stage", "final"),
        ("value", value),
    ])
}

const RANKING: [(&str, &str); 3] =
    [("indicator", "par_index_pct"), ("level", "district"), ("period", "2023-12")];

async fn ranking(hanoi: &Hanoi, as_of: &str) -> Value {
    let asked = [&RANKING[..], &[("as_of", as_of)]].concat();
    hanoi.ask("rankings", &asked).await.unwrap()
}

fn ranks(ranking: &Value) -> Vec<(&str, i64)> {
    let rows = ranking["rows"].as_array().unwrap().iter();
    rows.map(|row| (row["code"].as_str().unwrap(), row["rank"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn a_correction_today_leaves_the_rank_of_yesterday() {
    let hands = Hands::at("2024-01-05T09:00:00+07:00");
    let hanoi = Hanoi::by_clock(hands.clock()).await;
    let first = hanoi.push("par-index", "1", &[score("273", "90"), score("268", "80")]).await;
    hands.set("2024-06-20T15:00:00+07:00");
    let second = hanoi.push("par-index", "2", &[score("273", "70")]).await;

    let old = [("273", 1), ("268", 2)];
    let yesterday = ranking(&hanoi, "2024-06-19").await;
    assert_eq!(ranks(&yesterday), old);
    assert_eq!(yesterday["as_of"], "2024-06-19T16:59:59.999999Z");
    assert_eq!(yesterday["position"], first);
    assert_eq!(ranks(&ranking(&hanoi, &first.to_string()).await), old);
    assert_eq!(ranks(&ranking(&hanoi, "2024-06-20T14:59:59+07:00").await), old);

    let new = [("268", 1), ("273", 2)];
    for as_of in ["2024-06-20T15:00:00+07:00", &second.to_string()] {
        assert_eq!(ranks(&ranking(&hanoi, as_of).await), new, "{as_of}");
    }
    let now = hanoi.ask("rankings", &RANKING).await.unwrap();
    assert_eq!((ranks(&now), &now["as_of"]), (new.to_vec(), &Value::Null));

    let cell = [("indicator", "par_index_pct"), ("unit", "273"), ("period", "2023-12")];
    let history = hanoi.ask("history", &cell).await.unwrap();
    let of = |row: usize| {
        let row = &history["rows"][row];
        json!([row["value"], row["recorded_at"], row["superseded_at"]])
    };
    let (from, to) = ("2024-01-05T02:00:00.000000Z", "2024-06-20T08:00:00.000000Z");
    assert_eq!(of(0), json!([90, from, to]));
    assert_eq!(of(1), json!([70, to, null]));
    let asked = [&cell[..], &[("as_of", "2024-06-19")]].concat();
    let then = hanoi.ask("history", &asked).await.unwrap();
    assert_eq!(then["rows"].as_array().unwrap().len(), 1);
    assert_eq!(then["rows"][0]["superseded_at"], Value::Null);
}

#[tokio::test]
async fn a_correction_of_the_catalogue_leaves_the_order_of_then() {
    let hands = Hands::at("2024-01-05T09:00:00+07:00");
    let hanoi = Hanoi::by_clock(hands.clock()).await;
    hanoi.push("par-index", "1", &[score("273", "90"), score("268", "80")]).await;
    hands.set("2024-06-20T15:00:00+07:00");
    hanoi.lake.apply(vec![turned(&hanoi)]).await.unwrap();
    assert_eq!(ranks(&ranking(&hanoi, "2024-06-19").await), [("273", 1), ("268", 2)]);
    let now = hanoi.ask("rankings", &RANKING).await.unwrap();
    assert_eq!(ranks(&now), [("268", 1), ("273", 2)]);
}

#[tokio::test]
async fn what_is_restricted_today_is_restricted_as_of_then() {
    let hands = Hands::at("2024-01-05T09:00:00+07:00");
    let hanoi = Hanoi::by_clock(hands.clock()).await;
    hanoi.push("par-index", "1", &[score("273", "90")]).await;
    let mut indicator = hanoi.lake.catalogue().indicators["par_index_pct"].clone();
    indicator.tier = dinh_lake::indicator::Tier::Restricted;
    hands.set("2024-06-20T15:00:00+07:00");
    hanoi.lake.apply(vec![Record::from(&indicator)]).await.unwrap();
    let asked = [&RANKING[..], &[("as_of", "2024-06-19")]].concat();
    let error = hanoi.ask("rankings", &asked).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unauthenticated, "indicator.not_open"));
}

#[tokio::test]
async fn a_moment_that_is_none_is_refused() {
    let hands = Hands::at("2024-01-05T09:00:00+07:00");
    let hanoi = Hanoi::by_clock(hands.clock()).await;
    let position = hanoi.push("par-index", "1", &[score("273", "90")]).await;
    let next = (position + 1).to_string();
    for (as_of, code) in [
        ("2024-01-05", "as_of.future"),
        ("2024-01-05T09:00:01+07:00", "as_of.future"),
        (next.as_str(), "as_of.future"),
        ("0", "as_of.before_beginning"),
        ("2024-01-04", "as_of.before_beginning"),
        ("lately", "parameter.invalid"),
    ] {
        for question in ["rankings", "totals", "feeds"] {
            let mut asked = vec![("as_of", as_of)];
            if question != "feeds" {
                asked.push(("indicator", "par_index_pct"));
            }
            let error = hanoi.ask(question, &asked).await.unwrap_err();
            assert_eq!((error.kind, error.code), (ErrorKind::Invalid, code), "{question} {as_of}");
            assert_eq!(error.faults[0].parameter.as_deref(), Some("as_of"), "{question} {as_of}");
        }
    }
}

/// The indicator with its better end turned round.
fn turned(hanoi: &Hanoi) -> Record {
    let mut indicator = hanoi.lake.catalogue().indicators["par_index_pct"].clone();
    indicator.direction = match indicator.direction {
        Direction::Lower => Direction::Higher,
        _ => Direction::Lower,
    };
    Record::from(&indicator)
}

/// The catalogue with one thing corrected.
fn corrected(dice: &mut Dice, hanoi: &Hanoi) -> Vec<Record> {
    let catalogue = hanoi.lake.catalogue();
    match dice.below(3) {
        0 => vec![turned(hanoi)],
        1 => {
            let versions = catalogue.units.versions();
            let mut unit = versions.iter().find(|version| version.code == "001").unwrap().clone();
            unit.name = format!("Quận số {}", dice.below(100));
            vec![Record::from(&unit)]
        }
        _ => {
            let (kind, key) = (RecordKind::Indicator, "community_team_members".to_owned());
            let again = catalogue.indicators.get("community_digital_teams").map(|known| {
                dinh_lake::indicator::Indicator { indicator: key.clone(), ..known.clone() }
            });
            let gone = Record { kind, key, content: None };
            let is_known = catalogue.indicators.contains_key("community_team_members");
            vec![if is_known { gone } else { Record::from(&again.unwrap()) }]
        }
    }
}

fn rows(dice: &mut Dice) -> Vec<Row> {
    let indicators = ["community_digital_teams", "par_index_pct"];
    let mut rows = std::collections::BTreeMap::new();
    for _ in 0..=dice.below(5) {
        let cell = [
            ("indicator", dice.one(&indicators)),
            ("unit", dice.one(&["001", "002", "003"])),
            ("period", dice.one(&["2021", "2022"])),
        ];
        let value = dice.below(6).to_string();
        let status = if dice.below(5) == 0 { "withdrawn" } else { "normal" };
        let value = if status == "withdrawn" { "" } else { value.as_str() };
        rows.insert(cell, row(&[&cell[..], &[("value", value), ("status", status)]].concat()));
    }
    rows.into_values().collect()
}

/// What can be asked, each with its parameters.
const QUESTIONS: [(&str, &[(&str, &str)]); 9] = [
    ("rankings", &[("indicator", "par_index_pct")]),
    (
        "rankings",
        &[("indicator", "community_digital_teams"), ("level", "district"), ("period", "2021")],
    ),
    ("totals", &[("indicator", "community_digital_teams"), ("by", "district")]),
    ("series", &[("indicator", "par_index_pct"), ("unit", "001")]),
    ("history", &[("indicator", "par_index_pct"), ("unit", "001"), ("period", "2022")]),
    ("coverage", &[("level", "district")]),
    ("units", &[("q", "Quận số")]),
    ("indicators", &[]),
    ("feeds", &[]),
];

/// The answers to all questions, refusals among them.
async fn answers(hanoi: &Hanoi, as_of: Option<&str>) -> Vec<Result<Value, &'static str>> {
    let mut answers = Vec::new();
    for (question, asked) in QUESTIONS {
        let mut asked = asked.to_vec();
        asked.extend(as_of.map(|as_of| ("as_of", as_of)));
        answers.push(hanoi.ask(question, &asked).await.map_err(|error| error.code));
    }
    answers
}

async fn histories(dice: &mut Dice) {
    let hands = Hands::at("2024-01-05T09:00:00+07:00");
    let mut hanoi = Hanoi::by_clock(hands.clock()).await;
    let (mut known, mut pushes) = (Vec::new(), 0);
    for _ in 0..40 {
        hands.pass(TimeDelta::seconds(1));
        match dice.below(8) {
            0 => {
                let records = corrected(dice, &hanoi);
                hanoi.lake.apply(records).await.unwrap();
            }
            1 => {
                hanoi.lake.ledger().maintain().await.unwrap();
            }
            2 if dice.below(3) == 0 => hanoi = hanoi.reopened().await,
            _ => {
                pushes += 1;
                let rows = rows(dice);
                let feed = dice.one(&["ha-noi", "par-index"]);
                let position = hanoi.push(feed, &pushes.to_string(), &rows).await;
                if dice.below(4) == 0 {
                    known.push((
                        position.to_string(),
                        answers(&hanoi, Some(&position.to_string())).await,
                    ));
                }
            }
        }
        if dice.below(5) == 0 {
            let now = hands.text();
            let then = answers(&hanoi, Some(&now)).await;
            let unbounded = answers(&hanoi, None).await;
            for (then, mut unbounded) in then.iter().zip(unbounded) {
                if let (Ok(then), Ok(unbounded)) = (then, &mut unbounded) {
                    // Merging is an entry too, but brings nothing to know.
                    for member in ["as_of", "position"] {
                        unbounded[member] = then[member].clone();
                    }
                }
                assert_eq!(*then, unbounded, "as of {now}");
            }
            known.push((now, then));
        }
    }
    // Enough that early and late rows are merged into one file.
    for _ in 0..40 {
        pushes += 1;
        hands.pass(TimeDelta::seconds(1));
        hanoi.push("ha-noi", &pushes.to_string(), &rows(dice)).await;
    }
    hanoi.lake.apply(corrected(dice, &hanoi)).await.unwrap();
    hanoi.lake.ledger().maintain().await.unwrap();
    hanoi = hanoi.reopened().await;
    let files = hanoi.lake.ledger().snapshot().files.clone();
    assert!(files.iter().any(|file| file.is_sorted()), "files were merged");
    let (partitions, window_rows) = (Some(1 + dice.below(3)), 1 + dice.below(20) as u64);
    hanoi.limit(SqlLimits { partitions, window_rows, ..SqlLimits::default() });
    for (as_of, then) in &known {
        assert_eq!(answers(&hanoi, Some(as_of)).await, *then, "as of {as_of}");
    }
}

#[tokio::test]
async fn what_was_known_never_changes() {
    let mut dice = Dice(seed());
    for _ in 0..setting("DINH_TEST_ROUNDS").unwrap_or(1) {
        histories(&mut dice).await;
    }
}
