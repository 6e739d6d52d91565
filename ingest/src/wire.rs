//! Between the contract and the domain: the only place that names both.
//!
//! In: a `Submission` message becomes a [`Request`], whose payload is decoded into columns when there is a thread for it.
//! Out: answers and reports become messages; how many verdicts one carries is decided here, from the request and the
//! verdicts alone, so that a repeat gets the same message.

mod ipc;

use arrow::array::StringBuilder;
use dinh_lake::ledger::Last;
use dinh_lake::submission::{Answer, Mode, Numbering, Severity, Verdict};
use dinh_proto::v1 as proto;
use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::columns::{Cell, Columns, Numbers, Texts, TextsBuilder};
use crate::error::{IngestError, Violation};
use crate::limits::Limits;

const ID_CHARACTERS_MAX: usize = 128;
const REASON_CHARACTERS_MAX: usize = 2_000;
const DOCUMENT_CHARACTERS_MAX: usize = 500;
const PRODUCER_CHARACTERS_MAX: usize = 128;
const VERDICTS_MAX: u32 = 100_000;
/// What an answer carries unless more is asked for: it fits the 4 MiB that gRPC clients take by default.
const VERDICTS_DEFAULT: u32 = 1_000;
const VERDICT_BYTES_DEFAULT: usize = 3 << 20;
const VERDICT_BYTES_MAX: usize = 64 << 20;

/// A submission whose header is in order and whose rows are not decoded yet.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) feed: String,
    pub(crate) id: String,
    pub(crate) mode: Mode,
    /// Whether nothing of it is to be kept.
    pub(crate) dry_run: bool,
    pub(crate) numbering: Option<Numbering>,
    pub(crate) reason: Option<String>,
    pub(crate) document: Option<String>,
    pub(crate) verdicts_max: u32,
    payload: proto::submission::Payload,
    sha256: Option<[u8; 32]>,
}

/// Whether a submission must have an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// It will be kept under it.
    Required,
    /// It will not be kept.
    Optional,
}

/// Checks the header of a submission; all that is wrong with it is told at once.
///
/// # Errors
/// [`ErrorKind::SubmissionInvalid`](crate::error::ErrorKind::SubmissionInvalid).
pub(crate) fn request(
    message: Option<proto::Submission>,
    id: Id,
    limits: &Limits,
) -> Result<Request, IngestError> {
    let mut message = message.unwrap_or_default();
    let mut faults = Vec::new();
    let mut fault = |field, en: &str, vi: &str| {
        faults.push(Violation { field, en: en.to_owned(), vi: vi.to_owned() });
    };
    if message.feed.is_empty() {
        fault("submission.feed", "required: name the feed", "bắt buộc: hãy ghi tên nguồn số liệu");
    }
    let mode = mode(message.mode);
    let dry_run = mode.is_some_and(|(_, dry_run)| dry_run);
    let id_optional = id == Id::Optional || dry_run;
    if !(is_id(&message.id) || id_optional && message.id.is_empty()) {
        fault(
            "submission.id",
            "required: 1 to 128 characters, no control characters, no space at either end",
            "bắt buộc: từ 1 đến 128 ký tự, không có ký tự điều khiển, không có dấu cách ở hai đầu",
        );
    }
    if !is_text(&message.reason, REASON_CHARACTERS_MAX) {
        fault("submission.reason", "at most 2000 characters", "tối đa 2000 ký tự");
    }
    if !is_text(&message.document, DOCUMENT_CHARACTERS_MAX) {
        fault("submission.document", "at most 500 characters", "tối đa 500 ký tự");
    }
    if message.verdicts_max > VERDICTS_MAX {
        fault("submission.verdicts_max", "at most 100000", "tối đa 100000");
    }
    if mode.is_none() {
        fault(
            "submission.mode",
            "unknown: use MODE_PARTIAL, MODE_ATOMIC or MODE_DRY_RUN",
            "không có: hãy dùng MODE_PARTIAL, MODE_ATOMIC hoặc MODE_DRY_RUN",
        );
    }
    let numbering = numbering(&mut message, &mut fault);
    let rows_sent = matches!(&message.payload, Some(proto::submission::Payload::Rows(_)));
    let sha256 = <[u8; 32]>::try_from(message.sha256.as_ref()).ok();
    if !message.sha256.is_empty() && (sha256.is_none() || rows_sent) {
        fault(
            "submission.sha256",
            "32 bytes, the SHA-256 of `arrow_ipc`; cannot be given with `rows`",
            "32 byte, SHA-256 của `arrow_ipc`; không dùng được với `rows`",
        );
    }
    if let Some(sent) = message.payload.as_ref().map_or(Some(0), known_rows) {
        rows_in_range(sent, limits).err().into_iter().for_each(|violation| faults.push(violation));
    }
    match (faults.is_empty(), mode, message.payload) {
        (true, Some((mode, dry_run)), Some(payload)) => Ok(Request {
            feed: message.feed,
            id: message.id,
            mode,
            dry_run,
            numbering,
            reason: Some(message.reason).filter(|text| !text.is_empty()),
            document: Some(message.document).filter(|text| !text.is_empty()),
            verdicts_max: message.verdicts_max,
            payload,
            sha256,
        }),
        _ => Err(IngestError::invalid(faults)),
    }
}

