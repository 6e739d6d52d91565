//! What `Push`, `Validate` and `Cursor` answer.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use chrono::{Days, NaiveDate};
use dinh_ingest::Limits;
use dinh_proto::v1 as proto;

use crate::house::{House, TOKEN, row, submission, with_token};

#[tokio::test]
async fn good_rows_land_and_bad_ones_get_verdicts() {
    let house = House::open(Limits::default()).await;
    let rows = vec![row("273", "129"), row("09820", "NaN"), row("99999", "1"), row("001", "1")];
    let answer = house.push(submission("1", rows)).await.unwrap();
    let report = answer.report.unwrap();
    assert_eq!((report.rows, report.accepted, report.warned, report.refused), (4, 1, 0, 3));
    let rules: Vec<_> = report.verdicts.iter().map(|v| (v.row, v.rule.as_str())).collect();
    let wanted = [
        (2, "value.not_a_number"),
        (3, "unit.unknown"),
        (4, "unit.outside_grant"),
        (4, "unit.outside_feed"),
    ];
    assert_eq!(rules, wanted);
    assert!(report.verdicts.iter().all(|v| !v.message_vi.is_empty() && !v.message_en.is_empty()));
    assert_eq!(answer.position, house.lake.ledger().snapshot().position);
}

#[tokio::test]
async fn an_atomic_submission_with_a_bad_row_lands_nothing_and_is_kept() {
    let house = House::open(Limits::default()).await;
    let atomic = proto::Submission {
        mode: proto::Mode::Atomic.into(),
        ..submission("1", vec![row("273", "129"), row("09820", "")])
    };
    let report = house.push(atomic).await.unwrap().report.unwrap();
    assert_eq!((report.accepted, report.refused), (0, 2));
    let rules: Vec<_> = report.verdicts.iter().map(|v| v.rule.as_str()).collect();
    assert_eq!(rules, ["atomic.refused", "value.missing"]);
    assert!(house.lake.ledger().find("dan-phuong", "1").await.unwrap().is_some());
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_other_content_is_refused() {
    let house = House::open(Limits::default()).await;
    let rows = || vec![row("273", "129"), row("09820", "NaN"), row("09784", "")];
    let first = house.push(submission("1", rows())).await.unwrap();
    house.push(submission("2", vec![row("273", "130")])).await.unwrap();
    let again = proto::Submission { reason: "gửi lại".into(), ..submission("1", rows()) };
    assert_eq!(house.push(again).await.unwrap(), first);
    let status = house.push(submission("1", vec![row("273", "130")])).await.unwrap_err();
    let (code, reason, details) = crate::house::told(&status);
    assert_eq!((code, reason.as_str()), (tonic::Code::AlreadyExists, "SUBMISSION_ID_REUSED"));
    assert_eq!(
        details.error_info().unwrap().metadata["recorded_digest"],
        first.report.unwrap().digest
    );
}

#[tokio::test]
async fn concurrent_pushes_of_one_submission_count_once() {
    let house = House::open(Limits::default()).await;
    let pushes = (0..16).map(|_| house.push(submission("1", vec![row("273", "129")])));
    let answers = futures::future::join_all(pushes).await;
    let first = answers[0].as_ref().unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer == first)));
}

#[tokio::test]
async fn validate_says_what_push_would_and_keeps_nothing() {
    let house = House::open(Limits::default()).await;
    let rows = || vec![row("273", "129"), row("09820", "NaN")];
    let before = house.position();
    let request =
        with_token(proto::ValidateRequest { submission: Some(submission("", rows())) }, TOKEN);
    let validated = house.client().await.validate(request).await.unwrap().into_inner();
    assert_eq!(house.position(), before);
    assert_eq!(validated.catalogue_version, house.lake.catalogue().version);
    assert_eq!(validated.report, house.push(submission("1", rows())).await.unwrap().report);
}

fn cursor(producer: &str) -> proto::CursorRequest {
    proto::CursorRequest { feed: "dan-phuong".into(), producer: producer.into() }
}

