//! `holidays.csv`, which a catalogue may lack: one day a line that is off, or is worked though it is a weekend.

use super::sheet::{Cells, Layout, Sheet};
use super::{Fault, SourceFile};
use crate::holiday::{Holiday, HolidayKind};

/// The file's name.
pub(super) const FILE: &str = "holidays.csv";

const LAYOUT: Layout = Layout {
    file: FILE,
    columns: &["day", "name_vi", "name_en", "kind"],
    may_lack: &[],
    optional: true,
};

/// Reads the file.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> Sheet<Holiday> {
    Sheet::read(&LAYOUT, files, faults, holiday)
}

fn holiday(cells: &mut Cells<'_>) -> Option<Holiday> {
    let day = cells.date("day");
    let name_vi = cells.required("name_vi");
    let kind = cells.one_of("kind", HolidayKind::ALL, HolidayKind::code);
    Some(Holiday { day: day?, name_vi: name_vi?, name_en: cells.optional("name_en"), kind: kind? })
}

/// Checks the days against each other and their weekdays.
pub(super) fn check(holidays: &Sheet<Holiday>, faults: &mut Vec<Fault>) {
    holidays.unique(faults, |holiday| holiday.day.to_string());
    for row in &holidays.rows {
        let Holiday { day, kind, .. } = &row.value;
        let (weekend, weekday) = (row.value.is_weekend(), day.format("%A"));
        match kind {
            HolidayKind::Worked if !weekend => {
                let en = format!(
                    "{day} is a {weekday}, which is worked anyway; only a weekend is `worked`"
                );
                let vi = format!(
                    "{day} không phải thứ Bảy hay Chủ nhật nên vốn đã là ngày làm việc; chỉ ghi `worked` cho cuối tuần"
                );
                holidays.fault(faults, row.line, Some("kind"), &en, &vi);
            }
            HolidayKind::Substitute | HolidayKind::Exchanged if weekend => {
                let en = format!(
                    "{day} is a {weekday}, which is off anyway; a `{kind}` day off is a working day's"
                );
                let vi = format!(
                    "{day} là cuối tuần nên vốn đã nghỉ; ngày `{kind}` phải rơi vào ngày làm việc"
                );
                holidays.fault(faults, row.line, Some("kind"), &en, &vi);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, SourceFile, read, samples};
    use crate::catalogue::{Catalogue, RecordKind};

    fn with(lines: &str) -> Vec<SourceFile> {
        let text = format!("day,name_vi,name_en,kind\n{lines}\n");
        let file = SourceFile { name: "holidays.csv".to_owned(), text };
        samples::files().into_iter().chain([file]).collect()
    }

    #[test]
    fn holidays_are_records_of_their_own_and_come_back() {
        let files =
            with("2024-05-01,Ngày Quốc tế lao động,Labour Day,law\n2024-05-04,Làm bù,,worked");
        let records = read(&files).unwrap();
        let keys = records.iter().filter(|record| record.kind == RecordKind::Holiday);
        assert_eq!(keys.map(|r| r.key.as_str()).collect::<Vec<_>>(), ["2024-05-01", "2024-05-04"]);
        let catalogue = Catalogue::from_records(1, records.clone()).unwrap();
        assert!(!catalogue.holidays.is_worked("2024-05-01".parse().unwrap()));
        assert!(catalogue.holidays.is_worked("2024-05-04".parse().unwrap()));
        let again = Catalogue::from_records(2, catalogue.records()).unwrap();
        assert_eq!(again.holidays, catalogue.holidays);
    }

    #[test]
    fn a_day_that_is_none_or_stands_twice_or_is_off_anyway_is_told() {
        let files = with(
            "2024-05-01,A,,law\n2024-05-01,B,,law\n2024-02-30,C,,law\n2024-05-05,D,,substitute\n\
             2024-05-06,E,,worked\n2024-05-07,,,law\n2024-05-08,F,,feast",
        );
        let faults = read(&files).unwrap_err();
        let told: Vec<_> = faults.iter().map(Fault::to_string).collect();
        for (line, part) in [
            (3, "`2024-05-01` stands in line 2 already"),
            (4, "`2024-02-30` is not a day"),
            (5, "2024-05-05 is a Sunday"),
            (6, "2024-05-06 is a Monday"),
            (7, "column `name_vi`: must not be empty"),
            (8, "`feast` is not one of `law`"),
        ] {
            let found = told.iter().find(|t| t.starts_with(&format!("holidays.csv:{line}:")));
            assert!(found.is_some_and(|found| found.contains(part)), "{line}: {told:#?}");
        }
        assert_eq!(told.len(), 6, "{told:#?}");
        assert!(faults.iter().all(|fault| fault.text_vi() != fault.to_string()));
    }
}
