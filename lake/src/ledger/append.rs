//! Group commit, two groups at a time: one is drawn up and encoded while the one before it syncs.
//!
//! ```text
//!           [ahead]                          [turn]
//! ready ──> sift ─> stamp ─> encode ─┬─────> still behind the same entry? ─ yes ─> show ─> publish ─> outcomes
//!                                    │ write                │ no
//!                                    └──────>               └──> drawn up again, under the turn
//! ```
//!
//! Two locks are taken hand over hand: `ahead` by who draws a group up, `turn` by who commits; `ahead` is let go once the
//! turn is had. So groups commit in the order in which they were drawn up, and there are never more than two.
//!
//! Invariants:
//! - *Turn*: only the holder of the turn shows entries, publishes snapshots and changes what the writer knows.
//! - *Behind*: a group that was drawn up ahead is committed only if the newest entry is the very one that it was drawn up
//!   behind. Otherwise its stamps, its position, or what it takes for new may be wrong, and it is drawn up again.
//! - *In flight*: what a group ahead can only guess (a repeat of an id in flight, a number behind one in flight) it leaves
//!   open; that is decided under the turn, when it is known what became of the group before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures::join;
use tokio::sync::MutexGuard;
use tracing::{debug, info, instrument};

use super::draft::{Draft, Tip};
use super::once::{self, Once};
use super::producers::Producers;
use super::read;
use super::schema::SUBMISSION;
use super::snapshot::DataFile;
use super::{Ledger, LedgerError};
use crate::delta::{Commit, DeltaError, Entry, State};
use crate::store::Staged;
use crate::submission::{Answer, OutOfTurn, Submission};

/// What became of one submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the ledger now.
    Recorded(Answer),
    /// It was in the ledger already; this is its first answer.
    Repeated(Answer),
    /// Its id belongs to a submission with other content, which stays.
    Conflict {
        /// The digest of what is recorded under the id.
        recorded_digest: String,
    },
    /// Its number does not come next; nothing of it is recorded.
    OutOfTurn(OutOfTurn),
}

/// What the ledger is known to hold, up to its newest entry. Changed only by who has the turn; never held during a sync.
#[derive(Debug)]
pub(super) struct Writer {
    /// The last stamp given out.
    pub(super) stamp: i64,
    /// The newest entry that was taken in, by its attempt.
    pub(super) newest: String,
    pub(super) once: Once,
    pub(super) producers: Producers,
}

/// The right to commit.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// An entry whose outcome is unknown; it comes before all others.
    uncertain: Option<Prepared>,
}

/// The right to draw a group up, and what was drawn up last.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pub(super) flight: Option<Flight>,
}

/// A group that is on its way: what the next one must reckon with, should it arrive.
#[derive(Debug)]
pub(super) struct Flight {
    /// The entry that it was drawn up behind.
    pub(super) behind: String,
    /// Its own entry.
    pub(super) commit: String,
    pub(super) position: u64,
    pub(super) stamp: i64,
    /// The ids of the submissions in it, by feed.
    pub(super) ids: HashMap<String, HashSet<String>>,
    pub(super) transactions: BTreeMap<String, u64>,
}

/// An entry on its way: its files are durable, it is not known to be.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) position: u64,
    pub(super) entry: Entry,
    pub(super) files: Vec<DataFile>,
    pub(super) staged: Staged,
}

/// A group whose file is durable.
struct Written {
    behind: String,
    answers: Vec<(usize, Answer)>,
    prepared: Prepared,
}

impl Writer {
    pub(super) fn new(state: &State, once: Once) -> Self {
        let mut producers = Producers::default();
        producers.learn(&state.transactions);
        let newest = &state.newest;
        Self { stamp: newest.stamp, newest: newest.commit.clone(), once, producers }
    }
}

/// The outcomes of a group so far, by place in it.
pub(super) type Outcomes = BTreeMap<usize, Outcome>;

/// The place of the next group, which may be drawn up now. While it is held no other group is.
#[derive(Debug)]
pub struct Ready<'a> {
    ledger: &'a Ledger,
    ahead: MutexGuard<'a, Ahead>,
}

