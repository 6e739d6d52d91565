//! kill -9 at any moment of a push loop: every acked submission is there once and whole, and none is half there.
//!
//! This is the one place where time is random by nature: a hub is killed so many acks and so many microseconds after it
//! began to serve, or while it opens its lake. The seed is printed; `DINH_TEST_SEED` gives it again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinh_proto::v1 as proto;
use proto::push_stream_response::Outcome;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::house::{Hub, Opening, PATIENCE, Publisher, row, submission};

const ROUNDS: usize = 50;
/// Half of them push one by one, half over a stream.
const SENDERS: usize = 4;
/// Submissions of a stream that wait for their answers.
const IN_FLIGHT: usize = 6;
const FEED: &str = "dan-phuong";
/// The communes of Huyện Đan Phượng.
const COMMUNES: [&str; 16] = [
    "09784", "09787", "09790", "09793", "09796", "09799", "09802", "09805", "09808", "09811",
    "09814", "09817", "09820", "09823", "09826", "09829",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acked_is_there_once_and_nothing_is_there_by_halves() {
    let mut random = Random(seed());
    println!("seed {}", random.0);
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token(FEED, Some("273")).await;
    hub.kill().await;
    let book = Arc::new(Book::default());
    for round in 0..ROUNDS {
        if random.below(5) == 0 {
            let opening = Opening::of(folder.path(), &[]);
            tokio::time::sleep(Duration::from_micros(random.below(200_000))).await;
            opening.kill().await;
        }
        killed_while_they_push(folder.path(), &token, &book, round, &mut random).await;
    }
    let hub = Hub::start(folder.path()).await;
    let (acked, others) = book.closed();
    println!("{} submissions acked, {} sent without an answer", acked.len(), others.len());
    assert!(acked.len() > ROUNDS * SENDERS, "hardly anything was pushed");
    holds(&hub, &acked, &others).await;
    gets_its_first_answer_again(&hub.publisher(&token).await, &acked, &mut random).await;
    hub.dinh(&["check"]).await.well();
}

/// One life of a hub: it opens, is pushed to from all sides, and is killed.
async fn killed_while_they_push(
    folder: &Path,
    token: &str,
    book: &Arc<Book>,
    round: usize,
    random: &mut Random,
) {
    let hub = Hub::start(folder).await;
    book.hub_is_gone.store(false, Ordering::SeqCst);
    let enough = book.count() + usize::try_from(random.below(80)).unwrap();
    let mut unanswered = book.unanswered();
    // Half of what was not answered is sent again until it is, with the same ids; the rest is given up.
    unanswered.retain(|id| number_of(id).is_multiple_of(2));
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let publisher = hub.publisher(token).await;
        let again = unanswered.split_off(unanswered.len() - unanswered.len() / (SENDERS - sender));
        let ids = again.into_iter().chain((0..).map(move |n| format!("{round}-{sender}-{n}")));
        let book = Arc::clone(book);
        senders.spawn(async move {
            let done = match sender % 2 {
                0 => push_one_by_one(&publisher, &book, ids).await,
                _ => push_a_stream(&publisher, &book, ids).await,
            };
            let gone = book.hub_is_gone.load(Ordering::SeqCst);
            assert!(gone, "a sender ended before its hub: {done:?}");
        });
    }
    tokio::time::timeout(PATIENCE, book.counts_to(enough)).await.expect("the hub answers");
    tokio::time::sleep(Duration::from_micros(random.below(4_000))).await;
    book.hub_is_gone.store(true, Ordering::SeqCst);
    hub.kill().await;
    while let Some(ended) =
        tokio::time::timeout(PATIENCE, senders.join_next()).await.expect("a sender ends")
    {
        ended.unwrap();
    }
}

async fn push_one_by_one(
    publisher: &Publisher,
    book: &Book,
    ids: impl Iterator<Item = String>,
) -> Result<(), Status> {
    for id in ids {
        book.sent(&id);
        let answer = publisher.push(made_up(&id)).await?;
        book.answered(&id, answer);
    }
    Ok(())
}

