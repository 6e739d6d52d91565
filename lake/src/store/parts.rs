//! A file that comes in parts: written to a staging file as they come, so that none waits in memory, and shown when it is
//! whole and synced.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{Error, MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::disk::{Disk, DiskFile, StoppingDisk};
use super::synced::{SyncedFolder, create_folder, folder_of, io_error};

/// An upload in parts.
#[derive(Debug)]
pub(super) struct Parts {
    location: Path,
    /// Parts that were handed in.
    parts: usize,
    staged: Arc<Mutex<Staged>>,
}

/// The staging file, and the parts that came before their turn.
struct Staged {
    disk: StoppingDisk,
    path: PathBuf,
    staging: PathBuf,
    file: Option<Box<dyn DiskFile>>,
    written: usize,
    waiting: BTreeMap<usize, PutPayload>,
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Staged({})", self.staging.display())
    }
}

impl Parts {
    pub(super) fn begin(store: &SyncedFolder, location: &Path) -> Result<Self> {
        let path = store.file_path(location)?;
        let staged = Staged {
            disk: store.disk(),
            staging: store.staging_path(&path),
            path,
            file: None,
            written: 0,
            waiting: BTreeMap::new(),
        };
        let staged = Arc::new(Mutex::new(staged));
        Ok(Self { location: location.clone(), parts: 0, staged })
    }

    /// Does something with the staging file, off the async threads.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Staged) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let staged = Arc::clone(&self.staged);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut staged.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let done = done.await.map_err(|source| Error::JoinError { source })?;
        done.map_err(|error| io_error(&self.location, error))
    }
}

impl Staged {
    /// Writes a part, and those that waited for it.
    fn take(&mut self, ordinal: usize, part: PutPayload) -> io::Result<()> {
        self.waiting.insert(ordinal, part);
        while let Some(part) = self.waiting.remove(&self.written) {
            let file = self.file()?;
            part.iter().try_for_each(|bytes| file.write_all(bytes))?;
            self.written += 1;
        }
        Ok(())
    }

    fn file(&mut self) -> io::Result<&mut Box<dyn DiskFile>> {
        match self.file {
            Some(ref mut file) => Ok(file),
            None => {
                create_folder(&self.disk, folder_of(&self.path)?)?;
                Ok(self.file.insert(self.disk.create_file(&self.staging)?))
            }
        }
    }

    /// Makes the file durable, shows it, and makes its name durable.
    fn show(&mut self, parts: usize) -> io::Result<()> {
        if self.written != parts {
            let missing = format!("{} of {parts} parts are there", self.written);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, missing));
        }
        self.file()?.sync()?;
        self.file = None;
        self.disk.rename(&self.staging, &self.path)?;
        self.disk.sync_folder(folder_of(&self.path)?)
    }
}

#[async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let ordinal = self.parts;
        self.parts += 1;
        let (staged, location) = (Arc::clone(&self.staged), self.location.clone());
        Box::pin(async move {
            let this = Self { location, parts: 0, staged };
            this.with(move |staged| staged.take(ordinal, data)).await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let parts = self.parts;
        self.with(move |staged| staged.show(parts)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.with(|staged| match staged.file.take() {
            Some(_) => staged.disk.remove_file(&staged.staging),
            None => Ok(()),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn parts_are_joined_in_the_order_that_they_were_handed_in_and_seen_only_when_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = SyncedFolder::new();
        let path = Path::from_absolute_path(folder.path()).unwrap().join("a.parquet");
        let mut upload = store.put_multipart(&path).await.unwrap();
        let (first, second) = (upload.put_part("one ".into()), upload.put_part("two".into()));
        second.await.unwrap();
        first.await.unwrap();
        assert!(matches!(store.head(&path).await, Err(Error::NotFound { .. })));
        upload.complete().await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "one two");
        let mut given_up = store.put_multipart(&path).await.unwrap();
        given_up.put_part("three".into()).await.unwrap();
        given_up.abort().await.unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
