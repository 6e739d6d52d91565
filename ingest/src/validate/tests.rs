use std::fmt::Write as _;

use arrow::array::cast::AsArray;
use arrow::array::{Array, StringArray};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use dinh_lake::catalogue::files::{SourceFile, read};
use dinh_lake::observation::accepted_schema;

use super::*;
use crate::columns::{Cell, Numbers, Texts};

fn catalogue() -> Catalogue {
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let files = [
        file("units.csv", include_str!("../../tests/catalogue/units.csv")),
        file("succession.csv", include_str!("../../tests/catalogue/succession.csv")),
        file("indicators.csv", include_str!("../../tests/catalogue/indicators.csv")),
        file("feeds.csv", include_str!("../../tests/catalogue/feeds.csv")),
    ];
    let records = read(&files).unwrap_or_else(|faults| panic!("{faults:?}"));
    Catalogue::from_records(1, records).expect("the records are sound")
}

/// Rows of `indicator,unit,period,stage,value,numerator,denominator,qualifier,status,reported,expected,note`; what is
/// left out at the end is empty.
pub(super) fn columns(rows: &[&str]) -> Columns {
    let cell = |row: &str, column: usize| row.split(',').nth(column).unwrap_or_default().to_owned();
    let text = |column| StringArray::from_iter_values(rows.iter().map(|row| cell(row, column)));
    let texts = |column| {
        let cells: Vec<_> = rows.iter().map(|row| cell(row, column)).collect();
        Texts::from_texts(cells.iter().map(String::as_str))
    };
    let whole = |text: &str| text.parse().map_err(|_| dinh_lake::decimal::DecimalError::Syntax);
    Columns {
        rows: rows.len(),
        indicator: texts(0),
        unit: texts(1),
        period: texts(2),
        stage: texts(3),
        value: Numbers::parsed(text(4), str::parse),
        numerator: Numbers::parsed(text(5), str::parse),
        denominator: Numbers::parsed(text(6), str::parse),
        qualifier: texts(7),
        status: texts(8),
        coverage_reported: Numbers::parsed(text(9), whole),
        coverage_expected: Numbers::parsed(text(10), whole),
        note: texts(11),
    }
}

fn judge(feed: &str, within: Option<&str>, rows: &[&str], mode: Mode) -> Judged {
    let catalogue = catalogue();
    let within = within.map(|unit| UnitId(unit.to_owned()));
    let context = Context {
        catalogue: &catalogue,
        feed: &catalogue.feeds[feed],
        within: within.as_ref(),
        today: "2024-12-31".parse().expect("it is a date"),
        present: None,
    };
    validate(&columns(rows), context, mode)
}

/// `rule` for a refused row, `rule?` for a warned one, in order of rows.
pub(super) fn rules(judged: &Judged) -> String {
    let mut rules = String::new();
    for verdict in &judged.verdicts {
        let mark = if verdict.severity == Severity::Warned { "?" } else { "" };
        write!(rules, "{}:{}{mark} ", verdict.row, verdict.rule)
            .expect("writing to a string does not fail");
    }
    rules.trim_end().to_owned()
}

fn found(row: &str) -> String {
    rules(&judge("dan-phuong", Some("273.1"), &[row], Mode::Partial)).replace("1:", "")
}

#[test]
fn good_rows_land_with_their_defaults() {
    let rows = [
        "community_digital_teams,273,2024-12-14,,129,,,ge,,18,30,đã rà soát",
        "online_dossiers_pct,09820,2024-M03,,,26,35",
        "online_dossiers_pct,09784.1,2025-A1,target,95",
        "community_digital_teams,00004@2024-01-01,2023,,,,,,withdrawn",
    ];
    let judged = judge("ha-noi", None, &rows[..1], Mode::Partial);
    assert_eq!((rules(&judged).as_str(), judged.refused), ("", 0));
    let judged = judge("ha-noi", None, &rows, Mode::Partial);
    assert_eq!(rules(&judged), "");
    let batch = &judged.accepted;
    assert_eq!(batch.schema(), accepted_schema());
    let text = |name: &str| {
        let column = batch[name].as_string::<i32>();
        (0..column.len()).map(|row| column.value(row)).collect::<Vec<_>>()
    };
    assert_eq!(batch["row"].as_primitive::<Int64Type>().values(), &[1, 2, 3, 4]);
    assert_eq!(text("unit"), ["273.1", "09820.1", "09784.1", "00004.1"]);
    assert_eq!(text("stage"), ["self", "self", "target", "self"]);
    assert_eq!(text("qualifier"), ["ge", "exact", "exact", "exact"]);
    assert_eq!(text("status"), ["normal", "normal", "normal", "withdrawn"]);
    let value = batch["value"].as_primitive::<Decimal128Type>();
    assert_eq!(value.value(1), 74_285_714, "26 of 35, rounded half up");
    assert!(value.is_null(3));
    let start = batch["period_start"].as_primitive::<Date32Type>();
    assert_eq!(
        start.value_as_date(1),
        "2024-03-01".parse().ok(),
        "this feed is on the Gregorian calendar"
    );
    assert!(batch["note"].is_null(1));
}

