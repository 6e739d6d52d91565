//! The end of a file: its columns, its row groups and their chunks.

use std::sync::LazyLock;

use arrow::datatypes::{DataType, Field, FieldRef};
use parquet::errors::ParquetError;

use super::column::{Chunk, PLAIN, RLE, RLE_DICTIONARY, Statistics};
use super::thrift::{Fields, Type, bytes, zigzag};
use super::{MAGIC, too_large};
use crate::decimal::{PRECISION, SCALE};
use crate::ledger::schema::ledger_schema;

/// A row group that was written.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) chunks: Vec<Chunk>,
    pub(super) rows: usize,
}

/// What is the same in all files: the columns, and that the bounds of each are in the order of its type.
static COLUMNS: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let (mut elements, mut orders) = (Vec::new(), Vec::new());
    let schema = ledger_schema();
    let mut root = Fields::begin(&mut elements);
    root.bytes(4, b"ledger");
    root.int(5, schema.fields().len() as i32);
    root.end();
    for field in schema.fields() {
        write_column(&mut elements, field);
        let mut order = Fields::begin(&mut orders);
        order.within(1).end();
        order.end();
    }
    (elements, orders)
});

/// Writes the end of a file.
pub(super) fn write(file: &mut Vec<u8>, groups: &[Group]) -> Result<(), ParquetError> {
    let (start, schema) = (file.len(), ledger_schema());
    let (elements, orders) = &*COLUMNS;
    let mut footer = Fields::begin(file);
    footer.int(1, 2);
    footer.list(2, Type::Struct, schema.fields().len() + 1).extend_from_slice(elements);
    footer.long(3, long(groups.iter().map(|group| group.rows).sum())?);
    let out = footer.list(4, Type::Struct, groups.len());
    for group in groups {
        write_group(out, group, schema.fields())?;
    }
    footer.bytes(6, concat!("dinh version ", env!("CARGO_PKG_VERSION")).as_bytes());
    footer.list(7, Type::Struct, schema.fields().len()).extend_from_slice(orders);
    footer.end();
    let size = u32::try_from(file.len() - start).map_err(|_| too_large("a footer"))?;
    file.extend_from_slice(&size.to_le_bytes());
    file.extend_from_slice(MAGIC);
    Ok(())
}

/// A column of the schema.
fn write_column(out: &mut Vec<u8>, field: &Field) {
    let mut column = Fields::begin(out);
    column.int(1, physical(field.data_type()));
    column.int(3, i32::from(field.is_nullable()));
    column.bytes(4, field.name().as_bytes());
    match field.data_type() {
        DataType::Utf8 => {
            column.int(6, 0);
            let mut logical = column.within(10);
            logical.within(1).end();
            logical.end();
        }
        DataType::Date32 => {
            column.int(6, 6);
            let mut logical = column.within(10);
            logical.within(6).end();
            logical.end();
        }
        DataType::Timestamp(..) => {
            column.int(6, 10);
            let mut logical = column.within(10);
            let mut stamp = logical.within(8);
            stamp.truth(1);
            let mut unit = stamp.within(2);
            unit.within(2).end();
            unit.end();
            stamp.end();
            logical.end();
        }
        DataType::Decimal128(..) => {
            let (scale, precision) = (i32::from(SCALE), i32::from(PRECISION));
            column.int(6, 5);
            column.int(7, scale);
            column.int(8, precision);
            let mut logical = column.within(10);
            let mut decimal = logical.within(5);
            decimal.int(1, scale);
            decimal.int(2, precision);
            decimal.end();
            logical.end();
        }
        _ => {}
    }
    column.end();
}

/// Parquet's type of the values of an Arrow type.
fn physical(kind: &DataType) -> i32 {
    match kind {
        DataType::Utf8 => 6,
        DataType::Date32 => 1,
        _ => 2,
    }
}

fn write_group(file: &mut Vec<u8>, group: &Group, fields: &[FieldRef]) -> Result<(), ParquetError> {
    let mut out = Fields::begin(file);
    let chunks = out.list(1, Type::Struct, group.chunks.len());
    for (chunk, field) in group.chunks.iter().zip(fields) {
        let mut of_chunk = Fields::begin(chunks);
        of_chunk.long(2, 0);
        write_chunk(of_chunk.within(3), chunk, field, group.rows)?;
        of_chunk.end();
    }
    let bytes = group.chunks.iter().map(|chunk| chunk.end - chunk.start()).sum();
    out.long(2, long(bytes)?);
    out.long(3, long(group.rows)?);
    out.long(6, long(bytes)?);
    out.end();
    Ok(())
}

fn write_chunk(
    mut out: Fields<'_>,
    chunk: &Chunk,
    field: &Field,
    rows: usize,
) -> Result<(), ParquetError> {
    out.int(1, physical(field.data_type()));
    let encodings: &[i32] = match chunk.dictionary {
        Some(_) => &[PLAIN, RLE, RLE_DICTIONARY],
        None => &[PLAIN, RLE],
    };
    let list = out.list(2, Type::Int, encodings.len());
    encodings.iter().for_each(|encoding| zigzag(list, i64::from(*encoding)));
    bytes(out.list(3, Type::Bytes, 1), field.name().as_bytes());
    out.int(4, 0);
    out.long(5, long(rows)?);
    let size = long(chunk.end - chunk.start())?;
    out.long(6, size);
    out.long(7, size);
    out.long(9, long(chunk.data)?);
    if let Some(dictionary) = chunk.dictionary {
        out.long(11, long(dictionary)?);
    }
    if let Some(Statistics { nulls, bounds }) = &chunk.statistics {
        let mut statistics = out.within(12);
        statistics.long(3, long(*nulls)?);
        if let Some([low, high]) = bounds {
            statistics.bytes(5, high);
            statistics.bytes(6, low);
            statistics.truth(7);
            statistics.truth(8);
        }
        statistics.end();
    }
    out.end();
    Ok(())
}

fn long(n: usize) -> Result<i64, ParquetError> {
    i64::try_from(n).map_err(|_| too_large("a file"))
}
