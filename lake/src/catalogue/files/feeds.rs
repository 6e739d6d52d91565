//! `feeds.csv`: one feed a line.

use super::sheet::{Cells, Layout, Sheet};
use super::{Fault, SourceFile};
use crate::deadline::{WORKING_DAYS_MAX, default_working_days};
use crate::feed::{Calendar, Feed, FeedClass};
use crate::indicator::Indicator;
use crate::unit::UnitVersion;

/// The file's name.
pub(super) const FILE: &str = "feeds.csv";

const LAYOUT: Layout = Layout {
    file: FILE,
    columns: &[
        "feed",
        "name_vi",
        "name_en",
        "class",
        "calendar",
        "precedence",
        "within",
        "indicators",
        "deadline_working_days",
    ],
    may_lack: &["deadline_working_days"],
    optional: false,
};

/// Reads the file.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> Sheet<Feed> {
    Sheet::read(&LAYOUT, files, faults, feed)
}

fn feed(cells: &mut Cells<'_>) -> Option<Feed> {
    let feed = cells.word("feed");
    let name_vi = cells.required("name_vi");
    let class = cells.one_of("class", FeedClass::ALL, FeedClass::code);
    let calendar = cells.one_of("calendar", Calendar::ALL, Calendar::code);
    let precedence = cells.whole("precedence", None);
    let within = cells.required("within");
    let deadline = deadline(cells);
    Some(Feed {
        feed: feed?,
        name_vi: name_vi?,
        name_en: cells.optional("name_en"),
        class: class?,
        calendar: calendar?,
        precedence: precedence?,
        within: within?,
        indicators: cells.list("indicators").into_iter().collect(),
        deadline_working_days: deadline?.or_else(|| default_working_days(calendar?)),
    })
}

/// The working days that a row gives; none where it leaves them to the calendar.
fn deadline(cells: &mut Cells<'_>) -> Option<Option<u32>> {
    const COLUMN: &str = "deadline_working_days";
    if cells.optional(COLUMN).is_none() {
        return Some(None);
    }
    let days = cells.whole(COLUMN, None)?;
    match u32::try_from(days).ok().filter(|days| *days <= WORKING_DAYS_MAX) {
        Some(days) => Some(Some(days)),
        None => {
            let en = format!("`{days}` is not from 0 to {WORKING_DAYS_MAX} working days");
            let vi =
                format!("`{days}` không nằm trong khoảng 0 đến {WORKING_DAYS_MAX} ngày làm việc");
            cells.fault(COLUMN, &en, &vi)
        }
    }
}

/// Checks the feeds against each other, the units and the indicators.
pub(super) fn check(
    feeds: &Sheet<Feed>,
    units: &Sheet<UnitVersion>,
    indicators: &Sheet<Indicator>,
    faults: &mut Vec<Fault>,
) {
    feeds.unique(faults, |feed| feed.feed.clone());
    for row in &feeds.rows {
        let within = &row.value.within;
        if units.all_sound() && !units.values().any(|version| version.code == *within) {
            let en = format!("`{within}` is the code of no unit in `units.csv`");
            let vi = format!("`{within}` không phải là mã của đơn vị nào trong `units.csv`");
            feeds.fault(faults, row.line, Some("within"), &en, &vi);
        }
        for indicator in &row.value.indicators {
            feeds.refers(faults, row.line, "indicators", indicator, indicators);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SourceFile, read, samples};
    use crate::catalogue::Catalogue;

    /// The sample's feed on a calendar, with a deadline.
    fn with(calendar: &str, deadline: &str) -> Vec<SourceFile> {
        let mut files = samples::files();
        let feeds = files.iter_mut().find(|file| file.name == "feeds.csv").unwrap();
        let text =
            feeds.text.replace("within,indicators", "within,indicators,deadline_working_days");
        let text = text.replace("gregorian", calendar).trim_end().to_owned();
        feeds.text = format!("{text},{deadline}\n");
        files
    }

    #[test]
    fn a_deadline_is_that_of_the_row_or_of_its_calendar() {
        for (calendar, deadline, days) in [
            ("reporting", "", Some(2)),
            ("reporting", "5", Some(5)),
            ("reporting", "0", Some(0)),
            ("gregorian", "", None),
            ("gregorian", "3", Some(3)),
        ] {
            let records = read(&with(calendar, deadline)).unwrap();
            let catalogue = Catalogue::from_records(1, records).unwrap();
            let feed = &catalogue.feeds["dan-phuong"];
            assert_eq!(feed.deadline_working_days, days, "{calendar} {deadline}");
        }
        for deadline in ["-1", "251", "two"] {
            let told = read(&with("reporting", deadline)).unwrap_err();
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0].column.as_deref(), Some("deadline_working_days"));
        }
    }
}
