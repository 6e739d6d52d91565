//! The rows that land, gathered into Arrow columns in the schema of accepted rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, PrimitiveArray, RecordBatch, StringBuilder,
};
use arrow::datatypes::Date32Type;
use dinh_lake::decimal::Decimal;
use dinh_lake::observation::{accepted_schema, decimal_type};

use super::Landing;
use crate::columns::{Columns, text_at};

/// Bytes that a code takes, about.
const CODE_BYTES: usize = 12;

/// Accepted rows, column by column.
#[derive(Debug)]
pub(super) struct Accepted {
    row: Vec<i64>,
    indicator: StringBuilder,
    unit: StringBuilder,
    period: StringBuilder,
    period_start: Vec<i32>,
    period_end: Vec<i32>,
    stage: StringBuilder,
    value: Vec<Option<i128>>,
    numerator: Vec<Option<i128>>,
    denominator: Vec<Option<i128>>,
    qualifier: StringBuilder,
    status: StringBuilder,
    coverage_reported: Vec<Option<i64>>,
    coverage_expected: Vec<Option<i64>>,
    note: StringBuilder,
}

impl Accepted {
    pub(super) fn with_capacity(rows: usize) -> Self {
        let text = || StringBuilder::with_capacity(rows, rows * CODE_BYTES);
        Self {
            row: Vec::with_capacity(rows),
            indicator: text(),
            unit: text(),
            period: text(),
            period_start: Vec::with_capacity(rows),
            period_end: Vec::with_capacity(rows),
            stage: text(),
            value: Vec::with_capacity(rows),
            numerator: Vec::with_capacity(rows),
            denominator: Vec::with_capacity(rows),
            qualifier: text(),
            status: text(),
            coverage_reported: Vec::with_capacity(rows),
            coverage_expected: Vec::with_capacity(rows),
            note: StringBuilder::with_capacity(rows, 0),
        }
    }

    /// Adds a row of the columns as it lands.
    pub(super) fn push(&mut self, columns: &Columns, row: usize, landing: &Landing<'_>) {
        let unscaled = |figure: Option<Decimal>| figure.map(Decimal::unscaled);
        self.row.push(row as i64 + 1);
        self.indicator.append_value(text_at(&columns.indicator, row));
        self.unit.append_value(&landing.unit.0);
        self.period.append_value(text_at(&columns.period, row));
        self.period_start.push(Date32Type::from_naive_date(landing.span.start));
        self.period_end.push(Date32Type::from_naive_date(landing.span.end));
        self.stage.append_value(landing.stage.code());
        self.value.push(unscaled(landing.figures.value));
        self.numerator.push(unscaled(landing.figures.numerator));
        self.denominator.push(unscaled(landing.figures.denominator));
        self.qualifier.append_value(landing.qualifier.code());
        self.status.append_value(landing.status.code());
        self.coverage_reported.push(columns.coverage_reported.cell(row).number());
        self.coverage_expected.push(columns.coverage_expected.cell(row).number());
        self.note.append_option(Some(text_at(&columns.note, row)).filter(|note| !note.is_empty()));
    }

    /// The rows as one batch.
    pub(super) fn finish(self) -> RecordBatch {
        let figures = |cells: Vec<Option<i128>>| -> ArrayRef {
            Arc::new(Decimal128Array::from(cells).with_data_type(decimal_type()))
        };
        let dates =
            |days: Vec<i32>| -> ArrayRef { Arc::new(PrimitiveArray::<Date32Type>::from(days)) };
        let counts = |cells: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(cells)) };
        let text = |mut column: StringBuilder| -> ArrayRef { Arc::new(column.finish()) };
        let columns = vec![
            Arc::new(Int64Array::from(self.row)) as ArrayRef,
            text(self.indicator),
            text(self.unit),
            text(self.period),
            dates(self.period_start),
            dates(self.period_end),
            text(self.stage),
            figures(self.value),
            figures(self.numerator),
            figures(self.denominator),
            text(self.qualifier),
            text(self.status),
            counts(self.coverage_reported),
            counts(self.coverage_expected),
            text(self.note),
        ];
        RecordBatch::try_new(accepted_schema(), columns)
            .expect("the columns are those of the schema, of one length")
    }
}
