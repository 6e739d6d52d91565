//! Empty files made ahead, in which an append finds its place on the disk ready.
//!
//! To make a file costs about as much as to sync one, and an ack waits for neither: a spare is taken, written, synced, and
//! linked to the name that it is for. Its own name ends in `#` and digits, which listings leave out; it is taken away, and a
//! new spare made, when the append is over.
//!
//! Invariant *no spare is trusted*: neither its name nor its emptiness need be durable, for whoever takes it syncs the file
//! and the name that he gives it.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::disk::{Disk, DiskFile, StoppingDisk};

/// Spares of a folder: one for each of the two appends that may be under way.
pub(super) const SPARES: usize = 2;

/// A file that is open, empty, and nobody's.
pub(super) struct Spare {
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn DiskFile>,
}

/// What waits in one folder.
#[derive(Default)]
struct Shelf {
    ready: Vec<Spare>,
    /// Names that are of no use any more.
    spent: Vec<PathBuf>,
}

/// The spares of all folders that were written to.
pub(super) struct Spares {
    disk: StoppingDisk,
    shelves: Mutex<HashMap<PathBuf, Shelf>>,
    made: AtomicU64,
}

impl fmt::Debug for Spares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spares")
    }
}

impl Spares {
    pub(super) fn on(disk: StoppingDisk) -> Self {
        Self { disk, shelves: Mutex::default(), made: AtomicU64::new(0) }
    }

    /// A spare of a folder; it is made now where none is ready.
    pub(super) fn take(&self, folder: &Path) -> io::Result<Spare> {
        let ready = self.with(folder, |shelf| shelf.ready.pop());
        ready.map_or_else(|| self.make(folder), Ok)
    }

    /// A name that ends in `#` and digits, for a file in a folder.
    pub(super) fn name(&self, folder: &Path) -> PathBuf {
        let ordinal = self.made.fetch_add(1, Ordering::Relaxed);
        folder.join(format!("spare#{}{ordinal:09}", std::process::id()))
    }

    /// Remembers that the name of a spare is to be taken away.
    pub(super) fn spend(&self, path: PathBuf) {
        if let Some(folder) = path.parent().map(Path::to_owned) {
            self.with(&folder, |shelf| shelf.spent.push(path));
        }
    }

    /// Takes away the names that are spent, and makes the spares that are missing.
    pub(super) fn restock(&self) {
        let folders: Vec<PathBuf> = self.lock().keys().cloned().collect();
        for folder in folders {
            let (spent, missing) = self.with(&folder, |shelf| {
                (std::mem::take(&mut shelf.spent), SPARES.saturating_sub(shelf.ready.len()))
            });
            for path in spent {
                // A name that stays is unlisted, and swept when the lake is opened.
                let _ = self.disk.remove_file(&path);
            }
            for _ in 0..missing {
                // Where it fails, the append that misses it will say why.
                let Ok(spare) = self.make(&folder) else { break };
                self.with(&folder, |shelf| shelf.ready.push(spare));
            }
        }
    }

    fn make(&self, folder: &Path) -> io::Result<Spare> {
        let path = self.name(folder);
        let file = self.disk.create_file(&path)?;
        Ok(Spare { path, file })
    }

    fn with<T>(&self, folder: &Path, work: impl FnOnce(&mut Shelf) -> T) -> T {
        let mut shelves = self.lock();
        if let Some(shelf) = shelves.get_mut(folder) {
            return work(shelf);
        }
        work(shelves.entry(folder.to_owned()).or_default())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        for shelf in self.lock().values() {
            for path in shelf.ready.iter().map(|spare| &spare.path).chain(&shelf.spent) {
                let _ = self.disk.remove_file(path);
            }
        }
    }
}
