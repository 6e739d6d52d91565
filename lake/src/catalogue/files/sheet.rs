//! One CSV file as typed rows with their lines: the header against the columns, the cells against their types.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use csv::StringRecord;
use unicode_normalization::UnicodeNormalization;

use super::{Fault, SourceFile};
use crate::decimal::Decimal;

/// How a file is laid out.
pub(super) struct Layout {
    pub(super) file: &'static str,
    /// The first one names what the row is about.
    pub(super) columns: &'static [&'static str],
    /// Those of the columns that a file may lack; their cells are empty then.
    pub(super) may_lack: &'static [&'static str],
    /// Whether the catalogue is one without it.
    pub(super) optional: bool,
}

/// A row that parsed.
pub(super) struct Row<T> {
    pub(super) line: u64,
    pub(super) value: T,
}

pub(super) struct Sheet<T> {
    pub(super) file: &'static str,
    pub(super) rows: Vec<Row<T>>,
    /// The first cells of the rows that did not parse.
    broken: BTreeSet<String>,
    /// The first cells of all rows; none when the file could not be read as rows at all.
    names: Option<BTreeSet<String>>,
}

impl<T> Sheet<T> {
    /// Reads a file; every fault in the form of it is told.
    pub(super) fn read(
        layout: &Layout,
        files: &[SourceFile],
        faults: &mut Vec<Fault>,
        parse: fn(&mut Cells<'_>) -> Option<T>,
    ) -> Self {
        let mut sheet =
            Self { file: layout.file, rows: Vec::new(), broken: BTreeSet::new(), names: None };
        let Some(source) = files.iter().find(|source| source.name == layout.file) else {
            if layout.optional {
                sheet.names = Some(BTreeSet::new());
            } else {
                sheet.fault(faults, 0, None, "file is missing", "thiếu tệp");
            }
            return sheet;
        };
        let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
        let mut records = records(text).into_iter();
        let header = records.next().unwrap_or_else(|| (1, Ok(StringRecord::new())));
        let Some(columns) = sheet.columns(layout, &header, faults) else { return sheet };
        let mut names = BTreeSet::new();
        for (line, record) in records {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let vi = format!("dòng không đọc được: {error}");
                    sheet.fault(faults, line, None, &format!("line does not read: {error}"), &vi);
                    continue;
                }
            };
            let mut cells =
                Cells { file: layout.file, line, columns: &columns, record: &record, faults };
            let name = cells.text(layout.columns[0]);
            names.insert(name.clone());
            let value = if cells.counted(columns.len()) { parse(&mut cells) } else { None };
            match value {
                Some(value) => sheet.rows.push(Row { line, value }),
                None => _ = sheet.broken.insert(name),
            }
        }
        sheet.names = Some(names);
        sheet
    }

    /// The things themselves.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|row| &row.value)
    }

    /// Whether some row is about `name`; yes where it cannot be told because the file did not read.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }

    /// Whether every row about `name` parsed.
    pub(super) fn sound(&self, name: &str) -> bool {
        self.names.is_some() && !self.broken.contains(name)
    }

    /// Whether every row parsed.
    pub(super) fn all_sound(&self) -> bool {
        self.names.is_some() && self.broken.is_empty()
    }

    /// Tells a fault.
    pub(super) fn fault(
        &self,
        faults: &mut Vec<Fault>,
        line: u64,
        column: Option<&str>,
        en: &str,
        vi: &str,
    ) {
        faults.push(Fault {
            file: self.file.to_owned(),
            line,
            column: column.map(str::to_owned),
            message: en.to_owned(),
            message_vi: vi.to_owned(),
        });
    }

    /// Tells that a cell refers to something that no row of `other` is about.
    pub(super) fn refers<U>(
        &self,
        faults: &mut Vec<Fault>,
        line: u64,
        column: &str,
        name: &str,
        other: &Sheet<U>,
    ) {
        if other.knows(name) {
            return;
        }
        let names = other.names.iter().flatten();
        let close = names.map(|known| (strsim::osa_distance(known, name), known)).min();
        let close = close.filter(|(edits, _)| *edits <= 3).map(|(_, known)| known);
        let (en, vi) = close.map_or_else(Default::default, |known| {
            (format!("; is `{known}` meant?"), format!("; có phải là `{known}`?"))
        });
        let file = other.file;
        self.fault(
            faults,
            line,
            Some(column),
            &format!("`{name}` is not in `{file}`{en}"),
            &format!("`{name}` không có trong `{file}`{vi}"),
        );
    }

    /// Tells every row whose key an earlier row has.
    pub(super) fn unique(&self, faults: &mut Vec<Fault>, key: impl Fn(&T) -> String) {
        let mut first: BTreeMap<String, u64> = BTreeMap::new();
        for row in &self.rows {
            let key = key(&row.value);
            if let Some(earlier) = first.get(&key) {
                let en = format!("`{key}` stands in line {earlier} already");
                self.fault(faults, row.line, None, &en, &format!("`{key}` đã có ở dòng {earlier}"));
            } else {
                first.insert(key, row.line);
            }
        }
    }

    /// Where each column stands, if the header is as it must be.
    fn columns(
        &self,
        layout: &Layout,
        (line, header): &(u64, Result<StringRecord, csv::Error>),
        faults: &mut Vec<Fault>,
    ) -> Option<BTreeMap<&'static str, usize>> {
        let told = faults.len();
        let header: Vec<&str> =
            header.as_ref().map(|h| h.iter().map(str::trim).collect()).unwrap_or_default();
        if let [only] = header.as_slice()
            && only.contains([';', '\t'])
        {
            let en = "cells are not separated by commas: save it as CSV (comma delimited), UTF-8";
            let vi = "các ô không ngăn cách bằng dấu phẩy: hãy lưu thành CSV ngăn cách bằng dấu phẩy, UTF-8";
            self.fault(faults, *line, None, en, vi);
            return None;
        }
        for (index, name) in header.iter().enumerate() {
            if header[..index].contains(name) {
                self.fault(faults, *line, Some(name), "column stands twice", "cột bị lặp lại");
            } else if !layout.columns.contains(name) {
                let known = layout.columns.join(", ");
                let en = format!("column is unknown; the columns are {known}");
                self.fault(faults, *line, Some(name), &en, &format!("cột lạ; các cột là {known}"));
            }
        }
        let mut columns = BTreeMap::new();
        for name in layout.columns {
            match header.iter().position(|column| column == name) {
                Some(index) => _ = columns.insert(*name, index),
                None if layout.may_lack.contains(name) => {}
                None => self.fault(faults, *line, Some(name), "column is missing", "thiếu cột"),
            }
        }
        (faults.len() == told).then_some(columns)
    }
}

