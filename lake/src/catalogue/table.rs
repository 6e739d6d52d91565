//! The catalogue's own Delta table: one entry for each change, each row one record that came, changed or went.
//!
//! The table is small, so it is read whole at opening and kept as one [`Catalogue`], beside the entries that it came from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Guarded, PoisonError};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use bytes::Bytes;
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use tokio::sync::{Mutex, watch};
use tracing::info;

use super::past::{Past, Said};
use super::record::{Record, RecordKind};
use super::{Catalogue, CatalogueError};
use crate::clock::Clock;
use crate::delta::{Commit, DeltaError, Entry, LiveFile, Provenance, Shape, Table, unique};
use crate::store::Place;
use crate::stored_file::StoredFile;

/// Files of the catalogue are never removed, so how long removed ones are kept is for other engines to read only.
const RETENTION_SECONDS: u64 = 3_600;

/// Why the catalogue could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueTableError {
    /// The store failed.
    #[error("the catalogue's store failed: {0}")]
    Delta(#[from] DeltaError),
    /// A file could not be written or read.
    #[error("a catalogue file could not be encoded or decoded: {0}")]
    Parquet(#[from] ParquetError),
    /// Rows could not be put into columns.
    #[error("records could not be arranged for the catalogue: {0}")]
    Rows(#[from] ArrowError),
    /// The records make no sound catalogue; nothing was changed.
    #[error("the catalogue would not be sound: {0}")]
    Unsound(#[from] CatalogueError),
    /// Another hub changed the catalogue meanwhile; nothing was changed.
    #[error("the catalogue was changed by another hub meanwhile: make the plan again")]
    Raced,
}

/// The table, opened, and the catalogue that it amounts to.
#[derive(Debug)]
pub(crate) struct CatalogueTable {
    table: Table,
    stamp: Mutex<i64>,
    current: watch::Sender<Arc<Catalogue>>,
    past: Guarded<Past>,
    clock: Clock,
}

impl CatalogueTable {
    /// Opens the catalogue of a place, or creates an empty one.
    pub(crate) async fn open(place: Place, clock: Clock) -> Result<Self, CatalogueTableError> {
        let (schema, indexed) = (schema(), "position");
        let shape = Shape { schema: &schema, indexed, retention_seconds: Some(RETENTION_SECONDS) };
        let (table, opened) = Table::open(place, &shape).await?;
        let mut rows = Vec::new();
        for file in &opened.files {
            rows.extend(read(&table, file).await?);
        }
        let said = entries(rows);
        let records = said.iter().flat_map(|said| said.records.iter().cloned());
        let mut catalogue = Catalogue::from_records(opened.version, records)?;
        catalogue.recorded_at = said.last().map_or(0, |said| said.recorded_at);
        let mut past = Past::default();
        said.into_iter().for_each(|said| past.add(said));
        let current = watch::Sender::new(Arc::new(catalogue));
        let (stamp, past) = (Mutex::new(opened.newest.stamp), Guarded::new(past));
        Ok(Self { table, stamp, current, past, clock })
    }

    pub(crate) fn current(&self) -> Arc<Catalogue> {
        Arc::clone(&self.current.borrow())
    }

    /// The newest catalogue that was recorded at or before a stamp in microseconds; the empty one before the first.
    pub(crate) fn at(&self, stamp: i64) -> Result<Arc<Catalogue>, CatalogueTableError> {
        let current = self.current();
        if current.recorded_at <= stamp {
            return Ok(current);
        }
        Ok(self.past.lock().unwrap_or_else(PoisonError::into_inner).at(stamp)?)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.current.subscribe()
    }

    /// Appends records as one entry; gives the new version, or the present one where there is nothing to change.
    pub(crate) async fn apply(&self, records: Vec<Record>) -> Result<u64, CatalogueTableError> {
        let mut stamp = self.stamp.lock().await;
        let current = self.current();
        if records.is_empty() {
            return Ok(current.version);
        }
        let version = current.version + 1;
        let recorded_at = self.clock.micros().max(*stamp + 1);
        let said = Said { version, recorded_at, records };
        let next = self.with(&said)?;
        let records = &said.records;
        let commit = unique();
        let bytes = encode(records, version, recorded_at)?;
        let file = LiveFile {
            path: format!("{version:020}-{commit}.parquet"),
            size: bytes.len() as u64,
            modified_ms: recorded_at / 1000,
            stats: Some(stats(records.len(), version)),
        };
        let path = file.path.clone();
        let provenance = Provenance { commit, stamp: recorded_at, submissions: Vec::new() };
        let entry = Entry { provenance, adds: vec![file], ..Entry::default() };
        let staged = self.table.write(version, &entry, &path, bytes).await?;
        match self.table.commit(version, &entry, &staged).await? {
            Commit::Done => {
                info!(version, records = records.len(), "catalogue changed");
                *stamp = recorded_at;
                self.take(said, next);
                Ok(version)
            }
            // The log of the catalogue is short and never cleaned.
            Commit::Ghost => Err(CatalogueTableError::Raced),
            Commit::Lost(winner) => {
                *stamp = winner.provenance.stamp;
                self.take_foreign(version, *winner).await?;
                Err(CatalogueTableError::Raced)
            }
        }
    }

    /// Takes in the entries that other hubs have put since.
    pub(crate) async fn follow(&self) -> Result<(), CatalogueTableError> {
        let mut stamp = self.stamp.lock().await;
        loop {
            let next = self.current().version + 1;
            let Some(entry) = self.table.read(next).await? else { return Ok(()) };
            *stamp = entry.provenance.stamp;
            self.take_foreign(next, entry).await?;
        }
    }

    /// Takes in an entry that another hub put, or that an attempt of ours put without knowing.
    async fn take_foreign(&self, version: u64, winner: Entry) -> Result<(), CatalogueTableError> {
        let mut records = Vec::new();
        for file in &winner.adds {
            records.extend(read(&self.table, file).await?.into_iter().map(|row| row.record));
        }
        let said = Said { version, recorded_at: winner.provenance.stamp, records };
        let next = self.with(&said)?;
        self.take(said, next);
        Ok(())
    }

    /// The present catalogue with what an entry says.
    fn with(&self, said: &Said) -> Result<Catalogue, CatalogueError> {
        let records = self.current().records().into_iter().chain(said.records.iter().cloned());
        let mut next = Catalogue::from_records(said.version, records)?;
        next.recorded_at = said.recorded_at;
        Ok(next)
    }

    /// Makes an entry that is in the table the newest one.
    fn take(&self, said: Said, next: Catalogue) {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).add(said);
        self.current.send_replace(Arc::new(next));
    }
}

/// One row of the table.
struct Row {
    position: i64,
    row: i64,
    recorded_at: i64,
    record: Record,
}

/// The rows of a table as entries, the oldest first.
fn entries(mut rows: Vec<Row>) -> Vec<Said> {
    rows.sort_by_key(|row| (row.position, row.row));
    let mut entries: BTreeMap<i64, Said> = BTreeMap::new();
    for Row { position, recorded_at, record, .. } in rows {
        let version = u64::try_from(position).unwrap_or_default();
        let entry = Said { version, recorded_at, records: Vec::new() };
        entries.entry(position).or_insert(entry).records.push(record);
    }
    entries.into_values().collect()
}

fn schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("kind", false),
        text("key", false),
        text("content", true),
        Field::new("removed", DataType::Boolean, false),
        Field::new("row", DataType::Int64, false),
        Field::new("position", DataType::Int64, false),
        Field::new(
            "recorded_at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            false,
        ),
    ]))
}

