//! Text to a table: the separator, the columns by their names, and the rows with the lines they stand on.
//!
//! The names are those of the contract, in any order, case and spacing, or their Vietnamese aliases with or without
//! accents. All faults of a file are found at once; a file with one is refused whole, since a shifted column would turn
//! one figure into another.
//!
//! Invariant: every row has as many fields as the header, and every column is known and named once.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::wording::Wording;

/// The separators that offices save with.
const SEPARATORS: [u8; 3] = *b",;\t";
/// How many ragged rows are named before the rest is only counted.
const RAGGED_NAMED_MAX: usize = 20;

/// A column of the contract, or one that is for people and not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// The indicator's code.
    Indicator,
    /// The unit's code, id or path.
    Unit,
    /// The period's label.
    Period,
    /// The stage.
    Stage,
    /// The figure.
    Value,
    /// What is divided.
    Numerator,
    /// What it is divided by.
    Denominator,
    /// How the source hedges the figure.
    Qualifier,
    /// The standing of the revision.
    Status,
    /// How many units the source's figure covers.
    CoverageReported,
    /// Out of how many.
    CoverageExpected,
    /// A remark.
    Note,
    /// For people: the indicator's name, from `dinh template`.
    IndicatorName,
    /// For people: the unit's name, from `dinh template`.
    UnitName,
    /// For people: the rule of a refused row, from `--rejects`.
    Rule,
    /// For people: what to do about a refused row, from `--rejects`.
    Message,
}

/// Every column: its name, and its Vietnamese aliases as [`folded`] writes them.
const NAMES: [(Column, &str, &[&str]); 16] = [
    (Column::Indicator, "indicator", &["chi_tieu", "ma_chi_tieu"]),
    (Column::Unit, "unit", &["don_vi", "ma_don_vi", "ma_dvhc"]),
    (Column::Period, "period", &["ky", "ky_so_lieu", "ky_bao_cao"]),
    (Column::Stage, "stage", &["giai_doan"]),
    (Column::Value, "value", &["gia_tri", "so_lieu"]),
    (Column::Numerator, "numerator", &["tu_so"]),
    (Column::Denominator, "denominator", &["mau_so"]),
    (Column::Qualifier, "qualifier", &["muc_do"]),
    (Column::Status, "status", &["trang_thai", "tinh_trang"]),
    (Column::CoverageReported, "coverage_reported", &["so_don_vi_da_bao_cao", "da_bao_cao"]),
    (Column::CoverageExpected, "coverage_expected", &["so_don_vi_phai_bao_cao", "phai_bao_cao"]),
    (Column::Note, "note", &["ghi_chu"]),
    (Column::IndicatorName, "indicator_name", &["ten_chi_tieu"]),
    (Column::UnitName, "unit_name", &["ten_don_vi"]),
    (Column::Rule, "rule", &["quy_tac"]),
    (Column::Message, "message", &["thong_bao"]),
];

/// Columns that no file can do without.
const REQUIRED: [Column; 4] = [Column::Indicator, Column::Unit, Column::Period, Column::Value];

impl Column {
    /// Its name in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(column, ..)| *column == self).map_or("", |(_, name, _)| name)
    }

    /// The column that a header names.
    #[must_use]
    pub fn of(header: &str) -> Option<Self> {
        let folded = folded(header);
        let named = |(_, name, aliases): &&(Self, &str, &[&str])| {
            *name == folded || aliases.contains(&folded.as_str())
        };
        NAMES.iter().find(named).map(|(column, ..)| *column)
    }
}

/// Lower case without accents, words joined by `_`.
fn folded(header: &str) -> String {
    let plain: String = header.nfd().filter(|c| !is_combining_mark(*c)).collect();
    let plain = plain.to_lowercase().replace('đ', "d");
    let words = plain.split(|c: char| c.is_whitespace() || c == '_' || c == '-');
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// One row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// As many as the table has columns.
    pub fields: Vec<String>,
}

/// A file's rows under known columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The separator that it was saved with.
    pub separator: u8,
    /// The names as the file has them.
    pub header: Vec<String>,
    /// The same names as columns.
    pub columns: Vec<Column>,
    /// The rows that are not blank.
    pub records: Vec<Record>,
}

impl Table {
    /// The text of a column in a record, trimmed; empty if there is no such column.
    #[must_use]
    pub fn field<'a>(&self, record: &'a Record, column: Column) -> &'a str {
        let index = self.columns.iter().position(|c| *c == column);
        index.and_then(|index| record.fields.get(index)).map_or("", |field| field.trim())
    }
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// The column's name, where one is at fault.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub wording: Wording,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.wording)
    }
}

/// Reads a text as a table.
///
/// # Errors
/// Every [`Fault`] of the file.
pub fn read(text: &str) -> Result<Table, Vec<Fault>> {
    // Excel's own first line, which names the separator to Excel and to nobody else.
    let (text, first_line) = match text.split_once('\n') {
        Some((first, rest)) if first.trim_end().len() == 5 && first.starts_with("sep=") => {
            (rest, 2)
        }
        _ => (text, 1),
    };
    let separator = separator_of(text);
    let mut records = records(text, separator, first_line)?.into_iter();
    let Some(header) = records.next() else {
        let wording = Wording::new(
            "tệp trống: dòng đầu phải là tên cột `indicator`, `unit`, `period`, `value`, …",
            "the file is empty: its first line must name the columns `indicator`, `unit`, `period`, `value`, …",
        );
        return Err(vec![Fault { line: 1, column: None, wording }]);
    };
    let columns = columns(&header)?;
    let records: Vec<Record> = records.collect();
    let ragged = ragged(&records, columns.len());
    if ragged.is_empty() {
        Ok(Table { separator, header: header.fields, columns, records })
    } else {
        Err(ragged)
    }
}

