//! One column of a row group: its pages, and what the footer tells of them.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::{filter, is_not_null};
use arrow::datatypes::{
    ArrowNativeType, DataType, Date32Type, Decimal128Type, Field, Int64Type, TimeUnit,
    TimestampMicrosecondType, ToByteSlice,
};
use parquet::errors::ParquetError;

use super::thrift::{Fields, varint};
use super::{dictionary, too_large};
use crate::decimal::{PRECISION, SCALE};

// Values are copied into pages as they lie in memory.
const _: () = assert!(cfg!(target_endian = "little"), "Parquet's numbers are little-endian");

/// The columns with statistics in every file.
const INDEXED: [&str; 5] = ["kind", "position", "indicator", "period_start", "period_end"];
/// Bytes of the longest text that statistics tell.
const BOUND_BYTES_MAX: usize = 64;
/// What a dictionary costs beside its values: the header of its page, and its place in the footer.
const DICTIONARY_BYTES: usize = 24;

/// Parquet's encodings, as numbers.
pub(super) const PLAIN: i32 = 0;
pub(super) const RLE: i32 = 3;
pub(super) const RLE_DICTIONARY: i32 = 8;
const DATA_PAGE: i32 = 0;
const DICTIONARY_PAGE: i32 = 2;

/// A column chunk that was written.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Where its dictionary page begins, if it has one.
    pub(super) dictionary: Option<usize>,
    /// Where its data page begins.
    pub(super) data: usize,
    /// Where it ends.
    pub(super) end: usize,
    pub(super) statistics: Option<Statistics>,
}

/// What is told of the values of an indexed column.
#[derive(Debug)]
pub(super) struct Statistics {
    pub(super) nulls: usize,
    /// The smallest and the largest value.
    pub(super) bounds: Option<[Vec<u8>; 2]>,
}

impl Chunk {
    /// Writes the values of a column at the end of a file.
    pub(super) fn write(
        file: &mut Vec<u8>,
        column: &ArrayRef,
        field: &Field,
    ) -> Result<Self, ParquetError> {
        let nulls = column.null_count();
        let mut page = Vec::new();
        if field.is_nullable() {
            write_levels(&mut page, column.len(), column.nulls())?;
        } else if nulls > 0 {
            return Err(unexpected(field));
        }
        let values = match nulls {
            0 => Values::of(column, field)?,
            // No value of any type.
            nulls if nulls == column.len() => Values::Ints(Vec::new().into()),
            _ => Values::of(&filter(column, &is_not_null(column)?)?, field)?,
        };
        let indexed = INDEXED.contains(&field.name().as_str());
        let start = file.len();
        let words = values.write_numbers(&mut page);
        let encoding = match &words {
            Some(words) => {
                let mut plain = Vec::with_capacity(words.plain_bytes());
                words.write_plain(&mut plain);
                write_page(file, DICTIONARY_PAGE, words.len(), PLAIN, &plain)?;
                RLE_DICTIONARY
            }
            None => {
                page.reserve(values.plain_bytes());
                values.write_plain(&mut page);
                PLAIN
            }
        };
        let data = file.len();
        write_page(file, DATA_PAGE, column.len(), encoding, &page)?;
        let bounds = || words.as_ref().unwrap_or(&values).bounds();
        let statistics = indexed.then(|| Statistics { nulls, bounds: bounds() });
        let dictionary = words.is_some().then_some(start);
        Ok(Self { dictionary, data, end: file.len(), statistics })
    }

    /// Where it begins.
    pub(super) fn start(&self) -> usize {
        self.dictionary.unwrap_or(self.data)
    }
}

/// The values of a column that are not null, as Parquet keeps them.
enum Values {
    Texts(StringArray),
    Longs(ScalarBuffer<i64>),
    Ints(ScalarBuffer<i32>),
}

