//! Units by id, code, path and search, on a cut of Hà Nội before and after July 2025.

use chrono::NaiveDate;
use unicode_normalization::UnicodeNormalization;

use super::{Language, Synonym, UnitError, UnitId, UnitVersion, Units};

const UNITS: &[&str] = &[
    "01.1|Thành phố Hà Nội|thanh_pho|city||2008-08-01|",
    "001.1|Quận Ba Đình|quan|district|01.1|2020-03-01|2025-06-30",
    "018.1|Huyện Gia Lâm|huyen|district|01.1|2020-03-01|2025-06-30",
    "273.1|Huyện Đan Phượng|huyen|district|01.1|2020-03-01|2025-06-30",
    "274.1|Huyện Hoài Đức|huyen|district|01.1|2020-03-01|2025-06-30",
    "00004.1|Phường Trúc Bạch|phuong|commune|001.1|2020-03-01|2025-06-30",
    "00004.2|Phường Ba Đình|phuong|commune|01.1|2025-07-01|",
    "00175.1|Phường Trung Hoà|phuong|commune|001.1|2020-03-01|2025-06-30",
    "00460.1|Xã Thuỵ Lâm|xa|commune|018.1|2020-03-01|2025-06-30",
    "00526.1|Thị trấn Yên Viên|thi_tran|commune|018.1|2020-03-01|2025-06-30",
    "00532.1|Xã Yên Viên|xa|commune|018.1|2020-03-01|2025-06-30",
    "09784.1|Thị trấn Phùng|thi_tran|commune|273.1|2020-03-01|2025-06-30",
    "09784.2|Xã Đan Phượng|xa|commune|01.1|2025-07-01|",
    "09823.1|Xã Đan Phượng|xa|commune|273.1|2020-03-01|2025-06-30",
    "09829.1|Xã Song Phượng|xa|commune|273.1|2020-03-01|2025-06-30",
    "09874.1|Xã Song Phương|xa|commune|274.1|2020-03-01|2025-06-30",
    // One unit in two versions: a town that became a ward.
    "90001.1|Thị trấn Mẫu|thi_tran|commune|018.1|2020-03-01|2022-12-31",
    "90001.1|Phường Mẫu|phuong|commune|018.1|2023-01-01|2025-06-30",
    // Kind words that are part of the name.
    "90002.1|Phường Xã Đàn|phuong|commune|001.1|2020-03-01|2025-06-30",
    "90003.1|Xã Đàn|xa|commune|001.1|2020-03-01|2025-06-30",
];

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn id(text: &str) -> UnitId {
    UnitId(text.to_owned())
}

fn version(line: &str) -> UnitVersion {
    let cells: Vec<&str> = line.split('|').collect();
    let [unit, name, kind, level, parent, from, to] = cells.try_into().unwrap();
    UnitVersion {
        unit: id(unit),
        code: unit.split('.').next().unwrap().to_owned(),
        name: name.to_owned(),
        name_en: None,
        kind: kind.to_owned(),
        level: level.to_owned(),
        parent: Some(parent).filter(|parent| !parent.is_empty()).map(id),
        valid_from: day(from),
        valid_to: to.parse().ok(),
        legal_basis: None,
    }
}

fn units() -> Units {
    // In reverse: the order of the versions must not matter.
    Units::new(UNITS.iter().rev().map(|line| version(line)).collect())
}

/// What a text resolves to, as `id name`, or the error's message.
fn resolved(text: &str, on: Option<&str>) -> String {
    let units = units();
    let resolved = units.resolve(text, on.map(day));
    resolved.map_or_else(|error| error.to_string(), |v| format!("{} {}", v.unit, v.name))
}

fn names(versions: &[&UnitVersion]) -> Vec<String> {
    versions.iter().map(|version| version.name.clone()).collect()
}

