//! Rows of one kind on their way from file to file: every text a number, every other value one of 64 bits.
//!
//! So rows are copied, put in order and compared as numbers, whatever their texts; and a column that has no value in any row
//! takes no place. The texts themselves are kept once for all rows that are held, in [`Texts`].

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::order::Layout;
use crate::intern::Interner;

/// The texts of each column, numbered.
#[derive(Debug)]
pub(super) struct Texts(Vec<Interner>);

/// Rows of one kind.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    columns: Vec<Column>,
    len: usize,
    /// How many there may come to be, as far as is known.
    expected: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Column {
    /// Numbers of texts and one; 0 is null.
    Texts(Vec<u32>),
    Numbers(Numbers),
}

/// Whole numbers, days, stamps, or figures.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// None at all while all are null.
    values: Vec<i64>,
    /// Which are there; none at all while all are.
    present: Vec<bool>,
}

impl Texts {
    pub(super) fn of(layout: &Layout) -> Self {
        Self(layout.schema.fields().iter().map(|_| Interner::default()).collect())
    }

    /// The texts of one column.
    pub(super) fn column(&self, column: usize) -> &Interner {
        &self.0[column]
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(Interner::bytes).sum()
    }
}

impl Numbers {
    /// One of them.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        let present = self.present.is_empty() || self.present[row];
        self.values.get(row).copied().filter(|_| present)
    }

    /// Whether they are all there and never fall.
    pub(super) fn is_sorted(&self, count: usize) -> bool {
        self.values.len() == count && self.present.is_empty() && self.values.is_sorted()
    }

    /// The least and the greatest of them and how many of `count` are missing, unless all are.
    pub(super) fn bounds(&self, count: usize) -> Option<(i64, i64, usize)> {
        if self.present.is_empty() {
            let (least, most) = (self.values.iter().min()?, self.values.iter().max()?);
            return Some((*least, *most, count - self.values.len()));
        }
        let there = || (0..count).filter_map(|row| self.get(row));
        Some((there().min()?, there().max()?, count - there().count()))
    }

    /// Makes place for values behind `before` rows that have none.
    fn begin(&mut self, before: usize) {
        if self.values.is_empty() && before > 0 {
            self.values.resize(before, 0);
            self.present.resize(before, false);
        }
    }

    fn push_nulls(&mut self, before: usize, count: usize) {
        if self.values.is_empty() {
            return;
        }
        if self.present.is_empty() {
            self.present.resize(before, true);
        }
        self.values.resize(before + count, 0);
        self.present.resize(before + count, false);
    }

    /// Takes `count` values behind `before` others, all there unless `present` says which are.
    fn push(
        &mut self,
        before: usize,
        values: impl Iterator<Item = i64>,
        present: Option<impl Iterator<Item = bool>>,
    ) {
        self.begin(before);
        self.values.extend(values);
        match present {
            None if self.present.is_empty() => {}
            None => self.present.resize(self.values.len(), true),
            Some(present) => {
                if self.present.is_empty() {
                    self.present.resize(before, true);
                }
                self.present.extend(present);
            }
        }
    }
}

impl Rows {
    pub(super) fn of(layout: &Layout) -> Self {
        Self::expecting(layout, 0)
    }

