//! Fuzzing of what the lake decodes: log entries, catalogue files, catalogue records, and the words of a row.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use chrono::DateTime;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

use crate::catalogue::files::{self, SourceFile, samples};
use crate::catalogue::plan::plan;
use crate::catalogue::{Catalogue, Record, RecordKind};
use crate::delta::{self, Table};
use crate::feed::Calendar;
use crate::grant::{Action, Credential, Grant};
use crate::lock::Holder;
use crate::period::Period;
use crate::store::Place;
use crate::unit::UnitId;
use crate::{Clock, Decimal};

#[path = "../tests/fuzz/runner.rs"]
mod runner;

use runner::{Shape, Target};

const ENTRIES: Target = Target {
    test: "fuzz::log_entries",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/entries"),
    shape: Shape::Text,
    words: &[
        "null",
        "-1",
        "1e400",
        "18446744073709551616",
        "\"\"",
        "{}",
        "[]",
        "\\u0000",
        "\\ud800",
    ],
};

#[test]
fn log_entries() {
    ENTRIES.run(entries);
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn log_entries_long() {
    Target { test: "fuzz::log_entries_long", ..ENTRIES }.run(entries);
}

/// Reads an entry as a hub reads one that another hub wrote.
fn entries() -> impl FnMut(&[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Arc::new(InMemory::new());
    let root: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&store);
    let place = Place::at(root, Url::parse("memory:///").unwrap());
    let schema = Schema::new(vec![Field::new("position", DataType::Int64, false)]);
    let shape = delta::Shape { schema: &schema, indexed: "position", retention_seconds: None };
    let (table, _) = runtime.block_on(Table::open(place, &shape)).unwrap();
    let path = ObjectPath::from("_delta_log/00000000000000000001.json");
    move |input| {
        runtime.block_on(async {
            store.put(&path, input.to_vec().into()).await.unwrap();
            if let Ok(entry) = table.read(1).await {
                let entry = entry.expect("it was put there");
                assert!(entry.adds.len() + entry.removes.len() <= input.len());
            }
        });
    }
}

const FILES: Target = Target {
    test: "fuzz::catalogue_files",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/files"),
    shape: Shape::Text,
    words: &[
        "",
        "9999-12-31",
        "0000-00-00",
        "1900-01-01",
        "-0",
        "1e9",
        "01.1",
        "273.1",
        "TRUE",
        "\u{feff}",
        "\"",
        "\r",
    ],
};

#[test]
fn catalogue_files() {
    FILES.run(|| read_files);
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn catalogue_files_long() {
    Target { test: "fuzz::catalogue_files_long", ..FILES }.run(|| read_files);
}

/// Reads the files of a folder, each after a line `=== name`, and plans what they change.
fn read_files(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let file = |part: &str| {
        let (name, text) = part.split_once('\n')?;
        Some(SourceFile { name: name.trim().to_owned(), text: text.to_owned() })
    };
    let sources: Vec<_> = text.split("=== ").filter_map(file).collect();
    match files::read(&sources) {
        Err(faults) => {
            assert!(!faults.is_empty());
            faults.iter().for_each(|fault| drop((fault.to_string(), fault.text_vi())));
        }
        Ok(records) => {
            let current =
                Catalogue::from_records(1, files::read(&samples::files()).unwrap()).unwrap();
            let plan = plan(&current, records.clone());
            drop((plan.text_en(), plan.text_vi()));
            Catalogue::from_records(2, records).expect("files without faults make a catalogue");
        }
    }
}

const RECORDS: Target = Target {
    test: "fuzz::catalogue_records",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/records"),
    shape: Shape::Text,
    words: &[
        "null",
        "-1",
        "1e400",
        "0.0000001",
        "\"\"",
        "{}",
        "[]",
        "unit",
        "feed",
        "grant",
        "9999-12-31",
        "-262143-01-01",
    ],
};

#[test]
fn catalogue_records() {
    RECORDS.run(|| read_records);
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn catalogue_records_long() {
    Target { test: "fuzz::catalogue_records_long", ..RECORDS }.run(|| read_records);
}

/// Makes a catalogue of records, a line each: kind, key and content between tabs.
fn read_records(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let record = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let kind = RecordKind::from_code(parts.next()?)?;
        let key = parts.next()?.to_owned();
        Some(Record { kind, key, content: parts.next().map(str::to_owned) })
    };
    let Ok(catalogue) = Catalogue::from_records(1, text.lines().filter_map(record)) else { return };
    let again = Catalogue::from_records(2, catalogue.records()).expect("what was read reads again");
    assert_eq!(again.records(), catalogue.records());
    let now = Clock::system().now();
    for grant in catalogue.grants.values() {
        let _ = catalogue.grant_of(&grant.credential, now);
    }
    let _ = catalogue.grant_of(&Credential::Token(String::new()), now);
    for version in catalogue.units.versions().iter().take(20) {
        drop(catalogue.units.resolve(&version.code, Some(version.valid_from)));
        drop(catalogue.units.resolve(&version.name, None));
        let _ = catalogue.units.is_within(&version.unit, &version.unit, version.last_day());
    }
}

const WORDS: Target = Target {
    test: "fuzz::words_of_a_row",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/words"),
    shape: Shape::Text,
    words: &[
        "2024-Q4",
        "-M03",
        "/",
        "@",
        "9999-12-31",
        "-0.000001",
        "999999999999.999999",
        "ệ",
        "\u{301}",
        "Xã",
        "Quận",
        "%",
    ],
};

#[test]
fn words_of_a_row() {
    WORDS.run(words);
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn words_of_a_row_long() {
    Target { test: "fuzz::words_of_a_row_long", ..WORDS }.run(words);
}

/// Reads each line as a period, a figure, a unit, and the content of a lock file.
fn words() -> impl FnMut(&[u8]) {
    let catalogue = Catalogue::from_records(1, files::read(&samples::files()).unwrap()).unwrap();
    move |input| {
        for line in String::from_utf8_lossy(input).lines().take(50) {
            for calendar in [Calendar::Gregorian, Calendar::Reporting] {
                if let Ok(period) = Period::parse(line, calendar) {
                    assert!(period.start <= period.end && period.days() > 0, "{line}");
                }
            }
            if let Ok(decimal) = line.parse::<Decimal>() {
                let again = decimal.to_string().parse();
                assert_eq!(again, Ok(decimal), "{line}");
                let _ = (decimal.checked_add(decimal), decimal.checked_sub(decimal));
                let _ = Decimal::ratio(100, decimal, decimal);
            }
            if let Err(error) = catalogue.units.resolve(line, None) {
                drop((error.message_en(), error.message_vi(), error.suggestions()));
            }
            drop(catalogue.units.search(line));
            drop(serde_json::from_str::<Holder>(line));
        }
    }
}

#[test]
#[ignore = "writes the corpus of records; run it after a change of what a record holds"]
fn write_records() {
    let mut records = files::read(&samples::files()).unwrap();
    let grant = |name: &str, credential| Grant {
        grant: name.to_owned(),
        principal: "office".to_owned(),
        credential,
        actions: Action::ALL.iter().copied().collect(),
        feeds: ["dan-phuong".to_owned()].into(),
        within: Some(UnitId("273.1".to_owned())),
        issued_at: DateTime::UNIX_EPOCH,
        expires_at: DateTime::from_timestamp(1_800_000_000, 0),
        revoked_at: None,
    };
    records.push(Record::from(&grant("g-1", Credential::Token("00".repeat(32)))));
    records.push(Record::from(&grant("g-2", Credential::Certificate("office".to_owned()))));
    records.push(Record::removed(RecordKind::Feed, "long-bien".to_owned()));
    let line = |record: &Record| {
        let content = record.content.as_ref().map(|content| format!("\t{content}"));
        format!("{}\t{}{}\n", record.kind, record.key, content.unwrap_or_default())
    };
    let text: String = records.iter().map(line).collect();
    std::fs::write(Path::new(RECORDS.corpus).join("sample"), text).unwrap();
}
