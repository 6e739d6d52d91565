//! The columns of table functions, and how the rows of an answer become them. A question becomes a table function by being
//! listed here; its columns are documented in `sql.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, NaiveDate};
use dinh_lake::Decimal;
use dinh_lake::observation::decimal_type;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::answer::question::Question;
use crate::error::QueryError;

/// A question as a table function.
#[derive(Debug)]
pub(super) struct Function {
    /// Its name in SQL.
    pub(super) name: &'static str,
    /// The question.
    pub(super) question: Question,
    /// The member of the answer that holds the rows.
    rows: &'static str,
    /// Its columns.
    columns: &'static [Column],
}

/// A column: its name, its type, and where its values stand in the answer. A path that begins with `^` starts from the whole
/// answer, any other from the row; its steps are parted by points.
#[derive(Debug)]
struct Column(&'static str, Kind, &'static str);

/// The type of a column.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `Utf8`.
    Text,
    /// `Int64`.
    Whole,
    /// `Decimal128(18, 6)`.
    Exact,
    /// `Date32`.
    Day,
    /// Microseconds in UTC.
    Stamp,
    /// `Boolean`.
    Truth,
    /// Several texts as one, `a;b`.
    Texts,
    /// What stands in the answer, as JSON.
    Json,
    /// Ids of units as one text, `00004.1;00006.1`; null where it is unknown who they are.
    Units,
}

use Kind::{Day, Exact, Json, Stamp, Text, Texts, Truth, Units, Whole};

