//! A table's beginning: it is created, or brought to the columns and the settings that this version has.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType as ArrowType, Schema};
use deltalake_core::kernel::{DataType, Metadata, PrimitiveType, StructField};
use deltalake_core::logstore::{StorageConfig, default_logstore};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::{DeltaTableError, TableProperty};
use serde_json::Value;
use tracing::info;

use super::state::State;
use super::{Commit, DeltaError, Entry, Provenance, Table, unique};
use crate::store::Place;

/// How a table is to be.
#[derive(Debug)]
pub(crate) struct Shape<'a> {
    pub(crate) schema: &'a Schema,
    /// The columns whose smallest and largest values the log keeps for each file.
    pub(crate) indexed: &'a str,
    /// How long what was removed is kept for those who still read it, in seconds; none leaves it as the table has it.
    pub(crate) retention_seconds: Option<u64>,
}

/// How long a new table keeps what was removed, unless it is told otherwise.
const RETENTION_SECONDS: u64 = 3_600;
const RETENTION: TableProperty = TableProperty::DeletedFileRetentionDuration;

impl Table {
    /// Opens the table of a place, or creates it; columns and settings that it lacks are added.
    pub(crate) async fn open(place: Place, shape: &Shape<'_>) -> Result<(Self, State), DeltaError> {
        let table = Self::at(place);
        let mut state = match table.state().await? {
            Some(state) => state,
            None => {
                let created = table.create(shape).await;
                match table.state().await? {
                    // It stands, whoever created it: another hub may have been first.
                    Some(state) => state,
                    None => return Err(table.failed(created.err())),
                }
            }
        };
        let log = table.place.location("_delta_log");
        let secured = table.place.append.secure(&log).await;
        secured.map_err(|source| table.store_failed(&log, source))?;
        while let Some(metadata) = table.lacking(&state, shape)? {
            let stamp = state.newest.stamp;
            let provenance = Provenance { commit: unique(), stamp, submissions: Vec::new() };
            let entry = Entry { provenance, metadata: Some(metadata), ..Entry::default() };
            let version = state.version + 1;
            let staged = table.stage(version, &entry).await?;
            match table.commit(version, &entry, &staged).await? {
                Commit::Done => {
                    info!(table = %table.place.url, version, "columns or settings were added")
                }
                Commit::Lost(_) | Commit::Ghost => {}
            }
            state = table.state().await?.unwrap_or(state);
        }
        Ok((table, state))
    }

    async fn create(&self, shape: &Shape<'_>) -> Result<(), DeltaTableError> {
        let Place { root, store, url, .. } = &self.place;
        let log =
            default_logstore(Arc::clone(store), Arc::clone(root), url, &StorageConfig::default());
        let columns = columns(shape.schema).collect::<Result<Vec<_>, _>>()?;
        let mut builder = CreateBuilder::new().with_log_store(log).with_columns(columns);
        for (property, value) in settings(shape, RETENTION_SECONDS) {
            builder = builder.with_configuration_property(property, Some(value));
        }
        builder.await.map(|_| ())
    }

    /// The table's metadata with what it lacks; none if it lacks nothing.
    fn lacking(&self, state: &State, shape: &Shape<'_>) -> Result<Option<Metadata>, DeltaError> {
        let wrong = |reason: &str| self.unreadable(state.version, reason.to_owned());
        let failed = |error: serde_json::Error| self.unreadable(state.version, error.to_string());
        let metadata = state.metadata.as_ref().ok_or_else(|| wrong("the table has no metadata"))?;
        let mut metadata = serde_json::to_value(metadata).map_err(failed)?;
        let text = metadata["schemaString"].as_str().unwrap_or_default();
        let mut schema: Value = serde_json::from_str(text).map_err(failed)?;
        let fields = schema["fields"].as_array_mut().ok_or_else(|| wrong("it has no columns"))?;
        let mut changed = false;
        for column in columns(shape.schema) {
            let column = column.map_err(|error| wrong(&error.to_string()))?;
            if fields.iter().any(|field| field["name"] == column.name().as_str()) {
                continue;
            }
            // Rows that were written before have no value for it.
            let column = StructField::new(column.name(), column.data_type().clone(), true);
            fields.push(serde_json::to_value(column).map_err(failed)?);
            changed = true;
        }
        metadata["schemaString"] = Value::String(schema.to_string());
        for (property, value) in settings(shape, state.retention().as_secs()) {
            let setting = &mut metadata["configuration"][property.as_ref()];
            if setting.as_str() != Some(&value) {
                *setting = Value::String(value);
                changed = true;
            }
        }
        if !changed {
            return Ok(None);
        }
        serde_json::from_value(metadata).map(Some).map_err(failed)
    }

    fn failed(&self, source: Option<DeltaTableError>) -> DeltaError {
        let gone = || DeltaTableError::Generic("it was created and is not there".to_owned());
        let source = Box::new(source.unwrap_or_else(gone));
        DeltaError::Table { table: self.place.url.to_string(), source }
    }
}

impl State {
    /// How long the table keeps what was removed, as it says itself.
    pub(crate) fn retention(&self) -> Duration {
        let metadata = serde_json::to_value(&self.metadata).unwrap_or_default();
        let set = metadata["configuration"][RETENTION.as_ref()].as_str().and_then(interval);
        set.unwrap_or(Duration::from_secs(RETENTION_SECONDS))
    }
}

/// A time as Delta writes it, such as `interval 1 week`; none where it is written in another way.
fn interval(text: &str) -> Option<Duration> {
    let (count, unit) = text.strip_prefix("interval ")?.split_once(' ')?;
    let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 604_800,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// What a reader of another make is told of the table; it keeps so many seconds what was removed, unless its shape says
/// otherwise.
fn settings(shape: &Shape<'_>, kept_seconds: u64) -> [(TableProperty, String); 4] {
    let retention_seconds = shape.retention_seconds.unwrap_or(kept_seconds);
    [
        (TableProperty::AppendOnly, "true".to_owned()),
        (TableProperty::EnableExpiredLogCleanup, "false".to_owned()),
        (TableProperty::DataSkippingStatsColumns, shape.indexed.to_owned()),
        (RETENTION, format!("interval {retention_seconds} seconds")),
    ]
}

fn columns(schema: &Schema) -> impl Iterator<Item = Result<StructField, DeltaTableError>> {
    schema.fields().iter().map(|field| {
        Ok(StructField::new(field.name(), delta_type(field.data_type())?, field.is_nullable()))
    })
}

fn delta_type(arrow: &ArrowType) -> Result<DataType, DeltaTableError> {
    Ok(DataType::Primitive(match arrow {
        ArrowType::Utf8 => PrimitiveType::String,
        ArrowType::Int64 => PrimitiveType::Long,
        ArrowType::Boolean => PrimitiveType::Boolean,
        ArrowType::Date32 => PrimitiveType::Date,
        ArrowType::Timestamp(..) => PrimitiveType::Timestamp,
        ArrowType::Decimal128(precision, scale) => {
            PrimitiveType::decimal(*precision, scale.unsigned_abs())
                .map_err(DeltaTableError::from)?
        }
        other => return Err(DeltaTableError::Generic(format!("no Delta type for {other}"))),
    }))
}
