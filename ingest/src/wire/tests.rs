use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
    LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray, UInt64Array,
};
use arrow::datatypes::{Field, Int8Type, Schema};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use bytes::Bytes;
use dinh_lake::decimal::DecimalError;

use super::*;
use crate::error::ErrorKind;

fn rows() -> Vec<proto::Row> {
    let row = |indicator: &str, unit: &str, value: &str, expected| proto::Row {
        indicator: indicator.into(),
        unit: unit.into(),
        period: "2023".into(),
        value: value.into(),
        coverage_expected: expected,
        ..proto::Row::default()
    };
    vec![row("par_index_pct", "273", "93.86", None), row("population", "09820", "5209", Some(30))]
}

fn message(payload: proto::submission::Payload) -> proto::Submission {
    proto::Submission {
        feed: "f".into(),
        id: "1".into(),
        payload: Some(payload),
        ..proto::Submission::default()
    }
}

fn decoded(message: proto::Submission) -> Result<Columns, IngestError> {
    let limits = Limits::default();
    request(Some(message), Id::Required, &limits).and_then(|mut request| request.decode(&limits))
}

fn by_rows(rows: Vec<proto::Row>) -> Columns {
    decoded(message(proto::submission::Payload::Rows(proto::Rows { rows })))
        .expect("the rows are in order")
}

fn by_arrow(stream: Vec<u8>) -> Result<Columns, IngestError> {
    decoded(message(proto::submission::Payload::ArrowIpc(Bytes::from(stream))))
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// A batch of named columns.
fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("the columns fit")
}

fn stream(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
    let options =
        IpcWriteOptions::default().try_with_compression(compression).expect("both are built in");
    let schema = batches[0].schema();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options)
        .expect("the schema can be written");
    batches.iter().for_each(|batch| writer.write(batch).expect("a batch can be written"));
    writer.into_inner().expect("the end can be written")
}

/// The rows of [`rows`], the columns in another order and of other types.
fn as_arrow(value: ArrayRef, unit: ArrayRef) -> RecordBatch {
    batch(vec![
        ("value", value),
        ("unit", unit),
        ("indicator", text(&["par_index_pct", "population"])),
        ("period", text(&["2023", "2023"])),
        ("coverage_expected", Arc::new(Int64Array::from(vec![None, Some(30)]))),
        ("note", Arc::new(NullArray::new(2))),
    ])
}

fn decimals(unscaled: Vec<i128>, scale: i8) -> ArrayRef {
    Arc::new(
        Decimal128Array::from(unscaled)
            .with_precision_and_scale(20, scale)
            .expect("the scale is sound"),
    )
}

fn refusal(batch: &RecordBatch) -> String {
    let error = by_arrow(stream(std::slice::from_ref(batch), None)).expect_err("it is refused");
    assert_eq!(error.kind, ErrorKind::PayloadBroken);
    error.en
}

#[test]
fn rows_and_arrow_say_the_same() {
    let wanted = by_rows(rows()).digest(Mode::Partial);
    let codes = ["273", "09820"];
    let units: [ArrayRef; 4] = [
        text(&codes),
        Arc::new(LargeStringArray::from_iter_values(codes)),
        Arc::new(StringViewArray::from_iter_values(codes)),
        Arc::new(codes.into_iter().collect::<DictionaryArray<Int8Type>>()),
    ];
    let values = [
        text(&["93.860", "5209"]),
        decimals(vec![9386, 520_900], 2),
        decimals(vec![93_860_000, 5_209_000_000], 6),
    ];
    for unit in &units {
        for value in &values {
            let whole = as_arrow(Arc::clone(value), Arc::clone(unit));
            for compression in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)]
            {
                let columns = by_arrow(stream(std::slice::from_ref(&whole), compression)).unwrap();
                assert_eq!(
                    columns.digest(Mode::Partial),
                    wanted,
                    "{:?} {:?}",
                    unit.data_type(),
                    value.data_type()
                );
            }
            let halves = [whole.slice(0, 1), whole.slice(1, 1)];
            assert_eq!(by_arrow(stream(&halves, None)).unwrap().digest(Mode::Partial), wanted);
        }
    }
    assert_ne!(by_rows(rows()).digest(Mode::Atomic), wanted);
}

#[test]
fn numbers_that_do_not_fit_are_kept_as_they_were_sent() {
    let large = batch(vec![
        ("indicator", text(&["a"])),
        ("unit", text(&["b"])),
        ("period", text(&["c"])),
        ("value", decimals(vec![123_456_789_012_345], 2)),
        ("coverage_expected", Arc::new(UInt64Array::from(vec![u64::MAX]))),
    ]);
    let columns = by_arrow(stream(&[large], None)).unwrap();
    assert_eq!(columns.value.cell(0), Cell::Faulty(DecimalError::TooManyDigits));
    assert_eq!(columns.value.text(0), "1234567890123.45");
    assert_eq!(columns.coverage_expected.text(0), u64::MAX.to_string());
}

#[test]
fn null_and_empty_text_are_the_same() {
    let with = |note: ArrayRef| {
        let columns = vec![
            ("indicator", text(&["a"])),
            ("unit", text(&["b"])),
            ("period", text(&["c"])),
            ("note", note),
        ];
        by_arrow(stream(&[batch(columns)], None)).unwrap()
    };
    let null = with(Arc::new(StringArray::new_null(1)));
    assert_eq!(null.note.text(0), "");
    assert_eq!(null.digest(Mode::Partial), with(text(&[""])).digest(Mode::Partial));
}

