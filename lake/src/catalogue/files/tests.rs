//! The files of a catalogue: what reads, and every fault at its line.

mod successions;

use super::{Fault, SourceFile, read, samples};
use crate::catalogue::Catalogue;
use crate::decimal::Decimal;
use crate::indicator::StateRule;
use crate::observation::Stage;

/// The sample with lines put at the end of files.
fn with(lines: &[(&str, &str)]) -> Vec<SourceFile> {
    let mut files = samples::files();
    for (name, line) in lines {
        let file = files.iter_mut().find(|file| file.name == *name).unwrap();
        file.text.push_str(&format!("{line}\n"));
    }
    files
}

/// The sample with one text of one file replaced.
fn replaced(name: &str, from: &str, to: &str) -> Vec<SourceFile> {
    let mut files = samples::files();
    let file = files.iter_mut().find(|file| file.name == name).unwrap();
    assert!(file.text.contains(from), "{from}");
    file.text = file.text.replacen(from, to, 1);
    files
}

fn faults(files: &[SourceFile]) -> Vec<String> {
    let faults = read(files).err().unwrap_or_default();
    assert!(faults.iter().all(|fault| fault.text_vi() != fault.to_string()));
    faults.iter().map(Fault::to_string).collect()
}

fn unit_faults(lines: &[&str]) -> Vec<String> {
    faults(&with(&lines.iter().map(|line| ("units.csv", *line)).collect::<Vec<_>>()))
}

#[test]
fn files_without_faults_read() {
    let catalogue = Catalogue::from_records(1, read(&samples::files()).unwrap()).unwrap();
    let ranks = &catalogue.indicators["par_index_rank"];
    assert_eq!(
        (ranks.factor, ranks.integer, ranks.ranks.as_deref()),
        (1, true, Some("par_index_pct"))
    );
    let score = &catalogue.indicators["par_index_pct"];
    assert_eq!(score.min.unwrap().to_string(), "0.000001");
    assert_eq!(score.max, Decimal::from_integer(100));
    assert_eq!(score.stages, [Stage::SelfReported, Stage::Final].into());
    assert!(score.levels.contains("commune"), "spaces around a list's parts do not count");
    assert_eq!(catalogue.units.versions().len(), 4);
    assert_eq!(catalogue.feeds["dan-phuong"].indicators.len(), 2);
}

#[test]
fn what_editors_do_to_a_file_does_not_matter() {
    use unicode_normalization::UnicodeNormalization;
    let as_excel = |file: SourceFile| SourceFile {
        text: format!("\u{feff}{}", file.text.nfd().collect::<String>().replace('\n', "\r\n")),
        ..file
    };
    let files: Vec<_> = samples::files().into_iter().map(as_excel).collect();
    assert_eq!(read(&files).unwrap(), read(&samples::files()).unwrap());
}

#[test]
fn lines_are_counted_as_editors_count_them() {
    let mut files = replaced("units.csv", "\n273.1", "\r\n\r\n\n273.1");
    files[0].text.push_str("1.1,1,\"Xã\nHai dòng\",,xa,commune,,2020-03-01,2019-01-01,\n\nx,y\r\n");
    let faults = faults(&files);
    assert_eq!(
        faults,
        [
            "units.csv:8: column `valid_to`: `2019-01-01` is before the `valid_from` `2020-03-01`",
            "units.csv:11: line has 2 cells, the header has 10",
        ]
    );
}

#[test]
fn missing_files_and_columns_that_do_not_fit() {
    assert_eq!(
        faults(&[]),
        [
            "units.csv: file is missing",
            "indicators.csv: file is missing",
            "feeds.csv: file is missing"
        ]
    );
    let told = faults(&replaced("feeds.csv", "name_vi,name_en", "name_vi,name_fr"));
    assert_eq!(told.len(), 2);
    assert!(
        told[0].starts_with("feeds.csv:1: column `name_fr`: column is unknown; the columns are")
    );
    assert_eq!(told[1], "feeds.csv:1: column `name_en`: column is missing");
    let told = faults(&replaced("feeds.csv", "name_vi,name_en", "name_vi,name_vi"));
    assert_eq!(told[0], "feeds.csv:1: column `name_vi`: column stands twice");
    let mut files = samples::files();
    files[2].text = files[2].text.replace(';', "|").replace(',', ";");
    assert_eq!(
        faults(&files),
        ["feeds.csv:1: cells are not separated by commas: save it as CSV (comma delimited), UTF-8"]
    );
}

