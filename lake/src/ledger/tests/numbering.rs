//! The numbering of producers: what the log tells of it, and what is refused for it.

use super::weather::Weather;
use super::*;
use crate::submission::{Numbering, OutOfTurn};

fn numbered(id: &str, producer: &str, epoch: u64, sequence: u64) -> Submission {
    let numbering = Some(Numbering { producer: producer.into(), epoch, sequence });
    Submission { numbering, ..submission("a", id, 1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_tells_how_far_its_feeds_and_producers_have_come() {
    let ledger = open(&memory()).await;
    let group = vec![
        numbered("1", "", 0, 1),
        numbered("2", "agent", 7, 1),
        numbered("3", "agent", 7, 2),
        submission("b", "1", 1),
    ];
    recorded(ledger.append(group).await.unwrap());
    let entry = ledger.table.read(1).await.unwrap().unwrap();
    let told: Vec<_> = entry.transactions.iter().map(|(key, n)| (key.as_str(), *n)).collect();
    assert_eq!(
        told,
        [
            ("dinh/feed/a", 1),
            ("dinh/feed/b", 1),
            ("dinh/producer/a/", 1),
            ("dinh/producer/a/agent", (7 << 40) | 2),
        ]
    );
    let columns = rows(&ledger, SUBMISSION).await;
    let sequences = columns[0]["sequence"].as_primitive::<Int64Type>();
    assert_eq!(sequences.iter().collect::<Vec<_>>(), [Some(1), Some(1), Some(2), None]);
}

fn out_of_turn(outcomes: &[Outcome]) -> Vec<Option<OutOfTurn>> {
    let refused = |outcome: &Outcome| match outcome {
        Outcome::OutOfTurn(refused) => Some(*refused),
        _ => None,
    };
    outcomes.iter().map(refused).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn turn_only_the_next_number_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open_folder(&folder).await;
    let group = vec![
        numbered("1", "", 3, 1),
        numbered("gap", "", 3, 3),
        numbered("gap", "", 3, 3),
        numbered("2", "", 3, 2),
        numbered("used", "", 3, 1),
        numbered("other", "agent", 0, 1),
        numbered("old", "", 2, 9),
        numbered("1", "", 3, 1),
        numbered("new", "", 4, 2),
        numbered("4/1", "", 4, 1),
        numbered("late", "", 3, 3),
    ];
    let outcomes = ledger.append(group).await.unwrap();
    let gap = Some(OutOfTurn::Gap { expected: 2 });
    let refused = out_of_turn(&outcomes);
    assert_eq!(refused[1..3], [gap, gap]);
    assert_eq!(refused[4], Some(OutOfTurn::Used { expected: 3 }));
    assert_eq!(refused[6], Some(OutOfTurn::Fenced { epoch: 3 }));
    assert_eq!(refused[8], Some(OutOfTurn::Gap { expected: 1 }));
    assert_eq!(refused[10], Some(OutOfTurn::Fenced { epoch: 4 }));
    assert!(matches!(outcomes[7], Outcome::Repeated(_)), "{:?}", outcomes[7]);
    assert_eq!(refused.iter().flatten().count(), 6);
    assert_eq!(count(&ledger, SUBMISSION).await, 4);

    drop(ledger);
    let ledger = open_folder(&folder).await;
    assert_eq!(ledger.reached("a", "").await, Some((4, 1)));
    assert_eq!(ledger.reached("a", "agent").await, Some((0, 1)));
    assert_eq!(ledger.reached("b", "").await, None);
    // What was refused did not use up its id or its number.
    let group = vec![numbered("gap", "", 4, 2), numbered("used", "", 4, 3)];
    assert_eq!(out_of_turn(&ledger.append(group).await.unwrap()), [None, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn turn_holds_between_two_hubs_on_one_store() {
    let store = memory();
    let hubs = [open(&store).await, open(&store).await];
    // Each hub learns of the other's numbers only when it must.
    for n in 1..=9 {
        let hub = &hubs[usize::from(n % 2 == 0)];
        let next = numbered(&n.to_string(), "", 0, n);
        assert_eq!(out_of_turn(&hub.append(vec![next]).await.unwrap()), [None], "{n}");
    }
    let (ten, rival) = (numbered("ten", "", 0, 10), numbered("rival", "", 0, 10));
    let (one, two) = tokio::join!(hubs[0].append(vec![ten]), hubs[1].append(vec![rival]));
    let refused: Vec<_> = [one, two].map(|o| out_of_turn(&o.unwrap())[0]).into();
    let used = Some(OutOfTurn::Used { expected: 11 });
    assert!(refused == [None, used] || refused == [used, None], "{refused:?}");

    // A retry at the other hub gets the first answer, though that hub has not seen it yet.
    let eleven = || vec![numbered("eleven", "", 0, 11)];
    let first = recorded(hubs[0].append(eleven()).await.unwrap());
    let again = hubs[1].append(eleven()).await.unwrap();
    assert_eq!(again, [Outcome::Repeated(first[0].clone())]);
}

/// The group that lost takes the number before it to be its own; who won has begun a new epoch.
#[tokio::test]
async fn turn_is_judged_again_behind_the_winner_of_a_race() {
    let store = memory();
    let [slow, fast] = [Weather::over(Arc::clone(&store)), Weather::over(store)];
    let root = |way: &Arc<Weather>| -> Arc<dyn ObjectStore> { Arc::<Weather>::clone(way) };
    let (paused, winner) = (open(&root(&slow)).await, open(&root(&fast)).await);
    slow.close_gate("put ledger/_delta_log");
    let push = paused.append(vec![numbered("one", "", 0, 1), numbered("three", "", 0, 3)]);
    let overtake = async {
        slow.waiting.notified().await;
        recorded(winner.append(vec![numbered("new", "", 5, 1)]).await.unwrap());
        slow.pass.notify_one();
    };
    let (late, ()) = tokio::join!(push, overtake);
    let fenced = Some(OutOfTurn::Fenced { epoch: 5 });
    assert_eq!(out_of_turn(&late.unwrap()), [fenced, fenced]);
}
