//! What Dinh keeps and what it means: units, indicators, observations and grants; the ledger, its snapshots and its care.

pub mod catalogue;
pub mod clock;
pub mod decimal;
mod delta;
pub mod feed;
pub mod fold;
pub mod grant;
pub mod indicator;
mod lake;
pub mod ledger;
pub mod lock;
mod metrics;
pub mod observation;
pub mod period;
mod store;
mod stored_file;
pub mod submission;
pub mod succession;
pub mod unit;

pub use clock::Clock;
pub use decimal::Decimal;
pub use lake::{Lake, LakeError, LakeOptions};
pub use metrics::LakeMetrics;
pub use store::{LakeUrl, StoreError, SyncedFolder};
