//! The columns of the ledger, and how a submission becomes its rows.
//!
//! One table holds three kinds of rows; a column that a kind does not use is null in its rows. `kind`, `recorded_at`,
//! `position`, `feed` and `submission` are in every row.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use crate::observation::accepted_schema;
use crate::submission::{Answer, Severity, Submission, Verdict};

/// The kind of a row that is one accepted revision of one value.
pub const OBSERVATION: &str = "observation";
/// The kind of a row that is one push.
pub const SUBMISSION: &str = "submission";
/// The kind of a row that is one thing found wrong with a row that was sent.
pub const VERDICT: &str = "verdict";

/// All kinds, in the order of their rows within a fresh file.
pub(crate) const KINDS: [&str; 3] = [OBSERVATION, SUBMISSION, VERDICT];

/// The columns whose smallest and largest values the log keeps for each file.
pub(crate) const INDEXED: &str = "kind,position,period_start,period_end";

static LEDGER: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let whole = |name: &str| Field::new(name, DataType::Int64, true);
    let stamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("kind", DataType::Utf8, false),
        Field::new("recorded_at", stamp, false),
        Field::new("position", DataType::Int64, false),
        Field::new("feed", DataType::Utf8, false),
        Field::new("submission", DataType::Utf8, false),
    ];
    fields.extend(
        accepted_schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)),
    );
    fields.extend(["principal", "mode", "digest", "reason", "document"].map(text));
    fields.extend(["catalogue_version", "rows", "accepted", "warned", "refused"].map(whole));
    fields.extend(
        ["severity", "field", "rule", "message_vi", "message_en", "suggestions", "content"]
            .map(text),
    );
    fields.push(text("producer"));
    fields.extend(["epoch", "sequence", "state_position"].map(whole));
    Arc::new(Schema::new(fields))
});

/// The schema of the ledger and of every batch that a snapshot holds.
#[must_use]
pub fn ledger_schema() -> SchemaRef {
    Arc::clone(&LEDGER)
}

/// A submission with its place in the ledger.
pub(crate) struct Stamped<'a> {
    pub(crate) submission: &'a Submission,
    pub(crate) recorded_at: i64,
    pub(crate) position: u64,
}

