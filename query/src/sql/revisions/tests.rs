//! Meetings of made-up streams, cut into batches of every size and into any number of ranges, against a simple model.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::common::DataFusionError;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::super::cell::{Cells, KnownTexts};
use super::fresh::Fresh;
use super::keyed::{Asked, Keyed, Reader};
use super::newest::Newest;
use super::ranges::{Range, cut};

/// A revision: indicator, day, unit, stamp, whether it is withdrawn.
type Revision = (u8, u8, u8, i64, bool);

const BYTES: usize = 1 << 20;

fn batch(rows: &[Revision]) -> RecordBatch {
    let text = |of: &dyn Fn(&Revision) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let days = || -> ArrayRef {
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| i32::from(row.1))))
    };
    let stamps = rows.iter().map(|row| row.3);
    let status = |row: &Revision| if row.4 { "withdrawn" } else { "normal" }.to_owned();
    RecordBatch::try_from_iter([
        ("indicator", text(&|row| format!("i{}", row.0))),
        ("period_end", days()),
        ("period_start", days()),
        ("unit", text(&|row| format!("u{}", row.2))),
        ("stage", text(&|_| "self".to_owned())),
        ("feed", text(&|_| "feed".to_owned())),
        ("recorded_at", Arc::new(TimestampMicrosecondArray::from_iter_values(stamps.clone())) as _),
        ("status", text(&status)),
        ("stamp", Arc::new(Int64Array::from_iter_values(stamps)) as _),
    ])
    .unwrap()
}

/// What is asked of the streams: the stamp alone.
fn asked() -> Arc<Asked> {
    let columns = Arc::new(Schema::new(vec![Field::new("stamp", DataType::Int64, false)]));
    Arc::new(Asked { columns, filter: None, until: None })
}

/// Batches in the order of cells.
fn in_order(batches: &[RecordBatch], cells: &Arc<Cells>) -> Vec<Result<Keyed, DataFusionError>> {
    let mut reader = Reader::new(asked(), Arc::clone(cells));
    let read = |batch: &RecordBatch| {
        let rows = reader.read(batch, false)?;
        reader.check_order(&rows).map(|()| rows)
    };
    batches.iter().map(read).collect()
}

/// The stamps that are left of streams.
async fn left(
    streams: Vec<BoxStream<'static, Result<Keyed, DataFusionError>>>,
    cells: &Arc<Cells>,
    bytes: usize,
) -> Result<Vec<i64>, DataFusionError> {
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(bytes));
    let reservation = MemoryConsumer::new("test").register(&pool);
    let schema = Arc::clone(&asked().columns);
    let mut newest = Newest::start(streams, schema, Arc::clone(cells), reservation);
    let mut left = Vec::new();
    while let Some(rows) = newest.next().await? {
        left.extend_from_slice(rows.column(0).as_primitive::<Int64Type>().values());
    }
    left.sort_unstable();
    Ok(left)
}

/// The stamps that are left of streams in the order of cells, each cut into batches.
async fn newest(
    streams: &[Vec<RecordBatch>],
    known: KnownTexts,
    bytes: usize,
) -> Result<Vec<i64>, DataFusionError> {
    let cells = Arc::new(Cells::new(Arc::new(known)));
    let streams = streams.iter().map(|batches| stream::iter(in_order(batches, &cells)).boxed());
    left(streams.collect(), &cells, bytes).await
}

fn model(revisions: &[Revision]) -> Vec<i64> {
    let mut cells: BTreeMap<_, (i64, bool)> = BTreeMap::new();
    for (indicator, day, unit, stamp, withdrawn) in revisions {
        let newest = cells.entry((indicator, day, unit)).or_insert((*stamp, *withdrawn));
        *newest = (*newest).max((*stamp, *withdrawn));
    }
    let mut left: Vec<_> = cells.into_values().filter(|cell| !cell.1).map(|cell| cell.0).collect();
    left.sort_unstable();
    left
}

fn known(indicators: u8) -> KnownTexts {
    let texts = |letter: &'static str, count: u8| (0..count).map(move |n| format!("{letter}{n}"));
    let (indicators, units): (Vec<_>, Vec<_>) =
        (texts("i", indicators).collect(), texts("u", 9).collect());
    KnownTexts::new(
        indicators.iter().map(String::as_str),
        units.iter().map(String::as_str),
        ["feed"],
    )
}

/// Numbers below a limit, the same at every run (a linear congruence).
fn dice() -> impl FnMut(u64) -> u64 {
    let mut state = 7_u64;
    move |limit| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    }
}

#[tokio::test]
async fn streams_that_meet_give_the_newest_of_each_cell() {
    let mut dice = dice();
    let mut small = |limit: u64| u8::try_from(dice(limit)).unwrap();
    for round in 0..400 {
        let (count, rows, spread) = (1 + small(5), small(60), 1 + u64::from(small(12)));
        let mut streams = vec![Vec::new(); usize::from(count)];
        let mut all = Vec::new();
        for stamp in 0..rows {
            let stream = usize::from(small(u64::from(count)));
            let revision =
                (small(3), small(spread), small(spread), i64::from(stamp), small(4) == 0);
            streams[stream].push(revision);
            all.push(revision);
        }
        let cut = usize::from(1 + small(9));
        let streams: Vec<_> = streams
            .into_iter()
            .map(|mut stream| {
                // As text, a tenth unit would come before the second.
                stream.sort_by_key(|row| (row.0, row.1, row.2.to_string(), row.3));
                stream.chunks(cut).map(batch).collect::<Vec<_>>()
            })
            .collect();
        // With an indicator or two unknown, the late ones are compared as texts.
        let left = newest(&streams, known(small(4)), BYTES).await.unwrap();
        assert_eq!(left, model(&all), "round {round}");
    }
}

