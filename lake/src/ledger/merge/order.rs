//! The order of the rows of a sorted file, and keys that compare as that order does.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};

use crate::ledger::schema::{OBSERVATION, SUBMISSION, ledger_schema};

/// The columns by which a sorted file of a kind is sorted, ascending, nulls first. The observations of one cell lie side
/// by side, the newest last; submissions are found by their id; verdicts by the stamp of their submission.
#[must_use]
pub fn sort_order(kind: &str) -> &'static [&'static str] {
    match kind {
        OBSERVATION => {
            &["indicator", "period_end", "period_start", "unit", "stage", "feed", "recorded_at"]
        }
        SUBMISSION => &["feed", "submission"],
        _ => &["recorded_at", "row"],
    }
}

/// Makes the keys of rows of one kind.
#[derive(Debug)]
pub(super) struct Keys {
    converter: RowConverter,
    columns: Vec<usize>,
}

impl Keys {
    pub(super) fn new(kind: &str) -> Result<Self, ArrowError> {
        let schema = ledger_schema();
        let columns: Vec<usize> =
            sort_order(kind).iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
        let of = |column: &usize| -> DataType { schema.field(*column).data_type().clone() };
        let fields = columns.iter().map(|column| SortField::new(of(column))).collect();
        Ok(Self { converter: RowConverter::new(fields)?, columns })
    }

    pub(super) fn of(&self, batch: &RecordBatch) -> Result<Rows, ArrowError> {
        let columns: Vec<ArrayRef> =
            self.columns.iter().map(|column| ArrayRef::clone(batch.column(*column))).collect();
        self.converter.convert_columns(&columns)
    }
}
