//! One column of one row group as Parquet: a dictionary of its values, and pages of their numbers.
//!
//! The rows come as numbers already, so nothing is hashed and no text is looked at: a page costs what packing its numbers
//! costs. Runs of one number, which a sorted file is full of, take a few bytes however long they are. Nothing is compressed:
//! see the decisions of [`output`](super::output).

use std::cmp::Ordering;

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression, Encoding, EncodingMask, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// Values that are the same so often in a row are told as one.
const RUN_MIN: usize = 8;
/// Values that are packed together, and how often that is done behind one header.
const PACK: usize = 8;
const PACKS_MAX: usize = 63;

/// The different values of a column.
pub(super) enum Values<'a> {
    Texts(Vec<&'a str>),
    /// Whole numbers, stamps and figures.
    Wholes(&'a [i64]),
    Days(&'a [i64]),
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Wholes(numbers) | Self::Days(numbers) => numbers.len(),
        }
    }

    fn compare(&self, one: usize, two: usize) -> Ordering {
        match self {
            Self::Texts(texts) => texts[one].cmp(texts[two]),
            Self::Wholes(numbers) | Self::Days(numbers) => numbers[one].cmp(&numbers[two]),
        }
    }

    fn bytes(&self, index: usize) -> Vec<u8> {
        match self {
            Self::Texts(texts) => texts[index].as_bytes().to_vec(),
            Self::Wholes(numbers) => numbers[index].to_le_bytes().to_vec(),
            Self::Days(days) => (days[index] as i32).to_le_bytes().to_vec(),
        }
    }

    /// All of them, as a page has them.
    fn page(&self) -> Vec<u8> {
        let mut page = Vec::new();
        for index in 0..self.len() {
            let value = self.bytes(index);
            if matches!(self, Self::Texts(_)) {
                page.extend_from_slice(&(value.len() as u32).to_le_bytes());
            }
            page.extend_from_slice(&value);
        }
        page
    }

    fn statistics(&self, bounds: Option<(usize, usize)>, nulls: u64) -> Statistics {
        let (least, most) = (bounds.map(|(least, _)| least), bounds.map(|(_, most)| most));
        let nulls = Some(nulls);
        match self {
            Self::Texts(texts) => {
                let text = |index: usize| ByteArray::from(texts[index]);
                Statistics::byte_array(least.map(text), most.map(text), None, nulls, false)
            }
            Self::Wholes(numbers) => {
                let number = |index: usize| numbers[index];
                Statistics::int64(least.map(number), most.map(number), None, nulls, false)
            }
            Self::Days(days) => {
                let day = |index: usize| days[index] as i32;
                Statistics::int32(least.map(day), most.map(day), None, nulls, false)
            }
        }
    }

    /// The least and the greatest of all.
    fn bounds(&self) -> Option<(usize, usize)> {
        let all = || 0..self.len();
        let compare = |one: &usize, two: &usize| self.compare(*one, *two);
        Some((all().min_by(compare)?, all().max_by(compare)?))
    }
}

