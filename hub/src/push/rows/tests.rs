//! What is sent for what was written.

use super::super::table;
use super::*;

fn table_of(lines: &[&str]) -> Table {
    let head = "indicator;unit;period;value;numerator;denominator;qualifier;status;coverage_reported;note\n";
    table::read(&(head.to_owned() + &lines.join("\n"))).unwrap()
}

fn read_one(line: &str, expected: Expected) -> (String, Vec<&'static str>) {
    let reading = read(&table_of(&[line]), Locale::Vi, |_| expected);
    let text = reading.rows.iter().flat_map(|row| row.texts[4..].iter().map(String::as_str));
    let rules = reading.remarks.iter().map(|remark| remark.problem.rule()).collect();
    (text.collect::<Vec<_>>().join("|"), rules)
}

#[test]
fn figures_are_sent_in_their_exact_form() {
    for (line, sent, rules) in [
        ("a;1;2023;93,86%;;;;;;", "93.86|||||||", vec![]),
        ("a;1;2023;1.015;;;;;18;x", "1015|||||18||x", vec![]),
        ("a;1;2023;khoảng 23.726;;;;;;", "23726|||approx||||", vec![]),
        ("a;1;2023;gần 100%;;;;;;", "100|||lt||||", vec![]),
        ("a;1;2023;130;;;trên;;;", "130|||gt||||", vec![]),
        ("a;1;2023;130;;;perhaps;;;", "130|||perhaps||||", vec![]),
        ("a;1;2023;26/35;;;;;;", "|26|35|||||", vec![]),
        ("a;1;2023;26/35;26;35,0;;;;", "|26|35|||||", vec![]),
        ("a;1;2023;;1.000;1.200;;;;", "|1000|1200|||||", vec![]),
        ("a;1;2023;-;;;;withdrawn;;", "||||withdrawn|||", vec![]),
        ("a;1;2023;64,5 triệu đồng;;;;;;", "64.5|||||||", vec![]),
        ("a;1;2023;1,2 tỷ đồng;;;;;;", "1200|||||||", vec!["number.million_vnd"]),
        ("a;1;2023;１２;;;;;;", "12|||||||", vec!["number.full_width"]),
        ("a;1;2023;0;;;;;;", "0|||||||", vec![]),
    ] {
        assert_eq!(read_one(line, Expected::Unknown), (sent.to_owned(), rules), "{line}");
    }
}

#[test]
fn what_does_not_read_is_sent_as_written_and_never_as_a_figure() {
    for (line, sent, rule) in [
        ("a;1;2023;12.34;;;;;;", "12.34 (vi)|||||||", "number.other_locale"),
        ("a;1;2023;NaN;;;;;;", "NaN|||||||", "number.syntax"),
        ("a;1;2023;7-7,5%/năm;;;;;;", "7-7,5%/năm|||||||", "number.range"),
        ("a;1;2023;100,5%;;;;;;", "100,5%|||||||", "number.share_over_100"),
        ("a;1;2023;1,2 triệu người;;;;;;", "1,2 triệu người|||||||", "number.scale_word"),
        ("a;1;2023;khoảng 5;;;gt;;;", "khoảng 5|||gt||||", "number.qualifier_twice"),
        ("a;1;2023;26/35;25;;;;;", "26/35|25||||||", "number.fraction_twice"),
        ("a;1;2023;5;một;;;;;", "5|một||||||", "number.in_words"),
        ("a;1;2023;5;;;;;18/30;", "5|||||18/30||", "number.syntax"),
        ("a;1;2023;1234567890123;;;;;;", "1234567890123|||||||", "number.digits"),
    ] {
        assert_eq!(read_one(line, Expected::Unknown), (sent.to_owned(), vec![rule]), "{line}");
    }
}

#[test]
fn the_indicator_decides_where_it_is_known() {
    assert_eq!(read_one("a;1;2023;21/30;;;;;;", Expected::Rank).0, "21|||||||21/30");
    assert_eq!(read_one("a;1;2023;21/30;;;;;;x", Expected::Rank).0, "21|||||||x; 21/30");
    assert_eq!(read_one("a;1;2023;toàn bộ;;;;;;", Expected::Percentage).0, "100|||||||");
    assert_eq!(read_one("a;1;2023;toàn bộ;;;;;;", Expected::Unknown).0, "toàn bộ|||||||");
    assert_eq!(read_one("a;1;2023;toàn bộ;;;;;;", Expected::Quantity).0, "toàn bộ|||||||");
    assert!(needs_catalogue(&table_of(&["a;1;2023;5;;;;;;", "a;1;2023;21/30;;;;;;"])));
    assert!(!needs_catalogue(&table_of(&["a;1;2023;5;;;;;;"])));
}

#[test]
fn rows_without_a_figure_stay_behind_with_their_lines() {
    let table =
        table_of(&["a;1;2023;5;;;;;;", "b;1;2023;;;;;;;", "c;1;2023;-;;;;;;", "d;1;2023;x;;;;;;"]);
    let reading = read(&table, Locale::Vi, |_| Expected::Unknown);
    assert_eq!(reading.missing, [3, 4]);
    let rows: Vec<_> = reading.rows.iter().map(|row| (row.record, row.line)).collect();
    assert_eq!(rows, [(0, 2), (3, 5)]);
    assert_eq!((reading.remarks[0].row, reading.remarks[0].line), (2, 5));
}

#[test]
fn figures_that_read_two_ways_are_all_named() {
    let table = table_of(&["a;1;2023;1.015;;;;;;", "b;1;2023;16;1,5;;;;;", "c;1;2023;12.34;;;;;;"]);
    let found = ambiguities(&table);
    let text = |d: Option<Decimal>| d.map_or("-".to_owned(), |d| d.to_string());
    let found: Vec<_> = found
        .iter()
        .map(|a| format!("{} {} {} {}", a.line, a.raw, text(a.vi), text(a.en)))
        .collect();
    assert_eq!(found, ["2 1.015 1015 1.015", "3 1,5 1.5 -", "4 12.34 - 12.34"]);
    assert_eq!(
        ambiguities(&table_of(&["a;1;2023;16;26/35;;;;;", "b;1;2023;khoảng 5 %;;;;;;"])),
        []
    );
}

#[test]
fn an_id_follows_feed_mode_and_content_and_nothing_else() {
    let rows =
        |text: &str| read(&table::read(text).unwrap(), Locale::Vi, |_| Expected::Unknown).rows;
    let one = rows("indicator;unit;period;value\na;1;2023;1.015\n");
    let same = rows("Giá trị,Kỳ,Đơn vị,Chỉ tiêu,Ghi chú\n\n1015,2023,1,a,\n");
    let id = identity("f", Mode::Partial, &one);
    assert_eq!(id, identity("f", Mode::Partial, &same));
    assert!(id.starts_with("sha-") && id.len() == 36, "{id}");
    assert_ne!(id, identity("g", Mode::Partial, &one));
    assert_ne!(id, identity("f", Mode::Atomic, &one));
    assert_ne!(
        id,
        identity("f", Mode::Partial, &rows("indicator;unit;period;value\na;1;2023;1.016\n"))
    );
}
