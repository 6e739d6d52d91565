//! Made-up sorted files of small pages, read in any number of ranges and through filters, against the rows themselves.

use std::ops::Not;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::prelude::{Expr, SessionContext, ident, lit};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::super::super::cell::KnownTexts;
use super::super::ranges::cut;
use super::super::{filter, pruning};
use super::*;

/// Indicator, last day, unit, stage, stamp.
type Revision = (u8, i32, u8, &'static str, i64);

fn batch(rows: &[Revision]) -> RecordBatch {
    let text = |of: &dyn Fn(&Revision) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let days = |of: &dyn Fn(&Revision) -> i32| -> ArrayRef {
        Arc::new(Date32Array::from_iter_values(rows.iter().map(of)))
    };
    let stamps = || rows.iter().map(|row| row.4);
    RecordBatch::try_from_iter([
        ("stamp", Arc::new(Int64Array::from_iter_values(stamps())) as ArrayRef),
        ("indicator", text(&|row| format!("i{}", row.0))),
        ("unit", text(&|row| format!("u{}", row.2))),
        ("period_start", days(&|row| row.1 - 9)),
        ("period_end", days(&|row| row.1)),
        ("stage", text(&|row| row.3.to_owned())),
        ("feed", text(&|_| "feed".to_owned())),
        ("recorded_at", Arc::new(TimestampMicrosecondArray::from_iter_values(stamps()))),
        ("status", text(&|_| "normal".to_owned())),
    ])
    .unwrap()
}

/// A file of small pages, with or without their bounds.
fn parquet(rows: &[Revision], statistics: EnabledStatistics) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(64))
        .set_data_page_row_count_limit(8)
        .set_write_batch_size(8)
        .set_statistics_enabled(statistics)
        .build();
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batch(&[]).schema(), Some(properties)).unwrap();
    writer.write(&batch(rows)).unwrap();
    writer.close().unwrap();
    file
}

async fn files(
    store: &Arc<dyn ObjectStore>,
    histories: &[Vec<Revision>],
    asked_for: Option<&Expr>,
) -> Arc<SortedFiles> {
    let kinds = [EnabledStatistics::Page, EnabledStatistics::Chunk, EnabledStatistics::None];
    let mut files = Vec::new();
    for (index, rows) in histories.iter().enumerate() {
        let path = object_store::path::Path::from(format!("{index}.parquet"));
        let bytes = parquet(rows, kinds[index % kinds.len()]);
        store.put(&path, bytes.into()).await.unwrap();
        files.push(PartitionedFile::from(store.head(&path).await.unwrap()));
    }
    let session = SessionContext::new().state();
    let columns = Arc::new(Schema::new(vec![Field::new("stamp", DataType::Int64, false)]));
    let filter = asked_for.map(|expr| filter(&session, expr).unwrap());
    let pruning = asked_for.map(|expr| pruning(&session, expr).unwrap());
    let readers = Arc::new(DefaultParquetFileReaderFactory::new(Arc::clone(store)));
    Arc::new(SortedFiles {
        files,
        readers,
        pruning,
        asked: Arc::new(Asked { columns, filter, until: None }),
    })
}

/// The stamps of all rows, in some ranges, and how many ranges and pages these were.
async fn stamps(files: &Arc<SortedFiles>, known: KnownTexts, parts: usize) -> (Vec<i64>, usize) {
    let (cells, metrics) = (Arc::new(Cells::new(Arc::new(known))), ExecutionPlanMetricsSet::new());
    let opened = files.open(&cells, &metrics).await.unwrap();
    let pages = || opened.iter().flat_map(|file| &file.pages);
    // As if there were more of them.
    let samples = pages().filter_map(|page| Some((page.low?, 1_u64 << 16)));
    let ranges = cut(samples.collect(), parts, &cells);
    let mut stamps = Vec::new();
    for range in ranges {
        for file in &opened {
            let Some(mut rows) = file.revisions(range, &cells, &metrics).unwrap() else { continue };
            while let Some(rows) = rows.next().await.transpose().unwrap() {
                assert_eq!(rows.keys.len(), rows.columns[0].len());
                stamps.extend_from_slice(&rows.stamps);
            }
        }
    }
    stamps.sort_unstable();
    (stamps, pages().count())
}

