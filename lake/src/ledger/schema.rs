//! The columns of the ledger, and how a submission becomes its rows.
//!
//! One table holds three kinds of rows; a column that a kind does not use is null in its rows. `kind`, `recorded_at`,
//! `position`, `feed` and `submission` are in every row.

use std::iter::repeat_n;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::concat;
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
}

/// The rows of a group: one batch for each kind that has any, in the order observation, submission, verdict.
pub(crate) fn group_rows(group: &[Stamped<'_>]) -> Result<Vec<RecordBatch>, ArrowError> {
    let batches = [observations(group)?, submission_rows(group)?, verdict_rows(group)?];
    Ok(batches.into_iter().flatten().collect())
}

fn observations(group: &[Stamped<'_>]) -> Result<Option<RecordBatch>, ArrowError> {
    let accepted = accepted_schema();
    batch(
        OBSERVATION,
        group,
        |sent| sent.accepted.num_rows(),
        |name| {
            let Some((index, _)) = accepted.column_with_name(name) else { return Ok(None) };
            let parts = group.iter().filter_map(|s| s.submission.accepted.columns().get(index));
            let parts: Vec<&dyn Array> = parts.map(AsRef::as_ref).collect();
            if parts.iter().all(|part| part.null_count() == part.len()) {
                return Ok(None);
            }
            concat(&parts).map(Some)
        },
    )
}

fn submission_rows(group: &[Stamped<'_>]) -> Result<Option<RecordBatch>, ArrowError> {
    let text = |of: fn(&Submission) -> Option<&str>| {
        Some(Arc::new(group.iter().map(|s| of(s.submission)).collect::<StringArray>()) as ArrayRef)
    };
    let number = |of: fn(&Submission) -> Option<u64>| {
        let numbers = group.iter().map(|s| of(s.submission).map(long));
        Some(Arc::new(numbers.collect::<Int64Array>()) as ArrayRef)
    };
    batch(
        SUBMISSION,
        group,
        |_| 1,
        |name| {
            Ok(match name {
                "principal" => text(|sent| Some(&sent.principal)),
                "mode" => text(|sent| Some(sent.mode.code())),
                "digest" => text(|sent| Some(&sent.digest)),
                "reason" => text(|sent| sent.reason.as_deref()),
                "document" => text(|sent| sent.document.as_deref()),
                "catalogue_version" => number(|sent| Some(sent.catalogue_version)),
                "rows" => number(|sent| Some(sent.rows)),
                "accepted" => number(|sent| Some(sent.accepted.num_rows() as u64)),
                "warned" => number(|sent| Some(count_rows(&sent.verdicts).0)),
                "refused" => number(|sent| Some(count_rows(&sent.verdicts).1)),
                "producer" => text(|sent| sent.numbering.as_ref().map(|n| n.producer.as_str())),
                "epoch" => number(|sent| sent.numbering.as_ref().map(|n| n.epoch)),
                "sequence" => number(|sent| sent.numbering.as_ref().map(|n| n.sequence)),
                "state_position" => number(|sent| sent.state_position),
                _ => None,
            })
        },
    )
}

fn verdict_rows(group: &[Stamped<'_>]) -> Result<Option<RecordBatch>, ArrowError> {
    let verdicts: Vec<&Verdict> = group.iter().flat_map(|s| &s.submission.verdicts).collect();
    let text = |of: fn(&Verdict) -> &str| {
        Some(Arc::new(StringArray::from_iter_values(verdicts.iter().map(|v| of(v)))) as ArrayRef)
    };
    let suggestions = || {
        let texts = verdicts
            .iter()
            .map(|verdict| serde_json::to_string(&verdict.suggestions).expect("texts are JSON"));
        Some(Arc::new(StringArray::from_iter_values(texts)) as ArrayRef)
    };
    batch(
        VERDICT,
        group,
        |sent| sent.verdicts.len(),
        |name| {
            Ok(match name {
                "row" => Some(Arc::new(Int64Array::from_iter_values(
                    verdicts.iter().map(|v| long(v.row)),
                ))),
                "severity" => text(|verdict| verdict.severity.code()),
                "field" => text(|verdict| &verdict.field),
                "rule" => text(|verdict| &verdict.rule),
                "message_vi" => text(|verdict| &verdict.message_vi),
                "message_en" => text(|verdict| &verdict.message_en),
                "suggestions" => suggestions(),
                "content" => text(|verdict| &verdict.content),
                _ => None,
            })
        },
    )
}

/// The rows of one kind, if there are any: `count` of each submission, with the columns that all kinds have, those that
/// `given` has, and nulls elsewhere, one array of them for all columns of a type.
fn batch(
    kind: &str,
    group: &[Stamped<'_>],
    count: impl Fn(&Submission) -> usize,
    given: impl Fn(&str) -> Result<Option<ArrayRef>, ArrowError>,
) -> Result<Option<RecordBatch>, ArrowError> {
    let runs = || group.iter().map(|stamped| (stamped, count(stamped.submission)));
    let rows: usize = runs().map(|(_, count)| count).sum();
    if rows == 0 {
        return Ok(None);
    }
    let mut nulls: Vec<ArrayRef> = Vec::new();
    let schema = ledger_schema();
    let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, ArrowError> {
        Ok(match field.name().as_str() {
            "kind" => repeated([(kind, rows)].into_iter())?,
            "feed" => repeated(runs().map(|(s, count)| (s.submission.feed.as_str(), count)))?,
            "submission" => repeated(runs().map(|(s, count)| (s.submission.id.as_str(), count)))?,
            "position" => {
                let positions = runs().map(|(s, count)| (long(s.position), count));
                Arc::new(Int64Array::from(numbers(rows, positions)))
            }
            "recorded_at" => {
                let stamps = numbers(rows, runs().map(|(s, count)| (s.recorded_at, count)));
                Arc::new(TimestampMicrosecondArray::from(stamps).with_timezone("UTC"))
            }
            name => match given(name)? {
                Some(column) => column,
                None => {
                    let known = nulls.iter().find(|nulls| nulls.data_type() == field.data_type());
                    let made = || new_null_array(field.data_type(), rows);
                    let column = known.map_or_else(made, Arc::clone);
                    if known.is_none() {
                        nulls.push(Arc::clone(&column));
                    }
                    column
                }
            },
        })
    });
    let columns = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema, columns).map(Some)
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

/// Texts, each so many times.
fn repeated<'a>(
    runs: impl Iterator<Item = (&'a str, usize)> + Clone,
) -> Result<ArrayRef, ArrowError> {
    let (rows, bytes) = runs.clone().fold((0, 0), |(rows, bytes), (text, count)| {
        (rows + count, text.len().saturating_mul(count).saturating_add(bytes))
    });
    if i32::try_from(bytes).is_err() {
        return Err(ArrowError::OffsetOverflowError(bytes));
    }
    let mut builder = StringBuilder::with_capacity(rows, bytes);
    for (text, count) in runs {
        builder.append_value_n(text, count);
    }
    Ok(Arc::new(builder.finish()))
}

/// Numbers, each so many times, `rows` together.
fn numbers(rows: usize, runs: impl Iterator<Item = (i64, usize)>) -> Vec<i64> {
    let mut all = Vec::with_capacity(rows);
    for (number, count) in runs {
        all.extend(repeat_n(number, count));
    }
    all
}

fn long(n: u64) -> i64 {
    i64::try_from(n).expect("positions and counts stay far below 2^63")
}

/// The kind of a batch whose rows are of one kind.
pub(crate) fn kind_of(batch: &RecordBatch) -> Option<&str> {
    let kinds = batch.column_by_name("kind")?.as_any().downcast_ref::<StringArray>()?;
    (!kinds.is_empty()).then(|| kinds.value(0))
}

#[cfg(test)]
mod tests {
    use arrow::compute::concat_batches;

    use super::*;
    use crate::ledger::tests::submission;

    #[test]
    fn a_group_has_the_rows_of_its_submissions_one_behind_the_other() {
        let mut group =
            [submission("a", "1", 3), submission("b", "long id", 0), submission("b", "2", 70)];
        group[0].reason = Some("đính chính".into());
        group[2].verdicts.clear();
        group[2].state_position = Some(7);
        let stamp = |at: i64, submission| Stamped { submission, recorded_at: at, position: 5 };
        let stamped: Vec<_> = (10..).zip(&group).map(|(at, sent)| stamp(at, sent)).collect();
        let together = group_rows(&stamped).unwrap();
        let alone: Vec<_> = stamped.chunks(1).flat_map(|one| group_rows(one).unwrap()).collect();
        assert_eq!(together.iter().filter_map(kind_of).collect::<Vec<_>>(), KINDS);
        for rows in together {
            let alone = alone.iter().filter(|batch| kind_of(batch) == kind_of(&rows));
            assert_eq!(rows, concat_batches(&ledger_schema(), alone).unwrap());
            rows.column(0).to_data().validate_full().unwrap();
        }
    }
}
