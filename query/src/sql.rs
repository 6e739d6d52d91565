//! SQL over the ledger and the catalogue: read-only, one statement, one snapshot, bounded.
//!
//! | table | one row is |
//! |---|---|
//! | `observations` | one accepted revision of one value |
//! | `current` | the newest revision of each key, unless it is withdrawn |
//! | `submissions` | one push, and how many of its rows were new, revised a figure, or changed nothing |
//! | `verdicts` | one thing found wrong with a row that was sent |
//! | `timeliness` | the figures of one period that one push was the first to report, and whether they came late |
//! | `units` | what a unit was between two dates |
//! | `indicators`, `feeds` | one of the catalogue |
//! | `holidays` | one day that is off, or worked, though its weekday says otherwise |
//! | `composites`, `components` | one version of a composite index, and one component of a version |
//!
//! Columns of `submissions` beside what its sender said and was answered:
//! - `rows_new`, `rows_revised`, `rows_unchanged`: how many of its rows gave a figure where `current` had none, changed or
//!   withdrew the figure that it had, or changed nothing but provenance. They add up to `accepted`, never change later, and
//!   are worked out only where a statement names them, from all revisions of the feeds that it names.
//! - `producer`, `epoch`, `sequence`: its place in its producer's order, if it was numbered.
//! - `state_position`: the position of the present state that its warnings were found against.
//!
//! Columns of `timeliness`: `feed`, `submission`, `principal`, `period_start`, `period_end`, `stage`, `rows` (cells that nobody had
//! reported before), `due_at` (the first instant that is too late; null where the period has no deadline), `late`,
//! `recorded_at`, `position`. What is said of feed, period and stage is done first.
//!
//! What holds for every statement:
//! - *One snapshot*: ledger and catalogue are taken once, when it begins; [`Rows::position`] names the ledger's.
//! - *One class*: `observations` and `current` give official feeds unless the WHERE names feeds, by `feed = '…'` or
//!   `feed IN (…)`. A statement that reads feeds of both classes is refused.
//! - *Grants*: what the caller may read is a filter inside the tables (`permission.rs`).
//! - *Nothing else*: no file, no URL, no DDL, DML, COPY or SET; the only store that a plan can reach is the ledger's.
//! - *Limits* on time, memory, spill, rows and bytes ([`SqlLimits`]); dropping [`Rows`] stops the work.
//!
//! Types stay what the ledger has: `Decimal128(18,6)`, timestamps in microseconds UTC, dates; a literal such as `93.86` is
//! a decimal too.

mod catalogue_tables;
mod cell;
mod cooperate;
mod engine;
mod fact_table;
mod failure;
mod ledger_table;
mod limits;
mod naming;
mod permission;
mod revisions;
mod rows;
mod rules;
mod statement;
mod store;
mod timeliness;
mod view;

pub use engine::Engine;
pub use limits::SqlLimits;
pub use rows::Rows;
pub use statement::Statement;
