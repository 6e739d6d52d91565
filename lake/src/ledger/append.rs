//! Group commit: some submissions become one file and one entry.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use tracing::{debug, info, instrument};

use super::encode::{FileStats, encode};
use super::once::{self, Once};
use super::producers::{self, Line, Producers};
use super::read;
use super::schema::{SUBMISSION, Stamped, group_rows};
use super::snapshot::DataFile;
use super::{Ledger, LedgerError};
use crate::delta::{Commit, DeltaError, Entry, Provenance, Removed, State, unique};
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

/// What only the one who appends may touch.
#[derive(Debug)]
pub(super) struct Writer {
    /// The last stamp given out.
    pub(super) stamp: i64,
    pub(super) once: Once,
    pub(super) producers: Producers,
    /// An entry whose outcome is unknown; it comes before all others.
    uncertain: Option<Prepared>,
}

/// An entry on its way: its files are written, it is not known to be.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) position: u64,
    pub(super) entry: Entry,
    pub(super) files: Vec<DataFile>,
    pub(super) staged: Staged,
}

/// What is known of the log beyond the writer's own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tip {
    /// Another hub may have put entries since.
    MayHaveMoved,
    /// Just now there was none.
    Seen,
}

impl Writer {
    pub(super) fn new(state: &State, once: Once) -> Self {
        let mut producers = Producers::default();
        producers.learn(&state.transactions);
        Self { stamp: state.newest.stamp, once, producers, uncertain: None }
    }
}

/// Rows of a group above which it is encoded off the async threads.
const ENCODE_ASIDE_ROWS: usize = 4_096;

impl Ledger {
    /// Records a group of submissions; when it returns they are durable and every snapshot taken since has them.
    /// Gives one outcome for each, in their order.
    ///
    /// # Errors
    /// When the store fails. Nothing of the group is recorded then, unless the error is
    /// [`DeltaError::Unknown`]; either way the same submissions may be sent again.
    #[instrument(skip_all, fields(submissions = group.len()))]
    pub async fn append(&self, group: Vec<Submission>) -> Result<Vec<Outcome>, LedgerError> {
        self.pace().await;
        let appended = self.append_group(&group).await;
        self.note(&appended);
        appended
    }

    async fn append_group(&self, group: &[Submission]) -> Result<Vec<Outcome>, LedgerError> {
        let mut writer = self.writer.lock().await;
        self.settle(&mut writer).await?;
        let mut outcomes = BTreeMap::new();
        let mut tip = Tip::MayHaveMoved;
        loop {
            let Some(fresh) = self.sift(&writer, group, &mut outcomes, tip).await? else {
                self.catch_up(&mut writer).await?;
                tip = Tip::Seen;
                continue;
            };
            if fresh.is_empty() {
                break;
            }
            let (prepared, answers) = self.prepare(&writer, &fresh).await?;
            if self.commit(&mut writer, prepared).await? {
                let indices = fresh.iter().map(|(index, _)| *index);
                outcomes.extend(indices.zip(answers.into_iter().map(Outcome::Recorded)));
            }
            tip = Tip::MayHaveMoved;
        }
        drop(writer);
        Ok(outcomes.into_values().collect())
    }

    /// Commits an entry and publishes what is true afterwards: whether it was ours.
    pub(super) async fn commit(
        &self,
        writer: &mut Writer,
        prepared: Prepared,
    ) -> Result<bool, LedgerError> {
        match self.table.commit(prepared.position, &prepared.entry, &prepared.staged).await {
            Ok(Commit::Done) => {
                self.take_own(writer, prepared);
                Ok(true)
            }
            Ok(Commit::Ghost) => {
                self.metrics.ghosts.inc();
                self.reload(writer).await?;
                Ok(false)
            }
            Ok(Commit::Lost(winner)) => {
                self.metrics.lost_races.inc();
                self.take_foreign(writer, prepared.position, *winner).await?;
                Ok(false)
            }
            Err(error) => {
                if matches!(error, DeltaError::Unknown { .. }) {
                    writer.uncertain = Some(prepared);
                }
                Err(error.into())
            }
        }
    }

    /// Finds out what became of an entry whose outcome was unknown. After a failed sync nothing is written any more.
    pub(super) async fn settle(&self, writer: &mut Writer) -> Result<(), LedgerError> {
        if self.table.is_stopped() {
            return Err(LedgerError::Stopped);
        }
        if let Some(prepared) = writer.uncertain.take() {
            self.commit(writer, prepared).await?;
        }
        Ok(())
    }

    /// Takes in the entries that other hubs have put since.
    ///
    /// # Errors
    /// When the store fails; what was taken in stays.
    pub async fn follow(&self) -> Result<(), LedgerError> {
        let mut writer = self.writer.lock().await;
        self.settle(&mut writer).await?;
        self.catch_up(&mut writer).await
    }

    async fn catch_up(&self, writer: &mut Writer) -> Result<(), LedgerError> {
        loop {
            let next = self.published.borrow().position + 1;
            let Some(entry) = self.table.read(next).await? else {
                if self.is_cleaned_beyond(next).await? {
                    self.reload(writer).await?;
                }
                return Ok(());
            };
            self.take_foreign(writer, next, entry).await?;
        }
    }