#[tokio::test]
async fn a_dry_run_is_judged_like_a_push_and_uses_nothing_up() {
    let house = House::open(Limits::default()).await;
    let rows = || vec![row("273", "129"), row("09820", "NaN")];
    let push = || proto::Submission { sequence: 1, ..submission("1", rows()) };
    let dry_run = proto::Submission { mode: proto::Mode::DryRun.into(), ..push() };
    let before = house.position();
    let judged = house.push(dry_run.clone()).await.unwrap();
    assert!(judged.dry_run && judged.position == 0 && judged.recorded_at.is_none());
    assert_eq!(house.position(), before);
    assert!(house.push(proto::Submission { id: String::new(), ..dry_run.clone() }).await.is_ok());

    let pushed = house.push(push()).await.unwrap();
    assert_eq!(judged.report, pushed.report);
    // An id and a number that are used are not looked at.
    assert!(house.push(dry_run).await.unwrap().dry_run);
    assert_eq!(house.push(push()).await.unwrap(), pushed);
}

#[tokio::test]
async fn a_withdrawal_and_a_figure_after_it_are_kept_with_reason_and_document() {
    let house = House::open(Limits::default()).await;
    let withdrawn = proto::Row { status: "withdrawn".into(), ..row("273", "") };
    let submissions = [
        submission("figure", vec![row("273", "129")]),
        submission("withdrawal", vec![withdrawn]),
        submission("again", vec![row("273", "130")]),
    ];
    for submission in submissions {
        let (reason, document) = ("đính chính".to_owned(), "Công văn 12/UBND-VP".to_owned());
        let answer = house.push(proto::Submission { reason, document, ..submission }).await;
        let report = answer.unwrap().report.unwrap();
        assert_eq!((report.accepted, report.refused), (1, 0), "{:?}", report.verdicts);
    }
    let snapshot = house.lake.ledger().snapshot();
    let batches = snapshot.files.iter().flat_map(|file| file.hot.as_deref().unwrap()).cloned();
    let texts = |kind: &str, column: &str| -> Vec<String> {
        let of_kind = |batch: &RecordBatch| batch["kind"].as_string::<i32>().value(0) == kind;
        let batches = batches.clone().filter(of_kind);
        batches.map(|batch| batch[column].as_string::<i32>().value(0).to_owned()).collect()
    };
    assert_eq!(texts("observation", "status"), ["normal", "withdrawn", "normal"]);
    assert_eq!(texts("submission", "reason"), ["đính chính"; 3]);
    assert_eq!(texts("submission", "document"), ["Công văn 12/UBND-VP"; 3]);
}

#[tokio::test]
async fn a_cursor_is_the_last_submission_of_the_feed() {
    let house = House::open(Limits::default()).await;
    let mut client = house.client().await;
    let request = || with_token(cursor(""), TOKEN);
    assert_eq!(client.cursor(request()).await.unwrap().into_inner().last, None);
    house.push(submission("1", vec![row("273", "129")])).await.unwrap();
    let second = house.push(submission("2", vec![row("273", "130")])).await.unwrap();
    let last = client.cursor(request()).await.unwrap().into_inner().last.unwrap();
    assert_eq!((last.submission.as_str(), last.position), ("2", second.position));
    assert_eq!(
        (last.recorded_at, last.digest),
        (second.recorded_at, second.report.unwrap().digest)
    );
}

