//! How rows of SQL are written: JSON, CSV, Arrow IPC or Parquet, by `Accept`.
//!
//! In JSON and CSV a decimal is its exact text without zeroes at the end, a day `2024-12-31`, a stamp RFC 3339 in UTC. A
//! column name that repeats gets `_2`, `_3`, … in JSON, where a name can stand only once.

use std::collections::HashSet;
use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use parquet::arrow::ArrowWriter;

use super::language::weighted;
use crate::error::QueryError;

/// A way to write rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Representation {
    Json,
    Csv,
    Arrow,
    Parquet,
}

impl Representation {
    pub(super) const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Arrow, Self::Parquet];

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The one that the client prefers; none where it takes none of them.
    pub(super) fn preferred(headers: &HeaderMap) -> Option<Self> {
        let listed = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<_> =
            listed.flat_map(|value| value.split(',').filter_map(weighted)).collect();
        if ranges.is_empty() {
            return Some(Self::Json);
        }
        // The first of the heaviest wins; `max_by_key` would take the last.
        let known = ranges.into_iter().filter_map(|(range, weight)| {
            Some((Self::of_range(range).filter(|_| weight > 0)?, weight))
        });
        let best = known.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(representation, _)| representation)
    }

    fn of_range(range: &str) -> Option<Self> {
        match range.to_ascii_lowercase().as_str() {
            "*/*" | "application/*" => Some(Self::Json),
            "text/*" => Some(Self::Csv),
            exact => Self::ALL.into_iter().find(|known| known.media_type() == exact),
        }
    }

    /// Writes rows.
    pub(super) fn write(
        self,
        schema: &SchemaRef,
        batches: &[RecordBatch],
        position: u64,
    ) -> Result<Vec<u8>, QueryError> {
        let written = match self {
            Self::Json => json(schema, batches, position),
            Self::Csv => csv(schema, batches),
            Self::Arrow => arrow_stream(schema, batches),
            Self::Parquet => parquet_file(schema, batches),
        };
        written.map_err(|error| QueryError::internal("writing rows", &error))
    }
}

fn arrow_stream(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    writer.into_inner()
}

fn parquet_file(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let mut writer = ArrowWriter::try_new(Vec::new(), SchemaRef::clone(schema), None)?;
    for batch in batches {
        writer.write(batch)?;
    }
    Ok(writer.into_inner()?)
}

/// A column whose values can be written as text.
struct TextColumn<'a> {
    array: &'a ArrayRef,
    formatter: ArrayFormatter<'a>,
}

impl<'a> TextColumn<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let column = |array: &'a ArrayRef| {
            let formatter = ArrayFormatter::try_new(array.as_ref(), &OPTIONS)?;
            Ok(Self { array, formatter })
        };
        batch.columns().iter().map(column).collect()
    }

    /// The text of a value; none for null.
    fn text(&self, row: usize) -> Option<String> {
        if self.array.is_null(row) {
            return None;
        }
        let decimal = match self.array.data_type() {
            DataType::Decimal128(..) => {
                Some(self.array.as_primitive::<Decimal128Type>().value_as_string(row))
            }
            DataType::Decimal256(..) => {
                Some(self.array.as_primitive::<Decimal256Type>().value_as_string(row))
            }
            _ => None,
        };
        Some(match decimal {
            Some(text) if text.contains('.') => {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Some(text) => text,
            None => self.formatter.value(row).to_string(),
        })
    }

    /// Whether the text of a value is a JSON value as it stands.
    fn is_json(&self, text: &str) -> bool {
        match self.array.data_type() {
            DataType::Boolean => true,
            data_type if data_type.is_floating() => !text.contains(['N', 'i']),
            data_type => data_type.is_numeric(),
        }
    }
}

const OPTIONS: FormatOptions<'static> = FormatOptions::new();

fn json(schema: &SchemaRef, batches: &[RecordBatch], position: u64) -> Result<Vec<u8>, ArrowError> {
    let names: Vec<_> = distinct_names(schema).iter().map(|name| quoted(name)).collect();
    let mut out = String::from("{\"columns\":[");
    for (index, (name, field)) in names.iter().zip(schema.fields()).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let data_type = quoted(&field.data_type().to_string());
        let _ = write!(out, "{comma}{{\"name\":{name},\"type\":{data_type}}}");
    }
    out.push_str("],\"rows\":[");
    let mut first = true;
    for batch in batches {
        let columns = TextColumn::of(batch)?;
        for row in 0..batch.num_rows() {
            out.push_str(if first { "{" } else { ",{" });
            first = false;
            for (index, (name, column)) in names.iter().zip(&columns).enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let value = match column.text(row) {
                    None => "null".to_owned(),
                    Some(text) if column.is_json(&text) => text,
                    // A float that is no number has no place in JSON.
                    Some(_) if column.array.data_type().is_floating() => "null".to_owned(),
                    Some(text) => quoted(&text),
                };
                let _ = write!(out, "{comma}{name}:{value}");
            }
            out.push('}');
        }
    }
    let _ = write!(out, "],\"position\":{position}}}");
    Ok(out.into_bytes())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}

fn distinct_names(schema: &SchemaRef) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |field: &std::sync::Arc<arrow::datatypes::Field>| {
        let mut name = field.name().clone();
        let mut ordinal = 2;
        while !taken.insert(name.clone()) {
            name = format!("{}_{ordinal}", field.name());
            ordinal += 1;
        }
        name
    };
    schema.fields().iter().map(name).collect()
}

fn csv(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let mut out = String::new();
    push_line(&mut out, schema.fields().iter().map(|field| Some(field.name().clone())));
    for batch in batches {
        let columns = TextColumn::of(batch)?;
        for row in 0..batch.num_rows() {
            push_line(&mut out, columns.iter().map(|column| column.text(row)));
        }
    }
    Ok(out.into_bytes())
}

/// A line as RFC 4180 has it: null is empty, an empty text is `""`.
fn push_line(out: &mut String, values: impl Iterator<Item = Option<String>>) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(',');
        }
        match value {
            None => {}
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            }
            Some(text) => out.push_str(&text),
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests;
