//! The ledger is an open table: engines that are not ours count every acked row in it, while the hub runs.
//!
//! They come from PyPI, see [`crate::python`].

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dinh_proto::v1 as proto;
use serde::Deserialize;
use tokio::process::Command;

use crate::house::{Hub, PATIENCE, Publisher, row, submission};
use crate::python::python;

const ENGINES: [&str; 4] = ["deltalake", "duckdb", "chdb", "chdb-legacy"];
const COUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/engines/count.py");
/// More than the entries between two checkpoints.
const PUSHES: usize = 110;
/// Pushed after the merge, so that large files and small ones are counted together.
const PUSHES_AFTER: usize = 5;

/// What every engine must find in a ledger.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// The feed of all of it.
    pub(crate) feed: String,
    /// Observations and verdicts of each submission.
    pub(crate) by_submission: BTreeMap<String, (u64, u64)>,
    /// The exact sum of all values, with its six decimals.
    pub(crate) sum: String,
}

/// What `count.py` says.
#[derive(Debug, Deserialize)]
struct Counted {
    observations: u64,
    submissions: u64,
    verdicts: u64,
    sum_value: String,
    ids: Vec<CountedId>,
}

#[derive(Debug, Deserialize)]
struct CountedId {
    feed: String,
    submission: String,
    observations: u64,
    submissions: u64,
    verdicts: u64,
}

#[tokio::test]
async fn other_engines_count_every_acked_row() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token("dan-phuong", Some("273")).await;
    let publisher = hub.publisher(&token).await;
    let sum = expected_sum();
    let mut acked = Totals { feed: "dan-phuong".into(), sum, ..Totals::default() };
    push(&publisher, 0..PUSHES, &mut acked).await;
    hub.dinh(&["maintain"]).await.well();
    push(&publisher, PUSHES..PUSHES + PUSHES_AFTER, &mut acked).await;
    let ledger = folder.path().join("ledger");
    assert!(ledger.join("_delta_log/_last_checkpoint").exists(), "there is a checkpoint");
    let names = fs::read_dir(&ledger)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.starts_with("observation-")), "files were merged");
    agree(&ledger, &acked).await;
    hub.dinh(&["check"]).await.well();
}

/// Pushes submissions one after the other, so that each is an entry of its own; every third has a row that is refused.
async fn push(publisher: &Publisher, numbers: std::ops::Range<usize>, acked: &mut Totals) {
    for n in numbers {
        let mut rows = vec![area("09829", n), area("09826", n)];
        if n.is_multiple_of(3) {
            rows.push(area("99999", n));
        }
        let answer =
            publisher.push(submission("dan-phuong", &format!("nộp {n:03}"), rows)).await.unwrap();
        let report = answer.report.unwrap();
        assert_eq!((report.accepted, report.verdicts_total), (2, u64::from(n.is_multiple_of(3))));
        let counts = (report.accepted, report.verdicts_total);
        acked.by_submission.insert(answer.submission, counts);
    }
}

/// A figure with as many digits as there may be.
fn area(unit: &str, n: usize) -> proto::Row {
    row("area_km2", unit, "2024-06-30", &format!("2.{n:06}"))
}

fn expected_sum() -> String {
    let millionths: usize = (0..PUSHES + PUSHES_AFTER).map(|n| 2 * (2_000_000 + n)).sum();
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

/// Has every engine count a ledger, and holds what it finds against what must be there.
pub(crate) async fn agree(ledger: &Path, totals: &Totals) {
    let python = python(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/engines/requirements.txt"));
    let python = python.await;
    for engine in ENGINES {
        let counted = count(&python, engine, ledger).await;
        assert_eq!(counted.sum_value, totals.sum, "{engine}");
        let (observations, verdicts) = totals
            .by_submission
            .values()
            .fold((0, 0), |(rows, verdicts), one| (rows + one.0, verdicts + one.1));
        assert_eq!((counted.observations, counted.verdicts), (observations, verdicts), "{engine}");
        assert_eq!(counted.submissions, totals.by_submission.len() as u64, "{engine}");
        assert_eq!(counted.ids.len(), totals.by_submission.len(), "{engine}");
        for one in counted.ids {
            let expected = totals.by_submission.get(&one.submission);
            let found = (one.feed.as_str(), one.submissions, (one.observations, one.verdicts));
            let expected = expected.map(|counts| (totals.feed.as_str(), 1, *counts));
            assert_eq!(Some(found), expected, "{engine}: {}", one.submission);
        }
    }
}

async fn count(python: &Path, engine: &str, ledger: &Path) -> Counted {
    let mut command = Command::new(python);
    command.arg(COUNT).arg(engine).arg(ledger).arg("--submissions").kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{engine} does not end")).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{engine} does not count: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}
