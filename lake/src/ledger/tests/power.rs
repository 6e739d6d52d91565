//! *Power cuts*: at every call that changes the disk the power goes, and whatever was not synced is lost, cut short,
//! zeroed, torn or kept, by chance. Whoever opens the lake afterwards finds all that was acked, once and whole, nothing
//! half there, and goes on; and may be cut off again while he does.
//!
//! A workload runs once on a disk that remembers its calls; then the disk is put together as it may have been after each
//! of them. `DINH_TEST_ROUNDS=20 cargo test -p dinh-lake --lib power -- --ignored` cuts at every call of 20 workloads.

pub(super) mod disk;

use std::fmt::Write as _;

use super::books::{Books, figures};
use super::chance::{Chance, rounds};
use super::*;
use crate::ledger::merge::{FAN_IN, FRESH_FILES};
use crate::ledger::schema::KINDS;
use crate::store::SyncedFolder;
use disk::RecordingDisk;

/// Cuts in the short run.
const CUTS: usize = 24;

/// A ledger's folder on a disk that remembers.
pub(super) struct Machine {
    folder: TempDir,
    pub(super) disk: RecordingDisk,
}

impl Machine {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // `Place::folder` makes it, and syncs it, before anything is opened.
        std::fs::create_dir(folder.path().join("ledger")).unwrap();
        Self::with(folder)
    }

    fn with(folder: TempDir) -> Self {
        let disk = RecordingDisk::over(folder.path());
        Self { folder, disk }
    }

    pub(super) async fn open(&self) -> Result<Ledger, LedgerError> {
        let url = Url::from_directory_path(self.folder.path().join("ledger")).unwrap();
        let folder = SyncedFolder::on(Arc::new(self.disk.clone()));
        let place = Place::on(folder, url);
        Ledger::open(place, Clock::system(), 1 << 20, LakeMetrics::default()).await
    }

    /// The machine after a power cut at its `count`th call, swept as whoever opens a lake does first.
    pub(super) fn cut(&self, count: usize, chance: &mut Chance) -> Self {
        let folder = tempfile::tempdir().unwrap();
        self.disk.cut(count, chance, folder.path());
        crate::store::sweep(folder.path()).unwrap();
        Self::with(folder)
    }
}

/// What the ledger did, and how many calls had been made when each phase began and each answer was out.
#[derive(Default)]
struct History {
    phases: Vec<(usize, &'static str)>,
    /// The books as they were when so many calls had been made.
    books: Vec<(usize, Books)>,
}

impl History {
    fn begin(&mut self, machine: &Machine, phase: &'static str) {
        self.phases.push((machine.disk.call_count(), phase));
    }

    fn note(&mut self, machine: &Machine, books: &Books) {
        self.books.push((machine.disk.call_count(), books.clone()));
    }

    /// What clients had been told when `count` calls had been made; all that was ever sent counts as sent.
    fn books_at(&self, count: usize) -> Books {
        let told = self.books.iter().rev().find(|(calls, _)| *calls <= count);
        let sent = self.books.last().map(|(_, books)| books.sent.clone());
        let acked = told.map(|(_, books)| books.acked.clone());
        Books { sent: sent.unwrap_or_default(), acked: acked.unwrap_or_default() }
    }

    fn phase_at(&self, count: usize) -> &'static str {
        self.phases.iter().rev().find(|(calls, _)| *calls <= count).map_or("", |(_, phase)| phase)
    }
}

/// What a merge of sorted files is called among the phases.
const MERGE: &str = "merge of sorted files";

/// Everything that a ledger does to a disk, in the order of a life.
async fn live(machine: &Machine, chance: &mut Chance) -> History {
    let (mut history, mut books) = (History::default(), Books::default());
    history.begin(machine, "open");
    let ledger = machine.open().await.unwrap();
    let mut merges = 0;
    for round in 0..FAN_IN {
        history.begin(machine, "push");
        for n in 0..FRESH_FILES {
            let group = (0..=chance.below(2)).map(|part| {
                let rows = 1 + chance.below(4);
                let rows = (0..rows).map(|row| (row as u32, Some(chance.below(1000) as i64)));
                figures("a", &format!("{round}-{n}-{part}"), &rows.collect::<Vec<_>>())
            });
            books.push(&ledger, group.collect()).await.unwrap();
            history.note(machine, &books);
        }
        history.begin(machine, "sort");
        assert_eq!(ledger.maintain().await.unwrap().merged_files, FRESH_FILES);
        history.begin(machine, MERGE);
        while let merged @ 1.. = ledger.maintain().await.unwrap().merged_files {
            assert_eq!(merged, FAN_IN);
            merges += 1;
        }
        history.begin(machine, "checkpoint");
        // Nobody reads what was removed, so all of it may go at once.
        let written = ledger.table.checkpoint(i64::MAX, |_| false).await.unwrap();
        history.begin(machine, "cleaning of the log");
        let late = Clock::system().now() + chrono::TimeDelta::days(1);
        assert!(ledger.table.clean_log(written.version, late).await.unwrap() > 0);
        history.begin(machine, "vacuum");
        ledger.table.delete_orphans(late).await.unwrap();
    }
    assert_eq!(merges, KINDS.len(), "sorted files of each kind were merged");
    history.begin(machine, "reopen");
    drop(ledger);
    let ledger = machine.open().await.unwrap();
    history.begin(machine, "push");
    books.push(&ledger, vec![figures("b", "last", &[(1, Some(1))])]).await.unwrap();
    history.note(machine, &books);
    history
}

