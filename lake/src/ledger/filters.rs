//! Whether a sorted file holds a submission, asked of its Bloom filters, and the one row that says so.
//!
//! A sorted submission file is in the order of (feed, submission). Of each of its row groups the bounds of both columns
//! are kept in memory, a few hundred bytes for thousands of ids; the group's Bloom filter is kept too as long as all filters
//! together fit their budget, and read again when it is asked for. Only if both say that the id may be there are pages read,
//! and by the page index only those that may hold it: one, as a rule.
//!
//! Invariant *once, in bounded memory*: what is held grows with the ids by the bounds alone, some ten bytes for a thousand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use object_store::ObjectStore;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::seek::{self, Sought};
use super::snapshot::{DataFile, Snapshot};
use crate::metrics::LakeMetrics;
use crate::stored_file::StoredFile;

/// The columns that a submission is found by.
const SOUGHT: [&str; 2] = ["feed", "submission"];

/// What is remembered of sorted submission files.
#[derive(Debug)]
pub(super) struct Filters {
    held: Mutex<Held>,
    metrics: LakeMetrics,
}

#[derive(Debug, Default)]
struct Held {
    /// Of each file, the bounds of its row groups.
    bounds: HashMap<String, Arc<[Group]>>,
    /// Filters by file and row group, with the time of their last use.
    filters: HashMap<(String, usize), (Arc<Sbbf>, u64)>,
    bytes: usize,
    bytes_max: usize,
    /// Counts uses; it is the time that the filters' ages are told by.
    uses: u64,
}

/// The smallest and the largest value of each sought column in one row group; none where the file does not tell.
#[derive(Debug)]
struct Group([Option<(Vec<u8>, Vec<u8>)>; 2]);

impl Group {
    fn may_hold(&self, sought: [&str; 2]) -> bool {
        self.0.iter().zip(sought).all(|(bounds, value)| {
            let value = value.as_bytes();
            bounds
                .as_ref()
                .is_none_or(|(low, high)| low.as_slice() <= value && value <= high.as_slice())
        })
    }
}

impl Filters {
    /// Remembers nothing yet; filters may take `bytes_max` bytes together.
    pub(super) fn new(bytes_max: usize, metrics: LakeMetrics) -> Self {
        Self { held: Mutex::new(Held { bytes_max, ..Held::default() }), metrics }
    }

    /// Forgets the files that are not live.
    pub(super) fn keep(&self, snapshot: &Snapshot) {
        let live: std::collections::HashSet<&str> =
            snapshot.files.iter().map(|file| file.path.as_str()).collect();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.bounds.retain(|path, _| live.contains(path.as_str()));
        held.filters.retain(|(path, _), _| live.contains(path.as_str()));
        held.bytes = held.filters.values().map(|(filter, _)| bytes(filter)).sum();
        self.metrics.filter_bytes(held.bytes);
    }

    /// Reads the filters of a file that is about to be live, so that no push waits for them.
    pub(super) async fn warm(
        &self,
        store: &Arc<dyn ObjectStore>,
        file: &DataFile,
    ) -> Result<(), ParquetError> {
        for group in 0..self.bounds(store, file).await?.len() {
            self.filter(store, file, group).await?;
        }
        Ok(())
    }

    /// The submission row of an id in a sorted file, if it is there.
    pub(super) async fn find(
        &self,
        store: &Arc<dyn ObjectStore>,
        file: &DataFile,
        sought: [&str; 2],
    ) -> Result<Option<RecordBatch>, ParquetError> {
        let groups = self.bounds(store, file).await?;
        for (index, group) in groups.iter().enumerate() {
            if !group.may_hold(sought) {
                continue;
            }
            if self.filter(store, file, index).await?.is_some_and(|filter| !filter.check(sought[1]))
            {
                continue;
            }
            let [feed, id] = sought;
            let keys = [Sought::Text(SOUGHT[0], feed), Sought::Text(SOUGHT[1], id)];
            let rows = seek::rows(store, file, Some(&[index]), &keys).await?;
            if let Some(row) = rows.iter().find_map(|batch| seek::row(batch, feed, id)) {
                return Ok(Some(row));
            }
            self.metrics.false_positives.inc();
        }
        Ok(None)
    }

    async fn bounds(
        &self,
        store: &Arc<dyn ObjectStore>,
        file: &DataFile,
    ) -> Result<Arc<[Group]>, ParquetError> {
        let known = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.bounds.get(&file.path).map(Arc::clone)
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let stored = StoredFile::new(store, &file.path, file.size);
        let builder = ParquetRecordBatchStreamBuilder::new(stored).await?;
        let groups: Arc<[Group]> = builder.metadata().row_groups().iter().map(group).collect();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.bounds.insert(file.path.clone(), Arc::clone(&groups));
        Ok(groups)
    }

    /// The filter of a row group, from memory or from the file; none if the file has none.
    async fn filter(
        &self,
        store: &Arc<dyn ObjectStore>,
        file: &DataFile,
        group: usize,
    ) -> Result<Option<Arc<Sbbf>>, ParquetError> {
        let key = (file.path.clone(), group);
        let known = self.held.lock().unwrap_or_else(PoisonError::into_inner).filter(&key);
        if known.is_some() {
            return Ok(known);
        }
        let stored = StoredFile::new(store, &file.path, file.size);
        let mut builder = ParquetRecordBatchStreamBuilder::new(stored).await?;
        let column = seek::column(builder.metadata(), "submission")?;
        let Some(filter) = builder.get_row_group_column_bloom_filter(group, column).await? else {
            return Ok(None);
        };
        self.metrics.filters_read.inc();
        let filter = Arc::new(filter);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(key, Arc::clone(&filter));
        self.metrics.filter_bytes(held.bytes);
        Ok(Some(filter))
    }
}

impl Held {
    fn filter(&mut self, key: &(String, usize)) -> Option<Arc<Sbbf>> {
        self.uses += 1;
        let (filter, used) = self.filters.get_mut(key)?;
        *used = self.uses;
        Some(Arc::clone(filter))
    }

    /// Takes a filter in, and the ones used longest ago out until the budget is kept.
    fn insert(&mut self, key: (String, usize), filter: Arc<Sbbf>) {
        self.bytes += bytes(&filter);
        if let Some((before, _)) = self.filters.insert(key, (filter, self.uses)) {
            self.bytes -= bytes(&before);
        }
        while self.bytes > self.bytes_max {
            let oldest = self.filters.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            if let Some((gone, _)) = self.filters.remove(&oldest) {
                self.bytes -= bytes(&gone);
            }
        }
    }
}

/// Bytes that a filter takes: blocks of 256 bits.
fn bytes(filter: &Sbbf) -> usize {
    filter.num_blocks() * 32
}

fn group(group: &RowGroupMetaData) -> Group {
    Group(SOUGHT.map(|name| {
        let column = group.columns().iter().find(|column| column.column_path().string() == name)?;
        let Some(Statistics::ByteArray(bounds)) = column.statistics() else { return None };
        Some((bounds.min_bytes_opt()?.to_vec(), bounds.max_bytes_opt()?.to_vec()))
    }))
}
