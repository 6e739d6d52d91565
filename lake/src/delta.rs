//! One append-only Delta table: its creation, its data files, and its log, entry by entry.
//!
//! Entries are put by their number with create-if-absent; delta-rs' own commit path, which rebuilds the state of the
//! table at each commit, is used only to open a table and to write checkpoints.
//!
//! Invariant *unknown outcome*: after an error of the put at N, N is read. Our own entry there: it is done. Another's: the
//! race is lost. Absent: the same bytes are put at N again, and nothing else is tried before N exists.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::datatypes::{DataType as ArrowType, Schema};
use bytes::Bytes;
use deltalake_core::kernel::{
    Action, Add, CommitInfo, DataType, PrimitiveType, Remove, StructField, Transaction,
};
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore, get_actions};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::{DeltaTable, DeltaTableError, TableProperty};
use futures::join;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tracing::{debug, error, warn};

use crate::store::{Place, Staged, is_sync_failure};

/// How often a put whose outcome is unknown is resolved before the caller is told to come again.
const ATTEMPTS: u32 = 5;
const BACKOFF: Duration = Duration::from_millis(50);
/// The key of our own part of a commitInfo.
const OURS: &str = "dinh";

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

/// A live data file, as the log tells it.
#[derive(Clone, Debug)]
pub(crate) struct LiveFile {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
    /// Delta's per-file statistics, as JSON.
    pub(crate) stats: Option<String>,
}

/// Our own words in an entry's commitInfo.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Provenance {
    /// Unique to this attempt, so that we know our own entry again.
    pub(crate) commit: String,
    /// The last stamp given out up to and with this entry, in microseconds.
    pub(crate) stamp: i64,
    /// What was submitted: feed, id, digest, counts and stamp of each.
    #[serde(default)]
    pub(crate) submissions: Vec<serde_json::Value>,
}

/// One entry of the log, before or after it is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) provenance: Provenance,
    /// How far each application has come with this entry; Delta keeps the newest of each in its checkpoints.
    pub(crate) transactions: BTreeMap<String, u64>,
    pub(crate) adds: Vec<LiveFile>,
    pub(crate) removes: Vec<LiveFile>,
}

/// What became of an entry.
#[derive(Debug)]
pub(crate) enum Commit {
    /// It stands at its version.
    Done,
    /// Another one stands there.
    Lost(Entry),
}

/// A table, opened.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) place: Place,
    /// Whether a sync failed: then what the disk holds is unknown until the table is opened again.
    stopped: AtomicBool,
}

/// What a table held when it was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) version: u64,
    pub(crate) files: Vec<LiveFile>,
    pub(crate) stamp: i64,
    /// The version of the newest checkpoint, 0 if there is none.
    pub(crate) checkpoint: u64,
}

impl Table {
    /// Opens the table of a place, or creates it.
    pub(crate) async fn open(
        place: Place,
        schema: &Schema,
        indexed: &str,
    ) -> Result<(Self, Opened), DeltaError> {
        let table = Self { place, stopped: AtomicBool::new(false) };
        let loaded = match table.load().await {
            Err(DeltaTableError::NotATable(_)) => table.create(schema, indexed).await,
            loaded => loaded,
        };
        let loaded = loaded.map_err(|source| table.failed(source))?;
        let state = loaded.snapshot().map_err(|source| table.failed(source))?;
        let files = state.log_data().into_iter().map(|file| LiveFile {
            path: file.path().into_owned(),
            size: file.size().unsigned_abs(),
            modified_ms: file.modification_time(),
            stats: file.stats(),
        });
        let (version, files) = (state.version(), files.collect());
        let stamp = table.read(version).await?.map_or(0, |entry| entry.provenance.stamp);
        let checkpoint = table.last_checkpoint().await;
        Ok((table, Opened { version, files, stamp, checkpoint }))
    }

    /// The table as delta-rs sees it, over our own store, whatever the scheme.
    fn log_store(&self) -> LogStoreRef {
        let Place { root, store, url, .. } = &self.place;
        default_logstore(Arc::clone(store), Arc::clone(root), url, &StorageConfig::default())
    }

    async fn load(&self) -> Result<DeltaTable, DeltaTableError> {
        let mut table = DeltaTable::new(self.log_store());
        table.load().await?;
        Ok(table)
    }

    async fn create(&self, schema: &Schema, indexed: &str) -> Result<DeltaTable, DeltaTableError> {
        let columns = schema.fields().iter().map(|field| {
            Ok(StructField::new(field.name(), delta_type(field.data_type())?, field.is_nullable()))
        });
        let columns = columns.collect::<Result<Vec<_>, DeltaTableError>>()?;
        let created = CreateBuilder::new()
            .with_log_store(self.log_store())
            .with_columns(columns)
            .with_configuration_property(TableProperty::AppendOnly, Some("true"))
            .with_configuration_property(TableProperty::EnableExpiredLogCleanup, Some("false"))
            .with_configuration_property(TableProperty::DataSkippingStatsColumns, Some(indexed))
            .await;
        match created {
            // Another hub on the same store was first.
            Err(_) => self.load().await,
            created => created,
        }
    }

    fn failed(&self, source: DeltaTableError) -> DeltaError {
        DeltaError::Table { table: self.place.url.to_string(), source: Box::new(source) }
    }