/// All of them.
pub(super) static FUNCTIONS: [Function; 8] = [
    Function {
        name: "ranking",
        question: Question::Rankings,
        rows: "rows",
        columns: &[
            Column("indicator", Text, "^indicator"),
            Column("level", Text, "^level"),
            Column("period", Text, "^period"),
            Column("stage", Text, "^stage"),
            Column("rank", Exact, "rank"),
            Column("tied", Truth, "tied"),
            Column("unit", Text, "unit"),
            Column("code", Text, "code"),
            Column("name", Text, "name"),
            Column("parent", Text, "parent"),
            Column("value", Exact, "value"),
            Column("qualifier", Text, "qualifier"),
            Column("status", Text, "status"),
            Column("feed", Text, "feed"),
            Column("reported_rank", Exact, "reported_rank"),
            Column("previous_value", Exact, "previous_value"),
            Column("change", Exact, "change"),
            Column("previous_rank", Exact, "previous_rank"),
            Column("movement", Exact, "movement"),
            Column("target", Exact, "target"),
            Column("distance", Exact, "distance"),
            Column("universe", Whole, "^universe"),
            Column("ranked", Whole, "^ranked"),
            Column("estimated_share", Exact, "^estimated_share"),
            Column("contains_synthetic", Truth, "^contains_synthetic"),
        ],
    },
    Function {
        name: "totals",
        question: Question::Totals,
        rows: "rows",
        columns: &[
            Column("indicator", Text, "^indicator"),
            Column("level", Text, "^by"),
            Column("period", Text, "^period"),
            Column("stage", Text, "^stage"),
            Column("unit", Text, "unit"),
            Column("code", Text, "code"),
            Column("name", Text, "name"),
            Column("value", Exact, "value"),
            Column("qualifier", Text, "qualifier"),
            Column("source", Text, "source"),
            Column("feed", Text, "feed"),
            Column("reported", Whole, "coverage.reported"),
            Column("expected", Whole, "coverage.expected"),
            Column("silent", Units, "coverage.silent"),
            Column("declared_reported", Whole, "coverage.declared.reported"),
            Column("declared_expected", Whole, "coverage.declared.expected"),
            Column("total", Exact, "^total.value"),
            Column("total_qualifier", Text, "^total.qualifier"),
            Column("total_reported", Whole, "^coverage.reported"),
            Column("total_expected", Whole, "^coverage.expected"),
            Column("estimated_share", Exact, "^estimated_share"),
            Column("contains_synthetic", Truth, "^contains_synthetic"),
        ],
    },
    Function {
        name: "series",
        question: Question::Series,
        rows: "rows",
        columns: &[
            Column("indicator", Text, "^indicator"),
            Column("unit", Text, "^unit"),
            Column("code", Text, "^code"),
            Column("name", Text, "^name"),
            Column("period", Text, "period"),
            Column("period_start", Day, "period_start"),
            Column("period_end", Day, "period_end"),
            Column("stage", Text, "stage"),
            Column("value", Exact, "value"),
            Column("numerator", Exact, "numerator"),
            Column("denominator", Exact, "denominator"),
            Column("qualifier", Text, "qualifier"),
            Column("status", Text, "status"),
            Column("declared_reported", Whole, "coverage.declared.reported"),
            Column("declared_expected", Whole, "coverage.declared.expected"),
            Column("feed", Text, "feed"),
            Column("recorded_at", Stamp, "recorded_at"),
            Column("late", Truth, "late"),
            Column("contains_synthetic", Truth, "^contains_synthetic"),
        ],
    },
    Function {
        name: "stages",
        question: Question::Stages,
        rows: "rows",
        columns: &[
            Column("indicator", Text, "^indicator"),
            Column("level", Text, "^level"),
            Column("period", Text, "^period"),
            Column("stage", Text, "^stage"),
            Column("unit", Text, "unit"),
            Column("code", Text, "code"),
            Column("name", Text, "name"),
            Column("self", Exact, "self"),
            Column("appraised", Exact, "appraised"),
            Column("survey", Exact, "survey"),
            Column("final", Exact, "final"),
            Column("qualifier", Text, "qualifier"),
            Column("target", Exact, "target"),
            Column("target_qualifier", Text, "target_qualifier"),
            Column("target_period", Text, "target_period"),
            Column("distance", Exact, "distance"),
            Column("met", Truth, "met"),
            Column("contains_synthetic", Truth, "^contains_synthetic"),
        ],
    },
    Function {
        name: "composite",
        question: Question::Composites,
        rows: "rows",
        columns: &[
            Column("composite", Text, "^composite"),
            Column("version", Text, "^version"),
            Column("level", Text, "^level"),
            Column("period", Text, "^period"),
            Column("stage", Text, "^stage"),
            Column("rank", Whole, "rank"),
            Column("tied", Truth, "tied"),
            Column("rank_from", Whole, "rank_from"),
            Column("rank_to", Whole, "rank_to"),
            Column("unit", Text, "unit"),
            Column("code", Text, "code"),
            Column("name", Text, "name"),
            Column("parent", Text, "parent"),
            Column("score", Exact, "score"),
            Column("imputed_share", Exact, "imputed_share"),
            Column("missing_components", Texts, "missing_components"),
            Column("self_score", Exact, "self_score"),
            Column("appraised_score", Exact, "appraised_score"),
            Column("self_gap", Exact, "self_gap"),
            Column("previous_score", Exact, "previous_score"),
            Column("change", Exact, "change"),
            Column("previous_rank", Whole, "previous_rank"),
            Column("movement", Whole, "movement"),
            Column("groups", Json, "groups"),
            Column("example", Truth, "^example"),
            Column("contains_synthetic", Truth, "^contains_synthetic"),
        ],
    },
    Function {
        name: "history",
        question: Question::History,
        rows: "rows",
        columns: &[
            Column("indicator", Text, "^indicator"),
            Column("unit", Text, "^unit"),
            Column("code", Text, "^code"),
            Column("name", Text, "^name"),
            Column("period", Text, "^period"),
            Column("period_start", Day, "^period_start"),
            Column("period_end", Day, "^period_end"),
            Column("stage", Text, "stage"),
            Column("value", Exact, "value"),
            Column("numerator", Exact, "numerator"),
            Column("denominator", Exact, "denominator"),
            Column("qualifier", Text, "qualifier"),
            Column("status", Text, "status"),
            Column("declared_reported", Whole, "coverage.declared.reported"),
            Column("declared_expected", Whole, "coverage.declared.expected"),
            Column("feed", Text, "feed"),
            Column("submission", Text, "submission"),
            Column("row", Whole, "row"),
            Column("note", Text, "note"),
            Column("recorded_at", Stamp, "recorded_at"),
            Column("superseded_at", Stamp, "superseded_at"),
            Column("position", Whole, "position"),
            Column("contains_synthetic", Truth, "^contains_synthetic"),
        ],
    },
    Function {
        name: "coverage",
        question: Question::Coverage,
        rows: "rows",
        columns: &[
            Column("period", Text, "^period"),
            Column("period_start", Day, "^period_start"),
            Column("period_end", Day, "^period_end"),
            Column("indicator", Text, "indicator"),
            Column("name", Text, "name"),
            Column("level", Text, "level"),
            Column("reported", Whole, "reported"),
            Column("expected", Whole, "expected"),
            Column("silent", Units, "silent"),
            Column("on_time", Whole, "on_time"),
            Column("late", Units, "late"),
            Column("due_at", Stamp, "due_at"),
            Column("contains_synthetic", Truth, "^contains_synthetic"),
        ],
    },
    Function {
        name: "units",
        question: Question::Units,
        rows: "units",
        columns: &[
            Column("unit", Text, "unit"),
            Column("code", Text, "code"),
            Column("name", Text, "name"),
            Column("name_en", Text, "name_en"),
            Column("kind", Text, "kind"),
            Column("level", Text, "level"),
            Column("parent", Text, "parent"),
            Column("path", Text, "path"),
            Column("valid_from", Day, "valid_from"),
            Column("valid_to", Day, "valid_to"),
        ],
    },
];

