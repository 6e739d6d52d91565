//! Whether pushes should be sent to this hub: what the health service and `/readyz` say.
//!
//! A hub whose ledger stopped, or whose store fails, still answers questions, but whoever spreads pushes over several hubs
//! should choose another. While the store fails it is tried now and then, since nobody else may; a ledger that stopped after
//! a failed sync stays so until the hub is started again.

use std::sync::Arc;
use std::time::Duration;

use dinh_lake::Lake;
use dinh_lake::ledger::Standing;
use dinh_query::http::Readiness;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tracing::debug;

/// The services that need the ledger to take submissions; the empty name stands for the hub.
const SERVICES: [&str; 2] = ["", "dinh.v1.Ingest"];
/// How often a store that fails is tried.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Keeps both told until the hub stops.
pub(crate) async fn tell(
    lake: Arc<Lake>,
    health: HealthReporter,
    readiness: watch::Sender<Readiness>,
    stopped: impl Future<Output = ()>,
) {
    let mut standing = lake.ledger().standing();
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let now = *standing.borrow_and_update();
        let (ready, status) = match now {
            Standing::Taking => (Readiness::Ready, ServingStatus::Serving),
            Standing::Failing => (Readiness::StoreFails, ServingStatus::NotServing),
            Standing::Stopped => (Readiness::SyncFailed, ServingStatus::NotServing),
        };
        readiness.send_replace(ready);
        for service in SERVICES {
            health.set_service_status(service, status).await;
        }
        tokio::select! {
            () = &mut stopped => break,
            changed = standing.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(TRY_EVERY), if now == Standing::Failing => {
                if let Err(error) = lake.ledger().try_again().await {
                    debug!(%error, "the store still fails");
                }
            }
        }
    }
    readiness.send_replace(Readiness::Stopping);
    for service in SERVICES {
        health.set_service_status(service, ServingStatus::NotServing).await;
    }
}