impl Request {
    /// How many rows there are about, to choose a thread by.
    pub(crate) fn rows_estimated(&self) -> usize {
        match &self.payload {
            proto::submission::Payload::Rows(rows) => rows.rows.len(),
            // A row takes no less than this in any encoding that anybody uses.
            proto::submission::Payload::ArrowIpc(bytes) => bytes.len() / 8,
        }
    }

    /// Takes the rows out, decoded. Takes long for many rows.
    ///
    /// # Errors
    /// When the payload is not what it should be.
    pub(crate) fn decode(&mut self, limits: &Limits) -> Result<Columns, IngestError> {
        let columns = match std::mem::replace(
            &mut self.payload,
            proto::submission::Payload::ArrowIpc(Default::default()),
        ) {
            proto::submission::Payload::Rows(rows) => from_rows(&rows.rows),
            proto::submission::Payload::ArrowIpc(bytes) => {
                if self.sha256.is_some_and(|sent| sent[..] != Sha256::digest(&bytes)[..]) {
                    return Err(IngestError::invalid(vec![Violation {
                        field: "submission.sha256",
                        en: "is not the SHA-256 of `arrow_ipc`: the payload was changed on its way, send it again".into(),
                        vi: "không khớp với SHA-256 của `arrow_ipc`: dữ liệu đã bị thay đổi trên đường truyền, hãy gửi lại".into(),
                    }]));
                }
                ipc::decode(bytes, limits)?
            }
        };
        rows_in_range(columns.rows, limits)
            .map_err(|violation| IngestError::invalid(vec![violation]))?;
        Ok(columns)
    }
}

/// The mode that rows are judged in, and whether that is all.
fn mode(code: i32) -> Option<(Mode, bool)> {
    Some(match proto::Mode::try_from(code).ok()? {
        proto::Mode::Unspecified | proto::Mode::Partial => (Mode::Partial, false),
        proto::Mode::Atomic => (Mode::Atomic, false),
        proto::Mode::DryRun => (Mode::Partial, true),
    })
}

/// The place in the producer's order, if one is given.
fn numbering(
    message: &mut proto::Submission,
    fault: &mut impl FnMut(&'static str, &str, &str),
) -> Option<Numbering> {
    let proto::Submission { epoch, sequence, .. } = *message;
    if !is_producer(&message.producer) {
        fault(
            "submission.producer",
            "at most 128 characters, no control characters, no `/`",
            "tối đa 128 ký tự, không có ký tự điều khiển, không có `/`",
        );
    }
    if epoch > Numbering::EPOCH_MAX {
        fault("submission.epoch", "at most 8388607", "tối đa 8388607");
    }
    if sequence > Numbering::SEQUENCE_MAX {
        fault("submission.sequence", "at most 1099511627775", "tối đa 1099511627775");
    }
    if sequence == 0 && (epoch > 0 || !message.producer.is_empty()) {
        fault(
            "submission.sequence",
            "required with `producer` or `epoch`: number from 1",
            "bắt buộc khi có `producer` hoặc `epoch`: hãy đánh số từ 1",
        );
    }
    let producer = std::mem::take(&mut message.producer);
    (sequence > 0).then_some(Numbering { producer, epoch, sequence })
}

/// Whether a text can name a producer; empty is the feed itself.
pub(crate) fn is_producer(text: &str) -> bool {
    is_text(text, PRODUCER_CHARACTERS_MAX)
        && !text.contains('/')
        && !text.chars().any(char::is_control)
}

fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && is_text(text, ID_CHARACTERS_MAX)
        && !text.chars().any(char::is_control)
}

fn is_text(text: &str, characters_max: usize) -> bool {
    text.len() <= characters_max || text.chars().count() <= characters_max
}

/// How many rows there are, where that is known before decoding.
fn known_rows(payload: &proto::submission::Payload) -> Option<usize> {
    match payload {
        proto::submission::Payload::Rows(rows) => Some(rows.rows.len()),
        proto::submission::Payload::ArrowIpc(_) => None,
    }
}

