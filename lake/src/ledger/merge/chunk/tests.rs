//! What is written by dictionaries is read back by Parquet's own reader, and its pages are bounded as they should be.

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::{concat_batches, max_string, min_string};
use arrow::datatypes::DataType;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use std::sync::Arc;
use tokio::runtime::Handle;

use super::super::order::Layout;
use super::super::output::Output;
use super::super::rows::{Rows, Texts};
use super::{PACK, PACKS_MAX, pack};
use crate::decimal::{PRECISION, SCALE};
use crate::ledger::schema::OBSERVATION;
use crate::ledger::tests::seeded;

/// Rows of pages and a bit, so that the last page is short.
const ROWS: usize = 20_011;

/// Rows with columns of every width: runs and none, few values and many, with nulls, without, and with nothing else.
fn rows(layout: &Layout, random: &mut impl FnMut(u64) -> u64) -> RecordBatch {
    let columns = layout.schema.fields().iter().enumerate().map(|(place, field)| {
        let values = [1, 2, 3, 50, 300, 5_000, 40_000][place % 7];
        let (mut last, runs) = (0, random(3));
        let nulls = if field.is_nullable() { [0, 3, 100, 1][random(4) as usize] } else { 0 };
        let mut number = || {
            if random(20) < [20, 3, 1][runs as usize] {
                last = random(values);
            }
            (nulls == 0 || random(nulls) > 0).then_some(last as i64)
        };
        let numbers: Vec<Option<i64>> = (0..ROWS).map(|_| number()).collect();
        match field.data_type() {
            DataType::Utf8 => {
                let text =
                    |n: &Option<i64>| n.map(|n| format!("{}{n}", "ă".repeat(n as usize % 5)));
                Arc::new(numbers.iter().map(text).collect::<StringArray>()) as ArrayRef
            }
            DataType::Date32 => {
                let days = numbers.iter().map(|n| n.map(|n| n as i32 - 100));
                Arc::new(days.collect::<Date32Array>())
            }
            DataType::Decimal128(..) => {
                let figures = numbers.iter().map(|n| n.map(|n| i128::from(n) - 150));
                let figures = figures.collect::<Decimal128Array>();
                Arc::new(figures.with_precision_and_scale(PRECISION, SCALE).unwrap())
            }
            DataType::Timestamp(..) => {
                let stamps = numbers.iter().copied().collect::<TimestampMicrosecondArray>();
                Arc::new(stamps.with_timezone("UTC"))
            }
            _ => Arc::new(numbers.iter().map(|n| n.map(|n| n - 2)).collect::<Int64Array>()),
        }
    });
    RecordBatch::try_new(Arc::clone(&layout.schema), columns.collect()).unwrap()
}

async fn written(layout: &Layout, batch: &RecordBatch) -> bytes::Bytes {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (runtime, layout, batch) = (Handle::current(), layout.clone(), batch.clone());
    let to = Arc::clone(&store);
    let write = move || {
        let mut texts = Texts::of(&layout);
        let mut rows = Rows::of(&layout);
        rows.push(&layout, &mut texts, &batch).unwrap();
        let mut output = Output::begin(&to, &runtime, &layout, 7).unwrap();
        output.write(&rows, &texts).unwrap();
        output.finish(&texts, 0).unwrap()
    };
    let file = tokio::task::spawn_blocking(write).await.unwrap();
    assert_eq!(file.stats.num_records, ROWS as u64);
    store.get(&Path::from(file.path)).await.unwrap().bytes().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_by_dictionaries_is_read_back() {
    let mut random = seeded();
    let layout = Layout::of(OBSERVATION).unwrap();
    for _ in 0..3 {
        let batch = rows(&layout, &mut random);
        let file = written(&layout, &batch).await;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
        let metadata = Arc::clone(reader.metadata());
        let read: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let read = concat_batches(&layout.schema, &read).unwrap();
        for (place, field) in layout.schema.fields().iter().enumerate() {
            assert_eq!(read.column(place), batch.column(place), "{}", field.name());
        }
        let unit = layout.place("unit").unwrap();
        let (index, offsets) = (metadata.column_index().unwrap(), metadata.offset_index().unwrap());
        let ColumnIndexMetaData::BYTE_ARRAY(index) = &index[0][unit] else { panic!("no texts") };
        let starts = offsets[0][unit].page_locations();
        assert_eq!(starts.len(), 3);
        for (page, start) in starts.iter().enumerate() {
            let start = usize::try_from(start.first_row_index).unwrap();
            let end = starts.get(page + 1).map_or(ROWS, |next| next.first_row_index as usize);
            let column = batch.column(unit).slice(start, end - start);
            let texts = column.as_string::<i32>();
            assert_eq!(index.min_value(page), min_string(texts).map(str::as_bytes));
            assert_eq!(index.max_value(page), max_string(texts).map(str::as_bytes));
        }
    }
}

/// The numbers that are packed, by the book.
fn unpacked(mut page: &[u8], width: u32, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let (mut header, mut shift) = (0, 0);
        loop {
            header |= usize::from(page[0] & 0x7f) << shift;
            shift += 7;
            let last = page[0] < 0x80;
            page = &page[1..];
            if last {
                break;
            }
        }
        if header & 1 == 0 {
            let bytes = width.div_ceil(8) as usize;
            let number = page[..bytes].iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte));
            numbers.resize(numbers.len() + (header >> 1), number);
            page = &page[bytes..];
            continue;
        }
        let packs = header >> 1;
        assert!(packs <= PACKS_MAX);
        for at in 0..packs * PACK {
            let bit = |bit: usize| u32::from(page[bit / 8] >> (bit % 8) & 1);
            let first = at * width as usize;
            numbers.push((0..width as usize).map(|n| bit(first + n) << n).sum());
        }
        page = &page[packs * width as usize..];
    }
    assert!(page.is_empty() && numbers.len() < count + PACK, "{} too many", numbers.len() - count);
    numbers.truncate(count);
    numbers
}

#[test]
fn numbers_of_any_width_and_run_are_packed() {
    let mut random = seeded();
    for width in 1..=32 {
        for count in [0, 1, 7, 8, 9, 600, 1_500] {
            let mut numbers = Vec::new();
            while numbers.len() < count {
                let number = random(1 << width) as u32;
                let run = [1, 1, 1, 7, 8, 9, 30][random(7) as usize];
                numbers.resize((numbers.len() + run).min(count), number);
            }
            let mut page = Vec::new();
            pack(&numbers, width, &mut page);
            assert_eq!(unpacked(&page, width, count), numbers, "{count} of {width} bits");
        }
    }
}
