//! One append-only Delta table: its creation, its data files, and its log, entry by entry.
//!
//! Entries are put by their number with create-if-absent; delta-rs' own commit path, which rebuilds the state of the
//! table at each commit, is used only to create a table.
//!
//! Invariant *unknown outcome*: after an error of the put at N, N is read. Our own entry there: it is done. Another's: the
//! race is lost. Absent: the same bytes are put at N again, and nothing else is tried before N exists.

mod checkpoint;
mod clean;
mod entry;
mod open;
mod state;

use std::time::Duration;

use bytes::Bytes;
use deltalake_core::DeltaTableError;
use deltalake_core::logstore::get_actions;
use futures::join;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use tracing::{debug, error, warn};

use crate::store::{Place, Staged, is_sync_failure};

pub(crate) use entry::{Entry, LiveFile, Provenance, Removed};
pub(crate) use open::Shape;
pub(crate) use state::State;

/// How often a put whose outcome is unknown is resolved before the caller is told to come again.
const ATTEMPTS: u32 = 5;
const BACKOFF: Duration = Duration::from_millis(50);

/// A table of the lake that failed.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    /// The table cannot be opened, created or checkpointed.
    #[error("the table `{table}` cannot be used: {source}")]
    Table {
        /// The table's URL.
        table: String,
        /// What the library said.
        source: Box<DeltaTableError>,
    },
    /// An object cannot be read or written.
    #[error("`{object}` of the table `{table}`: {source}")]
    Store {
        /// The table's URL.
        table: String,
        /// The object.
        object: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// The log holds something that Dinh did not write and cannot read.
    #[error("entry {version} of the table `{table}` cannot be read: {reason}")]
    Entry {
        /// The table's URL.
        table: String,
        /// The entry.
        version: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk did not take a sync. What it holds can be told only after a restart, so nothing more is written until then.
    #[error(
        "the disk did not take a sync of `{object}` of the table `{table}`: look at the disk, then start the hub again, \
             and repeat the request with the same id"
    )]
    Sync {
        /// The table's URL.
        table: String,
        /// The object.
        object: String,
    },
    /// Whether entry N exists is still unknown; the same bytes will be tried again before anything else.
    #[error(
        "whether entry {version} of the table `{table}` was written is unknown: repeat the request with the same id"
    )]
    Unknown {
        /// The table's URL.
        table: String,
        /// The entry.
        version: u64,
    },
}

/// What became of an entry.
#[derive(Debug)]
pub(crate) enum Commit {
    /// It stands at its version.
    Done,
    /// Another one stands there.
    Lost(Box<Entry>),
    /// It was put where an entry had been deleted, so nobody sees it: the table must be read anew.
    Ghost,
}

/// A table, opened.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) place: Place,
}

impl Table {
    fn at(place: Place) -> Self {
        Self { place }
    }

    /// Whether a sync failed; then what the disk holds is unknown until the lake is opened again.
    pub(crate) fn is_stopped(&self) -> bool {
        self.place.append.is_stopped()
    }

    pub(crate) fn store_failed(&self, object: &Path, source: object_store::Error) -> DeltaError {
        let (table, object) = (self.place.url.to_string(), object.to_string());
        if is_sync_failure(&source) {
            error!(table, object, %source, "the disk failed; nothing more is written");
            return DeltaError::Sync { table, object };
        }
        DeltaError::Store { table, object, source }
    }

    fn unreadable(&self, version: u64, reason: String) -> DeltaError {
        DeltaError::Entry { table: self.place.url.to_string(), version, reason }
    }

    /// Writes a data file, which counts only once an entry names it.
    pub(crate) async fn put_file(&self, path: &str, bytes: Bytes) -> Result<(), DeltaError> {
        let location = self.place.location(path);
        let put = self.place.append.put_new(&location, bytes).await;
        put.map_err(|source| self.store_failed(&location, source))
    }

    /// Takes away a data file that no entry names, or ever will.
    pub(crate) async fn discard_file(&self, path: &str) {
        if let Err(error) = self.place.store.delete(&Path::from(path)).await {
            debug!(path, %error, "a file that nobody names stays until the next vacuum");
        }
    }