    /// Answers what the ledger holds already or does not take, and gives back what is new, each id once.
    ///
    /// Gives none where a number seems to be missing that another hub may have recorded: then the tip of the log must be
    /// seen first. That a number is used or an epoch fenced no newer entry can change.
    async fn sift<'a>(
        &self,
        writer: &Writer,
        group: &'a [Submission],
        outcomes: &mut BTreeMap<usize, Outcome>,
        tip: Tip,
    ) -> Result<Option<Vec<(usize, &'a Submission)>>, LedgerError> {
        let mut fresh: Vec<(usize, &Submission)> = Vec::with_capacity(group.len());
        let mut ids = HashSet::with_capacity(group.len());
        let mut line = Line::behind(&writer.producers);
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
            } else if !ids.contains(&(feed, id)) {
                match line.step(feed, submission.numbering.as_ref()) {
                    Ok(()) => {
                        ids.insert((feed, id));
                        fresh.push((index, submission));
                    }
                    Err(OutOfTurn::Gap { .. }) if tip == Tip::MayHaveMoved => return Ok(None),
                    Err(refused) => {
                        outcomes.insert(index, Outcome::OutOfTurn(refused));
                    }
                }
            }
        }
        Ok(Some(fresh))
    }

    /// Stamps a group, writes its file and draws up its entry.
    async fn prepare(
        &self,
        writer: &Writer,
        fresh: &[(usize, &Submission)],
    ) -> Result<(Prepared, Vec<Answer>), LedgerError> {
        let position = self.published.borrow().position + 1;
        let base = self.clock.micros().max(writer.stamp + 1);
        let stamps = (base..).zip(fresh);
        let stamped: Vec<_> = stamps
            .map(|(recorded_at, (_, submission))| Stamped { submission, recorded_at, position })
            .collect();
        let answers: Vec<_> = stamped.iter().map(Stamped::answer).collect();
        let rows = group_rows(&stamped)?;
        let stats = FileStats::of(&rows);
        let bytes = if stats.num_records > ENCODE_ASIDE_ROWS as u64 {
            let rows = rows.clone();
            tokio::task::spawn_blocking(move || encode(&rows)).await??
        } else {
            encode(&rows)?
        };
        let provenance = Provenance {
            commit: unique(),
            stamp: base + i64::try_from(fresh.len()).unwrap_or(i64::MAX) - 1,
            submissions: answers.iter().map(summary).collect(),
        };
        let path = format!("{position:020}-{}.parquet", provenance.commit);
        let file = DataFile::fresh(path, bytes.len(), self.clock.micros() / 1000, stats, rows);
        let entry = Entry {
            provenance,
            transactions: producers::transactions(&stamped),
            adds: vec![file.to_live()],
            ..Entry::default()
        };
        self.metrics.file_bytes.inc_by(bytes.len() as u64);
        let staged = self.table.write(position, &entry, &file.path, bytes).await?;
        Ok((Prepared { position, entry, files: vec![file], staged }, answers))
    }

    fn take_own(&self, writer: &mut Writer, prepared: Prepared) {
        let Prepared { position, entry, files, .. } = prepared;
        writer.stamp = entry.provenance.stamp;
        writer.producers.learn(&entry.transactions);
        for file in &files {
            writer.once.learn(file.hot.as_deref().unwrap_or_default());
        }
        let rows: u64 = files.iter().map(|file| file.stats.num_records).sum();
        info!(position, submissions = entry.provenance.submissions.len(), rows, "recorded");
        self.metrics.commits.inc();
        self.publish(writer, position, &entry.removes, files);
    }

    /// Takes in an entry that another hub put at `position`.
    async fn take_foreign(
        &self,
        writer: &mut Writer,
        position: u64,
        winner: Entry,
    ) -> Result<(), LedgerError> {
        debug!(position, "an entry of another hub is taken in");
        let mut files = Vec::with_capacity(winner.adds.len());
        for add in winner.adds {
            let path = add.path.clone();
            let file = DataFile::from_live(add);
            files.push(
                file.map_err(|error| LedgerError::Stats { file: path, reason: error.to_string() })?,
            );
        }
        for file in &files {
            // The ids in a sorted file are found by its filters.
            if !file.is_sorted() {
                let store = &self.table.place.store;
                let rows = read::rows(store, file, SUBMISSION, &once::COLUMNS).await?;
                writer.once.learn(&rows);
            }
        }
        writer.stamp = writer.stamp.max(winner.provenance.stamp);
        writer.producers.learn(&winner.transactions);
        self.publish(writer, position, &winner.removes, files);
        Ok(())
    }

    fn publish(
        &self,
        writer: &mut Writer,
        position: u64,
        removed: &[Removed],
        added: Vec<DataFile>,
    ) {
        let before = self.snapshot();
        let next = before.advance(position, removed, added, self.limits.hot_bytes_max);
        self.metrics.observe(&next);
        // In one step under the writer's lock, so an id is always known either here or by a file.
        self.published.send_replace(Arc::new(next));
        writer.once.forget(before.named(removed));
        self.readers.note(before.named(removed));
    }
}

/// What the log says of a submission, for readers of the log alone.
fn summary(answer: &Answer) -> serde_json::Value {
    serde_json::json!({
        "feed": answer.feed, "id": answer.submission, "digest": answer.digest, "accepted": answer.accepted,
        "warned": answer.warned, "refused": answer.refused, "recorded_at": answer.recorded_at.timestamp_micros(),
    })
}
