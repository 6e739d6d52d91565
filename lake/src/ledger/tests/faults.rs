//! *Store faults*: each call that a ledger makes of its store goes wrong once, and in every way there is: refused, done but
//! not heard of, "already exists" for our own write, cut short, full, slow; and for a while, too. Then the store heals, and
//! the ledger goes on by itself: nothing acked is lost, and a repeated id gets its first answer.
//!
//! The calls are counted, not listed: a life is lived once in good weather, and then once for each call and each fault.
//! `DINH_TEST_ROUNDS=1 cargo test -p dinh-lake --lib faults -- --ignored` strikes every call; without, some by chance.

use futures::stream::{self, StreamExt};

use super::books::{Books, figures};
use super::chance::{Chance, rounds};
use super::weather::{Fault, Storm, Weather};
use super::*;
use crate::ledger::merge::FRESH_FILES;

/// Storms of the short run.
const STORMS: usize = 40;
/// Lives that are lived at once, since many of them wait.
const AT_ONCE: usize = 8;
/// How often somebody tries again before he calls it broken; more than any storm lasts.
const PATIENCE: usize = 30;

/// A ledger with so much in it that one more submission makes a merge due, and what its clients know.
async fn ripe() -> (InMemory, Books) {
    let store = InMemory::new();
    let shared: Arc<dyn ObjectStore> = Arc::new(store.clone());
    let (ledger, mut books) = (open(&shared).await, Books::default());
    for n in 1..FRESH_FILES {
        let figure = [(u32::try_from(n).unwrap(), Some(7))];
        books.push(&ledger, vec![figures("a", &n.to_string(), &figure)]).await.unwrap();
    }
    (store, books)
}

async fn try_open(root: &Arc<Weather>) -> Result<Ledger, LedgerError> {
    let root: Arc<dyn ObjectStore> = Arc::<Weather>::clone(root);
    let place = Place::at(root, Url::parse("memory:///ledger/").unwrap());
    Ledger::open(place, Clock::system(), 1 << 12, LakeMetrics::default()).await
}

/// Tries until it works; a fault may cost time and nothing else.
async fn persevere<T, E: std::fmt::Display>(
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    for _ in 0..PATIENCE {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => println!("{what}: {error:.200}"),
        }
    }
    panic!("{what} does not work although the store has healed");
}

/// Opens, pushes, merges, writes a checkpoint, pushes the same and more, and opens again.
async fn live(weather: &Arc<Weather>, books: &mut Books) {
    let ledger = persevere("opening", async || try_open(weather).await).await;
    let group =
        || vec![figures("a", "x", &[(1, Some(1)), (2, None)]), figures("b", "x", &[(1, Some(3))])];
    persevere("a push", async || books.push(&ledger, group()).await).await;
    let before = ledger.snapshot().files.len();
    persevere("a merge", async || ledger.maintain().await).await;
    assert!(ledger.snapshot().files.len() < before, "there was something to merge");
    persevere("a checkpoint", async || ledger.table.checkpoint(0, |_| false).await).await;
    persevere("a repeat", async || books.push(&ledger, group()).await).await;
    let one = || vec![figures("a", "y", &[(2, Some(4))]), figures("a", "3", &[(3, Some(7))])];
    persevere("another push", async || books.push(&ledger, one()).await).await;
    drop(ledger);
    let ledger = persevere("opening again", async || try_open(weather).await).await;
    let last = || vec![figures("b", "z", &[(1, Some(5))])];
    persevere("a last push", async || books.push(&ledger, last()).await).await;
}

/// A life with one storm in it, and what is true when the sky is clear.
async fn through(store: InMemory, mut books: Books, storm: Storm) {
    println!("{storm:?}");
    let weather = Weather::over(Arc::new(store.clone()));
    weather.storm(Some(storm));
    live(&weather, &mut books).await;
    let shared: Arc<dyn ObjectStore> = Arc::new(store);
    let ledger = open(&shared).await;
    books.push_all_again(&ledger).await.unwrap();
    assert_eq!(books.acked.len(), books.sent.len());
    books.hold(&ledger).await;
    println!("struck {:?}", weather.struck());
}

