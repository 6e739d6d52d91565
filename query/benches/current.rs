//! How long `count(*)` of `current` takes beside a plain count of the same rows and beside the question as SQL without the
//! ledger's order: a window over all revisions.
//!
//! Run it by `cargo bench -p dinh-query --bench current`, with `DINH_BENCH_ROWS=20000000` for other than four million rows,
//! `DINH_BENCH_LAKE=DIR` to fill a folder once and read it every time after, and `DINH_BENCH_WINDOW=1` for the window too,
//! which needs memory for all rows.
//!
//! Eight senders report on units of their own, day after day, in batches of 1,000 rows; one row in twenty revises an earlier
//! one. What the ledger's care has left to merge stays unmerged, as beside a running hub.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are the product")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    new_null_array,
};
use arrow::datatypes::Int64Type;
use chrono::{NaiveDate, TimeDelta};
use dinh_lake::catalogue::files::{SourceFile, read};
use dinh_lake::observation::{accepted_schema, decimal_type};
use dinh_lake::submission::{Mode, Submission};
use dinh_lake::{Lake, LakeOptions, LakeUrl};
use dinh_query::{Access, Engine, SqlLimits};
use tempfile::TempDir;

const FEED: &str = "demo-synthetic";
const SENDERS: usize = 8;
const BATCH_ROWS: usize = 1_000;
const REVISED: usize = BATCH_ROWS / 20;
const INDICATORS: usize = 10;
const ROUNDS: usize = 3;

fn main() {
    let setting = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, v)| v);
    let rows = setting("DINH_BENCH_ROWS").map_or(4_000_000, |rows| rows.parse().unwrap());
    let has_window = setting("DINH_BENCH_WINDOW").is_some_and(|window| window != "0");
    let kept = setting("DINH_BENCH_LAKE").map(PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(rows, kept, has_window));
}

async fn measure(rows: usize, kept: Option<PathBuf>, has_window: bool) {
    let folder = TempDir::new().unwrap();
    let town = Town::open(kept.as_deref().unwrap_or(folder.path())).await;
    let (rows, cells) = town.fill(rows).await;
    let files = town.lake.ledger().snapshot().files.clone();
    let sorted = files.iter().filter(|file| file.is_sorted());
    let (sorted_files, sorted_rows) =
        sorted.fold((0, 0), |(files, rows), file| (files + 1, rows + file.stats.num_records));
    println!("{rows} rows of {cells} cells, {} files", files.len());
    println!("{sorted_rows} rows, with those of other kinds, in {sorted_files} sorted files");

    let plain = format!("SELECT count(*) FROM observations WHERE feed = '{FEED}'");
    let current = format!("SELECT count(*) FROM current WHERE feed = '{FEED}'");
    let values = format!("SELECT sum(value) FROM observations WHERE feed = '{FEED}'");
    let current_values = format!("SELECT sum(value) FROM current WHERE feed = '{FEED}'");
    let window = format!(
        "SELECT count(*) FROM (SELECT status, row_number() OVER (PARTITION BY indicator, unit, period_start, period_end, \
         stage, feed ORDER BY recorded_at DESC) AS age FROM observations WHERE feed = '{FEED}') \
         WHERE age = 1 AND status <> 'withdrawn'"
    );
    town.time("count(*) of observations", &plain, rows, Some(rows)).await;
    town.time("count(*) of current", &current, rows, Some(cells)).await;
    town.time("sum(value) of observations", &values, rows, None).await;
    town.time("sum(value) of current", &current_values, rows, None).await;
    if has_window {
        town.time("count(*) of a window", &window, rows, Some(cells)).await;
    }
}

struct Town {
    lake: Arc<Lake>,
    engine: Arc<Engine>,
    units: Vec<String>,
    indicators: Vec<String>,
}

impl Town {
    async fn open(folder: &Path) -> Self {
        let lake = Lake::open(&LakeUrl::from(folder), LakeOptions::default()).await.unwrap();
        let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/hanoi");
        let file = |name: &str| SourceFile {
            name: name.to_owned(),
            text: std::fs::read_to_string(deployed.join(name)).unwrap(),
        };
        let files = ["units.csv", "succession.csv", "indicators.csv", "feeds.csv"].map(file);
        lake.apply(read(&files).unwrap()).await.unwrap();
        let catalogue = lake.catalogue();
        let mut units: Vec<String> =
            catalogue.units.versions().iter().map(|version| version.unit.0.clone()).collect();
        units.dedup();
        units.truncate(600);
        let indicators = catalogue.indicators.keys().take(INDICATORS).cloned().collect();
        let limits = SqlLimits {
            time_max: Duration::from_secs(3_600),
            memory_bytes_max: 8 << 30,
            ..SqlLimits::default()
        };
        let engine = Arc::new(Engine::new(Arc::clone(&lake), limits).unwrap());
        Self { lake, engine, units, indicators }
    }

