//! Fuzzing of what a publisher sends: messages, and Arrow streams within them, up to their verdicts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use dinh_ingest::{IngestService, Limits};
use dinh_proto::v1 as proto;
use prost::Message as _;
use proto::ingest_server::Ingest as _;
use proto::submission::Payload;
use tonic::Code;

use crate::house::{House, TOKEN, row, submission, with_token};

#[path = "../../../lake/tests/fuzz/runner.rs"]
mod runner;

use runner::{Shape, Target};

const MESSAGES: Target = Target {
    test: "fuzz::messages",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/messages"),
    shape: Shape::Protobuf,
    words: &[],
};

#[test]
fn messages() {
    MESSAGES.run(|| judge(|bytes| proto::ValidateRequest::decode(bytes).ok()));
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn messages_long() {
    let messages = Target { test: "fuzz::messages_long", ..MESSAGES };
    messages.run(|| judge(|bytes| proto::ValidateRequest::decode(bytes).ok()));
}

const STREAMS: Target = Target {
    test: "fuzz::arrow_streams",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/streams"),
    shape: Shape::Bytes,
    words: &[],
};

#[test]
fn arrow_streams() {
    STREAMS.run(|| judge(|bytes| Some(with_stream(bytes))));
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn arrow_streams_long() {
    let streams = Target { test: "fuzz::arrow_streams_long", ..STREAMS };
    streams.run(|| judge(|bytes| Some(with_stream(bytes))));
}

fn with_stream(bytes: &[u8]) -> proto::ValidateRequest {
    let payload = Some(Payload::ArrowIpc(bytes.to_vec().into()));
    let submission = proto::Submission { payload, ..submission("1", Vec::new()) };
    proto::ValidateRequest { submission: Some(submission) }
}

/// Has requests judged as the door does, without a socket. Whatever comes is answered or refused; a fault of the hub's own
/// is what is looked for, for a judge that panics on a thread aside is told as one.
fn judge(read: impl Fn(&[u8]) -> Option<proto::ValidateRequest>) -> impl FnMut(&[u8]) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (house, service): (House, IngestService) =
        runtime.block_on(House::with_service(Limits::default()));
    move |input| {
        let Some(request) = read(input) else { return };
        let judged = runtime.block_on(service.validate(with_token(request, TOKEN)));
        match judged {
            Ok(answer) => assert!(answer.into_inner().report.is_some()),
            Err(status) => assert!(
                !matches!(status.code(), Code::Internal | Code::Unknown | Code::Unavailable),
                "{status:?}"
            ),
        }
        assert_eq!(house.position(), 0, "nothing is kept");
    }
}

#[test]
#[ignore = "writes the corpus; run it after a change of the contract"]
fn write_corpus() {
    let write = |kind: &str, name: &str, bytes: &[u8]| {
        let folder = format!("{}/tests/fuzz/{kind}", env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(format!("{folder}/{name}"), bytes).unwrap();
    };
    let message =
        |submission| proto::ValidateRequest { submission: Some(submission) }.encode_to_vec();
    let parts = proto::Row {
        value: String::new(),
        numerator: "26".into(),
        denominator: "35".into(),
        stage: "final".into(),
        qualifier: "approx".into(),
        status: "provisional".into(),
        coverage_reported: Some(18),
        coverage_expected: Some(30),
        note: "khoảng".into(),
        ..row("09829.1", "")
    };
    let rows = vec![row("09829", "4"), row("273", "1015.5"), row("99999", "x"), parts];
    write("messages", "rows", &message(submission("1", rows.clone())));
    let atomic = proto::Submission {
        mode: proto::Mode::Atomic.into(),
        reason: "đính chính".into(),
        document: "12/QĐ-UBND".into(),
        verdicts_max: 10,
        ..submission("2", rows)
    };
    write("messages", "atomic", &message(atomic));
    for (name, bytes) in streams() {
        write("messages", &format!("arrow-{name}"), &with_stream(&bytes).encode_to_vec());
        write("streams", name, &bytes);
    }
}

/// Arrow streams as publishers write them.
fn streams() -> Vec<(&'static str, Vec<u8>)> {
    let plain = |values: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let words = |values: [&str; 3]| -> ArrayRef {
        Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>())
    };
    let columns = |text: &dyn Fn([&'static str; 3]) -> ArrayRef| {
        let columns: [(&str, ArrayRef); 6] = [
            ("indicator", text(["community_digital_teams"; 3])),
            ("unit", text(["09829", "09784", "99999"])),
            ("period", text(["2023", "2024-06-30", "2023-12-10/2024-07-30"])),
            ("value", text(["4", "1015.5", "x"])),
            ("coverage_reported", Arc::new(Int64Array::from(vec![Some(18), None, Some(-1)]))),
            ("note", text(["", "khoảng", "a"])),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let stream = |batch: &RecordBatch, compression| {
        let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let mut writer =
            StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
        writer.write(batch).unwrap();
        writer.write(&batch.slice(1, 2)).unwrap();
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    };
    let (plain, words) = (columns(&plain), columns(&words));
    vec![
        ("plain", stream(&plain, None)),
        ("words", stream(&words, None)),
        ("zstd", stream(&plain, Some(CompressionType::ZSTD))),
        ("lz4", stream(&words, Some(CompressionType::LZ4_FRAME))),
    ]
}
