//! The way in, over a real socket and a real lake.

mod committer;
mod house;
mod push;
mod refusals;
mod stream;
