//! Group commit by itself: what rides together, what is refused, what outlives its client.

use std::sync::Arc;

use arrow::array::RecordBatch;
use dinh_ingest::committer::CommitError;
use dinh_ingest::{Committer, IngestMetrics, Limits};
use dinh_lake::ledger::Outcome;
use dinh_lake::observation::accepted_schema;
use dinh_lake::submission::{Answer, Mode, Submission};
use dinh_lake::{Lake, LakeOptions, LakeUrl};
use futures::future::join_all;
use futures::{FutureExt as _, join};
use tempfile::TempDir;

async fn lake() -> (TempDir, Arc<Lake>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let lake = Lake::open(&LakeUrl::from(folder.path()), LakeOptions::default()).await;
    (folder, lake.expect("the lake opens"))
}

fn submission(id: &str) -> Submission {
    Submission {
        feed: "dan-phuong".into(),
        id: id.into(),
        principal: "office".into(),
        mode: Mode::Partial,
        digest: "d".into(),
        reason: None,
        document: None,
        numbering: None,
        catalogue_version: 1,
        state_position: None,
        rows: 0,
        accepted: RecordBatch::new_empty(accepted_schema()),
        verdicts: Vec::new(),
    }
}

fn answer(outcome: Result<Outcome, CommitError>) -> Answer {
    match outcome.expect("it is committed") {
        Outcome::Recorded(answer) | Outcome::Repeated(answer) => answer,
        other => panic!("no two have one id, and none a number: {other:?}"),
    }
}

#[tokio::test]
async fn what_waits_rides_together_and_a_lone_one_does_not_wait() {
    let (_folder, lake) = lake().await;
    let (handle, run) = Committer::start(lake, &Limits::default(), IngestMetrics::default());
    let commit = async |id: usize| {
        let admission = handle.admit(1).expect("there is room");
        answer(handle.commit(submission(&id.to_string()), admission).await)
    };
    let clients = async {
        let lone = commit(0).await;
        let together = join_all((1..=10).map(&commit)).await;
        assert!(together.iter().all(|answer| answer.position == lone.position + 1), "{together:?}");
        assert!(together.is_sorted_by(|a, b| a.recorded_at < b.recorded_at));
    };
    tokio::select! {
        () = clients => {}
        () = run => panic!("the committer outlives its clients"),
    }
}

#[tokio::test]
async fn what_is_queued_is_written_though_client_and_handle_are_gone() {
    let (_folder, lake) = lake().await;
    let (handle, run) =
        Committer::start(Arc::clone(&lake), &Limits::default(), IngestMetrics::default());
    let admission = handle.admit(1).unwrap();
    assert!(handle.commit(submission("1"), admission).now_or_never().is_none());
    drop(handle);
    run.await;
    assert!(lake.ledger().find("dan-phuong", "1").await.unwrap().is_some());
}

#[tokio::test]
async fn what_does_not_fit_is_refused_at_once() {
    let (_folder, lake) = lake().await;
    let limits =
        Limits { waiting_bytes_max: 4096, waiting_submissions_max: 1, ..Limits::default() };
    let (handle, run) = Committer::start(lake, &limits, IngestMetrics::default());
    let large = handle.admit(1 << 30).expect("one that is larger than all the room gets all of it");
    assert!(matches!(handle.admit(1), Err(CommitError::QueueFull)));
    drop(large);

    let room = || handle.admit(1024).unwrap();
    let first = handle.commit(submission("1"), room());
    let second = handle.commit(submission("2"), room());
    let clients = async {
        let (first, second) = join!(first, second);
        assert!(first.is_ok() && matches!(second, Err(CommitError::QueueFull)));
    };
    tokio::select! {
        () = clients => {}
        () = run => panic!("the committer outlives its clients"),
    }
}

#[tokio::test]
async fn full_groups_overlap_and_are_recorded_and_answered_in_order() {
    let (_folder, lake) = lake().await;
    let limits = Limits { group_rows_max: 1, ..Limits::default() };
    let (handle, run) = Committer::start(Arc::clone(&lake), &limits, IngestMetrics::default());
    let answered = std::sync::Mutex::new(Vec::new());
    let commit = async |id: usize| {
        let admission = handle.admit(1).expect("there is room");
        let answer = answer(handle.commit(submission(&id.to_string()), admission).await);
        answered.lock().unwrap().push(answer.position);
    };
    let clients = join_all((1..=20).map(commit));
    tokio::select! {
        _ = clients => {}
        () = run => panic!("the committer outlives its clients"),
    }
    let positions = answered.into_inner().unwrap();
    assert_eq!(positions, (1..=20).collect::<Vec<u64>>());
    assert!(lake.ledger().check().await.unwrap().findings.is_empty());
}
