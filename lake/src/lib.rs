//! What Dinh keeps and what it means: units, indicators, observations and grants; the ledger, its snapshots and its care.
//!
//! - The words: [`unit`], [`indicator`], [`composite`], [`feed`], [`grant`], [`period`], [`observation`], [`submission`], [`Decimal`].
//! - [`reform`]: what became of units, and what a figure of one day's units amounts to on those of another.
//! - [`caller`], [`Attempts`]: who calls, and who was sent away.
//! - [`catalogue`]: all that is known of units, indicators, feeds and grants at one version, as files and as a table.
//! - [`ledger`]: the one append-only table that is the truth. [`present`]: what is newest in it, in memory.
//! - `store`, `delta`, `lock`: one object store, two Delta tables on it, one process at a time on a folder.
//!
//! This crate knows no protocol: no gRPC, no HTTP, no SQL, no command line.
//!
//! # Decisions
//! - A log entry is put through the object store and not through delta-rs' commit path, whose cost grows with every commit;
//!   delta-rs creates tables and defines the actions.
//! - The catalogue table keeps each thing as JSON text under its kind and key: things differ in their columns, are few,
//!   and are read whole. SQL sees them as typed columns.

mod attempts;
pub mod caller;
pub mod catalogue;
pub mod clock;
pub mod composite;
pub mod deadline;
pub mod decimal;
mod delta;
pub mod feed;
pub mod fold;
#[cfg(test)]
mod fuzz;
pub mod grant;
pub mod holiday;
pub mod indicator;
pub mod intern;
mod lake;
mod lease;
pub mod ledger;
pub mod lock;
mod metrics;
pub mod observation;
pub mod period;
pub mod present;
pub mod reform;
mod store;
mod stored_file;
pub mod submission;
pub mod succession;
pub mod unit;
mod upload;

pub use attempts::Attempts;
pub use clock::Clock;
pub use decimal::Decimal;
pub use lake::{Lake, LakeError, LakeOptions};
pub use metrics::LakeMetrics;
pub use store::{LakeUrl, StoreError, SyncedFolder, in_place};
