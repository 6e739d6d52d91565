//! The way in, over a real socket and a real lake.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod committer;
mod fuzz;
mod house;
mod numbering;
mod pressure;
mod push;
mod refusals;
mod stream;
