//! Checkpoints: the state of a table in one file, so that opening needs no older entry.
//!
//! ```text
//! checkpoint C ──┬── live files, transactions, metadata ──┐
//! entries C+1..V ┘                                        ├──> checkpoint V ──> hint
//! removed files of C and of the entries, not expired ─────┘
//!        └ expired: deleted from the store first
//! ```
//!
//! A removed file is remembered until its retention is over; then the file is deleted, and only then forgotten. Removed
//! files are many where entries are, so they pass from checkpoint to checkpoint as a stream of columns.
//!
//! # Decisions
//! - delta-rs' own checkpoints load the whole state, removed files among them, and forget a removed file by time alone, so
//!   that a vacuum would have to list the store. Ours cost what is live and what was removed within the retention.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use tokio::runtime::Handle;

use super::state::{State, checkpoint_path};
use super::{DeltaError, Entry, Table};
use crate::stored_file::StoredFile;
use crate::upload::Upload;

/// Removed files that one checkpoint deletes, at most: the rest is deleted with the next.
const DELETED_MAX: usize = 10_000;
/// Rows of removed files that are held at once.
const BATCH_ROWS: usize = 8_192;

/// A checkpoint that was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) version: u64,
    /// Removed files that it remembers.
    pub(crate) removed: u64,
    /// Files that were deleted from the store.
    pub(crate) deleted: u64,
    /// Whether there are more to be deleted, by the next checkpoint.
    pub(crate) more: bool,
}

/// The rows of removed files that a checkpoint keeps, and the files to be deleted.
struct Sieve<'a> {
    /// What was removed before this time is to be deleted, in milliseconds.
    expired_ms: i64,
    /// Whether a reader of this process still needs a file.
    needed: &'a (dyn Fn(&str) -> bool + Sync),
    deleted: Vec<String>,
    kept: u64,
}

impl Table {
    /// Writes a checkpoint of the newest version. What was removed before `expired_ms` and is not `needed` is deleted.
    pub(crate) async fn checkpoint(
        &self,
        expired_ms: i64,
        needed: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<Checkpoint, DeltaError> {
        let state = self.state().await?.unwrap_or_default();
        let version = state.version;
        let path = checkpoint_path(version);
        let stored = |source| self.store_failed(&path, source);
        let upload = self.place.store.put_multipart(&path).await.map_err(stored)?;
        let before = match state.checkpoint {
            None => None,
            Some(version) => {
                let path = checkpoint_path(version);
                let size = self.place.store.head(&path).await;
                let size = size.map_err(|source| self.store_failed(&path, source))?.size;
                Some(StoredFile::new(&self.place.store, path.as_ref(), size))
            }
        };
        let runtime = Handle::current();
        let mut upload = Upload::new(&runtime, upload);
        let adds = state.files.len();
        let write = move || {
            let mut sieve = Sieve { expired_ms, needed: &needed, deleted: Vec::new(), kept: 0 };
            let rows = write(&mut upload, &runtime, state, before, &mut sieve)?;
            Ok::<_, ParquetError>((upload, rows, sieve.deleted, sieve.kept))
        };
        let (upload, rows, deleted, removed) = tokio::task::spawn_blocking(write)
            .await
            .map_err(|error| self.unreadable(version, error.to_string()))?
            .map_err(|error| self.unreadable(version, error.to_string()))?;
        self.delete(&deleted).await?;
        let size = upload.complete().await.map_err(stored)?;
        self.hint(version, rows, size, adds).await?;
        let more = deleted.len() == DELETED_MAX;
        Ok(Checkpoint { version, removed, deleted: deleted.len() as u64, more })
    }

    /// Names each removed file that a checkpoint remembers.
    pub(super) async fn each_removed(
        &self,
        version: u64,
        mut take: impl FnMut(&str),
    ) -> Result<(), DeltaError> {
        let path = checkpoint_path(version);
        let size = self.place.store.head(&path).await;
        let size = size.map_err(|source| self.store_failed(&path, source))?.size;
        let stored = StoredFile::new(&self.place.store, path.as_ref(), size);
        let wrong = |error: ParquetError| self.unreadable(version, error.to_string());
        let builder = ParquetRecordBatchStreamBuilder::new(stored).await.map_err(wrong)?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["remove.path"]);
        let mut stream = builder.with_projection(mask).build().map_err(wrong)?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(wrong)?;
            for path in batch["remove"].as_struct().column(0).as_string::<i32>().iter().flatten() {
                take(path);
            }
        }
        Ok(())
    }

    /// Deletes some objects; one that is gone already is no failure.
    pub(super) async fn delete(&self, paths: &[String]) -> Result<(), DeltaError> {
        let paths: Vec<_> = paths.iter().map(|path| Ok(Path::from(path.as_str()))).collect();
        let paths = futures::stream::iter(paths);
        let mut deleted = self.place.store.delete_stream(paths.boxed());
        while let Some(deleted) = deleted.next().await {
            match deleted {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.store_failed(&Path::from("deleted files"), error)),
            }
        }
        Ok(())
    }

    /// Tells readers where the newest checkpoint is.
    async fn hint(
        &self,
        version: u64,
        rows: usize,
        size: usize,
        adds: usize,
    ) -> Result<(), DeltaError> {
        let hint = serde_json::json!({
            "version": version, "size": rows, "sizeInBytes": size, "numOfAddFiles": adds,
        });
        if self.last_checkpoint().await.is_some_and(|known| known > version) {
            return Ok(());
        }
        let path = Path::from("_delta_log/_last_checkpoint");
        let put = self.place.store.put(&path, PutPayload::from(hint.to_string())).await;
        put.map(|_| ()).map_err(|source| self.store_failed(&path, source))
    }
}

