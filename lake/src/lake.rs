//! A lake, opened: its lock, its ledger and its catalogue.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::attempts::Attempts;
use crate::catalogue::{Catalogue, CatalogueTable, CatalogueTableError, Record};
use crate::clock::Clock;
use crate::lease::Lease;
use crate::ledger::{Ledger, LedgerError, Limits, Maintained};
use crate::lock::{Holder, Lock, LockError};
use crate::metrics::LakeMetrics;
use crate::present::Present;
use crate::store::{self, LakeUrl, Place, StoreError};

/// How a lake is opened.
#[derive(Clone, Debug)]
pub struct LakeOptions {
    /// Where stamps come from.
    pub clock: Clock,
    /// Bytes of the newest rows kept in memory.
    pub hot_bytes_max: usize,
    /// How long removed files and old log entries are kept for those who still read them; none leaves it as it was set, an
    /// hour at first.
    pub retention: Option<Duration>,
    /// Where the lake counts.
    pub metrics: LakeMetrics,
    /// Settings of a cloud store, by the names of its SDK, such as `aws_region`.
    pub store: BTreeMap<String, String>,
}

impl Default for LakeOptions {
    /// The machine's clock, 256 MiB of hot rows.
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            hot_bytes_max: 256 << 20,
            retention: None,
            metrics: LakeMetrics::default(),
            store: BTreeMap::new(),
        }
    }
}

/// No entry is on its way to a shared store for longer: its hub has given up, or its clock is wrong by as much.
const ON_ITS_WAY_MAX: Duration = Duration::from_secs(60);

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Why a lake could not be opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Its URL or its store is no good.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process holds it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What a crash left behind could not be swept.
    #[error("the folder `{}` cannot be swept: {source}", folder.display())]
    Sweep {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueTableError),
}

/// A lake, opened; on a folder it is ours alone until it is dropped.
#[derive(Debug)]
pub struct Lake {
    url: LakeUrl,
    lock: Option<Lock>,
    lease: Option<Lease>,
    ledger: Ledger,
    catalogue: CatalogueTable,
    attempts: Attempts,
    present: Present,
    clock: Clock,
}

impl Lake {
    /// Opens the lake at a URL, making what is missing.
    ///
    /// # Errors
    /// [`LakeError::Lock`] when another process holds its folder.
    pub async fn open(url: &LakeUrl, options: LakeOptions) -> Result<Arc<Self>, LakeError> {
        let place = Place::open(url, &options.store)?;
        if url.folder().is_none() {
            store::probe(&place, &options.clock).await?;
        }
        let lock = url.folder().map(|folder| -> Result<Lock, LakeError> {
            let lock = Lock::take(&folder)?;
            store::sweep(&folder).map_err(|source| LakeError::Sweep { folder, source })?;
            Ok(lock)
        });
        let lock = lock.transpose()?;
        Self::open_at(url.clone(), lock, &place, options).await
    }

    async fn open_at(
        url: LakeUrl,
        lock: Option<Lock>,
        place: &Place,
        options: LakeOptions,
    ) -> Result<Arc<Self>, LakeError> {
        let LakeOptions { clock, hot_bytes_max, retention, metrics, .. } = options;
        let attempts = Attempts::new(clock.clone(), metrics.clone());
        let limits = Limits { hot_bytes_max, retention, ..Limits::default() };
        let catalogue = CatalogueTable::open(place.folder("catalogue")?, clock.clone()).await?;
        let ledger = Ledger::open(place.folder("ledger")?, clock.clone(), limits, metrics).await?;
        let lease = lock.is_none().then(|| Lease::new(place.clone(), clock.clone()));
        let present = Present::default();
        Ok(Arc::new(Self { url, lock, lease, ledger, catalogue, attempts, present, clock }))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &LakeUrl {
        &self.url
    }

    /// The clock that stamps its rows.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Its ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Attempts on it that were refused.
    #[must_use]
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// The present state of its ledger, while [`Lake::keep_present`] runs.
    #[must_use]
    pub fn present(&self) -> &Present {
        &self.present
    }

    /// Fills the present state and keeps it up with the ledger; does not end by itself.
    ///
    /// # Errors
    /// When a file cannot be read; call it again, it begins anew.
    pub async fn keep_present(&self) -> Result<(), LakeError> {
        Ok(self.present.follow(&self.ledger, self.catalogue.subscribe()).await?)
    }

    /// Its catalogue as it is now.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.current()
    }

    /// Its catalogue as it was at a stamp in microseconds: the newest that was recorded at or before it, the empty one before
    /// the first.
    ///
    /// # Errors
    /// When the records of that moment do not read; they did when they were applied.
    pub fn catalogue_at(&self, stamp_micros: i64) -> Result<Arc<Catalogue>, LakeError> {
        Ok(self.catalogue.at(stamp_micros)?)
    }

    /// Every catalogue from now on.
    #[must_use]
    pub fn subscribe_catalogue(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.catalogue.subscribe()
    }

    /// Changes the catalogue, whole or not at all, and gives its new version; it holds at once.
    ///
    /// # Errors
    /// When the records make no sound catalogue, or the store fails.
    pub async fn apply(&self, records: Vec<Record>) -> Result<u64, LakeError> {
        Ok(self.catalogue.apply(records).await?)
    }

    /// Does one round of the ledger's care, see [`Ledger::maintain`]; where hubs share a store, only if the present minute
    /// is this hub's to care in.
    ///
    /// # Errors
    /// When the store fails; the next round tries again.
    pub async fn maintain(&self) -> Result<Maintained, LakeError> {
        if let Some(lease) = &self.lease {
            let held = lease.hold().await;
            if !held.map_err(|source| StoreError::Open { url: lease.url().clone(), source })? {
                return Ok(Maintained { elsewhere: true, ..Maintained::default() });
            }
        }
        Ok(self.ledger.maintain().await?)
    }

    /// Takes in what other hubs on the same store have written since; on a folder there are none.
    ///
    /// # Errors
    /// When the store fails; what was taken in stays.
    pub async fn follow(&self) -> Result<(), LakeError> {
        if self.lock.is_none() {
            self.catalogue.follow().await?;
        }
        Ok(self.follow_ledger().await?)
    }

    /// Takes in what other hubs have recorded since; on a folder there are none.
    ///
    /// # Errors
    /// When the store fails; what was taken in stays.
    pub async fn follow_ledger(&self) -> Result<(), LedgerError> {
        if self.lock.is_none() { self.ledger.follow().await } else { Ok(()) }
    }

    /// Makes sure that nothing is recorded at or before a stamp any more, in microseconds since 1970, and says whether that is
    /// so; the present time at most. On a folder it is. Where other hubs write to the same store it is for what comes before
    /// their newest entry, and for a time that no entry can be on its way for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seal(&self, stamp: i64) -> Result<bool, LedgerError> {
        if self.lock.is_some() {
            self.ledger.seal(stamp).await?;
            return Ok(true);
        }
        self.ledger.follow().await?;
        let before = self.clock.micros() - micros(ON_ITS_WAY_MAX);
        Ok(stamp <= before.max(self.ledger.sealed().await))
    }

    /// Tells those who find the folder locked where this process can be reached.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn announce(&self, holder: &Holder) -> std::io::Result<()> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.announce(holder))
    }
}