    /// Makes an entry ready to be shown at a version.
    pub(crate) async fn stage(&self, version: u64, entry: &Entry) -> Result<Staged, DeltaError> {
        let location = self.place.location(entry_path(version).as_ref());
        let staged = self.place.append.stage(&location, entry.to_bytes()).await;
        staged.map_err(|source| self.store_failed(&location, source))
    }

    /// Takes back an entry that is not to be shown.
    pub(crate) async fn discard(&self, staged: &Staged) {
        self.place.append.discard(staged).await;
    }

    /// Writes the one file of an entry and stages the entry beside it; if either fails nothing stays of both.
    pub(crate) async fn write(
        &self,
        version: u64,
        entry: &Entry,
        path: &str,
        bytes: Bytes,
    ) -> Result<Staged, DeltaError> {
        match join!(self.put_file(path, bytes), self.stage(version, entry)) {
            (Ok(()), Ok(staged)) => Ok(staged),
            (Err(error), Ok(staged)) => {
                self.discard(&staged).await;
                Err(error)
            }
            (Ok(()), Err(error)) => {
                self.discard_file(path).await;
                Err(error)
            }
            // That a sync failed outweighs any other failure.
            (Err(DeltaError::Store { .. }), Err(error)) | (Err(error), Err(_)) => Err(error),
        }
    }

    /// Reads an entry; none if it does not exist yet.
    pub(crate) async fn read(&self, version: u64) -> Result<Option<Entry>, DeltaError> {
        let path = entry_path(version);
        let got = match self.place.store.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(|source| self.store_failed(&path, source))?,
        };
        let bytes = got.bytes().await.map_err(|source| self.store_failed(&path, source))?;
        let wrong = |reason: String| self.unreadable(version, reason);
        let actions = get_actions(version, &bytes).map_err(|error| wrong(error.to_string()))?;
        Entry::from_actions(actions).map(Some).map_err(|error| wrong(error.to_string()))
    }

    /// Shows an entry at its version, whatever it takes to know what became of it.
    ///
    /// # Errors
    /// [`DeltaError::Unknown`] when the store would not tell; then this very entry must be tried again first.
    pub(crate) async fn commit(
        &self,
        version: u64,
        entry: &Entry,
        staged: &Staged,
    ) -> Result<Commit, DeltaError> {
        for attempt in 0..ATTEMPTS {
            let shown = self.place.append.show(staged).await;
            let Err(error) = shown else { return self.stands(version).await };
            if is_sync_failure(&error) {
                return Err(self.store_failed(&entry_path(version), error));
            }
            match self.read(version).await {
                Ok(Some(there)) if there.provenance.commit == entry.provenance.commit => {
                    return self.stands(version).await;
                }
                Ok(Some(there)) => {
                    self.discard(staged).await;
                    return Ok(Commit::Lost(Box::new(there)));
                }
                Ok(None) | Err(DeltaError::Store { .. }) => {
                    warn!(table = %self.place.url, version, attempt, %error, "the outcome of a commit is unknown");
                    tokio::time::sleep(BACKOFF * 2_u32.pow(attempt)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(DeltaError::Unknown { table: self.place.url.to_string(), version })
    }

    /// What an entry that was put amounts to: nothing, if the log has been cleaned beyond it meanwhile.
    async fn stands(&self, version: u64) -> Result<Commit, DeltaError> {
        // On a folder nobody else cleans the log.
        if self.place.url.scheme() == "file" {
            return Ok(Commit::Done);
        }
        match self.floor().await {
            Ok(Some(floor)) if version <= floor => {
                warn!(table = %self.place.url, version, floor, "the log had moved on while this hub slept");
                self.delete(&[entry_path(version).to_string()]).await?;
                Ok(Commit::Ghost)
            }
            Ok(_) => Ok(Commit::Done),
            Err(_) => Err(DeltaError::Unknown { table: self.place.url.to_string(), version }),
        }
    }
}

fn entry_path(version: u64) -> Path {
    Path::from(format!("_delta_log/{version:020}.json"))
}

/// A name that no other attempt has: 128 random bits.
pub(crate) fn unique() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
