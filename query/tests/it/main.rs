//! The way out against a real lake in a folder: the catalogue and the published figures of `deploy/hanoi`, and made-up
//! figures of the synthetic feed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod answers;
mod as_of;
mod calendar;
mod composites;
mod dice;
mod door;
mod duckdb;
mod functions;
mod fuzz;
mod hanoi;
mod newest;
#[path = "../../../hub/tests/way_of_a_row/python.rs"]
mod python;
mod sql;
mod structures;
