//! The n-th sync, link or open of the real binary fails: a node whose sync failed acks nothing more until it is started
//! again, for it cannot know what the disk holds; any other failure is refused politely, and passes.
//!
//! `strace` puts the faults into a hub that serves under full load; n is counted for each thread, so that what fails for
//! one would succeed for another that tried it again. Plain writes are not among the calls: `strace` cannot tell those of
//! files from those by which threads wake each other. [`crate::failing_disk`] has them, with a disk that is full and one
//! that is broken.
//!
//! It was seen to fail when a failed sync was tried again and then taken for a success.
//!
//! It takes `strace` and the right to trace; `DINH_TEST_WITHOUT=strace` says that a machine has it not. A long run:
//!
//! ```text
//! DINH_TEST_ROUNDS=200 cargo test -p dinh-hub --test way_of_a_row failing_calls -- --nocapture
//! ```

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::book::{self, Book};
use crate::chance::{Random, is_without, rounds};
use crate::content::{FEED, Form, made_up};
use crate::house::{Hub, PATIENCE};
use crate::load::push_from_all_sides;
use crate::standing::says;

/// Rounds of the ordinary tests: each fault once, and some.
const ROUNDS: usize = 12;
/// Acks after which a fault has passed, or was not met.
const ACKS: usize = 80;
/// Acks within which some thread comes to the sync that fails.
const ACKS_MAX: usize = 2_000;
/// Rounds of one lake.
const LIVES: usize = 50;
const SYNCS: &str = "fsync,fdatasync,sync_file_range,syncfs,msync,sync";

const LINKS: &str = "link,linkat,rename,renameat,renameat2";

/// What must follow from a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing more is acked.
    Stopped,
    /// It passes.
    Passed,
    /// One of both: a folder that cannot be opened cannot be synced, and a file that cannot be opened is tried again.
    Either,
}

/// Calls, their error, and what must follow.
const FAULTS: [(&str, &str, After); 6] = [
    (SYNCS, "EIO", After::Stopped),
    (LINKS, "ENOSPC", After::Passed),
    (SYNCS, "ENOSPC", After::Stopped),
    (LINKS, "EIO", After::Passed),
    (SYNCS, "EIO", After::Stopped),
    ("open,openat,openat2,creat", "ENOSPC", After::Either),
];
/// Times that senders are refused before a fault counts as one that does not pass.
const REFUSALS_MAX: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_loses_nothing_and_a_sync_that_fails_stops_the_acks() {
    if is_without("strace") {
        return;
    }
    let mut random = Random::seeded();
    let (rounds, mut done, mut met) = (rounds(ROUNDS), 0, 0);
    while done < rounds {
        let lives = LIVES.min(rounds - done);
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        let hub = Hub::with_catalogue(&lake).await;
        let token = hub.token(FEED, Some("273")).await;
        hub.kill().await;
        let book = Arc::new(Book::default());
        for round in done..done + lives {
            let (faults, told) = faulty(&lake, &token, &book, round, &mut random).await;
            let told = told.map(|status| status.message().to_owned());
            println!("round {round}: {faults}, told {told:?}");
            met += usize::from(!faults.is_empty());
        }
        let hub = Hub::start(&lake).await;
        book::holds(&hub.lake, &book.closed()).await;
        hub.dinh(&["check"]).await.well();
        done += lives;
        println!("{done} rounds, {met} faults met; {} acked, none lost", book.count());
    }
    assert!(met * 2 > rounds, "hardly any fault was met");
}

