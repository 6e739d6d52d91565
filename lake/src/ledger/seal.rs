//! Sealing the past: after it, nothing is recorded at or before a stamp any more, so what is answered as of then stays.
//!
//! A group has its stamp before its entry is there, so a reader who takes the newest snapshot may miss rows that are stamped
//! a moment ago. Who asks for that moment waits for what is on its way, and later groups get later stamps.

use super::{Ledger, LedgerError};

impl Ledger {
    /// Waits for the groups that may have a stamp at or before this one, and lets no later group have it. Every snapshot
    /// taken since has all rows up to it; where other hubs write too, all of ours.
    ///
    /// # Errors
    /// When it cannot be found out what became of an entry.
    pub async fn seal(&self, stamp: i64) -> Result<(), LedgerError> {
        if self.writer.lock().await.stamp >= stamp {
            return Ok(());
        }
        // With both locks there is no group on its way.
        let ahead = self.ahead.lock().await;
        let mut turn = self.turn.lock().await;
        self.settle(&mut turn).await?;
        let mut writer = self.writer.lock().await;
        writer.stamp = writer.stamp.max(stamp);
        drop(ahead);
        Ok(())
    }

    /// The stamp that every group from now on comes after.
    pub async fn sealed(&self) -> i64 {
        self.writer.lock().await.stamp
    }
}
