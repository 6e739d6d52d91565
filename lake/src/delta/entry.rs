//! An entry of the log: what it adds, what it removes, and what it says of itself.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use deltalake_core::kernel::{Action, Add, CommitInfo, Metadata, Protocol, Remove, Transaction};
use serde::{Deserialize, Serialize};

/// The key of our own part of a commitInfo.
const OURS: &str = "dinh";

/// A live data file, as the log tells it.
#[derive(Clone, Debug)]
pub(crate) struct LiveFile {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
    /// Delta's per-file statistics, as JSON.
    pub(crate) stats: Option<String>,
}

/// A data file that is not live any more.
#[derive(Clone, Debug)]
pub(crate) struct Removed {
    pub(crate) path: String,
    pub(crate) size: u64,
    /// When it was removed, in milliseconds since 1970.
    pub(crate) at_ms: i64,
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
    pub(crate) removes: Vec<Removed>,
    /// The table's columns and settings, where the entry changes them.
    pub(crate) metadata: Option<Metadata>,
    /// What a reader and a writer must be able to do, where the entry changes it.
    pub(crate) protocol: Option<Protocol>,
}

impl Entry {
    pub(super) fn to_bytes(&self) -> Bytes {
        let ours = serde_json::to_value(&self.provenance).expect("plain fields are JSON");
        let operation = match (&self.metadata, self.removes.is_empty()) {
            (Some(_), _) => "ADD COLUMNS",
            (None, true) => "WRITE",
            (None, false) => "OPTIMIZE",
        };
        let info = CommitInfo {
            timestamp: Some(self.provenance.stamp / 1000),
            operation: Some(operation.to_owned()),
            engine_info: Some(concat!("dinh/", env!("CARGO_PKG_VERSION")).to_owned()),
            info: HashMap::from([(OURS.to_owned(), ours)]),
            ..CommitInfo::default()
        };
        // A merge only moves rows; a follower of changes may skip it.
        let actions = self.actions(self.removes.is_empty());
        let actions = std::iter::once(Action::CommitInfo(info)).chain(actions);
        let lines =
            actions.map(|action| serde_json::to_string(&action).expect("an action is JSON"));
        Bytes::from(lines.collect::<Vec<_>>().join("\n"))
    }

    /// What it does, without what it says of itself.
    pub(super) fn actions(&self, data_change: bool) -> impl Iterator<Item = Action> {
        let adds = self.adds.iter().map(move |file| Action::Add(file.add(data_change)));
        let removes = self.removes.iter().map(|gone| Action::Remove(gone.remove()));
        let transactions = self.transactions.iter().map(|(application, version)| {
            Action::Txn(Transaction::new(application, i64::try_from(*version).unwrap_or(i64::MAX)))
        });
        let protocol = self.protocol.iter().cloned().map(Action::Protocol);
        let metadata = self.metadata.iter().cloned().map(Action::Metadata);
        protocol.chain(metadata).chain(transactions).chain(removes).chain(adds)
    }

    pub(super) fn from_actions(actions: Vec<Action>) -> Result<Self, serde_json::Error> {
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
                Action::Remove(remove) => entry.removes.push(Removed {
                    path: remove.path,
                    size: remove.size.unwrap_or_default().unsigned_abs(),
                    at_ms: remove.deletion_timestamp.unwrap_or_default(),
                }),
                Action::Metadata(metadata) => entry.metadata = Some(metadata),
                Action::Protocol(protocol) => entry.protocol = Some(protocol),
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
}

impl Removed {
    fn remove(&self) -> Remove {
        Remove {
            path: self.path.clone(),
            data_change: false,
            deletion_timestamp: Some(self.at_ms),
            extended_file_metadata: Some(true),
            partition_values: Some(HashMap::new()),
            size: Some(i64::try_from(self.size).unwrap_or(i64::MAX)),
            ..Remove::default()
        }
    }
}
