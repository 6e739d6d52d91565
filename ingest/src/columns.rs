//! A submission's rows as decoded columns: what the validator judges and the digest is taken over.
//!
//! The columns are the same whether the rows came as typed messages or as Arrow, so the same figures have the same
//! digest by either way. Nothing is judged here: a figure that is no number stays as it was sent.
//!
//! Invariant: all columns have `rows` entries, or none if nothing in them was given. Null and empty text both mean *not
//! given*.

mod texts;

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::Write as _;

use arrow::array::{Array, StringArray};
use dinh_lake::decimal::{Decimal, DecimalError};
use dinh_lake::submission::Mode;
use sha2::{Digest, Sha256};

pub(crate) use texts::{EMPTY, Texts, TextsBuilder};

/// One cell of a column of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell<T> {
    /// Not given.
    Missing,
    /// A number.
    Number(T),
    /// A text that is no such number, and why.
    Faulty(DecimalError),
}

impl<T> Cell<T> {
    /// The number, if it is one.
    pub(crate) fn number(self) -> Option<T> {
        match self {
            Self::Number(number) => Some(number),
            Self::Missing | Self::Faulty(_) => None,
        }
    }
}

/// What a column of numbers is made of.
pub(crate) trait Number: Copy + Display {
    /// Writes its shortest exact text.
    fn write_shortest(self, out: &mut Vec<u8>);
}

impl Number for Decimal {
    fn write_shortest(self, out: &mut Vec<u8>) {
        put(out, self.text().as_str());
    }
}

impl Number for i64 {
    fn write_shortest(self, out: &mut Vec<u8>) {
        // A number of 64 bits has at most 20 characters, so its length takes one byte.
        let start = out.len();
        out.push(0);
        write!(out, "{self}").expect("writing to memory does not fail");
        out[start] = (out.len() - start - 1) as u8;
    }
}

/// A column of numbers, with the text that it was sent as if it was.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<T> {
    /// None where no row has a number.
    cells: Option<Vec<Cell<T>>>,
    sent: Option<StringArray>,
}

impl<T: Number> Numbers<T> {
    /// Numbers that were sent as numbers.
    pub(crate) fn exact(cells: Vec<Cell<T>>) -> Self {
        let given = cells.iter().any(|cell| !matches!(cell, Cell::Missing));
        Self { cells: given.then_some(cells), sent: None }
    }

    /// Numbers that were sent as text, each read by `parse`.
    pub(crate) fn parsed(
        sent: StringArray,
        parse: impl Fn(&str) -> Result<T, DecimalError>,
    ) -> Self {
        let cell = |row| match text_at(&sent, row) {
            "" => Cell::Missing,
            text => parse(text).map_or_else(Cell::Faulty, Cell::Number),
        };
        let given = (0..sent.len()).any(|row| !text_at(&sent, row).is_empty());
        let cells = given.then(|| (0..sent.len()).map(cell).collect());
        Self { cells, sent: given.then_some(sent) }
    }

    /// A column that was not sent.
    pub(crate) fn missing() -> Self {
        Self { cells: None, sent: None }
    }

    /// Whether no row has a number or a text.
    pub(crate) fn is_missing(&self) -> bool {
        self.cells.is_none()
    }

    /// The cell of a row.
    pub(crate) fn cell(&self, row: usize) -> Cell<T> {
        self.cells.as_ref().map_or(Cell::Missing, |cells| cells[row])
    }

    /// The text that a cell was sent as; empty if it was not given, none if it was sent as a number.
    pub(crate) fn sent(&self, row: usize) -> Option<&str> {
        self.sent.as_ref().map(|sent| text_at(sent, row))
    }

    /// The text that a cell was sent as, or that its number has; empty if it was not given.
    pub(crate) fn text(&self, row: usize) -> Cow<'_, str> {
        match (self.sent(row), self.cell(row)) {
            (Some(sent), _) => Cow::Borrowed(sent),
            (None, Cell::Number(number)) => Cow::Owned(number.to_string()),
            (None, Cell::Missing | Cell::Faulty(_)) => Cow::Borrowed(""),
        }
    }

    /// Writes a cell in its shortest form, or as it was sent if it is no number.
    fn put(&self, row: usize, out: &mut Vec<u8>) {
        match self.cell(row) {
            Cell::Number(number) => number.write_shortest(out),
            Cell::Missing | Cell::Faulty(_) => put(out, self.sent(row).unwrap_or_default()),
        }
    }
}

/// The rows of one submission.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// How many rows there are.
    pub(crate) rows: usize,
    /// Codes of indicators.
    pub(crate) indicator: Texts,
    /// Codes or ids of units.
    pub(crate) unit: Texts,
    /// Labels of periods.
    pub(crate) period: Texts,
    /// Codes of stages.
    pub(crate) stage: Texts,
    /// Figures.
    pub(crate) value: Numbers<Decimal>,
    /// Numerators of ratios.
    pub(crate) numerator: Numbers<Decimal>,
    /// Denominators of ratios.
    pub(crate) denominator: Numbers<Decimal>,
    /// Codes of qualifiers.
    pub(crate) qualifier: Texts,
    /// Codes of statuses.
    pub(crate) status: Texts,
    /// Declared coverage: how many.
    pub(crate) coverage_reported: Numbers<i64>,
    /// Declared coverage: out of how many.
    pub(crate) coverage_expected: Numbers<i64>,
    /// Remarks.
    pub(crate) note: Texts,
}

/// Bytes that are gathered before they are hashed: enough to be few calls, few enough to stay in a processor's cache.
const HASH_BLOCK: usize = 1 << 14;

