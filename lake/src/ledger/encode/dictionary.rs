//! What repeats in a column: its distinct values, and for each row the number of one.

use arrow::array::{Array, StringArray};
use arrow::datatypes::ArrowNativeType;

use super::thrift::varint;
use crate::intern::Interner;

/// Distinct texts among the first rows above which they are looked at again: do they repeat at all?
const TEXTS_TRIED: usize = 1_024;
/// The most distinct texts; their numbers have 16 bits.
const TEXTS_MAX: usize = 1 << 16;
/// The most bytes of distinct texts.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// The most distinct numbers. Few, as they are looked up one by one, and more are not worth it: a number is short.
const NUMBERS_MAX: usize = 32;
/// Rows that are compared at once with the rows before them.
const BLOCK: usize = 64;

/// So many rows in turn have one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    number: u32,
    rows: usize,
}

/// The distinct values and the runs of texts, at least one and none of them null; none where too few repeat.
pub(super) fn of_texts(texts: &StringArray) -> Option<(StringArray, Vec<Run>)> {
    let rows = same_texts(texts, 0);
    if rows == texts.len() {
        return Some((texts.slice(0, 1), vec![Run { number: 0, rows }]));
    }
    let mut words = Interner::default();
    let (mut runs, mut row, mut bytes) = (Vec::new(), 0, 0);
    while row < texts.len() {
        let (text, known) = (texts.value(row), words.len());
        let number = words.number(text);
        if words.len() > known {
            bytes += text.len();
            let repeat = words.len() <= TEXTS_TRIED || words.len() * 2 <= row;
            if !repeat || words.len() > TEXTS_MAX || bytes > TEXT_BYTES_MAX {
                return None;
            }
        }
        let rows = same_texts(texts, row);
        runs.push(Run { number, rows });
        row += rows;
    }
    Some((StringArray::from_iter_values(words.texts()), runs))
}

/// How many rows from a row on have its text.
fn same_texts(texts: &StringArray, row: usize) -> usize {
    let (offsets, bytes) = (texts.value_offsets(), texts.value_data());
    let at = |row: usize| offsets[row].as_usize();
    let size = at(row + 1) - at(row);
    // Rows of one size that are, byte for byte, what stands one size before them, are all what the row before them is.
    let same = |from: usize, to: usize| {
        offsets[from..=to].windows(2).all(|ends| (ends[1] - ends[0]).as_usize() == size)
            && bytes[at(from) - size..at(to) - size] == bytes[at(from)..at(to)]
    };
    let mut next = row + 1;
    while next < texts.len() && same(next, next + 1) {
        next += 1;
        while next + BLOCK <= texts.len() && same(next, next + BLOCK) {
            next += BLOCK;
        }
    }
    next - row
}

/// The distinct values and the runs of some numbers; none where there are too many.
pub(super) fn of_numbers<T: Copy + PartialEq>(numbers: &[T]) -> Option<(Vec<T>, Vec<Run>)> {
    let (mut words, mut runs, mut row) = (Vec::new(), Vec::new(), 0);
    while let Some(value) = numbers.get(row) {
        let number = match words.iter().rposition(|word| word == value) {
            Some(number) => number,
            None if words.len() == NUMBERS_MAX => return None,
            None => {
                words.push(*value);
                words.len() - 1
            }
        };
        let rows = numbers[row..].iter().take_while(|other| *other == value).count();
        runs.push(Run { number: number as u32, rows });
        row += rows;
    }
    Some((words, runs))
}

/// Writes the numbers of the rows as Parquet's hybrid of runs and packed bits, the width before them.
pub(super) fn write_runs(out: &mut Vec<u8>, words: usize, runs: &[Run]) {
    let bits = (usize::BITS - words.saturating_sub(1).leading_zeros()).max(1);
    out.push(bits as u8);
    let mut packed = Packed { bits, ..Packed::default() };
    for Run { number, mut rows } in runs.iter().copied() {
        if packed.pending > 0 {
            let before = rows.min(8 - packed.pending);
            packed.push(number, before);
            rows -= before;
        }
        if rows < 8 {
            packed.push(number, rows);
            continue;
        }
        packed.flush(out);
        varint(out, (rows as u64) << 1);
        out.extend_from_slice(&number.to_le_bytes()[..bits.div_ceil(8) as usize]);
    }
    packed.flush(out);
}

/// Numbers in packed bits, eight at a time.
#[derive(Default)]
struct Packed {
    bits: u32,
    bytes: Vec<u8>,
    /// Up to eight numbers that are not among the bytes yet: 16 bits each fit.
    eight: u128,
    pending: usize,
}

impl Packed {
    fn push(&mut self, number: u32, rows: usize) {
        for _ in 0..rows {
            self.eight |= u128::from(number) << (self.pending as u32 * self.bits);
            self.pending += 1;
            if self.pending == 8 {
                self.take_eight();
            }
        }
    }

    fn take_eight(&mut self) {
        self.bytes.extend_from_slice(&self.eight.to_le_bytes()[..self.bits as usize]);
        (self.eight, self.pending) = (0, 0);
    }

    /// Writes what is packed. What is missing of the last eight is nothing: the page says how many rows it has.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.pending > 0 {
            self.take_eight();
        }
        if !self.bytes.is_empty() {
            let eights = self.bytes.len() / self.bits as usize;
            varint(out, (eights as u64) << 1 | 1);
            out.append(&mut self.bytes);
        }
    }
}
