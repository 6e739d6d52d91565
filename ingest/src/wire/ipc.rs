//! From one Arrow IPC stream to columns.
//!
//! The stream comes from outside and may be broken or hostile: it is measured before it is decoded ([`scan`]), decoded by
//! the validating reader, and a panic of that reader is one more way to say *broken*.

mod scan;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, StringBuilder};
use arrow::buffer::Buffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, DecimalType, Int8Type,
    Int16Type, Int32Type, Int64Type, Schema, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use dinh_lake::decimal::{Decimal, DecimalError, SCALE};

use crate::columns::{Cell, Columns, EMPTY, Number, Numbers, Texts, TextsBuilder};
use crate::error::IngestError;
use crate::limits::Limits;

const TEXTS: [&str; 7] = ["indicator", "unit", "period", "stage", "qualifier", "status", "note"];
const FIGURES: [&str; 3] = ["value", "numerator", "denominator"];
const COUNTS: [&str; 2] = ["coverage_reported", "coverage_expected"];
const REQUIRED: [&str; 3] = ["indicator", "unit", "period"];

/// Decodes a stream.
///
/// # Errors
/// When it is broken, larger than the limits, or has a column that it may not have.
pub(super) fn decode(bytes: Bytes, limits: &Limits) -> Result<Columns, IngestError> {
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        scan::scan(&bytes, limits)?;
        let batches = batches(bytes)?;
        let mut room = limits.decoded_bytes_max;
        columns(&batches, &mut room)
    }));
    decoded.unwrap_or_else(|_| Err(broken("it cannot be decoded")))
}

fn broken(detail: impl Display) -> IngestError {
    IngestError::payload(
        format!("the Arrow IPC stream is broken: {detail}"),
        format!("luồng Arrow IPC bị hỏng: {detail}"),
    )
}

fn batches(bytes: Bytes) -> Result<Vec<RecordBatch>, IngestError> {
    let mut decoder = StreamDecoder::new();
    let mut buffer = Buffer::from(bytes);
    let mut batches = Vec::new();
    while let Some(batch) = decoder.decode(&mut buffer).map_err(broken)? {
        batches.push(batch);
    }
    decoder.finish().map_err(broken)?;
    Ok(batches)
}

/// Checks names and types of columns; all that is wrong is told at once.
fn check(schema: &Schema) -> Result<(), IngestError> {
    let (mut en, mut vi) = (Vec::new(), Vec::new());
    for (index, field) in schema.fields().iter().enumerate() {
        let (name, kind) = (field.name().as_str(), field.data_type());
        let known = TEXTS.contains(&name) || FIGURES.contains(&name) || COUNTS.contains(&name);
        if !known {
            en.push(format!("column `{name}` is not a column of a row: leave it out"));
            vi.push(format!("không có cột `{name}`: hãy bỏ cột này"));
        } else if schema.fields()[..index].iter().any(|earlier| earlier.name() == name) {
            en.push(format!("column `{name}` is there twice"));
            vi.push(format!("cột `{name}` bị lặp lại"));
        } else if kind.is_floating() && !TEXTS.contains(&name) {
            en.push(format!(
                "column `{name}` is {kind}, which is not exact: send decimals, integers or text"
            ));
            vi.push(format!("cột `{name}` có kiểu {kind}, không chính xác: hãy gửi số thập phân, số nguyên hoặc văn bản"));
        } else if !fits(name, kind) {
            en.push(format!("column `{name}` cannot be {kind}"));
            vi.push(format!("cột `{name}` không được có kiểu {kind}"));
        }
    }
    for name in REQUIRED {
        if schema.field_with_name(name).is_err() {
            en.push(format!("column `{name}` is missing"));
            vi.push(format!("thiếu cột `{name}`"));
        }
    }
    if en.is_empty() { Ok(()) } else { Err(IngestError::payload(en.join("; "), vi.join("; "))) }
}