/// One life of a hub, in which a call fails: the first call that did, and what a sender was told.
async fn faulty(
    lake: &Path,
    token: &str,
    book: &Arc<Book>,
    round: usize,
    random: &mut Random,
) -> (String, Option<Status>) {
    let hub = Hub::start(lake).await;
    // Whatever became of the one before it.
    says(&hub, ServingStatus::Serving, 200, "ready at position").await;
    let (calls, error, after) = FAULTS[round % FAULTS.len()];
    let from = 1 + random.index(8);
    // Once, or twice in a row.
    let when = [format!("{from}"), format!("{from}..{}", from + 1)][random.index(2)].clone();
    let trace = lake.with_file_name("trace");
    let (mut tracer, _said) =
        inject(&hub, &trace, &format!("{calls}:error={error}:when={when}")).await;
    let enough = book.count() + if after == After::Stopped { ACKS_MAX } else { ACKS };
    let told = pushed_on(&hub, token, book, enough, round).await;
    let passed = book.count() >= enough;
    match after {
        After::Stopped => assert!(!passed, "{calls} {error} {when}: nothing was in the way"),
        After::Passed => assert!(passed, "{calls} {error} {when}: it does not pass: {told:?}"),
        After::Either => {}
    }
    if !passed {
        stays_stopped(&hub, token, book, round).await;
    }
    hub.kill().await;
    tracer.wait().await.unwrap();
    let calls = std::fs::read_to_string(&trace).unwrap();
    let first = calls.lines().find(|call| call.contains("(INJECTED)"));
    (first.unwrap_or_default().to_owned(), told)
}

/// Attaches a tracer that puts faults into a hub; it ends with the hub, or when nobody reads what it says.
async fn inject(hub: &Hub, trace: &Path, faults: &str) -> (Child, JoinSet<()>) {
    let calls = faults.split(':').next().unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-e", &format!("trace={calls}"), "-e", &format!("inject={faults}")]);
    command.arg("-o").arg(trace).args(["-p", &hub.process().to_string()]);
    let tracer = command.stderr(Stdio::piped()).kill_on_drop(true).spawn();
    let mut tracer = tracer
        .expect("`strace` is there, or DINH_TEST_WITHOUT=strace says that this machine has it not");
    let mut said = BufReader::new(tracer.stderr.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, said.next_line()).await.unwrap().unwrap();
    let attached = line.as_deref().is_some_and(|line| line.contains(" attached"));
    assert!(attached, "strace cannot trace the hub: {line:?}");
    let mut log = JoinSet::new();
    log.spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    (tracer, log)
}

/// Pushes on, whatever is refused, until much more is acked or it has been refused too often; gives the last refusal.
async fn pushed_on(
    hub: &Hub,
    token: &str,
    book: &Arc<Book>,
    enough: usize,
    round: usize,
) -> Option<Status> {
    let mut told = None;
    for wave in 0..REFUSALS_MAX {
        let unanswered = book.closed().others.into_iter().collect();
        let name = format!("{round}-{wave}");
        let mut senders = push_from_all_sides(hub, token, book, &name, unanswered).await;
        tokio::select! {
            acked = tokio::time::timeout(PATIENCE, book.counts_to(enough)) => acked.expect("the hub answers"),
            ended = senders.join_next() => told = Some(ended.unwrap().unwrap()),
        }
        senders.shutdown().await;
        if book.count() >= enough {
            break;
        }
        let code = told.as_ref().map(Status::code);
        assert!([Some(Code::Unavailable), Some(Code::Internal)].contains(&code), "{told:?}");
    }
    told
}

/// After a sync that failed nothing is acked, whoever asks and however often, and the hub says of itself that it does not
/// take pushes, and why; questions are still answered.
async fn stays_stopped(hub: &Hub, token: &str, book: &Book, round: usize) {
    let publisher = hub.publisher(token).await;
    for n in 0..10 {
        let id = format!("{round}-after-{n}");
        book.sent(&id);
        let pushed = publisher.push(made_up(&id, Form::Typed));
        let status = tokio::time::timeout(PATIENCE, pushed).await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        let why = "not ready: the disk did not take a sync";
        says(hub, ServingStatus::NotServing, 503, why).await;
    }
    hub.ask("units?q=song").await;
}
