//! What a store must do before a hub relies on it: create an object once, and keep about our time.
//!
//! The order of the ledger rests on create-if-absent; some servers take its header and ignore it. Stamps rest on clocks:
//! a hub whose clock is ahead of the store's would stamp rows that others then have to follow into the future.

use chrono::TimeDelta;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use super::{Place, StoreError};
use crate::clock::Clock;
use crate::delta::unique;

/// How far a clock may be ahead: 2 s, and 1 s since stores tell times in whole seconds.
const AHEAD_MAX: TimeDelta = TimeDelta::seconds(3);

/// Tries a store out, leaving nothing behind.
///
/// # Errors
/// [`StoreError::NotAtomic`] and [`StoreError::Clock`] for what would be unsafe, [`StoreError::Open`] when it fails.
pub(crate) async fn probe(place: &Place, clock: &Clock) -> Result<(), StoreError> {
    let failed = |source| StoreError::Open { url: place.url.clone(), source };
    let path = Path::from(format!("probe/{}", unique()));
    let create = || place.store.put_opts(&path, "probe".into(), PutOptions::from(PutMode::Create));
    create().await.map_err(failed)?;
    let again = create().await;
    let now = clock.now();
    let written = place.store.head(&path).await.map_err(failed)?.last_modified;
    place.store.delete(&path).await.map_err(failed)?;
    match again {
        Err(Error::AlreadyExists { .. }) => {}
        Ok(_) => return Err(StoreError::NotAtomic(place.url.clone())),
        Err(error) => return Err(failed(error)),
    }
    if now - written > AHEAD_MAX {
        return Err(StoreError::Clock { seconds: (now - written).num_seconds() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use url::Url;

    use super::*;

    #[tokio::test]
    async fn a_clock_that_is_ahead_is_refused() {
        let url = Url::parse("memory:///").unwrap();
        let place = Place::at(Arc::new(InMemory::new()), url);
        probe(&place, &Clock::system()).await.unwrap();
        let ahead = Clock::from_fn(|| Clock::system().now() + TimeDelta::seconds(10));
        let error = probe(&place, &ahead).await.unwrap_err();
        assert!(matches!(error, StoreError::Clock { seconds: 9..=10 }), "{error}");
    }
}
