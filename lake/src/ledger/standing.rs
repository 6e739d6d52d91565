//! How the ledger stands: whether it takes submissions, and what an error of it means to whoever sent one.
//!
//! ```text
//! taking ──store failed──> failing ──a write succeeds──> taking
//!    └────────┴──a sync failed──> stopped, until the lake is opened again
//! ```

use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode};
use parquet::errors::ParquetError;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Ledger, LedgerError, Outcome};
use crate::delta::DeltaError;

/// Whether the ledger takes submissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Taking,
    /// The store failed last; it is tried again.
    Failing,
    /// A sync failed; it takes nothing more until the lake is opened again.
    Stopped,
}

/// What can be done about a [`LedgerError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing was recorded: try again a little later.
    TryLater,
    /// Whether it was recorded is told by sending the same again.
    SendAgain,
    /// Somebody must look at the disk and open the lake again; then sending the same again tells.
    Restart,
    /// Tell the operator: trying again is safe, and does not help.
    Report,
}

impl LedgerError {
    /// What can be done about it.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        let from_store = |error: &ParquetError| match error {
            ParquetError::External(source) => source.is::<object_store::Error>(),
            _ => false,
        };
        match self {
            Self::Delta(DeltaError::Unknown { .. }) => Remedy::SendAgain,
            Self::Delta(DeltaError::Sync { .. }) | Self::Stopped => Remedy::Restart,
            Self::Delta(DeltaError::Store { .. } | DeltaError::Table { .. }) => Remedy::TryLater,
            Self::Parquet(error) if from_store(error) => Remedy::TryLater,
            Self::Delta(DeltaError::Entry { .. })
            | Self::Rows(_)
            | Self::Parquet(_)
            | Self::Stats { .. }
            | Self::Missing { .. }
            | Self::Aborted(_) => Remedy::Report,
        }
    }
}

impl Ledger {
    /// How it stands, from now on.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Tries a store that failed: settles what is uncertain and writes an object of no meaning.
    ///
    /// # Errors
    /// When the store still fails.
    pub async fn try_again(&self) -> Result<(), LedgerError> {
        let tried = self.try_store().await;
        match &tried {
            Ok(()) => self.stands(Standing::Taking),
            Err(error) => self.failed(error),
        }
        tried
    }

    async fn try_store(&self) -> Result<(), LedgerError> {
        let mut turn = self.turn.lock().await;
        self.settle(&mut turn).await?;
        let (store, path) = (&self.table.place.store, Path::from("probe"));
        let failed = |source| LedgerError::from(self.table.store_failed(&path, source));
        let put = store.put_opts(&path, "probe".into(), PutMode::Overwrite.into()).await;
        put.map_err(failed)?;
        store.delete(&path).await.map_err(failed)
    }

    /// Takes note of what became of a group.
    pub(super) fn note(&self, appended: &Result<Vec<Outcome>, LedgerError>) {
        match appended {
            // Only what was written says that the store takes writes.
            Ok(outcomes) if outcomes.iter().any(|o| matches!(o, Outcome::Recorded(_))) => {
                self.stands(Standing::Taking);
            }
            Ok(_) => {}
            Err(error) => self.failed(error),
        }
    }

    fn failed(&self, error: &LedgerError) {
        match error.remedy() {
            Remedy::TryLater | Remedy::SendAgain => self.stands(Standing::Failing),
            Remedy::Restart => self.stands(Standing::Stopped),
            Remedy::Report => {}
        }
    }

    fn stands(&self, standing: Standing) {
        self.standing.send_if_modified(|known| {
            let changed = *known != standing && *known != Standing::Stopped;
            if changed {
                match standing {
                    Standing::Taking => info!("the ledger takes submissions again"),
                    Standing::Failing => warn!("the ledger's store fails; it will be tried again"),
                    // The failed sync itself was logged where it happened.
                    Standing::Stopped => warn!("the ledger takes nothing more"),
                }
                *known = standing;
            }
            changed
        });
    }
}
