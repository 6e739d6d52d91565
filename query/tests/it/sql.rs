//! The tables over a real ledger, hot and cold, and what a statement may not do.

use std::time::{Duration, Instant};

use dinh_lake::catalogue::{Record, RecordKind};
use dinh_lake::indicator::Tier;
use dinh_lake::unit::UnitId;
use dinh_query::access::Reach;
use dinh_query::{Access, ErrorKind, SqlLimits};

use crate::hanoi::{Hanoi, Row, row};

fn teams(unit: &str, period: &str, value: &str, status: &str) -> Row {
    row(&[
        ("indicator", "community_digital_teams"),
        ("unit", unit),
        ("period", period),
        ("value", value),
        ("status", status),
    ])
}

/// Two revisions, a withdrawal, and the same unit on the synthetic feed.
async fn revised() -> Hanoi {
    let hanoi = Hanoi::empty().await;
    let first = [
        teams("273", "2023", "1", ""),
        teams("002", "2023", "2", ""),
        teams("003", "2023", "0", ""),
    ];
    hanoi.push("ha-noi", "1", &first).await;
    hanoi
        .push(
            "ha-noi",
            "2",
            &[teams("273", "2023", "9", ""), teams("002", "2023", "", "withdrawn")],
        )
        .await;
    hanoi.push("demo-synthetic", "1", &[teams("273", "2023", "77", "")]).await;
    hanoi
}

