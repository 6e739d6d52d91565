//! What an append asks of a store: a data file and the log entry that names it, durable in this order, in as few waits as
//! the store allows.
//!
//! ```text
//! put_new ── file ──┐ both durable
//!                   ├───────────────> show: the entry takes its name, or another has it
//! stage ──── entry ─┘
//! ```
//!
//! On a folder both are written into spare files (see [`spare`](super::spare)). A data file is linked to its name at once,
//! for nobody reads it before an entry names it; an entry is linked last, for its name is the commit. What needs no order
//! goes side by side where there is much to write: the file's sync, its folder's and the staged entry's. A small append is
//! made in one go, one call after the other, on the thread that asks for it, if that one may wait ([`in_place`]): to wake
//! another takes about as long as a sync.
//!
//! Invariants:
//! - *Durable before visible*: `show` is called only after `put_new` of all that the entry names, and `stage`, came back well.
//! - *One entry for each name*: `show` never replaces. That it finds the name taken by its own staged bytes is success.
//! - *Full is not broken*: bytes that cannot be written leave nothing behind, and the next append may succeed; a sync that
//!   fails is told apart ([`is_sync_failure`](super::is_sync_failure)).

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStore, PutMode, PutOptions, Result};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::disk::{Disk, DiskFile, StoppingDisk};
use super::in_place;
use super::spare::Spare;
use super::synced::{SyncedFolder, create_folder, folder_of, io_error};

/// Bytes up to which a file is written and synced in one go.
const IN_PLACE_MAX: usize = 128 << 10;

/// Bytes that are durable, or as good as that, under a name that nobody sees.
#[derive(Debug)]
pub(crate) struct Staged {
    location: Path,
    bytes: Bytes,
    /// On a folder, the staging file.
    staging: Option<PathBuf>,
}

/// The steps of an append, each of which may fail by itself.
#[async_trait]
pub(crate) trait AppendStore: fmt::Debug + Send + Sync {
    /// Writes an object under a name that is nobody else's; durable when this returns.
    async fn put_new(&self, location: &Path, bytes: Bytes) -> Result<()>;

    /// Makes bytes ready to be shown as an object.
    async fn stage(&self, location: &Path, bytes: Bytes) -> Result<Staged>;

    /// Gives staged bytes their name if it is free; durable when this returns. After an error it may be tried again.
    async fn show(&self, staged: &Staged) -> Result<()>;

    /// Takes back what was staged and not shown. What cannot be removed is swept when the lake is opened.
    async fn discard(&self, staged: &Staged);

    /// Makes durable the names that a folder shows. Whoever gave them may have been killed before he saw to that himself,
    /// and nobody may answer for an entry that a power cut would take.
    async fn secure(&self, folder: &Path) -> Result<()>;

    /// Whether a sync failed, so that nothing more is written until the lake is opened again.
    fn is_stopped(&self) -> bool;
}

/// A store whose PUT is durable by its own promise: there is nothing to stage.
#[derive(Debug)]
pub(crate) struct PlainAppend(pub(crate) Arc<dyn ObjectStore>);

#[async_trait]
impl AppendStore for PlainAppend {
    async fn put_new(&self, location: &Path, bytes: Bytes) -> Result<()> {
        let create = PutOptions::from(PutMode::Create);
        self.0.put_opts(location, bytes.into(), create).await.map(|_| ())
    }

    async fn stage(&self, location: &Path, bytes: Bytes) -> Result<Staged> {
        Ok(Staged { location: location.clone(), bytes, staging: None })
    }

    async fn show(&self, staged: &Staged) -> Result<()> {
        self.put_new(&staged.location, staged.bytes.clone()).await
    }

    async fn discard(&self, _: &Staged) {}

