//! *Behind* and *in flight*: what is drawn up while the group before it is still on its way.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{TryStreamExt, join};
use object_store::path::Path;
use tokio::sync::{Semaphore, watch};

use super::*;
use crate::store::{AppendStore, Staged};
use crate::submission::{Numbering, OutOfTurn};

/// The appends of a store in memory, whose files and entries pass one gate each.
#[derive(Debug)]
struct Gated {
    place: Place,
    files: Gate,
    entries: Gate,
    /// Files that will not be written, from the next one on.
    failing_files: AtomicU32,
}

#[derive(Debug)]
struct Gate {
    open: Semaphore,
    reached: watch::Sender<u32>,
}

impl Gate {
    fn new() -> Self {
        Self { open: Semaphore::new(0), reached: watch::Sender::new(0) }
    }

    async fn pass(&self) {
        self.reached.send_modify(|reached| *reached += 1);
        self.open.acquire().await.unwrap().forget();
    }

    fn let_through(&self, count: usize) {
        self.open.add_permits(count);
    }

    /// Waits until so many have come to it, through it or not.
    async fn reached(&self, count: u32) {
        self.reached.subscribe().wait_for(|reached| *reached >= count).await.unwrap();
    }
}

#[async_trait]
impl AppendStore for Gated {
    async fn put_new(&self, location: &Path, bytes: Bytes) -> object_store::Result<()> {
        let left = |failing: u32| failing.checked_sub(1);
        let fails =
            self.failing_files.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok();
        self.files.pass().await;
        if fails {
            return Err(object_store::Error::Generic { store: "Gated", source: "full".into() });
        }
        self.place.append.put_new(location, bytes).await
    }

    async fn stage(&self, location: &Path, bytes: Bytes) -> object_store::Result<Staged> {
        self.place.append.stage(location, bytes).await
    }

    async fn show(&self, staged: &Staged) -> object_store::Result<()> {
        self.entries.pass().await;
        self.place.append.show(staged).await
    }

    async fn discard(&self, staged: &Staged) {
        self.place.append.discard(staged).await;
    }

    async fn secure(&self, folder: &Path) -> object_store::Result<()> {
        self.place.append.secure(folder).await
    }

    fn is_stopped(&self) -> bool {
        self.place.append.is_stopped()
    }
}

/// A ledger behind gates, and its store for others.
async fn gated() -> (Arc<dyn ObjectStore>, Arc<Gated>, Ledger) {
    let root = memory();
    let url = Url::parse("memory:///ledger/").unwrap();
    let gated = Arc::new(Gated {
        place: Place::at(Arc::clone(&root), url.clone()),
        files: Gate::new(),
        entries: Gate::new(),
        failing_files: AtomicU32::new(0),
    });
    let append: Arc<dyn AppendStore> = Arc::<Gated>::clone(&gated);
    let place = Place::with(Arc::clone(&root), append, url);
    let ledger = Ledger::open(place, Clock::system(), 1 << 20, LakeMetrics::default()).await;
    (root, gated, ledger.unwrap())
}

fn numbered(id: &str, sequence: u64) -> Submission {
    let numbering = Some(Numbering { producer: "agent".into(), epoch: 0, sequence });
    Submission { numbering, ..submission("a", id, 1) }
}

async fn sound(store: &Arc<dyn ObjectStore>, submissions: u64) {
    let checked = open(store).await.check().await.unwrap();
    assert_eq!((checked.findings, checked.submissions), (Vec::new(), submissions));
}

