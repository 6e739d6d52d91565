//! Rows of a table to rows of a submission: figures in their exact form, everything else as it was written.
//!
//! Invariants:
//! - A figure that does not read is sent as it was written, so that the hub refuses the row and keeps it: nothing that
//!   came in is lost. It is never sent in a form that the hub could take for another figure.
//! - A row without a value, numerator and denominator is not sent, unless it withdraws: missing is missing, and its line
//!   is told.
//!
//! # Decisions
//! - `26/35` under `value` is sent as numerator and denominator without a value: the hub knows the indicator's factor and
//!   computes `74.285714` of a percentage, `0.742857` of a plain quotient. `21/30` of a rank is sent as `21`, and the
//!   note keeps the text. Which of the two it is, the catalogue says, if the caller could read it.
//! - Money is in million VND: `64,5 triệu đồng` is sent as it stands, `1,2 tỷ đồng` as `1200` with a remark. Any other
//!   number that is partly in words (`1,2 triệu người`) is refused.

use dinh_lake::decimal::Decimal;
use dinh_lake::observation::Status;
use dinh_lake::submission::{Mode, Severity};
use sha2::{Digest as _, Sha256};

use super::number::{self, Expected, Figure, Locale, Problem, Verdict};
use super::table::{Column, Record, Table};

/// The columns that are sent, in the order of the contract.
pub const SENT: [Column; 12] = [
    Column::Indicator,
    Column::Unit,
    Column::Period,
    Column::Stage,
    Column::Value,
    Column::Numerator,
    Column::Denominator,
    Column::Qualifier,
    Column::Status,
    Column::CoverageReported,
    Column::CoverageExpected,
    Column::Note,
];

/// The columns that hold figures.
const FIGURES: [Column; 5] = [
    Column::Value,
    Column::Numerator,
    Column::Denominator,
    Column::CoverageReported,
    Column::CoverageExpected,
];

/// One row as it is sent; empty means not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which record of the table it is, from 0.
    pub record: usize,
    /// The line of the file that it stands on.
    pub line: u64,
    texts: [String; SENT.len()],
}

impl Row {
    /// The text of a column.
    #[must_use]
    pub fn text(&self, column: Column) -> &str {
        SENT.iter().position(|sent| *sent == column).map_or("", |index| &self.texts[index])
    }

    fn set(&mut self, column: Column, text: impl Into<String>) {
        if let Some(index) = SENT.iter().position(|sent| *sent == column) {
            self.texts[index] = text.into();
        }
    }
}

/// What was noticed about a figure before it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The row's number in the submission, from 1.
    pub row: u64,
    /// The line of the file.
    pub line: u64,
    /// The column.
    pub column: Column,
    /// Refused: it goes out as it was written, and the hub will refuse it.
    pub severity: Severity,
    /// What is wrong.
    pub problem: Problem,
    /// As it was written.
    pub raw: String,
}

/// A table as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The rows, in order of lines.
    pub rows: Vec<Row>,
    /// What was noticed.
    pub remarks: Vec<Remark>,
    /// The lines without a figure, which are not sent.
    pub missing: Vec<u64>,
}

/// A figure that the two locales read as two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguity {
    /// The line of the file.
    pub line: u64,
    /// The column.
    pub column: Column,
    /// As it was written.
    pub raw: String,
    /// What Vietnamese makes of it; none if nothing.
    pub vi: Option<Decimal>,
    /// What English makes of it; none if nothing.
    pub en: Option<Decimal>,
}

/// The figures of a table that read differently by locale.
#[must_use]
pub fn ambiguities(table: &Table) -> Vec<Ambiguity> {
    let ambiguity = |record: &Record, column| {
        let raw = table.field(record, column);
        let read = |locale| {
            let figure = number::read(raw, locale, Expected::Unknown);
            figure.value.filter(|_| figure.verdict != Verdict::Reject)
        };
        number::differs(raw).then(|| Ambiguity {
            line: record.line,
            column,
            raw: raw.to_owned(),
            vi: read(Locale::Vi),
            en: read(Locale::En),
        })
    };
    let each = |record| FIGURES.into_iter().filter_map(move |column| ambiguity(record, column));
    table.records.iter().flat_map(each).collect()
}