    /// No rows yet, and room for some from the first of them on.
    pub(super) fn expecting(layout: &Layout, expected: usize) -> Self {
        let column = |data: &DataType| match data {
            DataType::Utf8 => Column::Texts(Vec::new()),
            _ => Column::Numbers(Numbers::default()),
        };
        let columns = layout.schema.fields().iter().map(|field| column(field.data_type()));
        Self { columns: columns.collect(), len: 0, expected }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// One column.
    pub(super) fn column(&self, column: usize) -> &Column {
        &self.columns[column]
    }

    /// Bytes that the rows take.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |column: &Column| match column {
            Column::Texts(texts) => size_of_val(&texts[..]),
            Column::Numbers(numbers) => size_of_val(&numbers.values[..]) + numbers.present.len(),
        };
        self.columns.iter().map(bytes).sum()
    }

    /// Forgets all rows and keeps their place.
    pub(super) fn clear(&mut self) {
        for column in &mut self.columns {
            match column {
                Column::Texts(texts) => texts.clear(),
                Column::Numbers(Numbers { values, present }) => {
                    values.clear();
                    present.clear();
                }
            }
        }
        self.len = 0;
    }

    /// Takes the rows of a batch, whose columns are found by their names.
    pub(super) fn push(
        &mut self,
        layout: &Layout,
        texts: &mut Texts,
        batch: &RecordBatch,
    ) -> Result<(), ArrowError> {
        let (before, count) = (self.len, batch.num_rows());
        for (place, field) in layout.schema.fields().iter().enumerate() {
            let from = batch.column_by_name(field.name());
            let from = from.filter(|from| from.null_count() < count);
            match &mut self.columns[place] {
                Column::Texts(numbers) if before == 0 => numbers.reserve(self.expected),
                // A column without values takes no place.
                Column::Numbers(numbers) if numbers.values.is_empty() && from.is_some() => {
                    numbers.values.reserve(self.expected);
                }
                _ => {}
            }
            match (&mut self.columns[place], from) {
                (Column::Texts(numbers), None) => numbers.resize(before + count, 0),
                (Column::Texts(numbers), Some(from)) => {
                    push_texts(numbers, &mut texts.0[place], from)?;
                }
                (Column::Numbers(numbers), None) => numbers.push_nulls(before, count),
                (Column::Numbers(numbers), Some(from)) => push_numbers(numbers, before, from)?,
            }
        }
        self.len += count;
        Ok(())
    }

    /// Takes a stretch of other rows of the same kind and texts.
    pub(super) fn extend(&mut self, from: &Self, rows: Range<usize>) {
        let (before, count) = (self.len, rows.len());
        for (column, from) in self.columns.iter_mut().zip(&from.columns) {
            match (column, from) {
                (Column::Texts(to), Column::Texts(from)) => {
                    to.extend_from_slice(&from[rows.clone()]);
                }
                (Column::Numbers(to), Column::Numbers(from)) if from.values.is_empty() => {
                    to.push_nulls(before, count);
                }
                (Column::Numbers(to), Column::Numbers(from)) => {
                    let present = Some(&from.present).filter(|present| !present.is_empty());
                    let present = present.map(|present| present[rows.clone()].iter().copied());
                    to.push(before, from.values[rows.clone()].iter().copied(), present);
                }
                _ => unreachable!("rows of one kind have columns of the same types"),
            }
        }
        self.len += count;
    }

    /// Takes some other rows of the same kind and texts, in the order in which they are named.
    pub(super) fn gather(&mut self, from: &Self, rows: &[u32]) {
        let (before, count) = (self.len, rows.len());
        let rows = || rows.iter().map(|row| *row as usize);
        for (column, from) in self.columns.iter_mut().zip(&from.columns) {
            match (column, from) {
                (Column::Texts(to), Column::Texts(from)) => to.extend(rows().map(|row| from[row])),
                (Column::Numbers(to), Column::Numbers(from)) if from.values.is_empty() => {
                    to.push_nulls(before, count);
                }
                (Column::Numbers(to), Column::Numbers(from)) => {
                    let present =
                        (!from.present.is_empty()).then(|| rows().map(|row| from.present[row]));
                    to.push(before, rows().map(|row| from.values[row]), present);
                }
                _ => unreachable!("rows of one kind have columns of the same types"),
            }
        }
        self.len += count;
    }

    /// Changes the texts that the numbers are of: those that no row has are not taken over.
    pub(super) fn renumber(&mut self, from: &Texts, to: &mut Texts) {
        for (place, column) in self.columns.iter_mut().enumerate() {
            let Column::Texts(numbers) = column else { continue };
            for number in numbers.iter_mut().filter(|number| **number > 0) {
                *number = to.0[place].number(from.0[place].text(*number - 1)) + 1;
            }
        }
    }

    /// Compares a row with another one in the order of their kind.
    pub(super) fn compare(
        &self,
        row: usize,
        (other, other_row): (&Self, usize),
        layout: &Layout,
        texts: &Texts,
    ) -> Ordering {
        for place in &layout.order {
            let ordering = match (&self.columns[*place], &other.columns[*place]) {
                (Column::Texts(one), Column::Texts(two)) if one[row] == two[other_row] => continue,
                (Column::Texts(one), Column::Texts(two)) => {
                    let text = |number: u32| {
                        number.checked_sub(1).map(|number| texts.column(*place).text(number))
                    };
                    text(one[row]).cmp(&text(two[other_row]))
                }
                (Column::Numbers(one), Column::Numbers(two)) => {
                    one.get(row).cmp(&two.get(other_row))
                }
                _ => unreachable!("rows of one kind have columns of the same types"),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }
}

fn push_texts(
    numbers: &mut Vec<u32>,
    texts: &mut Interner,
    from: &ArrayRef,
) -> Result<(), ArrowError> {
    if let Some(dictionary) = from.as_dictionary_opt::<Int32Type>() {
        let values = dictionary.values().as_string_opt::<i32>().ok_or_else(|| wrong(from))?;
        // What no row uses is not taken in.
        let mut known = vec![0; values.len()];
        let mut number = |key: i32| {
            let key = key as usize;
            if known[key] == 0 && values.is_valid(key) {
                known[key] = texts.number(values.value(key)) + 1;
            }
            known[key]
        };
        let keys = dictionary.keys();
        if keys.null_count() == 0 {
            numbers.extend(keys.values().iter().map(|key| number(*key)));
        } else {
            numbers.extend(keys.iter().map(|key| key.map_or(0, &mut number)));
        }
        return Ok(());
    }
    let from = from.as_string_opt::<i32>().ok_or_else(|| wrong(from))?;
    let mut last: Option<(&str, u32)> = None;
    for text in from {
        numbers.push(match (text, last) {
            (None, _) => 0,
            (Some(text), Some((known, number))) if text == known => number,
            (Some(text), _) => {
                let number = texts.number(text) + 1;
                last = Some((text, number));
                number
            }
        });
    }
    Ok(())
}

fn push_numbers(numbers: &mut Numbers, before: usize, from: &ArrayRef) -> Result<(), ArrowError> {
    let present = from.nulls().filter(|nulls| nulls.null_count() > 0);
    let present = present.map(NullBuffer::iter);
    match from.data_type() {
        DataType::Int64 => {
            let from = from.as_primitive::<Int64Type>().values();
            numbers.push(before, from.iter().copied(), present);
        }
        DataType::Timestamp(..) => {
            let stamps = from.as_primitive_opt::<TimestampMicrosecondType>();
            let from = stamps.ok_or_else(|| wrong(from))?.values();
            numbers.push(before, from.iter().copied(), present);
        }
        DataType::Date32 => {
            let from = from.as_primitive::<Date32Type>().values();
            numbers.push(before, from.iter().map(|day| i64::from(*day)), present);
        }
        DataType::Decimal128(..) => {
            let figures = from.as_primitive::<Decimal128Type>();
            let is_wide = |figure: &i128| i64::try_from(*figure).is_err();
            if let Some(wide) = figures.iter().flatten().find(is_wide) {
                let message = format!("the figure `{wide}` has more digits than the ledger keeps");
                return Err(ArrowError::ComputeError(message));
            }
            numbers.push(before, figures.values().iter().map(|figure| *figure as i64), present);
        }
        _ => return Err(wrong(from)),
    }
    Ok(())
}

fn wrong(from: &ArrayRef) -> ArrowError {
    let message = format!("a column of the ledger has the type `{}`", from.data_type());
    ArrowError::SchemaError(message)
}
