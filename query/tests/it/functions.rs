//! Questions as table functions, tables of the past, and views, by SQL.

use dinh_lake::catalogue::Record;
use dinh_lake::indicator::Tier;
use dinh_lake::unit::UnitId;
use dinh_query::access::Reach;
use dinh_query::{Access, ErrorKind, QueryError};
use serde_json::Value;

use crate::hanoi::{Hanoi, Row, row};

async fn sql(hanoi: &Hanoi, sql: &str) -> Vec<String> {
    hanoi.sql(sql, &Access::everything()).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn refused(hanoi: &Hanoi, sql: &str) -> QueryError {
    hanoi.sql(sql, &Access::everything()).await.unwrap_err()
}

/// The rows of an answer, some members of each as SQL writes them.
fn lines(answer: &Value, members: &[&str]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| members.iter().map(|name| text(&row[*name])).collect::<Vec<_>>().join(","))
        .collect()
}

/// A question, its parameters, and the columns that both doors give.
type Asked = (&'static str, Parameters, &'static [&'static str]);
type Parameters = &'static [(&'static str, &'static str)];

#[tokio::test]
async fn a_question_has_the_same_rows_in_sql() {
    let hanoi = Hanoi::published().await;
    let asked: [Asked; 6] = [
        (
            "rankings",
            &[
                ("indicator", "par_index_pct"),
                ("level", "district"),
                ("period", "2023"),
                ("order", "desc"),
            ],
            &[
                "rank",
                "tied",
                "unit",
                "code",
                "name",
                "parent",
                "qualifier",
                "status",
                "feed",
                "movement",
            ],
        ),
        (
            "totals",
            &[("indicator", "villages_with_community_team"), ("by", "city")],
            &["unit", "code", "name", "qualifier", "source", "feed"],
        ),
        (
            "series",
            &[("indicator", "par_index_pct"), ("unit", "273")],
            &["period", "period_start", "period_end", "stage", "qualifier", "status", "feed"],
        ),
        (
            "history",
            &[("indicator", "par_index_pct"), ("unit", "273"), ("period", "2023")],
            &["stage", "qualifier", "status", "feed", "submission", "row", "position"],
        ),
        (
            "stages",
            &[("indicator", "par_index_pct"), ("level", "district"), ("period", "2023")],
            &["unit", "code", "name", "qualifier", "target_qualifier", "target_period", "met"],
        ),
        (
            "coverage",
            &[("period", "2023")],
            &["indicator", "name", "level", "reported", "expected"],
        ),
    ];
    for (question, parameters, members) in asked {
        let function = if question == "rankings" { "ranking" } else { question };
        let arguments: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name} => '{value}'")).collect();
        let columns: Vec<_> = members.iter().map(|name| format!("\"{name}\"")).collect();
        let sql_lines = sql(
            &hanoi,
            &format!("SELECT {} FROM {function}({})", columns.join(", "), arguments.join(", ")),
        )
        .await;
        // A rank may be half of one, so it is a decimal.
        let sql_lines: Vec<_> = sql_lines.iter().map(|line| line.replace(".000000", "")).collect();
        let answer = hanoi.ask(question, parameters).await.unwrap();
        assert!(!sql_lines.is_empty(), "{question}");
        assert_eq!(sql_lines, lines(&answer, members), "{question}");
    }
}

#[tokio::test]
async fn columns_have_the_types_of_the_ledger() {
    let hanoi = Hanoi::published().await;
    let of = "ranking(indicator => 'par_index_pct', level => 'district', period => '2023', \"limit\" => 2) AS r";
    assert_eq!(
        sql(&hanoi, &format!("SELECT code, value, arrow_typeof(value) FROM {of} WHERE value > 90"))
            .await,
        ["006,96.300000,Decimal128(18, 6)", "002,95.700000,Decimal128(18, 6)"]
    );
    let joined =
        format!("SELECT r.rank, u.level FROM {of} JOIN units AS u ON u.unit = r.unit ORDER BY 1");
    assert_eq!(sql(&hanoi, &joined).await.len(), 2);
    let days = "SELECT period_end + INTERVAL '1 day' FROM series(indicator => 'par_index_pct', unit => '273') \
                WHERE period = '2023' AND recorded_at > TIMESTAMP '2000-01-01'";
    assert_eq!(sql(&hanoi, days).await, ["2024-01-01"]);
    let total = "SELECT DISTINCT total, total_reported, total_expected \
                 FROM totals(indicator => 'villages_with_community_team', within => '01', by => 'city')";
    assert_eq!(sql(&hanoi, total).await.len(), 1);
    let silent =
        "SELECT silent LIKE '%.1;%' FROM coverage(period => '2023', level => 'district') LIMIT 1";
    assert_eq!(sql(&hanoi, silent).await, ["true"]);
    let found = "SELECT name FROM units(q => 'song phuong', level => 'commune')";
    assert!(sql(&hanoi, found).await.contains(&"Xã Song Phương".to_owned()));
}

#[tokio::test]
async fn what_is_wrong_is_said_as_over_http() {
    let hanoi = Hanoi::published().await;
    for (call, code) in [
        ("ranking(indicator => 'par_index')", "indicator.unknown"),
        ("ranking(indicator => 'par_index_pct', levle => 'district')", "parameter.unknown"),
        ("ranking(indicator => 'par_index_pct', level => 'quarter')", "level.unknown"),
        ("ranking(indicator => 'par_index_pct', period => 'soon')", "period.invalid"),
        ("ranking(indicator => 'par_index_pct', as_of => DATE '2999-01-01')", "as_of.future"),
        ("ranking(level => 'district')", "parameter.required"),
        ("ranking('par_index_pct')", "sql.argument_unnamed"),
        ("ranking(indicator => lower('PAR'))", "sql.argument_no_constant"),
        ("ranking(indicator => 'a', indicator => 'b')", "parameter.repeated"),
        ("rankings(indicator => 'par_index_pct')", "sql.function_unknown"),
        ("generate_series(1, 9)", "sql.argument_unnamed"),
        ("as_of()", "parameter.required"),
        ("as_of(at => 'lately')", "parameter.invalid"),
        ("as_of(at => '2999-01-01')", "as_of.future"),
        ("as_of(at => 1, of => 'secrets')", "parameter.invalid"),
        ("as_of(at => 1, to => 'current')", "parameter.unknown"),
    ] {
        let error = refused(&hanoi, &format!("SELECT * FROM {call}")).await;
        assert_eq!(error.code, code, "{call}: {error}");
    }
    let error = refused(&hanoi, "SELECT * FROM ranking(indicator => 'par_index')").await;
    assert_eq!(error.faults[0].suggestions, ["par_index_pct"]);
}

fn score(unit: &str, period: &str, value: &str) -> Row {
    row(&[
        ("indicator", "par_index_pct"),
        ("unit", unit),
        ("period", period),
        ("stage", "final"),
        ("value", value),
    ])
}

#[tokio::test]
async fn a_table_of_the_past_is_what_it_was() {
    let mut hanoi = Hanoi::published().await;
    let first = hanoi.lake.ledger().snapshot().position;
    let columns = "indicator, unit, period, stage, value, feed, submission";
    let now = format!("SELECT {columns} FROM current ORDER BY recorded_at, row");
    let before = sql(&hanoi, &now).await;
    hanoi
        .push("par-index", "later", &[score("273", "2023", "10"), score("001", "2024", "11")])
        .await;
    for cared in [false, true] {
        if cared {
            for push in 0..40 {
                hanoi
                    .push("par-index", &format!("again {push}"), &[score("273", "2023", "10")])
                    .await;
            }
            hanoi.lake.ledger().maintain().await.unwrap();
            hanoi = hanoi.reopened().await;
        }
        let then = format!("SELECT {columns} FROM as_of(at => {first}) ORDER BY recorded_at, row");
        assert_eq!(sql(&hanoi, &then).await, before, "cared: {cared}");
        assert_ne!(sql(&hanoi, &now).await, before);
        let both = format!(
            "SELECT n.unit, t.value, n.value FROM current AS n JOIN as_of(at => '{first}', of => 'observations') AS t \
             ON (n.indicator, n.unit, n.period, n.stage) = (t.indicator, t.unit, t.period, t.stage) \
             WHERE n.value <> t.value"
        );
        assert_eq!(sql(&hanoi, &both).await, ["273.1,93.860000,10.000000"]);
    }
    let counted = format!("SELECT count(*) FROM as_of(at => {first}, of => 'submissions')");
    let all = sql(&hanoi, "SELECT count(*) - 41 FROM submissions").await;
    assert_eq!(sql(&hanoi, &counted).await, all);
}

#[tokio::test]
async fn a_function_gives_no_more_than_the_caller_may_read() {
    let hanoi = Hanoi::published().await;
    let mut indicator = hanoi.lake.catalogue().indicators["par_index_pct"].clone();
    indicator.tier = Tier::Restricted;
    hanoi.lake.apply(vec![Record::from(&indicator)]).await.unwrap();
    let within = Access {
        principal: Some("district".to_owned()),
        grant: None,
        reach: Reach::Subtree { within: UnitId("273.1".to_owned()), feeds: Default::default() },
    };
    for table in [
        "ranking(indicator => 'par_index_pct', level => 'district', period => '2023')",
        "as_of(at => '1000000') WHERE indicator = 'par_index_pct' AND period = '2023'",
    ] {
        let position = hanoi.lake.ledger().snapshot().position;
        let table = table.replace("1000000", &position.to_string());
        let read = hanoi.sql(&format!("SELECT DISTINCT unit FROM {table}"), &within).await.unwrap();
        assert_eq!(read, ["273.1"], "{table}");
        assert!(
            sql(&hanoi, &format!("SELECT DISTINCT unit FROM {table}")).await.len() > 1,
            "{table}"
        );
    }
    let open = Access::open();
    let asked = "SELECT * FROM ranking(indicator => 'par_index_pct')";
    let error = hanoi.sql(asked, &open).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unauthenticated, "indicator.not_open"));
}

