//! Fuzzing of what the binary decodes itself: files of figures as offices save them, and client certificates.

use std::collections::BTreeMap;

use dinh_lake::submission::Mode;
use rustls::pki_types::CertificateDer;

use crate::door::principal;
use crate::push::number::{Expected, Locale};
use crate::push::rejects::{self, Reason};
use crate::push::wire::{self, Envelope};
use crate::push::{rows, table, text};

#[path = "../../lake/tests/fuzz/runner.rs"]
mod runner;

use runner::{Shape, Target};

const TABLES: Target = Target {
    test: "fuzz::tables",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/tables"),
    shape: Shape::Text,
    words: &[
        "",
        "1.015,5",
        "1,015.5",
        "21/30",
        "toàn bộ",
        "khoảng 5",
        ">= 3",
        "1,2 tỷ đồng",
        "2024-Q4",
        "withdrawn",
        "\u{feff}",
        "\r\n",
        "\"",
        "999999999999999999999",
        "-0",
        "١٢",
        "e9",
        "%",
    ],
};

#[test]
fn tables() {
    TABLES.run(|| read_table);
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn tables_long() {
    Target { test: "fuzz::tables_long", ..TABLES }.run(|| read_table);
}

/// Reads a file as `dinh push` does, up to the submission, and writes its rows back as refused ones.
fn read_table(input: &[u8]) {
    let text = match text::read(input) {
        Ok(text) => text,
        Err(error) => return drop(error.wording()),
    };
    let table = match table::read(&text) {
        Ok(table) => table,
        Err(faults) => return assert!(!faults.is_empty()),
    };
    drop((rows::ambiguities(&table), rows::needs_catalogue(&table)));
    for locale in [Locale::Vi, Locale::En] {
        for expected in
            [Expected::Unknown, Expected::Rank, Expected::Percentage, Expected::Quantity]
        {
            let reading = rows::read(&table, locale, |_| expected);
            assert!(reading.rows.len() + reading.missing.len() <= table.records.len());
            let envelope = Envelope {
                feed: "dan-phuong".to_owned(),
                id: rows::identity("dan-phuong", Mode::Partial, &reading.rows),
                mode: Mode::Partial,
                reason: String::new(),
                document: String::new(),
                dry_run: false,
            };
            wire::submission(&envelope, &reading.rows).expect("rows of a file fit a stream");
        }
    }
    let reasons: BTreeMap<_, _> =
        (0..table.records.len()).map(|record| (record, Reason::default())).collect();
    if let Some(bytes) = rejects::write(&table, &reasons) {
        let back = table::read(&text::read(&bytes).expect("it was written as UTF-8"));
        assert_eq!(back.expect("it was a table").records.len(), table.records.len());
    }
}

const CERTIFICATES: Target = Target {
    test: "fuzz::certificates",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/certificates"),
    shape: Shape::Bytes,
    words: &[],
};

#[test]
fn certificates() {
    CERTIFICATES.run(|| read_certificate);
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn certificates_long() {
    Target { test: "fuzz::certificates_long", ..CERTIFICATES }.run(|| read_certificate);
}

/// Reads the name in a certificate, and the input as the subject of one.
fn read_certificate(input: &[u8]) {
    if let Some(name) = principal::name(&CertificateDer::from(input)) {
        assert!(!name.is_empty() && name.len() <= input.len(), "{name}");
    }
    let _ = principal::common_name(input);
}