#[test]
fn each_fault_has_its_rule() {
    let long = format!("community_digital_teams,273,2023,,1,,,,,,,{}", "x".repeat(2_001));
    for (row, rules) in [
        (",273,2023,,1", "indicator.missing"),
        ("comunity_digital_teams,273,2023,,1", "indicator.unknown"),
        ("par_index_pct,273,2023,,1", "indicator.not_in_feed"),
        ("community_digital_teams,,2023,,1", "unit.missing"),
        ("community_digital_teams,99999,2023,,1", "unit.unknown"),
        ("community_digital_teams,001,2023,,1", "unit.outside_grant unit.outside_feed"),
        ("community_digital_teams,273,,,1", "period.missing"),
        ("community_digital_teams,273,12/2023,,1", "period.unparsable"),
        ("community_digital_teams,273,2024-02-30,,1", "period.unparsable"),
        ("community_digital_teams,273,2025,,1", "unit.unknown"),
        ("community_digital_teams,273,2025-01,,1", "period.future?"),
        ("community_digital_teams,273,2023,draft,1", "stage.unknown"),
        ("community_digital_teams,273,2023,final,1", "stage.not_allowed"),
        ("community_digital_teams,273,2023,,", "value.missing"),
        ("community_digital_teams,273,2023,,NaN", "value.not_a_number"),
        ("community_digital_teams,273,2023,,1e3", "value.not_a_number"),
        ("community_digital_teams,273,2023,,1.0000001", "value.too_many_digits"),
        ("community_digital_teams,273,2023,,1234567890123", "value.too_many_digits"),
        ("community_digital_teams,273,2023,,-1", "value.out_of_bounds"),
        ("online_dossiers_pct,273,2023,,100.1", "value.out_of_bounds"),
        ("community_digital_teams,273,2023,,1.5", "value.not_integer"),
        ("online_dossiers_pct,273,2023,,,x,35", "numerator.not_a_number"),
        ("online_dossiers_pct,273,2023,,,36,35", "numerator.over_denominator"),
        ("online_dossiers_pct,273,2023,,,0,0", "denominator.zero"),
        ("online_dossiers_pct,273,2023,,,26,", "value.missing"),
        ("online_dossiers_pct,273,2023,,50,-1,35", "numerator.negative"),
        ("online_dossiers_pct,273,2023,,50,36,35", "numerator.over_denominator"),
        ("online_dossiers_pct,273,2023,,50,0,0", "denominator.zero"),
        ("online_dossiers_pct,273,2023,,50,26,35", "value.not_numerator_over_denominator?"),
        ("online_dossiers_pct,273,2023,,74.29,26,35", ""),
        ("community_digital_teams,273,2023,,12.000", "value.thousands_separator?"),
        ("community_digital_teams,273,2023,,0.000", ""),
        ("full_online_pct,273,2023,,,26.5,35.5", "numerator.not_integer denominator.not_integer"),
        ("online_dossiers_pct,273,2023,,74,26,35", ""),
        ("members_per_team,273,2023,,7.87,1015,129", ""),
        ("community_digital_teams,273,2023,,1,,,about", "qualifier.unknown"),
        ("community_digital_teams,273,2023,,1,,,,gone", "status.unknown"),
        ("community_digital_teams,273,2023,,1,,,,,x,30", "coverage.not_an_integer"),
        ("community_digital_teams,273,2023,,1,,,,,-1,30", "coverage.negative"),
        ("community_digital_teams,273,2023,,1,,,,,31,30", "coverage.over_expected"),
        (&long, "note.too_long"),
        (
            "x,y,z,w,v,u,t,s,r,q,p",
            "indicator.unknown period.unparsable stage.unknown qualifier.unknown status.unknown \
          value.not_a_number numerator.not_a_number denominator.not_a_number coverage.not_an_integer coverage.not_an_integer",
        ),
    ] {
        assert_eq!(found(row), rules, "{row}");
    }
}

#[test]
fn a_level_that_the_indicator_does_not_have_is_refused() {
    let judged = judge("ha-noi", None, &["par_index_pct,09820,2023,,93.86"], Mode::Partial);
    assert_eq!(rules(&judged), "1:level.not_allowed");
}

