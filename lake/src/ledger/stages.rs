//! How long each stage of drawing a group up takes: what `cargo bench -p dinh-lake --bench encode` measures.
//!
//! The stages are those of an append, called as an append calls them; nothing is written.

use std::time::{Duration, Instant};

use super::LedgerError;
use super::draft::{Draft, End};
use super::encode::{FileStats, encode};
use super::schema::{Stamped, group_rows};
use crate::submission::Submission;

/// The time that each stage took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages {
    /// From submissions to the rows of a file.
    pub rows: Duration,
    /// From the rows to the statistics that the log keeps.
    pub stats: Duration,
    /// From the rows to the bytes of a file.
    pub encode: Duration,
    /// All of it, and the entry and the answers too, in one go.
    pub all: Duration,
    /// The bytes of the file.
    pub bytes: usize,
}

/// Takes a group through all stages.
///
/// # Errors
/// When the rows cannot be arranged or encoded.
pub fn time(group: &[Submission]) -> Result<Stages, LedgerError> {
    let stamped: Vec<_> = (1..)
        .zip(group)
        .map(|(recorded_at, submission)| Stamped { submission, recorded_at, position: 1 })
        .collect();
    let began = Instant::now();
    let batches = group_rows(&stamped)?;
    let rows = began.elapsed();
    let began = Instant::now();
    let _ = std::hint::black_box(FileStats::of(&batches));
    let stats = began.elapsed();
    let began = Instant::now();
    let bytes = encode(&batches)?.len();
    let encode = began.elapsed();
    drop(batches);
    let fresh: Vec<usize> = (0..group.len()).collect();
    let began = Instant::now();
    let _ = std::hint::black_box(Draft::new(group, &fresh, End::default(), 1)?);
    let all = began.elapsed();
    Ok(Stages { rows, stats, encode, all, bytes })
}
