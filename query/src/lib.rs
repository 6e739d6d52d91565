//! The way out: SQL, rankings, totals and the other answers, and their HTTP door.
//!
//! ```text
//! http ──> answer ──> sql ──> dinh-lake (ledger snapshot, catalogue)
//!   └───────────────────┘
//! ```
//!
//! - [`sql`]: the ledger and the catalogue as read-only tables, one snapshot for each statement.
//! - [`answer`]: rankings, totals, series, … as plain functions over the current cells; the same text at every door.
//! - [`http`]: routes, problem documents, representations, OpenAPI.
//! - [`as_of`]: what was known at a moment of the past, for every question and every table.
//! - [`access`]: who may read what; it becomes a filter in the plan, not a check in a handler.
//!
//! Invariant: official and synthetic figures never meet in one answer, nor in one SQL statement.

pub mod access;
pub mod answer;
pub mod as_of;
pub mod error;
pub mod http;
pub mod metrics;
pub mod sql;

pub use access::Access;
pub use answer::Answers;
pub use as_of::AsOf;
pub use error::{ErrorKind, Fault, Language, QueryError, Text};
pub use sql::{Engine, SqlLimits};
