//! The catalogue in `deploy/hanoi`: it reads without a fault, and says of Hà Nội what the lists of units say.

use std::path::Path;

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::catalogue::files::{self, SourceFile};
use dinh_lake::catalogue::plan::plan;
use dinh_lake::unit::{UnitId, UnitVersion};

pub(crate) fn catalogue() -> Catalogue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/hanoi");
    let mut sources = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        sources.push(SourceFile { name, text: std::fs::read_to_string(path).unwrap() });
    }
    let records = files::read(&sources).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(|fault| format!("{fault}\n")).collect::<String>())
    });
    Catalogue::from_records(1, records).unwrap()
}

fn last_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 12, 31).unwrap()
}

fn names(versions: &[&UnitVersion]) -> Vec<String> {
    versions.iter().map(|version| version.name.clone()).collect()
}

#[test]
fn ha_noi_has_30_districts_and_579_communes_at_the_end_of_2024() {
    let units = catalogue().units;
    let ha_noi = units.by_code("01", last_day()).unwrap().unit.clone();
    let count =
        |level, kind: Option<&str>| units.at(last_day(), Some(level), kind, Some(&ha_noi)).len();
    assert_eq!((count("district", None), count("commune", None)), (30, 579));
    let of_kind = ["phuong", "xa", "thi_tran"].map(|kind| count("commune", Some(kind)));
    assert_eq!(of_kind, [175, 383, 21]);
    let of_kind = ["quan", "huyen", "thi_xa"].map(|kind| count("district", Some(kind)));
    assert_eq!(of_kind, [12, 17, 1]);
    let dan_phuong = UnitId("273.1".to_owned());
    assert_eq!(units.at(last_day(), Some("commune"), None, Some(&dan_phuong)).len(), 16);
}

#[test]
fn search_without_accents_finds_both_and_the_exact_spelling_first() {
    let units = catalogue().units;
    let found = |q| names(&units.search(q));
    assert_eq!(found("song phuong"), ["Xã Song Phượng", "Xã Song Phương"]);
    assert_eq!(found("Song Phượng"), ["Xã Song Phượng", "Xã Song Phương"]);
    assert_eq!(found("song phương"), ["Xã Song Phương", "Xã Song Phượng"]);
}

#[test]
fn every_unit_is_found_by_its_id_code_path_and_name() {
    let units = catalogue().units;
    for version in units.versions() {
        let on = version.last_day().min(last_day());
        let path = units.path(version);
        for text in [&version.unit.0, &version.code, &path] {
            assert_eq!(units.resolve(text, Some(on)).unwrap(), version, "{text}");
        }
    }
    // These look at every unit each time.
    for version in units.versions().iter().step_by(7) {
        let on = version.last_day().min(last_day());
        assert_eq!(units.search(&version.name)[0].name, version.name);
        assert_eq!(units.nearest(&version.code, on, 1), [version]);
    }
}

#[test]
fn paths_leave_out_kind_words_where_one_unit_is_left() {
    let units = catalogue().units;
    let resolved = |text| match units.resolve(text, None) {
        Ok(version) => version.name.clone(),
        Err(error) => error.suggestions().join(" "),
    };
    for (text, unit) in [
        ("Hà Nội/Đan Phượng/Song Phượng", "Xã Song Phượng"),
        ("Hà Nội/Hoài Đức/Song Phương", "Xã Song Phương"),
        ("Cầu Giấy/Trung Hòa", "Phường Trung Hoà"),
        ("Đơn Dương/D'Ran", "Thị trấn D'Ran"),
        ("Lâm Đồng/Đơn Dương/Lạc Lâm", "Xã Lạc Lâm"),
        ("Gia Lâm/Yên Viên", "00526.1 00532.1"),
        ("Gia Lâm/Thị trấn Yên Viên", "Thị trấn Yên Viên"),
        ("00004", "Phường Trúc Bạch"),
    ] {
        assert_eq!(resolved(text), unit, "{text}");
    }
}

#[test]
fn the_same_files_again_change_nothing() {
    let catalogue = catalogue();
    let plan = plan(&catalogue, catalogue.records());
    assert!(plan.is_empty(), "{plan}");
}
