//! Fresh files, whose rows are in the order of their arrival, become sorted files: as many rows as fit are sorted in memory
//! and written as one run.
//!
//! The key of a row and its place of arrival are packed into one number, in as few bits as the run's values need, and the
//! numbers are sorted: where rows have equal keys the place decides, so rows of one key stay in the order of their arrival.

use std::sync::Arc;

use object_store::ObjectStore;
use tokio::runtime::Handle;

use super::order::Layout;
use super::output::Output;
use super::rows::{Column, Numbers, Rows, Texts};
use super::source::Source;
use crate::intern::Interner;
use crate::ledger::LedgerError;
use crate::ledger::schema::{KINDS, OBSERVATION};
use crate::ledger::snapshot::DataFile;

/// Bytes of rows that are sorted at once.
const RUN_BYTES: usize = 96 << 20;
/// Rows of observations that are so many bytes.
const RUN_ROWS: usize = RUN_BYTES / 96;
/// Rows that are put in order and written at once, and the bytes that they should have at most.
const WRITE_ROWS: usize = 8_192;
const WRITE_BYTES: usize = 1 << 20;

/// Sorts the rows of some files into runs, each a file of one kind.
pub(super) fn sort(
    store: &Arc<dyn ObjectStore>,
    runtime: &Handle,
    inputs: &[Arc<DataFile>],
    modified_ms: i64,
) -> Result<Vec<DataFile>, LedgerError> {
    let newest = inputs.iter().map(|file| file.stats.max_values.position).max().unwrap_or_default();
    let rows: u64 = inputs.iter().map(|file| file.stats.num_records).sum();
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let mut outputs = Vec::new();
    for kind in KINDS {
        let layout = Layout::of(kind)?;
        // Nearly all rows are observations.
        let expected = if kind == OBSERVATION { rows.min(RUN_ROWS) } else { 0 };
        let mut run = Run::expecting(&layout, expected);
        let mut write = |run: &Run| -> Result<(), LedgerError> {
            let mut output = Output::begin(store, runtime, &layout, newest)?;
            match run.write(&mut output) {
                Ok(()) => outputs.push(output.finish(&run.texts, modified_ms)?),
                Err(error) => {
                    output.abandon();
                    return Err(error);
                }
            }
            Ok(())
        };
        for input in inputs {
            let mut source = Source::open(store, runtime, input, &layout)?;
            while let Some(batch) = source.next()? {
                if run.bytes() <= RUN_BYTES {
                    run.rows.push(&layout, &mut run.texts, &batch)?;
                    continue;
                }
                let mut next = Rows::of(&layout);
                next.push(&layout, &mut run.texts, &batch)?;
                if run.may_end_before(&next) {
                    write(&run)?;
                    run = run.next(next);
                } else {
                    run.rows.extend(&next, 0..next.len());
                }
            }
        }
        if run.rows.len() > 0 {
            write(&run)?;
        }
    }
    Ok(outputs)
}

/// Rows in memory.
struct Run<'a> {
    layout: &'a Layout,
    texts: Texts,
    rows: Rows,
}

impl<'a> Run<'a> {
    fn expecting(layout: &'a Layout, rows: usize) -> Self {
        Self { layout, texts: Texts::of(layout), rows: Rows::expecting(layout, rows) }
    }

    fn bytes(&self) -> usize {
        self.rows.bytes() + self.texts.bytes()
    }

    /// Whether rows of equal keys, which keep the order of their arrival, all stay in one run.
    fn may_end_before(&self, next: &Rows) -> bool {
        let last = self.rows.len() - 1;
        self.rows.compare(last, (next, 0), self.layout, &self.texts).is_ne()
    }

    /// The run after this one, which begins with some rows.
    fn next(&self, mut rows: Rows) -> Self {
        let mut texts = Texts::of(self.layout);
        rows.renumber(&self.texts, &mut texts);
        Self { layout: self.layout, texts, rows }
    }

