//! The ledger's invariants, each by name, over stores in memory and on disk.
//!
//! A test that cannot fail is a defect, so bugs were planted by hand, one after another, and found by these tests:
//!
//! | planted | found by |
//! |---|---|
//! | a data file is not synced | `power` |
//! | the folder of a data file is not synced | `power` |
//! | a staged entry is not synced | `power` |
//! | an ack goes out before the log's folder is synced | `power` |
//! | a killed hub's last entry is answered for before it is durable | `power` |
//! | a merge forgets the verdicts | `power`, `model` |
//! | the ids of merged files are forgotten when a ledger is opened | `model` |
//! | who lost a race does not learn the winner's ids | `races`, `model` |
//! | any entry at its place is taken for one's own | `races` |
//! | one id twice in a group is recorded twice | `once_holds_within_a_group`, `model` |
//! | an entry whose outcome is unknown is forgotten | `faults` |
//! | a merge does not look whether its inputs are still live | `merge_by_two_hubs_doubles_nothing` |
//! | a merge of sorted files deletes its inputs before it is committed | `power` |
//! | an entry below the floor is taken for one that stands | `model`, `cleaning` |
//! | vacuum deletes what a checkpoint names | `model` |
//! | who lost a race does not learn the winner's numbers | `model` |
//! | what was refused behind numbers that lost a race stays refused for them | `numbering` |
//! | a check counts an id in each of its passes | `faulty` |

mod ahead;
mod books;
mod chance;
mod cleaning;
mod encoding;
mod faults;
mod faulty;
mod model;
mod numbering;
mod once;
mod opening;
mod power;
mod races;
mod trouble;
mod weather;

use std::collections::BTreeMap;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use object_store::memory::InMemory;
use tempfile::TempDir;
use url::Url;

use super::schema::KINDS;
use super::*;
use crate::observation::accepted_schema;
use crate::submission::{Mode, Severity, Submission, Verdict};

pub(super) fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

pub(super) async fn open(root: &Arc<dyn ObjectStore>) -> Ledger {
    let place = Place::at(Arc::clone(root), Url::parse("memory:///ledger/").unwrap());
    Ledger::open(place, Clock::system(), 1 << 20, LakeMetrics::default()).await.unwrap()
}

async fn open_folder(folder: &TempDir) -> Ledger {
    let lake = crate::LakeUrl::from(folder.path());
    let place = Place::open(&lake, &BTreeMap::new()).unwrap().folder("ledger").unwrap();
    Ledger::open(place, Clock::system(), 1 << 20, LakeMetrics::default()).await.unwrap()
}

/// `rows` rows of made-up figures, the first of them warned of twice.
pub(super) fn submission(feed: &str, id: &str, rows: i64) -> Submission {
    let count = usize::try_from(rows).unwrap();
    let text = |text: &str| Arc::new(StringArray::from(vec![text; count])) as ArrayRef;
    let schema = accepted_schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "row" => Arc::new(Int64Array::from_iter_values(1..=rows)) as ArrayRef,
        "unit" => Arc::new(StringArray::from_iter_values((1..=rows).map(|n| format!("{n:05}.1")))),
        "period_start" | "period_end" => Arc::new(Date32Array::from_value(19_000, count)),
        "value" => {
            let values =
                Decimal128Array::from_iter_values((1..=rows).map(|n| i128::from(n) * 1_000_000));
            Arc::new(values.with_precision_and_scale(18, 6).unwrap())
        }
        name if field.is_nullable() => {
            assert_ne!(name, "row");
            new_null_array(field.data_type(), count)
        }
        name => text(name),
    });
    let accepted = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let verdict = |rule: &str| Verdict {
        row: 1,
        severity: Severity::Warned,
        field: "value".into(),
        rule: rule.into(),
        message_vi: "số lạ".into(),
        message_en: "odd figure".into(),
        suggestions: vec!["1".into()],
        content: "{}".into(),
    };
    Submission {
        feed: feed.into(),
        id: id.into(),
        principal: "office".into(),
        mode: Mode::Partial,
        digest: format!("digest of {rows}"),
        reason: None,
        document: None,
        numbering: None,
        catalogue_version: 1,
        state_position: None,
        rows: u64::try_from(rows).unwrap(),
        accepted,
        verdicts: vec![verdict("value.second"), verdict("value.first")],
    }
}

/// A submission whose periods are many, in no order.
fn scattered(id: &str, rows: i64) -> Submission {
    let mut sent = submission("a", id, rows);
    let mut columns = sent.accepted.columns().to_vec();
    for (name, first) in [("period_start", 18_000), ("period_end", 19_000)] {
        let days = (1..=rows).map(|row| Some(first + i32::try_from(row * 7 % 11).unwrap()));
        columns[sent.accepted.schema().index_of(name).unwrap()] =
            Arc::new(days.collect::<Date32Array>());
    }
    sent.accepted = RecordBatch::try_new(sent.accepted.schema(), columns).unwrap();
    sent
}