    /// Whether a sync failed since the table was opened; then nothing may be written to it.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn store_failed(&self, object: &Path, source: object_store::Error) -> DeltaError {
        let (table, object) = (self.place.url.to_string(), object.to_string());
        if is_sync_failure(&source) {
            error!(table, object, %source, "the disk failed; nothing more is written");
            self.stopped.store(true, Ordering::Relaxed);
            return DeltaError::Sync { table, object };
        }
        DeltaError::Store { table, object, source }
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
        let wrong = |reason: String| DeltaError::Entry {
            table: self.place.url.to_string(),
            version,
            reason,
        };
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
            let Err(error) = shown else { return Ok(Commit::Done) };
            if is_sync_failure(&error) {
                return Err(self.store_failed(&entry_path(version), error));
            }
            match self.read(version).await {
                Ok(Some(there)) if there.provenance.commit == entry.provenance.commit => {
                    return Ok(Commit::Done);
                }
                Ok(Some(there)) => {
                    self.discard(staged).await;
                    return Ok(Commit::Lost(there));
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

    /// The version that the checkpoint hint names; only a hint, so anything unreadable counts as none.
    async fn last_checkpoint(&self) -> u64 {
        #[derive(Deserialize)]
        struct Hint {
            version: u64,
        }
        let Ok(got) = self.place.store.get(&Path::from("_delta_log/_last_checkpoint")).await else {
            return 0;
        };
        let Ok(bytes) = got.bytes().await else { return 0 };
        serde_json::from_slice::<Hint>(&bytes).map_or(0, |hint| hint.version)
    }

    /// Writes a checkpoint of the newest version, so that opening reads it and the entries after it.
    pub(crate) async fn checkpoint(&self) -> Result<(), DeltaError> {
        let loaded = self.load().await.map_err(|source| self.failed(source))?;
        let written = deltalake_core::checkpoints::create_checkpoint(&loaded, None).await;
        written.map_err(|source| self.failed(source))
    }
}

impl Entry {
    fn to_bytes(&self) -> Bytes {
        let ours = serde_json::to_value(&self.provenance).expect("plain fields are JSON");
        let operation = if self.removes.is_empty() { "WRITE" } else { "OPTIMIZE" };
        let info = CommitInfo {
            timestamp: Some(self.provenance.stamp / 1000),
            operation: Some(operation.to_owned()),
            engine_info: Some(concat!("dinh/", env!("CARGO_PKG_VERSION")).to_owned()),
            info: HashMap::from([(OURS.to_owned(), ours)]),
            ..CommitInfo::default()
        };
        // A merge only moves rows; a follower of changes may skip it.
        let data_change = self.removes.is_empty();
        let adds = self.adds.iter().map(|file| Action::Add(file.add(data_change)));
        let removes = self
            .removes
            .iter()
            .map(|file| Action::Remove(file.remove(self.provenance.stamp / 1000)));
        let transactions = self.transactions.iter().map(|(application, version)| {
            Action::Txn(Transaction::new(application, i64::try_from(*version).unwrap_or(i64::MAX)))
        });
        let info = std::iter::once(Action::CommitInfo(info));
        let actions = info.chain(transactions).chain(removes).chain(adds);
        let lines =
            actions.map(|action| serde_json::to_string(&action).expect("an action is JSON"));
        Bytes::from(lines.collect::<Vec<_>>().join("\n"))
    }

    fn from_actions(actions: Vec<Action>) -> Result<Self, serde_json::Error> {
        let mut entry = Self::default();
        for action in actions {
            match action {
                Action::CommitInfo(mut info) => {
                    if let Some(ours) = info.info.remove(OURS) {
                        entry.provenance = serde_json::from_value(ours)?;
                    }
                }
                Action::Txn(transaction) => {
                    let version = transaction.version.unsigned_abs();
                    entry.transactions.insert(transaction.app_id, version);
                }
                Action::Add(add) => entry.adds.push(LiveFile {
                    path: add.path,
                    size: add.size.unsigned_abs(),
                    modified_ms: add.modification_time,
                    stats: add.stats,
                }),
                Action::Remove(remove) => entry.removes.push(LiveFile {
                    path: remove.path,
                    size: 0,
                    modified_ms: 0,
                    stats: None,
                }),
                _ => {}
            }
        }
        Ok(entry)
    }
}

impl LiveFile {
    fn add(&self, data_change: bool) -> Add {
        Add {
            path: self.path.clone(),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            modification_time: self.modified_ms,
            data_change,
            stats: self.stats.clone(),
            ..Add::default()
        }
    }

    fn remove(&self, at_ms: i64) -> Remove {
        Remove {
            path: self.path.clone(),
            data_change: false,
            deletion_timestamp: Some(at_ms),
            extended_file_metadata: Some(true),
            partition_values: Some(HashMap::new()),
            size: Some(i64::try_from(self.size).unwrap_or(i64::MAX)),
            ..Remove::default()
        }
    }
}

fn entry_path(version: u64) -> Path {
    Path::from(format!("_delta_log/{version:020}.json"))
}

fn delta_type(arrow: &ArrowType) -> Result<DataType, DeltaTableError> {
    Ok(DataType::Primitive(match arrow {
        ArrowType::Utf8 => PrimitiveType::String,
        ArrowType::Int64 => PrimitiveType::Long,
        ArrowType::Boolean => PrimitiveType::Boolean,
        ArrowType::Date32 => PrimitiveType::Date,
        ArrowType::Timestamp(..) => PrimitiveType::Timestamp,
        ArrowType::Decimal128(precision, scale) => {
            PrimitiveType::decimal(*precision, scale.unsigned_abs())
                .map_err(DeltaTableError::from)?
        }
        other => return Err(DeltaTableError::Generic(format!("no Delta type for {other}"))),
    }))
}

/// A name that no other attempt has: 128 random bits.
pub(crate) fn unique() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