fn fits(name: &str, kind: &DataType) -> bool {
    let text = is_text(kind) || matches!(kind, DataType::Dictionary(_, values) if is_text(values));
    let exact = matches!(kind, DataType::Decimal128(_, scale) if (0..=SCALE).contains(scale));
    let number = !TEXTS.contains(&name) && (kind.is_integer() || exact && FIGURES.contains(&name));
    // Tools write a column with nothing in it as a column of type null.
    text || number || matches!(kind, DataType::Null)
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn columns(batches: &[RecordBatch], room: &mut usize) -> Result<Columns, IngestError> {
    Ok(Columns {
        rows: batches.iter().map(RecordBatch::num_rows).sum(),
        indicator: texts(batches, "indicator", room)?,
        unit: texts(batches, "unit", room)?,
        period: texts(batches, "period", room)?,
        stage: texts(batches, "stage", room)?,
        qualifier: texts(batches, "qualifier", room)?,
        status: texts(batches, "status", room)?,
        note: texts(batches, "note", room)?,
        value: numbers(batches, "value", room, &FIGURE)?,
        numerator: numbers(batches, "numerator", room, &FIGURE)?,
        denominator: numbers(batches, "denominator", room, &FIGURE)?,
        coverage_reported: numbers(batches, "coverage_reported", room, &COUNT)?,
        coverage_expected: numbers(batches, "coverage_expected", room, &COUNT)?,
    })
}

/// The parts of a column, one from each batch; none if the column was not sent or has nothing in it.
fn parts<'a>(batches: &'a [RecordBatch], name: &str) -> Vec<&'a ArrayRef> {
    let parts = batches.iter().filter_map(|batch| batch.column_by_name(name));
    parts.filter(|part| *part.data_type() != DataType::Null).collect()
}

/// A text column. Dictionaries and views can say much in few bytes, and every refused row is kept as it was sent: so what
/// they would unfold to takes `room`.
fn texts(batches: &[RecordBatch], name: &str, room: &mut usize) -> Result<Texts, IngestError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let parts = parts(batches, name);
    let mut column = TextsBuilder::with_capacity(rows);
    for part in parts {
        match part.data_type() {
            DataType::Dictionary(_, _) => take_words(part.as_ref(), room, &mut column)?,
            _ => unfold(part.as_ref(), room, &mut |text| column.push(text.unwrap_or_default()))?,
        }
    }
    Ok(column.finish())
}

/// Takes a dictionary by its words and each row by the number of its word.
fn take_words(
    array: &dyn Array,
    room: &mut usize,
    column: &mut TextsBuilder,
) -> Result<(), IngestError> {
    let dictionary = array.as_any_dictionary();
    let words = words(dictionary.values().as_ref());
    let numbers: Vec<(u32, usize)> = words
        .iter()
        .map(|word| word.unwrap_or_default())
        .map(|word| (column.word(word), word.len()))
        .collect();
    if numbers.is_empty() {
        (0..array.len()).for_each(|_| column.push_key(EMPTY));
        return Ok(());
    }
    let mut unfolded = 0_usize;
    let keys = dictionary.normalized_keys();
    for (row, key) in keys.into_iter().enumerate() {
        let (number, bytes) =
            if dictionary.keys().is_valid(row) { numbers[key] } else { (EMPTY, 0) };
        unfolded = unfolded.saturating_add(bytes);
        column.push_key(number);
    }
    *room = room.checked_sub(unfolded).ok_or_else(scan::too_large)?;
    Ok(())
}

/// The texts that numbers were sent as, in one piece.
fn sent(batches: &[RecordBatch], name: &str, room: &mut usize) -> Result<StringArray, IngestError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let parts = parts(batches, name);
    if let [only] = parts[..]
        && let Some(array) = only.as_string_opt::<i32>()
    {
        return Ok(array.clone());
    }
    let mut column = StringBuilder::with_capacity(rows, 0);
    for part in parts {
        unfold(part.as_ref(), room, &mut |text| column.append_option(text))?;
    }
    Ok(column.finish())
}

fn unfold(
    array: &dyn Array,
    room: &mut usize,
    append: &mut dyn FnMut(Option<&str>),
) -> Result<(), IngestError> {
    let mut take = |text: Option<&str>| {
        let left = room.checked_sub(text.map_or(0, str::len));
        *room = left.ok_or_else(scan::too_large)?;
        append(text);
        Ok(())
    };
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().try_for_each(take),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().try_for_each(take),
        DataType::Utf8View => array.as_string_view().iter().try_for_each(take),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let values = words(dictionary.values().as_ref());
            if values.is_empty() {
                return (0..array.len()).try_for_each(|_| take(None));
            }
            let keys = dictionary.normalized_keys();
            let key = |row: usize| dictionary.keys().is_valid(row).then(|| keys[row]);
            (0..array.len()).try_for_each(|row| take(key(row).and_then(|key| values[key])))
        }
        other => Err(broken(format!("no text can be read from {other}"))),
    }
}