#[test]
fn a_code_is_resolved_on_a_day() {
    let units = units();
    assert_eq!(units.by_code("00004", day("2025-06-30")).unwrap().unit, id("00004.1"));
    assert_eq!(units.by_code("00004", day("2025-07-01")).unwrap().unit, id("00004.2"));
    assert_eq!(units.by_code("00004", day("2020-02-29")), None);
    assert_eq!(units.by_code("99999", day("2024-12-31")), None);
    assert_eq!(units.version_at(&id("90001.1"), day("2022-12-31")).unwrap().name, "Thị trấn Mẫu");
    assert_eq!(units.latest(&id("90001.1")).unwrap().name, "Phường Mẫu");
    assert_eq!(units.versions().len(), UNITS.len());
}

#[test]
fn texts_that_name_one_unit() {
    for (text, on, unit) in [
        ("00004.1", None, "00004.1 Phường Trúc Bạch"),
        ("00004@2025-06-30", None, "00004.1 Phường Trúc Bạch"),
        ("00004@2025-07-01", None, "00004.2 Phường Ba Đình"),
        ("00004@2025-07-01", Some("2026-01-01"), "00004.2 Phường Ba Đình"),
        ("00004", Some("2024-12-31"), "00004.1 Phường Trúc Bạch"),
        ("00004", Some("2025-07-01"), "00004.2 Phường Ba Đình"),
        (" 09829 ", None, "09829.1 Xã Song Phượng"),
        ("90001", None, "90001.1 Phường Mẫu"),
        ("90001@2021-01-01", None, "90001.1 Thị trấn Mẫu"),
        ("90001.1@2021-01-01", None, "90001.1 Thị trấn Mẫu"),
        ("Hà Nội/Đan Phượng@2024-12-31", None, "273.1 Huyện Đan Phượng"),
        ("Hà Nội/Đan Phượng@2025-07-01", None, "09784.2 Xã Đan Phượng"),
        ("Hà Nội", None, "01.1 Thành phố Hà Nội"),
        ("TP. Hà Nội", None, "01.1 Thành phố Hà Nội"),
        ("Hà Nội/Đan Phượng/Song Phượng", None, "09829.1 Xã Song Phượng"),
        ("hà nội / huyện đan phượng / XÃ SONG PHƯỢNG", None, "09829.1 Xã Song Phượng"),
        ("Đan Phượng/Đan Phượng", None, "09823.1 Xã Đan Phượng"),
        // A slip of the keyboard: the tone sits on the wrong vowel.
        ("Đan Phượng/Song Phựơng", None, "09829.1 Xã Song Phượng"),
        ("Hà Nội/Huyện Đan Phượng", None, "273.1 Huyện Đan Phượng"),
        ("Hà Nội/Xã Đan Phượng", None, "09784.2 Xã Đan Phượng"),
        ("Hà Nội/Đan Phượng", Some("2024-12-31"), "273.1 Huyện Đan Phượng"),
        ("Hà Nội/Đan Phượng", Some("2025-07-01"), "09784.2 Xã Đan Phượng"),
        ("Gia Lâm/TT Yên Viên", None, "00526.1 Thị trấn Yên Viên"),
        ("Gia Lâm/X. Yên Viên", None, "00532.1 Xã Yên Viên"),
        ("Ba Đình/Trung Hòa", None, "00175.1 Phường Trung Hoà"),
        ("Gia Lâm/Thụy Lâm", None, "00460.1 Xã Thuỵ Lâm"),
        ("Gia Lâm/Mẫu", None, "90001.1 Phường Mẫu"),
        ("Gia Lâm/Thị trấn Mẫu", None, "90001.1 Thị trấn Mẫu"),
        ("Ba Đình/Xã Đàn", None, "90003.1 Xã Đàn"),
        ("Ba Đình/Phường Xã Đàn", None, "90002.1 Phường Xã Đàn"),
    ] {
        assert_eq!(resolved(text, on), unit, "{text} on {on:?}");
        let decomposed: String = text.nfd().collect();
        assert_eq!(resolved(&decomposed, on), unit, "{text} decomposed on {on:?}");
    }
}