#[test]
fn columns_that_may_not_be_are_refused_all_at_once() {
    let wrong = batch(vec![
        ("indicator", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
        ("colour", text(&["red"])),
        ("value", Arc::new(Float64Array::from(vec![0.1]))),
        ("numerator", decimals(vec![1], 7)),
        ("unit", text(&["273"])),
        ("unit", text(&["273"])),
    ]);
    let refusal = refusal(&wrong);
    for part in [
        "`indicator` cannot be Int32",
        "`colour` is not a column",
        "`value` is Float64, which is not exact",
        "`numerator` cannot be Decimal128(20, 7)",
        "`unit` is there twice",
        "`period` is missing",
    ] {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
}

#[test]
fn a_stream_cut_anywhere_is_broken_and_nothing_panics() {
    let whole = as_arrow(
        text(&["93.86", "5209"]),
        Arc::new(["273", "09820"].into_iter().collect::<DictionaryArray<Int8Type>>()),
    );
    for compression in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
        let stream = stream(&[whole.slice(0, 1), whole.slice(1, 1)], compression);
        for length in 0..stream.len() {
            let kind = by_arrow(stream[..length].to_vec()).map(|_| ()).map_err(|error| error.kind);
            assert_eq!(kind, Err(ErrorKind::PayloadBroken), "cut at {length} of {}", stream.len());
        }
        let mut longer = stream.clone();
        longer.push(0);
        assert!(by_arrow(longer).is_err());
    }
}

#[test]
fn a_stream_with_any_byte_changed_is_decoded_or_refused() {
    let whole = as_arrow(
        decimals(vec![9386, 520_900], 2),
        Arc::new(StringViewArray::from_iter_values(["273", "0".repeat(20).as_str()])),
    );
    for compression in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
        let stream = stream(std::slice::from_ref(&whole), compression);
        for index in 0..stream.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = stream.clone();
                changed[index] ^= change;
                drop(by_arrow(changed));
            }
        }
    }
}

#[test]
fn a_small_stream_that_unfolds_is_refused() {
    let limits = Limits { decoded_bytes_max: 1 << 20, ..Limits::default() };
    let word = "x".repeat(10_000);
    let repeated = |rows: usize| std::iter::repeat_n(word.as_str(), rows);
    let columns = |note: ArrayRef| {
        let one = |rows| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n("a", rows)))
        };
        let rows = note.len();
        batch(vec![
            ("indicator", one(rows)),
            ("unit", one(rows)),
            ("period", one(rows)),
            ("note", note),
        ])
    };
    let dictionary: DictionaryArray<Int8Type> = repeated(1_000).collect();
    let plain = StringArray::from_iter_values(repeated(200));
    for (note, compression) in [
        (Arc::new(dictionary) as ArrayRef, None),
        (Arc::new(plain.clone()), Some(CompressionType::ZSTD)),
        (Arc::new(plain), Some(CompressionType::LZ4_FRAME)),
    ] {
        let stream = stream(&[columns(note)], compression);
        assert!(stream.len() < 100_000, "{}", stream.len());
        let error = ipc::decode(Bytes::from(stream), &limits).expect_err("it is refused");
        assert!(error.en.contains("unfolds"), "{error}");
    }
}

#[test]
fn the_checksum_of_the_payload_is_checked() {
    let stream = stream(&[as_arrow(text(&["1", "2"]), text(&["3", "4"]))], None);
    let sent = |sha256: Vec<u8>| {
        let payload = proto::submission::Payload::ArrowIpc(Bytes::from(stream.clone()));
        decoded(proto::Submission { sha256: sha256.into(), ..message(payload) })
            .map(|_| ())
            .map_err(|error| error.kind)
    };
    assert_eq!(sent(Sha256::digest(&stream).to_vec()), Ok(()));
    assert_eq!(sent(vec![7; 32]), Err(ErrorKind::SubmissionInvalid));
    assert_eq!(sent(vec![7; 3]), Err(ErrorKind::SubmissionInvalid));
}

#[test]
fn all_that_is_wrong_with_a_header_is_told_at_once() {
    let wrong = proto::Submission {
        id: " x".into(),
        mode: 7,
        reason: "r".repeat(2_001),
        sha256: vec![0; 32].into(),
        verdicts_max: 100_001,
        payload: Some(proto::submission::Payload::Rows(proto::Rows::default())),
        ..proto::Submission::default()
    };
    let error = request(Some(wrong), Id::Required, &Limits::default()).expect_err("it is refused");
    let fields: Vec<_> = error.violations.iter().map(|violation| violation.field).collect();
    let wanted = ["feed", "id", "reason", "verdicts_max", "mode", "sha256", "rows"];
    assert_eq!(fields, wanted.map(|field| format!("submission.{field}")));
    assert!(request(None, Id::Required, &Limits::default()).is_err());
}

#[test]
fn an_answer_carries_as_many_verdicts_as_were_asked_for() {
    let verdict = Verdict {
        row: 1,
        severity: Severity::Refused,
        field: "value".into(),
        rule: "value.missing".into(),
        message_vi: "x".repeat(4_000),
        message_en: String::new(),
        suggestions: Vec::new(),
        content: "{}".into(),
    };
    let verdicts = vec![verdict; 2_000];
    let shown = |verdicts_max| {
        let report = report("", (0, 0, 2_000), &verdicts, verdicts_max);
        assert_eq!(report.verdicts_total, 2_000);
        report.verdicts.len()
    };
    assert_eq!(shown(5), 5);
    assert_eq!(shown(100_000), 2_000);
    assert!((700..800).contains(&shown(0)), "{} of 4 kB fit 3 MiB", shown(0));
}
