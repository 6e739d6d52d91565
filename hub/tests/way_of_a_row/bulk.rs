//! The bulk path: rows as one Arrow IPC stream, up to a million of them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::ipc::writer::StreamWriter;
use chrono::{Days, NaiveDate};
use dinh_proto::v1 as proto;
use proto::submission::Payload;
use sha2::{Digest as _, Sha256};

use crate::bad_input::{DAY, TEAMS};
use crate::house::{Hub, submission};

const MILLION: usize = 1_000_000;

#[tokio::test]
async fn a_million_rows_are_one_submission() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token("ha-noi", None).await;
    let communes = "units?level=commune&within=01&on=2024-12-31&limit=1000";
    let payload = daily(hub.ask(communes).await.each("units", "code"));
    let sha256 = Sha256::digest(&payload).to_vec().into();
    let payload = Some(Payload::ArrowIpc(payload.into()));
    let million =
        proto::Submission { payload, sha256, ..submission("ha-noi", "million", Vec::new()) };
    let answer = hub.publisher(&token).await.push(million.clone()).await.unwrap();
    let report = answer.report.as_ref().unwrap();
    assert_eq!((report.accepted, report.verdicts.first()), (MILLION as u64, None));

    let counts = "SELECT count(*), count(DISTINCT unit), CAST(sum(value) AS BIGINT) FROM current";
    assert_eq!(hub.sql(counts).await, ["1000000,579,499500000"]);
    hub.kill().await;
    let hub = Hub::start(folder.path()).await;
    assert_eq!(hub.sql("SELECT count(*) FROM observations").await, ["1000000"]);
    assert_eq!(hub.publisher(&token).await.push(million).await.unwrap(), answer);
}

/// A million figures: of each unit on each of as many days as it takes, from 0 to 999 over and over.
fn daily(units: Vec<String>) -> Vec<u8> {
    let first: NaiveDate = "2020-03-01".parse().unwrap();
    let number = units.len();
    let days = (0..).map(|n| (first + Days::new(n)).to_string()).take(MILLION.div_ceil(number));
    let value: Int64Array = (0_i64..1_000).cycle().take(MILLION).collect();
    stream(vec![
        ("indicator", chosen(StringArray::from(vec![TEAMS]), |_| 0)),
        ("unit", chosen(StringArray::from(units), |row| row % number)),
        ("period", chosen(StringArray::from_iter_values(days), |row| row / number)),
        ("value", Arc::new(value)),
    ])
}

/// A column of a million texts, each one of a few.
fn chosen(texts: StringArray, which: impl Fn(usize) -> usize) -> ArrayRef {
    let keys: Int32Array = (0..MILLION).map(|row| i32::try_from(which(row)).unwrap()).collect();
    Arc::new(DictionaryArray::new(keys, Arc::new(texts)))
}

pub(crate) fn stream(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn two(value: ArrayRef) -> Vec<u8> {
    let text = |texts: [&str; 2]| -> ArrayRef { Arc::new(StringArray::from_iter_values(texts)) };
    let (indicator, unit) = (text([TEAMS; 2]), text(["09820", "09823"]));
    stream(vec![
        ("indicator", indicator),
        ("unit", unit),
        ("period", text([DAY; 2])),
        ("value", value),
    ])
}

/// A stream of two rows.
pub(crate) fn two_rows() -> Vec<u8> {
    two(Arc::new(Int64Array::from(vec![7, 8])))
}

/// The same with figures that are not exact.
pub(crate) fn floats() -> Vec<u8> {
    two(Arc::new(Float64Array::from(vec![7.0, 8.0])))
}