#[tokio::test]
async fn a_function_is_of_the_statements_class() {
    let hanoi = Hanoi::published().await;
    let made_up = row(&[
        ("indicator", "par_index_pct"),
        ("unit", "001"),
        ("period", "2023"),
        ("stage", "final"),
        ("value", "50"),
    ]);
    hanoi.push("demo-synthetic", "1", &[made_up]).await;
    let synthetic = "ranking(indicator => 'par_index_pct', feed => 'demo-synthetic')";
    let alone = format!("SELECT code, contains_synthetic FROM {synthetic}");
    assert_eq!(sql(&hanoi, &alone).await, ["001,true"]);
    for other in ["current", "ranking(indicator => 'par_index_pct')", "as_of(at => 1)"] {
        let both = format!("SELECT 1 FROM {synthetic} AS a, {other} AS b");
        assert_eq!(refused(&hanoi, &both).await.code, "sql.feed_classes", "{other}");
    }
}

fn teams(unit: &str, value: &str) -> Row {
    let indicator = ("indicator", "community_digital_teams");
    row(&[indicator, ("unit", unit), ("period", "2022"), ("value", value)])
}

#[tokio::test]
async fn figures_are_shown_on_the_units_of_another_day() {
    let hanoi = Hanoi::empty().await;
    // The whole of xã Đan Phượng of 2025 and what came to xã Ô Diên, with what the district alone said.
    let rows: Vec<_> =
        ["09784", "09814", "09823", "09826", "09829"].map(|code| teams(code, "10")).into();
    hanoi.push("dan-phuong", "1", &rows).await;
    hanoi.push("dan-phuong", "2", &[teams("273", "129")]).await;
    let of = "rebased(indicator => 'community_digital_teams', on => '2025-07-02', within => '273')";
    let shown = format!(
        "SELECT code, name, period, value, complete, reported_by FROM {of} WHERE unit IS NOT NULL AND value IS NOT NULL"
    );
    assert_eq!(
        sql(&hanoi, &shown).await,
        ["09784,Xã Đan Phượng,2022,50.000000,true,09784.1;09814.1;09823.1;09826.1;09829.1"]
    );
    let together =
        format!("SELECT value, reported_by, together FROM {of} WHERE together IS NOT NULL");
    let lines = sql(&hanoi, &together).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("129.000000,273.1,09784."), "{lines:?}");
    let kept = format!("SELECT sum(value) FROM {of} WHERE unit IS NOT NULL");
    assert_eq!(sql(&hanoi, &kept).await, ["50.000000"]);
    let error =
        refused(&hanoi, "SELECT * FROM rebased(indicator => 'community_digital_teams')").await;
    assert_eq!(error.code, "parameter.required");
}

