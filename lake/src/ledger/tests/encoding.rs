//! *Whole or not at all*: whatever rows a fresh file is written of, another's reader reads them from it, and its statistics
//! are true. That deltalake, DuckDB and ClickHouse read it too is tested in the hub.

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::compute::{concat_batches, max, max_string, min, min_string};
use arrow::datatypes::{DataType, Date32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::RowGroupMetaData;
use proptest::prelude::*;

use super::chance::{Chance, rounds};
use super::model::runner;
use super::*;
use crate::ledger::encode::encode;
use crate::ledger::schema::KINDS;

/// The columns that statistics are told of.
const INDEXED: [&str; 5] = ["kind", "position", "indicator", "period_start", "period_end"];

/// What a column holds.
#[derive(Clone, Copy, Debug)]
enum Content {
    Same,
    Few,
    Counting,
    Extreme,
}

/// Rows of one kind: each column's content and how many of eight of its values are null, cut out of more rows.
#[derive(Clone, Debug)]
struct Shape {
    rows: usize,
    before: usize,
    columns: Vec<(Content, usize)>,
    seed: u64,
}

fn shape() -> impl Strategy<Value = Shape> {
    let rows = prop_oneof![1 => Just(0_usize), 3 => 1_usize..10, 4 => 10_usize..300];
    let contents = [Content::Same, Content::Few, Content::Counting, Content::Extreme];
    let nulls = prop_oneof![2 => Just(0_usize), 1 => Just(8), 1 => 1_usize..8];
    let column = (prop::sample::select(contents.to_vec()), nulls);
    let columns = prop::collection::vec(column, ledger_schema().fields().len());
    (rows, 0_usize..20, columns, any::<u64>()).prop_map(|(rows, before, columns, seed)| Shape {
        rows,
        before,
        columns,
        seed,
    })
}

impl Shape {
    fn batch(&self, kind: &str) -> RecordBatch {
        let mut chance = Chance::of(self.seed);
        let rows = self.rows + self.before;
        let schema = ledger_schema();
        let columns = schema.fields().iter().zip(&self.columns).map(|(field, column)| {
            if field.name() == "kind" {
                return Arc::new(StringArray::from(vec![kind; rows])) as ArrayRef;
            }
            let (content, nulls) = *column;
            let nulls = if field.is_nullable() { nulls } else { 0 };
            let present: Vec<bool> = (0..rows).map(|_| chance.below(8) >= nulls).collect();
            values(field.data_type(), content, &present, &mut chance)
        });
        let columns = columns.collect();
        let all = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        all.slice(self.before, self.rows)
    }
}

fn values(kind: &DataType, content: Content, present: &[bool], chance: &mut Chance) -> ArrayRef {
    if kind == &DataType::Utf8 {
        let text = |row| text(content, row, chance);
        let texts = present.iter().zip((0..).map(text)).map(|(is, text)| is.then_some(text));
        return Arc::new(texts.collect::<StringArray>());
    }
    let number = |row| number(content, row, chance);
    let numbers: Vec<Option<i64>> =
        present.iter().zip((0..).map(number)).map(|(is, number)| is.then_some(number)).collect();
    match kind {
        DataType::Int64 => Arc::new(Int64Array::from(numbers)),
        DataType::Date32 => Arc::new(Date32Array::from_iter(
            numbers.into_iter().map(|number| number.map(|number| (number % 40_000) as i32)),
        )),
        DataType::Timestamp(..) => {
            Arc::new(TimestampMicrosecondArray::from(numbers).with_timezone("UTC"))
        }
        _ => {
            let limit = 1_000_000_000_000_000_000;
            let figures = numbers.into_iter().map(|n| n.map(|n| i128::from(n) % limit));
            let figures = figures.collect::<Decimal128Array>();
            Arc::new(figures.with_precision_and_scale(18, 6).unwrap())
        }
    }
}

fn text(content: Content, row: usize, chance: &mut Chance) -> String {
    match content {
        Content::Same => "Đan Phượng".to_owned(),
        Content::Few => ["", "a", "b", "Hà Nội"][row / 9 % 2 + chance.below(2)].to_owned(),
        Content::Counting => format!("{row:05}.1"),
        Content::Extreme => {
            let long = if chance.below(100) == 0 { 9_000 } else { 90 };
            "ư".repeat(chance.below(long))
        }
    }
}

fn number(content: Content, row: usize, chance: &mut Chance) -> i64 {
    match content {
        Content::Same => -7,
        Content::Few => chance.below(3) as i64 - row as i64 / 20,
        Content::Counting => row as i64,
        Content::Extreme => [i64::MIN, i64::MAX, chance.next().cast_signed()][chance.below(3)],
    }
}

/// Encodes batches, reads them with the library, and compares rows and statistics.
fn check(batches: &[RecordBatch], groups: usize) {
    let bytes = encode(batches).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    assert_eq!(builder.schema(), &ledger_schema());
    let metadata = Arc::clone(builder.metadata());
    assert_eq!(metadata.num_row_groups(), groups);
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(metadata.file_metadata().num_rows(), rows as i64);
    let whole = concat_batches(&ledger_schema(), batches).unwrap();
    let mut start = 0;
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
        let reader = builder.with_row_groups(vec![index]).with_batch_size(77).build().unwrap();
        let read: Vec<_> = reader.map(Result::unwrap).collect();
        let read = concat_batches(&ledger_schema(), &read).unwrap();
        assert_eq!(group.num_rows(), read.num_rows() as i64);
        assert_eq!(read, whole.slice(start, read.num_rows()));
        start += read.num_rows();
        check_statistics(group, &read);
    }
    assert_eq!(start, rows);
}