fn rows_in_range(rows: usize, limits: &Limits) -> Result<(), Violation> {
    let (en, vi) = match rows {
        0 => (
            "there are no rows: send at least one".into(),
            "không có dòng nào: hãy gửi ít nhất một dòng".into(),
        ),
        rows if rows > limits.rows_max => (
            format!("{rows} rows are too many: send at most {} in one submission", limits.rows_max),
            format!(
                "{rows} dòng là quá nhiều: hãy gửi tối đa {} dòng trong một lần",
                limits.rows_max
            ),
        ),
        _ => return Ok(()),
    };
    Err(Violation { field: "submission.rows", en, vi })
}

fn from_rows(rows: &[proto::Row]) -> Columns {
    let text = |field: fn(&proto::Row) -> &String| -> Texts {
        let mut column = TextsBuilder::with_capacity(rows.len());
        rows.iter().for_each(|row| column.push(field(row)));
        column.finish()
    };
    let figure = |field: fn(&proto::Row) -> &String| {
        let bytes = rows.iter().map(|row| field(row).len()).sum();
        if bytes == 0 {
            return Numbers::missing();
        }
        let mut column = StringBuilder::with_capacity(rows.len(), bytes);
        rows.iter().for_each(|row| column.append_value(field(row)));
        Numbers::parsed(column.finish(), str::parse)
    };
    let count = |field: fn(&proto::Row) -> Option<i64>| {
        Numbers::exact(
            rows.iter().map(|row| field(row).map_or(Cell::Missing, Cell::Number)).collect(),
        )
    };
    Columns {
        rows: rows.len(),
        indicator: text(|row| &row.indicator),
        unit: text(|row| &row.unit),
        period: text(|row| &row.period),
        stage: text(|row| &row.stage),
        value: figure(|row| &row.value),
        numerator: figure(|row| &row.numerator),
        denominator: figure(|row| &row.denominator),
        qualifier: text(|row| &row.qualifier),
        status: text(|row| &row.status),
        coverage_reported: count(|row| row.coverage_reported),
        coverage_expected: count(|row| row.coverage_expected),
        note: text(|row| &row.note),
    }
}

/// The answer to a push.
pub(crate) fn answer(answer: &Answer, verdicts_max: u32) -> proto::Answer {
    proto::Answer {
        feed: answer.feed.clone(),
        submission: answer.submission.clone(),
        position: answer.position,
        recorded_at: Some(timestamp(answer.recorded_at)),
        report: Some(report(
            &answer.digest,
            (answer.accepted, answer.warned, answer.refused),
            &answer.verdicts,
            verdicts_max,
        )),
        dry_run: false,
    }
}

/// The answer to a push that nothing was kept of.
pub(crate) fn dry_run(request: &Request, report: proto::Report) -> proto::Answer {
    proto::Answer {
        feed: request.feed.clone(),
        submission: request.id.clone(),
        report: Some(report),
        dry_run: true,
        ..proto::Answer::default()
    }
}

/// What was found in a submission; `counts` are accepted, warned and refused.
pub(crate) fn report(
    digest: &str,
    counts: (u64, u64, u64),
    verdicts: &[Verdict],
    verdicts_max: u32,
) -> proto::Report {
    let (accepted, warned, refused) = counts;
    let (number_max, bytes_max) = match verdicts_max {
        0 => (VERDICTS_DEFAULT, VERDICT_BYTES_DEFAULT),
        number => (number, VERDICT_BYTES_MAX),
    };
    let mut bytes = 0;
    let shown = verdicts.iter().take(number_max as usize).map(verdict).take_while(|verdict| {
        // The tag and the length of a verdict take at most six bytes.
        bytes += verdict.encoded_len() + 6;
        bytes <= bytes_max
    });
    proto::Report {
        digest: digest.to_owned(),
        rows: accepted + refused,
        accepted,
        warned,
        refused,
        verdicts: shown.collect(),
        verdicts_total: verdicts.len() as u64,
    }
}

fn verdict(verdict: &Verdict) -> proto::Verdict {
    let severity = match verdict.severity {
        Severity::Warned => proto::Severity::Warned,
        Severity::Refused => proto::Severity::Refused,
    };
    proto::Verdict {
        row: verdict.row,
        severity: severity.into(),
        field: verdict.field.clone(),
        rule: verdict.rule.clone(),
        message_vi: verdict.message_vi.clone(),
        message_en: verdict.message_en.clone(),
        suggestions: verdict.suggestions.clone(),
        content: verdict.content.clone(),
    }
}

/// A feed's newest submission.
pub(crate) fn last(last: Last) -> proto::LastSubmission {
    proto::LastSubmission {
        submission: last.submission,
        digest: last.digest,
        position: last.position,
        recorded_at: Some(timestamp(last.recorded_at)),
    }
}

fn timestamp(at: chrono::DateTime<chrono::Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.timestamp(),
        nanos: at.timestamp_subsec_nanos().cast_signed(),
    }
}

#[cfg(test)]
mod tests;
