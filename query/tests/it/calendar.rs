//! Deadlines, coverage, time, stages and rankings, asked for as a reader would.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use dinh_lake::Clock;
use dinh_lake::catalogue::Record;
use dinh_lake::holiday::{Holiday, HolidayKind};
use dinh_query::Access;
use serde_json::{Value, json};

use crate::hanoi::{Hanoi, Row, row};

/// A clock that tests set.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    /// The hand at a time in RFC 3339.
    fn at(time: &str) -> Self {
        let hand = Self::default();
        hand.set(time);
        hand
    }

    fn set(&self, time: &str) {
        let time = DateTime::parse_from_rfc3339(time).unwrap();
        self.0.store(time.timestamp_micros(), Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hand = Arc::clone(&self.0);
        Clock::from_fn(move || {
            DateTime::from_timestamp_micros(hand.load(Ordering::SeqCst)).unwrap()
        })
    }
}

/// A figure of an indicator.
fn figure(indicator: &str, unit: &str, period: &str, value: &str) -> Row {
    row(&[("indicator", indicator), ("unit", unit), ("period", period), ("value", value)])
}

fn codes(units: &Value) -> Vec<&str> {
    units.as_array().unwrap().iter().map(|unit| unit["code"].as_str().unwrap()).collect()
}

/// The row of a unit.
fn of<'a>(answer: &'a Value, code: &str) -> &'a Value {
    answer["rows"].as_array().unwrap().iter().find(|row| row["code"] == code).unwrap()
}