/// Writes the rows of a checkpoint; gives their number.
fn write(
    upload: &mut Upload,
    runtime: &Handle,
    mut state: State,
    before: Option<StoredFile>,
    sieve: &mut Sieve<'_>,
) -> Result<usize, ParquetError> {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let schema = schema();
    let mut writer = ArrowWriter::try_new(upload, Arc::clone(&schema), Some(properties))?;
    let mut rows = 0;
    let removes = std::mem::take(&mut state.removed);
    let kept = Entry {
        transactions: state.transactions,
        adds: state.files,
        metadata: state.metadata,
        protocol: state.protocol,
        ..Entry::default()
    };
    // The removed files of the entries since stand beside what is live, unless they are expired already.
    let removed = Entry { removes, ..Entry::default() };
    for entry in [kept, removed] {
        if let Some(batch) = batch(&schema, &entry)? {
            let batch = sieve.pass(&batch)?;
            rows += batch.num_rows();
            writer.write(&batch)?;
        }
    }
    if let Some(before) = before {
        let builder = runtime.block_on(ParquetRecordBatchStreamBuilder::new(before))?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["remove"]);
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        let mut stream = builder.build()?;
        while let Some(batch) = runtime.block_on(stream.next()) {
            let batch = sieve.pass(&conform(&schema, &batch?)?)?;
            rows += batch.num_rows();
            writer.write(&batch)?;
        }
    }
    writer.close()?;
    Ok(rows)
}

impl Sieve<'_> {
    /// The rows that are kept: all but the removed files that are to be deleted, and rows of nothing.
    fn pass(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let removed = batch["remove"].as_struct();
        let (paths, times) =
            (removed.column(0).as_string::<i32>(), removed.column(1).as_primitive::<Int64Type>());
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let others: Vec<&ArrayRef> = columns
            .filter(|(field, _)| field.name() != "remove")
            .map(|(_, column)| column)
            .collect();
        let of_others = |row: usize| others.iter().any(|column| column.is_valid(row));
        let mut keep = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            if removed.is_null(row) {
                keep.push(of_others(row));
                continue;
            }
            let path = paths.value(row);
            let expired = times.is_null(row) || times.value(row) < self.expired_ms;
            let delete = expired && self.deleted.len() < DELETED_MAX && !(self.needed)(path);
            if delete {
                self.deleted.push(path.to_owned());
            } else {
                self.kept += 1;
            }
            keep.push(!delete);
        }
        filter_record_batch(batch, &BooleanArray::from(keep))
    }
}

/// The actions of an entry as rows; none if it has none.
fn batch(schema: &SchemaRef, entry: &Entry) -> Result<Option<RecordBatch>, ArrowError> {
    let actions: Vec<_> = entry.actions(false).collect();
    if actions.is_empty() {
        return Ok(None);
    }
    let mut decoder =
        ReaderBuilder::new(Arc::clone(schema)).with_batch_size(actions.len()).build_decoder()?;
    decoder.serialize(&actions)?;
    decoder.flush()
}

/// The removed files of an older checkpoint in the columns of this one.
fn conform(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let rows = batch.num_rows();
    let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
        let Some(there) = batch.column_by_name(field.name()) else {
            return Ok(new_null_array(field.data_type(), rows));
        };
        let DataType::Struct(parts) = field.data_type() else { return Ok(Arc::clone(there)) };
        let there = there.as_struct();
        let parts_there = parts.iter().map(|part| {
            there
                .column_by_name(part.name())
                .filter(|column| column.data_type() == part.data_type())
                .map_or_else(|| new_null_array(part.data_type(), rows), Arc::clone)
        });
        let rebuilt = arrow::array::StructArray::try_new(
            parts.clone(),
            parts_there.collect(),
            there.nulls().cloned(),
        )?;
        Ok(Arc::new(rebuilt))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// The columns of a checkpoint, as the Delta protocol has them.
fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let whole = |name: &str| Field::new(name, DataType::Int64, true);
    let truth = |name: &str| Field::new(name, DataType::Boolean, true);
    let int = |name: &str| Field::new(name, DataType::Int32, true);
    let texts = |name: &str| {
        Field::new(
            name,
            DataType::List(Arc::new(Field::new("element", DataType::Utf8, true))),
            true,
        )
    };
    let map = |name: &str| {
        let entries = Fields::from(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", DataType::Utf8, true),
        ]);
        let entries = Field::new("key_value", DataType::Struct(entries), false);
        Field::new(name, DataType::Map(Arc::new(entries), false), true)
    };
    let group = |name: &str, fields: Vec<Field>| {
        Field::new(name, DataType::Struct(Fields::from(fields)), true)
    };
    Arc::new(Schema::new(vec![
        group("txn", vec![text("appId"), whole("version"), whole("lastUpdated")]),
        group(
            "add",
            vec![
                text("path"),
                map("partitionValues"),
                whole("size"),
                whole("modificationTime"),
                truth("dataChange"),
                text("stats"),
                map("tags"),
            ],
        ),
        group(
            "remove",
            vec![
                text("path"),
                whole("deletionTimestamp"),
                truth("dataChange"),
                truth("extendedFileMetadata"),
                map("partitionValues"),
                whole("size"),
            ],
        ),
        group(
            "metaData",
            vec![
                text("id"),
                text("name"),
                text("description"),
                group("format", vec![text("provider"), map("options")]),
                text("schemaString"),
                texts("partitionColumns"),
                map("configuration"),
                whole("createdTime"),
            ],
        ),
        group(
            "protocol",
            vec![
                int("minReaderVersion"),
                int("minWriterVersion"),
                texts("readerFeatures"),
                texts("writerFeatures"),
            ],
        ),
    ]))
}
