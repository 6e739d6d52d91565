//! What the ledger's care costs of each row that comes in: processor time of sorting and merging, how often a row is written
//! again, bytes a row on disk, and memory.
//!
//! Run it by `cargo bench -p dinh-lake --bench merging`, with `DINH_BENCH_ROWS=20000000` for other than two million rows.
//!
//! Eight senders report on communes of their own, day after day, in submissions of 1,000 rows, ten of them to a commit; one
//! row in twenty revises an earlier one. After each 50 commits the ledger is cared for until nothing is due.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are the product")]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use chrono::{NaiveDate, TimeDelta};
use dinh_lake::ledger::Snapshot;

use dinh_lake::observation::{accepted_schema, decimal_type};
use dinh_lake::submission::{Mode, Submission};
use dinh_lake::{Lake, LakeMetrics, LakeOptions, LakeUrl};
use prometheus_client::registry::Registry;
use tempfile::TempDir;

const SENDERS: u64 = 8;
const BATCH_ROWS: u64 = 1_000;
const REVISED: u64 = BATCH_ROWS / 20;
const GROUP: u64 = 10;
const GROUPS_PER_CARE: u64 = 50;
const INDICATORS: u64 = 10;
const COMMUNES: u64 = 600 / SENDERS;

fn main() {
    let setting = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, v)| v);
    let rows = setting("DINH_BENCH_ROWS").map_or(2_000_000, |rows| rows.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for (name, hot_bytes_max) in [("hot", 256 << 20), ("cold", 0)] {
        if setting("DINH_BENCH_ROWS_FROM").is_none_or(|only| only == name) {
            runtime.block_on(measure(name, rows, hot_bytes_max));
        }
    }
}

async fn measure(name: &str, rows: u64, hot_bytes_max: usize) {
    let folder = TempDir::new().unwrap();
    let mut registry = Registry::default();
    let metrics = LakeMetrics::register(&mut registry);
    let options = LakeOptions { hot_bytes_max, metrics, ..LakeOptions::default() };
    let lake = Lake::open(&LakeUrl::from(folder.path()), options).await.unwrap();
    let (mut cared, mut appended, mut sent, mut rounds) = (0, 0, 0, 0);
    while sent < rows {
        for _ in 0..GROUPS_PER_CARE.min((rows - sent).div_ceil(GROUP * BATCH_ROWS)) {
            let first = sent / BATCH_ROWS;
            let group: Vec<_> = (first..first + GROUP).map(submission).collect();
            let before = processor_us();
            lake.ledger().append(group).await.unwrap();
            appended += processor_us() - before;
            sent += GROUP * BATCH_ROWS;
        }
        let before = processor_us();
        while lake.maintain().await.unwrap().more {
            rounds += 1;
        }
        cared += processor_us() - before;
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let metric = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
    };
    let snapshot = lake.ledger().snapshot();
    println!(
        "{name:5} {sent} rows: care {} ns a row, append {} ns; each row written again {:.2} times in {rounds} rounds; \
         {}; a merge held {} MiB, the process {} MiB at most",
        cared * 1_000 / sent,
        appended * 1_000 / sent,
        metric("dinh_lake_merged_rows_total") as f64 / sent as f64,
        files(&snapshot),
        metric("dinh_lake_merge_held_bytes") >> 20,
        peak_kib() >> 10,
    );
}

fn files(snapshot: &Snapshot) -> String {
    let sorted = || snapshot.files.iter().filter(|file| file.is_sorted());
    let bytes: u64 = sorted().map(|file| file.size).sum();
    let rows: u64 = sorted().map(|file| file.stats.num_records).sum();
    let fresh = snapshot.files.len() - sorted().count();
    format!(
        "{} sorted files and {fresh} fresh ones, {:.1} bytes a sorted row",
        sorted().count(),
        bytes as f64 / rows.max(1) as f64
    )
}

/// Processor time of this process so far, in steps of ten milliseconds.
fn processor_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    ticks * 10_000
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The `number`-th submission of all; senders take turns.
fn submission(number: u64) -> Submission {
    let (sender, index) = (number % SENDERS, number / SENDERS);
    let fresh = BATCH_ROWS - REVISED;
    // The first batch is all new; each of the others revises some cells of those before.
    let revised = if index == 0 { 0 } else { REVISED };
    let known = if index == 0 { 0 } else { BATCH_ROWS + (index - 1) * fresh };
    let stride = known.checked_div(revised).unwrap_or(0);
    let old = (0..revised).map(|n| n * stride + index % stride.max(1));
    let cells: Vec<_> = old.chain(known..known + BATCH_ROWS - revised).collect();
    Submission {
        feed: "bench".to_owned(),
        id: format!("{sender}-{index}"),
        principal: "bench".to_owned(),
        mode: Mode::Partial,
        digest: format!("{number:064}"),
        reason: None,
        document: None,
        numbering: None,
        catalogue_version: 1,
        state_position: None,
        rows: BATCH_ROWS,
        accepted: accepted(sender, index, &cells),
        verdicts: Vec::new(),
    }
}

fn accepted(sender: u64, index: u64, cells: &[u64]) -> RecordBatch {
    let day = |cell: &u64| i32::try_from(10_957 + cell / INDICATORS / COMMUNES).unwrap();
    let text = |of: &dyn Fn(&u64) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(cells.iter().map(of)))
    };
    let days = || -> ArrayRef { Arc::new(Date32Array::from_iter_values(cells.iter().map(day))) };
    let label = |cell: &u64| (NaiveDate::default() + TimeDelta::days(day(cell).into())).to_string();
    let commune = |cell: &u64| sender * COMMUNES + cell / INDICATORS % COMMUNES;
    let schema = accepted_schema();
    let column = |name: &str| match name {
        "row" => Arc::new(Int64Array::from_iter_values(1..=cells.len() as i64)) as ArrayRef,
        "indicator" => text(&|cell| format!("bench_score_{}", cell % INDICATORS)),
        "unit" => text(&|cell| format!("9{:04}.1", commune(cell))),
        "period" => text(&label),
        "period_start" | "period_end" => days(),
        "stage" => text(&|_| "self".to_owned()),
        "value" => {
            let figure = |cell: &u64| scatter(*cell, index) % 10_000 * 10_000;
            let values = cells.iter().map(|cell| i128::from(figure(cell)));
            Arc::new(Decimal128Array::from_iter_values(values).with_data_type(decimal_type()))
        }
        "qualifier" => text(&|_| "exact".to_owned()),
        "status" => text(&|_| "normal".to_owned()),
        name => new_null_array(schema.field_with_name(name).unwrap().data_type(), cells.len()),
    };
    let columns = schema.fields().iter().map(|field| column(field.name())).collect();
    RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
}

/// A number that looks random and is always the same (the finaliser of splitmix64).
fn scatter(a: u64, b: u64) -> u64 {
    let x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