/// PAR INDEX of all thirty districts, most of it made up: 24 scores of 2023 and 29 of 2022.
fn thirty() -> Vec<Row> {
    let text = include_str!("../data/par_index.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>().unwrap();
    let made_up = |row: &&Row| row["made_up"] == "true" && row["period"] == "2023";
    assert_eq!((rows.len(), rows.iter().filter(made_up).count()), (60, 24));
    let score = |row: &Row| {
        let mut row = row.clone();
        row.remove("made_up");
        row.insert("indicator".to_owned(), "par_index_pct".to_owned());
        row
    };
    rows.iter().map(score).collect()
}

const PAR: [(&str, &str); 3] =
    [("indicator", "par_index_pct"), ("level", "district"), ("period", "2023")];

#[tokio::test]
async fn the_whole_par_index_ranks_dan_phuong_21st_up_two_as_reported() {
    let hanoi = Hanoi::published().await;
    hanoi.push("par-index", "thirty", &thirty()).await;
    let ranking = hanoi.ask("rankings", &PAR).await.unwrap();
    let first: Vec<_> =
        ranking["rows"].as_array().unwrap()[..4].iter().map(|r| &r["rank"]).collect();
    assert_eq!(first, [&json!(1), &json!(2), &json!(2), &json!(4)]);
    assert_eq!((&ranking["universe"], &ranking["ranked"]), (&json!(30), &json!(30)));
    let dan_phuong = of(&ranking, "273");
    assert_eq!((&dan_phuong["rank"], &dan_phuong["reported_rank"]), (&json!(21), &json!(21)));
    assert_eq!((&dan_phuong["previous_rank"], &dan_phuong["movement"]), (&json!(23), &json!(2)));
    assert_eq!(dan_phuong["change"].to_string(), "2.13");
    assert_eq!(of(&ranking, "280")["rank"], 30);
    assert_eq!(ranking["compared_with"]["period"], "2022");
    assert_eq!((&ranking["missing"], &ranking["excluded"]), (&json!([]), &json!([])));

    let dense = hanoi.ask("rankings", &[&PAR[..], &[("ties", "dense")]].concat()).await.unwrap();
    assert_eq!(of(&dense, "273")["rank"], 20);
    let shared = [&PAR[..], &[("ties", "fractional"), ("limit", "3")]].concat();
    let shared = hanoi.ask("rankings", &shared).await.unwrap();
    assert_eq!(shared["rows"][1]["rank"].to_string(), "2.5");
    let kind = hanoi.ask("rankings", &[&PAR[..], &[("kind", "huyen")]].concat()).await.unwrap();
    assert_eq!(kind["universe"], 17);
    assert_eq!(kind["excluded"], json!([{"reason": "kind", "units": 13}]));
    let change = hanoi.ask("rankings", &[&PAR[..], &[("by", "change")]].concat()).await.unwrap();
    let changes: Vec<f64> =
        change["rows"].as_array().unwrap().iter().map(|r| r["change"].as_f64().unwrap()).collect();
    assert!(changes.is_sorted_by(|a, b| a >= b) && changes.len() == 30);
}

#[tokio::test]
async fn a_push_on_the_third_working_day_is_late_counted_and_ranks_anew() {
    // The reporting year 2024 closes on Saturday 14 December; Monday and Tuesday are its two working days.
    let hand = Hand::at("2024-12-16T03:00:00Z");
    let hanoi = Hanoi::by_clock(hand.clock()).await;
    let teams = |unit, value| figure("community_digital_teams", unit, "2024-A1", value);
    hanoi.push("long-bien", "in-time", &[teams("004", "200")]).await;
    // The last minute of Tuesday in Hà Nội.
    hand.set("2024-12-17T16:59:59Z");
    hanoi.push("ha-noi", "last-minute", &[teams("005", "150")]).await;
    let before = hand.0.load(Ordering::SeqCst);
    let asked =
        [("indicator", "community_digital_teams"), ("period", "2024-A1"), ("level", "district")];
    let ranking = hanoi.ask("rankings", &asked).await.unwrap();
    assert_eq!(
        (of(&ranking, "004")["rank"].clone(), of(&ranking, "005")["rank"].clone()),
        (json!(1), json!(2))
    );
    assert_eq!(
        (&ranking["coverage"]["on_time"], &ranking["coverage"]["late"]),
        (&json!(2), &json!([]))
    );

    hand.set("2024-12-18T02:00:00Z");
    hanoi.push("dan-phuong", "third-day", &[teams("273", "180")]).await;
    // A correction on the third day does not make the first report late.
    hanoi.push("long-bien", "corrected", &[teams("004", "170")]).await;
    let now = hanoi.ask("rankings", &asked).await.unwrap();
    assert_eq!(codes(&now["rows"]), ["273", "004", "005"]);
    let coverage = &now["coverage"];
    assert_eq!((&coverage["reported"], &coverage["expected"]), (&json!(3), &json!(30)));
    assert_eq!((&coverage["on_time"], codes(&coverage["late"])), (&json!(2), vec!["273"]));
    let against = DateTime::from_timestamp_micros(before).unwrap().to_rfc3339();
    let against = [&asked[..], &[("against", against.as_str())]].concat();
    let revised = hanoi.ask("rankings", &against).await.unwrap();
    let long_bien = of(&revised, "004");
    assert_eq!((&long_bien["previous_rank"], &long_bien["movement"]), (&json!(1), &json!(-1)));
    assert_eq!((&long_bien["previous_value"], &long_bien["change"]), (&json!(200), &json!(-30)));
    assert_eq!(of(&revised, "273")["previous_rank"], Value::Null);
    assert!(revised["compared_with"]["as_of"].is_string());

    let pushes = "SELECT submission, rows, late, due_at FROM timeliness WHERE period_end = '2024-12-14' ORDER BY recorded_at";
    let told = ["in-time,1,false", "last-minute,1,false", "third-day,1,true"];
    let told = told.map(|told| format!("{told},2024-12-17T17:00:00Z"));
    assert_eq!(hanoi.sql(pushes, &Access::everything()).await.unwrap(), told);
    let asked = [("period", "2024-A1"), ("level", "district"), ("within", "01")];
    let answer = hanoi.ask("coverage", &asked).await.unwrap();
    let of = &answer["rows"][0];
    assert_eq!(
        (&of["reported"], &of["on_time"], codes(&of["late"])),
        (&json!(3), &json!(2), vec!["273"])
    );
    assert_eq!(of["silent"].as_array().unwrap().len(), 27);
    assert_eq!(of["due_at"], "2024-12-17T17:00:00.000000Z");
    let totals =
        [("indicator", "community_digital_teams"), ("period", "2024-A1"), ("within", "01")];
    let totals = hanoi.ask("totals", &totals).await.unwrap();
    assert_eq!(
        (&totals["coverage"]["on_time"], codes(&totals["coverage"]["late"])),
        (&json!(2), vec!["273"])
    );
    let series = [("indicator", "community_digital_teams"), ("unit", "273")];
    assert_eq!(hanoi.ask("series", &series).await.unwrap()["rows"][0]["late"], true);
}

#[tokio::test]
async fn a_holiday_that_is_announced_later_moves_the_deadline_and_not_what_was_known() {
    let hand = Hand::at("2024-12-18T02:00:00Z");
    let hanoi = Hanoi::by_clock(hand.clock()).await;
    let teams = figure("community_digital_teams", "273", "2024-A1", "180");
    hanoi.push("dan-phuong", "third-day", &[teams]).await;
    let before = hanoi.lake.ledger().snapshot().position.to_string();
    let late = async |as_of: &[(&str, &str)]| {
        let asked = [("period", "2024-A1"), ("level", "district"), ("within", "01")];
        let answer = hanoi.ask("coverage", &[&asked[..], as_of].concat()).await.unwrap();
        let row = &answer["rows"][0];
        (row["on_time"].clone(), row["late"].as_array().unwrap().len(), row["due_at"].clone())
    };
    let known = late(&[]).await;
    assert_eq!(known, (json!(0), 1, json!("2024-12-17T17:00:00.000000Z")));
    hand.set("2024-12-19T02:00:00Z");
    let off = Holiday {
        day: "2024-12-17".parse().unwrap(),
        name_vi: "Nghỉ theo thông báo".to_owned(),
        name_en: None,
        kind: HolidayKind::Announced,
    };
    hanoi.lake.apply(vec![Record::from(&off)]).await.unwrap();
    assert_eq!(late(&[]).await, (json!(1), 0, json!("2024-12-18T17:00:00.000000Z")));
    assert_eq!(late(&[("as_of", &before)]).await, known);
}

#[tokio::test]
async fn a_citys_figure_is_never_bare() {
    let hanoi = Hanoi::published().await;
    let asked =
        [("indicator", "villages_with_community_team"), ("within", "01"), ("period", "2024-04-25")];
    let totals = hanoi.ask("totals", &asked).await.unwrap();
    assert_eq!(totals["total"], json!({"value": 3064, "qualifier": "exact"}));
    let coverage = &totals["coverage"];
    assert_eq!(coverage["declared"], json!({"reported": 18, "expected": 30}));
    assert_eq!(coverage["silent"], Value::Null);
    // A figure of a day has no deadline.
    assert_eq!((&coverage["on_time"], &coverage["late"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn months_make_a_year_and_say_which_are_there() {
    let hanoi = Hanoi::empty().await;
    let dossiers = |unit, month: u32| {
        figure("online_payment_dossiers", unit, &format!("2024-M{month:02}"), "10")
    };
    let rows: Vec<_> = (1..=12).map(|month| dossiers("09784", month)).collect();
    hanoi.push("dan-phuong", "year", &rows).await;
    let rows: Vec<_> = (1..=11).map(|month| dossiers("09829", month)).collect();
    hanoi.push("dan-phuong", "eleven", &rows).await;
    let asked =
        [("indicator", "online_payment_dossiers"), ("period", "2024-A1"), ("within", "273")];
    let totals = hanoi.ask("totals", &asked).await.unwrap();
    assert_eq!((&totals["total"]["value"], &totals["by"]), (&json!(230), &json!("commune")));
    assert_eq!(totals["over_time"], json!({"aggregation": "sum", "figures": 2, "partial": 1}));
    let (whole, eleven) = (of(&totals, "09784"), of(&totals, "09829"));
    assert_eq!((&whole["source"], &eleven["source"]), (&json!("computed"), &json!("partial")));
    assert_eq!(eleven["over_time"]["missing"], json!(["2024-M12"]));
    assert_eq!(totals["coverage"]["reported"], 1);
    let ranking =
        [("indicator", "online_payment_dossiers"), ("period", "2024-A1"), ("level", "commune")];
    let ranking = hanoi.ask("rankings", &ranking).await.unwrap();
    assert_eq!(codes(&ranking["rows"]), ["09784"]);
    let partial =
        ranking["missing"].as_array().unwrap().iter().find(|unit| unit["code"] == "09829");
    assert_eq!(partial.unwrap()["reason"], "partial");
    let series =
        [("indicator", "online_payment_dossiers"), ("unit", "09829"), ("every", "quarter")];
    let series = hanoi.ask("series", &series).await.unwrap();
    let rows = series["rows"].as_array().unwrap();
    let quarters: Vec<_> = rows
        .iter()
        .map(|row| (row["period"].as_str().unwrap(), row["value"].to_string()))
        .collect();
    let expected = [("2024-Q1", "30"), ("2024-Q2", "30"), ("2024-Q3", "30"), ("2024-Q4", "20")];
    assert_eq!(quarters, expected.map(|(label, value)| (label, value.to_owned())));
    assert_eq!(rows[3]["over_time"]["whole"], false);
}

#[tokio::test]
async fn stages_stand_side_by_side_with_the_distance_to_the_target() {
    let hanoi = Hanoi::published().await;
    let score = |stage: &str, value: &str, qualifier: &str| {
        let mut row = figure("par_index_pct", "273", "2023", value);
        row.insert("stage".to_owned(), stage.to_owned());
        row.insert("qualifier".to_owned(), qualifier.to_owned());
        row
    };
    let rows = [
        score("self", "97", "exact"),
        score("appraised", "94.5", "exact"),
        score("target", "94", "ge"),
    ];
    hanoi.push("par-index", "stages", &rows).await;
    let stages = hanoi.ask("stages", &PAR).await.unwrap();
    let dan_phuong = of(&stages, "273");
    let of_stage = |stage: &str| dan_phuong[stage].to_string();
    assert_eq!(
        ["self", "appraised", "survey", "final", "target"].map(of_stage),
        ["97", "94.5", "null", "93.86", "94"]
    );
    assert_eq!((of_stage("distance"), &dan_phuong["met"]), ("-0.14".to_owned(), &json!(false)));
    assert_eq!(
        (&dan_phuong["target_qualifier"], &stages["stage"]),
        (&json!("ge"), &json!("final"))
    );
    let distance = [&PAR[..], &[("by", "distance")]].concat();
    let ranking = hanoi.ask("rankings", &distance).await.unwrap();
    assert_eq!(codes(&ranking["rows"]), ["273"]);
    let lack =
        ranking["missing"].as_array().unwrap().iter().filter(|unit| unit["reason"] == "no_target");
    assert_eq!(lack.count(), 5);
}

#[tokio::test]
async fn one_cell_of_two_feeds_is_answered_by_the_feed_with_precedence() {
    let hanoi = Hanoi::empty().await;
    let teams = |value| [figure("community_digital_teams", "273", "2024-A1", value)];
    hanoi.push("dan-phuong", "1", &teams("129")).await;
    hanoi.push("ha-noi", "1", &teams("130")).await;
    let asked = [("indicator", "community_digital_teams"), ("level", "district")];
    let ranking = hanoi.ask("rankings", &asked).await.unwrap();
    assert_eq!(
        (&of(&ranking, "273")["value"], &ranking["feeds"]),
        (&json!(130), &json!(["ha-noi"]))
    );
    let named = [&asked[..], &[("feed", "dan-phuong")]].concat();
    let ranking = hanoi.ask("rankings", &named).await.unwrap();
    assert_eq!(of(&ranking, "273")["value"], 129);
}

#[tokio::test]
async fn a_value_that_no_parameter_has_is_told_with_those_that_it_has() {
    let hanoi = Hanoi::published().await;
    let par = |name, value| [&PAR[..1], &[(name, value)]].concat();
    let series = |name, value| [&PAR[..1], &[("unit", "273"), (name, value)]].concat();
    for (question, parameters, code, named) in [
        ("rankings", par("ties", "shared"), "parameter.invalid", "standard, dense, fractional"),
        ("rankings", par("by", "rank"), "parameter.invalid", "value, change, distance"),
        (
            "rankings",
            par("stage", "done"),
            "parameter.invalid",
            "self, appraised, survey, final, target",
        ),
        ("rankings", par("level", "distrct"), "level.unknown", "district"),
        ("rankings", par("kind", "quann"), "kind.unknown", "quan"),
        ("rankings", par("period", "2024-Q5"), "period.invalid", "2024-Q4"),
        ("rankings", par("against", "soon"), "parameter.invalid", ""),
        ("series", series("every", "week"), "parameter.invalid", "month, quarter, half, year"),
        ("stages", par("level", "distrct"), "level.unknown", "district"),
        ("stages", vec![("indicator", "par")], "indicator.unknown", "/v1/indicators"),
        ("totals", par("ties", "dense"), "parameter.unknown", "ties"),
    ] {
        let error = hanoi.ask(question, &parameters).await.unwrap_err();
        assert_eq!(error.code, code, "{question} {parameters:?}: {error}");
        for text in [&error.message.vi, &error.message.en] {
            assert!(text.contains(named), "{parameters:?}: {text}");
        }
    }
}

#[tokio::test]
async fn holidays_and_deadlines_are_rows_of_sql() {
    let hanoi = Hanoi::empty().await;
    let everything = Access::everything();
    let off = "SELECT day, kind FROM holidays WHERE day BETWEEN '2024-04-29' AND '2024-05-04' ORDER BY day";
    let off = hanoi.sql(off, &everything).await.unwrap();
    assert_eq!(
        off,
        ["2024-04-29,exchanged", "2024-04-30,law", "2024-05-01,law", "2024-05-04,worked"]
    );
    let feeds = "SELECT feed, deadline_working_days FROM feeds WHERE deadline_working_days IS NULL ORDER BY feed";
    assert_eq!(
        hanoi.sql(feeds, &everything).await.unwrap(),
        ["composite-example,", "demo-synthetic,", "par-index,"]
    );
}
