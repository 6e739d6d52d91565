//! The calls that change a folder, one by one.
//!
//! [`SyncedFolder`](super::SyncedFolder) decides what is written, synced and shown in which order; this is the ground it
//! stands on. Tests put another ground under it, one that records every call or fails at one of them, so that the order
//! itself is tried and not a copy of it. Reading goes to the file system directly.
//!
//! Invariant *no second try*: once a sync failed, whoever asked for it, nothing more is changed. The system may have let
//! go of what it could not write, so that a second sync succeeds and keeps nothing.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What changes a folder. A change holds at once for whoever reads, and after a power cut only once it is synced.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Makes one folder in another.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes an empty file; fails with [`io::ErrorKind::AlreadyExists`] where there is one.
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file a second name; fails with [`io::ErrorKind::AlreadyExists`] where that one is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Moves a file to another name, whether that one is taken or not.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a name away.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A file while it is written.
pub(crate) trait DiskFile: Send {
    /// Writes bytes at its end.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes its bytes durable, and where they are. Not its other names.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(file))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A sync that failed, or anything that is asked for after one.
#[derive(Debug, thiserror::Error)]
#[error("the disk did not take a sync: {0}")]
pub(crate) struct SyncFailed(io::Error);

/// A disk that takes nothing more once a sync failed on it.
#[derive(Clone, Debug)]
pub(crate) struct StoppingDisk {
    inner: Arc<dyn Disk>,
    stopped: Arc<AtomicBool>,
}

impl StoppingDisk {
    pub(crate) fn over(inner: Arc<dyn Disk>) -> Self {
        Self { inner, stopped: Arc::default() }
    }

    /// Whether a sync failed.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn unless_stopped(&self) -> io::Result<&dyn Disk> {
        if self.is_stopped() {
            let before = io::Error::other("an earlier one failed, so nothing more is written");
            return Err(io::Error::other(SyncFailed(before)));
        }
        Ok(self.inner.as_ref())
    }

    fn synced(&self, synced: io::Result<()>) -> io::Result<()> {
        synced.map_err(|error| {
            self.stopped.store(true, Ordering::Relaxed);
            io::Error::other(SyncFailed(error))
        })
    }
}

impl Disk for StoppingDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.unless_stopped()?.create_folder(folder)
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inner = self.unless_stopped()?.create_file(path)?;
        Ok(Box::new(StoppingFile { disk: self.clone(), inner }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.unless_stopped()?.link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.unless_stopped()?.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.unless_stopped()?.remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let synced = self.unless_stopped()?.sync_folder(folder);
        self.synced(synced)
    }
}

struct StoppingFile {
    disk: StoppingDisk,
    inner: Box<dyn DiskFile>,
}

impl DiskFile for StoppingFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.unless_stopped()?;
        self.inner.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.unless_stopped()?;
        let synced = self.inner.sync();
        self.disk.synced(synced)
    }
}
