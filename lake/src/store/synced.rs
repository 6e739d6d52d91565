//! A local folder as an object store whose writes are durable before they can be seen.
//!
//! `object_store` 0.13 never syncs: after a power cut a log entry may be there while the file that it names is empty.
//! So every object is written to a staging file beside its place, synced, and only then linked (create) or renamed
//! (overwrite) to its name, and the directory is synced. A staging name ends in `#` and digits, which
//! `LocalFileSystem` leaves out of its listings.
//!
//! Invariant *durable before visible*: whoever sees an object's name may rely on its bytes after any crash.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result,
};

use super::disk::{Disk, RealDisk, StoppingDisk, SyncFailed};
use super::parts::Parts;
use super::spare::Spares;

const STORE: &str = "SyncedFolder";

/// The local file system from its root, every write synced.
#[derive(Debug, Clone)]
pub struct SyncedFolder {
    files: Arc<LocalFileSystem>,
    disk: StoppingDisk,
    spares: Arc<Spares>,
}

impl SyncedFolder {
    /// The file system from `/`.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Arc::new(RealDisk))
    }

    /// The file system from `/`, changed by way of `disk`.
    pub(crate) fn on(disk: Arc<dyn Disk>) -> Self {
        let disk = StoppingDisk::over(disk);
        let spares = Arc::new(Spares::on(disk.clone()));
        Self { files: Arc::new(LocalFileSystem::new()), disk, spares }
    }

    async fn remove(&self, location: Path) -> Result<Path> {
        let (disk, path) = (self.disk.clone(), self.files.path_to_filesystem(&location)?);
        let removed = tokio::task::spawn_blocking(move || disk.remove_file(&path)).await;
        let removed = removed.map_err(|source| Error::JoinError { source })?;
        removed.map_err(|error| io_error(&location, error))?;
        Ok(location)
    }

    /// What it changes the file system by.
    pub(super) fn disk(&self) -> StoppingDisk {
        self.disk.clone()
    }

    pub(super) fn file_path(&self, location: &Path) -> Result<PathBuf> {
        self.files.path_to_filesystem(location)
    }

    pub(super) fn spares(&self) -> &Arc<Spares> {
        &self.spares
    }

    pub(super) fn staging_path(&self, path: &FilePath) -> PathBuf {
        self.spares.name(path.parent().unwrap_or(FilePath::new("/")))
    }
}

impl Default for SyncedFolder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for SyncedFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STORE)
    }
}

/// Makes a folder and those above it, each synced into its parent.
pub(crate) fn create_folder(disk: &dyn Disk, folder: &FilePath) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folder(disk, parent)?;
    }
    match disk.create_folder(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        Err(error) => return Err(error),
    }
    folder.parent().map_or(Ok(()), |parent| disk.sync_folder(parent))
}

pub(super) fn folder_of(path: &FilePath) -> io::Result<&FilePath> {
    path.parent().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "an object needs a name"))
}

/// Removes what a crash left staged. Only the holder of the folder's lock may do this.
pub(crate) fn sweep(folder: &FilePath) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let staged =
            |suffix: &str| !suffix.is_empty() && suffix.bytes().all(|b| b.is_ascii_digit());
        if entry.file_type()?.is_dir() {
            sweep(&entry.path())?;
        } else if name
            .to_str()
            .and_then(|name| name.rsplit_once('#'))
            .is_some_and(|(_, suffix)| staged(suffix))
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Writes, syncs, shows and syncs again. The staging file is gone afterwards, whatever happened.
fn put(
    disk: &dyn Disk,
    path: &FilePath,
    staging: &FilePath,
    payload: &PutPayload,
    overwrite: bool,
) -> io::Result<()> {
    let folder = folder_of(path)?;
    create_folder(disk, folder)?;
    let shown = write_synced(disk, staging, payload).and_then(|()| {
        if overwrite { disk.rename(staging, path) } else { disk.link(staging, path) }
    });
    if shown.is_err() || !overwrite {
        // What is left after a crash here is an unlisted name; opening the lake sweeps it.
        let _ = disk.remove_file(staging);
    }
    shown?;
    disk.sync_folder(folder)
}

fn write_synced(disk: &dyn Disk, staging: &FilePath, payload: &PutPayload) -> io::Result<()> {
    let mut file = disk.create_file(staging)?;
    payload.iter().try_for_each(|part| file.write_all(part))?;
    file.sync()
}

/// Whether a store's error is a sync that failed.
pub(crate) fn is_sync_failure(error: &Error) -> bool {
    let Error::Generic { source, .. } = error else { return false };
    let inner = source.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<SyncFailed>())
}

pub(super) fn io_error(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::NotFound { path: path.to_string(), source: Box::new(error) },
        ErrorKind::AlreadyExists => {
            Error::AlreadyExists { path: path.to_string(), source: Box::new(error) }
        }
        ErrorKind::PermissionDenied => {
            Error::PermissionDenied { path: path.to_string(), source: Box::new(error) }
        }
        _ => Error::Generic { store: STORE, source: Box::new(error) },
    }
}

#[async_trait]
impl ObjectStore for SyncedFolder {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let overwrite = match options.mode {
            PutMode::Overwrite => true,
            PutMode::Create => false,
            PutMode::Update(_) => return Err(unsupported("put in mode update")),
        };
        let path = self.files.path_to_filesystem(location)?;
        let staging = self.staging_path(&path);
        let disk = self.disk.clone();
        let put =
            tokio::task::spawn_blocking(move || put(&disk, &path, &staging, &payload, overwrite));
        let done = put.await.map_err(|source| Error::JoinError { source })?;
        done.map_err(|error| io_error(location, error))?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Parts::begin(self, location)?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let deleted = locations.and_then(move |location| {
            let store = store.clone();
            async move { store.remove(location).await }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unsupported("copy"))
    }

    async fn rename_opts(&self, _: &Path, _: &Path, _: RenameOptions) -> Result<()> {
        Err(unsupported("rename"))
    }
}

fn unsupported(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: STORE.to_owned() }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn one_creation_wins_and_nothing_is_left_staged() {
        let folder = tempfile::tempdir().unwrap();
        let store = SyncedFolder::new();
        let path = Path::from_absolute_path(folder.path()).unwrap().join("log").join("0.json");
        let create =
            |text: &'static str| store.put_opts(&path, text.into(), PutMode::Create.into());
        let (first, second) = tokio::join!(create("a"), create("b"));
        let lost = [&first, &second]
            .iter()
            .filter(|r| matches!(r, Err(Error::AlreadyExists { .. })))
            .count();
        assert_eq!((lost, first.is_ok() || second.is_ok()), (1, true));
        store.put(&path, "c".into()).await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "c");
        assert_eq!(fs::read_dir(folder.path().join("log")).unwrap().count(), 1);
    }
}