/// An Arrow stream of `rows` figures of one unit, each for a window of its own.
fn bulk(rows: u64) -> Vec<u8> {
    let day = |n| NaiveDate::from_ymd_opt(2020, 3, 1).expect("it is a day") + Days::new(n);
    let window = |n: u64| format!("{}/{}", day(n % 800), day(800 + n / 800));
    let text = |text: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(|_| text)))
    };
    let columns: [(&str, ArrayRef); 4] = [
        ("indicator", text("community_digital_teams")),
        ("unit", text("09820")),
        ("period", Arc::new(StringArray::from_iter_values((0..rows).map(window)))),
        ("value", Arc::new(Int64Array::from_iter_values((0..).take(rows as usize)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("the columns fit");
    let mut writer =
        StreamWriter::try_new(Vec::new(), &batch.schema()).expect("the schema can be written");
    writer.write(&batch).expect("the batch can be written");
    writer.into_inner().expect("the end can be written")
}

#[tokio::test]
async fn a_bulk_submission_in_arrow_lands() {
    let house = House::open(Limits::default()).await;
    let rows = 100_000;
    let payload = Some(proto::submission::Payload::ArrowIpc(bulk(rows).into()));
    let bulk = proto::Submission { payload, ..submission("1", Vec::new()) };
    let report = house.push(bulk).await.unwrap().report.unwrap();
    assert_eq!((report.accepted, report.refused), (rows, 0), "{:?}", report.verdicts.first());
}

/// Sixty months of one unit with texts as dictionaries, in two batches.
fn dictionaries(compression: Option<CompressionType>) -> Vec<u8> {
    let months: Vec<_> = (0..60).map(|n| format!("{}-{:02}", 2020 + n / 12, n % 12 + 1)).collect();
    let text = |texts: &mut dyn Iterator<Item = &str>| -> ArrayRef {
        Arc::new(texts.collect::<DictionaryArray<Int32Type>>())
    };
    let columns: [(&str, ArrayRef); 4] = [
        ("indicator", text(&mut (0..60).map(|_| "community_digital_teams"))),
        ("unit", text(&mut (0..60).map(|_| "273"))),
        ("period", text(&mut months.iter().map(String::as_str))),
        ("value", Arc::new(Int64Array::from_iter_values(0..60))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("the columns fit");
    let options = IpcWriteOptions::default().try_with_compression(compression);
    let options = options.expect("both ways to compress are built in");
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options)
        .expect("the schema can be written");
    for half in [batch.slice(0, 30), batch.slice(30, 30)] {
        writer.write(&half).expect("a batch can be written");
    }
    writer.into_inner().expect("the end can be written")
}

#[tokio::test]
async fn dictionaries_and_compressed_bodies_are_the_same_rows() {
    let house = House::open(Limits::default()).await;
    let mut digests = Vec::new();
    for (id, compression) in
        [("1", None), ("2", Some(CompressionType::ZSTD)), ("3", Some(CompressionType::LZ4_FRAME))]
    {
        let payload = Some(proto::submission::Payload::ArrowIpc(dictionaries(compression).into()));
        let sent = proto::Submission { payload, ..submission(id, Vec::new()) };
        let report = house.push(sent).await.unwrap().report.unwrap();
        // March 2020 is the first month that the district was there in.
        assert_eq!((report.accepted, report.refused), (58, 2), "{:?}", report.verdicts.first());
        digests.push(report.digest);
    }
    let rows = (0..60).map(|n| proto::Row {
        period: format!("{}-{:02}", 2020 + n / 12, n % 12 + 1),
        ..row("273", &n.to_string())
    });
    digests.push(house.push(submission("4", rows.collect())).await.unwrap().report.unwrap().digest);
    digests.dedup();
    assert_eq!(digests.len(), 1, "however rows are sent, they are the same rows");
}

#[tokio::test]
async fn a_row_is_held_against_what_was_answered_before() {
    let house = House::open(Limits::default()).await;
    let month = |month: &str, value: &str| proto::Row { period: month.into(), ..row("273", value) };
    let first = house.push(submission("1", vec![month("2023-01", "129")])).await.unwrap();
    let second = house.push(submission("2", vec![month("2023-02", "1290")])).await.unwrap();
    let report = second.report.unwrap();
    let rules: Vec<_> = report.verdicts.iter().map(|v| v.rule.as_str()).collect();
    assert_eq!((rules, report.accepted, report.warned), (vec!["value.tenfold"], 1, 1));
    let against = format!("(against position {})", first.position);
    assert!(report.verdicts[0].message_en.contains(&against), "{:?}", report.verdicts);
}