/// Every record with the line that it starts on; empty lines are none.
fn records(text: &str) -> Vec<(u64, Result<StringRecord, csv::Error>)> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let (mut line, mut counted) = (1, 0);
    let mut records = Vec::new();
    for record in reader.records() {
        // The reader's own line numbers stop at the line break before a record, not at the record.
        let position = record.as_ref().map_or_else(csv::Error::position, StringRecord::position);
        let start = position.and_then(|p| usize::try_from(p.byte()).ok()).unwrap_or(counted);
        let start = text.as_bytes()[start..]
            .iter()
            .position(|b| !b"\r\n".contains(b))
            .map_or(start, |n| start + n);
        line += text.as_bytes()[counted..start].iter().filter(|b| **b == b'\n').count() as u64;
        counted = start;
        records.push((line, record));
    }
    records
}

/// The cells of one row; what they cannot be read as is told as a fault, and read as none.
pub(super) struct Cells<'a> {
    file: &'static str,
    line: u64,
    columns: &'a BTreeMap<&'static str, usize>,
    record: &'a StringRecord,
    faults: &'a mut Vec<Fault>,
}

impl Cells<'_> {
    /// A cell that must not be empty.
    pub(super) fn required(&mut self, column: &str) -> Option<String> {
        let text = self.text(column);
        if text.is_empty() {
            return self.fault(column, "must not be empty", "không được để trống");
        }
        Some(text)
    }

    /// A cell that may be empty.
    pub(super) fn optional(&self, column: &str) -> Option<String> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    /// A cell that must be a name for machines.
    pub(super) fn word(&mut self, column: &str) -> Option<String> {
        let text = self.required(column)?;
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        if !text.bytes().all(allowed) {
            let en = format!("`{text}` has something other than `a`-`z`, `0`-`9`, `_` and `-`");
            let vi = format!("`{text}` có ký tự khác `a`-`z`, `0`-`9`, `_` và `-`");
            return self.fault(column, &en, &vi);
        }
        Some(text)
    }

    /// A cell that must be one of a few texts.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        column: &str,
        all: &[T],
        code: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.required(column)?;
        self.choice(column, &text, all, code)
    }

    /// A cell that must be a list of a few texts, and not empty.
    pub(super) fn several_of<T: Copy>(
        &mut self,
        column: &str,
        all: &[T],
        code: impl Fn(T) -> &'static str,
    ) -> Option<Vec<T>> {
        self.required(column)?;
        let chosen: Vec<Option<T>> =
            self.list(column).iter().map(|text| self.choice(column, text, all, &code)).collect();
        chosen.into_iter().collect()
    }

    /// The parts of a cell between `;`; none of an empty one.
    pub(super) fn list(&self, column: &str) -> Vec<String> {
        let text = self.text(column);
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }

    /// A cell that must be a day.
    pub(super) fn date(&mut self, column: &str) -> Option<NaiveDate> {
        self.required(column)?;
        self.optional_date(column)?
    }

    /// A cell that must be a day or empty; none is a fault.
    pub(super) fn optional_date(&mut self, column: &str) -> Option<Option<NaiveDate>> {
        let Some(text) = self.optional(column) else { return Some(None) };
        // Excel writes days its own way when it saves; only one reading is certain.
        let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()
            .filter(|date| date.to_string() == text);
        if date.is_none() {
            let en = format!("`{text}` is not a day; write it as `2024-12-31`");
            let vi = format!("`{text}` không phải là ngày; hãy viết như `2024-12-31`");
            return self.fault(column, &en, &vi);
        }
        Some(date)
    }

    /// A cell that must be a decimal number or empty; none is a fault.
    pub(super) fn optional_decimal(&mut self, column: &str) -> Option<Option<Decimal>> {
        let Some(text) = self.optional(column) else { return Some(None) };
        match text.parse() {
            Ok(number) => Some(Some(number)),
            Err(error) => {
                let en = format!("`{text}` is {error}");
                let vi = format!(
                    "`{text}` không phải là số thập phân như `93.86` (tối đa 12 chữ số trước và 6 \
                     chữ số sau dấu chấm)"
                );
                self.fault(column, &en, &vi)
            }
        }
    }

    /// A cell that must be a whole number, or empty for `default`.
    pub(super) fn whole(&mut self, column: &str, default: Option<i64>) -> Option<i64> {
        let text = match default {
            Some(default) if self.text(column).is_empty() => return Some(default),
            _ => self.required(column)?,
        };
        let Ok(number) = text.parse() else {
            let en = format!("`{text}` is not a whole number");
            return self.fault(column, &en, &format!("`{text}` không phải là số nguyên"));
        };
        Some(number)
    }

    /// A cell that must be `true`, `false`, or empty for `false`.
    pub(super) fn truth(&mut self, column: &str) -> Option<bool> {
        match self.text(column).to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" | "" => Some(false),
            text => {
                let en = format!("`{text}` is neither `true` nor `false`");
                self.fault(column, &en, &format!("`{text}` không phải `true` hay `false`"))
            }
        }
    }

    /// Tells a fault of a cell.
    pub(super) fn fault<T>(&mut self, column: &str, en: &str, vi: &str) -> Option<T> {
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line: self.line,
            column: Some(column.to_owned()),
            message: en.to_owned(),
            message_vi: vi.to_owned(),
        });
        None
    }

    fn text(&self, column: &str) -> String {
        let cell = self.columns.get(column).and_then(|index| self.record.get(*index));
        cell.unwrap_or_default().trim().nfc().collect()
    }

    fn choice<T: Copy>(
        &mut self,
        column: &str,
        text: &str,
        all: &[T],
        code: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let chosen = all.iter().copied().find(|choice| code(*choice) == text);
        if chosen.is_none() {
            let codes = all.iter().map(|choice| format!("`{}`", code(*choice)));
            let codes = codes.collect::<Vec<_>>().join(", ");
            let en = format!("`{text}` is not one of {codes}");
            return self.fault(column, &en, &format!("`{text}` không thuộc {codes}"));
        }
        chosen
    }

    fn counted(&mut self, columns: usize) -> bool {
        let cells = self.record.len();
        if cells != columns {
            self.faults.push(Fault {
                file: self.file.to_owned(),
                line: self.line,
                column: None,
                message: format!("line has {cells} cells, the header has {columns}"),
                message_vi: format!("dòng có {cells} ô, dòng tiêu đề có {columns}"),
            });
        }
        cells == columns
    }
}
