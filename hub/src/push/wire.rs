//! Rows to the contract's submission: typed rows, or one Arrow IPC stream for many.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use dinh_lake::submission::{Mode, Severity};
use dinh_proto::v1;
use sha2::{Digest as _, Sha256};

use super::report::RowVerdict;
use super::rows::{Row, SENT};
use super::table::Column;
use crate::wording::Wording;

/// From here on rows go as Arrow: typed rows repeat every field's tag and keep every text apart.
const TYPED_ROWS_MAX: usize = 10_000;
/// Rows of one Arrow batch.
const BATCH_ROWS: usize = 65_536;
/// The most verdicts that a hub puts into an answer.
const VERDICTS_MAX: u32 = 100_000;

/// What goes with the rows.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The feed.
    pub feed: String,
    /// The submission's id.
    pub id: String,
    /// Whether one refused row refuses all.
    pub mode: Mode,
    /// Whether the rows are only judged, as in the mode `partial`.
    pub dry_run: bool,
    /// Why earlier figures are revised; may be empty.
    pub reason: String,
    /// The document that orders it; may be empty.
    pub document: String,
}

/// The submission as it goes over the wire.
///
/// # Errors
/// [`ArrowError`] when the rows do not fit Arrow's arrays.
pub fn submission(envelope: &Envelope, rows: &[Row]) -> Result<v1::Submission, ArrowError> {
    let mode = match envelope.mode {
        _ if envelope.dry_run => v1::Mode::DryRun,
        Mode::Partial => v1::Mode::Partial,
        Mode::Atomic => v1::Mode::Atomic,
    };
    // A coverage that is no integer has no place in a typed row; in Arrow it goes as the text that it is.
    let typed = if rows.len() <= TYPED_ROWS_MAX { rows.iter().map(typed).collect() } else { None };
    let (payload, sha256) = match typed {
        Some(rows) => (v1::submission::Payload::Rows(v1::Rows { rows }), Vec::new()),
        None => {
            let bytes = arrow_ipc(rows)?;
            let sha256 = Sha256::digest(&bytes).to_vec();
            (v1::submission::Payload::ArrowIpc(bytes.into()), sha256)
        }
    };
    Ok(v1::Submission {
        feed: envelope.feed.clone(),
        id: envelope.id.clone(),
        mode: mode.into(),
        reason: envelope.reason.clone(),
        document: envelope.document.clone(),
        payload: Some(payload),
        sha256: sha256.into(),
        verdicts_max: VERDICTS_MAX,
        ..v1::Submission::default()
    })
}

/// The typed row, unless a coverage is no integer.
fn typed(row: &Row) -> Option<v1::Row> {
    let text = |column| row.text(column).to_owned();
    let integer = |column| match row.text(column) {
        "" => Some(None),
        text => text.parse::<i64>().ok().map(Some),
    };
    Some(v1::Row {
        indicator: text(Column::Indicator),
        unit: text(Column::Unit),
        period: text(Column::Period),
        stage: text(Column::Stage),
        value: text(Column::Value),
        numerator: text(Column::Numerator),
        denominator: text(Column::Denominator),
        qualifier: text(Column::Qualifier),
        status: text(Column::Status),
        coverage_reported: integer(Column::CoverageReported)?,
        coverage_expected: integer(Column::CoverageExpected)?,
        note: text(Column::Note),
    })
}

fn arrow_ipc(rows: &[Row]) -> Result<Vec<u8>, ArrowError> {
    let field = |column: Column| Field::new(column.name(), DataType::Utf8, true);
    let schema = Arc::new(Schema::new(SENT.map(field).to_vec()));
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD))?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options)?;
    for rows in rows.chunks(BATCH_ROWS) {
        let column = |column: Column| -> ArrayRef {
            let texts = rows.iter().map(|row| Some(row.text(column)).filter(|t| !t.is_empty()));
            Arc::new(texts.collect::<StringArray>())
        };
        let columns = SENT.map(column).to_vec();
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns)?)?;
    }
    writer.finish()?;
    writer.into_inner()
}

/// A verdict as it came over the wire.
#[must_use]
pub fn verdict(verdict: &v1::Verdict) -> RowVerdict {
    let severity = match verdict.severity() {
        v1::Severity::Warned => Severity::Warned,
        v1::Severity::Refused | v1::Severity::Unspecified => Severity::Refused,
    };
    RowVerdict {
        row: verdict.row,
        severity,
        field: verdict.field.clone(),
        rule: verdict.rule.clone(),
        wording: Wording::new(&verdict.message_vi, &verdict.message_en),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow::ipc::reader::StreamReader;

    use super::super::number::{Expected, Locale};
    use super::super::{rows, table};
    use super::*;

    fn sent(lines: &[String]) -> v1::Submission {
        let text = "indicator;unit;period;value;coverage_reported\n".to_owned() + &lines.join("\n");
        let table = table::read(&text).unwrap();
        let reading = rows::read(&table, Locale::Vi, |_| Expected::Unknown);
        let envelope = Envelope {
            feed: "f".into(),
            id: "i".into(),
            mode: Mode::Atomic,
            dry_run: false,
            reason: String::new(),
            document: String::new(),
        };
        submission(&envelope, &reading.rows).unwrap()
    }

    fn batches(submission: &v1::Submission) -> Vec<RecordBatch> {
        match submission.payload.as_ref().unwrap() {
            v1::submission::Payload::ArrowIpc(bytes) => {
                assert_eq!(submission.sha256, Sha256::digest(bytes).to_vec());
                StreamReader::try_new(&bytes[..], None).unwrap().map(Result::unwrap).collect()
            }
            v1::submission::Payload::Rows(_) => panic!("typed"),
        }
    }

    #[test]
    fn few_rows_go_typed() {
        let submission = sent(&["a;1;2023;93,86;18".into()]);
        let Some(v1::submission::Payload::Rows(rows)) = &submission.payload else { panic!() };
        assert_eq!(rows.rows[0].value, "93.86");
        assert_eq!(
            (rows.rows[0].coverage_reported, rows.rows[0].coverage_expected),
            (Some(18), None)
        );
        assert_eq!(submission.mode(), v1::Mode::Atomic);
        assert!(submission.sha256.is_empty());
    }

    #[test]
    fn many_rows_go_as_arrow() {
        let lines: Vec<String> =
            (0..TYPED_ROWS_MAX + 1).map(|n| format!("a;{n};2023;{n};")).collect();
        let batches = batches(&sent(&lines));
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), TYPED_ROWS_MAX + 1);
        assert_eq!(batches[0].column_by_name("value").unwrap().as_string::<i32>().value(7), "7");
        assert_eq!(batches[0].column_by_name("note").unwrap().null_count(), TYPED_ROWS_MAX + 1);
    }

    #[test]
    fn a_coverage_that_is_no_integer_still_goes_out_as_written() {
        let batches = batches(&sent(&["a;1;2023;5;nửa".into()]));
        let coverage = batches[0].column_by_name("coverage_reported").unwrap();
        assert_eq!(coverage.as_string::<i32>().value(0), "nửa");
    }
}
