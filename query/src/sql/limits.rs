//! What one statement, and all of them together, may use. Each limit says why it is what it is.

use std::path::PathBuf;
use std::time::Duration;

/// The limits of an engine.
#[derive(Clone, Debug)]
pub struct SqlLimits {
    /// Characters of a statement: what a person or a tool writes is far below, what a loop makes is not.
    pub statement_bytes_max: usize,
    /// From the start of a statement to its last row. It also ends a plan that waits for itself (DataFusion #24883).
    pub time_max: Duration,
    /// Rows of a result: enough for every cell of a city, too few to fill a client's memory by accident.
    pub rows_max: usize,
    /// Bytes of a result in Arrow.
    pub bytes_max: usize,
    /// Memory of all statements together; what needs more spills, or fails alone.
    pub memory_bytes_max: usize,
    /// Disk that all statements together may spill to.
    pub spill_bytes_max: u64,
    /// Where they spill; the system's temporary folder if none.
    pub spill_dir: Option<PathBuf>,
    /// Memory for the footers of the ledger's files.
    pub metadata_bytes_max: usize,
    /// Statements that run at once; others wait.
    pub running_max: usize,
    /// How long a statement waits for its turn before the caller is told to come again.
    pub wait_max: Duration,
    /// Rows that a question about the latest period reads first: about one page of a sorted file, which is read as a whole.
    pub window_rows: u64,
    /// Partitions that one statement runs in; the machine's cores if none.
    pub partitions: Option<usize>,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            statement_bytes_max: 64 << 10,
            time_max: Duration::from_secs(60),
            rows_max: 1_000_000,
            bytes_max: 256 << 20,
            memory_bytes_max: 1 << 30,
            spill_bytes_max: 8 << 30,
            spill_dir: None,
            metadata_bytes_max: 128 << 20,
            running_max: 16,
            wait_max: Duration::from_secs(5),
            window_rows: 16_384,
            partitions: None,
        }
    }
}
