//! What nobody needs any more is deleted: old entries of the log, and files that no entry names.
//!
//! Invariant *no ghosts*: entries are deleted only below a floor that was raised durably before, and on a store that several
//! hubs share a committer acks only above the floor. So a committer that slept while the entries after its last one came and
//! went cannot create one of them again and believe that it counts.
//!
//! Entries and checkpoints are deleted when they are older than the newest checkpoint and than the retention, files without
//! a name when they are older than the retention: whoever opened the table before then has finished, or reads it anew.

use chrono::{DateTime, Utc};
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use tracing::info;

use super::{DeltaError, Table};

/// Objects that one cleaning deletes, at most; the rest is deleted by the next.
const DELETED_MAX: usize = 10_000;
const LOG: &str = "_delta_log";

/// The object that tells the floor.
#[derive(Serialize, Deserialize)]
struct Floor {
    floor: u64,
}

impl Table {
    /// The version at and below which no entry may be created any more, if there is one.
    pub(crate) async fn floor(&self) -> Result<Option<u64>, DeltaError> {
        let path = self.floor_path();
        let got = match self.place.root.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(|source| self.store_failed(&path, source))?,
        };
        let bytes = got.bytes().await.map_err(|source| self.store_failed(&path, source))?;
        let floor: Floor = serde_json::from_slice(&bytes)
            .map_err(|error| self.unreadable(0, format!("`{path}`: {error}")))?;
        Ok(Some(floor.floor))
    }

    /// Deletes the entries, and their checkpoints, that are older than a checkpoint and than a time. Gives their number.
    pub(crate) async fn clean_log(
        &self,
        checkpoint: u64,
        older_than: DateTime<Utc>,
    ) -> Result<u64, DeltaError> {
        let mut listed = self.place.store.list(Some(&Path::from(LOG)));
        let mut old: Vec<(u64, String)> = Vec::new();
        // The first entry that must stay; what stands behind it stays too, so the log has no holes.
        let mut first_kept = checkpoint;
        while let Some(object) = listed.next().await {
            let object = object.map_err(|source| self.store_failed(&Path::from(LOG), source))?;
            let Some(version) = version_of(&object.location) else { continue };
            if object.last_modified < older_than && version < checkpoint {
                old.push((version, format!("{LOG}/{}", name_of(&object))));
            } else {
                first_kept = first_kept.min(version);
            }
        }
        drop(listed);
        old.retain(|(version, _)| *version < first_kept);
        old.sort_unstable();
        old.truncate(DELETED_MAX);
        let Some((newest, _)) = old.last().cloned() else { return Ok(0) };
        self.raise_floor(newest).await?;
        let paths: Vec<String> = old.into_iter().map(|(_, path)| path).collect();
        self.delete(&paths).await?;
        let entries = paths.iter().filter(|path| path.ends_with(".json")).count() as u64;
        info!(table = %self.place.url, entries, floor = newest, "old entries of the log were deleted");
        Ok(entries)
    }

    async fn raise_floor(&self, floor: u64) -> Result<(), DeltaError> {
        if self.floor().await?.is_some_and(|known| known >= floor) {
            return Ok(());
        }
        let path = self.floor_path();
        let text = serde_json::to_string(&Floor { floor }).expect("a number is JSON");
        let put = self.place.root.put(&path, PutPayload::from(text)).await;
        put.map(|_| ()).map_err(|source| self.store_failed(&path, source))
    }

    /// Deletes data files that are older than a time and that no entry needs: not live, not removed within the retention.
    pub(crate) async fn delete_orphans(
        &self,
        older_than: DateTime<Utc>,
    ) -> Result<u64, DeltaError> {
        let mut listed = self.place.store.list(None);
        let mut old: HashSet<String> = HashSet::new();
        while let Some(object) = listed.next().await {
            let object = object.map_err(|source| self.store_failed(&Path::from(""), source))?;
            let (path, log) = (object.location.to_string(), Path::from(LOG));
            let ours = path.ends_with(".parquet") && !object.location.prefix_matches(&log);
            if ours && object.last_modified < older_than && old.len() < 10 * DELETED_MAX {
                old.insert(path);
            }
        }
        drop(listed);
        if old.is_empty() {
            return Ok(0);
        }
        // Read after the listing: what was committed meanwhile is named by this state.
        let state = self.state().await?.unwrap_or_default();
        state.files.iter().for_each(|file| _ = old.remove(&file.path));
        state.removed.iter().for_each(|gone| _ = old.remove(&gone.path));
        if let Some(checkpoint) = state.checkpoint {
            self.each_removed(checkpoint, |path| _ = old.remove(path)).await?;
        }
        let mut orphans: Vec<String> = old.into_iter().collect();
        orphans.truncate(DELETED_MAX);
        self.delete(&orphans).await?;
        if !orphans.is_empty() {
            info!(table = %self.place.url, files = orphans.len(), "files that no entry names were deleted");
        }
        Ok(orphans.len() as u64)
    }

    /// Beside the table, so that no reader of Delta takes it for a part of it.
    fn floor_path(&self) -> Path {
        let table = Path::from_url_path(self.place.url.path()).unwrap_or_default();
        let mut parts: Vec<_> = table.parts().map(|part| part.as_ref().to_owned()).collect();
        let name = format!("{}-floor", parts.pop().unwrap_or_default());
        Path::from_iter(parts.into_iter().chain([name]))
    }
}

/// The version of an entry or of a checkpoint, by its name.
fn version_of(path: &Path) -> Option<u64> {
    let (version, rest) = path.filename()?.split_once('.')?;
    (version.len() == 20 && (rest == "json" || rest.starts_with("checkpoint")))
        .then(|| version.parse().ok())?
}

fn name_of(object: &ObjectMeta) -> &str {
    object.location.filename().unwrap_or_default()
}
