//! Who cares for a lake that several hubs share: whoever creates `maintain/<minute>` does so during that minute.
//!
//! The lease only saves work. Two that care at once do each other no harm: a merge commits only if its inputs are still live,
//! and deleting twice is deleting.

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::sync::Mutex;
use url::Url;

use crate::clock::Clock;
use crate::store::Place;

/// The lease of one hub.
#[derive(Debug)]
pub(crate) struct Lease {
    place: Place,
    clock: Clock,
    /// The minute that is ours, if one is, in minutes since 1970.
    held: Mutex<Option<i64>>,
}

impl Lease {
    pub(crate) fn new(place: Place, clock: Clock) -> Self {
        Self { place, clock, held: Mutex::new(None) }
    }

    /// The lake that it is for.
    pub(crate) fn url(&self) -> &Url {
        &self.place.url
    }

    /// Whether the present minute is ours, taking it if it is nobody's.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn hold(&self) -> Result<bool, Error> {
        let mut held = self.held.lock().await;
        let minute = self.clock.now().timestamp() / 60;
        if *held == Some(minute) {
            return Ok(true);
        }
        let create = PutOptions::from(PutMode::Create);
        let taken = self.place.store.put_opts(&path(minute), PutPayload::new(), create).await;
        match taken {
            Ok(_) => {}
            Err(Error::AlreadyExists { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        if let Some(past) = held.replace(minute) {
            // What stays of it if this fails is an empty object.
            let _ = self.place.store.delete(&path(past)).await;
        }
        Ok(true)
    }
}

fn path(minute: i64) -> Path {
    Path::from(format!("maintain/{minute}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use futures::TryStreamExt;
    use object_store::ObjectStore;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn one_hub_cares_in_a_minute_and_any_in_the_next() {
        let root: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let seconds = Arc::new(AtomicI64::new(60));
        let lease = || {
            let (root, seconds) = (Arc::clone(&root), Arc::clone(&seconds));
            let now = move || {
                chrono::DateTime::from_timestamp(seconds.load(Ordering::Relaxed), 0).unwrap()
            };
            Lease::new(Place::at(root, Url::parse("memory:///").unwrap()), Clock::from_fn(now))
        };
        let (one, other) = (lease(), lease());
        assert!(one.hold().await.unwrap() && one.hold().await.unwrap());
        assert!(!other.hold().await.unwrap());
        seconds.store(120, Ordering::Relaxed);
        assert!(other.hold().await.unwrap());
        assert!(!one.hold().await.unwrap());
        seconds.store(180, Ordering::Relaxed);
        assert!(one.hold().await.unwrap());
        let left: Vec<_> = root.list(None).try_collect().await.unwrap();
        assert_eq!(left.len(), 2, "a past lease is deleted when its holder takes the next");
    }
}
