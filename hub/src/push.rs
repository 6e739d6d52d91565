//! From a file as an office saves it to a submission, and from the answer to what a person reads.
//!
//! ```text
//! bytes --text--> letters --table--> records --rows(number)--> rows --wire--> submission
//!                              \                                                  | the hub's verdicts
//!                               `--------------- rejects <------- report <--------'
//! ```
//!
//! Invariant: nothing here touches the network, the file system or the clock.

pub mod number;
pub mod rejects;
pub mod report;
pub mod rows;
pub mod table;
pub mod template;
pub mod text;
pub mod wire;