/// Opens what a power cut left, holds it against the books, goes on with it, and cuts that short again.
async fn recover(cut: &Machine, mut books: Books, chance: &mut Chance) {
    let ledger = cut.open().await.unwrap();
    books.hold(&ledger).await;
    let mut history = History::default();
    history.note(cut, &books);
    books.push(&ledger, vec![figures("b", "after", &[(1, Some(2))])]).await.unwrap();
    history.note(cut, &books);
    books.push_all_again(&ledger).await.unwrap();
    history.note(cut, &books);
    ledger.maintain().await.unwrap();
    history.note(cut, &books);
    drop(ledger);
    let count = chance.below(cut.disk.call_count() + 1);
    let again = cut.cut(count, chance);
    history.books_at(count).hold(&again.open().await.unwrap()).await;
}

async fn cut_at(machine: &Machine, history: &History, count: usize, mut chance: Chance) {
    let calls = machine.disk.calls();
    let mut place = format!("cut while in `{}`, after", history.phase_at(count));
    for call in &calls[count.saturating_sub(3)..count] {
        write!(place, " {call:.300?}").unwrap();
    }
    println!("{place}");
    let cut = machine.cut(count, &mut chance);
    recover(&cut, history.books_at(count), &mut chance).await;
}

/// Kills the ledger at a call, lets the next one answer for what it finds, and only then cuts the power.
async fn kill_then_cut(calls: usize, chance: &mut Chance) {
    let (machine, mut books) = (Machine::new(), Books::default());
    let mut ledger = machine.open().await.unwrap();
    machine.disk.kill_after(Some(calls));
    for n in 0..4 {
        let figure = [(n, Some(i64::from(n)))];
        let push = books.push(&ledger, vec![figures("a", &n.to_string(), &figure)]);
        tokio::select! {
            pushed = push => drop(pushed),
            () = machine.disk.killed.notified() => break,
        }
    }
    machine.disk.kill_after(None);
    ledger = machine.open().await.unwrap();
    books.push_all_again(&ledger).await.unwrap();
    let cut = machine.cut(machine.disk.call_count(), chance);
    books.hold(&cut.open().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_hub_left_is_durable_before_the_next_one_answers_for_it() {
    let mut chance = Chance::seeded();
    for calls in 0..rounds(32) {
        kill_then_cut(calls, &mut chance).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acked_survives_a_power_cut() {
    let mut chance = Chance::seeded();
    let machine = Machine::new();
    let history = live(&machine, &mut chance).await;
    let calls = machine.disk.call_count();
    for n in 0..CUTS {
        // One in every stretch of the life, so that no phase is left out.
        let count = (n * calls + chance.below(calls)) / CUTS;
        cut_at(&machine, &history, count, chance.fork()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acked_survives_a_power_cut_at_any_call_of_a_merge_of_sorted_files() {
    let mut chance = Chance::seeded();
    let machine = Machine::new();
    let history = live(&machine, &mut chance).await;
    let counts = 0..=machine.disk.call_count();
    let within: Vec<_> = counts.filter(|count| history.phase_at(*count) == MERGE).collect();
    assert!(within.len() > 10 * KINDS.len(), "a merge takes many calls: {within:?}");
    for count in within {
        cut_at(&machine, &history, count, chance.fork()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every call of as many lives as `DINH_TEST_ROUNDS` says"]
async fn what_was_acked_survives_a_power_cut_at_every_call() {
    let mut chance = Chance::seeded();
    for _ in 0..rounds(1) {
        let machine = Machine::new();
        let history = live(&machine, &mut chance).await;
        for count in 0..=machine.disk.call_count() {
            cut_at(&machine, &history, count, chance.fork()).await;
        }
    }
}