async fn rows(hanoi: &Hanoi, sql: &str) -> Vec<String> {
    hanoi.sql(sql, &Access::everything()).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn refused(hanoi: &Hanoi, sql: &str) -> (ErrorKind, &'static str) {
    let error = hanoi.sql(sql, &Access::everything()).await.unwrap_err();
    (error.kind, error.code)
}

async fn check_tables(hanoi: &Hanoi) {
    let current = "SELECT unit, value FROM current ORDER BY unit";
    assert_eq!(rows(hanoi, current).await, ["003.1,0.000000", "273.1,9.000000"]);
    let all = "SELECT submission, unit, value, status, feed_class, position > 0 FROM observations ORDER BY 1, unit";
    assert_eq!(
        rows(hanoi, all).await,
        [
            "1,002.1,2.000000,normal,official,true",
            "1,003.1,0.000000,normal,official,true",
            "1,273.1,1.000000,normal,official,true",
            "2,002.1,,withdrawn,official,true",
            "2,273.1,9.000000,normal,official,true",
        ]
    );
    let made_up = "SELECT unit, value, feed_class FROM current WHERE feed = 'demo-synthetic'";
    assert_eq!(rows(hanoi, made_up).await, ["273.1,77.000000,synthetic"]);
    assert_eq!(rows(hanoi, "SELECT count(*) FROM current").await, ["2"]);
    assert_eq!(rows(hanoi, "SELECT count(*) FROM observations").await, ["5"]);
    let submissions =
        "SELECT feed, submission, rows, accepted, warned FROM submissions ORDER BY 1, 2";
    assert_eq!(
        rows(hanoi, submissions).await,
        ["demo-synthetic,1,1,1,1", "ha-noi,1,3,3,1", "ha-noi,2,2,2,1"]
    );
    let verdicts =
        "SELECT submission, row, rule, message_vi FROM verdicts WHERE feed = 'ha-noi' ORDER BY 1";
    assert_eq!(
        rows(hanoi, verdicts).await,
        ["1,1,value.jump,tăng nhiều", "2,1,value.jump,tăng nhiều"]
    );
}

#[tokio::test]
async fn hot_and_cold_rows_are_the_same_tables() {
    let hanoi = revised().await;
    check_tables(&hanoi).await;
    let hanoi = hanoi.reopened().await;
    check_tables(&hanoi).await;
    // Cold files and a hot one, in one statement.
    hanoi.push("ha-noi", "3", &[teams("002", "2023", "5", "")]).await;
    let current = "SELECT unit, value FROM current ORDER BY unit";
    assert_eq!(rows(&hanoi, current).await, ["002.1,5.000000", "003.1,0.000000", "273.1,9.000000"]);
}

#[tokio::test]
async fn merged_files_are_the_same_tables() {
    let hanoi = revised().await;
    for id in 10..40 {
        let id = id.to_string();
        hanoi.push("ha-noi", &id, &[teams("003", "2022", &id, "")]).await;
    }
    while hanoi.lake.ledger().maintain().await.unwrap().more {}
    let hanoi = hanoi.reopened().await;
    let current = "SELECT unit, period, value FROM current ORDER BY unit, period";
    assert_eq!(
        rows(&hanoi, current).await,
        ["003.1,2022,39.000000", "003.1,2023,0.000000", "273.1,2023,9.000000"]
    );
    assert_eq!(rows(&hanoi, "SELECT count(*) FROM observations").await, ["35"]);
    assert_eq!(rows(&hanoi, "SELECT count(*) FROM submissions").await, ["33"]);
}

#[tokio::test]
async fn a_filter_on_anything_but_the_key_sees_the_newest_revision_only() {
    let hanoi = revised().await;
    assert_eq!(rows(&hanoi, "SELECT value FROM current WHERE value < 5").await, ["0.000000"]);
    let old = "SELECT value FROM current WHERE submission = '1' ORDER BY value";
    assert_eq!(rows(&hanoi, old).await, ["0.000000"]);
    let key = "SELECT value FROM current WHERE unit = '273.1' AND period_end = DATE '2023-12-31'";
    assert_eq!(rows(&hanoi, key).await, ["9.000000"]);
    let none = "SELECT value FROM current WHERE unit = '002.1'";
    assert!(rows(&hanoi, none).await.is_empty());
}

#[tokio::test]
async fn decimals_stay_exact() {
    let hanoi = revised().await;
    let literal = "SELECT arrow_typeof(93.86), arrow_typeof(value), value + 0.1 = 9.1 FROM current WHERE unit = '273.1'";
    assert_eq!(rows(&hanoi, literal).await, ["Decimal128(4, 2),Decimal128(18, 6),true"]);
    assert_eq!(rows(&hanoi, "SELECT sum(value) FROM current").await, ["9.000000"]);
}

#[tokio::test]
async fn official_and_synthetic_never_meet() {
    let hanoi = revised().await;
    for sql in [
        "SELECT * FROM current WHERE feed IN ('ha-noi', 'demo-synthetic')",
        "SELECT * FROM current WHERE feed = 'ha-noi' OR feed = 'demo-synthetic'",
        "SELECT value FROM current UNION ALL SELECT value FROM observations WHERE feed = 'demo-synthetic'",
        "SELECT * FROM current a JOIN current b ON a.unit = b.unit AND b.feed = 'demo-synthetic'",
        "SELECT (SELECT max(value) FROM current WHERE feed = 'demo-synthetic') - max(value) FROM current",
    ] {
        assert_eq!(refused(&hanoi, sql).await, (ErrorKind::Invalid, "sql.feed_classes"), "{sql}");
    }
    let not_named = "SELECT count(*) FROM observations WHERE feed <> 'ha-noi'";
    assert_eq!(rows(&hanoi, not_named).await, ["0"]);
    let both_named = "SELECT count(*) FROM current a JOIN observations b USING (unit) \
                      WHERE a.feed = 'demo-synthetic' AND b.feed = 'demo-synthetic'";
    assert_eq!(rows(&hanoi, both_named).await, ["1"]);
}

#[tokio::test]
async fn a_statement_can_only_read_the_tables() {
    let hanoi = revised().await;
    for sql in [
        "",
        "SELECT 1; SELECT 2",
        "SELEC 1",
        "SELECT nothing FROM current",
        "INSERT INTO units VALUES (1)",
        "DELETE FROM observations",
        "UPDATE observations SET value = 1",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'file:///etc/'",
        "COPY (SELECT 1) TO '/tmp/dinh-was-here.csv'",
        "EXPLAIN COPY (SELECT 1) TO '/tmp/dinh-was-here.csv'",
        "DROP TABLE units",
        "SET datafusion.runtime.memory_limit = '1G'",
        "SELECT * FROM 'file:///etc/passwd'",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT * FROM generate_series(1, 1000000000000)",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT * FROM n",
        "PREPARE p AS SELECT 1",
        "BEGIN",
    ] {
        assert_eq!(refused(&hanoi, sql).await.0, ErrorKind::Invalid, "{sql}");
    }
}

#[tokio::test]
async fn the_tables_describe_themselves() {
    let hanoi = revised().await;
    let tables =
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    assert_eq!(
        rows(&hanoi, tables).await,
        [
            "components",
            "composites",
            "conflicts",
            "current",
            "feeds",
            "holidays",
            "indicators",
            "observations",
            "reconciliation",
            "submissions",
            "timeliness",
            "units",
            "verdicts"
        ]
    );
    assert!(!rows(&hanoi, "SHOW TABLES").await.is_empty());
    assert!(!rows(&hanoi, "DESCRIBE current").await.is_empty());
    assert!(!rows(&hanoi, "EXPLAIN SELECT * FROM current").await.is_empty());
    let joined = "SELECT u.name, i.name, f.name FROM current c JOIN units u USING (unit) \
                  JOIN indicators i USING (indicator) JOIN feeds f USING (feed) WHERE c.unit = '273.1'";
    assert_eq!(
        rows(&hanoi, joined).await,
        ["Huyện Đan Phượng,Số tổ công nghệ số cộng đồng,Thành phố Hà Nội"]
    );
}

#[tokio::test]
async fn limits_hold() {
    let mut hanoi = revised().await;
    let many = "SELECT a.code FROM units a CROSS JOIN units b";
    hanoi.limit(SqlLimits { rows_max: 1000, ..SqlLimits::default() });
    assert_eq!(refused(&hanoi, many).await, (ErrorKind::TooLarge, "sql.rows"));
    hanoi.limit(SqlLimits { time_max: Duration::from_millis(300), ..SqlLimits::default() });
    let long = "SELECT count(*) FROM units a, units b, units c, units d WHERE a.code || b.code || c.code = d.name";
    let started = Instant::now();
    assert_eq!(refused(&hanoi, long).await, (ErrorKind::TooLarge, "sql.time"));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    hanoi.limit(SqlLimits {
        memory_bytes_max: 1 << 20,
        spill_bytes_max: 0,
        ..SqlLimits::default()
    });
    let wide =
        "SELECT count(*) FROM (SELECT DISTINCT a.path || b.path FROM units a CROSS JOIN units b)";
    assert_eq!(refused(&hanoi, wide).await, (ErrorKind::TooLarge, "sql.memory"));
}

fn subtree(unit: &str) -> Access {
    let reach =
        Reach::Subtree { within: UnitId(unit.to_owned()), feeds: ["dan-phuong".to_owned()].into() };
    Access { principal: Some("reader".to_owned()), grant: None, reach }
}

/// Makes an indicator readable for fewer.
async fn restrict(hanoi: &Hanoi, indicator: &str, tier: Tier) {
    let mut indicator = hanoi.lake.catalogue().indicators[indicator].clone();
    indicator.tier = tier;
    let content = Some(serde_json::to_string(&indicator).unwrap());
    let record = Record { kind: RecordKind::Indicator, key: indicator.indicator, content };
    hanoi.lake.apply(vec![record]).await.unwrap();
}

#[tokio::test]
async fn a_principal_reads_its_grants_only() {
    let hanoi = revised().await;
    let units = "SELECT DISTINCT unit FROM observations ORDER BY 1";
    let read = async |access: &Access| hanoi.sql(units, access).await.unwrap();
    let all = ["002.1", "003.1", "273.1"];
    assert_eq!(read(&subtree("273.1")).await, all);
    restrict(&hanoi, "community_digital_teams", Tier::Shared).await;
    assert_eq!(read(&subtree("273.1")).await, all);
    assert!(read(&Access::open()).await.is_empty());
    restrict(&hanoi, "community_digital_teams", Tier::Restricted).await;
    assert_eq!(read(&subtree("273.1")).await, ["273.1"]);
    assert_eq!(read(&subtree("01.1")).await, all);
    assert_eq!(read(&Access::everything()).await, all);
    let pushes = "SELECT count(*) FROM submissions";
    assert_eq!(hanoi.sql(pushes, &subtree("273.1")).await.unwrap(), ["0"]);
    assert_eq!(hanoi.sql(pushes, &subtree("01.1")).await.unwrap(), ["3"]);
    let error =
        hanoi.ask("rankings", &[("indicator", "community_digital_teams")]).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unauthenticated, "indicator.not_open"));
}

