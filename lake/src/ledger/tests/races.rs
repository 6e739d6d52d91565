//! Two committers on one store: who is first records, the other repeats, and nobody answers for what is not there.

use super::books::{Books, figures};
use super::chance::{Chance, rounds};
use super::weather::Weather;
use super::*;

async fn hub(weather: &Arc<Weather>) -> Ledger {
    let root: Arc<dyn ObjectStore> = Arc::<Weather>::clone(weather);
    open(&root).await
}

/// Two ways to one store.
fn ways(store: &Arc<dyn ObjectStore>) -> [Arc<Weather>; 2] {
    [Weather::over(Arc::clone(store)), Weather::over(Arc::clone(store))]
}

#[tokio::test]
async fn of_two_hubs_with_one_id_one_records_and_the_other_repeats_its_answer() {
    let mut chance = Chance::seeded();
    let store = memory();
    let ways = ways(&store);
    let hubs = [hub(&ways[0]).await, hub(&ways[1]).await];
    let mut books = Books::default();
    let mut first = [0, 0];
    for n in 0..rounds(40) {
        ways.iter().for_each(|way| way.delay(chance.fork()));
        let group = |own: &str| {
            let own = figures("a", &format!("{own}{n}"), &[(1, Some(1))]);
            vec![own, figures("a", &n.to_string(), &[(2, Some(2)), (3, None)])]
        };
        let groups = [group("x"), group("y")];
        for submission in groups.iter().flatten() {
            books.sent.insert(books::id_of(submission), submission.clone());
        }
        let [one, two] = groups;
        let (one, two) = tokio::join!(hubs[0].append(one), hubs[1].append(two));
        let (one, two) = (one.unwrap(), two.unwrap());
        let winner = match (&one[1], &two[1]) {
            (Outcome::Recorded(first), Outcome::Repeated(again)) if first == again => 0,
            (Outcome::Repeated(again), Outcome::Recorded(first)) if first == again => 1,
            both => panic!("{both:?}"),
        };
        first[winner] += 1;
        let mut outcomes: Vec<_> = one.into_iter().chain(two).collect();
        outcomes.sort_by_key(|outcome| matches!(outcome, Outcome::Repeated(_)));
        outcomes.into_iter().for_each(|outcome| books.told(outcome));
    }
    assert!(first.iter().all(|wins| *wins > 0), "each was first at times: {first:?}");
    books.hold(&hub(&ways[0]).await).await;
}

#[tokio::test]
async fn who_lost_a_race_stamps_again_after_the_winner() {
    let store = memory();
    let [slow, fast] = ways(&store);
    let (paused, winner) = (hub(&slow).await, hub(&fast).await);
    slow.close_gate("put ledger/_delta_log");
    let mut books = Books::default();
    let push = paused.append(vec![figures("a", "paused", &[(1, Some(1))])]);
    let overtake = async {
        slow.waiting.notified().await;
        let mut answers = Vec::new();
        for n in 0..3 {
            let push = winner.append(vec![figures("a", &n.to_string(), &[(1, Some(2))])]);
            answers.extend(recorded(push.await.unwrap()));
        }
        slow.pass.notify_one();
        answers
    };
    let (late, answers) = tokio::join!(push, overtake);
    let late = recorded(late.unwrap());
    assert_eq!(late[0].position, 4);
    assert!(late[0].recorded_at > answers[2].recorded_at);
    for submission in ["0", "1", "2"] {
        books
            .sent
            .insert(("a".into(), submission.into()), figures("a", submission, &[(1, Some(2))]));
    }
    books.sent.insert(("a".into(), "paused".into()), figures("a", "paused", &[(1, Some(1))]));
    answers.into_iter().chain(late).map(Outcome::Recorded).for_each(|told| books.told(told));
    books.hold(&hub(&fast).await).await;
}
