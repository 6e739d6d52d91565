//! Merges: no row changes, the order holds, files stay few and memory fixed.

use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use chrono::DateTime;
use url::Url;

use super::*;
use crate::clock::Clock;
use crate::ledger::read;
use crate::ledger::schema::{OBSERVATION, VERDICT};
use crate::ledger::tests::{count, memory, open, recorded, seeded, submission};
use crate::metrics::LakeMetrics;
use crate::store::Place;
use crate::submission::{Severity, Submission, Verdict};

async fn care(ledger: &Ledger) {
    while ledger.maintain().await.unwrap().more {}
}

/// Every row of a kind as text, in no order; a column that the kind does not use is not in it, and has no value anywhere.
async fn texts(ledger: &Ledger, kind: &'static str) -> Vec<String> {
    let mut texts = Vec::new();
    let layout = Layout::of(kind).unwrap();
    for file in &ledger.snapshot().files {
        for batch in read::rows(&ledger.object_store(), file, kind, &[]).await.unwrap() {
            let (mut used, schema) = (Vec::new(), batch.schema());
            for (place, field) in schema.fields().iter().enumerate() {
                match layout.place(field.name()) {
                    Some(_) => used.push(place),
                    None => assert_eq!(batch.column(place).null_count(), batch.num_rows()),
                }
            }
            let batch = batch.project(&used).unwrap();
            texts.extend((0..batch.num_rows()).map(|row| format!("{:?}", batch.slice(row, 1))));
        }
    }
    texts.sort_unstable();
    texts
}