impl Ready<'_> {
    /// Records a group of submissions; when it returns they are durable and every snapshot taken since has them.
    /// Gives one outcome for each, in their order.
    ///
    /// # Errors
    /// When the store fails. Nothing of the group is recorded then, unless the error is
    /// [`DeltaError::Unknown`]; either way the same submissions may be sent again.
    #[instrument(skip_all, fields(submissions = group.len()))]
    pub async fn append(self, group: Vec<Submission>) -> Result<Vec<Outcome>, LedgerError> {
        let ledger = self.ledger;
        ledger.pace().await;
        let appended = Box::pin(self.append_group(Arc::new(group))).await;
        ledger.note(&appended);
        appended
    }

    async fn append_group(self, group: Arc<Vec<Submission>>) -> Result<Vec<Outcome>, LedgerError> {
        let Self { ledger, mut ahead } = self;
        let mut outcomes = Outcomes::new();
        let draft = ledger.draft_ahead(&mut ahead, &group, &mut outcomes).await?;
        let next = async {
            let turn = ledger.turn.lock().await;
            drop(ahead);
            turn
        };
        let write = async {
            match draft {
                Some(draft) => ledger.write(draft).await.map(Some),
                None => Ok(None),
            }
        };
        let (mut turn, written) = join!(next, write);
        ledger.finish(&mut turn, &group, &mut outcomes, written?).await?;
        Ok(outcomes.into_values().collect())
    }
}

