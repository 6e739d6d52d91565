//! `feeds.csv`: one feed a line.

use super::sheet::{Cells, Layout, Sheet};
use super::{Fault, SourceFile};
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
    ],
    may_lack: &[],
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
    Some(Feed {
        feed: feed?,
        name_vi: name_vi?,
        name_en: cells.optional("name_en"),
        class: class?,
        calendar: calendar?,
        precedence: precedence?,
        within: within?,
        indicators: cells.list("indicators").into_iter().collect(),
    })
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
