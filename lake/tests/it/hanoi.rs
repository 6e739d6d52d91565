//! The catalogue in `deploy/hanoi`: it reads without a fault, and says of Hà Nội what the lists of units say.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::catalogue::files::{self, SourceFile};
use dinh_lake::catalogue::plan::plan;
use dinh_lake::composite::Method;
use dinh_lake::succession::{Confidence, Extent};
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

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn last_day() -> NaiveDate {
    day("2024-12-31")
}

fn names(versions: &[&UnitVersion]) -> Vec<String> {
    versions.iter().map(|version| version.name.clone()).collect()
}

#[test]
fn the_three_registers_have_their_units_by_kind() {
    let units = catalogue().units;
    let ha_noi = UnitId("01.1".to_owned());
    for (days, districts, of_district, communes, of_commune) in [
        (["2020-03-01", "2024-12-31"], 30, [12, 17, 1], 579, [175, 383, 21]),
        (["2025-01-01", "2025-06-30"], 30, [12, 17, 1], 526, [160, 345, 21]),
        (["2025-07-01", "2030-01-01"], 0, [0, 0, 0], 126, [51, 75, 0]),
    ] {
        for on in days {
            let count = |level, kind| units.at(day(on), Some(level), kind, Some(&ha_noi)).len();
            assert_eq!((count("district", None), count("commune", None)), (districts, communes));
            let of_kind = ["quan", "huyen", "thi_xa"].map(|kind| count("district", Some(kind)));
            assert_eq!(of_kind, of_district, "{on}");
            let of_kind = ["phuong", "xa", "thi_tran"].map(|kind| count("commune", Some(kind)));
            assert_eq!(of_kind, of_commune, "{on}");
        }
    }
    let dan_phuong = UnitId("273.1".to_owned());
    assert_eq!(units.at(last_day(), Some("commune"), None, Some(&dan_phuong)).len(), 16);
}

/// The successors of a unit with their extents, as `09784.2 whole`.
fn became(catalogue: &Catalogue, unit: &str) -> Vec<String> {
    let edges = catalogue.successions.values().filter(|edge| edge.from.0 == unit);
    edges.map(|edge| format!("{} {} {}", edge.to, edge.event, edge.extent)).collect()
}

#[test]
fn the_communes_of_dan_phuong_go_to_three_each_with_its_people_to_one() {
    let catalogue = catalogue();
    let dan_phuong = UnitId("273.1".to_owned());
    let communes = catalogue.units.at(day("2025-06-30"), Some("commune"), None, Some(&dan_phuong));
    let mut people: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for commune in &communes {
        let edges = catalogue.successions.values().filter(|edge| edge.from == commune.unit);
        let edges: Vec<_> = edges.filter(|edge| edge.extent != Extent::PartAreaOnly).collect();
        let [edge] = edges.as_slice() else { panic!("{}: {edges:?}", commune.unit) };
        assert_eq!(edge.confidence, Confidence::Declared);
        let extent = if edge.extent == Extent::Whole { "" } else { "*" };
        let from = format!("{}{extent}", commune.code);
        people.entry(edge.to.0.clone()).or_default().push(from);
    }
    let people: Vec<_> =
        people.iter().map(|(to, from)| format!("{to}: {}", from.join(" "))).collect();
    assert_eq!(
        people,
        [
            "09784.2: 09784 09814 09823 09826 09829",
            "09787.2: 09787* 09790* 09793* 09811",
            "09817.2: 09796* 09799* 09802* 09805 09808* 09817 09820*",
        ]
    );
    // From outside comes land alone.
    let into = |to: &str| -> Vec<String> {
        let edges = catalogue.successions.values().filter(|edge| edge.to.0 == to);
        let edges = edges.filter(|edge| communes.iter().all(|unit| unit.unit != edge.from));
        edges.map(|edge| format!("{} {}", edge.from, edge.extent)).collect()
    };
    assert_eq!(into("09784.2"), Vec::<String>::new());
    assert_eq!(into("09787.2"), ["09007.1 part_area_only"]);
    assert_eq!(into("09817.2"), ["00607.1 part_area_only", "09013.1 part_area_only"]);
}

#[test]
fn a_unit_goes_on_while_no_people_and_no_whole_units_come_or_go() {
    let catalogue = catalogue();
    // Only land came to Minh Châu: it is the same unit, under the city instead of its district.
    assert_eq!(became(&catalogue, "09661.1"), ["09661.1 reparent whole"]);
    let minh_chau = UnitId("09661.1".to_owned());
    let parent = |on| catalogue.units.version_at(&minh_chau, day(on)).unwrap().parent.clone();
    assert_eq!(parent("2025-06-30"), Some(UnitId("271.1".to_owned())));
    assert_eq!(parent("2025-07-01"), Some(UnitId("01.1".to_owned())));
    // Trúc Bạch took in a neighbour in January 2025, so it is another unit since; in July its code went to Ba Đình.
    assert_eq!(became(&catalogue, "00004.1"), ["00004.2 merge whole"]);
    assert_eq!(became(&catalogue, "00004.2"), ["00004.3 merge whole"]);
    // Nothing of a district went anywhere: its communes did.
    assert_eq!(became(&catalogue, "273.1"), ["273.1 close whole"]);
    // The one commune that was divided in January 2025.
    assert_eq!(became(&catalogue, "00226.1"), ["00226.2 split part", "00229.2 split part"]);
    let holders = |code: &str| {
        let versions = catalogue.units.versions().iter().filter(|version| version.code == code);
        versions.map(|version| format!("{} {}", version.unit, version.name)).collect::<Vec<_>>()
    };
    assert_eq!(
        holders("00226"),
        [
            "00226.1 Phường Trung Tự",
            "00226.2 Phường Phương Liên Trung Tự",
            "00226.3 Phường Văn Miếu - Quốc Tử Giám"
        ]
    );
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
        let on = version.valid_from;
        let path = units.path(version);
        for text in [&version.unit.0, &version.code, &path] {
            assert_eq!(units.resolve(text, Some(on)).unwrap(), version, "{text}");
        }
    }
    // These look at every unit each time.
    for version in units.versions().iter().step_by(7) {
        let on = version.valid_from;
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
        ("00004", "00004.1 00004.2 00004.3"),
        ("Hà Nội/Đan Phượng", "273.1 09784.2"),
        ("Hà Nội/Huyện Đan Phượng", "Huyện Đan Phượng"),
        ("Hà Nội/Xã Đan Phượng", "Xã Đan Phượng"),
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

#[test]
fn the_example_composites_have_the_groups_that_they_are_said_to_have() {
    let catalogue = catalogue();
    let sizes = |key: &str| -> Vec<usize> {
        catalogue.composites[key].groups.iter().map(|group| group.components.len()).collect()
    };
    assert_eq!(catalogue.composites.len(), 3);
    assert_eq!(sizes("example_par/2023"), [7, 1]);
    for version in ["2024", "2025"] {
        let key = format!("example_dti_commune/{version}");
        assert_eq!(sizes(&key), [5, 3, 5, 6, 4, 10, 6, 8]);
        assert_eq!(catalogue.composites[&key].components().count(), 47);
    }
    for composite in catalogue.composites.values() {
        assert!(composite.example, "the weights of {} are made up", composite.key());
        Method::of(composite, &catalogue.indicators).unwrap();
    }
}