#[tokio::test]
async fn a_statement_keeps_its_snapshot() {
    let hanoi = revised().await;
    let engine = hanoi.answers.engine();
    let sql = "SELECT count(*) FROM observations";
    let before = engine.run(sql, &Access::everything()).await.unwrap();
    let position = hanoi.push("ha-noi", "3", &[teams("002", "2024", "5", "")]).await;
    assert_eq!(before.position, position - 1);
    let after = engine.run(sql, &Access::everything()).await.unwrap();
    assert_eq!(after.position, position);
    let counts = |rows: Vec<arrow::array::RecordBatch>| format!("{:?}", rows[0].column(0));
    assert!(counts(before.collect().await.unwrap()).contains("  5,\n"));
    assert!(counts(after.collect().await.unwrap()).contains("  6,\n"));
}

#[tokio::test]
async fn dropping_the_rows_stops_the_work() {
    let mut hanoi = revised().await;
    hanoi.limit(SqlLimits {
        running_max: 1,
        wait_max: Duration::from_secs(20),
        ..SqlLimits::default()
    });
    let endless = "SELECT a.code FROM units a, units b, units c, units d";
    let mut rows = hanoi.answers.engine().run(endless, &Access::everything()).await.unwrap();
    assert!(rows.next().await.unwrap().is_some());
    drop(rows);
    assert_eq!(self::rows(&hanoi, "SELECT 1").await, ["1"]);
}

