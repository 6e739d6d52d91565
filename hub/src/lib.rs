//! The binary `dinh`: its commands and what they are made of.

pub mod commands;
pub mod config;
pub mod exit;
pub mod push;
pub mod wording;