async fn push_a_stream(
    publisher: &Publisher,
    book: &Book,
    mut ids: impl Iterator<Item = String>,
) -> Result<(), Status> {
    let (requests, stream) = mpsc::channel(IN_FLIGHT);
    let mut message = || {
        let id = ids.next().expect("there is always another one");
        book.sent(&id);
        proto::PushStreamRequest { submission: Some(made_up(&id)), correlation: id }
    };
    for _ in 0..IN_FLIGHT {
        requests.try_send(message()).expect("there is room");
    }
    let mut answers = publisher.push_stream(ReceiverStream::new(stream)).await?;
    while let Some(response) = answers.message().await? {
        match response.outcome {
            Some(Outcome::Answer(answer)) => book.answered(&response.correlation, answer),
            other => panic!("a sound submission is answered with {other:?}"),
        }
        if requests.send(message()).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// What is sent under an id: the same whenever it is sent, with a row in five submissions that is refused.
fn made_up(id: &str) -> proto::Submission {
    let number = number_of(id);
    let mut rows: Vec<_> =
        COMMUNES[..1 + number % COMMUNES.len()].iter().map(|unit| figure(unit, number)).collect();
    if has_a_bad_row(id) {
        rows.insert(0, figure("99999", number));
    }
    submission(FEED, id, rows)
}

fn figure(unit: &str, number: usize) -> proto::Row {
    row("community_digital_teams", unit, "2024-06-30", &(number % 1_000).to_string())
}

fn has_a_bad_row(id: &str) -> bool {
    number_of(id).is_multiple_of(5)
}

/// A number that looks random and is always the same for an id (FNV-1a).
fn number_of(id: &str) -> usize {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash >> 40).unwrap()
}

/// What the ledger has of a submission: copies of it, its rows, rows told apart, the sum of their values, verdicts.
fn whole(id: &str) -> [usize; 5] {
    let (number, bad) = (number_of(id), usize::from(has_a_bad_row(id)));
    let rows = 1 + number % COMMUNES.len();
    [1, rows, rows, rows * (number % 1_000), bad]
}

async fn holds(hub: &Hub, acked: &BTreeMap<String, proto::Answer>, others: &BTreeSet<String>) {
    let rows = "SELECT submission, count(*), count(DISTINCT \"row\"), CAST(sum(value) AS BIGINT) \
                FROM observations GROUP BY submission";
    let rows = counted(hub, rows).await;
    let copies =
        counted(hub, "SELECT submission, count(*) FROM submissions GROUP BY submission").await;
    let verdicts =
        counted(hub, "SELECT submission, count(*) FROM verdicts GROUP BY submission").await;
    let found = |id: &String| {
        let of = |counts: &BTreeMap<String, Vec<usize>>, index: usize| {
            counts.get(id).map_or(0, |row| row[index])
        };
        [of(&copies, 0), of(&rows, 0), of(&rows, 1), of(&rows, 2), of(&verdicts, 0)]
    };
    for id in acked.keys() {
        assert_eq!(found(id), whole(id), "the acked submission {id}");
    }
    for id in others {
        let found = found(id);
        assert!(
            found == [0; 5] || found == whole(id),
            "the unanswered submission {id} is there by halves: {found:?}"
        );
    }
    let known = |id: &&String| acked.contains_key(*id) || others.contains(*id);
    let strangers: Vec<_> = [&rows, &copies, &verdicts]
        .into_iter()
        .flat_map(BTreeMap::keys)
        .filter(|id| !known(id))
        .collect();
    assert!(strangers.is_empty(), "nobody sent {strangers:?}");
}

/// The counts of each submission.
async fn counted(hub: &Hub, statement: &str) -> BTreeMap<String, Vec<usize>> {
    let line = |line: String| {
        let mut cells = line.split(',').map(str::to_owned);
        let id = cells.next().unwrap();
        (id, cells.map(|cell| cell.parse().unwrap()).collect())
    };
    hub.sql(statement).await.into_iter().map(line).collect()
}

async fn gets_its_first_answer_again(
    publisher: &Publisher,
    acked: &BTreeMap<String, proto::Answer>,
    random: &mut Random,
) {
    for (id, answer) in acked {
        if random.below(8) == 0 {
            assert_eq!(&publisher.push(made_up(id)).await.unwrap(), answer, "{id}");
        }
    }
}

/// What was sent and what was answered, over all lives of the hub.
#[derive(Default)]
struct Book {
    submissions: Mutex<BTreeMap<String, Option<proto::Answer>>>,
    count: watch::Sender<usize>,
    hub_is_gone: AtomicBool,
}

impl Book {
    fn sent(&self, id: &str) {
        self.submissions.lock().unwrap().entry(id.to_owned()).or_default();
    }

    fn answered(&self, id: &str, answer: proto::Answer) {
        let first = self.submissions.lock().unwrap().insert(id.to_owned(), Some(answer)).flatten();
        assert!(first.is_none(), "{id} was answered twice");
        self.count.send_modify(|count| *count += 1);
    }

    fn count(&self) -> usize {
        *self.count.borrow()
    }

    async fn counts_to(&self, enough: usize) {
        self.count.subscribe().wait_for(|count| *count >= enough).await.unwrap();
    }

    fn unanswered(&self) -> Vec<String> {
        let submissions = self.submissions.lock().unwrap();
        submissions
            .iter()
            .filter(|(_, answer)| answer.is_none())
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// What was acked, and what was not.
    fn closed(&self) -> (BTreeMap<String, proto::Answer>, BTreeSet<String>) {
        let submissions = self.submissions.lock().unwrap().clone();
        let others = self.unanswered().into_iter().collect();
        (submissions.into_iter().filter_map(|(id, answer)| Some((id, answer?))).collect(), others)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the seed of a run that failed is given again by whoever looks into it"
)]
fn seed() -> u64 {
    let given = std::env::var("DINH_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let fresh = || {
        use std::hash::{BuildHasher as _, Hasher as _};
        std::hash::RandomState::new().build_hasher().finish()
    };
    given.unwrap_or_else(fresh)
}

/// Random numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