#[tokio::test]
async fn a_statement_waits_its_turn_and_no_longer() {
    let mut hanoi = revised().await;
    hanoi.limit(SqlLimits {
        running_max: 1,
        wait_max: Duration::from_millis(1),
        ..SqlLimits::default()
    });
    let engine = std::sync::Arc::clone(hanoi.answers.engine());
    let _first = engine.run("SELECT 1", &Access::everything()).await.unwrap();
    assert_eq!(refused(&hanoi, "SELECT 1").await, (ErrorKind::Busy, "busy"));
}

#[tokio::test]
async fn files_outside_the_bounds_of_a_filter_are_not_opened() {
    let hanoi = Hanoi::empty().await;
    for year in ["2021", "2022", "2023"] {
        hanoi.push("ha-noi", year, &[teams("002", year, "1", "")]).await;
    }
    let hanoi = hanoi.reopened().await;
    let files = async |filter: &str| {
        let plan = rows(&hanoi, &format!("EXPLAIN SELECT value FROM current WHERE {filter}")).await;
        plan.concat().matches(".parquet").count()
    };
    assert_eq!(files("stage = 'self'").await, 3);
    assert_eq!(files("period_end >= DATE '2022-06-01'").await, 2);
    assert_eq!(files("period_end = DATE '2023-12-31'").await, 1);
}
