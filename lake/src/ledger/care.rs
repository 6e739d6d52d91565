//! Care of the ledger, beside its use and never in the way of an ack: files are merged, checkpoints keep opening quick, and
//! what nobody needs any more is deleted.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::merge::Merging;
use super::{Ledger, LedgerError};
use crate::delta::State;

/// Entries between checkpoints, at least; opening reads about as many.
const CHECKPOINT_EVERY: u64 = 100;
/// Removed files that a checkpoint remembers, for each of which an entry more may pass before the next.
const REMOVED_PER_ENTRY: u64 = 10;
/// Entries between checkpoints, at most.
const CHECKPOINT_EVERY_MAX: u64 = 1_000;

/// How often the log is cleaned within the time that its entries are kept.
const CLEANINGS_PER_RETENTION: u32 = 20;
/// How much longer than the retention a file without a name is kept on a store that hubs share.
const ORPHAN_AGE: Duration = Duration::from_secs(24 * 3_600);

/// What one round of care did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Files that were merged into others.
    pub merged_files: usize,
    /// Files that took their place.
    pub written_files: usize,
    /// Whether a checkpoint was written.
    pub checkpointed: bool,
    /// Files that were deleted from the store.
    pub deleted_files: u64,
    /// Entries of the log that were deleted.
    pub deleted_entries: u64,
    /// Whether there is more to do at once.
    pub more: bool,
    /// Whether a merge waits until fewer rows pour in: worth another look soon.
    pub held: bool,
    /// Whether nothing was done because another hub cares for the lake at present.
    pub elsewhere: bool,
}

/// What care has begun and not ended, and what it did last.
#[derive(Debug)]
pub(super) struct Care {
    merging: Option<Merging>,
    checkpoint: u64,
    /// Removed files that the last checkpoint remembers.
    removed: u64,
    /// Whether it left some to be deleted whose retention is over.
    more_expired: bool,
    checkpointed_at: Instant,
    cleaned_at: Option<Instant>,
    orphans_at: Option<Instant>,
}

impl Care {
    pub(super) fn begin(state: &State) -> Self {
        Self {
            merging: None,
            checkpoint: state.checkpoint.unwrap_or_default(),
            removed: state.removed.len() as u64,
            more_expired: false,
            checkpointed_at: Instant::now(),
            cleaned_at: None,
            orphans_at: None,
        }
    }
}

impl Ledger {
    /// Does one round of care: what is most urgent of sorting and merging, and a checkpoint if the last one is old.
    ///
    /// # Errors
    /// When the store fails; nothing is lost by it, and the next round tries again.
    pub async fn maintain(&self) -> Result<Maintained, LedgerError> {
        let mut care = self.care.lock().await;
        let mut done = Maintained::default();
        self.merge_some(&mut care.merging, &mut done).await?;
        if self.checkpoint_due(&care) {
            self.checkpoint(&mut care, &mut done).await?;
        }
        if self.clean_due(&care) {
            self.clean(&mut care, &mut done).await?;
        }
        Ok(done)
    }

    /// A checkpoint costs what it remembers, so the more that is, the more entries pass before the next.
    fn checkpoint_due(&self, care: &Care) -> bool {
        let since = self.snapshot().position.saturating_sub(care.checkpoint);
        let every = care.removed / REMOVED_PER_ENTRY;
        let old = care.checkpointed_at.elapsed() >= self.retention;
        since >= every.clamp(CHECKPOINT_EVERY, CHECKPOINT_EVERY_MAX)
            || care.more_expired
            || old && (since > 0 || care.removed > 0)
    }

    async fn checkpoint(&self, care: &mut Care, done: &mut Maintained) -> Result<(), LedgerError> {
        let retention = i64::try_from(self.retention.as_millis()).unwrap_or(i64::MAX);
        let expired_ms = (self.clock.micros() / 1000).saturating_sub(retention);
        self.readers.tidy();
        let readers = Arc::clone(&self.readers);
        let written = self.table.checkpoint(expired_ms, move |path| readers.need(path)).await?;
        (care.checkpoint, care.removed) = (written.version, written.removed);
        care.more_expired = written.more;
        done.more |= written.more;
        care.checkpointed_at = Instant::now();
        done.checkpointed = true;
        done.deleted_files += written.deleted;
        self.metrics.deleted_files.inc_by(written.deleted);
        Ok(())
    }

    /// Deletes old entries of the log, and files that nobody names.
    async fn clean(&self, care: &mut Care, done: &mut Maintained) -> Result<(), LedgerError> {
        let older_than = self.clock.now() - self.retention;
        done.deleted_entries += self.table.clean_log(care.checkpoint, older_than).await?;
        self.metrics.deleted_entries.inc_by(done.deleted_entries);
        care.cleaned_at = Some(Instant::now());
        let due = care.orphans_at.is_none_or(|at| at.elapsed() >= self.retention);
        if due && care.merging.is_none() {
            // An entry whose outcome is unknown names a file that may be as old as the trouble with the store.
            self.settle(&mut *self.turn.lock().await).await?;
            let older_than = older_than - self.orphan_age();
            let deleted = self.table.delete_orphans(older_than).await?;
            self.metrics.deleted_files.inc_by(deleted);
            done.deleted_files += deleted;
            care.orphans_at = Some(Instant::now());
        }
        Ok(())
    }

    /// How much longer than the retention a file without a name is kept: another hub whose store fails holds on to the
    /// file of its unknown entry, and nobody here can see it.
    fn orphan_age(&self) -> Duration {
        let shared = self.table.place.url.scheme() != "file";
        if shared { ORPHAN_AGE } else { Duration::ZERO }
    }

    fn clean_due(&self, care: &Care) -> bool {
        let pause = self.retention / CLEANINGS_PER_RETENTION;
        care.cleaned_at.is_none_or(|at| at.elapsed() >= pause)
    }
}
