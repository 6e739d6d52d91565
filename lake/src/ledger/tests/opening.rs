//! Opening: by the checkpoint and the entries after it, and nothing else.

use arrow::datatypes::Schema;
use deltalake_core::DeltaTable;
use deltalake_core::logstore::{StorageConfig, default_logstore};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::*;
use crate::delta::{Entry, Removed, Shape, unique};

fn place(root: &Arc<dyn ObjectStore>) -> Place {
    Place::at(Arc::clone(root), Url::parse("memory:///ledger/").unwrap())
}

/// The table as delta-rs reads it: its version, and its live files.
async fn by_delta(root: &Arc<dyn ObjectStore>) -> (u64, Vec<String>) {
    let Place { root, store, url, .. } = place(root);
    let log = default_logstore(store, root, &url, &StorageConfig::default());
    let mut table = DeltaTable::new(log);
    table.load().await.unwrap();
    let state = table.snapshot().unwrap();
    let mut files: Vec<_> =
        state.log_data().into_iter().map(|file| file.path().into_owned()).collect();
    files.sort_unstable();
    (state.version(), files)
}

fn names(ledger: &Ledger) -> Vec<String> {
    let mut files: Vec<_> = ledger.snapshot().files.iter().map(|file| file.path.clone()).collect();
    files.sort_unstable();
    files
}