#[test]
fn cells_that_do_not_parse_are_all_told() {
    let line = "x,,,tally,%,,stock,sum,weekly,,,0.5,up,,self;best,best,1.2345678,\"1,5\",maybe,open,none,,";
    let told =
        faults(&with(&[("indicators.csv", line), ("feeds.csv", "A b,x,,real,lunar,first,273,")]));
    let columns = |file: &str| -> Vec<String> {
        let of_file = told.iter().filter_map(|fault| fault.strip_prefix(file));
        of_file.filter_map(|fault| Some(fault.split('`').nth(1)?.to_owned())).collect()
    };
    assert_eq!(
        columns("indicators.csv:6: "),
        [
            "name_vi",
            "kind",
            "aggregation_time",
            "factor",
            "direction",
            "levels",
            "stages",
            "default_stage",
            "min",
            "max",
            "integer",
        ]
    );
    assert_eq!(columns("feeds.csv:3: "), ["feed", "class", "calendar", "precedence"]);
    let kind = "indicators.csv:6: column `kind`: `tally` is not one of `count`, `ratio`, `score`, \
                `rank`, `money`, `measure`";
    assert!(told.contains(&kind.to_owned()), "{told:#?}");
    let told = unit_faults(&["00004,0 4,A/B,,xa,commune,,1/3/2020,2020-3-1,"]);
    assert_eq!(
        told,
        [
            "units.csv:6: column `unit`: `00004` is not a unit id: a code, a point and an ordinal, as in `00004.1`",
            "units.csv:6: column `code`: `0 4` has something other than letters `A`-`z`, digits, `_` and `-`",
            "units.csv:6: column `name`: a name must not hold `/`, which parts the names of a path",
        ]
    );
    let told = unit_faults(&["00004.0,4,A,,xa,commune,,1/3/2020,2020-3-1,"]);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert_eq!(
        told[1],
        "units.csv:6: column `valid_from`: `1/3/2020` is not a day; write it as `2024-12-31`"
    );
}

#[test]
fn versions_that_share_a_day() {
    assert_eq!(
        unit_faults(&[
            "09829.1,09829,Xã Song Phượng,,xa,commune,273.1,2020-03-01,,",
            "09829.1,09829,Phường Song Phượng,,phuong,commune,273.1,2024-01-01,,",
            "09784.2,09784,Xã Đan Phượng,,xa,commune,273.1,2025-07-01,,",
        ]),
        [
            "units.csv:6: `09829.1/2020-03-01` stands in line 5 already",
            "units.csv:7: column `valid_from`: `09829.1` has another version on 2024-01-01, in line 6",
            "units.csv:8: column `code`: `09784` is the code of `09784.1` too on 2025-07-01, in line 4",
        ]
    );
}

#[test]
fn a_unit_that_comes_back_is_another_and_ordinals_follow_time() {
    assert_eq!(
        faults(&with(&[
            ("units.csv", "1.1,1,Xã A,,xa,commune,273.1,2020-03-01,2021-12-31,"),
            ("units.csv", "1.1,1,Xã A,,xa,commune,273.1,2022-03-01,,"),
            ("units.csv", "2.2,2,Xã B,,xa,commune,273.1,2020-03-01,2021-12-31,"),
            ("units.csv", "2.1,2,Xã B,,xa,commune,273.1,2022-01-01,,"),
            ("units.csv", "3.1,3,Xã C,,xa,commune,,2020-03-01,,"),
            ("succession.csv", "2.2,2.2,2022-01-01,close,whole,,,,,,low"),
        ])),
        [
            "units.csv:7: column `valid_from`: `1.1` is not valid from 2022-01-01, after line 6, to 2022-03-01: a unit \
             that comes back has the next ordinal",
            "units.csv:8: column `unit`: ordinals follow time, and `2.1` in line 9 begins no earlier",
            "units.csv:10: column `parent`: must not be empty: a `commune` stands below another unit, as in line 4",
        ]
    );
}