#[test]
fn texts_that_name_two_units_are_refused_with_both() {
    for (text, on, candidates) in [
        ("00004", None, vec!["00004.1", "00004.2"]),
        ("Hà Nội/Đan Phượng", None, vec!["273.1", "09784.2"]),
        ("Gia Lâm/Yên Viên", Some("2024-12-31"), vec!["00526.1", "00532.1"]),
        ("Xã Đan Phượng", None, vec!["09823.1", "09784.2"]),
    ] {
        let error = units().resolve(text, on.map(day)).unwrap_err();
        assert!(matches!(error, UnitError::Ambiguous { .. }), "{text}");
        assert_eq!(error.suggestions(), candidates, "{text}");
    }
    assert_eq!(
        resolved("00004", None),
        "unit `00004` names 2 units: `00004.1` Thành phố Hà Nội/Quận Ba Đình/Phường Trúc Bạch \
         (2020-03-01 to 2025-06-30), `00004.2` Thành phố Hà Nội/Phường Ba Đình (since 2025-07-01); \
         write the id, or the code and a date such as `00004@2024-12-31`"
    );
}

#[test]
fn over_several_days_a_text_must_name_one_unit() {
    let units = units();
    let over = |text, from, to| match units.resolve_over(text, Some((day(from), day(to)))) {
        Ok(version) => format!("{} {}", version.unit, version.name),
        Err(error) => error.suggestions().join(" "),
    };
    for (text, from, to, found) in [
        ("00004", "2025-01-01", "2025-06-30", "00004.1 Phường Trúc Bạch"),
        ("00004", "2025-06-30", "2025-07-01", "00004.1 00004.2"),
        ("00004", "2025-07-01", "2025-12-31", "00004.2 Phường Ba Đình"),
        ("00004@2025-06-30", "2025-01-01", "2025-12-31", "00004.1 Phường Trúc Bạch"),
        ("273", "2025-01-01", "2025-12-31", "273.1 Huyện Đan Phượng"),
        ("Hà Nội/Đan Phượng", "2025-01-01", "2025-12-31", "273.1 09784.2"),
        ("Hà Nội/Đan Phượng", "2025-01-01", "2025-06-30", "273.1 Huyện Đan Phượng"),
        // One unit in two versions is one unit: the later one is given.
        ("90001", "2022-01-01", "2023-12-31", "90001.1 Phường Mẫu"),
        ("Gia Lâm/Mẫu", "2022-01-01", "2022-12-31", "90001.1 Thị trấn Mẫu"),
    ] {
        assert_eq!(over(text, from, to), found, "{text} from {from} to {to}");
    }
    let error = units.resolve_over("09829", Some((day("2025-07-01"), day("2025-12-31"))));
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("unit `09829` is not valid from 2025-07-01 to 2025-12-31; it names"));
}

#[test]
fn a_search_finds_old_names_and_synonyms_after_the_present_ones() {
    let synonym = |unit: &str, name: &str| Synonym {
        unit: id(unit),
        name: name.to_owned(),
        lang: Language::Vietnamese,
    };
    let synonyms = [synonym("01.1", "Thăng Long"), synonym("9.9", "Không có")];
    let units = units().with_synonyms(&synonyms);
    assert_eq!(names(&units.search("thăng long")), ["Thành phố Hà Nội"]);
    assert_eq!(names(&units.search("Thang")), ["Thành phố Hà Nội"]);
    assert_eq!(names(&units.search("không có")), Vec::<String>::new());
    assert_eq!(names(&units.search("thị trấn mẫu")), ["Thị trấn Mẫu", "Phường Mẫu"]);
    assert_eq!(names(&units.search("phường mẫu")), ["Phường Mẫu", "Thị trấn Mẫu"]);
}

