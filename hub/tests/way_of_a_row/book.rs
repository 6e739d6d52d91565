//! A client's own ledger: what was sent, and what was answered, over all lives of a hub; and the hub held against it.
//!
//! What is acked must be there once and whole, with the content, position, stamp and digest of its answer. What was sent
//! and never answered is there whole or not at all. Nothing else is there. Positions and stamps are in one order, and
//! `current` is what that order makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dinh_proto::v1 as proto;
use tokio::sync::watch;

use crate::content::{FEED, PRODUCER, has_a_bad_row, landing, numbered, numbering};
use crate::engines::Totals;
use crate::house::Lake;

/// Numbers of an epoch, if its producer lives that long.
const EPOCH: u64 = 60;

/// What was sent and what was answered, over all lives of the hub.
#[derive(Default)]
pub(crate) struct Book {
    submissions: Mutex<BTreeMap<String, Option<Acked>>>,
    count: watch::Sender<usize>,
    /// A count that goes up as the world goes on; an answer is booked with what it was.
    mark: Arc<AtomicUsize>,
}

/// An answer, and the mark at which it had come.
#[derive(Clone, Debug)]
pub(crate) struct Acked {
    pub(crate) answer: proto::Answer,
    pub(crate) mark: usize,
}

/// A book as far as it was written at some moment.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) acked: BTreeMap<String, proto::Answer>,
    /// Sent, or yet to be sent, without an answer.
    pub(crate) others: BTreeSet<String>,
}

impl Book {
    /// A book whose answers are marked.
    pub(crate) fn marked(mark: Arc<AtomicUsize>) -> Self {
        Self { mark, ..Self::default() }
    }

    /// The mark as it is now.
    pub(crate) fn now(&self) -> usize {
        self.mark.load(Ordering::SeqCst)
    }

    pub(crate) fn sent(&self, id: &str) {
        self.submissions.lock().unwrap().entry(id.to_owned()).or_default();
    }