#[test]
fn an_id_has_the_code_of_one_of_its_versions() {
    assert_eq!(
        unit_faults(&["00007.1,00008,Phường A,,phuong,commune,01.1,2020-03-01,,"]),
        ["units.csv:6: column `unit`: no version of `00007.1` has the code `00007`"]
    );
    let recoded = [
        "00007.1,00007,Phường A,,phuong,commune,01.1,2020-03-01,2021-12-31,",
        "00007.1,00008,Phường A,,phuong,commune,01.1,2022-01-01,,",
    ];
    assert!(unit_faults(&recoded).is_empty());
}

#[test]
fn parents_that_do_not_hold() {
    assert_eq!(
        unit_faults(&[
            "1.1,1,Xã A,,xa,commune,273.9,2020-03-01,,",
            "2.1,2,Xã B,,xa,commune,01.1,2001-01-01,,",
            "3.1,3,Xã C,,xa,commune,4.1,2020-03-01,,",
            "4.1,4,Huyện D,,huyen,district,01.1,2020-03-01,2022-12-31,",
            "4.1,4,Quận D,,quan,district,01.1,2023-01-01,2025-06-30,",
        ]),
        [
            "units.csv:6: column `parent`: `273.9` is not in `units.csv`; is `273.1` meant?",
            "units.csv:7: column `parent`: `01.1` is not valid on 2001-01-01, when `2.1` is",
            "units.csv:8: column `parent`: `4.1` is not valid on 2025-07-01, when `3.1` is",
            "units.csv:10: column `valid_to`: `4.1` ends, and no line of `succession.csv` says on 2025-07-01 what \
             became of it: write its successors, or the event `close`",
        ]
    );
}

