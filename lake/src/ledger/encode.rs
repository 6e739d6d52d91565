//! Ledger rows as one fresh file: Parquet, written by ourselves, for speed.
//!
//! A fresh file is written while somebody waits for an ack, and read a few times until it is merged. Of Parquet it uses
//! little, and what every reader knows: flat columns, one data page of version 1 to a column chunk, no compression. What
//! repeats is told once: a chunk has a dictionary where that is shorter. A column without values is a page of a few bytes.
//!
//! Invariants:
//! - *one kind per row group*: so a reader of one kind skips the others by the statistics of the column `kind`.
//! - *whole or not at all*: what does not fit the format is an error, never a file that says something else.
//!
//! # Decisions
//! - Settings are chosen by measurement; a fresh file for speed, a merged one (`merge::output`) for size. `cargo bench -p
//!   dinh-lake --bench encode`, best of many rounds, two shared cores with others at work on them, so only ratios count:
//!
//!   | group of | library, plain | ours, dictionaries | bytes a row |
//!   |---|---|---|---|
//!   | 1 x 100 rows | 332 us | 51 us | 280 -> 84 |
//!   | 64 x 1 row | 333 us | 85 us | 553 -> 272 |
//!   | 10 x 1,000 rows | 392 ns a row | 124 to 163 ns a row | 164 -> 18 |
//!
//! - The library's writer takes four microseconds for a column chunk, however small, and a group of one push has 82.
//! - No compression: dictionaries leave little to compress, and an ack would wait for it.
//! - Statistics of the few columns that readers skip row groups by; none of single pages, and no Arrow schema beside Parquet's.

mod column;
mod dictionary;
mod footer;
mod stats;
mod thrift;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::ArrowNativeType;
use bytes::Bytes;
use parquet::errors::ParquetError;

use super::schema::ledger_schema;
use column::Chunk;
use footer::Group;
pub use stats::{Bounds, FileStats};

/// What a Parquet file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";
/// Rows of a row group: what a merge holds of a file that is not in memory.
const GROUP_ROWS: usize = 131_072;
/// Bytes of the texts of a row group, far below what one page may have.
const GROUP_BYTES: usize = 64 << 20;

/// Writes batches in the ledger's schema, each of one kind, as one fresh file.
pub(crate) fn encode(batches: &[RecordBatch]) -> Result<Bytes, ParquetError> {
    let schema = ledger_schema();
    let mut file = MAGIC.to_vec();
    let mut groups = Vec::with_capacity(batches.len());
    for batch in batches {
        for start in (0..batch.num_rows()).step_by(group_rows(batch)) {
            let rows = batch.slice(start, group_rows(batch).min(batch.num_rows() - start));
            let columns = rows.columns().iter().zip(schema.fields());
            let chunks = columns.map(|(values, field)| Chunk::write(&mut file, values, field));
            let chunks = chunks.collect::<Result<_, _>>()?;
            groups.push(Group { chunks, rows: rows.num_rows() });
        }
    }
    footer::write(&mut file, &groups)?;
    Ok(Bytes::from(file))
}

/// Rows of each row group of a batch.
fn group_rows(batch: &RecordBatch) -> usize {
    let texts = batch.columns().iter().filter_map(|column| column.as_string_opt::<i32>());
    let ends = texts.map(StringArray::value_offsets);
    let bytes = ends.map(|ends| (ends[ends.len() - 1] - ends[0]).as_usize()).sum::<usize>();
    batch.num_rows().div_ceil(bytes.div_ceil(GROUP_BYTES).max(1)).clamp(1, GROUP_ROWS)
}

fn too_large(what: &str) -> ParquetError {
    ParquetError::General(format!("{what} is too large for a ledger file: send fewer rows at once"))
}
