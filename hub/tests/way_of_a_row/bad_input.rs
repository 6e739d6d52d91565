//! Bad rows: each gets a verdict that says what is wrong, and the rest of its submission lands.

use std::path::Path;

use dinh_proto::v1 as proto;

use crate::document::Document;
use crate::house::{Hub, Publisher, row, submission};

pub(crate) const TEAMS: &str = "community_digital_teams";
pub(crate) const DAY: &str = "2024-06-30";

/// A hub with the catalogue, and the office of Huyện Đan Phượng.
pub(crate) async fn office(folder: &Path) -> (Hub, Publisher) {
    let hub = Hub::with_catalogue(folder).await;
    let token = hub.token("dan-phuong", Some("273")).await;
    let publisher = hub.publisher(&token).await;
    (hub, publisher)
}

pub(crate) fn good(unit: &str) -> proto::Row {
    row(TEAMS, unit, DAY, "4")
}

fn parts(unit: &str, numerator: &str, denominator: &str) -> proto::Row {
    let row = row("online_dossiers_pct", unit, "2024-06", "");
    proto::Row { numerator: numerator.into(), denominator: denominator.into(), ..row }
}

fn staged(stage: &str) -> proto::Row {
    proto::Row { stage: stage.into(), ..good("09826") }
}

/// A row, the column at fault, the rule that it breaks, and a valid value that has to be among those proposed.
type Bad = (proto::Row, &'static str, &'static str, &'static str);

fn bad_rows() -> Vec<Bad> {
    let of = |indicator: &str, value: &str| row(indicator, "273", DAY, value);
    let at = |unit: &str, value: &str| row(TEAMS, unit, DAY, value);
    let during = |period: &str| row(TEAMS, "273", period, "1");
    let covered =
        proto::Row { coverage_reported: Some(31), coverage_expected: Some(30), ..good("09823") };
    vec![
        (good("09828"), "unit", "unit.unknown", "09829"),
        (good("9829"), "unit", "unit.unknown", "09829"),
        (good(""), "unit", "unit.missing", ""),
        (of("community_digital_team", "1"), "indicator", "indicator.unknown", TEAMS),
        (of("", "1"), "indicator", "indicator.missing", ""),
        (of("districts_total", "1"), "unit", "level.not_allowed", ""),
        (staged("final"), "stage", "stage.not_allowed", "self"),
        (staged("done"), "stage", "stage.unknown", "target"),
        (during("tháng 3"), "period", "period.unparsable", ""),
        (during("2024-13"), "period", "period.unparsable", ""),
        (during("2024-06-31"), "period", "period.unparsable", ""),
        (during(""), "period", "period.missing", ""),
        (of("smart_village_coverage_pct", "100.01"), "value", "value.out_of_bounds", ""),
        (of("villages_total", "-1"), "value", "value.out_of_bounds", ""),
        (of("area_km2", "2.5500001"), "value", "value.too_many_digits", ""),
        (of("population", "1000000000000"), "value", "value.too_many_digits", ""),
        (of("commune_digital_teams", "1.5"), "value", "value.not_integer", ""),
        (at("09814", "NaN"), "value", "value.not_a_number", ""),
        (at("09811", "inf"), "value", "value.not_a_number", ""),
        (at("09808", "1.015,5"), "value", "value.not_a_number", ""),
        (at("09805", ""), "value", "value.missing", ""),
        (parts("09829", "5", "4"), "numerator", "numerator.over_denominator", ""),
        (parts("09826", "0", "0"), "denominator", "denominator.zero", ""),
        (covered, "coverage_reported", "coverage.over_expected", ""),
        (good("09829"), "indicator", "key.duplicate", ""),
    ]
}

#[tokio::test]
async fn a_bad_row_is_told_what_is_wrong_and_the_rest_lands() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, publisher) = office(folder.path()).await;
    let bad = bad_rows();
    let rows = std::iter::once(good("09829"))
        .chain(bad.iter().map(|bad| bad.0.clone()))
        .chain([good("09784")]);
    let answer = publisher.push(submission("dan-phuong", "mixed", rows.collect())).await.unwrap();
    let report = answer.report.unwrap();
    assert_eq!((report.accepted, report.refused), (2, bad.len() as u64), "{report:#?}");
    for (index, (sent, field, rule, valid)) in bad.iter().enumerate() {
        let row = index as u64 + 2;
        let verdicts: Vec<_> =
            report.verdicts.iter().filter(|verdict| verdict.row == row).collect();
        let told: Vec<_> = verdicts
            .iter()
            .map(|verdict| (verdict.field.as_str(), verdict.rule.as_str()))
            .collect();
        assert_eq!(told, [(*field, *rule)], "{sent:?}");
        let verdict = verdicts[0];
        assert!(
            !verdict.message_vi.is_empty() && verdict.message_vi != verdict.message_en,
            "{verdict:?}"
        );
        let proposed =
            valid.is_empty() || verdict.suggestions.iter().any(|suggestion| suggestion == valid);
        assert!(proposed, "{rule}: {valid} is not among {:?}", verdict.suggestions);
        is_as_sent(sent, &verdict.content);
    }
    verdicts_are_kept(&hub, &report.verdicts).await;
    let landed = hub.sql("SELECT unit FROM current ORDER BY unit").await;
    assert_eq!(landed, ["09784.1", "09829.1"]);
}