fn check_statistics(group: &RowGroupMetaData, rows: &RecordBatch) {
    for (column, field) in group.columns().iter().zip(rows.schema().fields()) {
        let name = field.name().as_str();
        let Some(told) = column.statistics() else {
            assert!(!INDEXED.contains(&name), "{name} has statistics");
            continue;
        };
        assert!(INDEXED.contains(&name), "{name} has no statistics");
        let values = &rows[name];
        assert_eq!(told.null_count_opt(), Some(values.null_count() as u64));
        let bounds = match values.data_type() {
            DataType::Utf8 => {
                let texts = values.as_string::<i32>();
                [min_string(texts), max_string(texts)].map(|t| t.map(|t| t.as_bytes().to_vec()))
            }
            DataType::Int64 => bytes_of(values.as_primitive::<Int64Type>(), |n| n.to_le_bytes()),
            _ => bytes_of(values.as_primitive::<Date32Type>(), |n| n.to_le_bytes()),
        };
        let read = [told.min_bytes_opt(), told.max_bytes_opt()].map(|b| b.map(<[u8]>::to_vec));
        if bounds.iter().flatten().any(|bound| bound.len() > 64) {
            assert_eq!(read, [None, None], "{name}: long texts are not told");
        } else {
            assert_eq!(read, bounds, "{name}");
        }
        if name == "kind" {
            assert_eq!(told.min_bytes_opt(), told.max_bytes_opt(), "one kind per row group");
        }
    }
}

fn bytes_of<T: ArrowPrimitiveType, const N: usize>(
    values: &PrimitiveArray<T>,
    bytes: fn(T::Native) -> [u8; N],
) -> [Option<Vec<u8>>; 2]
where
    T::Native: Ord,
{
    assert!(values.iter().flatten().min() == min(values));
    [min(values), max(values)].map(|value| value.map(|value| bytes(value).to_vec()))
}

#[test]
fn what_is_encoded_is_read_again() {
    let run = |shapes: [Shape; 3]| {
        let batches: Vec<_> =
            KINDS.iter().zip(&shapes).map(|(kind, shape)| shape.batch(kind)).collect();
        let groups = batches.iter().filter(|batch| batch.num_rows() > 0).count();
        check(&batches, groups);
        Ok(())
    };
    let shapes = [shape(), shape(), shape()];
    runner(rounds(40)).run(&shapes, run).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn many_rows_are_cut_into_row_groups() {
    let columns = ledger_schema().fields().iter().map(|_| (Content::Same, 8)).collect();
    let mut shape = Shape { rows: 131_072 * 2 + 5, before: 0, columns, seed: 1 };
    shape.columns[1] = (Content::Counting, 0);
    shape.columns[6] = (Content::Counting, 3);
    check(&[shape.batch(OBSERVATION)], 3);
}

#[test]
fn a_figure_beyond_its_type_is_an_error() {
    let columns = ledger_schema().fields().iter().map(|_| (Content::Same, 0)).collect();
    let rows = Shape { rows: 2, before: 0, columns, seed: 1 }.batch(OBSERVATION);
    let (value, _) = rows.schema().column_with_name("value").map(|(i, f)| (i, f.clone())).unwrap();
    let mut columns = rows.columns().to_vec();
    let figures = Decimal128Array::from(vec![1, i128::MAX]);
    columns[value] = Arc::new(figures.with_precision_and_scale(18, 6).unwrap());
    let rows = RecordBatch::try_new(ledger_schema(), columns).unwrap();
    let error = encode(&[rows]).unwrap_err().to_string();
    assert!(error.contains("`value`"), "{error}");
}