/// The separator under which the first line names the most columns.
fn separator_of(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let known = |separator: &u8| {
        let names = first.split(char::from(*separator)).map(|name| name.trim().trim_matches('"'));
        let known = names.filter(|name| Column::of(name).is_some()).count();
        (known, first.bytes().filter(|b| b == separator).count())
    };
    // `max_by_key` takes the last of equals: the comma, in a file of one column.
    SEPARATORS.into_iter().rev().max_by_key(known).unwrap_or(b',')
}

/// The rows with a field in them, and their lines.
fn records(text: &str, separator: u8, first_line: u64) -> Result<Vec<Record>, Vec<Fault>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut lines = Lines { text: text.as_bytes(), offset: 0, line: first_line };
    loop {
        let start = reader.position().byte();
        let more = reader.read_record(&mut record).expect("text in memory is valid UTF-8");
        if !more {
            break;
        }
        let line = lines.of_record(start);
        if record.iter().any(|field| !field.trim().is_empty()) {
            records.push(Record { line, fields: record.iter().map(str::to_owned).collect() });
        }
    }
    // The reader closes an open quote at the end of the file, and would take all that follows it for one field.
    if ends_in_quotes(&text.as_bytes()[lines.offset..], separator) {
        let wording = Wording::new(
            "có dấu ngoặc kép không được đóng từ dòng này: hãy đóng nó, hoặc viết đôi `\"\"` bên trong ô có ngoặc kép",
            "a quote is not closed from this line on: close it, or write `\"\"` for one inside a quoted field",
        );
        return Err(vec![Fault { line: lines.line, column: None, wording }]);
    }
    Ok(records)
}

/// Whether the last record has a quoted field that nothing closes. A quote inside a bare field (`5" pipe`) is a letter.
fn ends_in_quotes(last: &[u8], separator: u8) -> bool {
    let quotes = last.iter().filter(|b| **b == b'"').count();
    let quoted = last.starts_with(b"\"") || last.windows(2).any(|pair| pair == [separator, b'"']);
    quoted && quotes % 2 == 1
}

/// Counts lines along the text, once over all records.
struct Lines<'a> {
    text: &'a [u8],
    offset: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that is read from `start` on, past the ends of line that stand before it.
    fn of_record(&mut self, start: u64) -> u64 {
        let start = usize::try_from(start).expect("the text is in memory");
        while let Some(byte) = self.text.get(self.offset) {
            if self.offset >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            let ends = match byte {
                b'\n' => true,
                b'\r' => self.text.get(self.offset + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(ends);
            self.offset += 1;
        }
        self.line
    }
}

fn columns(header: &Record) -> Result<Vec<Column>, Vec<Fault>> {
    let fault = |column: Option<&str>, vi: String, en: String| Fault {
        line: header.line,
        column: column.map(str::to_owned),
        wording: Wording::new(vi, en),
    };
    let mut columns = Vec::with_capacity(header.fields.len());
    let mut faults = Vec::new();
    for (index, name) in header.fields.iter().enumerate() {
        match Column::of(name) {
            Some(column) if columns.contains(&column) => faults.push(fault(
                Some(name),
                format!("cột `{name}` (`{}`) có hai lần: hãy xóa một cột", column.name()),
                format!("column `{name}` (`{}`) is there twice: remove one", column.name()),
            )),
            Some(column) => columns.push(column),
            None => faults.push(fault(
                Some(name),
                format!("cột thứ {} `{name}` không có trong mẫu: hãy xóa cột hoặc đổi tên thành một trong {}", index + 1, known()),
                format!("column {} `{name}` is unknown: remove it or rename it to one of {}", index + 1, known()),
            )),
        }
    }
    for column in REQUIRED.into_iter().filter(|column| !columns.contains(column)) {
        let name = column.name();
        faults.push(fault(
            Some(name),
            format!("thiếu cột `{name}`: hãy thêm cột này vào dòng tên cột"),
            format!("column `{name}` is missing: add it to the line of names"),
        ));
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// The names of the contract, for messages.
fn known() -> String {
    let sent = NAMES.iter().take_while(|(column, ..)| *column <= Column::Note);
    sent.map(|(_, name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn ragged(records: &[Record], width: usize) -> Vec<Fault> {
    let all = records.iter().filter(|record| record.fields.len() != width);
    let mut faults: Vec<Fault> = all
        .clone()
        .take(RAGGED_NAMED_MAX)
        .map(|record| Fault {
            line: record.line,
            column: None,
            wording: Wording::new(
                format!("dòng có {} ô, tiêu đề có {width}: hãy kiểm tra dấu phân cách; ô có chứa dấu phân cách phải để trong ngoặc kép", record.fields.len()),
                format!("{} fields under {width} columns: check the separators; a field that holds one must be quoted", record.fields.len()),
            ),
        })
        .collect();
    let unnamed = all.count() - faults.len();
    if let Some(last) = faults.last().map(|fault| fault.line).filter(|_| unnamed > 0) {
        faults.push(Fault {
            line: last,
            column: None,
            wording: Wording::new(
                format!("và {unnamed} dòng như vậy sau dòng này"),
                format!("and {unnamed} more such rows below this line"),
            ),
        });
    }
    faults
}

#[cfg(test)]
mod tests;
