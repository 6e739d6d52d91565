//! The rows of one row group on their way into a sorted file: of each column the different values, and which of them each
//! row has.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::properties::EnabledStatistics;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnPath;

use super::chunk::{self, Values};
use super::order::Layout;
use super::rows::{Column, Rows, Texts};
use crate::intern::{Interner, Seed};
use crate::ledger::schema::SUBMISSION;

/// Bytes of a dictionary above which Parquet's own writer decides what becomes of a column.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Bytes of a text above which its bounds would have to be cut short.
const TEXT_BYTES: usize = 64;

/// Rows that are to be written as one row group.
pub(super) struct Group {
    columns: Vec<Distinct>,
    rows: usize,
}

/// The different values of one column, and for each row the number of its value and one; 0 is null.
struct Distinct {
    known: Known,
    rows: Vec<u32>,
}

enum Known {
    Texts {
        /// For each text that there is the number that it has here and one; 0 if no row has it.
        numbers: Vec<u32>,
        texts: Vec<u32>,
        bytes: usize,
        longest: usize,
    },
    Numbers {
        numbers: HashMap<i64, u32, Seed>,
        values: Vec<i64>,
    },
}

impl Group {
    pub(super) fn of(layout: &Layout) -> Self {
        let known = |field: &Arc<Field>| match field.data_type() {
            DataType::Utf8 => {
                Known::Texts { numbers: Vec::new(), texts: Vec::new(), bytes: 0, longest: 0 }
            }
            _ => Known::Numbers { numbers: HashMap::default(), values: Vec::new() },
        };
        let fields = layout.schema.fields().iter();
        let columns = fields.map(|field| Distinct { known: known(field), rows: Vec::new() });
        Self { columns: columns.collect(), rows: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Bytes that the row group will take, about.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |column: &Distinct| match &column.known {
            Known::Texts { bytes, .. } => *bytes,
            Known::Numbers { values, .. } => size_of_val(&values[..]),
        };
        // A number takes a byte or two.
        self.columns.iter().map(|column| bytes(column) + column.rows.len()).sum()
    }

    /// Bytes that it holds in memory.
    pub(super) fn held(&self) -> usize {
        let held = |column: &Distinct| {
            let known = match &column.known {
                Known::Texts { numbers, texts, .. } => numbers.capacity() + texts.capacity(),
                Known::Numbers { numbers, values } => {
                    numbers.capacity() * 5 + values.capacity() * 2
                }
            };
            (known + column.rows.capacity()) * size_of::<u32>()
        };
        self.columns.iter().map(held).sum()
    }

    /// Takes more rows.
    pub(super) fn push(&mut self, rows: &Rows, texts: &Texts) {
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.push(rows.column(place), texts.column(place), rows.len());
        }
        self.rows += rows.len();
    }

