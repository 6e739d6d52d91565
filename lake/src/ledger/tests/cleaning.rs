//! What nobody needs is deleted, and nothing else: *no ghosts*, readers that began before, files in nobody's name.

use std::sync::atomic::{AtomicI64, Ordering};

use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::*;

/// A hub's ledger, with a clock that the test moves on by hours.
async fn open_late(root: &Arc<dyn ObjectStore>, hours: &Arc<AtomicI64>) -> Ledger {
    let place = Place::at(Arc::clone(root), Url::parse("memory:///ledger/").unwrap());
    let (hours, system) = (Arc::clone(hours), Clock::system());
    let clock = Clock::from_fn(move || {
        system.now() + chrono::TimeDelta::hours(hours.load(Ordering::Relaxed))
    });
    Ledger::open(place, clock, 1 << 12, LakeMetrics::default()).await.unwrap()
}

async fn push(ledger: &Ledger, ids: std::ops::Range<usize>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for id in ids {
        answers.extend(recorded(
            ledger.append(vec![submission("a", &id.to_string(), 1)]).await.unwrap(),
        ));
    }
    answers
}

async fn care(ledger: &Ledger) -> Maintained {
    let mut all = Maintained::default();
    loop {
        let done = ledger.maintain().await.unwrap();
        all.deleted_files += done.deleted_files;
        all.deleted_entries += done.deleted_entries;
        if !done.more {
            return all;
        }
    }
}

async fn names(root: &Arc<dyn ObjectStore>, like: &str) -> Vec<String> {
    let objects: Vec<_> = root.list(None).try_collect().await.unwrap();
    let names = objects.iter().map(|object| object.location.to_string());
    names.filter(|name| name.contains(like)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ghosts_a_hub_that_slept_while_others_wrote_and_cleaned_acks_nothing_that_nobody_sees() {
    let (store, hours) = (memory(), Arc::new(AtomicI64::new(0)));
    let sleeper = open_late(&store, &hours).await;
    push(&sleeper, 0..1).await;
    let busy = open_late(&store, &hours).await;
    push(&busy, 1..130).await;
    care(&busy).await;
    drop(busy);
    hours.store(2, Ordering::Relaxed);
    let busy = open_late(&store, &hours).await;
    assert!(care(&busy).await.deleted_entries >= 100);
    assert!(busy.table.floor().await.unwrap().is_some_and(|floor| floor >= 100));

    let answers = push(&sleeper, 130..131).await;
    assert_eq!(answers[0].position, busy.snapshot().position + 1);
    assert_eq!(sleeper.snapshot().position, answers[0].position);
    assert_eq!(names(&store, "_delta_log/00000000000000000002.json").await, [""; 0]);
    let fresh = open(&store).await;
    assert_eq!((count(&fresh, SUBMISSION).await, count(&fresh, OBSERVATION).await), (131, 131));
    assert_eq!(fresh.find("a", "130").await.unwrap().as_ref(), Some(&answers[0]));
    // What it had written before it slept, it still knows.
    let again = sleeper.append(vec![submission("a", "0", 1)]).await.unwrap();
    assert!(matches!(&again[0], Outcome::Repeated(answer) if answer.position == 1), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_slept_reads_the_ledger_anew() {
    let (store, hours) = (memory(), Arc::new(AtomicI64::new(0)));
    let sleeper = open_late(&store, &hours).await;
    let busy = open_late(&store, &hours).await;
    push(&busy, 0..120).await;
    care(&busy).await;
    drop(busy);
    hours.store(2, Ordering::Relaxed);
    let busy = open_late(&store, &hours).await;
    assert!(care(&busy).await.deleted_entries >= 100);
    sleeper.follow().await.unwrap();
    assert_eq!(sleeper.snapshot().position, busy.snapshot().position);
    assert_eq!(count(&sleeper, OBSERVATION).await, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_began_before_a_merge_finishes_however_long_it_takes() {
    let (store, hours) = (memory(), Arc::new(AtomicI64::new(0)));
    let ledger = open_late(&store, &hours).await;
    push(&ledger, 0..40).await;
    let began = ledger.snapshot();
    care(&ledger).await;
    hours.store(3, Ordering::Relaxed);
    push(&ledger, 40..150).await;
    care(&ledger).await;
    let mut rows = 0;
    for file in &began.files {
        for batch in read::rows(&ledger.object_store(), file, OBSERVATION, &[]).await.unwrap() {
            rows += batch.num_rows();
        }
    }
    assert_eq!(rows, 40);
    drop(began);
    push(&ledger, 150..260).await;
    assert!(care(&ledger).await.deleted_files >= 40, "once nobody reads them they are deleted");
    assert_eq!(count(&ledger, OBSERVATION).await, 260);
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_files_are_remembered_for_their_retention_and_then_deleted() {
    let (store, hours) = (memory(), Arc::new(AtomicI64::new(0)));
    let ledger = open_late(&store, &hours).await;
    for n in 0..5 {
        push(&ledger, n * 110..(n + 1) * 110).await;
        assert_eq!(care(&ledger).await.deleted_files, 0, "other readers may still need them");
    }
    let kept = names(&store, ".parquet").await.len();
    hours.store(2, Ordering::Relaxed);
    drop(ledger);
    let ledger = open_late(&store, &hours).await;
    push(&ledger, 550..660).await;
    let deleted = care(&ledger).await.deleted_files;
    assert!(deleted >= 500, "{deleted} of {kept} files were deleted");
    assert_eq!(count(&ledger, OBSERVATION).await, 660);
    assert_eq!(ledger.check().await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_no_entry_names_are_deleted_and_no_others() {
    let (store, hours) = (memory(), Arc::new(AtomicI64::new(0)));
    let ledger = open_late(&store, &hours).await;
    push(&ledger, 0..40).await;
    care(&ledger).await;
    push(&ledger, 40..50).await;
    store.put(&Path::from("ledger/left-behind.parquet"), "x".into()).await.unwrap();
    drop(ledger);
    let before = names(&store, "ledger/").await;
    hours.store(20, Ordering::Relaxed);
    assert_eq!(care(&open_late(&store, &hours).await).await.deleted_files, 0, "too young");
    hours.store(30, Ordering::Relaxed);
    let ledger = open_late(&store, &hours).await;
    assert_eq!(care(&ledger).await.deleted_files, 1);
    let after = names(&store, "ledger/").await;
    let gone: Vec<_> = before.iter().filter(|name| !after.contains(name)).collect();
    assert_eq!(gone, ["ledger/left-behind.parquet"]);
    assert_eq!(count(&ledger, OBSERVATION).await, 50);
}