/// Whether a table has a figure that only its indicator can explain (`21/30`, `toàn bộ`).
#[must_use]
pub fn needs_catalogue(table: &Table) -> bool {
    table.records.iter().any(|record| {
        let figure =
            number::read(table.field(record, Column::Value), Locale::Vi, Expected::Unknown);
        figure.verdict == Verdict::RankOrFraction || figure.problem == Some(Problem::All)
    })
}

/// Reads the rows of a table; `expected` says what is known of an indicator.
pub fn read(table: &Table, locale: Locale, expected: impl Fn(&str) -> Expected) -> Reading {
    let mut reading = Reading::default();
    for (index, record) in table.records.iter().enumerate() {
        let texts = SENT.map(|column| table.field(record, column).to_owned());
        let row = Row { record: index, line: record.line, texts };
        let expected = expected(row.text(Column::Indicator));
        let number = reading.rows.len() as u64 + 1;
        let mut reader = RowReader { row, number, locale, expected, remarks: Vec::new() };
        if reader.read() {
            reading.rows.push(reader.row);
            reading.remarks.append(&mut reader.remarks);
        } else {
            reading.missing.push(record.line);
        }
    }
    reading
}

/// The id of a submission that was given none: from its feed, its mode and all that it sends, so that pushing a file
/// twice is one submission.
#[must_use]
pub fn identity(feed: &str, mode: Mode, rows: &[Row]) -> String {
    let mut hash = Sha256::new();
    let texts = rows.iter().flat_map(|row| row.texts.iter().map(String::as_str));
    for text in ["dinh-push-1", feed, mode.code()].into_iter().chain(texts) {
        // The length in front keeps `ab`, `c` apart from `a`, `bc`.
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("sha-{hex}")
}

/// One row on its way from what was written to what is sent.
struct RowReader {
    row: Row,
    number: u64,
    locale: Locale,
    expected: Expected,
    remarks: Vec<Remark>,
}

impl RowReader {
    /// Whether the row has anything to send.
    fn read(&mut self) -> bool {
        for column in [
            Column::Numerator,
            Column::Denominator,
            Column::CoverageReported,
            Column::CoverageExpected,
        ] {
            self.plain(column);
        }
        let raw = self.row.text(Column::Value).to_owned();
        let figure = number::read(&raw, self.locale, self.expected);
        if figure.verdict == Verdict::Missing {
            self.row.set(Column::Value, "");
            let parts = [Column::Numerator, Column::Denominator];
            let withdraws = self.row.text(Column::Status) == Status::Withdrawn.code();
            return withdraws || parts.iter().any(|part| !self.row.text(*part).is_empty());
        }
        match self.value(&figure, &raw) {
            Ok(()) => {
                if let Some(problem) = figure.problem {
                    self.remark(Column::Value, Severity::Warned, problem, &raw);
                }
            }
            Err(problem) => self.refuse(Column::Value, problem, &raw),
        }
        true
    }

    /// A figure without hedge, fraction or range.
    fn plain(&mut self, column: Column) {
        let raw = self.row.text(column).to_owned();
        let figure = number::read(&raw, self.locale, Expected::Quantity);
        match (figure.verdict, figure.value) {
            (Verdict::Missing, _) => self.row.set(column, ""),
            (Verdict::Ok | Verdict::Warn, Some(value))
                if figure.qualifier.is_none()
                    && figure.fraction.is_none()
                    && figure.unit.is_none() =>
            {
                self.row.set(column, value.to_string());
                if let Some(problem) = figure.problem {
                    self.remark(column, Severity::Warned, problem, &raw);
                }
            }
            _ => self.refuse(column, figure.problem.unwrap_or(Problem::NotANumber), &raw),
        }
    }

    /// The figure under `value`, with its hedge and its parts.
    fn value(&mut self, figure: &Figure, raw: &str) -> Result<(), Problem> {
        if figure.verdict == Verdict::Reject {
            return Err(figure.problem.unwrap_or(Problem::NotANumber));
        }
        let Some(value) = figure.value else {
            return Err(Problem::Range);
        };
        // 100 % is certain only of a percentage: a count of all is another number.
        if figure.problem == Some(Problem::All) && self.expected != Expected::Percentage {
            return Err(Problem::All);
        }
        self.qualify(figure)?;
        match figure.fraction {
            Some(_) if self.expected == Expected::Rank => {
                self.row.set(Column::Value, value.to_string());
                let note = self.row.text(Column::Note);
                let kept = if note.is_empty() { raw.to_owned() } else { format!("{note}; {raw}") };
                self.row.set(Column::Note, kept);
            }
            Some((numerator, denominator)) => {
                self.part(Column::Numerator, numerator)?;
                self.part(Column::Denominator, denominator)?;
                self.row.set(Column::Value, "");
            }
            None => {
                let scaled = scaled(value, figure.unit.as_deref())?;
                self.row.set(Column::Value, scaled.to_string());
                if scaled != value {
                    self.remark(Column::Value, Severity::Warned, Problem::MillionVnd, raw);
                }
            }
        }
        Ok(())
    }

    /// The hedge, from the column or from the words beside the figure.
    fn qualify(&mut self, figure: &Figure) -> Result<(), Problem> {
        let written = self.row.text(Column::Qualifier);
        let named = number::qualifier_of(written);
        match (named, figure.qualifier) {
            (Some(named), Some(found)) if named != found => return Err(Problem::QualifierTwice),
            (None, Some(_)) if !written.is_empty() => return Err(Problem::QualifierTwice),
            (named, found) => {
                if let Some(qualifier) = named.or(found) {
                    self.row.set(Column::Qualifier, qualifier.code());
                }
            }
        }
        Ok(())
    }

    /// A part of a fraction, unless its own column says otherwise.
    fn part(&mut self, column: Column, part: Decimal) -> Result<(), Problem> {
        let text = part.to_string();
        if ![text.as_str(), ""].contains(&self.row.text(column)) {
            return Err(Problem::FractionTwice);
        }
        self.row.set(column, text);
        Ok(())
    }

    fn refuse(&mut self, column: Column, problem: Problem, raw: &str) {
        // `12.34` does not read among Vietnamese figures, but the hub would take it.
        let reads = raw.parse::<Decimal>().is_ok();
        let locale = match self.locale {
            Locale::Vi => "vi",
            Locale::En => "en",
        };
        self.row.set(column, if reads { format!("{raw} ({locale})") } else { raw.to_owned() });
        self.remark(column, Severity::Refused, problem, raw);
    }

    fn remark(&mut self, column: Column, severity: Severity, problem: Problem, raw: &str) {
        let (row, line) = (self.number, self.row.line);
        self.remarks.push(Remark { row, line, column, severity, problem, raw: raw.to_owned() });
    }
}

/// The figure in the unit of measure: million VND for money; as it stands otherwise.
fn scaled(value: Decimal, unit: Option<&str>) -> Result<Decimal, Problem> {
    let Some(unit) = unit else {
        return Ok(value);
    };
    let (scale, rest) = unit.split_once(' ').unwrap_or((unit, ""));
    let is_money =
        |text: &str| text.starts_with("đồng") || text.starts_with("vnd") || text.starts_with("vnđ");
    let (factor, divisor) = match scale {
        "tỷ" | "tỉ" if is_money(rest) => (1000, 1),
        "triệu" if is_money(rest) => (1, 1),
        "nghìn" | "ngàn" if is_money(rest) => (1, 1000),
        "tỷ" | "tỉ" | "triệu" | "vạn" | "nghìn" | "ngàn" => {
            return Err(Problem::ScaleWord);
        }
        _ if is_money(unit) => (1, 1_000_000),
        _ => return Ok(value),
    };
    let unscaled = value.unscaled() * factor;
    if unscaled % divisor != 0 {
        return Err(Problem::TooManyDigits);
    }
    Decimal::from_unscaled(unscaled / divisor).ok_or(Problem::TooManyDigits)
}

#[cfg(test)]
mod tests;