    async fn secure(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

#[async_trait]
impl AppendStore for SyncedFolder {
    async fn put_new(&self, location: &Path, bytes: Bytes) -> Result<()> {
        let (store, path) = (self.clone(), self.file_path(location)?);
        let (large, runtime) = (bytes.len() > IN_PLACE_MAX, Handle::current());
        let written = on_disk(large, move || {
            let spare = store.write_spare(&path, &bytes)?;
            let Spare { path: spent, file } = store.named(spare, &path)?;
            let synced = if large {
                sync_both(&store.disk(), file, folder_of(&path)?, &runtime)
            } else {
                sync_one_by_one(&store.disk(), file, folder_of(&path)?)
            };
            store.spares().spend(spent);
            synced
        });
        let folder = written.await.map_err(joined)?.map_err(|error| io_error(location, error))?;
        let Some(folder) = folder else { return Ok(()) };
        folder.await.map_err(joined)?.map_err(|error| io_error(location, error))
    }

    async fn stage(&self, location: &Path, bytes: Bytes) -> Result<Staged> {
        let (store, path) = (self.clone(), self.file_path(location)?);
        let payload = bytes.clone();
        let written = on_disk(bytes.len() > IN_PLACE_MAX, move || {
            let Spare { path: staging, mut file } = store.write_spare(&path, &payload)?;
            file.sync().inspect_err(|_| {
                let _ = store.disk().remove_file(&staging);
            })?;
            Ok(staging)
        });
        let staging = written.await.map_err(joined)?.map_err(|error| io_error(location, error))?;
        Ok(Staged { location: location.clone(), bytes, staging: Some(staging) })
    }

    async fn show(&self, staged: &Staged) -> Result<()> {
        let location = &staged.location;
        let (store, path) = (self.clone(), self.file_path(location)?);
        let Some(staging) = staged.staging.clone() else { return Err(unstaged(location)) };
        let shown = on_disk(false, move || {
            store.disk().link(&staging, &path).or_else(|error| {
                // An answer that got lost: the link is there, and it is ours.
                if same_file(&staging, &path) { Ok(()) } else { Err(error) }
            })?;
            store.disk().sync_folder(folder_of(&path)?)?;
            store.spares().spend(staging);
            if !in_place::is_so() {
                store.spares().restock();
            }
            Ok(())
        });
        shown.await.map_err(joined)?.map_err(|error| io_error(location, error))?;
        if in_place::is_so() {
            let spares = Arc::clone(self.spares());
            // It ends by itself, and nobody waits for it.
            drop(spawn_blocking(move || spares.restock()));
        }
        Ok(())
    }

    async fn discard(&self, staged: &Staged) {
        let (disk, Some(staging)) = (self.disk(), staged.staging.clone()) else { return };
        // A file that stays is an unlisted name.
        let _ = spawn_blocking(move || disk.remove_file(&staging)).await;
    }

    async fn secure(&self, folder: &Path) -> Result<()> {
        let (disk, path) = (self.disk(), self.file_path(folder)?);
        let synced = spawn_blocking(move || disk.sync_folder(&path)).await;
        synced.map_err(joined)?.map_err(|error| io_error(folder, error))
    }

    fn is_stopped(&self) -> bool {
        self.disk().is_stopped()
    }
}

impl SyncedFolder {
    /// Writes a spare of the folder that a file is for; what cannot be written leaves nothing.
    fn write_spare(&self, path: &FilePath, bytes: &[u8]) -> io::Result<Spare> {
        let folder = folder_of(path)?;
        create_folder(&self.disk(), folder)?;
        let mut spare = self.spares().take(folder)?;
        if let Err(error) = spare.file.write_all(bytes) {
            // Its room may be what the next append needs.
            let _ = self.disk().remove_file(&spare.path);
            return Err(error);
        }
        Ok(spare)
    }

    /// Gives a spare the name that it is for, unless that is taken.
    fn named(&self, spare: Spare, path: &FilePath) -> io::Result<Spare> {
        if let Err(error) = self.disk().link(&spare.path, path) {
            let _ = self.disk().remove_file(&spare.path);
            return Err(error);
        }
        Ok(spare)
    }
}

/// Does what waits for the disk: where it is if that is wanted and there is not much to write, else off the async threads.
async fn on_disk<T: Send + 'static>(
    large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::result::Result<T, tokio::task::JoinError> {
    if in_place::is_so() && !large { Ok(work()) } else { spawn_blocking(work).await }
}

/// A folder's sync that is under way.
type Syncing = tokio::task::JoinHandle<io::Result<()>>;

/// Syncs a file while another thread syncs its folder.
fn sync_both(
    disk: &StoppingDisk,
    mut file: Box<dyn DiskFile>,
    folder: &FilePath,
    runtime: &Handle,
) -> io::Result<Option<Syncing>> {
    let (beside, folder) = (disk.clone(), folder.to_owned());
    let syncing = runtime.spawn_blocking(move || beside.sync_folder(&folder));
    file.sync()?;
    Ok(Some(syncing))
}

/// Syncs a file and then its folder: for a few bytes that takes no longer than to wake a second thread.
fn sync_one_by_one(
    disk: &StoppingDisk,
    mut file: Box<dyn DiskFile>,
    folder: &FilePath,
) -> io::Result<Option<Syncing>> {
    file.sync()?;
    disk.sync_folder(folder)?;
    Ok(None)
}

fn same_file(one: &FilePath, other: &FilePath) -> bool {
    let identity = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some() && identity(one) == identity(other)
}

fn joined(source: tokio::task::JoinError) -> Error {
    Error::JoinError { source }
}

fn unstaged(location: &Path) -> Error {
    let source = format!("`{location}` was staged by another store").into();
    Error::Generic { store: "SyncedFolder", source }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::join;

    use super::super::disk::{DiskFile, RealDisk};
    use super::super::is_sync_failure;
    use super::super::spare::SPARES;
    use super::*;

    /// The real disk, its calls written down; the one that begins with `fails` does not come through.
    #[derive(Debug, Default)]
    struct Watched {
        calls: Mutex<Vec<String>>,
        fails: Mutex<Option<&'static str>>,
    }

    struct WatchedFile(Arc<Watched>, String, Box<dyn DiskFile>);

    impl Watched {
        fn call(&self, what: &str, path: &FilePath) -> io::Result<()> {
            let call = format!("{what} {}", path.file_name().unwrap().display());
            let fails = self.fails.lock().unwrap().is_some_and(|fails| call.starts_with(fails));
            self.calls.lock().unwrap().push(call);
            if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn place_of(&self, beginning: &str) -> usize {
            let calls = self.calls.lock().unwrap();
            calls.iter().position(|call| call.starts_with(beginning)).unwrap()
        }
    }

    impl DiskFile for WatchedFile {
        fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.2.write_all(&bytes[..bytes.len() / 2])?;
            self.0.call("write", FilePath::new(&self.1))?;
            self.2.write_all(&bytes[bytes.len() / 2..])
        }

        fn sync(&mut self) -> io::Result<()> {
            self.2.sync().and_then(|()| self.0.call("sync", FilePath::new(&self.1)))
        }
    }

    /// So that a file can hold on to the disk that it is on.
    #[derive(Debug)]
    struct Ground(Arc<Watched>);

    impl Disk for Ground {
        fn create_folder(&self, folder: &FilePath) -> io::Result<()> {
            RealDisk.create_folder(folder)
        }

        fn create_file(&self, path: &FilePath) -> io::Result<Box<dyn DiskFile>> {
            let folder = path.parent().and_then(FilePath::file_name).unwrap();
            let name = format!("spare of {}", folder.display());
            Ok(Box::new(WatchedFile(Arc::clone(&self.0), name, RealDisk.create_file(path)?)))
        }

        fn link(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
            RealDisk.link(from, to).and_then(|()| self.0.call("link", to))
        }

        fn rename(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
            RealDisk.rename(from, to)
        }

        fn remove_file(&self, path: &FilePath) -> io::Result<()> {
            RealDisk.remove_file(path)
        }

        fn sync_folder(&self, folder: &FilePath) -> io::Result<()> {
            RealDisk.sync_folder(folder).and_then(|()| self.0.call("sync", folder))
        }
    }

    struct House {
        folder: tempfile::TempDir,
        watched: Arc<Watched>,
        store: SyncedFolder,
    }

    impl House {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["table", "table/log"] {
                fs::create_dir(folder.path().join(name)).unwrap();
            }
            let watched = Arc::new(Watched::default());
            let store = SyncedFolder::on(Arc::new(Ground(Arc::clone(&watched))));
            Self { folder, watched, store }
        }

        fn at(&self, name: &str) -> Path {
            Path::from_absolute_path(self.folder.path().join("table").join(name)).unwrap()
        }

        fn fail(&self, call: &'static str) {
            *self.watched.fails.lock().unwrap() = Some(call);
        }

        /// Names in the table's folder and in its log that listings show.
        fn names(&self) -> [usize; 2] {
            self.count(|name| !name.contains('#'))
        }

        fn count(&self, which: fn(&str) -> bool) -> [usize; 2] {
            ["table", "table/log"].map(|folder| {
                let listed = fs::read_dir(self.folder.path().join(folder)).unwrap();
                let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
                names.filter(|name| which(name)).count()
            })
        }

        async fn append(&self, name: &str) -> (Result<()>, Result<Staged>) {
            let (file, entry) = (self.at(&format!("data-{name}")), self.at(&format!("log/{name}")));
            join!(
                self.store.put_new(&file, "rows".into()),
                self.store.stage(&entry, "entry".into())
            )
        }
    }

    #[tokio::test]
    async fn an_entry_is_shown_only_after_all_that_it_names_is_durable() {
        let house = House::new();
        let (put, staged) = house.append("1").await;
        put.unwrap();
        house.store.show(&staged.unwrap()).await.unwrap();
        let place = |call| house.watched.place_of(call);
        let durable = ["sync spare of table", "sync table", "sync spare of log"].map(place);
        assert!(durable.iter().all(|sync| *sync < place("link 1")), "{:?}", house.watched.calls);
        assert!(place("link 1") < place("sync log"));
        assert_eq!(house.names(), [2, 1]);
        assert_eq!(house.count(|name| name.contains('#')), [SPARES; 2], "spares for the next");
        let House { folder, watched, store } = house;
        drop(store);
        let house = House { folder, watched, store: SyncedFolder::new() };
        assert_eq!(house.count(|name| name.contains('#')), [0; 2], "nothing stays staged");
    }

    #[tokio::test]
    async fn a_full_disk_leaves_nothing_and_a_failed_sync_is_told_apart() {
        let house = House::new();
        house.fail("write");
        let (put, staged) = house.append("1").await;
        let (put, staged) = (put.unwrap_err(), staged.unwrap_err());
        assert!(!is_sync_failure(&put) && !is_sync_failure(&staged), "{put} {staged}");
        assert_eq!(house.names(), [1, 0]);
        for sync in ["sync spare of table", "sync table"] {
            let house = House::new();
            house.fail(sync);
            assert!(is_sync_failure(&house.append("1").await.0.unwrap_err()), "{sync}");
        }
        house.fail("sync spare of log");
        assert!(is_sync_failure(&house.append("2").await.1.unwrap_err()));
        let house = House::new();
        let staged = house.append("3").await.1.unwrap();
        house.fail("sync log");
        assert!(is_sync_failure(&house.store.show(&staged).await.unwrap_err()));
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_more_is_written() {
        let house = House::new();
        house.fail("sync spare of table");
        assert!(is_sync_failure(&house.append("1").await.0.unwrap_err()));
        house.fail("nothing any more");
        let names = house.names();
        let (put, staged) = house.append("2").await;
        assert!(is_sync_failure(&put.unwrap_err()) && is_sync_failure(&staged.unwrap_err()));
        assert!(house.store.is_stopped());
        assert_eq!(house.names(), names);
    }

    #[tokio::test]
    async fn a_name_is_given_once_and_found_to_be_ours_where_it_is() {
        let house = House::new();
        let (entry, bytes) = (house.at("log/1"), || "entry".into());
        let stage = async || house.store.stage(&entry, bytes()).await.unwrap();
        let (ours, theirs) = (stage().await, stage().await);
        house.fail("link 1");
        // It fails although it was done, and that is seen.
        house.store.show(&ours).await.unwrap();
        let error = house.store.show(&theirs).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
        house.store.discard(&theirs).await;
        assert_eq!(house.names()[1], 1);
    }
}