/// The members of a JSON object, each in its exact text.
type Members = BTreeMap<String, Box<RawValue>>;

impl Function {
    /// The schema of its rows.
    pub(super) fn schema(&self) -> SchemaRef {
        let field = |Column(name, kind, _): &Column| Field::new(*name, kind.data_type(), true);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// The rows of an answer in JSON.
    pub(super) fn rows(&self, answer: &str) -> Result<RecordBatch, QueryError> {
        let broken =
            |cause: &dyn std::fmt::Display| QueryError::internal("reading an answer", cause);
        let answer: Members = serde_json::from_str(answer).map_err(|error| broken(&error))?;
        let rows = answer.get(self.rows).map_or("[]", |rows| rows.get());
        let rows: Vec<Members> = serde_json::from_str(rows).map_err(|error| broken(&error))?;
        let column = |column: &Column| column.array(&answer, &rows);
        let columns = self.columns.iter().map(column).collect::<Result<_, _>>();
        let columns = columns.map_err(|error: serde_json::Error| broken(&error))?;
        RecordBatch::try_new(self.schema(), columns).map_err(|error| broken(&error))
    }
}

impl Column {
    fn array(&self, answer: &Members, rows: &[Members]) -> serde_json::Result<ArrayRef> {
        Ok(match self.1 {
            Text => Arc::new(StringArray::from(self.values::<String>(answer, rows)?)),
            Whole => Arc::new(Int64Array::from(self.values::<i64>(answer, rows)?)),
            Truth => Arc::new(BooleanArray::from(self.values::<bool>(answer, rows)?)),
            Exact => {
                let values = self.values::<Decimal>(answer, rows)?.into_iter();
                let values = values.map(|value| value.map(Decimal::unscaled));
                Arc::new(values.collect::<Decimal128Array>().with_data_type(decimal_type()))
            }
            Day => {
                let days = self.values::<NaiveDate>(answer, rows)?.into_iter();
                let since = |day: NaiveDate| day.signed_duration_since(NaiveDate::default());
                let days = days.map(|day| i32::try_from(since(day?).num_days()).ok());
                Arc::new(days.collect::<Date32Array>())
            }
            Stamp => {
                let stamps = self.values::<DateTime<chrono::Utc>>(answer, rows)?.into_iter();
                let stamps = stamps.map(|stamp| stamp.map(|stamp| stamp.timestamp_micros()));
                Arc::new(stamps.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            Texts => {
                let texts = self.values::<Vec<String>>(answer, rows)?.into_iter();
                Arc::new(texts.map(|texts| Some(texts?.join(";"))).collect::<StringArray>())
            }
            Json => {
                let json = self.values::<Box<RawValue>>(answer, rows)?.into_iter();
                let json = json.map(|json| json.map(|json| json.get().to_owned()));
                Arc::new(json.collect::<StringArray>())
            }
            Units => {
                let units = self.values::<Vec<UnitId>>(answer, rows)?.into_iter();
                let ids = |units: Vec<UnitId>| {
                    units.iter().map(|unit| unit.unit.as_str()).collect::<Vec<_>>().join(";")
                };
                Arc::new(units.map(|units| units.map(ids)).collect::<StringArray>())
            }
        })
    }

    /// The value of each row; none where it is null or there is no such member.
    fn values<T: DeserializeOwned + Clone>(
        &self,
        answer: &Members,
        rows: &[Members],
    ) -> serde_json::Result<Vec<Option<T>>> {
        match self.2.strip_prefix('^') {
            Some(path) => Ok(vec![value(answer, path)?; rows.len()]),
            None => rows.iter().map(|row| value(row, self.2)).collect(),
        }
    }
}

/// A unit of a list.
#[derive(Clone, Deserialize)]
struct UnitId {
    unit: String,
}

fn value<T: DeserializeOwned>(members: &Members, path: &str) -> serde_json::Result<Option<T>> {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let Some(found) = members.get(step) else { return Ok(None) };
    match rest {
        None => serde_json::from_str(found.get()),
        Some(rest) => match serde_json::from_str::<Option<Members>>(found.get())? {
            Some(members) => value(&members, rest),
            None => Ok(None),
        },
    }
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Text | Texts | Json | Units => DataType::Utf8,
            Whole => DataType::Int64,
            Exact => decimal_type(),
            Day => DataType::Date32,
            Stamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Truth => DataType::Boolean,
        }
    }
}
