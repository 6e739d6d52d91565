//! The hub as its users meet it: the real binary, its real doors, a real folder.
//!
//! `steps` is where to begin: it walks the way of a row as the README tells it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "way_of_a_row/access.rs"]
mod access;
#[path = "way_of_a_row/authority.rs"]
mod authority;
#[path = "way_of_a_row/bad_input.rs"]
mod bad_input;
#[path = "way_of_a_row/bench.rs"]
mod bench;
#[path = "way_of_a_row/book.rs"]
mod book;
#[path = "way_of_a_row/bulk.rs"]
mod bulk;
#[path = "way_of_a_row/chance.rs"]
mod chance;
#[path = "way_of_a_row/commands.rs"]
mod commands;
#[path = "way_of_a_row/composites.rs"]
mod composites;
#[path = "way_of_a_row/content.rs"]
mod content;
#[path = "way_of_a_row/dan_phuong.rs"]
mod dan_phuong;
#[path = "way_of_a_row/demo.rs"]
mod demo;
#[path = "way_of_a_row/document.rs"]
mod document;
#[path = "way_of_a_row/doors.rs"]
mod doors;
#[path = "way_of_a_row/engines.rs"]
mod engines;
#[path = "way_of_a_row/failing_calls.rs"]
mod failing_calls;
#[path = "way_of_a_row/failing_disk.rs"]
mod failing_disk;
#[path = "way_of_a_row/house.rs"]
mod house;
#[path = "way_of_a_row/kill.rs"]
mod kill;
#[path = "way_of_a_row/layers.rs"]
mod layers;
#[path = "way_of_a_row/load.rs"]
mod load;
#[path = "way_of_a_row/outage.rs"]
mod outage;
#[path = "way_of_a_row/power_cut.rs"]
mod power_cut;
#[path = "way_of_a_row/python.rs"]
mod python;
#[path = "way_of_a_row/recorded_disk.rs"]
mod recorded_disk;
#[path = "way_of_a_row/refusals.rs"]
mod refusals;
#[path = "way_of_a_row/registers.rs"]
mod registers;
#[path = "way_of_a_row/s3.rs"]
mod s3;
#[path = "way_of_a_row/silent.rs"]
mod silent;
#[path = "way_of_a_row/standing.rs"]
mod standing;
#[path = "way_of_a_row/steps.rs"]
mod steps;
#[path = "way_of_a_row/tls.rs"]
mod tls;
#[path = "way_of_a_row/two_hubs.rs"]
mod two_hubs;