/// How many calls a life makes of its store.
async fn calls(store: &InMemory, books: &Books) -> usize {
    let weather = Weather::over(Arc::new(store.fork()));
    live(&weather, &mut books.clone()).await;
    weather.made()
}

async fn weather_all(storms: impl Iterator<Item = Storm>) {
    let (store, books) = ripe().await;
    let lives = storms.map(|storm| through(store.fork(), books.clone(), storm));
    stream::iter(lives).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_store_costs_time_and_nothing_else() {
    let mut chance = Chance::seeded();
    let (store, books) = ripe().await;
    let calls = calls(&store, &books).await;
    let storms = (0..STORMS).map(|n| Storm {
        from: (n * calls + chance.below(calls)) / STORMS,
        calls: [1, 1, 2, 12][chance.below(4)],
        fault: Fault::ALL[chance.below(Fault::ALL.len())],
        only: "",
    });
    weather_all(storms).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every call, every fault, for one call and for some"]
async fn a_fault_of_the_store_at_any_call_costs_time_and_nothing_else() {
    let (store, books) = ripe().await;
    let calls = calls(&store, &books).await;
    for _ in 0..rounds(1) {
        let froms = (0..calls).flat_map(|from| Fault::ALL.map(|fault| (from, fault)));
        let storms = froms.flat_map(|(from, fault)| {
            [1, 3, 12].map(|calls| Storm { from, calls, fault, only: "" })
        });
        weather_all(storms).await;
    }
}

/// The puts of entries, and nothing else.
const ENTRIES: &str = "put ledger/_delta_log";

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_written_is_known_for_our_own() {
    for fault in [Fault::Unheard, Fault::Exists, Fault::Refused] {
        let weather = Weather::over(memory());
        let ledger = try_open(&weather).await.unwrap();
        for n in 0..3 {
            let from = weather.made();
            weather.storm(Some(Storm { from, calls: 3, fault, only: ENTRIES }));
            recorded(ledger.append(vec![submission("a", &n.to_string(), 2)]).await.unwrap());
        }
        assert_eq!(ledger.snapshot().position, 3, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_may_have_been_committed_keeps_its_files() {
    let (store, mut books) = ripe().await;
    let weather = Weather::over(Arc::new(store.clone()));
    let ledger = try_open(&weather).await.unwrap();
    books.push(&ledger, vec![figures("a", "x", &[(1, Some(1))])]).await.unwrap();
    for fault in [Fault::Full, Fault::Unheard] {
        weather.storm(Some(Storm { from: 0, calls: usize::MAX, fault, only: ENTRIES }));
        let _ = ledger.maintain().await;
    }
    weather.storm(None);
    books.push(&ledger, vec![figures("a", "y", &[(1, Some(2))])]).await.unwrap();
    books.hold(&ledger).await;
    let shared: Arc<dyn ObjectStore> = Arc::new(store);
    books.hold(&open(&shared).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_may_exist_comes_before_all_others() {
    let store = InMemory::new();
    let weather = Weather::over(Arc::new(store.clone()));
    let ledger = try_open(&weather).await.unwrap();
    weather.storm(Some(Storm { from: 0, calls: usize::MAX, fault: Fault::Full, only: ENTRIES }));
    let error = ledger.append(vec![submission("a", "1", 2)]).await.unwrap_err();
    assert!(matches!(error, LedgerError::Delta(DeltaError::Unknown { version: 1, .. })), "{error}");
    weather.storm(None);
    recorded(ledger.append(vec![submission("a", "2", 3)]).await.unwrap());
    let outcomes = ledger.append(vec![submission("a", "1", 2)]).await.unwrap();
    assert!(
        matches!(&outcomes[0], Outcome::Repeated(answer) if answer.position == 1),
        "{outcomes:?}"
    );
    let shared: Arc<dyn ObjectStore> = Arc::new(store);
    assert_eq!(count(&open(&shared).await, OBSERVATION).await, 5);
}
