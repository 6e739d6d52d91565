//! Drawing a group up: what of it is new, its stamps, its rows, its file and its entry, all of it in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::append::{Ahead, Flight, Outcome, Outcomes, Writer};
use super::encode::{FileStats, encode};
use super::producers::{self, Line};
use super::schema::{Stamped, group_rows};
use super::snapshot::DataFile;
use super::{Ledger, LedgerError};
use crate::delta::{Entry, Provenance, unique};
use crate::submission::{Answer, Submission};

/// Rows of a group above which it is encoded off the async threads.
const ENCODE_ASIDE_ROWS: u64 = 4_096;

/// What is known of the log beyond what the writer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tip {
    /// Another hub may have put entries since.
    MayHaveMoved,
    /// Just now there was none.
    Seen,
}

/// A group that is encoded for the place behind one certain entry, and not written yet.
#[derive(Debug)]
pub(super) struct Draft {
    /// The entry that it comes behind.
    pub(super) behind: String,
    pub(super) position: u64,
    /// The answers to its submissions, with their places in the group.
    pub(super) answers: Vec<(usize, Answer)>,
    pub(super) entry: Entry,
    pub(super) file: DataFile,
    pub(super) bytes: Bytes,
}

/// The end of the ledger, as it is or as it will be.
#[derive(Debug, Default)]
pub(super) struct End {
    newest: String,
    position: u64,
    stamp: i64,
}

impl Ledger {
    /// Draws up what is new in a group, behind the group that is in flight if one is. What only the outcome of that one can
    /// decide is left out, without an outcome.
    pub(super) async fn draft_ahead(
        &self,
        ahead: &mut Ahead,
        group: &Arc<Vec<Submission>>,
        outcomes: &mut Outcomes,
    ) -> Result<Option<Draft>, LedgerError> {
        let (fresh, end) = {
            let writer = self.writer.lock().await;
            let flight = ahead.flight.as_ref().filter(|flight| flight.behind == writer.newest);
            let sifted = self.sift(&writer, flight, group, outcomes, Tip::MayHaveMoved).await?;
            // That the tip must be seen first can only be found out by who has the turn.
            let Some(fresh) = sifted else { return Ok(None) };
            let end = flight.map_or_else(|| self.end(&writer), Flight::end);
            (fresh, end)
        };
        let draft = self.draw_up(group, fresh, end).await?;
        if let Some(draft) = &draft {
            ahead.flight = Some(draft.flight(group));
        }
        Ok(draft)
    }

    /// Draws up what is new in a group behind the newest entry, for who has the turn. Gives no draft where nothing is new,
    /// and nothing at all where the tip of the log must be seen first.
    pub(super) async fn draft(
        &self,
        group: &Arc<Vec<Submission>>,
        outcomes: &mut Outcomes,
        tip: Tip,
    ) -> Result<Option<Option<Draft>>, LedgerError> {
        let (fresh, end) = {
            let writer = self.writer.lock().await;
            let Some(fresh) = self.sift(&writer, None, group, outcomes, tip).await? else {
                return Ok(None);
            };
            (fresh, self.end(&writer))
        };
        self.draw_up(group, fresh, end).await.map(Some)
    }

    fn end(&self, writer: &Writer) -> End {
        let position = self.published.borrow().position;
        End { newest: writer.newest.clone(), position, stamp: writer.stamp }
    }

    /// Answers what the ledger holds already or does not take, and gives the places of what is new, each id once.
    ///
    /// Gives none where a number is out of turn as far as is known here: another hub may have recorded the numbers before it,
    /// or this very id, so the tip of the log must be seen first.
    async fn sift(
        &self,
        writer: &Writer,
        flight: Option<&Flight>,
        group: &[Submission],
        outcomes: &mut Outcomes,
        tip: Tip,
    ) -> Result<Option<Vec<usize>>, LedgerError> {
        let mut fresh = Vec::with_capacity(group.len());
        let mut ids = HashSet::with_capacity(group.len());
        let mut line = Line::behind(&writer.producers);
        if let Some(flight) = flight {
            line.pass(&flight.transactions);
        }
        for (index, submission) in group.iter().enumerate() {
            if outcomes.contains_key(&index) {
                continue;
            }
            let (feed, id) = (submission.feed.as_str(), submission.id.as_str());
            let position = writer.once.position(feed, id);
            if let Some(first) = self.answer(&self.snapshot(), position, feed, id).await? {
                let same = first.digest == submission.digest;
                let conflict = || Outcome::Conflict { recorded_digest: first.digest.clone() };
                outcomes.insert(index, if same { Outcome::Repeated(first) } else { conflict() });
                continue;
            }
            if ids.contains(&(feed, id)) || flight.is_some_and(|flight| flight.has(feed, id)) {
                continue;
            }
            match line.step(feed, submission.numbering.as_ref()) {
                Ok(()) => {
                    ids.insert((feed, id));
                    fresh.push(index);
                }
                // Whether the numbers in flight arrive is not known yet.
                Err(_) if flight.is_some() => {}
                // Another hub may have taken the numbers before it, or recorded this very id.
                Err(_) if tip == Tip::MayHaveMoved => return Ok(None),
                Err(refused) => {
                    outcomes.insert(index, Outcome::OutOfTurn(refused));
                }
            }
        }
        Ok(Some(fresh))
    }

