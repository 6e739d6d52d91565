//! Figures on the units of another day, with the real units of Hà Nội and what became of them in 2025. The published figures
//! are real; the others are made up.

use serde_json::{Value, json};

use crate::hanoi::{Hanoi, Row, row};

/// The communes of Đan Phượng until June 2025, by the commune of July that has all their people.
const DAN_PHUONG: [(&str, &[&str]); 3] = [
    ("09784", &["09784", "09814", "09823", "09826", "09829"]),
    ("09787", &["09787", "09790", "09793", "09811"]),
    ("09817", &["09796", "09799", "09802", "09805", "09808", "09817", "09820"]),
];

fn figure(indicator: &str, unit: &str, period: &str, value: &str) -> Row {
    row(&[("indicator", indicator), ("unit", unit), ("period", period), ("value", value)])
}

fn each<'a>(answer: &'a Value, list: &str, field: &str) -> Vec<&'a Value> {
    answer[list].as_array().unwrap().iter().map(|row| &row[field]).collect()
}

async fn totals(hanoi: &Hanoi, indicator: &str, within: &str, on: &str) -> Value {
    let asked = [("indicator", indicator), ("within", within), ("on", on)];
    hanoi.ask("totals", &asked).await.unwrap()
}

#[tokio::test]
async fn what_dan_phuongs_communes_report_goes_over_exactly() {
    let hanoi = Hanoi::empty().await;
    let old: Vec<&str> = DAN_PHUONG.iter().flat_map(|(_, old)| old.iter().copied()).collect();
    let rows: Vec<_> = old
        .iter()
        .map(|code| figure("community_team_members", code, "2024-12", code.trim_start_matches('0')))
        .collect();
    hanoi.push("dan-phuong", "1", &rows).await;
    let sum = |codes: &[&str]| codes.iter().map(|code| code.parse::<i64>().unwrap()).sum::<i64>();
    let by_successor: Vec<i64> = DAN_PHUONG.iter().map(|(_, old)| sum(old)).collect();
    for on in ["2025-07-02", "clusters"] {
        let totals = totals(&hanoi, "community_team_members", "273", on).await;
        let values = each(&totals, "rows", "value");
        assert!(values.iter().zip(&by_successor).all(|(a, b)| **a == *b), "{values:?}");
        assert_eq!(
            (&totals["total"]["value"], &totals["estimated_share"]),
            (&json!(sum(&old)), &json!(0))
        );
        assert_eq!((&totals["on"], &totals["by"]), (&json!(on), &json!("commune")));
        let coverage = &totals["coverage"];
        assert_eq!((&coverage["reported"], &coverage["expected"]), (&json!(3), &json!(3)));
    }
    let day_before = totals(&hanoi, "community_team_members", "273", "2025-06-30").await;
    assert_eq!(each(&day_before, "rows", "source"), [&json!("reported"); 16]);
    let asked = [("indicator", "community_team_members"), ("unit", "09817"), ("on", "2025-07-02")];
    let series = hanoi.ask("series", &asked).await.unwrap();
    assert_eq!(series["rows"][0]["value"], json!(by_successor[2]));
    assert_eq!(series["rows"][0]["coverage"]["reported"], 7);
}

#[tokio::test]
async fn what_only_the_district_reported_is_of_three_communes_together() {
    let hanoi = Hanoi::published().await;
    for (indicator, value) in
        [("community_digital_teams", 129), ("digital_team_members_total", 1015)]
    {
        let totals = totals(&hanoi, indicator, "273", "2025-07-02").await;
        assert_eq!(totals["total"]["value"], value);
        assert_eq!(each(&totals, "rows", "value"), [&Value::Null; 3]);
        assert_eq!(each(&totals, "rows", "source"), [&json!("together"); 3]);
        let [together] = totals["together"].as_array().unwrap().as_slice() else {
            panic!("{totals}")
        };
        assert_eq!(each(together, "units", "code"), ["09784", "09787", "09817"]);
        assert_eq!(each(together, "units", "name"), ["Xã Đan Phượng", "Xã Liên Minh", "Xã Ô Diên"]);
        assert_eq!((&together["value"], &together["complete"]), (&json!(value), &json!(true)));
        assert_eq!(each(together, "from", "unit"), ["273.1"]);
        assert_eq!(
            (&totals["estimated_share"], &totals["coverage"]["silent"]),
            (&json!(0), &Value::Null)
        );
    }
}

#[tokio::test]
async fn a_ward_that_was_divided_is_an_estimate_and_says_by_which_weight() {
    let hanoi = Hanoi::empty().await;
    let catalogue = hanoi.lake.catalogue();
    let on = "2024-12-31".parse().unwrap();
    let city = catalogue.units.by_code("01", on).unwrap().unit.clone();
    let communes = catalogue.units.at(on, Some("commune"), None, Some(&city));
    let rows: Vec<_> =
        communes.iter().map(|unit| figure("population", &unit.code, "2024-12", "10000")).collect();
    hanoi.push("demo-synthetic", "1", &rows).await;
    let named = [("indicator", "population"), ("feed", "demo-synthetic"), ("on", "2025-07-01")];
    let totals = hanoi.ask("totals", &named).await.unwrap();
    let rows = totals["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 126);
    let of = |code: &str| rows.iter().find(|row| row["code"] == code).unwrap();
    let ngoc_ha = of("00008");
    assert_eq!(
        (&ngoc_ha["name"], &ngoc_ha["status"]),
        (&json!("Phường Ngọc Hà"), &json!("estimated"))
    );
    let weights = ngoc_ha["weights"].as_array().unwrap();
    let old = weights.iter().find(|used| used["code"] == "00016").unwrap();
    assert_eq!((&old["weight"], &old["confidence"]), (&json!(0.5), &json!("low")));
    assert!(of("09784").get("weights").is_none());
    assert_eq!(totals["total"]["value"], 579 * 10_000);
    let sum: f64 = rows.iter().map(|row| row["value"].as_f64().unwrap()).sum();
    assert!((sum - 5_790_000.0).abs() < 0.01, "{sum}");
    let estimated = rows.iter().filter(|row| row["status"] == "estimated").count();
    assert!(estimated > 0 && estimated < 126, "{estimated}");
    let asked = [named.as_slice(), &[("level", "commune"), ("limit", "3")]].concat();
    let ranking = hanoi.ask("rankings", &asked).await.unwrap();
    assert_eq!((&ranking["universe"], &ranking["ranked"]), (&json!(126), &json!(126)));
    let share = ranking["estimated_share"].as_f64().unwrap();
    assert!((share - estimated as f64 / 126.0).abs() < 0.000_001, "{share}");
}

#[tokio::test]
async fn structures_that_there_are_not_are_refused() {
    let hanoi = Hanoi::published().await;
    for (on, code) in [
        ("2020-02-29", "on.before_registry"),
        ("2025-02-30", "parameter.invalid"),
        ("2025-07-01/2024-12-31", "parameter.invalid"),
        ("cluster", "parameter.invalid"),
    ] {
        for question in ["rankings", "totals"] {
            let asked = [("indicator", "par_index_pct"), ("on", on)];
            let error = hanoi.ask(question, &asked).await.unwrap_err();
            assert_eq!(error.code, code, "{question} on {on}: {error}");
            assert!(!error.message.vi.is_empty() && !error.faults.is_empty());
        }
    }
    let gone = [("indicator", "par_index_pct"), ("unit", "273"), ("on", "2025-07-02")];
    assert_eq!(hanoi.ask("series", &gone).await.unwrap_err().code, "unit.unknown");
}