impl Columns {
    /// SHA-256 over the decoded content, lower-case hex, as the contract's `Report.digest` says.
    pub(crate) fn digest(&self, mode: Mode) -> String {
        let mut hasher = Sha256::new();
        let mut block = Vec::with_capacity(HASH_BLOCK + 4096);
        put(&mut block, "dinh-digest-1");
        put(&mut block, mode.code());
        let [indicator, unit, period, stage, qualifier, status, note] = [
            &self.indicator,
            &self.unit,
            &self.period,
            &self.stage,
            &self.qualifier,
            &self.status,
            &self.note,
        ]
        .map(Prefixed::new);
        for row in 0..self.rows {
            for column in [&indicator, &unit, &period, &stage] {
                column.put(row, &mut block);
            }
            for column in [&self.value, &self.numerator, &self.denominator] {
                column.put(row, &mut block);
            }
            qualifier.put(row, &mut block);
            status.put(row, &mut block);
            for column in [&self.coverage_reported, &self.coverage_expected] {
                column.put(row, &mut block);
            }
            note.put(row, &mut block);
            if block.len() >= HASH_BLOCK {
                hasher.update(&block);
                block.clear();
            }
        }
        hasher.update(&block);
        hex(&hasher.finalize())
    }

    /// The row as it was sent: a JSON object of the columns that were given.
    pub(crate) fn content(&self, row: usize) -> String {
        let mut object = String::from("{");
        let mut put = |name: &str, text: Cow<'_, str>| {
            if !text.is_empty() {
                let comma = if object.len() > 1 { "," } else { "" };
                let text = serde_json::to_string(&*text).expect("a text always has a JSON form");
                write!(object, "{comma}\"{name}\":{text}")
                    .expect("writing to a string does not fail");
            }
        };
        put("indicator", self.indicator.text(row).into());
        put("unit", self.unit.text(row).into());
        put("period", self.period.text(row).into());
        put("stage", self.stage.text(row).into());
        put("value", self.value.text(row));
        put("numerator", self.numerator.text(row));
        put("denominator", self.denominator.text(row));
        put("qualifier", self.qualifier.text(row).into());
        put("status", self.status.text(row).into());
        put("coverage_reported", self.coverage_reported.text(row));
        put("coverage_expected", self.coverage_expected.text(row));
        put("note", self.note.text(row).into());
        object.push('}');
        object
    }
}

/// A column of texts, each distinct one with its length before it.
struct Prefixed<'c> {
    column: &'c Texts,
    bytes: Vec<u8>,
    /// Where each text begins in `bytes`, and where the last one ends.
    bounds: Vec<usize>,
}

impl<'c> Prefixed<'c> {
    fn new(column: &'c Texts) -> Self {
        let (mut bytes, mut bounds) = (Vec::new(), vec![0]);
        for word in column.words() {
            put(&mut bytes, word);
            bounds.push(bytes.len());
        }
        Self { column, bytes, bounds }
    }

    fn put(&self, row: usize, out: &mut Vec<u8>) {
        if self.column.is_missing() {
            return out.push(0);
        }
        let key = self.column.key(row) as usize;
        out.extend_from_slice(&self.bytes[self.bounds[key]..self.bounds[key + 1]]);
    }
}

/// The text of a cell; empty if it was not given.
fn text_at(column: &StringArray, row: usize) -> &str {
    if column.is_null(row) { "" } else { column.value(row) }
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

/// A text with its length before it, as an unsigned LEB128 number.
fn put(buffer: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length >= 0x80 {
        buffer.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    buffer.push(length as u8);
    buffer.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(values: &[&str]) -> String {
        let rows = values.len();
        let value = StringArray::from_iter_values(values);
        let columns = Columns {
            rows,
            indicator: Texts::missing(),
            unit: Texts::missing(),
            period: Texts::missing(),
            stage: Texts::missing(),
            value: Numbers::parsed(value, str::parse),
            numerator: Numbers::missing(),
            denominator: Numbers::missing(),
            qualifier: Texts::missing(),
            status: Texts::missing(),
            coverage_reported: Numbers::missing(),
            coverage_expected: Numbers::missing(),
            note: Texts::missing(),
        };
        columns.digest(Mode::Partial)
    }

    #[test]
    fn a_digest_does_not_depend_on_how_a_number_is_written() {
        for same in
            [["93.86", "93.860"], ["7", "007"], ["0", "-0"], ["0", "0.00"], ["-0.5", "-00.50"]]
        {
            assert_eq!(digest_of(&[same[0]]), digest_of(&[same[1]]), "{same:?}");
        }
        for other in [["1", "10"], ["0.5", "5"], ["abc", ""], ["1", "-1"]] {
            assert_ne!(digest_of(&[other[0]]), digest_of(&[other[1]]), "{other:?}");
        }
    }

    #[test]
    fn a_digest_is_what_the_contract_says() {
        // Twelve columns: four empty, the value, seven empty.
        let bytes =
            b"\x0ddinh-digest-1\x07partial\x00\x00\x00\x00\x0593.86\x00\x00\x00\x00\x00\x00\x00";
        assert_eq!(digest_of(&["93.86"]), hex(&Sha256::digest(bytes)));
    }

    #[test]
    fn long_texts_have_long_lengths() {
        let mut buffer = Vec::new();
        put(&mut buffer, &"x".repeat(300));
        assert_eq!(buffer[..2], [0xac, 0x02]);
        assert_eq!(buffer.len(), 302);
    }
}
