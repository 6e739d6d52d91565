//! The commands: each is a file with its arguments and a `run`.

pub mod ask;
pub mod push;
pub mod template;
