//! The empty file of a feed: one line for each indicator and unit that it may report, for people to fill in.
//!
//! It has the columns of the contract, the names of indicator and unit beside their codes (not read back), and a byte
//! order mark for Excel. A line whose value stays empty is not sent, so a half-filled file can be pushed.

use super::table::Column;

/// The columns of a template.
const COLUMNS: [Column; 11] = [
    Column::Indicator,
    Column::IndicatorName,
    Column::Unit,
    Column::UnitName,
    Column::Period,
    Column::Stage,
    Column::Value,
    Column::Numerator,
    Column::Denominator,
    Column::Qualifier,
    Column::Note,
];

/// An indicator to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// Its code.
    pub code: String,
    /// Its name, for people.
    pub name: String,
    /// The stage that it is reported at.
    pub stage: String,
    /// The levels at which it may be reported.
    pub levels: Vec<String>,
}

/// A unit to report on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its official code.
    pub code: String,
    /// Its name, for people.
    pub name: String,
    /// Its level.
    pub level: String,
}

/// The bytes of a template: indicators in their order, under each the units of its levels in theirs.
#[must_use]
pub fn write(indicators: &[Indicator], units: &[Unit], period: &str, separator: u8) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(separator)
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{FEFF}".as_bytes().to_vec());
    let mut write = |fields: [&str; COLUMNS.len()]| {
        writer.write_record(fields).expect("a vector takes every byte, and all rows are as wide");
    };
    write(COLUMNS.map(Column::name));
    for indicator in indicators {
        for unit in units.iter().filter(|unit| indicator.levels.contains(&unit.level)) {
            write(COLUMNS.map(|column| match column {
                Column::Indicator => indicator.code.as_str(),
                Column::IndicatorName => &indicator.name,
                Column::Unit => &unit.code,
                Column::UnitName => &unit.name,
                Column::Period => period,
                Column::Stage => &indicator.stage,
                _ => "",
            }));
        }
    }
    writer.into_inner().expect("a vector takes every byte")
}

#[cfg(test)]
mod tests {
    use super::super::number::{Expected, Locale};
    use super::super::{rows, table, text};
    use super::*;

    fn indicator(code: &str, levels: &[&str]) -> Indicator {
        let levels = levels.iter().map(|level| (*level).to_owned()).collect();
        Indicator {
            code: code.into(),
            name: format!("Chỉ tiêu {code}"),
            stage: "self".into(),
            levels,
        }
    }

    fn unit(code: &str, level: &str) -> Unit {
        Unit { code: code.into(), name: format!("Đơn vị {code}"), level: level.into() }
    }

    #[test]
    fn every_indicator_has_the_units_of_its_levels() {
        let indicators = [indicator("a", &["district", "commune"]), indicator("b", &["district"])];
        let units = [unit("273", "district"), unit("09784", "commune"), unit("01", "city")];
        let bytes = write(&indicators, &units, "2024", b';');
        assert_eq!(&bytes[..3], "\u{FEFF}".as_bytes());
        let table = table::read(&text::read(&bytes).unwrap()).unwrap();
        let cell = |record, column| table.field(record, column);
        let lines: Vec<_> = table
            .records
            .iter()
            .map(|r| (cell(r, Column::Indicator), cell(r, Column::Unit), cell(r, Column::Period)))
            .collect();
        assert_eq!(lines, [("a", "273", "2024"), ("a", "09784", "2024"), ("b", "273", "2024")]);
        assert_eq!(cell(&table.records[1], Column::UnitName), "Đơn vị 09784");

        // As it is, there is nothing to send.
        let reading = rows::read(&table, Locale::Vi, |_| Expected::Unknown);
        assert_eq!((reading.rows.len(), reading.missing), (0, vec![2, 3, 4]));
    }
}
