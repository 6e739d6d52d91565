//! What drawing up a fresh group costs: its rows, the statistics of its file, the file, and all of it with its entry.
//!
//! `cargo bench -p dinh-lake --bench encode` (with `--profile dev` for a quick look). Of many rounds of each group the best
//! of each stage, since others use the machine too; `cold` is the first round of a group, all of it.
#![allow(clippy::print_stdout, reason = "the report is the product")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to report")]

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use dinh_lake::ledger::stages::{Stages, time};
use dinh_lake::observation::accepted_schema;
use dinh_lake::submission::{Mode, Submission};

/// Submissions of a group, and rows of each.
const GROUPS: [(usize, usize); 4] = [(1, 100), (64, 1), (10, 1_000), (30, 1_000)];
const ROWS_IN_ALL: usize = 3_000_000;

fn main() {
    println!(
        "group           rows   stats  encode     all    cold (us)  ns/row   bytes  bytes/row"
    );
    for (submissions, rows) in GROUPS {
        report(submissions, rows);
    }
}

fn report(submissions: usize, rows: usize) {
    let group: Vec<_> = (0..submissions).map(|n| submission(n, rows)).collect();
    let rounds = (ROWS_IN_ALL / submissions / rows).clamp(100, 5_000);
    let rounds: Vec<_> = (0..rounds).map(|_| time(&group).expect("the group is sound")).collect();
    let best = |stage: fn(&Stages) -> Duration| {
        rounds.iter().map(stage).min().expect("there was a round").as_secs_f64() * 1e6
    };
    let (all, count, bytes) = (best(|s| s.all), submissions * rows, rounds[0].bytes);
    println!(
        "{:12} {:7.1} {:7.1} {:7.1} {all:7.1} {:9.1} {:9.0} {bytes:9} {:8.1}",
        format!("{submissions} x {rows}"),
        best(|s| s.rows),
        best(|s| s.stats),
        best(|s| s.encode),
        rounds[0].all.as_secs_f64() * 1e6,
        all * 1e3 / count as f64,
        bytes as f64 / count as f64,
    );
}

/// A submission of scores: 600 communes in turn, of each ten indicators.
fn submission(number: usize, rows: usize) -> Submission {
    let row = |row: usize| number * rows + row;
    let text = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(|n| of(row(n)))))
    };
    let figure = |n: usize| row(n).wrapping_mul(2_654_435_761) % 10_000;
    let schema = accepted_schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "row" => Arc::new(Int64Array::from_iter_values(1..=rows as i64)) as ArrayRef,
        "indicator" => text(&|n| format!("score_{}", n % 10)),
        "unit" => text(&|n| format!("9{:04}.1", n / 10 % 600)),
        "period" => text(&|n| format!("2026-01-{:02}", n / 6_000 + 1)),
        "period_start" | "period_end" => Arc::new(Date32Array::from_iter_values(
            (0..rows).map(|n| 20_000 + row(n) as i32 / 6_000),
        )),
        "stage" => text(&|_| "self".to_owned()),
        "qualifier" => text(&|_| "exact".to_owned()),
        "status" => text(&|_| "normal".to_owned()),
        "value" => {
            let values = (0..rows).map(|n| figure(n) as i128 * 10_000);
            let values = Decimal128Array::from_iter_values(values);
            Arc::new(values.with_precision_and_scale(18, 6).expect("the scale is sound"))
        }
        _ => new_null_array(field.data_type(), rows),
    });
    let accepted = RecordBatch::try_new(Arc::clone(&schema), columns.collect());
    Submission {
        feed: "bench".to_owned(),
        id: format!("{number:032x}"),
        principal: "feed:bench".to_owned(),
        mode: Mode::Partial,
        digest: format!("{number:064x}"),
        reason: None,
        document: None,
        numbering: None,
        catalogue_version: 1,
        state_position: None,
        rows: rows as u64,
        accepted: accepted.expect("the columns are of one length"),
        verdicts: Vec::new(),
    }
}