/// A filter, and what it means.
type Meant = (Option<Expr>, fn(&Revision) -> bool);

fn filters() -> Vec<Meant> {
    let day = |day: i32| lit(ScalarValue::Date32(Some(day)));
    let late = || ident("period_end").gt_eq(day(6));
    let text = |text: Option<&str>| lit(ScalarValue::from(text));
    vec![
        (None, |_| true),
        (Some(ident("indicator").eq(lit("i1"))), |row| row.0 == 1),
        (Some(late()), |row| row.1 >= 6),
        (Some(late().and(ident("feed").eq(lit("feed")))), |row| row.1 >= 6),
        (Some(ident("feed").in_list(vec![lit("feed"), lit("other")], false)), |_| true),
        (Some(ident("feed").eq(lit("other"))), |_| false),
        (Some(ident("unit").in_list(vec![lit("u2"), lit("u4")], false).or(late())), |row| {
            [2, 4].contains(&row.2) || row.1 >= 6
        }),
        (Some(ident("indicator").in_list(vec![lit("i1"), text(None)], false)), |row| row.0 == 1),
        (Some(ident("indicator").eq(text(None)).not()), |_| false),
        (Some(ident("stage").not_eq(lit("self"))), |row| row.3 != "self"),
    ]
}

#[tokio::test]
async fn ranges_and_filters_give_the_rows_that_they_are_meant_to() {
    let mut state = 11_u64;
    let mut dice = |limit: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    for round in 0..8 {
        let mut small = |limit| u8::try_from(dice(limit)).unwrap();
        let mut histories = vec![Vec::new(); usize::from(1 + small(4))];
        for stamp in 0..600 {
            let stage = if small(9) == 0 { "final" } else { "self" };
            let row = (small(3), i32::from(small(12)), small(6), stage, stamp);
            let history = usize::from(small(histories.len() as u64));
            histories[history].push(row);
        }
        histories.iter_mut().for_each(|rows| rows.sort_unstable());
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let known = usize::from(small(4));
        let texts = |letter: char, count: usize| (0..count).map(move |n| format!("{letter}{n}"));
        for (filter, holds) in filters() {
            let files = files(&store, &histories, filter.as_ref()).await;
            let (indicators, units): (Vec<_>, Vec<_>) =
                (texts('i', known).collect(), texts('u', 9).collect());
            let indicators = indicators.iter().map(String::as_str);
            let known = KnownTexts::new(indicators, units.iter().map(String::as_str), ["feed"]);
            let parts = usize::from(1 + small(5));
            let (stamps, _) = stamps(&files, known, parts).await;
            let mut meant: Vec<_> =
                histories.iter().flatten().filter(|row| holds(row)).map(|row| row.4).collect();
            meant.sort_unstable();
            assert_eq!(stamps, meant, "round {round}, {parts} parts, {filter:?}");
        }
    }
}

#[tokio::test]
async fn pages_that_a_filter_rules_out_are_not_read() {
    let rows: Vec<_> =
        (0..3).flat_map(|i| (0..64).map(move |day| (i, day, 0, "self", 0))).collect();
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let known = || KnownTexts::new(["i0", "i1", "i2"], ["u0"], ["feed"]);
    let one = ident("indicator").eq(lit("i1"));
    let day = one.clone().and(ident("period_end").eq(lit(ScalarValue::Date32(Some(9)))));
    for (filter, rows_left, pages_left) in [(None, 192, 24), (Some(one), 64, 8), (Some(day), 1, 1)]
    {
        let files = files(&store, std::slice::from_ref(&rows), filter.as_ref()).await;
        let (stamps, pages) = stamps(&files, known(), 1).await;
        assert_eq!((stamps.len(), pages), (rows_left, pages_left), "{filter:?}");
    }
}
