//! The exclusive lock on a lake's folder: one process at a time, and whoever comes second is told who holds it.
//!
//! The lock is the system's own (`flock`), so it ends with its process, however that ends. The file also says where
//! the holder can be reached, for the commands that go through a running hub; it is readable by its owner only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

const FILE: &str = "lake.lock";

/// Who holds a lake's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub process: u32,
    /// Where a gRPC door of its for this machine's operator listens, without TLS, once it does.
    pub grpc: Option<String>,
    /// The token by which the commands of this machine's operator pass its door, once it listens.
    pub token: Option<String>,
}

impl Holder {
    /// Who holds the lock of a folder, or held it last, without trying to take it; none if nobody did, or does not say yet.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(folder.join(FILE)).ok()?).ok()
    }
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the lake `{}` is held by process {}{}: stop it, or reach the lake through it", folder.display(), holder.process, door(holder))]
    Held {
        /// The lake.
        folder: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The lock file cannot be used.
    #[error("the lock of the lake `{}` cannot be taken: {source}", folder.display())]
    Io {
        /// The lake.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn door(holder: &Holder) -> String {
    holder.grpc.as_ref().map(|grpc| format!(", which listens on {grpc}")).unwrap_or_default()
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: Mutex<File>,
}

impl Lock {
    /// Takes the lock of a folder that exists.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { folder: folder.to_path_buf(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(folder.join(FILE)).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                let lock = Self { file: Mutex::new(file) };
                lock.announce(&Holder { process: std::process::id(), ..Holder::default() })
                    .map_err(failed)?;
                Ok(lock)
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(failed)?;
                let holder = serde_json::from_str(&text).unwrap_or_default();
                Err(LockError::Held { folder: folder.to_path_buf(), holder })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Says who holds the lock and where it can be reached.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_string(holder)?;
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let holder = Holder { process: 7, grpc: Some("127.0.0.1:7051".into()), token: None };
        lock.announce(&holder).unwrap();
        assert_eq!(Holder::read(folder.path()), Some(holder));
        let error = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(error.contains("process 7, which listens on 127.0.0.1:7051"), "{error}");
        drop(lock);
        Lock::take(folder.path()).unwrap();
    }
}
