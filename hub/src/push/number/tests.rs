//! The table of cases, and what it leaves out.

use super::*;

const TABLE: &str = include_str!("../../../tests/data/numbers_vi.csv");

fn locale(code: &str) -> Locale {
    match code {
        "vi" => Locale::Vi,
        "en" => Locale::En,
        other => panic!("{other}"),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "integer",
        Kind::Decimal => "decimal",
        Kind::Fraction => "fraction",
        Kind::Range => "range",
        Kind::Ambiguous => "ambiguous",
        Kind::Text => "text",
        Kind::Missing => "missing",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Reject => "reject",
        Verdict::Missing => "missing",
        Verdict::RankOrFraction => "rank_or_fraction",
    }
}

/// The table's word for a hedge, or for what is wrong with a text.
fn qualifier(figure: &Figure, raw: &str) -> &'static str {
    match (figure.qualifier, figure.problem) {
        (Some(Qualifier::Less), _) if raw.starts_with("gần") => "just_below",
        (Some(qualifier), _) => qualifier.code(),
        (None, Some(Problem::Vague)) => "vague",
        (None, Some(Problem::NumberWord)) => "word",
        (None, Some(Problem::All)) => "all",
        (None, _) => "",
    }
}

#[test]
fn all_cases_of_the_table() {
    let mut reader = csv::Reader::from_reader(TABLE.as_bytes());
    let mut cases = 0;
    for record in reader.records() {
        let record = record.unwrap();
        let raw = &record[0];
        // The fractions that are values belong to shares; the table says which one nobody can tell without.
        let expected = match &record[8] {
            "rank_or_fraction" => Expected::Unknown,
            _ if &record[2] == "fraction" => Expected::Percentage,
            _ => Expected::Unknown,
        };
        let figure = read(raw, locale(&record[1]), expected);
        let text = |d: Option<Decimal>| d.map(|d| d.to_string()).unwrap_or_default();
        let (low, high) = figure.fraction.or(figure.range).unzip();
        // What `một` would be worth is beside the point of a rejected text.
        let value = if &record[6] == "word" { String::new() } else { record[3].to_owned() };
        let found = [
            kind(figure.kind).to_owned(),
            text(figure.value),
            text(low),
            text(high),
            qualifier(&figure, raw).to_owned(),
            figure.unit.clone().unwrap_or_default(),
            verdict(figure.verdict).to_owned(),
        ];
        let wanted =
            [&record[2], &value, &record[4], &record[5], &record[6], &record[7], &record[8]];
        assert_eq!(found, wanted, "`{raw}` in {}", &record[1]);
        cases += 1;
    }
    assert_eq!(cases, 43);
}

fn value(raw: &str, locale: Locale) -> String {
    let figure = read(raw, locale, Expected::Unknown);
    match (figure.verdict, figure.value) {
        (Verdict::Reject, _) => figure.problem.unwrap().rule().to_owned(),
        (_, Some(value)) => value.to_string(),
        (_, None) => verdict(figure.verdict).to_owned(),
    }
}

#[test]
fn separators_of_the_two_locales() {
    for (raw, vi, en) in [
        ("1.015", "1015", "1.015"),
        ("1,015", "1.015", "1015"),
        ("0.015", "number.other_locale", "0.015"),
        ("0,015", "0.015", "number.other_locale"),
        ("12.34", "number.other_locale", "12.34"),
        ("1.234.567", "1234567", "number.other_locale"),
        ("1.234,5", "1234.5", "number.other_locale"),
        ("1,234.5", "number.other_locale", "1234.5"),
        ("1 234,5", "1234.5", "number.other_locale"),
        ("1\u{202f}234\u{a0}567", "1234567", "1234567"),
        ("1.23.456", "number.other_locale", "number.other_locale"),
        ("1 23", "number.syntax", "number.syntax"),
        ("-16", "-16", "-16"),
        ("1234", "1234", "1234"),
        ("0,1234567", "number.digits", "number.other_locale"),
        ("1234567890123", "number.digits", "number.digits"),
    ] {
        assert_eq!(
            (value(raw, Locale::Vi).as_str(), value(raw, Locale::En).as_str()),
            (vi, en),
            "{raw}"
        );
        assert_eq!(
            differs(raw),
            vi != en && !(vi.contains("number") && en.contains("number")),
            "{raw}"
        );
    }
}

#[test]
fn what_is_no_figure_is_rejected_with_a_reason() {
    for (raw, rule) in [
        ("14/3/2024", "number.syntax"),
        ("12 (tạm tính)", "number.syntax"),
        ("12 trên 30", "number.syntax"),
        ("5-3", "number.syntax"),
        ("3/0", "number.zero_denominator"),
        ("1e-3", "number.scientific"),
        ("--5", "number.syntax"),
        ("10²", "number.syntax"),
        ("½", "number.syntax"),
        ("٣", "number.syntax"),
        ("#DIV/0!", "number.syntax"),
        ("năm mươi", "number.in_words"),
        ("100,01 %", "number.share_over_100"),
    ] {
        assert_eq!(value(raw, Locale::Vi), rule, "{raw}");
    }
}

#[test]
fn the_indicator_decides_what_a_stroke_means() {
    let read = |raw, expected| read(raw, Locale::Vi, expected);
    assert_eq!(read("21/30", Expected::Rank).value, Decimal::from_integer(21));
    assert_eq!(read("21/30", Expected::Percentage).verdict, Verdict::Ok);
    assert_eq!(read("toàn bộ", Expected::Percentage).value, Decimal::from_integer(100));
    assert_eq!(read("Toàn bộ", Expected::Quantity).verdict, Verdict::Reject);
    assert_eq!(read("26/35 sản phẩm", Expected::Quantity).unit.as_deref(), Some("sản phẩm"));
}

#[test]
fn hedges_in_words_and_signs() {
    for (raw, code) in [
        ("Trên 130 trạm", "gt"),
        ("> 130", "gt"),
        (">=130", "ge"),
        ("< 5", "lt"),
        ("dưới 5", "lt"),
        ("không quá 5", "le"),
        ("từ 5 trở xuống", "le"),
        ("80% trở lên", "ge"),
        ("~5", "approx"),
    ] {
        let figure = read(raw, Locale::Vi, Expected::Unknown);
        assert_eq!(figure.verdict, Verdict::Ok, "{raw}");
        assert_eq!(figure.qualifier.map(Qualifier::code), Some(code), "{raw}");
    }
    assert_eq!(qualifier_of("Khoảng"), Some(Qualifier::Approximate));
    assert_eq!(qualifier_of("ge"), Some(Qualifier::GreaterOrEqual));
    assert_eq!(qualifier_of("maybe"), None);
}