#[tokio::test]
async fn competing_feeds_are_shown_with_the_one_that_answers() {
    let hanoi = Hanoi::empty().await;
    hanoi.push("ha-noi", "1", &[teams("273", "129"), teams("274", "80")]).await;
    hanoi.push("dan-phuong", "1", &[teams("273", "131"), teams("274", "80")]).await;
    hanoi.push("demo-synthetic", "1", &[teams("273", "500")]).await;
    let asked = "SELECT code, feed, value, answers, lowest, highest, feeds FROM conflicts JOIN units USING (unit) \
                 WHERE indicator = 'community_digital_teams' ORDER BY feed";
    let of = |feed: &str| hanoi.lake.catalogue().feeds[feed].precedence;
    let city_answers = of("ha-noi") < of("dan-phuong");
    let line = |feed: &str, value: &str, answers: bool| {
        format!("273,{feed},{value}.000000,{answers},129.000000,131.000000,2")
    };
    let expected = [line("dan-phuong", "131", !city_answers), line("ha-noi", "129", city_answers)];
    let rows = sql(&hanoi, asked).await;
    assert_eq!(rows, expected);
    let series = hanoi
        .ask("series", &[("indicator", "community_digital_teams"), ("unit", "273")])
        .await
        .unwrap();
    let answering = sql(&hanoi, "SELECT feed FROM conflicts WHERE answers").await;
    assert_eq!(answering, [series["rows"][0]["feed"].as_str().unwrap()]);

    let mut indicator = hanoi.lake.catalogue().indicators["community_digital_teams"].clone();
    let last = answering[0].clone();
    let first = if last == "ha-noi" { "dan-phuong" } else { "ha-noi" };
    indicator.precedence = vec![first.to_owned(), last];
    hanoi.lake.apply(vec![Record::from(&indicator)]).await.unwrap();
    assert_eq!(sql(&hanoi, "SELECT feed FROM conflicts WHERE answers").await, [first]);
    // A filter on a feed is one on rows that were compared, not on what is compared.
    let one = "SELECT count(*) FROM conflicts WHERE feed = 'ha-noi'";
    assert_eq!(sql(&hanoi, one).await, ["1"]);
}

