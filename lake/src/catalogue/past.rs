//! What the catalogue said at any moment: its entries, in order, and the catalogues that were lately made of them.
//!
//! A correction does not undo what was said before it: the catalogue of a moment is made of the entries up to that moment.

use std::collections::VecDeque;
use std::sync::Arc;

use super::record::Record;
use super::{Catalogue, CatalogueError};

/// Catalogues of the past that are kept made: a person who compares vintages goes back and forth between few, and each is
/// a megabyte or two.
const MADE_MAX: usize = 8;

/// What one entry of the catalogue's table says.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) version: u64,
    /// In microseconds; strictly increasing along the table.
    pub(super) recorded_at: i64,
    pub(super) records: Vec<Record>,
}

/// The entries of a table, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Past {
    said: Vec<Said>,
    made: VecDeque<Arc<Catalogue>>,
}

impl Past {
    /// Adds the newest entry.
    pub(super) fn add(&mut self, said: Said) {
        self.said.push(said);
    }

    /// The catalogue as it was at a moment; the empty one before the first entry.
    pub(super) fn at(&mut self, stamp: i64) -> Result<Arc<Catalogue>, CatalogueError> {
        let count = self.said.partition_point(|said| said.recorded_at <= stamp);
        let Some(newest) = self.said[..count].last() else {
            return Ok(Arc::new(Catalogue::default()));
        };
        let kept = self.made.iter().position(|made| made.version == newest.version);
        let catalogue = match kept.and_then(|index| self.made.remove(index)) {
            Some(catalogue) => catalogue,
            None => Arc::new(made(&self.said[..count], newest)?),
        };
        self.made.truncate(MADE_MAX - 1);
        self.made.push_front(Arc::clone(&catalogue));
        Ok(catalogue)
    }
}

fn made(said: &[Said], newest: &Said) -> Result<Catalogue, CatalogueError> {
    let records = said.iter().flat_map(|said| said.records.iter().cloned());
    let mut catalogue = Catalogue::from_records(newest.version, records)?;
    catalogue.recorded_at = newest.recorded_at;
    Ok(catalogue)
}
