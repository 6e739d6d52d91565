//! The catalogue as files that a person edits: `units.csv`, `indicators.csv`, `feeds.csv` and, where there are,
//! `succession.csv`, `synonyms.csv`, `holidays.csv` and the three of composite indices. They are read as a whole and checked
//! as a whole, and every fault is told, each at its line.
//!
//! Grants are never part of the files. A cell is trimmed and put in composed form (NFC), so that a name is kept one
//! way whatever editor wrote it. A row that does not parse is told once; what refers to it is not told again.

mod composites;
mod feeds;
mod holidays;
mod indicators;
#[cfg(test)]
pub(crate) mod samples;
mod sheet;
mod successions;
mod synonyms;
#[cfg(test)]
mod tests;
mod units;

use std::fmt;

use super::record::Record;

/// One file, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name without folders, such as `units.csv`.
    pub name: String,
    /// What is in it; a byte order mark may open it.
    pub text: String,
}

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line in it, from 1; 0 for the file itself.
    pub line: u64,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// What is wrong and what to do, in English.
    pub message: String,
    /// What is wrong and what to do, in Vietnamese.
    pub message_vi: String,
}

impl Fault {
    /// The whole line in Vietnamese, as `Display` gives it in English.
    #[must_use]
    pub fn text_vi(&self) -> String {
        self.text("cột", &self.message_vi)
    }

    fn text(&self, column: &str, message: &str) -> String {
        let place = match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}", self.file),
        };
        match &self.column {
            Some(name) => format!("{place}: {column} `{name}`: {message}"),
            None => format!("{place}: {message}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text("column", &self.message))
    }
}

/// Reads the files of a folder, to records in order of kind and key; files with other names are left alone.
///
/// # Errors
/// Every [`Fault`] there is, in order of file, line and column.
pub fn read(files: &[SourceFile]) -> Result<Vec<Record>, Vec<Fault>> {
    let mut faults = Vec::new();
    let units = units::read(files, &mut faults);
    let indicators = indicators::read(files, &mut faults);
    let feeds = feeds::read(files, &mut faults);
    let successions = successions::read(files, &mut faults);
    let synonyms = synonyms::read(files, &mut faults);
    let holidays = holidays::read(files, &mut faults);
    let composites = composites::read(files, &mut faults);

    units::check(&units, &mut faults);
    indicators::check(&indicators, &units, &feeds, &mut faults);
    feeds::check(&feeds, &units, &indicators, &mut faults);
    successions::check(&successions, &units, &mut faults);
    synonyms::check(&synonyms, &units, &mut faults);
    holidays::check(&holidays, &mut faults);
    composites::check(&composites, &units, &indicators, &mut faults);

    if !faults.is_empty() {
        let place = |file: &str| {
            let own = [units::FILE, indicators::FILE, feeds::FILE, holidays::FILE];
            own.iter().chain(&composites::FILES).position(|known| *known == file)
        };
        let order = |fault: &Fault| (place(&fault.file).unwrap_or(usize::MAX), fault.line);
        faults.sort_by_key(order);
        return Err(faults);
    }
    let records = units.values().map(Record::from);
    let records = records.chain(synonyms.values().map(Record::from));
    let records = records.chain(successions.values().map(Record::from));
    let records = records.chain(indicators.values().map(Record::from));
    let records = records.chain(feeds.values().map(Record::from));
    let records = records.chain(holidays.values().map(Record::from));
    let records = records.chain(composites.records());
    let mut records: Vec<Record> = records.collect();
    records.sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
    Ok(records)
}
