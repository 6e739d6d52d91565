//! What each submission changed: how many of its rows were new, how many revised a figure, and how many changed nothing.
//!
//! A row is judged by what `current` says of its cell before and after it:
//!
//! | before | after | the row is |
//! |---|---|---|
//! | nothing, or withdrawn | a figure | new |
//! | a figure | another content, or withdrawn | revised |
//! | a figure | the same content | unchanged: it changes provenance alone |
//! | nothing, or withdrawn | withdrawn | unchanged |
//!
//! The content of an observation is [`CONTENT`]. A stamp belongs to one submission, so counts are kept by stamp.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::stream::{self, BoxStream, StreamExt};

use super::super::cell::{Cells, Key};
use super::keyed::{KeyedReader, standing};
use super::meeting::{Batch, Meeting, Stretch};
use super::newest::STATUS;

/// What an observation says of its cell.
pub(super) const CONTENT: [&str; 7] = [
    "value",
    "numerator",
    "denominator",
    "qualifier",
    STATUS,
    "coverage_reported",
    "coverage_expected",
];

/// The column of the submission's stamp.
pub(in super::super) const CHANGED_AT: &str = "changed_at";
/// The columns of the counts.
pub(in super::super) const COUNTS: [&str; 3] = ["rows_new", "rows_revised", "rows_unchanged"];

/// Bytes of the counts of one submission, with their place in the table.
const COUNT_BYTES: usize = 64;

static CHANGES: LazyLock<SchemaRef> = LazyLock::new(|| {
    let stamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let counts = COUNTS.map(|name| Field::new(name, DataType::Int64, false));
    let stamp = [Field::new(CHANGED_AT, stamp, false)];
    Arc::new(Schema::new(stamp.into_iter().chain(counts).collect::<Vec<_>>()))
});

/// The schema of the counts.
pub(super) fn changes_schema() -> SchemaRef {
    Arc::clone(&CHANGES)
}

/// Revisions with their contents, in a form that compares as one.
pub(super) struct Contents {
    keys: Vec<Key>,
    stamps: ScalarBuffer<i64>,
    standing: BooleanBuffer,
    contents: Rows,
}

impl Batch for Contents {
    fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn stamps(&self) -> &[i64] {
        &self.stamps
    }

    fn bytes(&self) -> usize {
        self.contents.size() + size_of_val(&self.keys[..])
    }
}

/// Makes contents out of a stream.
pub(super) struct ContentReader {
    input: KeyedReader,
    converter: Arc<RowConverter>,
    places: Vec<usize>,
    status: usize,
}

/// What makes contents of [`CONTENT`], of all streams alike.
///
/// # Errors
/// When a stream has not the columns.
pub(super) fn converter(schema: &SchemaRef) -> Result<Arc<RowConverter>> {
    let field = |name: &str| -> Result<SortField> {
        Ok(SortField::new(schema.field_with_name(name)?.data_type().clone()))
    };
    let fields = CONTENT.into_iter().map(field).collect::<Result<_>>()?;
    Ok(Arc::new(RowConverter::new(fields)?))
}

impl ContentReader {
    /// A reader of a stream.
    ///
    /// # Errors
    /// When it has not the columns.
    pub(super) fn new(
        input: SendableRecordBatchStream,
        cells: Arc<Cells>,
        converter: Arc<RowConverter>,
    ) -> Result<Self> {
        let from = input.schema();
        let places =
            CONTENT.into_iter().map(|name| from.index_of(name)).collect::<Result<_, _>>()?;
        let status = from.index_of(STATUS)?;
        Ok(Self { input: KeyedReader::new(input, cells)?, converter, places, status })
    }

    fn stream(self) -> BoxStream<'static, Result<Contents>> {
        stream::try_unfold(self, |mut reader| async {
            let next = reader.next().await;
            next.map(|next| next.map(|contents| (contents, reader)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Contents>> {
        let Some(keyed) = self.input.next().await? else { return Ok(None) };
        let columns: Vec<ArrayRef> =
            self.places.iter().map(|place| Arc::clone(keyed.batch.column(*place))).collect();
        Ok(Some(Contents {
            standing: standing(keyed.batch.column(self.status))?,
            contents: self.converter.convert_columns(&columns)?,
            keys: keyed.keys,
            stamps: keyed.stamps,
        }))
    }
}

/// A row that the next may be a revision of.
struct Before {
    key: Key,
    standing: bool,
    content: OwnedRow,
}

/// Counts the changes of all streams.
pub(super) struct Changes {
    meeting: Meeting<Contents>,
    before: Option<Before>,
    counts: HashMap<i64, [i64; 3]>,
    /// Bytes of the counts.
    reservation: MemoryReservation,
}

impl Changes {
    pub(super) fn start(
        readers: Vec<ContentReader>,
        cells: Arc<Cells>,
        reservation: MemoryReservation,
    ) -> Self {
        let inputs = readers.into_iter().map(ContentReader::stream).collect();
        let counts = reservation.new_empty();
        let meeting = Meeting::start(inputs, cells, reservation);
        Self { meeting, before: None, counts: HashMap::new(), reservation: counts }
    }

    /// The counts of all submissions, once all rows are read.
    ///
    /// # Errors
    /// When a stream fails, or there is no memory.
    pub(super) async fn count(mut self) -> Result<RecordBatch> {
        while let Some(stretch) = self.meeting.next().await? {
            self.add(&stretch)?;
            if stretch.is_end {
                self.meeting.take(&stretch);
            }
        }
        let mut counts: Vec<_> = self.counts.into_iter().collect();
        counts.sort_unstable();
        let stamps =
            TimestampMicrosecondArray::from_iter_values(counts.iter().map(|(stamp, _)| *stamp));
        let count = |kind: usize| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(counts.iter().map(|(_, counts)| counts[kind])))
        };
        let columns =
            vec![Arc::new(stamps.with_timezone("UTC")) as ArrayRef, count(0), count(1), count(2)];
        Ok(RecordBatch::try_new(changes_schema(), columns)?)
    }

    fn add(&mut self, stretch: &Stretch) -> Result<()> {
        let Some(batch) = self.meeting.batch(stretch) else { return Ok(()) };
        for row in stretch.rows.clone() {
            let (key, standing, content) =
                (batch.keys[row], batch.standing.value(row), batch.contents.row(row));
            let (was_standing, is_same) = if row > stretch.rows.start {
                let of_cell = batch.keys[row - 1] == key;
                let is_same = batch.contents.row(row - 1) == content;
                (of_cell && batch.standing.value(row - 1), is_same)
            } else {
                let before = self.before.as_ref().filter(|before| before.key == key);
                (
                    before.is_some_and(|before| before.standing),
                    before.is_some_and(|before| before.content.row() == content),
                )
            };
            let kind = match (was_standing, standing) {
                (false, true) => 0,
                (true, false) => 1,
                (true, true) if !is_same => 1,
                (true, true) | (false, false) => 2,
            };
            if !self.counts.contains_key(&batch.stamps[row]) {
                self.reservation.try_grow(COUNT_BYTES)?;
            }
            self.counts.entry(batch.stamps[row]).or_default()[kind] += 1;
        }
        let last = stretch.rows.end - 1;
        self.before = Some(Before {
            key: batch.keys[last],
            standing: batch.standing.value(last),
            content: batch.contents.row(last).owned(),
        });
        Ok(())
    }
}
