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
//! | view | one row is |
//! |---|---|
//! | `conflicts` | one official feed's figure of a cell for which official feeds say different things |
//! | `reconciliation` | one unit's own report where there are figures right below it too, of official feeds |
//!
//! | table function | one row is |
//! |---|---|
//! | `ranking(indicator => …, level, period, stage, feed, within, kind, as_of, …)` | one unit's place |
//! | `totals(indicator => …, by, period, stage, feed, within, as_of)` | one unit's figure, with its coverage |
//! | `series(indicator => …, unit => …, stage, feed, as_of)` | one figure of the unit |
//! | `stages(indicator => …, level, period, stage, feed, within, kind, as_of)` | one unit's figures at every stage |
//! | `composite(composite => …, version, period, level, stage, feed, within, kind, as_of, …)` | one unit's score |
//! | `history(indicator => …, unit => …, period, stage, feed, as_of)` | one revision of the cell |
//! | `coverage(period, feed, level, within, as_of)` | who reported one indicator at one level |
//! | `units(q, level, within, on, as_of)` | what a unit was between two dates |
//! | `rebased(indicator => …, on => …, level, period, stage, feed, within, kind, as_of)` | one unit's figure of one period on the structure `on` |
//! | `as_of(at => …, of)` | one of the table `of` (`current` if it is left out), as it was known at a moment |
//!
//! Functions take the parameters of the questions of the same names over HTTP, and give their rows; see `functions.rs`.
//! Names are those of the answers; a column of the whole answer is the same in every row:
//! - `ranking`: `indicator`, `level`, `period`, `stage`, `rank`, `tied`, `unit`, `code`, `name`, `parent`, `value`,
//!   `qualifier`, `status`, `feed`, `reported_rank`, `previous_value`, `change`, `previous_rank`, `movement`, `target`, `distance`; of the answer
//!   `universe`, `ranked`, `estimated_share`, `contains_synthetic`.
//! - `totals`: `indicator`, `level` (of the rows), `period`, `stage`, `unit`, `code`, `name`, `value`, `qualifier`, `source`
//!   (computed, reported or partial), `feed`, `reported`, `expected`, `silent`, `declared_reported`, `declared_expected`; of
//!   the answer `total`, `total_qualifier`, `total_reported`, `total_expected`, `estimated_share`, `contains_synthetic`.
//! - `series`: `indicator`, `unit`, `code`, `name`, `period`, `period_start`, `period_end`, `stage`, `value`, `numerator`,
//!   `denominator`, `qualifier`, `status`, `declared_reported`, `declared_expected`, `feed`, `recorded_at`, `late`; of the answer
//!   `contains_synthetic`.
//! - `stages`: `indicator`, `level`, `period`, `stage` (that distances are of), `unit`, `code`, `name`, `self`, `appraised`,
//!   `survey`, `final`, `qualifier`, `target`, `target_qualifier`, `target_period`, `distance`, `met`; of the answer
//!   `contains_synthetic`.
//! - `composite`: `composite`, `version`, `level`, `period`, `stage`, `rank`, `tied`, `rank_from`, `rank_to`, `unit`, `code`,
//!   `name`, `parent`, `score`, `imputed_share`, `missing_components` (parted by `;`), `self_score`, `appraised_score`,
//!   `self_gap`, `previous_score`, `change`, `previous_rank`, `movement`, `groups` (contributions, in JSON); of the answer
//!   `example`, `contains_synthetic`.
//! - `history`: those of `series` but `late`, and `submission`, `row`, `note`, `superseded_at`, `position`.
//! - `coverage`: `period`, `period_start`, `period_end`, `indicator`, `name`, `level`, `reported`, `expected`, `silent`, `on_time`,
//!   `late`, `due_at`; of the answer `contains_synthetic`.
//! - `rebased`: `indicator`, `unit`, `code`, `name`, `level`, `period`, `period_start`, `period_end`, `stage`, `value`,
//!   `numerator`, `denominator`, `qualifier`, `status` (estimated where a unit was split), `complete`, `feed`, `reported_by` (the
//!   units that reported it), `together` (the units that have it only together; `unit` is null then).
//! - `units`: those of the table `units` but `legal_basis`.
//! - `silent` and `late` are ids of units, parted by `;`, and null where it is unknown who they are.
//!
//! Columns of the views:
//! - `conflicts`: `indicator`, `unit`, `period`, `period_start`, `period_end`, `stage`, `feed`, `value`, `precedence` (the
//!   feed's; an indicator's own order goes before), `answers` (whether this feed's figure is the one in answers), `lowest`,
//!   `highest`, `feeds` (how many there are), `submission`, `recorded_at`.
//! - `reconciliation`: `indicator`, `unit`, `code`, `name`, `level`, `period`, `period_start`, `period_end`, `stage`,
//!   `reported`, `feed`, `computed`, `gap` (reported - computed), `children_reported`, `children_expected`, `complete`.
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
//! - *One snapshot*: ledger and catalogue are taken once, when it begins; [`Rows::position`] names the ledger's. `as_of` alone
//!   looks at another moment, which never changes.
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
mod functions;
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
mod views;

pub use engine::Engine;
pub use limits::SqlLimits;
pub use rows::Rows;
pub use statement::{Statement, Stretch};