#[test]
fn a_code_is_read_at_the_last_day_of_the_period() {
    let rows = [
        "community_digital_teams,00004,2024,,1",
        "community_digital_teams,00004,2025-M08,target,1",
        "community_digital_teams,00004.1,2025-A1,target,1",
        "community_digital_teams,09787,2025-02,target,1",
    ];
    let judged = judge("ha-noi", None, &rows, Mode::Partial);
    let units = judged.accepted["unit"].as_string::<i32>();
    assert_eq!(units.iter().flatten().collect::<Vec<_>>(), ["00004.1", "00004.2", "00004.1"]);
    assert_eq!(rules(&judged), "4:unit.unknown");
    let verdict = &judged.verdicts[0];
    assert!(
        verdict.message_en.contains("2024-12-31") && verdict.message_vi.contains("2024-12-31"),
        "{verdict:?}"
    );
}

#[test]
fn a_verdict_says_what_was_sent_and_what_may_have_been_meant() {
    let judged =
        judge("dan-phuong", None, &["comunity_digital_teams,09821,2023,,007"], Mode::Partial);
    let [indicator, unit] = &judged.verdicts[..] else { panic!("{:?}", judged.verdicts) };
    assert_eq!(indicator.suggestions, ["community_digital_teams"]);
    assert!(indicator.message_vi.contains("`comunity_digital_teams`"));
    assert!(unit.suggestions.contains(&"09820".to_owned()), "{unit:?}");
    let sent =
        r#"{"indicator":"comunity_digital_teams","unit":"09821","period":"2023","value":"007"}"#;
    assert_eq!(indicator.content, sent);
    assert_eq!(unit.content, sent);
}

#[test]
fn a_number_with_a_comma_or_grouped_thousands_is_read_back_to_its_sender() {
    for (value, suggestions) in [
        ("3.064", &["3064"][..]),
        ("1.5", &[][..]),
        ("\"93,86\"", &["93.86"][..]),
        ("\"1.015,5\"", &["1015.5"][..]),
        ("\"1,015\"", &["1.015", "1015"][..]),
    ] {
        let row = format!("community_digital_teams,273,2023,,{}", value.trim_matches('"'));
        // The comma of the value would be one between columns here.
        let mut columns = columns(&[&row]);
        let sent = StringArray::from(vec![value.trim_matches('"')]);
        columns.value = Numbers::parsed(sent, str::parse);
        columns.numerator = Numbers::missing();
        let catalogue = catalogue();
        let context = Context {
            catalogue: &catalogue,
            feed: &catalogue.feeds["dan-phuong"],
            within: None,
            today: "2024-12-31".parse().expect("it is a date"),
            present: None,
        };
        let judged = validate(&columns, context, Mode::Partial);
        assert_eq!(judged.verdicts[0].suggestions, suggestions, "{value}");
    }
}

#[test]
fn a_key_may_appear_once() {
    let rows = [
        "community_digital_teams,273,2023,,1",
        "community_digital_teams,273,2023,target,2",
        "community_digital_teams,273.1,2023-01-01/2023-12-31,self,3",
    ];
    let judged = judge("dan-phuong", None, &rows, Mode::Partial);
    assert_eq!(rules(&judged), "3:key.duplicate");
    assert!(judged.verdicts[0].message_en.starts_with("row 1 "), "{:?}", judged.verdicts);
}

#[test]
fn an_atomic_submission_lands_whole_or_not_at_all() {
    let rows = [
        "community_digital_teams,273,2025-01,,1",
        "community_digital_teams,273,2023,,NaN",
        "community_digital_teams,273,2022,,1",
    ];
    let judged = judge("dan-phuong", None, &rows, Mode::Atomic);
    assert_eq!(rules(&judged), "1:atomic.refused 2:value.not_a_number 3:atomic.refused");
    assert_eq!((judged.accepted.num_rows(), judged.warned, judged.refused), (0, 0, 3));
    let judged = judge("dan-phuong", None, &[rows[0], rows[2]], Mode::Atomic);
    assert_eq!((judged.accepted.num_rows(), judged.warned, judged.refused), (2, 1, 0));
}

#[test]
fn a_submission_of_unknown_units_does_not_take_for_ever() {
    let rows: Vec<String> =
        (0..20_000).map(|n| format!("community_digital_teams,xã không có {n},2023,,1")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let judged = judge("ha-noi", None, &rows, Mode::Partial);
    assert_eq!(judged.refused, 20_000);
    assert!(
        judged.verdicts.last().is_some_and(|verdict| verdict.message_en.contains("too many units"))
    );
}

#[test]
fn cells_of_a_missing_column_are_missing() {
    assert_eq!(Numbers::<i64>::missing().cell(1), Cell::Missing);
}