#[tokio::test]
async fn a_report_is_held_against_those_below() {
    let hanoi = Hanoi::empty().await;
    let communes = ["09784", "09787", "09790"];
    let mut rows: Vec<_> = communes.iter().map(|code| teams(code, "10")).collect();
    rows.push(teams("273", "129"));
    hanoi.push("dan-phuong", "1", &rows).await;
    hanoi.push("demo-synthetic", "1", &[teams("274", "500"), teams("09793", "99")]).await;
    let asked = "SELECT code, level, period, stage, reported, computed, gap, children_reported, children_expected, complete \
                 FROM reconciliation WHERE indicator = 'community_digital_teams' AND period_end = DATE '2022-12-31'";
    let stage = hanoi.lake.catalogue().indicators["community_digital_teams"].default_stage.code();
    let expected = format!("273,district,2022,{stage},129.000000,30.000000,99.000000,3,16,false");
    assert_eq!(sql(&hanoi, asked).await, [expected]);
    let all = "SELECT count(*) FROM reconciliation";
    assert_eq!(sql(&hanoi, all).await, ["1"]);
    let none = "SELECT count(*) FROM reconciliation WHERE period_end > DATE '2022-12-31' OR indicator LIKE 'par%'";
    assert_eq!(sql(&hanoi, none).await, ["0"]);
}
