//! *Once*, for ever and in bounded memory.

use super::*;

/// How many ids a run has; `DINH_TEST_IDS=200000` makes a long one.
fn ids() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a test runs is an argument of that run"
    )]
    let given = std::env::var("DINH_TEST_IDS").ok().and_then(|ids| ids.parse().ok());
    given.unwrap_or(3_000)
}

fn limits() -> Limits {
    // One filter fits, or none: each lookup reads filters again.
    Limits { hot_bytes_max: 1 << 20, filter_bytes_max: 4 << 10, ..Limits::default() }
}

async fn open_small(root: &Arc<dyn ObjectStore>) -> Ledger {
    let place = Place::at(Arc::clone(root), Url::parse("memory:///ledger/").unwrap());
    Ledger::open(place, Clock::system(), limits(), LakeMetrics::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn once_holds_for_ids_that_were_merged_long_ago_and_memory_does_not_grow_with_them() {
    let mut random = seeded();
    let (store, group) = (memory(), (ids() / 100).max(20));
    let mut ledger = open_small(&store).await;
    let mut first: Vec<Answer> = Vec::new();
    while first.len() < ids() {
        let feed = ["a", "b", "c"][usize::try_from(random(3)).unwrap()];
        let sent = |_| {
            let mut sent = submission(feed, &format!("{:016x}", random(u64::MAX)), 1);
            sent.verdicts.truncate(usize::try_from(random(3)).unwrap());
            sent
        };
        let sent = (0..group).map(sent).collect();
        first.extend(recorded(ledger.append(sent).await.unwrap()));
        while ledger.maintain().await.unwrap().more {}
        if random(20) == 0 {
            drop(ledger);
            ledger = open_small(&store).await;
        }
    }
    let held = ledger.writer.lock().await.once.held();
    assert!(held <= 32 * group, "{held} ids are held in memory");
    for _ in 0..200 {
        let answer = &first[usize::try_from(random(first.len() as u64)).unwrap()];
        let found = ledger.find(&answer.feed, &answer.submission).await.unwrap();
        assert_eq!(found.as_ref(), Some(answer));
        let mut again = submission(&answer.feed, &answer.submission, 1);
        again.digest.clone_from(&answer.digest);
        let outcomes = ledger.append(vec![again]).await.unwrap();
        assert_eq!(outcomes, [Outcome::Repeated(answer.clone())]);
        let other = submission("d", &answer.submission, 1);
        assert_eq!(ledger.find("d", &answer.submission).await.unwrap(), None, "{other:?}");
    }
    assert_eq!(count(&ledger, SUBMISSION).await, first.len());
}
