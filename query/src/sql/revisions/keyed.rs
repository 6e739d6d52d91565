//! Revisions with the key of their cell, made of batches of the ledger's rows.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, new_null_array};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::{FilterBuilder, cast, prep_null_mask_filter};
use arrow::datatypes::{DataType, Int32Type, SchemaRef, TimestampMicrosecondType};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::physical_expr::PhysicalExpr;
use dinh_lake::observation::Status;

use super::super::cell::{CELL_ORDER, Cells, Key, Keys};

/// The column that tells which revision is newer.
pub(super) const RECORDED_AT: &str = "recorded_at";
/// The column that tells whether a revision stands.
pub(super) const STATUS: &str = "status";

/// Which revisions are read, and what of them beside their key, stamp and status.
#[derive(Debug)]
pub(super) struct Asked {
    /// The columns, with the ledger's types. Texts may come as dictionaries, see [`plain`].
    pub(super) columns: SchemaRef,
    /// Those for which it holds; all if there is none.
    pub(super) filter: Option<Filter>,
    /// Those with a stamp up to this one; all if there is none. The others are as if they were not there yet.
    pub(super) until: Option<i64>,
}

/// A predicate on columns of the key.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) predicate: Arc<dyn PhysicalExpr>,
    /// The columns that it looks at.
    pub(super) columns: SchemaRef,
}

/// Revisions, in any order.
#[derive(Debug)]
pub(super) struct Keyed {
    pub(super) keys: Vec<Key>,
    pub(super) stamps: ScalarBuffer<i64>,
    /// Those that are not withdrawn.
    pub(super) standing: BooleanBuffer,
    /// The columns that are asked for.
    pub(super) columns: Vec<ArrayRef>,
}

impl Keyed {
    pub(super) fn bytes(&self) -> usize {
        let columns = self.columns.iter().map(|column| column.get_array_memory_size());
        columns.sum::<usize>() + size_of_val(&self.keys[..]) + size_of_val(&self.stamps[..])
    }

    /// Some rows that lie side by side.
    pub(super) fn slice(mut self, from: usize, to: usize) -> Self {
        if (from, to) == (0, self.keys.len()) {
            return self;
        }
        self.keys.truncate(to);
        self.keys.drain(..from);
        let rows = to - from;
        self.stamps = self.stamps.slice(from, rows);
        self.standing = self.standing.slice(from, rows);
        self.columns = self.columns.iter().map(|column| column.slice(from, rows)).collect();
        self
    }

    /// The rows that are to be kept.
    ///
    /// # Errors
    /// When a column cannot be cut.
    pub(super) fn keep(self, kept: BooleanBuffer) -> Result<Self> {
        if kept.count_set_bits() == self.keys.len() {
            return Ok(self);
        }
        Ok(Self {
            keys: kept.set_indices().map(|row| self.keys[row]).collect(),
            stamps: kept.set_indices().map(|row| self.stamps[row]).collect(),
            standing: kept.set_indices().map(|row| self.standing.value(row)).collect(),
            columns: filtered(&self.columns, kept)?,
        })
    }
}

/// The rows of columns that are to be kept.
///
/// # Errors
/// When a column cannot be cut.
pub(super) fn filtered(columns: &[ArrayRef], kept: BooleanBuffer) -> Result<Vec<ArrayRef>> {
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let filter = FilterBuilder::new(&BooleanArray::new(kept, None)).optimize().build();
    Ok(columns.iter().map(|column| filter.filter(column)).collect::<Result<_, _>>()?)
}

/// A column with the ledger's type.
///
/// # Errors
/// When it is of no like type.
pub(super) fn plain(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    if column.data_type() == kind { Ok(Arc::clone(column)) } else { Ok(cast(column, kind)?) }
}

/// Makes revisions of the batches of one stream.
pub(super) struct Reader {
    asked: Arc<Asked>,
    cells: Arc<Cells>,
    keys: Keys,
    last: Option<(Key, i64)>,
}

impl Reader {
    pub(super) fn new(asked: Arc<Asked>, cells: Arc<Cells>) -> Self {
        Self { asked, keys: Keys::new(Arc::clone(&cells)), cells, last: None }
    }

