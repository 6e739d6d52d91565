//! Headers, separators, lines and faults.

use super::*;

fn faults(text: &str) -> Vec<String> {
    read(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn separators_give_equal_rows() {
    let comma = "indicator,unit,period,value\npar_index_pct,273,2023,\"93,86\"\n";
    let semicolon = "indicator;unit;period;value\r\npar_index_pct;273;2023;93,86\r\n";
    let tab = "indicator\tunit\tperiod\tvalue\npar_index_pct\t273\t2023\t93,86";
    let told = "sep=;\r\nindicator;unit;period;value\r\npar_index_pct;273;2023;93,86\r\n";
    for (text, separator, line) in
        [(comma, b',', 2), (semicolon, b';', 2), (tab, b'\t', 2), (told, b';', 3)]
    {
        let table = read(text).unwrap();
        assert_eq!(table.separator, separator);
        assert_eq!(table.columns, REQUIRED);
        let fields = ["par_index_pct", "273", "2023", "93,86"].map(str::to_owned).to_vec();
        assert_eq!(table.records, [Record { line, fields }]);
    }
}

#[test]
fn names_in_any_order_case_spacing_and_language() {
    let table = read("Giá trị;KỲ; Đơn  vị ;chi tieu;Tử số;mẫu_số;Ghi chú;Giai đoạn;Coverage Reported\n1;2;3;4;5;6;7;8;9\n")
        .unwrap();
    let columns = [
        Column::Value,
        Column::Period,
        Column::Unit,
        Column::Indicator,
        Column::Numerator,
        Column::Denominator,
        Column::Note,
        Column::Stage,
        Column::CoverageReported,
    ];
    assert_eq!(table.columns, columns);
    assert_eq!(table.field(&table.records[0], Column::Unit), "3");
    assert_eq!(table.field(&table.records[0], Column::Status), "");
}

#[test]
fn every_name_finds_its_column_and_no_alias_names_two() {
    let mut seen = std::collections::BTreeSet::new();
    for (column, name, aliases) in NAMES {
        for alias in aliases.iter().chain([&name]) {
            assert_eq!(Column::of(alias), Some(column));
            assert!(seen.insert(*alias), "{alias}");
        }
    }
}

#[test]
fn lines_are_those_of_the_file() {
    let text = "\n\nindicator,unit,period,value,note\r\n\r\na,1,2023,1,\"two\r\nlines\"\r\n\n,,,,\nb,2,2023,2,\r\n\r\n\r\nc,3,2023,3,x";
    let lines: Vec<u64> = read(text).unwrap().records.iter().map(|r| r.line).collect();
    assert_eq!(lines, [5, 9, 12]);
    let old_mac = "indicator,unit,period,value\ra,1,2023,1\r\rb,2,2023,2";
    let lines: Vec<u64> = read(old_mac).unwrap().records.iter().map(|r| r.line).collect();
    assert_eq!(lines, [2, 4]);
}

#[test]
fn all_faults_of_a_header_are_named() {
    assert_eq!(
        faults("indicator,đơn vị,unit,colour,value\n"),
        [
            "line 1: column `unit` (`unit`) is there twice: remove one",
            "line 1: column 4 `colour` is unknown: remove it or rename it to one of `indicator`, `unit`, `period`, \
             `stage`, `value`, `numerator`, `denominator`, `qualifier`, `status`, `coverage_reported`, \
             `coverage_expected`, `note`",
            "line 1: column `period` is missing: add it to the line of names",
        ]
    );
    assert!(faults("")[0].contains("the file is empty"));
}

#[test]
fn ragged_rows_are_refused_with_their_lines() {
    let faults = faults("indicator,unit,period,value\na,1,2023,93,86\nb,2,2023,1\nc,3,2023\n");
    assert_eq!(faults.len(), 2);
    assert!(faults[0].starts_with("line 2: 5 fields under 4 columns"), "{}", faults[0]);
    assert!(faults[1].starts_with("line 4: 3 fields"), "{}", faults[1]);
    let many = "indicator,unit,period,value\n".to_owned() + &"x\n".repeat(50);
    assert_eq!(read(&many).unwrap_err().len(), RAGGED_NAMED_MAX + 1);
}

#[test]
fn an_open_quote_is_refused_where_it_opens() {
    let faults =
        faults("indicator,unit,period,value,note\na,1,2023,1,x\nb,2,2023,2,\"open\nc,3,2023,3,y\n");
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("line 3: a quote is not closed"), "{}", faults[0]);
}