#[tokio::test]
async fn the_next_group_is_written_while_the_one_before_it_is_not_shown_yet() {
    let (store, gates, ledger) = gated().await;
    let first = ledger.append(vec![numbered("1", 1)]);
    let second = ledger.append(vec![numbered("1", 1), numbered("2", 2), submission("a", "3", 2)]);
    let script = async {
        gates.files.let_through(2);
        gates.entries.reached(1).await;
        gates.files.reached(2).await;
        assert_eq!(ledger.snapshot().position, 0, "the first is not shown yet");
        gates.entries.let_through(2);
    };
    let (first, second, ()) = join!(first, second, script);
    let first = recorded(first.unwrap());
    let mut second = second.unwrap();
    assert_eq!(second.remove(0), Outcome::Repeated(first[0].clone()));
    let second = recorded(second);
    assert_eq!((first[0].position, second[0].position, second[1].position), (1, 2, 2));
    assert_eq!(ledger.metrics.drawn_again.get(), 0);
    sound(&store, 3).await;
}

#[tokio::test]
async fn what_was_drawn_up_behind_a_group_that_failed_is_drawn_up_again() {
    let (store, gates, ledger) = gated().await;
    gates.failing_files.store(1, Ordering::Relaxed);
    let first = ledger.append(vec![numbered("1", 1), submission("a", "x", 1)]);
    let second =
        ledger.append(vec![numbered("2", 2), submission("a", "x", 1), submission("a", "y", 1)]);
    let script = async {
        gates.files.reached(2).await;
        gates.entries.let_through(1);
        gates.files.let_through(3);
    };
    let (first, second, ()) = join!(first, second, script);
    assert!(matches!(first, Err(LedgerError::Delta(DeltaError::Store { .. }))), "{first:?}");
    let mut second = second.unwrap();
    // The number that it was to follow is not there, nor is the submission that it would have repeated.
    assert_eq!(second.remove(0), Outcome::OutOfTurn(OutOfTurn::Gap { expected: 1 }));
    let second = recorded(second);
    assert_eq!((second[0].position, second[1].position), (1, 1));
    assert_eq!(ledger.metrics.drawn_again.get(), 1);
    sound(&store, 2).await;
    let files = store.list(Some(&Path::from("ledger"))).map_ok(|file| file.location.to_string());
    let files: Vec<String> = files.try_collect().await.unwrap();
    let data = files.iter().filter(|name| name.ends_with(".parquet")).count();
    assert_eq!(data, 1, "what was written in vain is gone: {files:?}");
}

#[tokio::test]
async fn what_was_drawn_up_behind_a_lost_race_is_drawn_up_again() {
    let (store, gates, ledger) = gated().await;
    let other = open(&store).await;
    let first = ledger.append(vec![submission("a", "1", 1), submission("a", "theirs", 1)]);
    let second = ledger.append(vec![submission("a", "2", 1), submission("a", "also theirs", 1)]);
    let script = async {
        gates.files.let_through(2);
        gates.entries.reached(1).await;
        gates.files.reached(2).await;
        let group = vec![submission("a", "theirs", 1), submission("a", "also theirs", 1)];
        let theirs = recorded(other.append(group).await.unwrap());
        gates.files.let_through(2);
        gates.entries.let_through(3);
        theirs
    };
    let (first, second, theirs) = join!(first, second, script);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first[1], Outcome::Repeated(theirs[0].clone()));
    assert_eq!(second[1], Outcome::Repeated(theirs[1].clone()));
    assert!(matches!(&first[0], Outcome::Recorded(answer) if answer.position == 2));
    assert!(matches!(&second[0], Outcome::Recorded(answer) if answer.position == 3));
    assert_eq!((ledger.metrics.lost_races.get(), ledger.metrics.drawn_again.get()), (1, 1));
    sound(&store, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_merges_and_another_hub_at_once_keep_the_ledger_sound() {
    let store = memory();
    let (ledger, other) = (open(&store).await, open(&store).await);
    let push = async |hub: &Ledger, own: &str| {
        for n in 0..40 {
            let shared = submission("a", &n.to_string(), 1);
            hub.append(vec![submission("a", &format!("{own}{n}"), 2), shared]).await.unwrap();
        }
    };
    let care = async {
        for _ in 0..20 {
            ledger.maintain().await.unwrap();
        }
    };
    join!(push(&ledger, "x"), push(&ledger, "y"), push(&ledger, "z"), push(&other, "o"), care);
    sound(&store, 5 * 40).await;
}
