//! A store that fails for a while: pushes are refused politely and within bounded time, nothing that was acked is lost, and
//! when the store is back the hub goes on by itself.
//!
//! It was not yet seen to fail: a commit whose error is taken for success passes its short run, for the data file before it
//! is refused first.
//!
//! The store refuses connections, falls silent, or takes what it is told while its answers are lost, so that writes happen
//! that the hub cannot know of; see [`crate::s3`]. A long run:
//!
//! ```text
//! DINH_TEST_ROUNDS=60 cargo test -p dinh-hub --test way_of_a_row outage -- --nocapture
//! ```

use std::sync::Arc;
use std::time::Instant;

use tonic::Code;
use tonic_types::StatusExt as _;

use crate::book::{self, Book};
use crate::chance::{Random, rounds};
use crate::content::FEED;
use crate::house::{Hub, Opening, PATIENCE};
use crate::load::{push_from_all_sides, until_acked};
use crate::s3::{Door, S3, Weather, knows};

/// Outages of the ordinary tests, one of each kind.
const ROUNDS: usize = 3;
const WEATHERS: [Weather; 3] = [Weather::Refused, Weather::Deaf, Weather::Silent];
/// Acks before and after an outage, at most.
const ACKS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_for_a_while_loses_nothing() {
    let mut random = Random::seeded();
    let server = S3::start().await;
    let door = Door::to(&server).await;
    let hub = Hub::taught(Opening::of(door.lake(), &[])).await;
    let token = hub.token(FEED, Some("273")).await;
    let book = Arc::new(Book::default());
    knows(&hub, &token, &book).await;
    for round in 0..rounds(ROUNDS) {
        let unanswered = book.closed().others.into_iter().collect();
        let mut senders =
            push_from_all_sides(&hub, &token, &book, &format!("{round}"), unanswered).await;
        let enough = book.count() + 1 + random.index(ACKS);
        until_acked(&book, enough, &mut senders).await;
        let weather = WEATHERS[round % WEATHERS.len()];
        let began = Instant::now();
        door.weather(weather);
        let mut told = Vec::new();
        while let Some(ended) =
            tokio::time::timeout(PATIENCE, senders.join_next()).await.expect("a sender is told")
        {
            let status = ended.unwrap();
            let waits = status.get_details_retry_info().is_some();
            assert_eq!(
                (status.code(), waits),
                (Code::Unavailable, true),
                "{weather:?}: {status:?}"
            );
            told.push(began.elapsed().as_secs_f32());
        }
        door.weather(Weather::Fine);
        println!(
            "round {round}: {} acked, then {weather:?}, told after {told:.1?} s",
            book.count()
        );
    }
    let unanswered = book.closed().others.into_iter().collect();
    let mut senders = push_from_all_sides(&hub, &token, &book, "last", unanswered).await;
    let enough = book.count() + ACKS;
    until_acked(&book, enough, &mut senders).await;
    senders.shutdown().await;
    book::holds(&server.lake(), &book.closed()).await;
    hub.kill().await;
    server.lake().dinh(&["check"]).await.well();
    book::holds(&server.lake(), &book.closed()).await;
}