/// The content of a verdict is the row as it was sent, whatever was wrong with it.
fn is_as_sent(sent: &proto::Row, content: &str) {
    let columns = [
        ("indicator", &sent.indicator),
        ("unit", &sent.unit),
        ("period", &sent.period),
        ("stage", &sent.stage),
        ("value", &sent.value),
        ("numerator", &sent.numerator),
        ("denominator", &sent.denominator),
    ];
    let content = Document::new(content);
    let names = content.names("");
    for (column, text) in columns {
        let kept = if names.iter().any(|name| name == column) {
            content.at(column)
        } else {
            String::new()
        };
        assert_eq!(&kept, text, "{column} of {content}");
    }
}

/// The SQL view has what the answer had.
async fn verdicts_are_kept(hub: &Hub, told: &[proto::Verdict]) {
    let statement = "SELECT \"row\", rule, message_vi, content FROM verdicts ORDER BY \"row\"";
    let kept = hub.dinh(&["sql", statement, "--output", "json"]).await.well();
    let kept = Document::new(format!("{{\"rows\":{kept}}}"));
    let told: Vec<_> = told
        .iter()
        .map(|v| [v.row.to_string(), v.rule.clone(), v.message_vi.clone(), v.content.clone()])
        .collect();
    let columns = ["row", "rule", "message_vi", "content"].map(|column| kept.each("rows", column));
    let kept: Vec<_> =
        (0..told.len()).map(|row| columns.each_ref().map(|column| column[row].clone())).collect();
    assert_eq!((columns[0].len(), kept), (told.len(), told));
}

#[tokio::test]
async fn a_row_lands_within_the_grant_and_the_feed_only() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    // A commune's office may not write for its neighbour, nor may the city write into a district's feed for another one.
    for (id, within, unit, rule) in
        [("1", "09829", "09826", "unit.outside_grant"), ("2", "01", "09874", "unit.outside_feed")]
    {
        let token = hub.token("dan-phuong", Some(within)).await;
        let rows = vec![good("09829"), good(unit)];
        let answer = hub.publisher(&token).await.push(submission("dan-phuong", id, rows)).await;
        let report = answer.unwrap().report.unwrap();
        let told: Vec<_> = report.verdicts.iter().map(|verdict| verdict.rule.as_str()).collect();
        assert_eq!((report.accepted, told), (1, vec![rule]));
    }
}

#[tokio::test]
async fn one_bad_row_refuses_an_atomic_submission_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, publisher) = office(folder.path()).await;
    let rows = vec![good("09829"), good("99999"), good("09784")];
    let atomic = proto::Submission {
        mode: proto::Mode::Atomic.into(),
        ..submission("dan-phuong", "all", rows)
    };
    let answer = publisher.push(atomic.clone()).await.unwrap();
    let report = answer.report.clone().unwrap();
    assert_eq!((report.accepted, report.refused), (0, 3));
    let rules: Vec<_> = report.verdicts.iter().map(|verdict| verdict.rule.as_str()).collect();
    assert_eq!(rules, ["atomic.refused", "unit.unknown", "atomic.refused"]);
    assert_eq!(publisher.push(atomic).await.unwrap(), answer, "its first answer");
    assert_eq!(hub.sql("SELECT count(*) FROM observations").await, ["0"]);
    assert_eq!(hub.sql("SELECT accepted, refused, mode FROM submissions").await, ["0,3,atomic"]);
}
