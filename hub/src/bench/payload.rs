//! A batch of rows in the two forms that a submission may have.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, DictionaryArray, Int32Array, RecordBatch, StringArray,
};
use arrow::datatypes::{Int32Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use dinh_proto::v1::submission::Payload;
use dinh_proto::v1::{Row, Rows, Submission};

use super::plan::{Cell, Share};
use super::town::{self, FEED, INDICATORS};

/// The form that rows are sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One Arrow IPC stream; texts as dictionaries, figures as decimals.
    Arrow,
    /// Typed protobuf messages.
    Typed,
}

impl Form {
    /// Its name in the report.
    #[must_use]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Arrow => "arrow",
            Self::Typed => "typed",
        }
    }
}

/// What makes the submissions of one connection.
#[derive(Debug)]
pub(super) struct Writer {
    form: Form,
    share: Share,
    indicators: ArrayRef,
    communes: ArrayRef,
}

impl Writer {
    /// A writer of a share of the rows.
    #[must_use]
    pub(super) fn new(form: Form, share: Share) -> Self {
        let indicators = (0..INDICATORS).map(town::indicator);
        let communes = share.communes.clone().map(town::commune);
        let (indicators, communes) = (texts(indicators), texts(communes));
        Self { form, share, indicators, communes }
    }

    /// The share.
    #[must_use]
    pub(super) fn share(&self) -> &Share {
        &self.share
    }

    /// The submission of one batch, and how many rows it has.
    ///
    /// # Errors
    /// When the rows cannot be written as Arrow.
    pub(super) fn submission(&self, index: u64) -> Result<(Submission, u64), ArrowError> {
        let cells = self.share.batch(index);
        let payload = match self.form {
            Form::Arrow => Payload::ArrowIpc(self.ipc(&cells)?.into()),
            Form::Typed => Payload::Rows(Rows { rows: rows(&cells) }),
        };
        let id = format!("{}/{index}", self.share.connection);
        let submission = Submission {
            feed: FEED.to_owned(),
            id,
            payload: Some(payload),
            ..Submission::default()
        };
        Ok((submission, cells.len() as u64))
    }

    fn ipc(&self, cells: &[Cell]) -> Result<Vec<u8>, ArrowError> {
        let batch = self.columns(cells)?;
        let schema: SchemaRef = batch.schema();
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        writer.write(&batch)?;
        writer.finish()?;
        writer.into_inner()
    }

    fn columns(&self, cells: &[Cell]) -> Result<RecordBatch, ArrowError> {
        let indicators = cells.iter().map(|cell| cell.indicator);
        let communes = cells.iter().map(|cell| cell.commune - self.share.communes.start);
        // Days come in order, but for the one step back from revisions to new rows.
        let mut days: Vec<u64> = Vec::new();
        let places: Vec<u64> = cells
            .iter()
            .map(|cell| {
                if days.last() != Some(&cell.day) {
                    days.push(cell.day);
                }
                days.len() as u64 - 1
            })
            .collect();
        let values = cells.iter().map(|cell| i128::from(cell.hundredths));
        let values = Decimal128Array::from_iter_values(values).with_precision_and_scale(18, 2)?;
        RecordBatch::try_from_iter([
            ("indicator", dictionary(indicators, &self.indicators)?),
            ("unit", dictionary(communes, &self.communes)?),
            ("period", dictionary(places.into_iter(), &texts(days.into_iter().map(town::day)))?),
            ("value", Arc::new(values) as ArrayRef),
        ])
    }
}

fn rows(cells: &[Cell]) -> Vec<Row> {
    let mut day = (u64::MAX, String::new());
    let row = |cell: &Cell| {
        if day.0 != cell.day {
            day = (cell.day, town::day(cell.day));
        }
        Row {
            indicator: town::indicator(cell.indicator),
            unit: town::commune(cell.commune),
            period: day.1.clone(),
            value: format!("{}.{:02}", cell.hundredths / 100, cell.hundredths % 100),
            ..Row::default()
        }
    };
    cells.iter().map(row).collect()
}

fn texts(texts: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

fn dictionary(places: impl Iterator<Item = u64>, texts: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let keys =
        places.map(|place| i32::try_from(place).expect("dictionaries have some hundred texts"));
    let keys = Int32Array::from_iter_values(keys);
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(texts))?))
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use arrow::ipc::reader::StreamReader;
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    use super::*;
    use crate::bench::plan::shares;

    fn sent_as(form: Form, batch: u64) -> Vec<[String; 4]> {
        let share = shares(4_000, 2, 200, 5).unwrap().remove(1);
        let (submission, rows) = Writer::new(form, share).submission(batch).unwrap();
        assert_eq!((submission.id, rows), (format!("1/{batch}"), 200));
        match submission.payload.unwrap() {
            Payload::Rows(rows) => rows
                .rows
                .into_iter()
                .map(|row| [row.indicator, row.unit, row.period, row.value])
                .collect(),
            Payload::ArrowIpc(bytes) => {
                let mut reader = StreamReader::try_new(bytes.as_ref(), None).unwrap();
                let batch = reader.next().unwrap().unwrap();
                let options = FormatOptions::default();
                let text = |name, row| {
                    let column: &dyn Array = batch.column_by_name(name).unwrap();
                    ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string()
                };
                let row =
                    |row| ["indicator", "unit", "period", "value"].map(|name| text(name, row));
                (0..batch.num_rows()).map(row).collect()
            }
        }
    }

    #[test]
    fn both_forms_carry_the_same_rows() {
        for batch in [0, 7] {
            assert_eq!(sent_as(Form::Arrow, batch), sent_as(Form::Typed, batch));
        }
    }
}