impl Ledger {
    /// Waits until a group may be drawn up: at once, unless one is being drawn up already. One more may be syncing.
    pub async fn ready(&self) -> Ready<'_> {
        Ready { ledger: self, ahead: self.ahead.lock().await }
    }

    /// Records a group as soon as it may be drawn up, see [`Ready::append`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn append(&self, group: Vec<Submission>) -> Result<Vec<Outcome>, LedgerError> {
        self.ready().await.append(group).await
    }

    /// Commits what was written ahead if it still holds, and then whatever of the group has no outcome yet.
    async fn finish(
        &self,
        turn: &mut Turn,
        group: &Arc<Vec<Submission>>,
        outcomes: &mut Outcomes,
        written: Option<Written>,
    ) -> Result<(), LedgerError> {
        if let Err(error) = self.settle(turn).await {
            if let Some(written) = written {
                self.abandon(&written.prepared).await;
            }
            return Err(error);
        }
        if let Some(ahead) = written {
            let holds = self.writer.lock().await.newest == ahead.behind;
            if holds {
                self.record(turn, ahead, outcomes).await?;
            } else {
                debug!(position = ahead.prepared.position, "a group is drawn up again");
                self.metrics.drawn_again.inc();
                self.abandon(&ahead.prepared).await;
            }
        }
        let mut tip = Tip::MayHaveMoved;
        while outcomes.len() < group.len() {
            let Some(draft) = self.draft(group, outcomes, tip).await? else {
                self.catch_up().await?;
                tip = Tip::Seen;
                continue;
            };
            let Some(draft) = draft else { break };
            let written = self.write(draft).await?;
            self.record(turn, written, outcomes).await?;
            tip = Tip::MayHaveMoved;
        }
        Ok(())
    }

    /// Writes the file of a group and stages its entry.
    async fn write(&self, draft: Draft) -> Result<Written, LedgerError> {
        let Draft { behind, position, answers, entry, file, bytes } = draft;
        self.metrics.file_bytes.inc_by(bytes.len() as u64);
        let staged = self.table.write(position, &entry, &file.path, bytes).await?;
        Ok(Written {
            behind,
            answers,
            prepared: Prepared { position, entry, files: vec![file], staged },
        })
    }

    /// Commits a group; where another hub was first it has no outcomes still.
    async fn record(
        &self,
        turn: &mut Turn,
        written: Written,
        outcomes: &mut Outcomes,
    ) -> Result<(), LedgerError> {
        let Written { answers, prepared, .. } = written;
        let paths: Vec<_> = prepared.files.iter().map(|file| file.path.clone()).collect();
        if self.commit(turn, prepared).await? {
            outcomes.extend(
                answers.into_iter().map(|(index, answer)| (index, Outcome::Recorded(answer))),
            );
        } else {
            // What was refused may have been refused for numbers of this very group, which did not arrive.
            outcomes.retain(|_, outcome| !matches!(outcome, Outcome::OutOfTurn(_)));
            for path in paths {
                self.table.discard_file(&path).await;
            }
        }
        Ok(())
    }

    /// Takes back what was written for an entry that is not to be.
    async fn abandon(&self, prepared: &Prepared) {
        // What the disk holds after a failed sync is looked at by whoever opens it next.
        if !self.table.is_stopped() {
            self.table.discard(&prepared.staged).await;
            for file in &prepared.files {
                self.table.discard_file(&file.path).await;
            }
        }
    }

    /// Commits an entry and publishes what is true afterwards: whether it was ours.
    pub(super) async fn commit(
        &self,
        turn: &mut Turn,
        prepared: Prepared,
    ) -> Result<bool, LedgerError> {
        match self.table.commit(prepared.position, &prepared.entry, &prepared.staged).await {
            Ok(Commit::Done) => {
                self.take_own(prepared).await;
                Ok(true)
            }
            Ok(Commit::Ghost) => {
                self.metrics.ghosts.inc();
                self.reload().await?;
                Ok(false)
            }
            Ok(Commit::Lost(winner)) => {
                self.metrics.lost_races.inc();
                self.take_foreign(prepared.position, *winner).await?;
                Ok(false)
            }
            Err(error) => {
                if matches!(error, DeltaError::Unknown { .. }) {
                    turn.uncertain = Some(prepared);
                }
                Err(error.into())
            }
        }
    }

    /// Finds out what became of an entry whose outcome was unknown. After a failed sync nothing is written any more.
    pub(super) async fn settle(&self, turn: &mut Turn) -> Result<(), LedgerError> {
        if self.table.is_stopped() {
            return Err(LedgerError::Stopped);
        }
        if let Some(prepared) = turn.uncertain.take() {
            self.commit(turn, prepared).await?;
        }
        Ok(())
    }

    /// Takes in the entries that other hubs have put since.
    ///
    /// # Errors
    /// When the store fails; what was taken in stays.
    pub async fn follow(&self) -> Result<(), LedgerError> {
        let mut turn = self.turn.lock().await;
        self.settle(&mut turn).await?;
        self.catch_up().await
    }

    async fn catch_up(&self) -> Result<(), LedgerError> {
        loop {
            let next = self.published.borrow().position + 1;
            let Some(entry) = self.table.read(next).await? else {
                if self.is_cleaned_beyond(next).await? {
                    self.reload().await?;
                }
                return Ok(());
            };
            self.take_foreign(next, entry).await?;
        }
    }

    async fn take_own(&self, prepared: Prepared) {
        let Prepared { position, entry, files, .. } = prepared;
        let mut writer = self.writer.lock().await;
        for file in &files {
            writer.once.learn(file.hot.as_deref().unwrap_or_default());
        }
        let rows: u64 = files.iter().map(|file| file.stats.num_records).sum();
        info!(position, submissions = entry.provenance.submissions.len(), rows, "recorded");
        self.metrics.commits.inc();
        self.publish(&mut writer, position, &entry, files);
    }

    /// Takes in an entry that another hub put at `position`.
    async fn take_foreign(&self, position: u64, mut winner: Entry) -> Result<(), LedgerError> {
        debug!(position, "an entry of another hub is taken in");
        let mut files = Vec::with_capacity(winner.adds.len());
        for add in std::mem::take(&mut winner.adds) {
            let path = add.path.clone();
            let file = DataFile::from_live(add);
            files.push(
                file.map_err(|error| LedgerError::Stats { file: path, reason: error.to_string() })?,
            );
        }
        let mut learned = Vec::new();
        for file in &files {
            // The ids in a sorted file are found by its filters.
            if !file.is_sorted() {
                let store = &self.table.place.store;
                learned.extend(read::rows(store, file, SUBMISSION, &once::COLUMNS).await?);
            }
        }
        let mut writer = self.writer.lock().await;
        writer.once.learn(&learned);
        self.publish(&mut writer, position, &winner, files);
        Ok(())
    }

    /// Makes an entry known to writers and readers at once: an id is never known before its rows can be read.
    fn publish(&self, writer: &mut Writer, position: u64, entry: &Entry, added: Vec<DataFile>) {
        writer.stamp = writer.stamp.max(entry.provenance.stamp);
        writer.newest.clone_from(&entry.provenance.commit);
        writer.producers.learn(&entry.transactions);
        let (before, removed) = (self.snapshot(), &entry.removes);
        let next = before.advance(position, removed, added, self.limits.hot_bytes_max);
        self.metrics.observe(&next);
        // In one step under the writer's lock, so an id is always known either here or by a file.
        self.published.send_replace(Arc::new(next));
        writer.once.forget(before.named(removed));
        self.readers.note(before.named(removed));
    }
}
