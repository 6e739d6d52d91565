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
//! The content of an observation is [`CONTENT`]. A stamp belongs to one submission, so counts are kept by stamp. Each partition
//! counts the rows of its own cells; whoever reads all of them adds up.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::stream::{self, BoxStream, StreamExt};

use super::super::cell::{Cells, Key};
use super::keyed::{Keyed, STATUS, plain};
use super::meeting::{Batch, Meeting, Stretch};

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
struct ContentReader {
    input: BoxStream<'static, Result<Keyed>>,
    schema: SchemaRef,
    converter: Arc<RowConverter>,
}

impl ContentReader {
    fn stream(self) -> BoxStream<'static, Result<Contents>> {
        stream::try_unfold(self, |mut reader| async {
            let next = reader.next().await;
            next.map(|next| next.map(|contents| (contents, reader)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Contents>> {
        let Some(keyed) = self.input.next().await.transpose()? else { return Ok(None) };
        let columns = keyed.columns.iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| plain(column, field.data_type()));
        let contents = self.converter.convert_columns(&columns.collect::<Result<Vec<_>>>()?)?;
        let Keyed { keys, stamps, standing, .. } = keyed;
        Ok(Some(Contents { keys, stamps, standing, contents }))
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
    /// Starts to read streams of revisions that have the columns of `schema`, which are [`CONTENT`].
    ///
    /// # Errors
    /// When they cannot be compared.
    pub(super) fn start(
        inputs: Vec<BoxStream<'static, Result<Keyed>>>,
        schema: &SchemaRef,
        cells: Arc<Cells>,
        reservation: MemoryReservation,
    ) -> Result<Self> {
        let fields = schema.fields().iter();
        let fields = fields.map(|field| SortField::new(field.data_type().clone())).collect();
        let converter = Arc::new(RowConverter::new(fields)?);
        let contents = |input| {
            let (schema, converter) = (Arc::clone(schema), Arc::clone(&converter));
            ContentReader { input, schema, converter }.stream()
        };
        let inputs = inputs.into_iter().map(contents).collect();
        let counts = reservation.new_empty();
        let meeting = Meeting::start(inputs, cells, reservation);
        Ok(Self { meeting, before: None, counts: HashMap::new(), reservation: counts })
    }

    /// The counts of the submissions that have rows in the streams, once all are read.
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
