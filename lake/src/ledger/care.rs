//! Care of the ledger, beside its use and never in the way of an ack: files are merged, and checkpoints keep opening quick.

use std::sync::atomic::Ordering;

use super::merge::Merging;
use super::{Ledger, LedgerError};

/// Entries between checkpoints.
const CHECKPOINT_EVERY: u64 = 100;

/// What one round of care did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Files that were merged into others.
    pub merged_files: usize,
    /// Files that took their place.
    pub written_files: usize,
    /// Whether a checkpoint was written.
    pub checkpointed: bool,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// What care has begun and not ended.
#[derive(Debug, Default)]
pub(super) struct Care {
    merging: Option<Merging>,
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
        let position = self.snapshot().position;
        let last = self.checkpointed.load(Ordering::Relaxed);
        if position >= last + CHECKPOINT_EVERY {
            self.table.checkpoint().await?;
            self.checkpointed.store(position, Ordering::Relaxed);
            done.checkpointed = true;
        }
        Ok(done)
    }
}