    fn write(&self, output: &mut Output) -> Result<(), LedgerError> {
        let order = self.order();
        let mut block = Rows::of(self.layout);
        let at_once = (order.len() * WRITE_BYTES / self.bytes().max(1)).clamp(1, WRITE_ROWS);
        for rows in order.chunks(at_once) {
            block.clear();
            block.gather(&self.rows, rows);
            output.write(&block, &self.texts)?;
            std::thread::yield_now();
        }
        Ok(())
    }

    /// The rows in the order of their kind.
    fn order(&self) -> Vec<u32> {
        let count = u32::try_from(self.rows.len()).expect("a run has fewer rows than bytes");
        let parts: Vec<Part<'_>> = self.parts();
        let place_bits = u32::BITS - count.leading_zeros();
        let bits = place_bits + parts.iter().map(Part::bits).sum::<u32>();
        if bits > u128::BITS {
            let mut order: Vec<u32> = (0..count).collect();
            let compare = |a: &u32, b: &u32| {
                let other = (&self.rows, *b as usize);
                self.rows.compare(*a as usize, other, self.layout, &self.texts)
            };
            order.sort_by(compare);
            return order;
        }
        let packed = |row: u32| {
            let key = parts
                .iter()
                .fold(0_u128, |key, part| key << part.bits() | u128::from(part.of(row as usize)));
            key << place_bits | u128::from(row)
        };
        let mask = (1_u64 << place_bits) - 1;
        if bits > u64::BITS {
            let mut keys: Vec<u128> = (0..count).map(packed).collect();
            keys.sort_unstable();
            return keys.into_iter().map(|key| (key as u64 & mask) as u32).collect();
        }
        let mut keys: Vec<u64> = (0..count).map(|row| packed(row) as u64).collect();
        keys.sort_unstable();
        keys.into_iter().map(|key| (key & mask) as u32).collect()
    }

    /// The parts of a key, the most significant first.
    fn parts(&self) -> Vec<Part<'_>> {
        let last = self.layout.order.len().saturating_sub(1);
        let part = |(index, place): (usize, &usize)| match self.rows.column(*place) {
            Column::Texts(numbers) => Some(Part::texts(numbers, self.texts.column(*place))),
            // Stamps grow as rows arrive, so the place of arrival says what they say.
            Column::Numbers(numbers) if index == last && numbers.is_sorted(self.rows.len()) => None,
            Column::Numbers(numbers) => Some(Part::numbers(numbers, self.rows.len())),
        };
        self.layout.order.iter().enumerate().filter_map(part).collect()
    }
}

/// One column's part of a key: 0 where it is null, else what compares as its values do.
enum Part<'a> {
    Texts { numbers: &'a [u32], ranks: Vec<u32> },
    Numbers { numbers: &'a Numbers, least: i64, most: i64 },
}

impl<'a> Part<'a> {
    fn texts(numbers: &'a [u32], texts: &Interner) -> Self {
        let mut sorted: Vec<u32> = (0..texts.len() as u32).collect();
        sorted.sort_unstable_by_key(|number| texts.text(*number));
        let mut ranks = vec![0; texts.len() + 1];
        for (rank, number) in (1..).zip(sorted) {
            ranks[number as usize + 1] = rank;
        }
        Self::Texts { numbers, ranks }
    }

    fn numbers(numbers: &'a Numbers, count: usize) -> Self {
        let values = || (0..count).filter_map(|row| numbers.get(row));
        let (least, most) =
            (values().min().unwrap_or_default(), values().max().unwrap_or_default());
        Self::Numbers { numbers, least, most }
    }

    fn bits(&self) -> u32 {
        let largest = match self {
            Self::Texts { ranks, .. } => ranks.len() as u64 - 1,
            Self::Numbers { least, most, .. } => most.abs_diff(*least).saturating_add(1),
        };
        u64::BITS - largest.leading_zeros()
    }

    #[inline]
    fn of(&self, row: usize) -> u64 {
        match self {
            Self::Texts { numbers, ranks } => u64::from(ranks[numbers[row] as usize]),
            Self::Numbers { numbers, least, .. } => {
                numbers.get(row).map_or(0, |number| number.abs_diff(*least).saturating_add(1))
            }
        }
    }
}