impl Stamped<'_> {
    /// The answer that its sender gets.
    pub(crate) fn answer(&self) -> Answer {
        let (warned, refused) = count_rows(&self.submission.verdicts);
        Answer {
            feed: self.submission.feed.clone(),
            submission: self.submission.id.clone(),
            position: self.position,
            recorded_at: chrono::DateTime::from_timestamp_micros(self.recorded_at)
                .unwrap_or_default(),
            digest: self.submission.digest.clone(),
            accepted: self.submission.accepted.num_rows() as u64,
            warned,
            refused,
            verdicts: self.submission.verdicts.clone(),
        }
    }

    fn observations(&self) -> Result<RecordBatch, ArrowError> {
        let accepted = &self.submission.accepted;
        self.rows(OBSERVATION, accepted.num_rows(), |name| {
            accepted.column_by_name(name).map(Arc::clone)
        })
    }

    fn submission_row(&self) -> Result<RecordBatch, ArrowError> {
        let (sent, answer) = (self.submission, self.answer());
        let text = |text: Option<&str>| Some(Arc::new(StringArray::from(vec![text])) as ArrayRef);
        let number =
            |n: Option<u64>| Some(Arc::new(Int64Array::from(vec![n.map(long)])) as ArrayRef);
        let whole = |n: u64| number(Some(n));
        let numbering = sent.numbering.as_ref();
        self.rows(SUBMISSION, 1, |name| match name {
            "principal" => text(Some(&sent.principal)),
            "mode" => text(Some(sent.mode.code())),
            "digest" => text(Some(&sent.digest)),
            "reason" => text(sent.reason.as_deref()),
            "document" => text(sent.document.as_deref()),
            "catalogue_version" => whole(sent.catalogue_version),
            "rows" => whole(sent.rows),
            "accepted" => whole(answer.accepted),
            "warned" => whole(answer.warned),
            "refused" => whole(answer.refused),
            "producer" => text(numbering.map(|numbering| numbering.producer.as_str())),
            "epoch" => number(numbering.map(|numbering| numbering.epoch)),
            "sequence" => number(numbering.map(|numbering| numbering.sequence)),
            "state_position" => number(sent.state_position),
            _ => None,
        })
    }

    fn verdict_rows(&self) -> Result<RecordBatch, ArrowError> {
        let verdicts = &self.submission.verdicts;
        let text = |read: fn(&Verdict) -> &str| {
            Some(Arc::new(StringArray::from_iter_values(verdicts.iter().map(read))) as ArrayRef)
        };
        let suggestions = || {
            let texts = verdicts
                .iter()
                .map(|v| serde_json::to_string(&v.suggestions).expect("texts are JSON"));
            Some(Arc::new(StringArray::from_iter_values(texts)) as ArrayRef)
        };
        self.rows(VERDICT, verdicts.len(), |name| match name {
            "row" => {
                Some(Arc::new(Int64Array::from_iter_values(verdicts.iter().map(|v| long(v.row)))))
            }
            "severity" => text(|v| v.severity.code()),
            "field" => text(|v| &v.field),
            "rule" => text(|v| &v.rule),
            "message_vi" => text(|v| &v.message_vi),
            "message_en" => text(|v| &v.message_en),
            "suggestions" => suggestions(),
            "content" => text(|v| &v.content),
            _ => None,
        })
    }

    /// `count` rows of one kind, with the columns that `given` has and nulls elsewhere.
    fn rows(
        &self,
        kind: &str,
        count: usize,
        given: impl Fn(&str) -> Option<ArrayRef>,
    ) -> Result<RecordBatch, ArrowError> {
        let column = |field: &Arc<Field>| -> ArrayRef {
            match field.name().as_str() {
                "kind" => repeated(kind, count),
                "feed" => repeated(&self.submission.feed, count),
                "submission" => repeated(&self.submission.id, count),
                "position" => Arc::new(Int64Array::from_value(long(self.position), count)),
                "recorded_at" => {
                    let stamps = TimestampMicrosecondArray::from_value(self.recorded_at, count);
                    Arc::new(stamps.with_timezone("UTC"))
                }
                name => given(name).unwrap_or_else(|| new_null_array(field.data_type(), count)),
            }
        };
        let schema = ledger_schema();
        let columns = schema.fields().iter().map(column).collect();
        RecordBatch::try_new(schema, columns)
    }
}

/// The rows of a group: one batch for each kind that has any, in the order observation, submission, verdict.
pub(crate) fn group_rows(group: &[Stamped<'_>]) -> Result<Vec<RecordBatch>, ArrowError> {
    let makers = [Stamped::observations, Stamped::submission_row, Stamped::verdict_rows];
    let mut batches = Vec::with_capacity(makers.len());
    for make in makers {
        let parts = group.iter().map(make).collect::<Result<Vec<_>, _>>()?;
        let rows = concat_batches(&ledger_schema(), &parts)?;
        if rows.num_rows() > 0 {
            batches.push(rows);
        }
    }
    Ok(batches)
}

/// How many rows were warned and how many refused; a row that is both counts as refused.
fn count_rows(verdicts: &[Verdict]) -> (u64, u64) {
    let (mut warned, mut refused) = (0, 0);
    for row in verdicts.chunk_by(|a, b| a.row == b.row) {
        let is_refused = row.iter().any(|verdict| verdict.severity == Severity::Refused);
        *(if is_refused { &mut refused } else { &mut warned }) += 1;
    }
    (warned, refused)
}

fn repeated(text: &str, count: usize) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(count, count * text.len());
    for _ in 0..count {
        builder.append_value(text);
    }
    Arc::new(builder.finish())
}

fn long(n: u64) -> i64 {
    i64::try_from(n).expect("positions and counts stay far below 2^63")
}

/// The kind of a batch whose rows are of one kind.
pub(crate) fn kind_of(batch: &RecordBatch) -> Option<&str> {
    let kinds = batch.column_by_name("kind")?.as_any().downcast_ref::<StringArray>()?;
    (!kinds.is_empty()).then(|| kinds.value(0))
}