    /// Stamps and encodes some submissions of a group for the place behind an end.
    async fn draw_up(
        &self,
        group: &Arc<Vec<Submission>>,
        fresh: Vec<usize>,
        end: End,
    ) -> Result<Option<Draft>, LedgerError> {
        if fresh.is_empty() {
            return Ok(None);
        }
        let now = self.clock.micros();
        let rows: u64 = fresh.iter().map(|index| group[*index].accepted.num_rows() as u64).sum();
        let draft = if rows > ENCODE_ASIDE_ROWS {
            let group = Arc::clone(group);
            tokio::task::spawn_blocking(move || Draft::new(&group, &fresh, end, now)).await??
        } else {
            Draft::new(group, &fresh, end, now)?
        };
        Ok(Some(draft))
    }
}

impl Flight {
    fn end(&self) -> End {
        End { newest: self.commit.clone(), position: self.position, stamp: self.stamp }
    }

    fn has(&self, feed: &str, id: &str) -> bool {
        self.ids.get(feed).is_some_and(|ids| ids.contains(id))
    }
}

impl Draft {
    pub(super) fn new(
        group: &[Submission],
        fresh: &[usize],
        end: End,
        now: i64,
    ) -> Result<Self, LedgerError> {
        let End { newest, position, stamp } = end;
        let (base, position) = (now.max(stamp + 1), position + 1);
        let stamped: Vec<_> = (base..)
            .zip(fresh)
            .map(|(recorded_at, index)| Stamped {
                submission: &group[*index],
                recorded_at,
                position,
            })
            .collect();
        let answers: Vec<_> =
            fresh.iter().copied().zip(stamped.iter().map(Stamped::answer)).collect();
        let rows = group_rows(&stamped)?;
        let stats = FileStats::of(&rows);
        let bytes = encode(&rows)?;
        let provenance = Provenance {
            commit: unique(),
            stamp: base + i64::try_from(fresh.len()).unwrap_or(i64::MAX) - 1,
            submissions: answers.iter().map(|(_, answer)| summary(answer)).collect(),
        };
        let path = format!("{position:020}-{}.parquet", provenance.commit);
        let file = DataFile::fresh(path, bytes.len(), now / 1000, stats, rows);
        let entry = Entry {
            provenance,
            transactions: producers::transactions(&stamped),
            adds: vec![file.to_live()],
            ..Entry::default()
        };
        Ok(Self { behind: newest, position, answers, entry, file, bytes })
    }

    /// What the next group must reckon with.
    fn flight(&self, group: &[Submission]) -> Flight {
        let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
        for submission in self.answers.iter().map(|(index, _)| &group[*index]) {
            ids.entry(submission.feed.clone()).or_default().insert(submission.id.clone());
        }
        Flight {
            behind: self.behind.clone(),
            commit: self.entry.provenance.commit.clone(),
            position: self.position,
            stamp: self.entry.provenance.stamp,
            ids,
            transactions: self.entry.transactions.clone(),
        }
    }
}

/// What the log says of a submission, for readers of the log alone.
fn summary(answer: &Answer) -> serde_json::Value {
    serde_json::json!({
        "feed": answer.feed, "id": answer.submission, "digest": answer.digest, "accepted": answer.accepted,
        "warned": answer.warned, "refused": answer.refused, "recorded_at": answer.recorded_at.timestamp_micros(),
    })
}
