//! kill -9 at any moment of a full load: every acked submission is there once and whole, and none is half there.
//!
//! This is the one place where time is random by nature: a hub is killed so many acks and so many microseconds after it
//! began to serve, or while it opens its lake, merges and checkpoints among it all. Every fifty lives all that was ever
//! pushed is looked over, in SQL and by the engines of `deploy/engines`, and a new lake begins.
//!
//! It was seen to fail when an entry was linked only after its answer: a token that the hub had just issued was gone, before
//! any row could be missed.
//!
//! The long runs, which say what they found:
//!
//! ```text
//! DINH_TEST_ROUNDS=200 cargo test -p dinh-hub --test way_of_a_row kill -- --nocapture
//! DINH_TEST_ROUNDS=2000 cargo test -p dinh-hub --test way_of_a_row kill -- --nocapture
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::book::{self, Book, Page};
use crate::chance::{Random, rounds};
use crate::content::{FEED, Form, made_up, number_of, numbering};
use crate::engines;
use crate::house::{Hub, Lake, Opening, PATIENCE};
use crate::load::{push_from_all_sides, until_acked};

/// Rounds of the ordinary tests.
const ROUNDS: usize = 30;
/// Lives of one lake.
const LIVES: usize = 50;
/// Acks of a life, at most.
const ACKS: u64 = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acked_is_there_once_and_nothing_is_there_by_halves() {
    let mut random = Random::seeded();
    let (rounds, began) = (rounds(ROUNDS), Instant::now());
    let (mut done, mut acked, mut others) = (0, 0, 0);
    while done < rounds {
        let lives = LIVES.min(rounds - done);
        let page = a_lake_of(lives, &mut random).await;
        done += lives;
        acked += page.acked.len();
        others += page.others.len();
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        println!(
            "{done} rounds in {minutes:.1} min: {acked} submissions acked, none lost, none doubled; \
             {others} without an answer, none there by halves"
        );
    }
    assert!(acked > rounds * 10, "hardly anything was pushed");
}

/// A lake that dies so many times, and is then looked over.
async fn a_lake_of(lives: usize, random: &mut Random) -> Page {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token(FEED, Some("273")).await;
    hub.kill().await;
    let book = Arc::new(Book::default());
    for life in 0..lives {
        if random.below(5) == 0 {
            let opening = Opening::of(Lake::of(folder.path()), &[]);
            tokio::time::sleep(Duration::from_micros(random.below(200_000))).await;
            opening.kill().await;
        }
        killed_while_they_push(folder.path(), &token, &book, life, random).await;
    }
    let hub = Hub::start(folder.path()).await;
    let page = book.closed();
    let numbered = page.acked.keys().filter(|id| numbering(id).is_some()).count();
    assert!(numbered > lives, "hardly anything was numbered");
    let totals = book::holds(&hub.lake, &page).await;
    engines::agree(&folder.path().join("ledger"), &totals).await;
    get_their_first_answers_again(&hub, &token, &book, &page, random).await;
    hub.dinh(&["check"]).await.well();
    page
}

/// One life of a hub: it opens, is pushed to from all sides, and is killed.
async fn killed_while_they_push(
    folder: &Path,
    token: &str,
    book: &Arc<Book>,
    life: usize,
    random: &mut Random,
) {
    let hub = Hub::start(folder).await;
    let enough = book.count() + random.index(usize::try_from(ACKS).unwrap());
    // Half of what was not answered is sent again until it is, with the same ids; the rest is given up.
    let mut unanswered: Vec<_> = book.closed().others.into_iter().collect();
    unanswered.retain(|id| number_of(id).is_multiple_of(2));
    let mut senders = push_from_all_sides(&hub, token, book, &life.to_string(), unanswered).await;
    until_acked(book, enough, &mut senders).await;
    tokio::time::sleep(Duration::from_micros(random.below(20_000))).await;
    hub.kill().await;
    while let Some(ended) =
        tokio::time::timeout(PATIENCE, senders.join_next()).await.expect("a sender ends")
    {
        ended.unwrap();
    }
}

/// A repeat, in whichever form, gets the bytes of the first answer, from whichever file they are in by now.
async fn get_their_first_answers_again(
    hub: &Hub,
    token: &str,
    book: &Book,
    page: &Page,
    random: &mut Random,
) {
    let publisher = hub.publisher(token).await;
    for id in page.acked.keys() {
        if random.below(8) != 0 {
            continue;
        }
        let form = [Form::Typed, Form::Arrow][random.index(2)];
        book.answered(id, publisher.push(made_up(id, form)).await.unwrap());
    }
}