fn stats(records: usize, version: u64) -> String {
    let bounds = serde_json::json!({ "position": version });
    let nulls = serde_json::json!({ "position": 0 });
    serde_json::json!({ "numRecords": records, "minValues": bounds, "maxValues": bounds, "nullCount": nulls }).to_string()
}

fn encode(
    records: &[Record],
    version: u64,
    recorded_at: i64,
) -> Result<Bytes, CatalogueTableError> {
    let count = records.len();
    let position = i64::try_from(version).unwrap_or(i64::MAX);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(records.iter().map(|record| record.kind.code()))),
        Arc::new(StringArray::from_iter_values(records.iter().map(|record| &record.key))),
        Arc::new(StringArray::from_iter(records.iter().map(|record| record.content.as_deref()))),
        Arc::new(BooleanArray::from_iter(
            records.iter().map(|record| Some(record.content.is_none())),
        )),
        Arc::new(Int64Array::from_iter_values(0..i64::try_from(count).unwrap_or(i64::MAX))),
        Arc::new(Int64Array::from_value(position, count)),
        Arc::new(TimestampMicrosecondArray::from_value(recorded_at, count).with_timezone("UTC")),
    ];
    let batch = RecordBatch::try_new(schema(), columns)?;
    let mut writer = ArrowWriter::try_new(Vec::new(), schema(), None)?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?.into())
}

/// The rows of a file.
async fn read(table: &Table, file: &LiveFile) -> Result<Vec<Row>, CatalogueTableError> {
    let stored = StoredFile::new(&table.place.store, &file.path, file.size);
    let stream = ParquetRecordBatchStreamBuilder::new(stored).await?.build()?;
    let batches: Vec<RecordBatch> = stream.try_collect().await?;
    let mut rows = Vec::new();
    for batch in &batches {
        let text = |name: &str| batch[name].as_string::<i32>();
        let whole = |name: &str| batch[name].as_primitive::<Int64Type>();
        let stamps = batch["recorded_at"].as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let kind = text("kind").value(row);
            // A kind that a newer Dinh wrote is none of ours to lose: it stays in the table, and out of this catalogue.
            let Some(kind) = RecordKind::from_code(kind) else { continue };
            let content =
                text("content").is_valid(row).then(|| text("content").value(row).to_owned());
            let record = Record { kind, key: text("key").value(row).to_owned(), content };
            let (position, recorded_at) = (whole("position").value(row), stamps.value(row));
            rows.push(Row { position, row: whole("row").value(row), recorded_at, record });
        }
    }
    Ok(rows)
}