/// Holds what the log says of the live files against their rows: other engines leave files out by it.
async fn statistics_are_true(ledger: &Ledger) {
    for file in &ledger.snapshot().files {
        let stats = &file.stats;
        let (mut records, mut nulls) = (0, 0);
        let (mut starts, mut ends, mut positions) = (Vec::new(), Vec::new(), Vec::new());
        for kind in KINDS {
            for batch in read::rows(&ledger.object_store(), file, kind, &[]).await.unwrap() {
                records += batch.num_rows() as u64;
                // A sorted file has the columns of its kind alone.
                let days = |name: &str| batch.column_by_name(name).cloned();
                let of = |name| days(name).map(|days| days.as_primitive::<Date32Type>().clone());
                starts.extend(of("period_start").iter().flatten().flatten());
                ends.extend(of("period_end").iter().flatten().flatten());
                let absent = batch.num_rows();
                nulls += days("period_end").map_or(absent, |days| days.null_count()) as u64;
                let told = batch["position"].as_primitive::<Int64Type>();
                positions.extend(told.iter().flatten().map(i64::unsigned_abs));
            }
        }
        let day = |days: Option<&i32>| days.and_then(|days| Date32Type::to_naive_date_opt(*days));
        let path = &file.path;
        for (bounds, extreme) in [(&stats.min_values, false), (&stats.max_values, true)] {
            let of =
                |days: &[i32]| day(if extreme { days.iter().max() } else { days.iter().min() });
            let position = if extreme { positions.iter().max() } else { positions.iter().min() };
            assert_eq!(
                (bounds.period_start, bounds.period_end),
                (of(&starts), of(&ends)),
                "{path}"
            );
            assert_eq!(Some(&bounds.position), position, "{path}");
        }
        assert_eq!((stats.num_records, stats.null_count["period_end"]), (records, nulls), "{path}");
    }
}

