//! *A disk in trouble*: each call that changes the disk fails once, or for a while, as a broken, a full or a read-only
//! disk makes it fail. A write that failed costs time; a sync that failed stops the ledger at once, whoever asked for it,
//! for a second sync of the same bytes may succeed and keep nothing. Either way the power goes in the end, and all that
//! was acked is there.
//!
//! `cargo test -p dinh-lake --lib trouble -- --ignored` fails every call in every way.

use super::books::{Books, figures};
use super::chance::{Chance, rounds};
use super::power::Machine;
use super::power::disk::Trouble;
use super::*;
use crate::ledger::merge::FRESH_FILES;

/// Troubles of the short run.
const TROUBLES: usize = 24;
/// Input/output error, no space left, read-only file system.
const ERRNOS: [i32; 3] = [5, 28, 30];
/// How often a client tries again; more than any trouble lasts.
const PATIENCE: usize = 30;

/// A ledger in which one more push makes a merge due, on a disk where all of it is durable.
async fn ripe() -> (Machine, Books) {
    let (machine, mut books) = (Machine::new(), Books::default());
    let ledger = machine.open().await.unwrap();
    for n in 1..FRESH_FILES {
        let figure = [(u32::try_from(n).unwrap(), Some(7))];
        books.push(&ledger, vec![figures("a", &n.to_string(), &figure)]).await.unwrap();
    }
    (machine, books)
}

/// Whether the ledger still takes submissions; what it says of a failed sync is held against what the disk knows.
async fn try_push(machine: &Machine, ledger: &Ledger, books: &mut Books, id: &str) -> bool {
    for _ in 0..PATIENCE {
        let synced = machine.disk.lost_no_sync();
        match books.push(ledger, vec![figures("a", id, &[(1, Some(1)), (2, None)])]).await {
            Ok(()) => {
                assert!(synced, "a push was acked after a sync had failed");
                return true;
            }
            Err(error) => {
                println!("a push: {error:.160}");
                let stopped = matches!(error, LedgerError::Stopped);
                assert!(!(stopped && machine.disk.lost_no_sync()), "stopped without a failed sync");
                if stopped {
                    return false;
                }
            }
        }
    }
    panic!("the ledger neither takes a push nor says that it has stopped");
}

/// Pushes, merges, writes a checkpoint and pushes again, for as long as the ledger takes anything.
async fn live(machine: &Machine, books: &mut Books) {
    let Some(ledger) = open_through(machine).await else { return };
    for round in 0..2 {
        if !try_push(machine, &ledger, books, &format!("x{round}")).await {
            return;
        }
        match ledger.maintain().await {
            Ok(done) => assert!(round > 0 || done.merged_files > 0, "there was something to merge"),
            Err(error) => println!("a merge: {error:.160}"),
        }
        if let Err(error) = ledger.table.checkpoint(0, |_| false).await {
            println!("a checkpoint: {error:.160}");
        }
    }
    try_push(machine, &ledger, books, "last").await;
}

async fn open_through(machine: &Machine) -> Option<Ledger> {
    for _ in 0..PATIENCE {
        match machine.open().await {
            Ok(ledger) => {
                machine.disk.forget_failures();
                return Some(ledger);
            }
            Err(error) => println!("opening: {error:.160}"),
        }
    }
    // Whoever cannot open the lake has promised nothing.
    None
}

async fn through(
    ripe: &Machine,
    books: &Books,
    trouble: Option<Trouble>,
    mut chance: Chance,
) -> usize {
    println!("{trouble:?}");
    let (machine, mut books) = (ripe.cut(ripe.disk.call_count(), &mut chance), books.clone());
    machine.disk.trouble(trouble);
    live(&machine, &mut books).await;
    machine.disk.trouble(None);
    println!("failed {:?}", machine.disk.failed());
    let after = machine.cut(machine.disk.call_count(), &mut chance);
    let ledger = after.open().await.unwrap();
    books.hold(&ledger).await;
    books.push_all_again(&ledger).await.unwrap();
    machine.disk.made()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_in_trouble_loses_nothing_and_a_failed_sync_stops_the_ledger() {
    let mut chance = Chance::seeded();
    let (ripe, books) = ripe().await;
    let calls = through(&ripe, &books, None, chance.fork()).await;
    for n in 0..TROUBLES {
        let trouble = Trouble {
            from: (n * calls + chance.below(calls)) / TROUBLES,
            calls: [1, 1, 4, 12][chance.below(4)],
            errno: ERRNOS[chance.below(ERRNOS.len())],
        };
        through(&ripe, &books, Some(trouble), chance.fork()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every call fails in every way"]
async fn a_disk_in_trouble_at_any_call_loses_nothing() {
    let mut chance = Chance::seeded();
    let (ripe, books) = ripe().await;
    let calls = through(&ripe, &books, None, chance.fork()).await;
    for from in (0..rounds(1)).flat_map(|_| 0..calls) {
        for errno in ERRNOS {
            for calls in [1, 4, 12] {
                let trouble = Trouble { from, calls, errno };
                through(&ripe, &books, Some(trouble), chance.fork()).await;
            }
        }
    }
}