#[tokio::test]
async fn a_stream_out_of_order_is_an_error() {
    let wrong: [&[&[Revision]]; 3] = [
        &[&[(1, 0, 0, 1, false), (0, 0, 0, 2, false)]],
        &[&[(1, 0, 0, 1, false)], &[(0, 0, 0, 2, false)]],
        &[&[(0, 0, 0, 2, false)], &[(0, 0, 0, 1, false)]],
    ];
    for batches in wrong {
        let stream = batches.iter().map(|rows| batch(rows)).collect();
        let error = newest(&[stream], known(3), BYTES).await.unwrap_err().to_string();
        assert!(error.contains("not in the order of cells"), "{error}");
    }
}

#[tokio::test]
async fn heads_take_memory_of_the_statements() {
    let rows: Vec<_> = (0..9).map(|day| (0, day, 0, i64::from(day), false)).collect();
    let streams = vec![vec![batch(&rows)]; 3];
    assert_eq!(newest(&streams, known(3), BYTES).await.unwrap().len(), 9);
    let error = newest(&streams, known(3), 64).await.unwrap_err();
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
}

/// Fresh rows of some partitions, in no order.
async fn fresh(
    partitions: &[Vec<RecordBatch>],
    cells: &Arc<Cells>,
    bytes: usize,
) -> Result<(Fresh, usize), DataFusionError> {
    let plan = MemorySourceConfig::try_new_exec(partitions, batch(&[]).schema(), None)?;
    let plan: Arc<dyn ExecutionPlan> = plan;
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(bytes, 1.0).build_arc()?;
    let context = TaskContext::default().with_runtime(runtime);
    let context = Arc::new(context.with_session_config(SessionConfig::new()));
    let metrics = ExecutionPlanMetricsSet::new();
    let fresh = Fresh::read(&plan, &context, &asked(), cells, &metrics).await?;
    Ok((fresh, metrics.clone_inner().spill_count().unwrap_or_default()))
}

#[tokio::test]
async fn fresh_rows_give_the_same_in_any_number_of_ranges_and_on_disk() {
    let mut dice = dice();
    let mut small = |limit: u64| u8::try_from(dice(limit)).unwrap();
    let mut spills = 0;
    for round in 0..100 {
        let revisions: Vec<_> = (0..60)
            .map(|stamp| (small(3), small(6), small(6), i64::from(stamp), small(4) == 0))
            .collect();
        let partitions: Vec<_> = revisions
            .chunks(usize::from(20 + small(50)))
            .map(|rows| rows.chunks(usize::from(1 + small(9))).map(batch).collect::<Vec<_>>())
            .collect();
        let cells = Arc::new(Cells::new(Arc::new(known(small(4)))));
        let bytes = if small(2) == 0 { BYTES } else { 2_000 };
        let (fresh, spilled) = fresh(&partitions, &cells, bytes).await.unwrap();
        spills += spilled;
        // Every few rows a sample, as if there were more of them.
        let batches: Vec<_> = partitions.concat();
        let mut reader = Reader::new(asked(), Arc::clone(&cells));
        let keys = batches.iter().flat_map(|batch| reader.read(batch, false).unwrap().keys);
        let samples = keys.map(|key| (key, 1_u64 << 16)).collect();
        let ranges = cut(samples, usize::from(1 + small(5)), &cells);
        let mut stamps = Vec::new();
        for range in &ranges {
            let streams = fresh.revisions(*range, &cells).unwrap();
            stamps.extend(left(streams, &cells, BYTES).await.unwrap());
        }
        stamps.sort_unstable();
        assert_eq!(stamps, model(&revisions), "round {round}, {} ranges", ranges.len());
    }
    assert!(spills > 0, "nothing went to disk");
}

#[test]
fn ranges_are_as_many_as_are_worth_it_and_of_like_size() {
    let cells = Cells::new(Arc::new(known(3)));
    let samples = |rows: u64| (0..100).map(|key| (key, rows)).collect::<Vec<_>>();
    assert_eq!(cut(samples(10), 4, &cells).len(), 1);
    assert_eq!(cut(Vec::new(), 4, &cells).len(), 1);
    assert_eq!(cut(vec![(7, 1 << 20); 9], 4, &cells).len(), 2);
    let ranges = cut(samples(8_192), 4, &cells);
    let keys: Vec<_> = (0..100).collect();
    let of = |range: &Range| range.of(&keys, |key| *key, &cells);
    let of: Vec<_> = ranges.iter().map(of).collect();
    assert_eq!(of, [0..25, 25..50, 50..75, 75..100]);
}
