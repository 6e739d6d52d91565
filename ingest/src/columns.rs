//! A submission's rows as decoded columns: what the validator judges and the digest is taken over.
//!
//! The columns are the same whether the rows came as typed messages or as Arrow, so the same figures have the same
//! digest by either way. Nothing is judged here: a figure that is no number stays as it was sent.
//!
//! Invariant: all columns have `rows` entries. Null and empty text both mean *not given*.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use arrow::array::{Array, StringArray};
use dinh_lake::decimal::{Decimal, DecimalError};
use dinh_lake::submission::Mode;
use sha2::{Digest, Sha256};

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

/// A column of numbers, with the text that it was sent as if it was.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<T> {
    cells: Vec<Cell<T>>,
    sent: Option<StringArray>,
}

impl<T: Copy + Display> Numbers<T> {
    /// Numbers that were sent as numbers.
    pub(crate) fn exact(cells: Vec<Cell<T>>) -> Self {
        Self { cells, sent: None }
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
        Self { cells: (0..sent.len()).map(cell).collect(), sent: Some(sent) }
    }

    /// A column that was not sent.
    pub(crate) fn missing(rows: usize) -> Self {
        Self::exact(vec![Cell::Missing; rows])
    }

    /// The cell of a row.
    pub(crate) fn cell(&self, row: usize) -> Cell<T> {
        self.cells[row]
    }

    /// The text that a cell was sent as; empty if it was not given.
    pub(crate) fn text(&self, row: usize) -> Cow<'_, str> {
        match (&self.sent, self.cells[row]) {
            (Some(sent), _) => Cow::Borrowed(text_at(sent, row)),
            (None, Cell::Number(number)) => Cow::Owned(number.to_string()),
            (None, Cell::Missing | Cell::Faulty(_)) => Cow::Borrowed(""),
        }
    }

    /// Writes a cell in its shortest form, or as it was sent if it is no number.
    fn write_shortest(&self, row: usize, out: &mut String) {
        let sent = self.sent.as_ref().map(|sent| text_at(sent, row));
        match (self.cells[row], sent) {
            (Cell::Number(_), Some(text)) if is_shortest(text) => out.push_str(text),
            (Cell::Number(number), _) => {
                write!(out, "{number}").expect("writing to a string does not fail");
            }
            (Cell::Missing | Cell::Faulty(_), text) => out.push_str(text.unwrap_or_default()),
        }
    }
}

/// The rows of one submission.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// How many rows there are.
    pub(crate) rows: usize,
    /// Codes of indicators.
    pub(crate) indicator: StringArray,
    /// Codes or ids of units.
    pub(crate) unit: StringArray,
    /// Labels of periods.
    pub(crate) period: StringArray,
    /// Codes of stages.
    pub(crate) stage: StringArray,
    /// Figures.
    pub(crate) value: Numbers<Decimal>,
    /// Numerators of ratios.
    pub(crate) numerator: Numbers<Decimal>,
    /// Denominators of ratios.
    pub(crate) denominator: Numbers<Decimal>,
    /// Codes of qualifiers.
    pub(crate) qualifier: StringArray,
    /// Codes of statuses.
    pub(crate) status: StringArray,
    /// Declared coverage: how many.
    pub(crate) coverage_reported: Numbers<i64>,
    /// Declared coverage: out of how many.
    pub(crate) coverage_expected: Numbers<i64>,
    /// Remarks.
    pub(crate) note: StringArray,
}

/// Bytes that are gathered before they are hashed.
const HASH_CHUNK: usize = 1 << 16;

impl Columns {
    /// SHA-256 over the decoded content, lower-case hex, as the contract's `Report.digest` says.
    pub(crate) fn digest(&self, mode: Mode) -> String {
        let mut hasher = Sha256::new();
        let mut buffer = Vec::with_capacity(HASH_CHUNK + 4096);
        let mut number = String::new();
        put(&mut buffer, "dinh-digest-1");
        put(&mut buffer, mode.code());
        for row in 0..self.rows {
            for column in [&self.indicator, &self.unit, &self.period, &self.stage] {
                put(&mut buffer, text_at(column, row));
            }
            for column in [&self.value, &self.numerator, &self.denominator] {
                put_number(&mut buffer, column, row, &mut number);
            }
            put(&mut buffer, text_at(&self.qualifier, row));
            put(&mut buffer, text_at(&self.status, row));
            for column in [&self.coverage_reported, &self.coverage_expected] {
                put_number(&mut buffer, column, row, &mut number);
            }
            put(&mut buffer, text_at(&self.note, row));
            if buffer.len() >= HASH_CHUNK {
                hasher.update(&buffer);
                buffer.clear();
            }
        }
        hasher.update(&buffer);
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
        put("indicator", text_at(&self.indicator, row).into());
        put("unit", text_at(&self.unit, row).into());
        put("period", text_at(&self.period, row).into());
        put("stage", text_at(&self.stage, row).into());
        put("value", self.value.text(row));
        put("numerator", self.numerator.text(row));
        put("denominator", self.denominator.text(row));
        put("qualifier", text_at(&self.qualifier, row).into());
        put("status", text_at(&self.status, row).into());
        put("coverage_reported", self.coverage_reported.text(row));
        put("coverage_expected", self.coverage_expected.text(row));
        put("note", text_at(&self.note, row).into());
        object.push('}');
        object
    }
}

/// The text of a cell; empty if it was not given.
pub(crate) fn text_at(column: &StringArray, row: usize) -> &str {
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

fn put_number<T: Copy + Display>(
    buffer: &mut Vec<u8>,
    column: &Numbers<T>,
    row: usize,
    number: &mut String,
) {
    number.clear();
    column.write_shortest(row, number);
    put(buffer, number);
}

/// Whether the text of a number has no zero and no sign that it could do without.
fn is_shortest(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let no_zero_before = !digits.starts_with('0') || digits.starts_with("0.") || text == "0";
    no_zero_before && !(digits.contains('.') && digits.ends_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(values: &[&str]) -> String {
        let rows = values.len();
        let none = StringArray::new_null(rows);
        let value = StringArray::from_iter_values(values);
        let columns = Columns {
            rows,
            indicator: none.clone(),
            unit: none.clone(),
            period: none.clone(),
            stage: none.clone(),
            value: Numbers::parsed(value, str::parse),
            numerator: Numbers::missing(rows),
            denominator: Numbers::missing(rows),
            qualifier: none.clone(),
            status: none.clone(),
            coverage_reported: Numbers::missing(rows),
            coverage_expected: Numbers::missing(rows),
            note: none,
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