/// The words of a dictionary.
fn words(values: &dyn Array) -> Vec<Option<&str>> {
    match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().iter().collect(),
        DataType::LargeUtf8 => values.as_string::<i64>().iter().collect(),
        DataType::Utf8View => values.as_string_view().iter().collect(),
        _ => Vec::new(),
    }
}

/// How a column of numbers is read.
struct Reading<T> {
    from_text: fn(&str) -> Result<T, DecimalError>,
    /// From a number, and what it must be multiplied by to count millionths.
    from_scaled: fn(i128, i128) -> Option<T>,
}

const FIGURE: Reading<Decimal> = Reading {
    from_text: str::parse,
    from_scaled: |number, factor| Decimal::from_unscaled(number.checked_mul(factor)?),
};

const COUNT: Reading<i64> = Reading {
    from_text: |text| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = only_digits.then(|| text.parse()).ok_or(DecimalError::Syntax)?;
        number.map_err(|_| DecimalError::TooManyDigits)
    },
    from_scaled: |number, _| i64::try_from(number).ok(),
};

fn numbers<T: Number>(
    batches: &[RecordBatch],
    name: &str,
    room: &mut usize,
    reading: &Reading<T>,
) -> Result<Numbers<T>, IngestError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let parts = parts(batches, name);
    let Some(kind) = parts.first().map(|part| part.data_type()) else {
        return Ok(Numbers::missing());
    };
    let scale = match kind {
        DataType::Decimal128(_, scale) => *scale,
        kind if kind.is_integer() => 0,
        _ => return Ok(Numbers::parsed(sent(batches, name, room)?, reading.from_text)),
    };
    let factor = 10_i128.pow(u32::from((SCALE - scale).unsigned_abs()));
    let mut cells = Vec::with_capacity(rows);
    let mut faulty = false;
    for_each_number(&parts, &mut |number| {
        cells.push(match number.map(|number| (reading.from_scaled)(number, factor)) {
            None => Cell::Missing,
            Some(Some(number)) => Cell::Number(number),
            Some(None) => {
                faulty = true;
                Cell::Faulty(DecimalError::TooManyDigits)
            }
        });
    })?;
    if !faulty {
        return Ok(Numbers::exact(cells));
    }
    // What is at fault is shown as it was sent, so the whole column gets its text.
    let mut sent = StringBuilder::with_capacity(rows, 0);
    for_each_number(&parts, &mut |number| {
        let text = number
            .map(|number| Decimal128Type::format_decimal(number, DECIMAL128_MAX_PRECISION, scale));
        sent.append_option(text);
    })?;
    Ok(Numbers::parsed(sent.finish(), reading.from_text))
}

fn for_each_number(
    parts: &[&ArrayRef],
    take: &mut dyn FnMut(Option<i128>),
) -> Result<(), IngestError> {
    for part in parts {
        match part.data_type() {
            DataType::Int8 => take_all::<Int8Type>(part, take),
            DataType::Int16 => take_all::<Int16Type>(part, take),
            DataType::Int32 => take_all::<Int32Type>(part, take),
            DataType::Int64 => take_all::<Int64Type>(part, take),
            DataType::UInt8 => take_all::<UInt8Type>(part, take),
            DataType::UInt16 => take_all::<UInt16Type>(part, take),
            DataType::UInt32 => take_all::<UInt32Type>(part, take),
            DataType::UInt64 => take_all::<UInt64Type>(part, take),
            DataType::Decimal128(_, _) => take_all::<Decimal128Type>(part, take),
            other => return Err(broken(format!("no number can be read from {other}"))),
        }
    }
    Ok(())
}

fn take_all<P: ArrowPrimitiveType<Native: Into<i128>>>(
    part: &ArrayRef,
    take: &mut dyn FnMut(Option<i128>),
) {
    part.as_primitive::<P>().iter().for_each(|number| take(number.map(Into::into)));
}