async fn grown(root: &Arc<dyn ObjectStore>, commits: usize) -> Vec<Answer> {
    let ledger = open(root).await;
    let mut answers = Vec::new();
    for n in 0..commits {
        let feed = ["a", "b"][n % 2];
        answers.extend(recorded(
            ledger.append(vec![submission(feed, &n.to_string(), 1)]).await.unwrap(),
        ));
        while ledger.maintain().await.unwrap().more {}
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_reads_the_checkpoint_and_what_came_after_it() {
    let store = memory();
    let answers = grown(&store, 230).await;
    let before = names(&open(&store).await);
    // Whatever is older than the checkpoint, or not live, could as well be gone.
    let hint = store.get(&Path::from("ledger/_delta_log/_last_checkpoint")).await.unwrap();
    let hint: serde_json::Value = serde_json::from_slice(&hint.bytes().await.unwrap()).unwrap();
    let checkpoint = hint["version"].as_u64().unwrap();
    let objects: Vec<_> = store.list(None).try_collect().await.unwrap();
    for object in objects {
        let name = object.location.filename().unwrap().to_owned();
        let version = name.split('.').next().and_then(|name| name.parse::<u64>().ok());
        let old = object.location.as_ref().contains("_delta_log")
            && version.is_some_and(|version| version < checkpoint);
        let dead =
            name.ends_with("parquet") && !name.contains("checkpoint") && !before.contains(&name);
        if old || dead {
            store.delete(&object.location).await.unwrap();
        }
    }
    let ledger = open(&store).await;
    assert_eq!(names(&ledger), before);
    assert_eq!(by_delta(&store).await, (ledger.snapshot().position, before));
    assert_eq!(count(&ledger, OBSERVATION).await, 230);
    for (feed, newest) in [("a", "228"), ("b", "229")] {
        assert_eq!(ledger.last(feed).await.unwrap().unwrap().submission, newest);
    }
    assert_eq!(ledger.find("a", "0").await.unwrap().as_ref(), Some(&answers[0]));
    let again = recorded(ledger.append(vec![submission("a", "new", 1)]).await.unwrap());
    assert!(again[0].recorded_at > answers[229].recorded_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_fell_silent_is_known_after_many_merges() {
    let store = memory();
    let ledger = open(&store).await;
    let mut silent = submission("silent", "once", 1);
    silent.digest = "first".into();
    let told = recorded(ledger.append(vec![silent]).await.unwrap());
    drop(ledger);
    grown(&store, 150).await;
    let last = open(&store).await.last("silent").await.unwrap().unwrap();
    let expected = Last {
        submission: "once".into(),
        digest: "first".into(),
        position: told[0].position,
        recorded_at: told[0].recorded_at,
    };
    assert_eq!(last, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_of_an_earlier_version_gets_the_columns_and_settings_that_it_lacks() {
    let store = memory();
    let all = ledger_schema();
    let few = Schema::new(all.fields()[..20].to_vec());
    let shape = Shape { schema: &few, indexed: "kind", retention_seconds: Some(7) };
    Table::open(place(&store), &shape).await.unwrap();
    let ledger = open(&store).await;
    assert_eq!(ledger.snapshot().position, 1);
    recorded(ledger.append(vec![submission("a", "1", 3)]).await.unwrap());
    drop(ledger);
    let ledger = open(&store).await;
    assert_eq!(ledger.snapshot().position, 2, "what it lacks is added once");
    assert_eq!(count(&ledger, OBSERVATION).await, 3);
    let metadata = ledger.table.state().await.unwrap().unwrap().metadata.unwrap();
    let settings = metadata.configuration();
    assert_eq!(settings["delta.deletedFileRetentionDuration"], "interval 7 seconds");
    assert_eq!(settings["delta.dataSkippingStatsColumns"], schema::INDEXED);
    let columns = metadata.parse_schema().unwrap();
    let columns: Vec<_> = columns.fields().map(|field| field.name().clone()).collect();
    assert_eq!(columns, all.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>());
    assert_eq!(by_delta(&store).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_is_kept_as_long_as_was_said_last() {
    let store = memory();
    let opened = async |hours: Option<u64>| {
        let retention = hours.map(|hours| Duration::from_secs(hours * 3_600));
        let limits = Limits { retention, ..Limits::default() };
        let clock = Clock::system();
        let ledger = Ledger::open(place(&store), clock, limits, LakeMetrics::default()).await;
        let ledger = ledger.unwrap();
        (ledger.retention.as_secs() / 3_600, ledger.snapshot().position)
    };
    assert_eq!(opened(None).await, (1, 0));
    assert_eq!(opened(Some(48)).await, (48, 1));
    assert_eq!(opened(None).await, (48, 1), "who says nothing changes nothing");
    assert_eq!(opened(Some(48)).await, (48, 1));
    assert_eq!(opened(Some(2)).await, (2, 2));
    assert_eq!(opened(None).await, (2, 2));
}

/// A lake after a million commits, as far as opening can tell: what is live, what was removed within the retention, and the
/// entries since the checkpoint. Run with `cargo test -p dinh-lake --lib a_million -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn opening_after_a_million_commits() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open_folder(&folder).await;
    for n in 0..200 {
        recorded(ledger.append(vec![submission("a", &n.to_string(), 100)]).await.unwrap());
    }
    let mut version = ledger.snapshot().position;
    let now_ms = Clock::system().micros() / 1000;
    for part in 0..10 {
        version += 1;
        let path = |n: usize| format!("{:020}-{}.parquet", part * 100_000 + n, unique());
        let removed = |n| Removed { path: path(n), size: 4_000, at_ms: now_ms };
        let removes = (0..100_000).map(removed).collect();
        let entry = Entry { removes, ..Entry::default() };
        let staged = ledger.table.stage(version, &entry).await.unwrap();
        ledger.table.commit(version, &entry, &staged).await.unwrap();
    }
    drop(ledger);
    let ledger = open_folder(&folder).await;
    let began = std::time::Instant::now();
    let checkpoint = ledger.table.checkpoint(0, |_| false).await.unwrap();
    println!("the first checkpoint of {} removed files: {:?}", checkpoint.removed, began.elapsed());
    let began = std::time::Instant::now();
    ledger.table.checkpoint(0, |_| false).await.unwrap();
    println!("the next one: {:?}", began.elapsed());
    for n in 200..1_000 {
        recorded(ledger.append(vec![submission("a", &n.to_string(), 1)]).await.unwrap());
    }
    drop(ledger);
    let began = std::time::Instant::now();
    let ledger = open_folder(&folder).await;
    let live = ledger.snapshot().files.len();
    println!("opening, with {live} live files and 800 entries to read: {:?}", began.elapsed());
    assert_eq!((checkpoint.removed, live), (1_000_000, 1_000));
}