    /// Books an answer; whoever asks again, however and wherever, must get the same bytes.
    pub(crate) fn answered(&self, id: &str, answer: proto::Answer) {
        let mark = self.now();
        let mut submissions = self.submissions.lock().unwrap();
        let booked = submissions.get_mut(id).unwrap_or_else(|| panic!("nobody sent {id}"));
        match booked {
            Some(first) => {
                let bytes = [&first.answer, &answer].map(prost::Message::encode_to_vec);
                assert!(
                    bytes[0] == bytes[1],
                    "{id} was answered {:?}, then {answer:?}",
                    first.answer
                );
            }
            None => {
                assert_eq!(answer.submission, id);
                *booked = Some(Acked { answer, mark });
                self.count.send_modify(|count| *count += 1);
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        *self.count.borrow()
    }

    pub(crate) async fn counts_to(&self, enough: usize) {
        self.count.subscribe().wait_for(|count| *count >= enough).await.unwrap();
    }

    /// What a producer sends next: first what was not answered, and every now and then a new epoch.
    pub(crate) fn next_number(&self) -> (u64, u64) {
        let submissions = self.submissions.lock().unwrap();
        let acked = |id: &str| submissions.get(id).is_some_and(Option::is_some);
        let newest = submissions.keys().filter_map(|id| numbering(id)).max().unwrap_or((1, 0));
        let next = (1..).find(|sequence| !acked(&numbered(newest.0, *sequence)));
        let next = next.expect("there are always more numbers");
        if next > EPOCH { (newest.0 + 1, 1) } else { (newest.0, next) }
    }

    /// One that was answered before; any number gives one.
    pub(crate) fn earlier(&self, number: u64) -> Option<String> {
        let submissions = self.submissions.lock().unwrap();
        let from = submissions.range(format!("{}", number % 1_000)..).chain(submissions.iter());
        from.into_iter().find(|(_, acked)| acked.is_some()).map(|(id, _)| id.clone())
    }

    /// The book as it is now.
    pub(crate) fn closed(&self) -> Page {
        self.at(usize::MAX)
    }

    /// The book as it was at a mark.
    pub(crate) fn at(&self, mark: usize) -> Page {
        let mut page = Page::default();
        for (id, acked) in &*self.submissions.lock().unwrap() {
            match acked {
                Some(acked) if acked.mark <= mark => {
                    page.acked.insert(id.clone(), acked.answer.clone());
                }
                _ => {
                    page.others.insert(id.clone());
                }
            }
        }
        page
    }
}

/// What a lake holds under one id.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    /// Rows, rows told apart, sum of values, the same weighted by row number, cells taken back.
    rows: Option<[i64; 5]>,
    /// Copies, accepted, refused.
    submission: Option<[i64; 3]>,
    /// Producer, epoch and sequence as the lake tells them; nothing between the slashes where it is not numbered.
    numbering: String,
    /// Verdicts that refuse a row.
    verdicts: Option<i64>,
    digest: String,
    /// Every position and every stamp that a part of it names.
    places: BTreeSet<(i64, i64)>,
}

impl Held {
    /// What an id should have, in its place.
    fn whole(id: &str, digest: &str, place: (i64, i64)) -> Self {
        let bad = i64::from(has_a_bad_row(id));
        let numbering = numbering(id).map_or_else(
            || "//".to_owned(),
            |(epoch, sequence)| format!("{PRODUCER}/{epoch}/{sequence}"),
        );
        let (mut count, mut sum, mut weighted, mut taken_back) = (0, 0, 0, 0);
        for (row, figure) in landing(id) {
            let value = figure.value.unwrap_or_default().cast_signed();
            count += 1;
            sum += value;
            weighted += value * row.cast_signed();
            taken_back += i64::from(figure.value.is_none());
        }
        Self {
            rows: Some([count, count, sum, weighted, taken_back]),
            submission: Some([1, count, bad]),
            numbering,
            verdicts: (bad > 0).then_some(bad),
            digest: digest.to_owned(),
            places: BTreeSet::from([place]),
        }
    }
}

/// Everything, in one statement, so that all of it is of one moment.
const STATEMENT: &str = "
    SELECT 'rows' AS part, submission AS key, count(*) AS a, count(DISTINCT \"row\") AS b,
           CAST(coalesce(sum(value), 0) AS BIGINT) AS c, CAST(coalesce(sum(value * \"row\"), 0) AS BIGINT) AS d,
           count(*) FILTER (WHERE status = 'withdrawn') AS e, min(position) AS p, max(position) AS q,
           CAST(min(recorded_at) AS BIGINT) AS s, CAST(max(recorded_at) AS BIGINT) AS t, '' AS digest, '' AS numbering
      FROM observations GROUP BY submission
    UNION ALL
    SELECT 'submission' AS part, submission AS key, count(*) AS a, sum(accepted) AS b, sum(refused) AS c,
           0 AS d, 0 AS e, min(position) AS p, max(position) AS q, CAST(min(recorded_at) AS BIGINT) AS s,
           CAST(max(recorded_at) AS BIGINT) AS t, min(digest) AS digest,
           concat(min(producer), '/', min(epoch), '/', min(sequence)) AS numbering
      FROM submissions GROUP BY submission
    UNION ALL
    SELECT 'verdicts' AS part, submission AS key, count(*) FILTER (WHERE severity = 'refused') AS a, count(*) AS b,
           0 AS c, 0 AS d, 0 AS e, min(position) AS p, max(position) AS q, CAST(min(recorded_at) AS BIGINT) AS s,
           CAST(max(recorded_at) AS BIGINT) AS t, '' AS digest, '' AS numbering
      FROM verdicts GROUP BY submission
    UNION ALL
    SELECT 'current' AS part, concat(unit, '/', period) AS key, CAST(value AS BIGINT) AS a, 0 AS b, 0 AS c, 0 AS d,
           0 AS e, position AS p, position AS q, CAST(recorded_at AS BIGINT) AS s, CAST(recorded_at AS BIGINT) AS t,
           submission AS digest, '' AS numbering
      FROM current";

/// The newest value of each cell, and the submission that it came by.
type Current = BTreeMap<String, (i64, String)>;

/// Holds a lake against a page of the book, and gives what it holds in all.
pub(crate) async fn holds(lake: &Lake, page: &Page) -> Totals {
    let mut held: BTreeMap<String, Held> = BTreeMap::new();
    let mut current = Current::new();
    let mut totals = Totals { feed: FEED.to_owned(), ..Totals::default() };
    let mut sum = 0;
    for line in lake.sql(STATEMENT).await {
        let cells: Vec<_> = line.split(',').collect();
        let number =
            |index: usize| cells[index].parse::<i64>().unwrap_or_else(|_| panic!("{line}"));
        let (part, key, text) = (cells[0], cells[1], cells[11]);
        if part == "current" {
            let (unit, day) = key.split_once('/').unwrap();
            let cell = format!("{}/{day}", unit.trim_end_matches(".1"));
            current.insert(cell, (number(2), text.to_owned()));
            continue;
        }
        let one = held.entry(key.to_owned()).or_default();
        one.places.extend([(number(7), number(9)), (number(8), number(10))]);
        match part {
            "rows" => {
                one.rows = Some([2, 3, 4, 5, 6].map(number));
                totals.by_submission.entry(key.to_owned()).or_default().0 =
                    number(2).cast_unsigned();
                sum += number(4);
            }
            "submission" => {
                one.submission = Some([2, 3, 4].map(number));
                text.clone_into(&mut one.digest);
                cells[12].clone_into(&mut one.numbering);
            }
            _ => {
                one.verdicts = Some(number(2)).filter(|refused| *refused > 0);
                totals.by_submission.entry(key.to_owned()).or_default().1 =
                    number(3).cast_unsigned();
            }
        }
    }
    for (id, answer) in &page.acked {
        let there = held.get(id).unwrap_or_else(|| panic!("the acked submission {id} is lost"));
        let (position, digest) =
            (answer.position.cast_signed(), &answer.report.as_ref().unwrap().digest);
        let whole = Held::whole(id, digest, (position, micros(answer)));
        assert_eq!(there, &whole, "the acked submission {id}");
    }
    for (id, there) in held.iter().filter(|(id, _)| !page.acked.contains_key(*id)) {
        assert!(page.others.contains(id), "nobody sent {id}");
        let place = there.places.first().copied().unwrap_or_default();
        let whole = Held::whole(id, &there.digest, place);
        assert_eq!(there, &whole, "the unanswered submission {id} is there by halves");
    }
    assert_eq!(current, newest(&held), "`current` is not what the ledger makes of it");
    totals.sum = format!("{sum}.000000");
    totals
}

fn micros(answer: &proto::Answer) -> i64 {
    let at = answer.recorded_at.as_ref().unwrap();
    at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000
}

/// What the submissions that are there make of each cell, one after the other in the ledger's order.
fn newest(held: &BTreeMap<String, Held>) -> Current {
    let mut order: Vec<_> =
        held.iter().map(|(id, held)| (*held.places.first().unwrap(), id)).collect();
    order.sort_by_key(|((position, stamp), _)| (*stamp, *position));
    let (mut current, mut last) = (Current::new(), (0, 0));
    for (index, ((position, stamp), id)) in order.iter().enumerate() {
        if let Some(((before, earlier), _)) = index.checked_sub(1).map(|before| &order[before]) {
            assert!(before <= position && earlier < stamp, "{id} is out of the ledger's order");
        }
        if let Some(number) = numbering(id) {
            let next = [(last.0, last.1 + 1), (number.0.max(last.0 + 1), 1)];
            assert!(next.contains(&number), "{id} follows {last:?}");
            last = number;
        }
        for (_, figure) in landing(id) {
            let cell = format!("{}/{}", figure.unit, figure.day);
            match figure.value {
                Some(value) => {
                    current.insert(cell, (value.cast_signed(), (*id).clone()));
                }
                None => {
                    current.remove(&cell);
                }
            }
        }
    }
    current
}