#[test]
fn a_parent_that_did_not_parse_is_told_once() {
    let told = unit_faults(&[
        "4.1,4,Huyện D,,huyen,district,01.1,hôm nay,,",
        "3.1,3,Xã C,,xa,commune,4.1,2020-03-01,,",
    ]);
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[test]
fn parents_that_go_round() {
    assert_eq!(
        unit_faults(&[
            "1.1,1,Xã A,,xa,commune,01.1,2020-03-01,2020-12-31,",
            "1.1,1,Xã A,,xa,commune,2.1,2021-01-01,,",
            "2.1,2,Xã B,,xa,commune,3.1,2020-03-01,,",
            "3.1,3,Xã C,,xa,commune,1.1,2020-03-01,,",
            "5.1,5,Xã D,,xa,commune,5.1,2020-03-01,,",
        ]),
        [
            "units.csv:7: column `parent`: the parents go round in a circle on 2021-01-01: 1.1 > 2.1 > 3.1 > 1.1",
            "units.csv:10: column `parent`: the parents go round in a circle on 2020-03-01: 5.1 > 5.1",
        ]
    );
}

#[test]
fn indicators_that_do_not_fit_together() {
    let line = "x,X,,ratio,%,,ratio,ratio_of_sums,last,villages_totl,,0,higher,commune;village,\
                self,final,5,1,,open,none,x,nobody";
    assert_eq!(
        faults(&with(&[("indicators.csv", line)])),
        [
            "indicators.csv:6: column `default_stage`: `final` is not among the stages of this line",
            "indicators.csv:6: column `min`: `5` is over the `max` `1`",
            "indicators.csv:6: column `factor`: `0` is not positive; write 100 for a percentage",
            "indicators.csv:6: column `numerator`: `villages_totl` is not in `indicators.csv`; is `villages_total` meant?",
            "indicators.csv:6: column `ranks`: an indicator cannot be a part of itself",
            "indicators.csv:6: column `denominator`: must not be empty: a ratio has both a numerator and a denominator, or neither",
            "indicators.csv:6: column `levels`: no unit in `units.csv` has the level `village`",
            "indicators.csv:6: column `precedence`: `nobody` is not in `feeds.csv`",
        ]
    );
}

#[test]
fn feeds_that_refer_to_nothing() {
    let line = "dan-phuong,X,,official,reporting,1,999,par_index_pc;villages_total";
    assert_eq!(
        faults(&with(&[("feeds.csv", line)])),
        [
            "feeds.csv:3: `dan-phuong` stands in line 2 already",
            "feeds.csv:3: column `within`: `999` is the code of no unit in `units.csv`",
            "feeds.csv:3: column `indicators`: `par_index_pc` is not in `indicators.csv`; is `par_index_pct` meant?",
        ]
    );
    let fault = read(&with(&[("feeds.csv", line)])).unwrap_err().remove(1);
    assert_eq!(
        fault.text_vi(),
        "feeds.csv:3: cột `within`: `999` không phải là mã của đơn vị nào trong `units.csv`"
    );
}

#[test]
fn synonyms_are_names_of_units_that_there_are() {
    let mut files = samples::files();
    let text = "unit,name,lang\n01.1,Thăng Long,vi\n01.1,Hanoi,en\n".to_owned();
    files.push(SourceFile { name: "synonyms.csv".to_owned(), text });
    let catalogue = Catalogue::from_records(1, read(&files).unwrap()).unwrap();
    assert_eq!(catalogue.synonyms["01.1/Hanoi"].lang, crate::unit::Language::English);
    assert_eq!(catalogue.units.search("thang long")[0].name, "Thành phố Hà Nội");
    let again = Catalogue::from_records(1, catalogue.records()).unwrap();
    assert_eq!(again.synonyms, catalogue.synonyms);

    files.last_mut().unwrap().text.push_str("1.1,Hanoi,en\n01.1,Hanoi,fr\n01.1,Hanoi,vi\n");
    assert_eq!(
        faults(&files),
        [
            "synonyms.csv:4: column `unit`: `1.1` is not in `units.csv`; is `01.1` meant?",
            "synonyms.csv:5: column `lang`: `fr` is not one of `vi`, `en`",
            "synonyms.csv:6: `01.1/Hanoi` stands in line 3 already",
        ]
    );
}

/// The sample with a flow and a column `rules`, which says something of the first indicator, a stock.
fn ruled(rules: &str) -> Vec<SourceFile> {
    let mut files = samples::files();
    let file = files.iter_mut().find(|file| file.name == "indicators.csv").unwrap();
    let mut lines: Vec<String> = file.text.lines().map(|line| format!("{line},")).collect();
    lines[0].push_str("rules");
    lines[1].push_str(rules);
    lines.push("built,Thôn mới,,count,thôn,,flow,sum,sum,,,,neutral,district,self,self,0,,true,open,none,,,".into());
    file.text = lines.join("\n") + "\n";
    files
}

#[test]
fn rules_beside_those_of_the_kind_are_read() {
    let catalogue =
        |files: &[SourceFile]| Catalogue::from_records(1, read(files).unwrap()).unwrap();
    let ruled = catalogue(&ruled("added=built; off=jump"));
    let stock = &ruled.indicators["villages_total"];
    assert_eq!(stock.rules.added.as_deref(), Some("built"));
    assert!(!stock.holds(StateRule::Jump) && stock.holds(StateRule::Children));
    let plain = catalogue(&samples::files());
    assert!(
        plain.indicators["villages_total"].holds(StateRule::Jump),
        "the column may be left out"
    );
    assert!(!plain.indicators["par_index_pct"].needs_state(), "a score has no such rule");
}

#[test]
fn rules_that_cannot_be_held_are_faults() {
    for (rules, fault) in [
        ("added=buil", "`buil` is not in `indicators.csv`; is `built` meant?"),
        ("added=par_index_pct", "`added=par_index_pct` needs a stock and a flow"),
        ("jump", "`jump` is no rule"),
        ("off=jumps", "`off=jumps` is no rule"),
        ("off=jump;off=jump", "`off=jump` is no rule, or stands twice"),
        ("added=built;added=built", "`added=built` is no rule, or stands twice"),
    ] {
        let told = faults(&ruled(rules));
        let line = format!("indicators.csv:2: column `rules`: {fault}");
        assert!(told.len() == 1 && told[0].starts_with(&line), "{rules}: {told:?}");
    }
}