/// Encodes a column, whose rows are numbers of values and one, 0 being null; tells the bounds of each page if asked to.
pub(super) fn encode(
    column: &ColumnDescPtr,
    values: &Values<'_>,
    rows: &[u32],
    page_rows: usize,
    with_page_bounds: bool,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let mut sink = TrackedWrite::new(Vec::new());
    let mut pages = SerializedPageWriter::new(&mut sink);
    let (mut size, mut dictionary) = (0, None);
    if values.len() > 0 {
        let buf = values.page();
        let (length, num_values) = (buf.len(), values.len() as u32);
        let buf = Bytes::from(buf);
        let page =
            Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
        let written = pages.write_page(CompressedPage::new(page, length))?;
        size += written.compressed_size;
        dictionary = Some(written.offset as i64);
    }
    let encoding = if dictionary.is_some() { Encoding::RLE_DICTIONARY } else { Encoding::PLAIN };
    let width = (u32::BITS - (values.len().saturating_sub(1) as u32).leading_zeros()).max(1);
    let (mut offsets, mut first, mut count) = (OffsetIndexBuilder::new(), None, 0);
    for rows in rows.chunks(page_rows) {
        let nullable = column.max_def_level() > 0;
        let buf = page(rows, nullable, dictionary.map(|_| width));
        let length = buf.len();
        let page = Page::DataPage {
            buf: Bytes::from(buf),
            num_values: rows.len() as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = pages.write_page(CompressedPage::new(page, length))?;
        first.get_or_insert(written.offset as i64);
        size += written.compressed_size;
        count += 1;
        offsets.append_row_count(rows.len() as i64);
        offsets.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
    }
    pages.close()?;
    let of_pages = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
    let mut encodings = vec![of_pages(PageType::DATA_PAGE, encoding, count)];
    if dictionary.is_some() {
        encodings.insert(0, of_pages(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
    }
    let nulls = rows.iter().filter(|row| **row == 0).count();
    let mask = [Encoding::PLAIN, Encoding::RLE, encoding];
    let metadata = ColumnChunkMetaData::builder(ColumnDescPtr::clone(column))
        .set_compression(Compression::UNCOMPRESSED)
        .set_encodings_mask(EncodingMask::new_from_encodings(mask.iter()))
        .set_page_encoding_stats(encodings)
        .set_total_compressed_size(size as i64)
        .set_total_uncompressed_size(size as i64)
        .set_num_values(rows.len() as i64)
        .set_data_page_offset(first.unwrap_or_default())
        .set_dictionary_page_offset(dictionary)
        .set_statistics(values.statistics(values.bounds(), nulls as u64))
        .build()?;
    let index = with_page_bounds.then(|| page_index(column, values, rows, page_rows));
    let close = ColumnCloseResult {
        bytes_written: size as u64,
        rows_written: rows.len() as u64,
        metadata,
        bloom_filter: None,
        column_index: index.transpose()?,
        offset_index: Some(offsets.build()),
    };
    Ok((Bytes::from(sink.into_inner()?), close))
}

/// Some rows: which are not null, and the numbers of those, of `width` bits if there are any in the column.
fn page(rows: &[u32], nullable: bool, width: Option<u32>) -> Vec<u8> {
    let numbers: Vec<u32> = if rows.contains(&0) {
        rows.iter().filter_map(|row| row.checked_sub(1)).collect()
    } else {
        rows.iter().map(|row| row - 1).collect()
    };
    let mut page = Vec::new();
    if nullable {
        levels(rows, numbers.len(), &mut page);
    }
    if let Some(width) = width {
        page.push(width as u8);
        pack(&numbers, width, &mut page);
    }
    page
}

/// The bounds of each page.
fn page_index(
    column: &ColumnDescPtr,
    values: &Values<'_>,
    rows: &[u32],
    page_rows: usize,
) -> Result<ColumnIndexMetaData, ParquetError> {
    let mut sorted: Vec<usize> = (0..values.len()).collect();
    sorted.sort_unstable_by(|one, two| values.compare(*one, *two));
    let mut ranks = vec![0_u32; values.len() + 1];
    for (rank, value) in (1..).zip(&sorted) {
        ranks[*value + 1] = rank;
    }
    let value = |rank: u32| values.bytes(sorted[rank as usize - 1]);
    let mut index = ColumnIndexBuilder::new(column.physical_type());
    let (mut order, mut last) = (BoundaryOrder::ASCENDING, (0, 0));
    for rows in rows.chunks(page_rows) {
        let (mut least, mut most, mut nulls) = (u32::MAX, 0, 0);
        for row in rows {
            let rank = ranks[*row as usize];
            // 0 less one is above all ranks.
            least = least.min(rank.wrapping_sub(1));
            most = most.max(rank);
            nulls += i64::from(rank == 0);
        }
        if most == 0 {
            index.append(true, Vec::new(), Vec::new(), nulls);
            continue;
        }
        let bounds = (least + 1, most);
        if bounds.0 < last.0 || bounds.1 < last.1 {
            order = BoundaryOrder::UNORDERED;
        }
        last = bounds;
        index.append(false, value(bounds.0), value(bounds.1), nulls);
    }
    index.set_boundary_order(order);
    index.build()
}

/// Which rows of a page are not null.
fn levels(rows: &[u32], present: usize, page: &mut Vec<u8>) {
    let mut packed = Vec::new();
    if present == rows.len() || present == 0 {
        run(rows.len(), u32::from(present > 0), 1, &mut packed);
    } else {
        let levels: Vec<u32> = rows.iter().map(|row| u32::from(*row > 0)).collect();
        pack(&levels, 1, &mut packed);
    }
    page.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    page.extend_from_slice(&packed);
}

/// Parquet's hybrid of runs and packed numbers of `width` bits each.
fn pack(numbers: &[u32], width: u32, page: &mut Vec<u8>) {
    let (mut loose, mut at) = (0, 0);
    while at < numbers.len() {
        let number = numbers[at];
        let same = numbers[at..].iter().take_while(|other| **other == number).count();
        // What comes before a run is packed in whole packs, the last of which the run itself fills.
        let fill = (PACK - (at - loose) % PACK) % PACK;
        if same >= fill + RUN_MIN {
            packs(&numbers[loose..at + fill], width, page);
            run(same - fill, number, width, page);
            loose = at + same;
        }
        at += same;
    }
    packs(&numbers[loose..], width, page);
}

fn run(count: usize, number: u32, width: u32, page: &mut Vec<u8>) {
    variable(count << 1, page);
    page.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
}

fn packs(numbers: &[u32], width: u32, page: &mut Vec<u8>) {
    for numbers in numbers.chunks(PACK * PACKS_MAX) {
        let count = numbers.len().div_ceil(PACK);
        variable(count << 1 | 1, page);
        let end = page.len() + count * width as usize;
        let (mut word, mut bits) = (0_u64, 0);
        for number in numbers {
            word |= u64::from(*number) << bits;
            bits += width;
            if bits >= u32::BITS {
                page.extend_from_slice(&(word as u32).to_le_bytes());
                word >>= u32::BITS;
                bits -= u32::BITS;
            }
        }
        page.extend_from_slice(&word.to_le_bytes()[..bits.div_ceil(8) as usize]);
        // The last pack is filled up.
        page.resize(end, 0);
    }
}

/// A whole number, seven bits to a byte.
fn variable(mut number: usize, page: &mut Vec<u8>) {
    while number >= 0x80 {
        page.push(number as u8 | 0x80);
        number >>= 7;
    }
    page.push(number as u8);
}

#[cfg(test)]
mod tests;
