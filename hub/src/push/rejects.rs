//! Refused rows back to the file they came from: its own columns, and why they did not land.
//!
//! The file has the separator and the columns of the input, then `rule` and `message`, in UTF-8 with a byte order mark,
//! which Excel needs to see Vietnamese. Corrected, it can be pushed as it is: those two columns are not read.

use std::collections::BTreeMap;

use super::table::{Column, Table};

/// Why a record was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// The rules that it broke.
    pub rules: Vec<String>,
    /// What is wrong and what to do, a message for each.
    pub messages: Vec<String>,
}

/// The bytes of the file of refused records, by their index in the table; none if there are none.
#[must_use]
pub fn write(table: &Table, reasons: &BTreeMap<usize, Reason>) -> Option<Vec<u8>> {
    if reasons.is_empty() {
        return None;
    }
    // A file that was refused before has these columns already; the new reasons replace the old ones.
    let own: Vec<usize> = (0..table.columns.len())
        .filter(|index| !matches!(table.columns[*index], Column::Rule | Column::Message))
        .collect();
    let mut writer = csv::WriterBuilder::new()
        .delimiter(table.separator)
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{FEFF}".as_bytes().to_vec());
    let header = own.iter().map(|index| table.header[*index].as_str());
    let header = header.chain([Column::Rule.name(), Column::Message.name()]);
    let mut write = |fields: Vec<&str>| {
        writer.write_record(fields).expect("a vector takes every byte, and all rows are as wide");
    };
    write(header.collect());
    for (record, reason) in reasons {
        let Some(record) = table.records.get(*record) else { continue };
        let (rules, messages) = (reason.rules.join("; "), reason.messages.join("; "));
        let fields = own.iter().map(|index| record.fields[*index].as_str());
        write(fields.chain([rules.as_str(), messages.as_str()]).collect());
    }
    Some(writer.into_inner().expect("a vector takes every byte"))
}

#[cfg(test)]
mod tests {
    use super::super::{table, text};
    use super::*;

    fn reason(rule: &str) -> Reason {
        Reason {
            rules: vec![rule.to_owned()],
            messages: vec![format!("sửa `{rule}`; rồi gửi lại")],
        }
    }

    #[test]
    fn refused_rows_keep_their_columns_and_can_be_pushed_again() {
        let input = "Đơn vị;Chỉ tiêu;Kỳ;Giá trị;Ghi chú\r\n1;a;2023;1.015;\"x;y\"\r\n2;b;2023;12.34;\r\n3;c;2023;;\r\n";
        let first = table::read(input).unwrap();
        let reasons = [(0, reason("unit.unknown")), (1, reason("number.other_locale"))].into();
        let bytes = write(&first, &reasons).unwrap();
        assert_eq!(&bytes[..3], "\u{FEFF}".as_bytes());

        let again = table::read(&text::read(&bytes).unwrap()).unwrap();
        assert_eq!(again.separator, b';');
        assert_eq!(again.header[..5], first.header);
        assert_eq!(again.columns[5..], [Column::Rule, Column::Message]);
        for (before, after) in first.records.iter().zip(&again.records) {
            assert_eq!(before.fields, after.fields[..5]);
        }
        assert_eq!(again.records.len(), 2);
        assert_eq!(
            again.field(&again.records[1], Column::Message),
            "sửa `number.other_locale`; rồi gửi lại"
        );

        // Refused again: the reasons are replaced, not added to.
        let twice = write(&again, &[(0, reason("value.missing"))].into()).unwrap();
        let twice = table::read(&text::read(&twice).unwrap()).unwrap();
        assert_eq!(twice.columns, again.columns);
        assert_eq!(twice.field(&twice.records[0], Column::Rule), "value.missing");
        assert_eq!(twice.records[0].fields[..5], first.records[0].fields);
    }

    #[test]
    fn nothing_refused_is_no_file() {
        let table = table::read("indicator,unit,period,value\na,1,2023,1\n").unwrap();
        assert_eq!(write(&table, &BTreeMap::new()), None);
    }
}
