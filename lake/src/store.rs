//! The one object store that holds everything: where it is, and how it is opened.
//!
//! A lake is named by a URL: a folder (`./dinh-data`, `file:///srv/dinh`), `s3://bucket/prefix`, or `memory:///name` for
//! tests. On a folder every write goes through [`SyncedFolder`], which syncs file and directory before the object can be
//! seen; on a cloud store a completed PUT is durable by the store's own promise.

mod append;
pub(crate) mod disk;
pub mod in_place;
mod parts;
mod probe;
mod spare;
mod synced;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

use append::PlainAppend;
pub(crate) use append::{AppendStore, Staged};
pub(crate) use probe::probe;
pub use synced::SyncedFolder;
pub(crate) use synced::{is_sync_failure, sweep};

/// Where a lake is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LakeUrl(Url);

/// Why a text names no lake, or its store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a folder and not a URL of a kind that is known.
    #[error("`{0}` is no lake: give a folder, `file:///…`, or `s3://bucket/prefix`")]
    Unknown(String),
    /// The folder cannot be made.
    #[error("the folder `{folder}` cannot be made: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store lets two writers create one object.
    #[error(
        "the store of `{0}` does not honour create-if-absent, on which the ledger's order rests: use another server or version"
    )]
    NotAtomic(Url),
    /// Our clock is ahead of the store's.
    #[error(
        "this machine's clock is {seconds} s ahead of the store's: set it, for rows are stamped with it"
    )]
    Clock {
        /// By how much.
        seconds: i64,
    },
    /// The store refused its settings or does not answer.
    #[error("the store of `{url}` cannot be used: {source}")]
    Open {
        /// The lake.
        url: Url,
        /// What the store said.
        source: object_store::Error,
    },
}

impl LakeUrl {
    /// Reads a folder's path or a URL.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for a URL whose scheme is not `file`, `s3` or `memory`.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let unknown = || StoreError::Unknown(text.to_owned());
        match Url::parse(text) {
            Ok(url) if ["file", "s3", "memory"].contains(&url.scheme()) => {
                let sound = Path::from_url_path(url.path()).is_ok();
                if sound { Ok(Self(with_slash(url))) } else { Err(unknown()) }
            }
            Ok(url) if url.scheme().len() > 1 => Err(unknown()),
            _ if text.is_empty() => Err(unknown()),
            _ => {
                let folder = std::path::absolute(text).map_err(|_| unknown())?;
                Url::from_directory_path(folder).map(Self).map_err(|()| unknown())
            }
        }
    }

    /// The folder, if the lake is one.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        (self.0.scheme() == "file").then(|| self.0.to_file_path().ok()).flatten()
    }
}

impl From<&FilePath> for LakeUrl {
    fn from(folder: &FilePath) -> Self {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        Self(Url::from_directory_path(folder).expect("an absolute path is a URL"))
    }
}

impl fmt::Display for LakeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.folder() {
            Some(folder) => folder.display().fmt(f),
            None => self.0.fmt(f),
        }
    }
}

/// A part of the lake's store: what Delta needs to find a table, and a view rooted at that table.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The store from its very root.
    pub(crate) root: Arc<dyn ObjectStore>,
    /// The store from this place.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// How the store from its very root takes appends.
    pub(crate) append: Arc<dyn AppendStore>,
    /// This place.
    pub(crate) url: Url,
}

impl Place {
    /// Opens the store of a lake, making its folder where it is one.
    ///
    /// `settings` are those of a cloud store, by the names of its SDK, such as `aws_region`.
    pub(crate) fn open(
        lake: &LakeUrl,
        settings: &BTreeMap<String, String>,
    ) -> Result<Self, StoreError> {
        let mut url = lake.0.clone();
        let opened = |source| StoreError::Open { url: url.clone(), source };
        if let Some(folder) = lake.folder() {
            let made = synced::create_folder(&disk::RealDisk, &folder)
                .and_then(|()| folder.canonicalize());
            let made = made.map_err(|source| StoreError::Folder { folder, source })?;
            // Without `..` and links, since an object's path has no such segments.
            url = Url::from_directory_path(made).expect("a canonical path is absolute");
            Path::from_url_path(url.path()).map_err(|_| StoreError::Unknown(lake.to_string()))?;
            return Ok(Self::on(SyncedFolder::new(), url));
        }
        let root: Arc<dyn ObjectStore> = if url.scheme() == "memory" {
            Arc::new(InMemory::new())
        } else {
            let (store, _) = object_store::parse_url_opts(&url, settings).map_err(opened)?;
            Arc::from(store)
        };
        Path::from_url_path(url.path()).map_err(|_| StoreError::Unknown(lake.to_string()))?;
        Ok(Self::at(root, url))
    }

    /// A place of a store that is open already, whose PUT is durable.
    pub(crate) fn at(root: Arc<dyn ObjectStore>, url: Url) -> Self {
        let append = Arc::new(PlainAppend(Arc::clone(&root)));
        Self::with(root, append, url)
    }

    /// A place in the file system.
    pub(crate) fn on(folder: SyncedFolder, url: Url) -> Self {
        Self::with(Arc::new(folder.clone()), Arc::new(folder), url)
    }

    /// A place of a store that is open already, and takes appends in its own way.
    pub(crate) fn with(root: Arc<dyn ObjectStore>, append: Arc<dyn AppendStore>, url: Url) -> Self {
        let prefix = Path::from_url_path(url.path()).expect("the path of a lake's URL was checked");
        let store = Arc::new(PrefixStore::new(Arc::clone(&root), prefix));
        Self { root, store, append, url }
    }

    /// The location of an object of this place, from the store's very root.
    pub(crate) fn location(&self, name: &str) -> Path {
        let prefix = Path::from_url_path(self.url.path());
        let prefix = prefix.expect("the path of a lake's URL was checked");
        prefix.parts().chain(Path::from(name).parts()).collect()
    }

    /// A folder within this place, made where it is one of the file system.
    pub(crate) fn folder(&self, name: &str) -> Result<Self, StoreError> {
        let url = with_slash(self.url.join(name).expect("a plain name joins any folder"));
        if let Some(folder) = LakeUrl(url.clone()).folder() {
            synced::create_folder(&disk::RealDisk, &folder)
                .map_err(|source| StoreError::Folder { folder, source })?;
        }
        Ok(Self::with(Arc::clone(&self.root), Arc::clone(&self.append), url))
    }
}

fn with_slash(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_urls_name_lakes() {
        assert_eq!(
            LakeUrl::parse("/srv/dinh").unwrap(),
            LakeUrl::parse("file:///srv/dinh/").unwrap()
        );
        assert_eq!(
            LakeUrl::parse("/srv/dinh").unwrap().folder(),
            Some(PathBuf::from("/srv/dinh/"))
        );
        assert!(LakeUrl::parse("s3://city/dinh").unwrap().folder().is_none());
        assert!(LakeUrl::parse("ftp://city/dinh").is_err());
        assert!(LakeUrl::parse("").is_err());
        assert!(LakeUrl::parse("s3://city//dinh").is_err());
    }

    #[test]
    fn a_folder_named_in_a_roundabout_way_is_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        let straight =
            Place::open(&LakeUrl::from(folder.path().join("b").as_path()), &BTreeMap::new());
        let around =
            Place::open(&LakeUrl::from(folder.path().join("a/../b").as_path()), &BTreeMap::new());
        assert_eq!(straight.unwrap().url, around.unwrap().url);
    }
}