/// Random numbers below a bound, the same again where `DINH_TEST_SEED` says so.
pub(super) fn seeded() -> impl FnMut(u64) -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the seed of a test run is an argument of that run"
    )]
    let seed = std::env::var("DINH_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut state: u64 = seed.unwrap_or_else(|| u64::try_from(Clock::system().micros()).unwrap());
    eprintln!("DINH_TEST_SEED={state}");
    move |bound| {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

async fn rows(ledger: &Ledger, kind: &str) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for file in &ledger.snapshot().files {
        batches.extend(read::rows(&ledger.object_store(), file, kind, &[]).await.unwrap());
    }
    batches
}

pub(super) async fn count(ledger: &Ledger, kind: &str) -> usize {
    rows(ledger, kind).await.iter().map(RecordBatch::num_rows).sum()
}

pub(super) fn recorded(outcomes: Vec<Outcome>) -> Vec<Answer> {
    let answer = |outcome| match outcome {
        Outcome::Recorded(answer) => answer,
        other => panic!("not recorded: {other:?}"),
    };
    outcomes.into_iter().map(answer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn once_an_id_gets_its_first_answer_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open_folder(&folder).await;
    let first = recorded(
        ledger.append(vec![submission("a", "1", 3), submission("a", "2", 4)]).await.unwrap(),
    );
    assert_eq!((first[0].position, first[0].accepted, first[0].warned), (1, 3, 1));
    let again = || vec![submission("a", "2", 4), submission("a", "1", 9), submission("b", "1", 1)];
    let check = |outcomes: Vec<Outcome>| {
        assert_eq!(outcomes[0], Outcome::Repeated(first[1].clone()));
        assert_eq!(outcomes[1], Outcome::Conflict { recorded_digest: "digest of 3".into() });
    };
    check(ledger.append(again()).await.unwrap());
    drop(ledger);
    let ledger = open_folder(&folder).await;
    check(ledger.append(again()).await.unwrap());
    assert_eq!((count(&ledger, OBSERVATION).await, count(&ledger, SUBMISSION).await), (8, 3));
    assert_eq!(ledger.last("a").await.unwrap().unwrap().submission, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_holds_within_a_group() {
    let ledger = open(&memory()).await;
    let group = vec![submission("a", "1", 3), submission("a", "1", 3), submission("a", "1", 5)];
    let outcomes = ledger.append(group).await.unwrap();
    let Outcome::Recorded(answer) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(outcomes[1], Outcome::Repeated(answer.clone()));
    assert!(matches!(outcomes[2], Outcome::Conflict { .. }));
    assert_eq!(count(&ledger, OBSERVATION).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn order_and_once_hold_between_two_hubs_on_one_store() {
    let store = memory();
    let hubs = [open(&store).await, open(&store).await];
    let push = async |hub: &Ledger, own: &str| {
        for n in 0..20 {
            hub.append(vec![
                submission("a", &format!("{own}{n}"), 1),
                submission("a", &n.to_string(), 2),
            ])
            .await
            .unwrap();
        }
    };
    tokio::join!(push(&hubs[0], "x"), push(&hubs[1], "y"));
    let fresh = open(&store).await;
    assert_eq!((count(&fresh, SUBMISSION).await, count(&fresh, OBSERVATION).await), (60, 80));
    let stamps: Vec<i64> = rows(&fresh, SUBMISSION)
        .await
        .iter()
        .flat_map(|b| b["recorded_at"].as_primitive::<TimestampMicrosecondType>().values().to_vec())
        .collect();
    assert!(stamps.is_sorted_by(|a, b| a < b), "recorded_at strictly increases along the ledger");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_follows_what_another_writes() {
    let store = memory();
    let (writer, follower) = (open(&store).await, open(&store).await);
    let answers = recorded(writer.append(vec![submission("a", "1", 3)]).await.unwrap());
    assert_eq!(count(&follower, OBSERVATION).await, 0);
    follower.follow().await.unwrap();
    assert_eq!(count(&follower, OBSERVATION).await, 3);
    assert_eq!(follower.find("a", "1").await.unwrap().as_ref(), Some(&answers[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn order_holds_when_the_clock_goes_back() {
    let store = memory();
    let answers = recorded(open(&store).await.append(vec![submission("a", "1", 1)]).await.unwrap());
    let place = Place::at(store, Url::parse("memory:///ledger/").unwrap());
    let clock = Clock::from_fn(|| chrono::DateTime::UNIX_EPOCH);
    let ledger = Ledger::open(place, clock, 0, LakeMetrics::default()).await.unwrap();
    let later = recorded(ledger.append(vec![submission("a", "2", 1)]).await.unwrap());
    assert!(later[0].recorded_at > answers[0].recorded_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_changes_no_row_and_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open_folder(&folder).await;
    let mut answers = Vec::new();
    for n in 0..40 {
        answers
            .extend(recorded(ledger.append(vec![scattered(&n.to_string(), 1 + n)]).await.unwrap()));
    }
    statistics_are_true(&ledger).await;
    while ledger.maintain().await.unwrap().more {}
    statistics_are_true(&ledger).await;
    assert!(ledger.snapshot().files.len() < 40, "{}", ledger.snapshot().files.len());
    drop(ledger);
    let ledger = open_folder(&folder).await;
    assert_eq!(count(&ledger, OBSERVATION).await, (1..=40).sum::<usize>());
    for answer in answers {
        assert_eq!(ledger.find("a", &answer.submission).await.unwrap().as_ref(), Some(&answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_by_two_hubs_doubles_nothing() {
    let store = memory();
    let first = open(&store).await;
    for n in 0..32 {
        first.append(vec![submission("a", &n.to_string(), 2)]).await.unwrap();
    }
    let second = open(&store).await;
    let (one, two) = tokio::join!(first.maintain(), second.maintain());
    assert_eq!(one.unwrap().merged_files + two.unwrap().merged_files, 32);
    let fresh = open(&store).await;
    assert_eq!((count(&fresh, OBSERVATION).await, count(&fresh, SUBMISSION).await), (64, 32));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_written_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open_folder(&folder).await;
    for n in 0..100 {
        ledger.append(vec![submission("a", &n.to_string(), 1)]).await.unwrap();
        ledger.maintain().await.unwrap();
    }
    assert!(folder.path().join("ledger/_delta_log/_last_checkpoint").exists());
    drop(ledger);
    let ledger = open_folder(&folder).await;
    assert_eq!(count(&ledger, OBSERVATION).await, 100);
    assert!(ledger.snapshot().files.iter().all(|file| file.hot.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_rows_stay_within_their_budget_and_are_only_a_cache() {
    let place = Place::at(memory(), Url::parse("memory:///ledger/").unwrap());
    let ledger =
        Ledger::open(place, Clock::system(), 20_000, LakeMetrics::default()).await.unwrap();
    for n in 0..30 {
        ledger.append(vec![submission("a", &n.to_string(), 10)]).await.unwrap();
    }
    let snapshot = ledger.snapshot();
    let hot: usize = snapshot.files.iter().map(|file| file.hot_bytes()).sum();
    assert!(hot <= 20_000 && snapshot.files.iter().any(|file| file.hot.is_none()), "{hot}");
    assert_eq!(count(&ledger, OBSERVATION).await, 300);
    let total: i64 = rows(&ledger, OBSERVATION)
        .await
        .iter()
        .flat_map(|b| b["row"].as_primitive::<Int64Type>().values().to_vec())
        .sum();
    assert_eq!(total, 30 * 55);
}
