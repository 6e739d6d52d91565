//! The figures of the five articles, asked for as a reader would.

use dinh_query::Access;
use serde_json::{Value, json};

use crate::hanoi::{Hanoi, row};

/// The figure of one unit at one period, in the text of the answer.
async fn figure(hanoi: &Hanoi, indicator: &str, unit: &str, period: &str) -> String {
    let series = hanoi.ask("series", &[("indicator", indicator), ("unit", unit)]).await.unwrap();
    let rows = series["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["period"] == period);
    row.map_or_else(|| "none".to_owned(), |row| row["value"].to_string())
}

#[tokio::test]
async fn the_par_index_of_2023_is_ranked_with_ties_and_gaps() {
    let hanoi = Hanoi::published().await;
    let asked = [("indicator", "par_index_pct"), ("level", "district"), ("period", "2023")];
    let ranking = hanoi.ask("rankings", &asked).await.unwrap();
    let column = |name: &str| -> Vec<Value> {
        ranking["rows"].as_array().unwrap().iter().map(|row| row[name].clone()).collect()
    };
    assert_eq!(column("rank"), [1, 2, 2, 4, 5, 6].map(Value::from));
    assert_eq!(column("tied"), [false, true, true, false, false, false].map(Value::from));
    let names = ["Đống Đa", "Hoàn Kiếm", "Nam Từ Liêm", "Cầu Giấy", "Đan Phượng", "Phú Xuyên"];
    for (named, name) in column("name").iter().zip(names) {
        assert!(named.as_str().unwrap().ends_with(name), "{named} is not {name}");
    }
    assert_eq!(ranking["missing"].as_array().unwrap().len(), 24);
    assert_eq!((&ranking["universe"], &ranking["ranked"]), (&json!(30), &json!(6)));
    let dan_phuong = &ranking["rows"][4];
    assert_eq!(dan_phuong["value"].to_string(), "93.86");
    assert_eq!(dan_phuong["reported_rank"], 21);
    assert_eq!((&ranking["on"], &ranking["as_of"]), (&Value::Null, &Value::Null));
    assert_eq!(ranking["contains_synthetic"], false);
    let within = [asked.as_slice(), &[("within", "Hà Nội")]].concat();
    assert_eq!(hanoi.ask("rankings", &within).await.unwrap(), ranking);
}

#[tokio::test]
async fn an_unchanged_row_changes_no_figure_and_no_rank() {
    let hanoi = Hanoi::published().await;
    let asked = [("indicator", "par_index_pct"), ("level", "district"), ("period", "2023")];
    let ask = async || {
        let mut ranking = hanoi.ask("rankings", &asked).await.unwrap();
        let position = ranking.as_object_mut().unwrap().remove("position").unwrap();
        (ranking, position)
    };
    let score = |value: &str| {
        let cell = [("indicator", "par_index_pct"), ("unit", "273"), ("period", "2023")];
        row(&[&cell[..], &[("stage", "final"), ("value", value)]].concat())
    };
    let (before, _) = ask().await;
    let pushed = hanoi.push("par-index", "again", &[score("93.86")]).await;
    let (after, position) = ask().await;
    assert_eq!((after, position), (before.clone(), json!(pushed)));
    hanoi.push("par-index", "revised", &[score("99")]).await;
    assert_ne!(ask().await.0, before);
    let sql = "SELECT submission, rows_new, rows_revised, rows_unchanged FROM submissions \
               WHERE feed = 'par-index' AND submission <> 'published' ORDER BY recorded_at";
    let counts = hanoi.sql(sql, &Access::everything()).await.unwrap();
    assert_eq!(counts, ["again,0,0,1", "revised,0,1,0"]);
}

#[tokio::test]
async fn a_citys_figure_comes_with_what_it_declares_to_cover() {
    let hanoi = Hanoi::published().await;
    for (indicator, value, qualifier) in [
        ("villages_with_community_team", 3064, "exact"),
        ("community_team_members", 23726, "approx"),
    ] {
        let asked = [("indicator", indicator), ("within", "01"), ("period", "2024-04-25")];
        let totals = hanoi.ask("totals", &asked).await.unwrap();
        assert_eq!(totals["total"], json!({"value": value, "qualifier": qualifier}));
        let coverage = &totals["coverage"];
        assert_eq!(coverage["declared"], json!({"reported": 18, "expected": 30}));
        assert_eq!((&coverage["silent"], &coverage["expected"]), (&Value::Null, &json!(30)));
        assert_eq!(totals["by"], "district");
    }
}

#[tokio::test]
async fn every_published_figure_can_be_read_back_exactly() {
    let hanoi = Hanoi::published().await;
    let (song_phuong, don_duong) = ("Hà Nội/Đan Phượng/Song Phượng", "677");
    let (do_luong, trang_son) = ("Nghệ An/Đô Lương", "Nghệ An/Đô Lương/Tràng Sơn");
    let day = "2022-11-04";
    for (indicator, unit, period, value) in [
        ("commune_digital_teams", "273", "2024-04-25", "16"),
        ("community_digital_teams", "273", "2024-04-25", "129"),
        ("digital_team_members_total", "273", "2024-04-25", "1015"),
        ("wan_communes_connected", "01", "2024-04-25", "579"),
        ("population", song_phuong, day, "5209"),
        ("villages_total", song_phuong, day, "4"),
        ("security_cameras_total", song_phuong, day, "579"),
        ("security_cameras_added", song_phuong, day, "68"),
        ("solar_lights_total", song_phuong, day, "147"),
        ("solar_lights_added", song_phuong, day, "91"),
        ("households_with_bank_account_pct", song_phuong, day, "93.7"),
        ("households_with_internet_pct", song_phuong, day, "94"),
        ("chip_id_card_pct", song_phuong, day, "95"),
        ("e_identification_pct", song_phuong, day, "79.3"),
        ("online_payment_dossiers", don_duong, "2022-01-01/2022-12-15", "4155"),
        ("online_payment_amount_million_vnd", don_duong, "2022-01-01/2022-12-15", "64.5"),
        ("digitised_results_pct", don_duong, "2022", "50.94"),
        ("community_digital_teams", "Lâm Đồng/Đơn Dương/Lạc Lâm", "2022-12-21", "10"),
        ("community_digital_teams", do_luong, "2024-08-14", "190"),
        ("eoffice_active_users_pct", do_luong, "2023-12-10/2024-07-30", "98.45"),
        ("outgoing_docs_signed_pct", do_luong, "2023-12-10/2024-07-30", "97.32"),
        ("ocop_on_ecommerce", do_luong, "2024-08-14", "26"),
        ("ocop_total", do_luong, "2024-08-14", "35"),
        // Nobody pushed this one: it follows from the two above.
        ("ocop_on_ecommerce_pct", do_luong, "2024-08-14", "74.285714"),
        ("hamlets_mobile_fibre_covered", trang_son, "2024-08-14", "7"),
    ] {
        assert_eq!(figure(&hanoi, indicator, unit, period).await, value, "{indicator} of {unit}");
    }
    let bts = [("indicator", "bts_stations"), ("unit", do_luong)];
    let bts = hanoi.ask("series", &bts).await.unwrap();
    assert_eq!(
        (&bts["rows"][0]["value"], &bts["rows"][0]["qualifier"]),
        (&json!(130), &json!("gt"))
    );
}

#[tokio::test]
async fn made_up_figures_answer_only_when_they_are_named() {
    let hanoi = Hanoi::published().await;
    let made_up = |unit: &str| {
        row(&[
            ("indicator", "community_digital_teams"),
            ("unit", unit),
            ("period", "2024-12"),
            ("value", "7"),
        ])
    };
    let communes = hanoi.lake.catalogue();
    let on = "2024-12-31".parse().unwrap();
    let city = communes.units.by_code("01", on).unwrap().unit.clone();
    let communes = communes.units.at(on, Some("commune"), None, Some(&city));
    let rows: Vec<_> = communes.iter().map(|unit| made_up(&unit.code)).collect();
    hanoi.push("demo-synthetic", "1", &rows).await;

    let official = [("indicator", "community_digital_teams")];
    let totals = hanoi.ask("totals", &official).await.unwrap();
    assert_eq!(
        (&totals["period"], &totals["contains_synthetic"]),
        (&json!("2024-08-14"), &json!(false))
    );
    let named = [("indicator", "community_digital_teams"), ("feed", "demo-synthetic")];
    let totals = hanoi.ask("totals", &named).await.unwrap();
    assert_eq!(totals["total"], json!({"value": 579 * 7, "qualifier": "exact"}));
    assert_eq!(
        (&totals["contains_synthetic"], &totals["feeds"]),
        (&json!(true), &json!(["demo-synthetic"]))
    );
    assert_eq!(totals["coverage"]["silent"], json!([]));
    assert_eq!(totals["rows"].as_array().unwrap().len(), 30);
    let ranking = hanoi.ask("rankings", &named).await.unwrap();
    assert_eq!((&ranking["level"], &ranking["universe"]), (&json!("commune"), &json!(579)));
    assert_eq!((&ranking["ranked"], &ranking["rows"][578]["rank"]), (&json!(579), &json!(1)));
}

#[tokio::test]
async fn a_history_tells_every_revision_and_withdrawal() {
    let hanoi = Hanoi::published().await;
    let revise = |value: &str, status: &str| {
        row(&[
            ("indicator", "commune_digital_teams"),
            ("unit", "273"),
            ("period", "2024-04-25"),
            ("value", value),
            ("status", status),
            ("note", "sửa"),
        ])
    };
    hanoi.push("dan-phuong", "2", &[revise("15", "provisional")]).await;
    let position = hanoi.push("dan-phuong", "3", &[revise("", "withdrawn")]).await;
    let asked = [("indicator", "commune_digital_teams"), ("unit", "273"), ("period", "2024-04-25")];
    let history = hanoi.ask("history", &asked).await.unwrap();
    let column = |name: &str| -> Vec<&Value> {
        history["rows"].as_array().unwrap().iter().map(|row| &row[name]).collect()
    };
    assert_eq!(column("value"), [&json!(16), &json!(15), &Value::Null]);
    assert_eq!(column("status"), [&json!("normal"), &json!("provisional"), &json!("withdrawn")]);
    assert_eq!(column("submission"), [&json!("published"), &json!("2"), &json!("3")]);
    assert_eq!(history["rows"][2]["position"], position);
    assert_eq!(history["position"], position);
    let series = [("indicator", "commune_digital_teams"), ("unit", "273")];
    assert_eq!(hanoi.ask("series", &series).await.unwrap()["rows"], json!([]));
}

#[tokio::test]
async fn search_without_accents_gives_the_exact_spelling_first() {
    let hanoi = Hanoi::empty().await;
    let found = hanoi.ask("units", &[("q", "song phuong")]).await.unwrap();
    let names: Vec<_> = found["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| unit["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Xã Song Phượng", "Xã Song Phương"]);
    let exact = hanoi.ask("units", &[("q", "Song Phương")]).await.unwrap();
    assert_eq!(exact["units"][0]["name"], "Xã Song Phương");
    let on = [("level", "commune"), ("within", "01"), ("on", "2024-12-31"), ("limit", "1")];
    let communes = hanoi.ask("units", &on).await.unwrap();
    assert_eq!((&communes["total"], communes["units"].as_array().unwrap().len()), (&json!(579), 1));
    let gone = hanoi.ask("units", &[("level", "district"), ("on", "2025-07-01")]).await.unwrap();
    assert_eq!((&gone["total"], &gone["units"]), (&json!(0), &json!([])));
    let path = &hanoi.ask("units", &[("q", "Song Phượng")]).await.unwrap()["units"][0]["path"];
    assert_eq!(path, "Việt Nam/Thành phố Hà Nội/Huyện Đan Phượng/Xã Song Phượng");
}

#[tokio::test]
async fn coverage_names_who_is_silent() {
    let hanoi = Hanoi::published().await;
    let asked = [("feed", "par-index"), ("period", "2023"), ("level", "district")];
    let coverage = hanoi.ask("coverage", &asked).await.unwrap();
    let rows = coverage["rows"].as_array().unwrap();
    let of = rows.iter().find(|row| row["indicator"] == "par_index_pct").unwrap();
    assert_eq!(
        (&of["reported"], &of["expected"], &of["late"]),
        (&json!(6), &json!(30), &Value::Null)
    );
    assert_eq!(of["silent"].as_array().unwrap().len(), 24);
    assert!(hanoi.ask("coverage", &[]).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_answered_says_why() {
    let hanoi = Hanoi::published().await;
    let ranking = |extra| [&[("indicator", "par_index_pct")][..], extra].concat();
    for (question, parameters, code) in [
        ("rankigns", vec![], "question.unknown"),
        ("rankings", ranking(&[("levl", "district")]), "parameter.unknown"),
        ("rankings", ranking(&[("on", "2019-12-31")]), "on.before_registry"),
        ("rankings", ranking(&[("within", "Hà Nôi")]), "unit.unknown"),
        ("rankings", ranking(&[("feed", "demo-sinthetic")]), "feed.unknown"),
        ("rankings", ranking(&[("feed", "demo-synthetic")]), "figures.none"),
        ("rankings", vec![("indicator", "par_index")], "indicator.unknown"),
        ("totals", ranking(&[("period", "tháng 3")]), "period.invalid"),
        ("series", ranking(&[]), "parameter.required"),
    ] {
        let error = hanoi.ask(question, &parameters).await.unwrap_err();
        assert_eq!(error.code, code, "{question} {parameters:?}: {error}");
        assert!(!error.message.vi.is_empty() && !error.message.en.is_empty());
    }
}