fn shuffled(submission: &mut Submission, random: &mut impl FnMut(u64) -> u64) {
    let column = |name: &str, texts: StringArray, batch: &RecordBatch| {
        let mut columns = batch.columns().to_vec();
        columns[batch.schema().index_of(name).unwrap()] = Arc::new(texts);
        RecordBatch::try_new(batch.schema(), columns).unwrap()
    };
    let rows = submission.accepted.num_rows();
    let mut units: Vec<String> = (0..rows).map(|unit| format!("{unit:05}.1")).collect();
    for row in 1..rows {
        units.swap(row, usize::try_from(random(row as u64 + 1)).unwrap());
    }
    let indicators = (0..rows).map(|_| format!("indicator {}", random(3)));
    let batch = column("unit", StringArray::from_iter_values(units), &submission.accepted);
    submission.accepted = column("indicator", StringArray::from_iter_values(indicators), &batch);
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_keeps_every_row_and_puts_each_kind_in_its_order() {
    let mut random = seeded();
    let ledger = open(&memory()).await;
    for n in 0..600 {
        let mut sent = submission(["a", "b"][n % 2], &format!("{:x}-{n}", random(1 << 32)), 5);
        shuffled(&mut sent, &mut random);
        recorded(ledger.append(vec![sent]).await.unwrap());
        // One file after another is sorted, so that there are enough to be merged.
        if n % 32 == 31 && n > 100 {
            ledger.maintain().await.unwrap();
        }
    }
    let mut before = Vec::new();
    for kind in KINDS {
        before.push(texts(&ledger, kind).await);
    }
    care(&ledger).await;
    for (kind, before) in KINDS.into_iter().zip(before) {
        assert_eq!(texts(&ledger, kind).await, before, "{kind}");
    }
    for file in ledger.snapshot().files.iter().filter(|file| file.is_sorted()) {
        assert!(ledger.is_in_order(file).await.unwrap(), "{}", file.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_files_are_live_however_many_are_written() {
    let ledger = open(&memory()).await;
    let most = FRESH_FILES + KINDS.len() * TIERS.len() * FAN_IN;
    for n in 0..800 {
        recorded(ledger.append(vec![submission("a", &n.to_string(), 1)]).await.unwrap());
        if n % 8 == 0 {
            care(&ledger).await;
            let live = ledger.snapshot().files.len();
            assert!(live < most, "{live} files are live after {n} commits");
        }
    }
    let observed = KINDS.len() * 2 * FAN_IN;
    assert!(ledger.snapshot().files.len() < FRESH_FILES + observed);
    assert_eq!(count(&ledger, OBSERVATION).await, 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_merge_is_cut_into_files_of_one_size_that_do_not_overlap() {
    let ledger = open(&memory()).await;
    for n in 0..4 {
        recorded(ledger.append(vec![submission("a", &n.to_string(), 25)]).await.unwrap());
        let fresh = ledger.snapshot().files.iter().filter(|f| !f.is_sorted()).cloned().collect();
        sort_now(&ledger, fresh).await;
    }
    let inputs: Vec<_> = sorted(&ledger, OBSERVATION);
    let (store, runtime) = (ledger.object_store(), Handle::current());
    let merged = tokio::task::spawn_blocking(move || {
        let mut streams = Streams::begin(&store, &runtime, OBSERVATION, &inputs, 40, 0).unwrap();
        streams.step().unwrap().expect("a hundred rows are one step")
    });
    let outputs = merged.await.unwrap();
    let rows: Vec<u64> = outputs.iter().map(|file| file.stats.num_records).collect();
    assert_eq!(rows, [34, 34, 32]);
    let mut units = Vec::new();
    for file in &outputs {
        for batch in read::rows(&ledger.object_store(), file, OBSERVATION, &["unit"]).await.unwrap()
        {
            units.extend(batch["unit"].as_string::<i32>().iter().flatten().map(str::to_owned));
        }
    }
    assert!(units.is_sorted() && units.len() == 100, "{units:?}");
}

async fn sort_now(ledger: &Ledger, inputs: Vec<Arc<DataFile>>) {
    let outputs = ledger.sort(inputs.clone()).await.unwrap();
    ledger.replace(&inputs, outputs, &mut Maintained::default()).await.unwrap();
}

fn sorted(ledger: &Ledger, kind: &str) -> Vec<Arc<DataFile>> {
    let snapshot = ledger.snapshot();
    let ours = snapshot.files.iter().filter(|file| file.is_sorted() && file.stats.may_hold(kind));
    ours.cloned().collect()
}

/// 64 MiB of verdicts that do not compress, in sixteen files, pass through a merge that holds far less.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_holds_less_than_it_merges() {
    const FILES: u64 = 16;
    const ROWS: u64 = 250;
    const ROW_BYTES: usize = 16 << 10;
    let mut random = seeded();
    let ledger = open(&memory()).await;
    for n in 0..FILES {
        let verdict = |row: u64| Verdict {
            row,
            severity: Severity::Refused,
            field: "value".into(),
            rule: "value.wrong".into(),
            message_vi: "sai".into(),
            message_en: "wrong".into(),
            suggestions: Vec::new(),
            content: (0..ROW_BYTES / 16).map(|_| format!("{:016x}", random(u64::MAX))).collect(),
        };
        let mut sent = submission("a", &n.to_string(), 1);
        sent.verdicts = (0..ROWS).map(verdict).collect();
        recorded(ledger.append(vec![sent]).await.unwrap());
        let fresh = ledger.snapshot().files.iter().filter(|f| !f.is_sorted()).cloned().collect();
        sort_now(&ledger, fresh).await;
    }
    let merge = ledger.begin(VERDICT, sorted(&ledger, VERDICT)).await.unwrap();
    let (streams, outputs) = tokio::task::spawn_blocking(move || {
        let mut streams = merge.streams;
        let outputs = streams.step().unwrap().expect("so few rows are one step");
        (streams, outputs)
    })
    .await
    .unwrap();
    assert!(streams.held() < 60 << 20, "{} MiB", streams.held() >> 20);
    let rows: u64 = outputs.iter().map(|file| file.stats.num_records).sum();
    assert_eq!(rows, ROWS * FILES);
    let first = read::rows(&ledger.object_store(), &outputs[0], VERDICT, &["row"]).await.unwrap();
    assert_eq!(first[0]["row"].as_primitive::<Int64Type>().value(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_wait_for_a_merge_while_too_many_fresh_files_do() {
    let ledger = open(&memory()).await;
    let paced = || ledger.metrics.paced.get();
    let fresh = || ledger.snapshot().fresh_files();
    let push = async |n: usize| {
        recorded(ledger.append(vec![submission("a", &n.to_string(), 1)]).await.unwrap());
    };
    for n in 0..=PACE_FILES {
        push(n).await;
    }
    assert_eq!((fresh(), paced()), (PACE_FILES + 1, 0));
    push(PACE_FILES + 1).await;
    assert_eq!(paced(), 1, "beyond so many an append is held back");
    let hour = Duration::from_secs(3_600);
    let mut held = std::pin::pin!(ledger.merged_below(fresh(), hour));
    assert!(futures::poll!(&mut held).is_pending());
    push(PACE_FILES + 2).await;
    assert!(futures::poll!(&mut held).is_pending(), "only a merge ends the wait");
    care(&ledger).await;
    held.await;
    assert!(fresh() < FRESH_FILES);
    let before = paced();
    push(PACE_FILES + 3).await;
    assert_eq!(paced(), before, "no append waits where few files do");
}

#[tokio::test(flavor = "multi_thread")]
async fn sorted_files_wait_while_rows_pour_in() {
    let now_ms = Arc::new(AtomicI64::new(1_700_000_000_000));
    let shown = Arc::clone(&now_ms);
    let clock = Clock::from_fn(move || {
        DateTime::from_timestamp_millis(shown.load(Ordering::Relaxed)).expect("a time of ours")
    });
    let place = Place::at(memory(), Url::parse("memory:///ledger/").unwrap());
    let ledger = Ledger::open(place, clock, 0, LakeMetrics::default()).await.unwrap();
    let push = async |id: String, rows: i64| {
        recorded(ledger.append(vec![submission("a", &id, rows)]).await.unwrap());
    };
    let small = async |from: usize, files: usize| {
        for n in from..from + files {
            push(n.to_string(), 1).await;
            let all = ledger.snapshot().files.clone();
            sort_now(&ledger, all.into_iter().filter(|file| !file.is_sorted()).collect()).await;
        }
    };
    small(0, FAN_IN).await;
    let many = i64::try_from(FEW_ROWS).unwrap();
    push("many".into(), many).await;
    let done = ledger.maintain().await.unwrap();
    assert!(done.held && done.merged_files == 0, "{done:?}");
    now_ms.fetch_add(BUSY_MS, Ordering::Relaxed);
    let done = ledger.maintain().await.unwrap();
    assert!(!done.held && done.merged_files == FAN_IN, "{done:?}");
    care(&ledger).await;

    small(100, FAN_IN_BUSY).await;
    push("many more".into(), many).await;
    let mut merges = 0;
    while !ledger.maintain().await.unwrap().held {
        merges += 1;
        assert!(merges <= FAN_IN, "merged to the end while rows pour in");
    }
    assert!(merges > 0, "so many files are merged all the same");
}