#[test]
fn texts_that_name_no_unit_get_the_nearest() {
    for (text, first) in [
        ("09828", "09829"),
        ("9829", "09829"),
        ("09829.7", "09829"),
        ("Hà Nội/Đan Phượng/Song Phựong", "09829"),
        ("Hà Nội/Hoài Đức/Song Phuong", "09874"),
        ("Huyện Đan Phương", "273"),
        ("Hà Nội/Đan Phượng/Song Phuong", "09829"),
        ("Hà Nội/Song Phượng", "09829"),
        ("09829@hôm qua", "09829"),
    ] {
        let error = units().resolve(text, Some(day("2024-12-31"))).unwrap_err();
        assert!(matches!(error, UnitError::Unknown { .. }), "{text}: {error}");
        assert_eq!(error.suggestions()[0], first, "{text}: {error}");
    }
    assert_eq!(
        resolved("09828", Some("2024-12-31")),
        "unit `09828` is unknown; nearest: `09829` Xã Song Phượng, `09823` Xã Đan Phượng, `09874` Xã Song Phương"
    );
    let error = units().resolve("09828", None).unwrap_err();
    assert!(error.message_vi().starts_with("không có đơn vị `09828`; gần nhất: `09829` Xã Song"));
    assert!(units().resolve("", None).is_err());
    assert!(Units::default().resolve("01", None).unwrap_err().suggestions().is_empty());
}

#[test]
fn a_unit_that_was_not_valid_is_told_apart_from_one_that_never_was() {
    for (text, on) in [
        ("09829", "2025-07-01"),
        ("09829.1", "2025-07-01"),
        ("09829@2024-12-31", "2025-07-01"),
        ("09829@2025-07-01", "2024-12-31"),
        ("Hà Nội/Đan Phượng/Song Phượng", "2026-01-01"),
    ] {
        let error = units().resolve(text, Some(day(on))).unwrap_err();
        assert!(matches!(error, UnitError::NotValid { .. }), "{text}: {error}");
    }
    assert_eq!(
        resolved("09829", Some("2025-07-01")),
        "unit `09829` is not valid on 2025-07-01; it names `09829.1` Thành phố Hà Nội/Huyện Đan \
         Phượng/Xã Song Phượng (2020-03-01 to 2025-06-30); nearest: `09784` Xã Đan Phượng, `00004` \
         Phường Ba Đình, `01` Thành phố Hà Nội"
    );
}

#[test]
fn subtrees_follow_the_day() {
    let units = units();
    let within = |unit, ancestor, on| units.is_within(&id(unit), &id(ancestor), day(on));
    assert!(within("09829.1", "273.1", "2024-12-31"));
    assert!(within("09829.1", "01.1", "2024-12-31"));
    assert!(within("09829.1", "09829.1", "1999-01-01"), "every unit is within itself");
    assert!(!within("09829.1", "274.1", "2024-12-31"));
    assert!(!within("273.1", "09829.1", "2024-12-31"));
    assert!(!within("09829.1", "273.1", "2025-07-01"));
    assert!(within("09784.2", "01.1", "2025-07-01"));
    assert!(!within("99999.1", "01.1", "2025-07-01"));
}

#[test]
fn a_cycle_of_parents_ends() {
    let line =
        |unit: &str, parent: &str| version(&format!("{unit}|X|xa|commune|{parent}|2020-01-01|"));
    let units = Units::new(vec![line("1.1", "2.1"), line("2.1", "1.1")]);
    assert!(!units.is_within(&id("1.1"), &id("3.1"), day("2024-01-01")));
    assert!(units.path(&units.versions()[0]).starts_with("X/X"));
    assert_eq!(units.resolve("X/X/X", None).unwrap_err().suggestions(), ["1.1", "2.1"]);
}

#[test]
fn the_units_of_a_day_are_in_order_of_code() {
    let units = units();
    let codes = |on, level, kind, within: Option<&str>| -> Vec<String> {
        let versions = units.at(day(on), level, kind, within.map(id).as_ref());
        versions.iter().map(|version| version.code.clone()).collect()
    };
    assert_eq!(codes("2024-12-31", Some("district"), None, None), ["001", "018", "273", "274"]);
    assert_eq!(codes("2024-12-31", Some("district"), Some("quan"), None), ["001"]);
    assert_eq!(codes("2024-12-31", None, None, Some("273.1")), ["09784", "09823", "09829", "273"]);
    assert_eq!(codes("2024-12-31", Some("commune"), Some("xa"), Some("273.1")), ["09823", "09829"]);
    assert_eq!(codes("2025-07-01", None, None, Some("01.1")), ["00004", "01", "09784"]);
    assert!(codes("2025-07-01", Some("district"), None, None).is_empty());
}

