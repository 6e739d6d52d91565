//! The rows of a sorted file that may have certain values: read by row groups' bounds and the page index, so that as a rule
//! one page of each column is read, whatever the file's size.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;
use object_store::ObjectStore;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection, RowSelector};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::snapshot::DataFile;
use crate::stored_file::StoredFile;

/// A value that a column is to have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sought<'a> {
    /// Of a text column.
    Text(&'static str, &'a str),
    /// Of a column of whole numbers or stamps.
    Whole(&'static str, i64),
}

impl Sought<'_> {
    fn column(&self) -> &'static str {
        match self {
            Self::Text(column, _) | Self::Whole(column, _) => column,
        }
    }

    fn may_be_in_group(&self, group: &RowGroupMetaData) -> bool {
        let named = |name: &str| name == self.column();
        let column = group.columns().iter().find(|column| named(&column.column_path().string()));
        match (self, column.and_then(|column| column.statistics())) {
            (Self::Text(_, value), Some(Statistics::ByteArray(bounds))) => {
                let (low, high) = (bounds.min_bytes_opt(), bounds.max_bytes_opt());
                within(low, value.as_bytes(), high)
            }
            (Self::Whole(_, value), Some(Statistics::Int64(bounds))) => {
                within(bounds.min_opt(), value, bounds.max_opt())
            }
            _ => true,
        }
    }

    fn may_be_in_page(&self, index: &ColumnIndexMetaData, page: usize) -> bool {
        match (self, index) {
            (Self::Text(_, value), ColumnIndexMetaData::BYTE_ARRAY(index)) => {
                within(index.min_value(page), value.as_bytes(), index.max_value(page))
            }
            (Self::Whole(_, value), ColumnIndexMetaData::INT64(index)) => {
                within(index.min_value(page), value, index.max_value(page))
            }
            _ => true,
        }
    }
}

/// Whether a value is between two bounds; one that is not told bounds nothing.
pub(super) fn within<T: PartialOrd + ?Sized>(low: Option<&T>, value: &T, high: Option<&T>) -> bool {
    low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high)
}

/// The rows of the pages that may hold all that is sought, in the row groups that `groups` names, or in any.
pub(super) async fn rows(
    store: &Arc<dyn ObjectStore>,
    file: &DataFile,
    groups: Option<&[usize]>,
    sought: &[Sought<'_>],
) -> Result<Vec<RecordBatch>, ParquetError> {
    let stored = StoredFile::new(store, &file.path, file.size);
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(stored, options).await?;
    let metadata = builder.metadata();
    let may_hold = |group: &usize| {
        let asked = groups.is_none_or(|groups| groups.contains(group));
        asked && sought.iter().all(|sought| sought.may_be_in_group(metadata.row_group(*group)))
    };
    let groups: Vec<usize> = (0..metadata.num_row_groups()).filter(may_hold).collect();
    let mut pages: Vec<RowSelector> = Vec::new();
    for group in &groups {
        pages.extend::<Vec<RowSelector>>(select(metadata, *group, sought)?.into());
    }
    let builder = builder.with_row_groups(groups).with_row_selection(RowSelection::from(pages));
    builder.build()?.try_collect().await
}

/// The pages of a row group that may hold what is sought; all of them where there is no index.
fn select(
    file: &ParquetMetaData,
    group: usize,
    sought: &[Sought<'_>],
) -> Result<RowSelection, ParquetError> {
    let rows = usize::try_from(file.row_group(group).num_rows()).unwrap_or_default();
    let mut selection = RowSelection::from(vec![RowSelector::select(rows)]);
    let (Some(indexes), Some(offsets)) = (file.column_index(), file.offset_index()) else {
        return Ok(selection);
    };
    for sought in sought {
        let column = column(file, sought.column())?;
        let starts = offsets[group][column].page_locations().iter();
        let starts: Vec<usize> =
            starts.map(|page| usize::try_from(page.first_row_index).unwrap_or_default()).collect();
        let ends = starts.iter().skip(1).copied().chain([rows]);
        let pages = starts.iter().zip(ends).enumerate().map(|(page, (start, end))| {
            let may_hold = sought.may_be_in_page(&indexes[group][column], page);
            let count = end - *start;
            if may_hold { RowSelector::select(count) } else { RowSelector::skip(count) }
        });
        selection = selection.intersection(&RowSelection::from(pages.collect::<Vec<_>>()));
    }
    Ok(selection)
}

/// The index of a column by its name.
pub(super) fn column(file: &ParquetMetaData, name: &str) -> Result<usize, ParquetError> {
    let columns = file.file_metadata().schema_descr();
    (0..columns.num_columns())
        .find(|index| columns.column(*index).name() == name)
        .ok_or_else(|| ParquetError::General(format!("there is no column `{name}`")))
}

/// The row of a submission among submission rows.
pub(super) fn row(batch: &RecordBatch, feed: &str, submission: &str) -> Option<RecordBatch> {
    let [feeds, ids] = ["feed", "submission"].map(|name| batch[name].as_string::<i32>());
    let found = |row: &usize| ids.value(*row) == submission && feeds.value(*row) == feed;
    (0..batch.num_rows()).find(found).map(|row| batch.slice(row, 1))
}