    /// Sends rows, merging meanwhile, unless the lake has some; gives how many rows and cells there are.
    async fn fill(&self, rows: usize) -> (usize, usize) {
        let files = &self.lake.ledger().snapshot().files;
        let sent: u64 = files.iter().map(|file| file.stats.num_records).sum();
        // Each submission is a row too.
        let sent = usize::try_from(sent).unwrap() / (BATCH_ROWS + 1) / SENDERS;
        let groups = if sent > 0 { sent } else { rows / BATCH_ROWS / SENDERS };
        for group in sent..groups {
            let batches = (0..SENDERS).map(|sender| self.submission(sender, group)).collect();
            self.lake.ledger().append(batches).await.unwrap();
            self.lake.ledger().maintain().await.unwrap();
        }
        let first = groups.min(1) * SENDERS * BATCH_ROWS;
        let cells = first + groups.saturating_sub(1) * SENDERS * (BATCH_ROWS - REVISED);
        (groups * SENDERS * BATCH_ROWS, cells)
    }

    fn submission(&self, sender: usize, index: usize) -> Submission {
        // The first batch is all new; each of the others revises some cells of those before.
        let revised = if index == 0 { 0 } else { REVISED };
        let known = index * (BATCH_ROWS - REVISED) + if index == 0 { 0 } else { REVISED };
        let stride = known.checked_div(revised).unwrap_or(0);
        let old = (0..revised).map(|n| n * stride + index % stride.max(1));
        let cells: Vec<_> = old.chain(known..known + BATCH_ROWS - revised).collect();
        Submission {
            feed: FEED.to_owned(),
            id: format!("{sender}/{index}"),
            principal: "bench".to_owned(),
            mode: Mode::Partial,
            digest: String::new(),
            reason: None,
            document: None,
            numbering: None,
            catalogue_version: 1,
            state_position: None,
            rows: BATCH_ROWS as u64,
            accepted: self.rows(sender, index, &cells),
            verdicts: Vec::new(),
        }
    }

    fn rows(&self, sender: usize, index: usize, cells: &[usize]) -> RecordBatch {
        let own = self.units.len() / SENDERS;
        let unit = |cell: &usize| self.units[sender * own + cell / INDICATORS % own].as_str();
        let day = |cell: &usize| i32::try_from(cell / INDICATORS / own).unwrap();
        let text = |of: &dyn Fn(&usize) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(cells.iter().map(of)))
        };
        let days =
            || -> ArrayRef { Arc::new(Date32Array::from_iter_values(cells.iter().map(day))) };
        let label =
            |cell: &usize| (NaiveDate::default() + TimeDelta::days(day(cell).into())).to_string();
        let schema = accepted_schema();
        let column = |name: &str| match name {
            "row" => Arc::new(Int64Array::from_iter_values(1..=cells.len() as i64)) as ArrayRef,
            "indicator" => text(&|cell| self.indicators[cell % INDICATORS].clone()),
            "unit" => text(&|cell| unit(cell).to_owned()),
            "period" => text(&label),
            "period_start" | "period_end" => days(),
            "stage" => text(&|_| "self".to_owned()),
            "value" => {
                let values =
                    cells.iter().map(|cell| ((cell * 31 + index) % 10_000) as i128 * 10_000);
                let values = Decimal128Array::from_iter_values(values);
                Arc::new(values.with_data_type(decimal_type()))
            }
            "qualifier" => text(&|_| "exact".to_owned()),
            "status" => text(&|_| "normal".to_owned()),
            name => new_null_array(schema.field_with_name(name).unwrap().data_type(), cells.len()),
        };
        let columns = schema.fields().iter().map(|field| column(field.name())).collect();
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    }

    /// Runs a statement a few times and tells the best of them.
    async fn time(&self, name: &str, sql: &str, rows: usize, expected: Option<usize>) {
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let result = self.engine.run(sql, &Access::everything()).await.unwrap();
            let batches = result.collect().await.unwrap();
            best = best.min(began.elapsed());
            if let Some(expected) = expected {
                let count = batches[0].column(0).as_primitive::<Int64Type>().value(0);
                assert_eq!(usize::try_from(count), Ok(expected), "{sql}");
            }
        }
        let per_row = best.as_nanos() / rows as u128;
        println!("{name:<28}{:>8.0} ms  {per_row:>6} ns a row", best.as_secs_f64() * 1_000.0);
    }
}