#[test]
fn a_path_is_as_it_was_last() {
    let units = units();
    let path = |unit: &str| units.path(units.latest(&id(unit)).unwrap());
    assert_eq!(path("09829.1"), "Thành phố Hà Nội/Huyện Đan Phượng/Xã Song Phượng");
    assert_eq!(path("09784.2"), "Thành phố Hà Nội/Xã Đan Phượng");
    assert_eq!(path("01.1"), "Thành phố Hà Nội");
}

#[test]
fn every_path_names_its_version_and_every_name_finds_itself_first() {
    let units = units();
    for version in units.versions() {
        let on = Some(version.valid_from);
        assert_eq!(units.resolve(&units.path(version), on).unwrap(), version);
        assert_eq!(units.search(&version.name)[0].name, version.name);
        assert_eq!(units.nearest(&version.name, version.valid_from, 1)[0].name, version.name);
        assert_eq!(units.nearest(&version.code, version.valid_from, 1), [version]);
    }
}

#[test]
fn search_has_the_exact_spelling_first() {
    let units = units();
    for (q, found) in [
        ("song phuong", vec!["Xã Song Phượng", "Xã Song Phương"]),
        ("Song Phương", vec!["Xã Song Phương", "Xã Song Phượng"]),
        ("xã song phượng", vec!["Xã Song Phượng", "Xã Song Phương"]),
        ("X. Song Phượng", vec!["Xã Song Phượng", "Xã Song Phương"]),
        ("trung hoa", vec!["Phường Trung Hoà"]),
        ("Trung Hòa", vec!["Phường Trung Hoà"]),
        ("thuy", vec!["Xã Thuỵ Lâm"]),
        ("bach", vec!["Phường Trúc Bạch"]),
        ("09829", vec!["Xã Song Phượng"]),
        ("00004", vec!["Phường Trúc Bạch", "Phường Ba Đình"]),
        ("09784.2", vec!["Xã Đan Phượng"]),
        ("ba dinh", vec!["Quận Ba Đình", "Phường Ba Đình"]),
        ("không có", vec![]),
        ("?", vec![]),
    ] {
        assert_eq!(names(&units.search(q)), found, "{q}");
        let decomposed: String = q.nfd().collect();
        assert_eq!(names(&units.search(&decomposed)), found, "{q} decomposed");
    }
    assert_eq!(
        names(&units.search("Phượng"))[..5],
        ["Huyện Đan Phượng", "Xã Đan Phượng", "Xã Đan Phượng", "Xã Song Phượng", "Xã Song Phương"]
            .map(str::to_owned),
        "names with the very word come before those without its accents, and wards last"
    );
    assert_eq!(units.search("").len(), UNITS.len());
}

#[test]
fn the_nearest_are_valid_on_the_day_and_always_the_same() {
    let units = units();
    let nearest = |text, on, limit| -> Vec<String> {
        let versions = units.nearest(text, day(on), limit);
        versions.iter().map(|version| version.code.clone()).collect()
    };
    assert_eq!(nearest("09825", "2024-12-31", 3), ["09823", "09829", "09874"]);
    assert_eq!(nearest("09825", "2025-07-01", 3), ["09784", "00004", "01"]);
    assert_eq!(nearest("Song Phong", "2024-12-31", 2), ["09874", "09829"]);
    assert_eq!(nearest("Song Phong", "2024-12-31", 0), Vec::<String>::new());
    assert_eq!(nearest("Song Phong", "1999-12-31", 5), Vec::<String>::new());
}