impl Values {
    /// Those of a column that has no null.
    fn of(column: &dyn Array, field: &Field) -> Result<Self, ParquetError> {
        let values = match field.data_type() {
            DataType::Utf8 => column.as_string_opt().cloned().map(Self::Texts),
            DataType::Int64 => {
                column.as_primitive_opt::<Int64Type>().map(|a| Self::Longs(a.values().clone()))
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => column
                .as_primitive_opt::<TimestampMicrosecondType>()
                .map(|stamps| Self::Longs(stamps.values().clone())),
            DataType::Date32 => column
                .as_primitive_opt::<Date32Type>()
                .map(|days| Self::Ints(days.values().clone())),
            DataType::Decimal128(PRECISION, SCALE) => {
                let figures = column.as_primitive_opt::<Decimal128Type>().map(|a| a.values());
                let longs = |figures: &ScalarBuffer<i128>| {
                    figures.iter().map(|figure| i64::try_from(*figure)).collect::<Result<_, _>>()
                };
                let longs = figures.map(longs).transpose().map_err(|_| unexpected(field))?;
                longs.map(|longs: Vec<i64>| Self::Longs(longs.into()))
            }
            _ => None,
        };
        values.ok_or_else(|| unexpected(field))
    }

    fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Longs(longs) => longs.len(),
            Self::Ints(ints) => ints.len(),
        }
    }

    /// Bytes that [`Self::write_plain`] writes.
    fn plain_bytes(&self) -> usize {
        match self {
            Self::Texts(texts) => {
                let ends = texts.value_offsets();
                (ends[texts.len()] - ends[0]).as_usize() + texts.len() * size_of::<u32>()
            }
            Self::Longs(longs) => longs.len() * size_of::<i64>(),
            Self::Ints(ints) => ints.len() * size_of::<i32>(),
        }
    }

    fn write_plain(&self, out: &mut Vec<u8>) {
        match self {
            Self::Texts(texts) => {
                for text in texts.iter().flatten() {
                    // A text of an array has fewer than 2^31 bytes.
                    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    out.extend_from_slice(text.as_bytes());
                }
            }
            Self::Longs(longs) => out.extend_from_slice(longs.to_byte_slice()),
            Self::Ints(ints) => out.extend_from_slice(ints.to_byte_slice()),
        }
    }

    /// Writes the values as numbers of distinct ones, and gives these, where that is shorter; else writes nothing.
    fn write_numbers(&self, page: &mut Vec<u8>) -> Option<Self> {
        if self.len() < 2 || self.plain_bytes() <= DICTIONARY_BYTES {
            return None;
        }
        let (words, runs) =
            match self {
                Self::Texts(texts) => {
                    dictionary::of_texts(texts).map(|(words, runs)| (Self::Texts(words), runs))
                }
                Self::Longs(longs) => dictionary::of_numbers(longs)
                    .map(|(words, runs)| (Self::Longs(words.into()), runs)),
                Self::Ints(ints) => dictionary::of_numbers(ints)
                    .map(|(words, runs)| (Self::Ints(words.into()), runs)),
            }?;
        let (before, words_bytes) = (page.len(), words.plain_bytes() + DICTIONARY_BYTES);
        if words_bytes < self.plain_bytes() {
            dictionary::write_runs(page, words.len(), &runs);
            if words_bytes + page.len() - before < self.plain_bytes() {
                return Some(words);
            }
            page.truncate(before);
        }
        None
    }

    /// The smallest and the largest value as statistics tell them; none where there is none or they are long.
    fn bounds(&self) -> Option<[Vec<u8>; 2]> {
        match self {
            Self::Texts(texts) => {
                let (low, high) = (texts.iter().flatten().min()?, texts.iter().flatten().max()?);
                let short = low.len().max(high.len()) <= BOUND_BYTES_MAX;
                short.then(|| [low, high].map(|text| text.as_bytes().to_vec()))
            }
            Self::Longs(longs) => {
                Some([*longs.iter().min()?, *longs.iter().max()?].map(|n| n.to_le_bytes().to_vec()))
            }
            Self::Ints(ints) => {
                Some([*ints.iter().min()?, *ints.iter().max()?].map(|n| n.to_le_bytes().to_vec()))
            }
        }
    }
}

/// Writes which rows have a value: runs of one bit a row, their length before them.
fn write_levels(
    page: &mut Vec<u8>,
    rows: usize,
    nulls: Option<&NullBuffer>,
) -> Result<(), ParquetError> {
    let start = page.len();
    page.extend_from_slice(&[0; size_of::<u32>()]);
    let levels = page.len();
    match nulls {
        Some(nulls) if nulls.null_count() == rows => {
            varint(page, (rows as u64) << 1);
            page.push(0);
        }
        Some(nulls) if nulls.null_count() > 0 => {
            varint(page, (rows.div_ceil(8) as u64) << 1 | 1);
            page.extend_from_slice(&nulls.inner().sliced());
        }
        _ => {
            varint(page, (rows as u64) << 1);
            page.push(1);
        }
    }
    let bytes = u32::try_from(page.len() - levels).map_err(|_| too_large("a column"))?;
    page[start..levels].copy_from_slice(&bytes.to_le_bytes());
    Ok(())
}

fn write_page(
    file: &mut Vec<u8>,
    kind: i32,
    values: usize,
    encoding: i32,
    page: &[u8],
) -> Result<(), ParquetError> {
    let small = |n: usize| i32::try_from(n).map_err(|_| too_large("a column"));
    let (values, bytes) = (small(values)?, small(page.len())?);
    let mut head = Fields::begin(file);
    head.int(1, kind);
    head.int(2, bytes);
    head.int(3, bytes);
    let mut of_kind = head.within(if kind == DATA_PAGE { 5 } else { 7 });
    of_kind.int(1, values);
    of_kind.int(2, encoding);
    if kind == DATA_PAGE {
        of_kind.int(3, RLE);
        of_kind.int(4, RLE);
    }
    of_kind.end();
    head.end();
    file.extend_from_slice(page);
    Ok(())
}

fn unexpected(field: &Field) -> ParquetError {
    ParquetError::General(format!(
        "the column `{}` has values that its type does not have",
        field.name()
    ))
}
