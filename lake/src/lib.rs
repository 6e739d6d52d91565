//! What Dinh keeps and what it means: units, indicators, observations and grants; the ledger, its snapshots and its care.

pub mod catalogue;
pub mod clock;
pub mod decimal;
pub mod feed;
pub mod fold;
pub mod grant;
pub mod indicator;
pub mod observation;
pub mod period;
pub mod submission;
pub mod succession;
pub mod unit;

pub use clock::Clock;
pub use decimal::Decimal;
