//! The cells of one partition: from one key to before another.

use std::ops;

use super::super::cell::{Cells, Key};

/// Rows below which one partition does it all: what more of them cost is more than they save.
const ROWS_MIN: u64 = 65_536;

/// The cells from a key on, and before another; where there is none it is without end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    from: Option<Key>,
    before: Option<Key>,
}

impl Range {
    /// Whether rows between two keys, both included, may be among its cells; it is not known where a key is not.
    pub(super) fn may_hold(&self, low: Option<Key>, high: Option<Key>, cells: &Cells) -> bool {
        let is_after =
            low.zip(self.before).is_some_and(|(low, end)| cells.compare(low, end).is_ge());
        let is_before =
            high.zip(self.from).is_some_and(|(high, from)| cells.compare(high, from).is_lt());
        !is_after && !is_before
    }

    /// Which of some rows, in the order of cells, are among its cells.
    pub(super) fn of<T>(
        &self,
        rows: &[T],
        key: impl Fn(&T) -> Key,
        cells: &Cells,
    ) -> ops::Range<usize> {
        let first = |end: Key| rows.partition_point(|row| cells.compare(key(row), end).is_lt());
        let from = self.from.map_or(0, first);
        from..self.before.map_or(rows.len(), first).max(from)
    }
}

/// Cuts all cells into `parts` ranges of about as many rows each, by the keys that some rows begin with.
pub(super) fn cut(mut samples: Vec<(Key, u64)>, parts: usize, cells: &Cells) -> Vec<Range> {
    samples.sort_unstable_by(|a, b| cells.compare(a.0, b.0));
    let rows: u64 = samples.iter().map(|sample| sample.1).sum();
    let mut ranges = Vec::with_capacity(parts);
    let (mut from, mut passed) = (None, 0);
    for (key, count) in samples {
        let share = rows * (ranges.len() as u64 + 1) / (parts as u64);
        if rows >= ROWS_MIN && ranges.len() + 1 < parts && passed >= share && from != Some(key) {
            ranges.push(Range { from, before: Some(key) });
            from = Some(key);
        }
        passed += count;
    }
    ranges.push(Range { from, before: None });
    ranges
}