    /// Writes the rows, and begins anew.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        file: &mut SerializedFileWriter<W>,
        factory: &ArrowRowGroupWriterFactory,
        layout: &Layout,
        texts: &Texts,
        page_rows: usize,
    ) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let columns = file.schema_descr().columns().to_vec();
        let properties = Arc::clone(file.properties());
        let writers = factory.create_column_writers(file.flushed_row_groups().len())?;
        let mut group = file.next_row_group()?;
        for (place, (column, writer)) in self.columns.iter_mut().zip(writers).enumerate() {
            let field = layout.schema.field(place);
            // Submissions are few and have little in common, and their ids get a filter.
            if layout.kind == SUBMISSION || !column.repeats() {
                column.write(&mut group, writer, field, texts.column(place))?;
            } else {
                let path = ColumnPath::from(field.name().as_str());
                let by_page = properties.statistics_enabled(&path) == EnabledStatistics::Page;
                let values = column.values(field, texts.column(place));
                let (bytes, close) =
                    chunk::encode(&columns[place], &values, &column.rows, page_rows, by_page)?;
                group.append_column(&bytes, close)?;
            }
            column.clear();
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Distinct {
    fn push(&mut self, column: &Column, all: &Interner, count: usize) {
        match (&mut self.known, column) {
            (Known::Texts { numbers, texts, bytes, longest }, Column::Texts(rows)) => {
                numbers.resize(all.len(), 0);
                self.rows.extend(rows.iter().map(|row| {
                    let Some(text) = row.checked_sub(1) else { return 0 };
                    let number = &mut numbers[text as usize];
                    if *number == 0 {
                        texts.push(text);
                        *number = texts.len() as u32;
                        let length = all.text(text).len();
                        *bytes += length + size_of::<u32>();
                        *longest = (*longest).max(length);
                    }
                    *number
                }));
            }
            (Known::Numbers { numbers, values }, Column::Numbers(rows)) => {
                // Most rows have the value of the one before.
                let mut last = (None, 0);
                self.rows.extend((0..count).map(|row| {
                    let value = rows.get(row);
                    if value != last.0 {
                        let number = |value| {
                            *numbers.entry(value).or_insert_with(|| {
                                values.push(value);
                                values.len() as u32
                            })
                        };
                        last = (value, value.map_or(0, number));
                    }
                    last.1
                }));
            }
            _ => unreachable!("rows of one kind have columns of the same types"),
        }
    }

    /// Whether a dictionary of the values is worth its place.
    fn repeats(&self) -> bool {
        match &self.known {
            Known::Texts { texts, bytes, longest, .. } => {
                let short = *longest <= TEXT_BYTES && *bytes <= DICTIONARY_BYTES;
                short && texts.len() * 2 <= self.rows.len()
            }
            Known::Numbers { values, .. } => {
                size_of_val(&values[..]) <= DICTIONARY_BYTES && values.len() * 2 <= self.rows.len()
            }
        }
    }

    fn values<'a>(&'a self, field: &Field, all: &'a Interner) -> Values<'a> {
        match &self.known {
            Known::Texts { texts, .. } => {
                Values::Texts(texts.iter().map(|text| all.text(*text)).collect())
            }
            Known::Numbers { values, .. } if *field.data_type() == DataType::Date32 => {
                Values::Days(values)
            }
            Known::Numbers { values, .. } => Values::Wholes(values),
        }
    }

    /// Writes the column as Parquet's own writer would.
    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        mut writer: ArrowColumnWriter,
        field: &Field,
        all: &Interner,
    ) -> Result<(), ParquetError> {
        for leaf in compute_leaves(field, &self.array(field, all))? {
            writer.write(&leaf)?;
        }
        writer.close()?.append_to_row_group(group)
    }

    fn array(&self, field: &Field, all: &Interner) -> ArrayRef {
        let values = match &self.known {
            Known::Texts { texts, .. } => {
                let text = |row: &u32| row.checked_sub(1).map(|row| all.text(texts[row as usize]));
                return Arc::new(self.rows.iter().map(text).collect::<StringArray>());
            }
            Known::Numbers { values, .. } => values,
        };
        let numbers =
            || self.rows.iter().map(|row| row.checked_sub(1).map(|row| values[row as usize]));
        match field.data_type() {
            DataType::Date32 => {
                let days = numbers().map(|day| day.map(|day| day as i32));
                Arc::new(days.collect::<Date32Array>())
            }
            DataType::Decimal128(..) => {
                let figures = numbers().map(|figure| figure.map(i128::from));
                let figures = figures.collect::<Decimal128Array>();
                Arc::new(figures.with_data_type(field.data_type().clone()))
            }
            DataType::Timestamp(..) => {
                let stamps = numbers().collect::<TimestampMicrosecondArray>();
                Arc::new(stamps.with_data_type(field.data_type().clone()))
            }
            _ => Arc::new(numbers().collect::<Int64Array>()),
        }
    }

    fn clear(&mut self) {
        self.rows.clear();
        match &mut self.known {
            Known::Texts { numbers, texts, bytes, longest } => {
                numbers.clear();
                texts.clear();
                (*bytes, *longest) = (0, 0);
            }
            Known::Numbers { numbers, values } => {
                numbers.clear();
                values.clear();
            }
        }
    }
}