    /// The revisions of a batch; those that the filter keeps, if it is to be looked at.
    ///
    /// # Errors
    /// When the batch has not the columns, or not the ledger's types.
    pub(super) fn read(&mut self, batch: &RecordBatch, is_filtered: bool) -> Result<Keyed> {
        let cell = [0, 1, 2, 3, 4, 5].map(|part| column(batch, CELL_ORDER[part]));
        let [Ok(a), Ok(b), Ok(c), Ok(d), Ok(e), Ok(f)] = cell else {
            return internal_err!("the ledger's rows have no cell");
        };
        let keys = self.keys.of(&[a, b, c, d, e, f])?;
        let stamps = column(batch, RECORDED_AT)?.as_primitive_opt::<TimestampMicrosecondType>();
        let Some(stamps) = stamps.map(|stamps| stamps.values().clone()) else {
            return internal_err!("`{RECORDED_AT}` is no time");
        };
        let standing = standing(column(batch, STATUS)?)?;
        let rows = batch.num_rows();
        let output = |field: &Arc<arrow::datatypes::Field>| match batch.column_by_name(field.name())
        {
            Some(column) => Arc::clone(column),
            // It was null in every row when the file was written.
            None => new_null_array(field.data_type(), rows),
        };
        let columns = self.asked.columns.fields().iter().map(output).collect();
        let keyed = Keyed { keys, stamps, standing, columns };
        let of_keys = match &self.asked.filter {
            Some(filter) if is_filtered => Some(filter.kept(batch)?),
            _ => None,
        };
        let known = self.asked.until.map(|until| {
            let stamps = &keyed.stamps;
            BooleanBuffer::collect_bool(stamps.len(), |row| stamps[row] <= until)
        });
        match (of_keys, known) {
            (Some(of_keys), Some(known)) => keyed.keep(&of_keys & &known),
            (Some(kept), None) | (None, Some(kept)) => keyed.keep(kept),
            (None, None) => Ok(keyed),
        }
    }

    /// Makes sure that rows are in the order of cells, and after those before.
    ///
    /// # Errors
    /// When they are not.
    pub(super) fn check_order(&mut self, rows: &Keyed) -> Result<()> {
        let (keys, stamps) = (&rows.keys, &rows.stamps);
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(()) };
        let cells = &self.cells;
        let is_ordered = |a: (Key, i64), b: (Key, i64)| {
            cells.compare(a.0, b.0).then(a.1.cmp(&b.1)) != Ordering::Greater
        };
        let row = |row: usize| (keys[row], stamps[row]);
        let follows = self.last.is_none_or(|last| is_ordered(last, (*first, stamps[0])));
        // While keys compare as numbers there is nothing to look up, and so nothing to stop for.
        let is_ordered = follows
            && if cells.is_late() {
                (1..keys.len()).all(|next| is_ordered(row(next - 1), row(next)))
            } else {
                (1..keys.len()).fold(true, |ok, next| ok & (row(next - 1) <= row(next)))
            };
        if !is_ordered {
            return internal_err!(
                "a file of the ledger is not in the order of cells: run `dinh check`"
            );
        }
        self.last = stamps.last().map(|stamp| (*last, *stamp));
        Ok(())
    }
}

impl Filter {
    /// The rows for which the predicate holds.
    fn kept(&self, batch: &RecordBatch) -> Result<BooleanBuffer> {
        let columns = self.columns.fields().iter();
        let columns = columns.map(|field| plain(column(batch, field.name())?, field.data_type()));
        let columns = columns.collect::<Result<_>>()?;
        let options =
            arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.columns), columns, &options)?;
        let kept = self.predicate.evaluate(&rows)?.into_array(rows.num_rows())?;
        let Some(kept) = kept.as_boolean_opt() else {
            return internal_err!("a filter is no condition");
        };
        if kept.null_count() > 0 {
            return Ok(prep_null_mask_filter(kept).values().clone());
        }
        Ok(kept.values().clone())
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    let missing = || DataFusionError::Internal(format!("rows of the ledger have no `{name}`"));
    batch.column_by_name(name).ok_or_else(missing)
}

/// Which rows are not withdrawn, by their status.
///
/// # Errors
/// When a row has none.
fn standing(status: &ArrayRef) -> Result<BooleanBuffer> {
    let of = |text: &str| text != Status::Withdrawn.code();
    if status.null_count() > 0 {
        return internal_err!("an observation of the ledger has no status");
    }
    if let Some(texts) = status.as_string_opt::<i32>() {
        return Ok(BooleanBuffer::collect_bool(texts.len(), |row| of(texts.value(row))));
    }
    let dictionary = status.as_dictionary_opt::<Int32Type>();
    let texts = dictionary.and_then(|dictionary| dictionary.values().as_string_opt::<i32>());
    let (Some(dictionary), Some(texts)) = (dictionary, texts) else {
        return internal_err!("`{STATUS}` is no text");
    };
    let stands: Vec<bool> = texts.iter().map(|text| text.is_some_and(of)).collect();
    if stands.iter().all(|stands| *stands) {
        return Ok(BooleanBuffer::new_set(status.len()));
    }
    let keys = dictionary.keys().values();
    Ok(BooleanBuffer::collect_bool(keys.len(), |row| {
        stands[usize::try_from(keys[row]).unwrap_or(usize::MAX)]
    }))
}
