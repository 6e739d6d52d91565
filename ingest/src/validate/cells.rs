//! Which cells a submission names, so that none is named twice.
//!
//! Rows mostly come in some order. While they come in order of their cells, each cell is new that is beyond the last one,
//! and nothing is looked up; from the first row on that is out of order a table knows them all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use dinh_lake::intern::Seed;
use dinh_lake::observation::Stage;

/// What makes a cell, by numbers of the submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) indicator: u32,
    pub(super) unit: u32,
    pub(super) span: u32,
    pub(super) stage: Stage,
}

impl Cell {
    /// All of it in one number.
    pub(super) fn packed(self) -> u128 {
        let high = u64::from(self.span) << 32 | u64::from(self.unit);
        let low = u64::from(self.indicator) << 8 | self.stage as u64;
        u128::from(high) << 64 | u128::from(low)
    }
}

/// The cells of a submission, each with the first row that names it.
#[derive(Debug)]
pub(super) struct Cells {
    /// In order of cells, while rows come so.
    sorted: Vec<(u128, u32)>,
    /// All of them, once they do not.
    table: HashMap<u128, u32, Seed>,
    rows: usize,
}

impl Cells {
    /// For a submission of so many rows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { sorted: Vec::with_capacity(rows), table: HashMap::default(), rows }
    }

    /// Takes in the cell of a row; gives the row that named it before, if there is one.
    pub(super) fn insert(&mut self, cell: Cell, row: u32) -> Option<u32> {
        let cell = cell.packed();
        if self.table.is_empty() {
            if self.sorted.last().is_none_or(|(last, _)| *last < cell) {
                self.sorted.push((cell, row));
                return None;
            }
            self.table.reserve(self.rows);
            self.table.extend(std::mem::take(&mut self.sorted));
        }
        match self.table.entry(cell) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(vacant) => {
                vacant.insert(row);
                None
            }
        }
    }

    /// The row that names a cell.
    pub(super) fn row(&self, cell: Cell) -> Option<u32> {
        let cell = cell.packed();
        if self.table.is_empty() {
            let at = self.sorted.binary_search_by_key(&cell, |(known, _)| *known).ok()?;
            return Some(self.sorted[at].1);
        }
        self.table.get(&cell).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(span: u32, unit: u32, indicator: u32) -> Cell {
        Cell { indicator, unit, span, stage: Stage::SelfReported }
    }

    #[test]
    fn a_cell_belongs_to_the_first_row_in_order_or_not() {
        let mut cells = Cells::with_capacity(9);
        for (row, (named, before)) in [
            (cell(0, 0, 1), None),
            (cell(0, 1, 0), None),
            (cell(0, 1, 0), Some(1)),
            (cell(1, 0, 0), None),
            (cell(0, 0, 2), None),
            (cell(0, 0, 1), Some(0)),
            (Cell { stage: Stage::Target, ..cell(0, 0, 1) }, None),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(cells.insert(named, row as u32), before, "row {row}");
        }
        assert_eq!((cells.row(cell(1, 0, 0)), cells.row(cell(2, 0, 0))), (Some(3), None));
    }

    #[test]
    fn cells_in_order_are_found_without_a_table() {
        let mut cells = Cells::with_capacity(2);
        assert_eq!((cells.insert(cell(0, 0, 0), 0), cells.insert(cell(0, 0, 1), 1)), (None, None));
        assert!(cells.table.is_empty());
        assert_eq!((cells.row(cell(0, 0, 1)), cells.row(cell(0, 0, 2))), (Some(1), None));
    }
}
