//! The ledger is an open table: engines that are not ours count every acked row in it, while the hub runs.
//!
//! They come from PyPI into a virtual environment in the target folder, made once for each version of
//! `deploy/engines/requirements.txt`. It takes python3 with its `venv` module, and the network the first time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use dinh_proto::v1 as proto;
use sha2::{Digest as _, Sha256};

use crate::document::Document;
use crate::house::{Hub, Publisher, row, submission};

const ENGINES: [&str; 4] = ["deltalake", "duckdb", "chdb", "chdb-legacy"];
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/engines");
/// More than the entries between two checkpoints.
const PUSHES: usize = 110;
/// Pushed after the merge, so that large files and small ones are counted together.
const PUSHES_AFTER: usize = 5;

/// Rows of each kind that one submission left in the ledger.
type Counts = BTreeMap<String, (u64, u64)>;

#[tokio::test]
async fn other_engines_count_every_acked_row() {
    let python = tokio::task::spawn_blocking(python);
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token("dan-phuong", Some("273")).await;
    let publisher = hub.publisher(&token).await;
    let mut acked = Counts::new();
    push(&publisher, 0..PUSHES, &mut acked).await;
    hub.dinh(&["maintain"]).await.well();
    push(&publisher, PUSHES..PUSHES + PUSHES_AFTER, &mut acked).await;
    let ledger = folder.path().join("ledger");
    assert!(ledger.join("_delta_log/_last_checkpoint").exists(), "there is a checkpoint");
    let names = fs::read_dir(&ledger)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.starts_with("observation-")), "files were merged");

    let python = python.await.unwrap();
    for engine in ENGINES {
        let counted = count(&python, engine, &ledger);
        assert_eq!(by_submission(&counted), acked, "{engine}");
        assert_eq!(counted.at("sum_value"), expected_sum(), "{engine}");
        let [observations, verdicts] =
            ["observations", "verdicts"].map(|kind| counted.at(kind).parse::<u64>().unwrap());
        let sums =
            acked.values().fold((0, 0), |(rows, verdicts), one| (rows + one.0, verdicts + one.1));
        assert_eq!((observations, verdicts), sums, "{engine}");
    }
    hub.dinh(&["check"]).await.well();
}

/// Pushes submissions one after the other, so that each is an entry of its own; every third has a row that is refused.
async fn push(publisher: &Publisher, numbers: std::ops::Range<usize>, acked: &mut Counts) {
    for n in numbers {
        let mut rows = vec![area("09829", n), area("09826", n)];
        if n.is_multiple_of(3) {
            rows.push(area("99999", n));
        }
        let answer =
            publisher.push(submission("dan-phuong", &format!("nộp {n:03}"), rows)).await.unwrap();
        let report = answer.report.unwrap();
        assert_eq!((report.accepted, report.verdicts_total), (2, u64::from(n.is_multiple_of(3))));
        acked.insert(answer.submission, (report.accepted, report.verdicts_total));
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

fn count(python: &Path, engine: &str, ledger: &Path) -> Document {
    let mut command = Command::new(python);
    command.arg(Path::new(FOLDER).join("count.py")).arg(engine).arg(ledger).arg("--submissions");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{engine} does not count: {said}");
    Document::new(String::from_utf8(output.stdout).unwrap().trim())
}

fn by_submission(counted: &Document) -> Counts {
    let one = |index: usize| {
        let of = |member: &str| counted.at(&format!("ids/{index}/{member}"));
        assert_eq!((of("feed").as_str(), of("submissions").as_str()), ("dan-phuong", "1"));
        (of("submission"), (of("observations").parse().unwrap(), of("verdicts").parse().unwrap()))
    };
    (0..counted.len("ids")).map(one).collect()
}

/// The Python that has the engines; made when it is not there, and again when its making was broken off.
fn python() -> PathBuf {
    let requirements = fs::read(Path::new(FOLDER).join("requirements.txt")).unwrap();
    let digest: String =
        Sha256::digest(&requirements).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder holds it");
    let (folder, lock) =
        (target.join(format!("engines-{digest}")), target.join(format!("engines-{digest}.lock")));
    let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
    // Another run of the tests may be making the same.
    let lock = File::create(lock).unwrap();
    lock.lock().unwrap();
    if !complete.exists() {
        let _ = fs::remove_dir_all(&folder);
        let needed = "the engines that read the ledger need python3 with its venv module (on Debian: python3-venv)";
        done(Command::new("python3").args(["-m", "venv"]).arg(&folder), needed);
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        install.arg(Path::new(FOLDER).join("requirements.txt"));
        done(
            &mut install,
            "the engines of deploy/engines/requirements.txt are installed from PyPI",
        );
        File::create(complete).unwrap();
    }
    python
}

fn done(command: &mut Command, why: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{why}: {error}"));
    assert!(output.status.success(), "{why}: {}", String::from_utf8_lossy(&output.stderr));
}
