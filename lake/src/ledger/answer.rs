//! The answer that a submission got, read from the ledger: the same for ever, however often its files were merged.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use super::once::{Last, last};
use super::schema::{SUBMISSION, VERDICT};
use super::seek::{self, Sought};
use super::snapshot::{DataFile, Snapshot};
use super::{Ledger, LedgerError, read};
use crate::submission::Answer;

impl Ledger {
    /// The answer of a submission, if the files of a snapshot hold it: at a known position, or anywhere.
    pub(super) async fn answer(
        &self,
        snapshot: &Snapshot,
        position: Option<u64>,
        feed: &str,
        submission: &str,
    ) -> Result<Option<Answer>, LedgerError> {
        for file in snapshot.files.iter().rev() {
            if !file.stats.may_hold(SUBMISSION) {
                continue;
            }
            let row = match (position, file.is_sorted()) {
                (Some(position), _) if !file.covers(position) => None,
                // What is in a fresh file is known by its position.
                (None, false) => None,
                (_, true) => {
                    self.filters.find(&self.table.place.store, file, [feed, submission]).await?
                }
                (Some(_), false) => self.find_fresh(file, feed, submission).await?,
            };
            if let Some(row) = row {
                let mut answer = of_row(&row);
                self.add_verdicts(snapshot, &mut answer).await?;
                return Ok(Some(answer));
            }
        }
        match position {
            None => Ok(None),
            Some(position) => Err(LedgerError::Missing {
                feed: feed.to_owned(),
                id: submission.to_owned(),
                position,
            }),
        }
    }

    async fn find_fresh(
        &self,
        file: &DataFile,
        feed: &str,
        submission: &str,
    ) -> Result<Option<RecordBatch>, LedgerError> {
        let batches = read::rows(&self.table.place.store, file, SUBMISSION, &[]).await?;
        Ok(batches.iter().find_map(|batch| seek::row(batch, feed, submission)))
    }

    async fn add_verdicts(
        &self,
        snapshot: &Snapshot,
        answer: &mut Answer,
    ) -> Result<(), LedgerError> {
        if answer.warned + answer.refused == 0 {
            return Ok(());
        }
        let store = &self.table.place.store;
        let stamp = answer.recorded_at.timestamp_micros();
        for file in &snapshot.files {
            if !file.covers(answer.position) || !file.stats.may_hold(VERDICT) {
                continue;
            }
            let rows = if file.is_sorted() {
                seek::rows(store, file, None, &[Sought::Whole("recorded_at", stamp)]).await?
            } else {
                read::rows(store, file, VERDICT, &[]).await?
            };
            answer.verdicts.extend(read::verdicts(&rows, &answer.feed, &answer.submission));
        }
        Ok(())
    }

    /// The newest submission of a feed, which the entry at a position holds.
    pub(super) async fn last_at(
        &self,
        position: u64,
        feed: &str,
    ) -> Result<Option<Last>, LedgerError> {
        let snapshot = self.snapshot();
        let store = &self.table.place.store;
        let mut newest: Option<Last> = None;
        for file in &snapshot.files {
            if !file.covers(position) || !file.stats.may_hold(SUBMISSION) {
                continue;
            }
            let rows = if file.is_sorted() {
                let at = i64::try_from(position).unwrap_or(i64::MAX);
                let sought = [Sought::Text("feed", feed), Sought::Whole("position", at)];
                seek::rows(store, file, None, &sought).await?
            } else {
                read::rows(store, file, SUBMISSION, &[]).await?
            };
            let all =
                rows.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
            let ours =
                all.filter_map(|(batch, row)| last(batch, row)).filter(|(of, _)| *of == feed);
            for (_, last) in ours {
                if newest.as_ref().is_none_or(|known| known.recorded_at < last.recorded_at) {
                    newest = Some(last);
                }
            }
        }
        Ok(newest)
    }
}

/// The answer that one submission row tells, without its verdicts.
fn of_row(row: &RecordBatch) -> Answer {
    let text = |name: &str| row[name].as_string::<i32>().value(0).to_owned();
    let whole = |name: &str| row[name].as_primitive::<Int64Type>().value(0).unsigned_abs();
    let stamp = row["recorded_at"].as_primitive::<TimestampMicrosecondType>().value(0);
    Answer {
        feed: text("feed"),
        submission: text("submission"),
        position: whole("position"),
        recorded_at: chrono::DateTime::from_timestamp_micros(stamp).unwrap_or_default(),
        digest: text("digest"),
        accepted: whole("accepted"),
        warned: whole("warned"),
        refused: whole("refused"),
        verdicts: Vec::new(),
    }
}

impl DataFile {
    /// Whether it may hold rows of an entry.
    pub(super) fn covers(&self, position: u64) -> bool {
        (self.stats.min_values.position..=self.stats.max_values.position).contains(&position)
    }
}
