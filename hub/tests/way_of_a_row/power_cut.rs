//! A power cut at any moment: what was acked by then is on the disk, and nothing is there by halves.
//!
//! A hub works under full load on an ext4 whose disk records every write and flush (see [`crate::recorded_disk`]), and
//! each answer is booked with the place in that record where it came. Then the disk is rebuilt as a power cut at some place would
//! have left it: all writes before the last flush, and of those after it any, some of them torn between sectors. The
//! file system's journal is replayed, the lake is checked, and held against the book as it was at that place.
//!
//! It was seen to fail when folders were not synced (`the acked submission … is lost`), and when files were not (the lake
//! did not open).
//!
//! It takes root, `/dev/fuse` and loop devices; elsewhere a short run says that it did not run, and a long one fails:
//!
//! ```text
//! DINH_TEST_ROUNDS=300 cargo test -p dinh-hub --test way_of_a_row power_cut -- --nocapture
//! ```

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::book::{self, Book};
use crate::chance::{Random, rounds};
use crate::content::{FEED, Form, made_up};
use crate::house::{Hub, Lake};
use crate::load::{push_from_all_sides, until_acked};
use crate::recorded_disk::{Event, Mounted, RecordedDisk, cannot_run};

/// Cuts of the ordinary tests.
const CUTS: usize = 6;
/// Submissions that are acked for each cut, so that a long run has merges and checkpoints too.
const ACKS_PER_CUT: usize = 4;
const ACKS_MIN: usize = 150;
const DISK_BYTES: usize = 96 << 20;
const SECTOR_BYTES: usize = 512;
/// One cut in so many is followed by a new life of the hub.
const LIVES: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acked_outlives_a_power_cut() {
    if cannot_run() {
        return;
    }
    let mut random = Random::seeded();
    let (cuts, began) = (rounds(CUTS), Instant::now());
    let (record, served, book, token) = recorded(ACKS_MIN.max(cuts * ACKS_PER_CUT)).await;
    let flushes = record[served..].iter().filter(|event| matches!(event, Event::Flush)).count();
    println!(
        "{} acks, {} events of the disk, {flushes} flushes",
        book.count(),
        record.len() - served
    );
    let mut places: Vec<_> = (0..cuts).map(|_| place(&record, served, &mut random)).collect();
    places.sort_unstable();
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk");
    let mut durable = Durable { bytes: vec![0; DISK_BYTES], flushed: 0 };
    for (index, place) in places.into_iter().enumerate() {
        let dropped = durable.cut(&record, place, &image, &mut random);
        let mounted = Mounted::of(&image);
        let lake = Lake::of(&mounted.folder().join("lake"));
        let page = book.at(place);
        let told = format!("cut {index} at {place}, {dropped} writes dropped or torn");
        println!("{told}, {} acked, {:.0} s", page.acked.len(), began.elapsed().as_secs_f64());
        lake.dinh(&["check"]).await.well();
        book::holds(&lake, &page).await;
        if index % LIVES == 0 {
            lives_on(&lake, &token, &page, index).await;
        }
    }
}

/// What happened to a disk while a hub served so many acks on it: the record, where in it serving began, the book that
/// was kept and the token that was pushed with.
async fn recorded(acks: usize) -> (Vec<Event>, usize, Arc<Book>, String) {
    let disk = RecordedDisk::new(DISK_BYTES);
    let mounted = Mounted::fresh(&disk.file());
    let hub = Hub::with_catalogue(&mounted.folder().join("lake")).await;
    let token = hub.token(FEED, Some("273")).await;
    let book = Arc::new(Book::marked(disk.mark()));
    let served = book.now();
    let mut senders = push_from_all_sides(&hub, &token, &book, "cut", Vec::new()).await;
    until_acked(&book, acks, &mut senders).await;
    hub.kill().await;
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    drop(mounted);
    (disk.into_record(), served, book, token)
}

/// A place to cut: half of them right after a flush or an event later, where the most hangs on it.
fn place(record: &[Event], served: usize, random: &mut Random) -> usize {
    let from = served + random.index(record.len() - served);
    let flush = record[from..].iter().position(|event| matches!(event, Event::Flush));
    match flush {
        Some(flush) if random.below(2) == 0 => {
            (from + flush + 1 + random.index(2)).min(record.len())
        }
        _ => from,
    }
}

/// What is durable for certain.
struct Durable {
    bytes: Vec<u8>,
    /// The place up to which it has everything.
    flushed: usize,
}

impl Durable {
    /// Writes the disk as a cut at a place may have left it; gives how many writes were lost in whole or in part.
    fn cut(&mut self, record: &[Event], place: usize, image: &Path, random: &mut Random) -> usize {
        let flush = record[..place].iter().rposition(|event| matches!(event, Event::Flush));
        let flush = flush.expect("a file system was made");
        for event in &record[self.flushed..flush] {
            apply(&mut self.bytes, event, |_| true);
        }
        self.flushed = flush;
        let mut bytes = self.bytes.clone();
        let mut dropped = 0;
        for event in &record[flush..place] {
            match random.below(3) {
                0 => apply(&mut bytes, event, |_| true),
                1 => {
                    apply(&mut bytes, event, |_| random.below(2) == 0);
                    dropped += 1;
                }
                _ => dropped += 1,
            }
        }
        write_sparse(image, &bytes);
        dropped
    }
}

/// Does a write, sector by sector, as far as it is to be done.
fn apply(bytes: &mut [u8], event: &Event, mut done: impl FnMut(usize) -> bool) {
    let Event::Write { offset, data } = event else { return };
    for (index, sector) in data.chunks(SECTOR_BYTES).enumerate() {
        if done(index) {
            let at = offset + index * SECTOR_BYTES;
            bytes[at..at + sector.len()].copy_from_slice(sector);
        }
    }
}

fn write_sparse(image: &Path, bytes: &[u8]) {
    const PAGE: usize = 4096;
    let mut file = File::create(image).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (index, page) in bytes.chunks(PAGE).enumerate() {
        if page.iter().any(|byte| *byte != 0) {
            file.seek(SeekFrom::Start((index * PAGE) as u64)).unwrap();
            file.write_all(page).unwrap();
        }
    }
}

/// The hub starts again: what was acked gets its first answer, and what is new lands.
async fn lives_on(lake: &Lake, token: &str, page: &book::Page, index: usize) {
    let hub = Hub::start(lake.folder()).await;
    let publisher = hub.publisher(token).await;
    for (id, answer) in page.acked.iter().take(3).chain(page.acked.iter().rev().take(3)) {
        let again = publisher.push(made_up(id, Form::Typed)).await.unwrap();
        assert_eq!(&again, answer, "{id}");
    }
    let newest = page.acked.values().map(|answer| answer.position).max().unwrap_or_default();
    let next = publisher.push(made_up(&format!("after-{index}"), Form::Arrow)).await.unwrap();
    assert!(next.position > newest, "{next:?}");
    hub.dinh(&["check"]).await.well();
    assert!(hub.stop().await.success());
}
