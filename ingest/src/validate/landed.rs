//! The rows that land, by numbers while they are judged, and then as Arrow columns in the schema of accepted rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Builder, Int64Array, Int64Builder, PrimitiveArray, RecordBatch,
    StringArray, new_null_array,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Date32Type};
use dinh_lake::decimal::Decimal;
use dinh_lake::observation::{Qualifier, Stage, Status, accepted_schema, decimal_type};
use dinh_lake::unit::UnitId;

use super::known::Span;
use crate::columns::{Columns, EMPTY, Numbers};

/// A row that can land, as far as it is not in its columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Landing {
    /// The number of its unit.
    pub(super) unit: u32,
    /// The id of its span.
    pub(super) span: u32,
    pub(super) stage: Stage,
    pub(super) qualifier: Qualifier,
    pub(super) status: Status,
    pub(super) value: Option<Decimal>,
}

/// The rows that land, in order.
#[derive(Debug)]
pub(super) struct Landed {
    /// Which rows they are, from 0.
    pub(super) rows: Vec<u32>,
    pub(super) landings: Vec<Landing>,
}

impl Landed {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), landings: Vec::with_capacity(rows) }
    }

    /// Adds a row of the columns as it lands.
    pub(super) fn push(&mut self, row: usize, landing: Landing) {
        self.rows.push(row as u32);
        self.landings.push(landing);
    }

    /// The rows as one batch.
    pub(super) fn batch(
        &self,
        columns: &Columns,
        units: &[&UnitId],
        spans: &[Span],
    ) -> RecordBatch {
        let rows = || self.rows.iter().map(|row| *row as usize);
        let landings = || self.landings.iter();
        let indicators: Vec<&str> = columns.indicator.words().collect();
        let periods: Vec<&str> = columns.period.words().collect();
        let units: Vec<&str> = units.iter().map(|unit| unit.as_str()).collect();
        let days = |day: fn(&Span) -> i32| -> ArrayRef {
            let by_span: Vec<i32> = spans.iter().map(day).collect();
            let days = landings().map(|landing| by_span[landing.span as usize]);
            Arc::new(PrimitiveArray::<Date32Type>::from_iter_values(days))
        };
        let of_columns = vec![
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row as i64 + 1))) as ArrayRef,
            gather(&indicators, rows().map(|row| columns.indicator.key(row) as usize)),
            gather(&units, landings().map(|landing| landing.unit as usize)),
            gather(&periods, rows().map(|row| columns.period.key(row) as usize)),
            days(|span| Date32Type::from_naive_date(span.start)),
            days(|span| Date32Type::from_naive_date(span.end)),
            gather(&codes(Stage::ALL, Stage::code), landings().map(|row| row.stage as usize)),
            figures(landings().map(|landing| landing.value), self.rows.len()),
            self.column(&columns.numerator),
            self.column(&columns.denominator),
            gather(
                &codes(Qualifier::ALL, Qualifier::code),
                landings().map(|row| row.qualifier as usize),
            ),
            gather(&codes(Status::ALL, Status::code), landings().map(|row| row.status as usize)),
            self.counts(&columns.coverage_reported),
            self.counts(&columns.coverage_expected),
            self.notes(columns),
        ];
        RecordBatch::try_new(accepted_schema(), of_columns)
            .expect("the columns are those of the schema, of one length")
    }

    fn column(&self, numbers: &Numbers<Decimal>) -> ArrayRef {
        if numbers.is_missing() {
            return new_null_array(&decimal_type(), self.rows.len());
        }
        let cells = self.rows.iter().map(|row| numbers.cell(*row as usize).number());
        figures(cells, self.rows.len())
    }

    fn counts(&self, numbers: &Numbers<i64>) -> ArrayRef {
        if numbers.is_missing() {
            return new_null_array(&DataType::Int64, self.rows.len());
        }
        let mut column = Int64Builder::with_capacity(self.rows.len());
        for row in &self.rows {
            column.append_option(numbers.cell(*row as usize).number());
        }
        Arc::new(column.finish())
    }

    fn notes(&self, columns: &Columns) -> ArrayRef {
        if columns.note.is_missing() {
            return new_null_array(&DataType::Utf8, self.rows.len());
        }
        let words: Vec<&str> = columns.note.words().collect();
        let keys = || self.rows.iter().map(|row| columns.note.key(*row as usize));
        let given = NullBuffer::from_iter(keys().map(|key| key != EMPTY));
        let (offsets, texts) = texts(&words, keys().map(|key| key as usize));
        Arc::new(StringArray::new(offsets, texts, Some(given)))
    }
}

fn codes<T: Copy>(all: &[T], code: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(code).collect()
}

fn figures(cells: impl Iterator<Item = Option<Decimal>>, rows: usize) -> ArrayRef {
    let mut column = Decimal128Builder::with_capacity(rows).with_data_type(decimal_type());
    for cell in cells {
        column.append_option(cell.map(Decimal::unscaled));
    }
    Arc::new(column.finish())
}

/// A column of the words that keys choose.
fn gather(words: &[&str], keys: impl ExactSizeIterator<Item = usize> + Clone) -> ArrayRef {
    let (offsets, texts) = texts(words, keys);
    Arc::new(StringArray::new(offsets, texts, None))
}

fn texts(
    words: &[&str],
    keys: impl ExactSizeIterator<Item = usize> + Clone,
) -> (OffsetBuffer<i32>, Buffer) {
    let bytes = keys.clone().map(|key| words[key].len()).sum();
    let mut texts = Vec::with_capacity(bytes);
    let mut ends = Vec::with_capacity(keys.len() + 1);
    ends.push(0);
    for key in keys {
        texts.extend_from_slice(words[key].as_bytes());
        ends.push(i32::try_from(texts.len()).expect("a submission is far smaller than 2 GiB"));
    }
    (OffsetBuffer::new(ends.into()), Buffer::from_vec(texts))
}
