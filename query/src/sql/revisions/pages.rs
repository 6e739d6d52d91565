//! The pages of a sorted file: which rows they are, between which cells they lie, and what a filter makes of them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

use super::super::cell::{CELL_ORDER, Cells, Key, Keys};

/// What tells by bounds whether a filter on keys holds.
#[derive(Debug)]
pub(super) struct Pruning {
    /// Whether it may hold for a row.
    pub(super) may_hold: PruningPredicate,
    /// Whether it may fail for a row; if there is none, it may.
    pub(super) may_fail: Option<PruningPredicate>,
}

/// Rows of one row group that lie side by side.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) group: usize,
    /// Its first row in the group.
    pub(super) start: usize,
    pub(super) rows: usize,
    /// Cells that no row is before or after, if they are known.
    pub(super) low: Option<Key>,
    pub(super) high: Option<Key>,
    /// Whether the filter may fail for a row.
    pub(super) is_filtered: bool,
}

/// The pages of a file that may hold a row for which the filter holds; row groups, if its pages are not known.
///
/// # Errors
/// When the statistics are not of the ledger's types.
pub(super) fn pages(
    file: &ArrowReaderMetadata,
    pruning: Option<&Pruning>,
    cells: &Arc<Cells>,
) -> Result<Vec<Page>> {
    let columns = CELL_ORDER
        .map(|name| StatisticsConverter::try_new(name, file.schema(), file.parquet_schema()));
    let [a, b, c, d, e, f] = columns;
    let columns = [a?, b?, c?, d?, e?, f?];
    let bounds = Bounds::of(file, &columns)?;
    let mut keys = Keys::new(Arc::clone(cells));
    let (low, high) =
        (bounds_as_keys(&mut keys, &bounds.low)?, bounds_as_keys(&mut keys, &bounds.high)?);
    let all = || vec![true; bounds.places.len()];
    let may_hold = pruning.map(|pruning| pruning.may_hold.prune(&bounds)).transpose()?;
    let may_hold = may_hold.unwrap_or_else(all);
    let may_fail = match pruning.map(|pruning| &pruning.may_fail) {
        None => vec![false; bounds.places.len()],
        Some(None) => all(),
        Some(Some(may_fail)) => may_fail.prune(&bounds)?,
    };
    let page = |(index, place): (usize, &Place)| Page {
        group: place.group,
        start: place.start,
        rows: place.rows,
        low: low.as_ref().map(|low| low[index]),
        high: high.as_ref().map(|high| high[index]),
        is_filtered: may_fail[index],
    };
    let kept = bounds.places.iter().enumerate().filter(|(index, _)| may_hold[*index]);
    Ok(kept.map(page).collect())
}

/// The keys of bounds: the smallest of each column together are before every row, the largest after. None where one of
/// them is not known.
fn bounds_as_keys(keys: &mut Keys, columns: &[ArrayRef; 6]) -> Result<Option<Vec<Key>>> {
    if columns.iter().any(|column| column.null_count() > 0) {
        return Ok(None);
    }
    keys.of(&columns.each_ref()).map(Some)
}

/// Where rows lie.
struct Place {
    group: usize,
    start: usize,
    rows: usize,
}

/// Rows, and between which values of the columns of the key they lie.
struct Bounds {
    places: Vec<Place>,
    low: [ArrayRef; 6],
    high: [ArrayRef; 6],
}

impl Bounds {
    fn of(file: &ArrowReaderMetadata, columns: &[StatisticsConverter<'_>; 6]) -> Result<Self> {
        let metadata = file.metadata();
        let groups: Vec<usize> = (0..metadata.num_row_groups()).collect();
        let each = |of: &dyn Fn(&StatisticsConverter<'_>) -> parquet::errors::Result<ArrayRef>| {
            let [a, b, c, d, e, f] = columns.each_ref().map(of);
            Ok::<_, parquet::errors::ParquetError>([a?, b?, c?, d?, e?, f?])
        };
        let paged = paged(file, columns).zip(metadata.column_index()).zip(metadata.offset_index());
        if let Some(((places, of_columns), of_offsets)) = paged {
            return Ok(Self {
                places,
                low: each(&|column| column.data_page_mins(of_columns, of_offsets, &groups))?,
                high: each(&|column| column.data_page_maxes(of_columns, of_offsets, &groups))?,
            });
        }
        let of_groups = metadata.row_groups();
        let rows = |group: usize| usize::try_from(of_groups[group].num_rows()).unwrap_or_default();
        Ok(Self {
            places: groups
                .iter()
                .map(|group| Place { group: *group, start: 0, rows: rows(*group) })
                .collect(),
            low: each(&|column| column.row_group_mins(of_groups))?,
            high: each(&|column| column.row_group_maxes(of_groups))?,
        })
    }
}

/// The pages, if those of all columns of the key are of the same rows.
fn paged(file: &ArrowReaderMetadata, columns: &[StatisticsConverter<'_>; 6]) -> Option<Vec<Place>> {
    let metadata = file.metadata();
    let offsets = metadata.offset_index()?;
    let mut places = Vec::new();
    for group in 0..metadata.num_row_groups() {
        let starts = |column: &StatisticsConverter<'_>| -> Option<Vec<i64>> {
            let pages = offsets.get(group)?.get(column.parquet_column_index()?)?.page_locations();
            Some(pages.iter().map(|page| page.first_row_index).collect())
        };
        let first = starts(&columns[0])?;
        if columns[1..].iter().any(|column| starts(column).as_ref() != Some(&first)) {
            return None;
        }
        let ends = first.iter().skip(1).copied().chain([metadata.row_group(group).num_rows()]);
        for (start, end) in first.iter().zip(ends) {
            let (start, end) = (usize::try_from(*start).ok()?, usize::try_from(end).ok()?);
            places.push(Place { group, start, rows: end.checked_sub(start)? });
        }
    }
    Some(places)
}

impl PruningStatistics for Bounds {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        let part = CELL_ORDER.iter().position(|name| *name == column.name)?;
        Some(Arc::clone(&self.low[part]))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        let part = CELL_ORDER.iter().position(|name| *name == column.name)?;
        Some(Arc::clone(&self.high[part]))
    }

    fn num_containers(&self) -> usize {
        self.places.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        // A cell without one of its parts is an error when it is read.
        Some(Arc::new(UInt64Array::from_value(0, self.places.len())))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.places.iter().map(|place| place.rows as u64);
        Some(Arc::new(UInt64Array::from_iter_values(rows)))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
