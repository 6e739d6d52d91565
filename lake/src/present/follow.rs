//! Filling the present state from the ledger's files, and following what the ledger publishes.

use std::sync::{Arc, PoisonError, RwLockWriteGuard, TryLockError};
use std::time::Duration;

use arrow::array::RecordBatch;
use tokio::sync::watch;
use tracing::info;

use super::{COLUMNS, Present, ROWS_AT_ONCE, State, wanted};
use crate::catalogue::Catalogue;
use crate::ledger::{self, DataFile, Ledger, LedgerError, OBSERVATION, Snapshot};

/// Rows that are taken in before others may look.
const CHUNK_ROWS: usize = 8_192;
/// How often the lock is tried for before it is waited for, which holds up whoever comes after.
const TRIES_MAX: usize = 100;
const TRY_AGAIN: Duration = Duration::from_millis(1);

/// The files with entries beyond a position.
pub(super) fn pending(snapshot: &Snapshot, position: u64) -> impl Iterator<Item = &Arc<DataFile>> {
    let holds = move |file: &&Arc<DataFile>| {
        file.stats.max_values.position > position && file.stats.may_hold(OBSERVATION)
    };
    snapshot.files.iter().rev().filter(holds)
}

impl Present {
    /// Fills itself, then follows the ledger; ends with the ledger only.
    ///
    /// # Errors
    /// When a file cannot be read; call it again, it begins anew.
    pub(crate) async fn follow(
        &self,
        ledger: &Ledger,
        mut catalogues: watch::Receiver<Arc<Catalogue>>,
    ) -> Result<(), LedgerError> {
        let mut published = ledger.subscribe();
        let catalogue = Arc::clone(&catalogues.borrow_and_update());
        self.begin(&catalogue).await;
        loop {
            let snapshot = Arc::clone(&published.borrow_and_update());
            self.take_in(ledger, &snapshot).await?;
            tokio::select! {
                changed = published.changed() => if changed.is_err() { return Ok(()) },
                changed = catalogues.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let catalogue = Arc::clone(&catalogues.borrow_and_update());
                    if self.lacks(&catalogue) {
                        self.begin(&catalogue).await;
                    }
                }
            }
        }
    }

    /// Forgets everything; rules are silent until it is filled again.
    async fn begin(&self, catalogue: &Catalogue) {
        let empty = State::new(wanted(catalogue));
        self.change(|state| *state = empty).await;
        self.announce(None);
    }

    /// Whether a catalogue has rules on indicators that are not kept.
    fn lacks(&self, catalogue: &Catalogue) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        !wanted(catalogue).is_subset(&state.wanted)
    }

    /// Takes in what a snapshot has beyond the present position.
    async fn take_in(&self, ledger: &Ledger, snapshot: &Snapshot) -> Result<(), LedgerError> {
        let files = self.change(|state| take_in_little(state, snapshot)).await;
        if !files.is_empty() {
            self.announce(None);
            for file in &files {
                self.take_in_file(ledger, file).await?;
            }
            let finish = |state: &mut State| {
                (state.position, state.is_ready) = (snapshot.position, true);
                state.series.len()
            };
            let series = self.change(finish).await;
            info!(position = snapshot.position, series, "the present state is filled");
        }
        self.announce(Some(snapshot.position));
        Ok(())
    }

    async fn take_in_file(&self, ledger: &Ledger, file: &DataFile) -> Result<(), LedgerError> {
        let mut batches =
            ledger::batches(&ledger.object_store(), file, OBSERVATION, &COLUMNS).await?;
        while let Some(batch) = batches.next().await? {
            let mut done = 0;
            while done < batch.num_rows() {
                let rows = CHUNK_ROWS.min(batch.num_rows() - done);
                let chunk: RecordBatch = batch.slice(done, rows);
                self.change(|state| state.take_in(&chunk)).await;
                done += rows;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Changes the state, without holding up those who look while there is a chance to get in between them.
    async fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        for _ in 0..TRIES_MAX {
            if let Some(mut state) = self.free() {
                return change(&mut state);
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The lock, if nobody has it.
    fn free(&self) -> Option<RwLockWriteGuard<'_, State>> {
        match self.state.try_write() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Takes in what a snapshot has beyond the present position if it is little. Otherwise gives the files that it is in, and
/// shows nothing until they are all taken in, since a part of an entry is the state at no position.
fn take_in_little(state: &mut State, snapshot: &Snapshot) -> Vec<Arc<DataFile>> {
    if state.is_ready && state.position >= snapshot.position {
        return Vec::new();
    }
    let files: Vec<_> = pending(snapshot, state.position).map(Arc::clone).collect();
    let rows: u64 = files.iter().map(|file| file.stats.num_records).sum();
    if rows > ROWS_AT_ONCE || files.iter().any(|file| file.hot.is_none()) {
        state.is_ready = false;
        return files;
    }
    files.iter().flat_map(|file| file.observations()).for_each(|rows| state.take_in(rows));
    (state.position, state.is_ready) = (snapshot.position, true);
    Vec::new()
}
