//! The binary `dinh`: its commands, its settings, and the hub put together.

pub mod admin;
pub mod bench;
pub mod commands;
pub mod config;
pub mod demo;
pub mod dial;
pub mod door;
pub mod exit;
#[cfg(test)]
mod fuzz;
pub mod hub;
pub mod operator;
pub mod output;
pub mod push;
pub mod serve;
mod standing;
pub mod telemetry;
pub mod wording;
