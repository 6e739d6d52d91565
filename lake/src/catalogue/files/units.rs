//! `units.csv`: one version of one unit a line.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::sheet::{Cells, Layout, Row, Sheet};
use super::{Fault, SourceFile};
use crate::catalogue::record::unit_key;
use crate::unit::{UnitId, UnitVersion};

/// The file's name.
pub(super) const FILE: &str = "units.csv";

const LAYOUT: Layout = Layout {
    file: FILE,
    columns: &[
        "unit",
        "code",
        "name",
        "name_en",
        "kind",
        "level",
        "parent",
        "valid_from",
        "valid_to",
        "legal_basis",
    ],
    may_lack: &[],
    optional: false,
};

/// The versions of each unit, or the holders of each code, in order of time.
type Timelines<'a> = BTreeMap<&'a str, Vec<&'a Row<UnitVersion>>>;

/// Reads the file.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> Sheet<UnitVersion> {
    Sheet::read(&LAYOUT, files, faults, version)
}

fn version(cells: &mut Cells<'_>) -> Option<UnitVersion> {
    let unit = id(cells);
    let code = code(cells);
    let name = cells.required("name").filter(|name| !name.contains('/'));
    if name.is_none() && cells.optional("name").is_some() {
        let vi = "tên không được có `/`, vì `/` ngăn cách các tên trong đường dẫn";
        return cells.fault(
            "name",
            "a name must not hold `/`, which parts the names of a path",
            vi,
        );
    }
    let (kind, level) = (cells.word("kind"), cells.word("level"));
    let (from, to) = (cells.date("valid_from"), cells.optional_date("valid_to"));
    if let (Some(from), Some(Some(to))) = (from, to)
        && to < from
    {
        let en = format!("`{to}` is before the `valid_from` `{from}`");
        return cells.fault("valid_to", &en, &format!("`{to}` trước `valid_from` `{from}`"));
    }
    Some(UnitVersion {
        unit: unit?,
        code: code?,
        name: name?,
        name_en: cells.optional("name_en"),
        kind: kind?,
        level: level?,
        parent: cells.optional("parent").map(UnitId),
        valid_from: from?,
        valid_to: to?,
        legal_basis: cells.optional("legal_basis"),
    })
}

fn id(cells: &mut Cells<'_>) -> Option<UnitId> {
    let text = cells.required("unit")?;
    let ordinal =
        text.rsplit_once('.').filter(|(code, _)| is_code(code)).map(|(_, ordinal)| ordinal);
    if ordinal.and_then(|ordinal| ordinal.parse::<u32>().ok()).is_none_or(|ordinal| ordinal == 0) {
        let en =
            format!("`{text}` is not a unit id: a code, a point and an ordinal, as in `00004.1`");
        let vi =
            format!("`{text}` không phải là định danh: gồm mã, dấu chấm, số thứ tự, như `00004.1`");
        return cells.fault("unit", &en, &vi);
    }
    Some(UnitId(text))
}

fn code(cells: &mut Cells<'_>) -> Option<String> {
    let text = cells.required("code")?;
    if !is_code(&text) {
        let en = format!("`{text}` has something other than letters `A`-`z`, digits, `_` and `-`");
        let vi = format!("`{text}` có ký tự khác chữ cái `A`-`z`, chữ số, `_` và `-`");
        return cells.fault("code", &en, &vi);
    }
    Some(text)
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// Checks the versions against each other.
pub(super) fn check(units: &Sheet<UnitVersion>, faults: &mut Vec<Fault>) {
    units.unique(faults, unit_key);
    let by_unit = timelines(units, |version| &version.unit.0);
    check_overlaps(units, &by_unit, faults);
    check_holders(units, &timelines(units, |version| &version.code), faults);
    check_ids(units, &by_unit, faults);
    check_parents(units, &by_unit, faults);
    check_cycles(units, &by_unit, faults);
}

fn timelines<'a>(
    units: &'a Sheet<UnitVersion>,
    key: fn(&'a UnitVersion) -> &'a str,
) -> Timelines<'a> {
    let mut timelines = Timelines::new();
    for row in &units.rows {
        timelines.entry(key(&row.value)).or_default().push(row);
    }
    for rows in timelines.values_mut() {
        rows.sort_by_key(|row| (row.value.valid_from, row.line));
    }
    timelines
}

/// The pairs of a timeline that share a day, each later one with the earlier one that lasts longest.
fn sharing_days<'a>(
    rows: &[&'a Row<UnitVersion>],
) -> Vec<(&'a Row<UnitVersion>, &'a Row<UnitVersion>)> {
    let mut pairs = Vec::new();
    let mut longest: Option<&'a Row<UnitVersion>> = None;
    for &row in rows {
        if let Some(earlier) =
            longest.filter(|earlier| earlier.value.valid_on(row.value.valid_from))
        {
            pairs.push((earlier, row));
        }
        longest = longest.into_iter().chain([row]).max_by_key(|row| row.value.last_day());
    }
    pairs
}

fn check_overlaps(units: &Sheet<UnitVersion>, by_unit: &Timelines<'_>, faults: &mut Vec<Fault>) {
    for (unit, rows) in by_unit {
        for (earlier, later) in sharing_days(rows) {
            let (day, line) = (later.value.valid_from, earlier.line);
            // Two lines with one key were told already.
            if earlier.value.valid_from == day {
                continue;
            }
            let en = format!("`{unit}` has another version on {day}, in line {line}");
            let vi = format!("`{unit}` có phiên bản khác vào ngày {day}, ở dòng {line}");
            units.fault(faults, later.line, Some("valid_from"), &en, &vi);
        }
    }
}

fn check_holders(units: &Sheet<UnitVersion>, by_code: &Timelines<'_>, faults: &mut Vec<Fault>) {
    for (code, rows) in by_code {
        for (earlier, later) in sharing_days(rows) {
            if earlier.value.unit == later.value.unit {
                continue;
            }
            let (holder, day, line) = (&earlier.value.unit, later.value.valid_from, earlier.line);
            let en = format!("`{code}` is the code of `{holder}` too on {day}, in line {line}");
            let vi = format!("`{code}` cũng là mã của `{holder}` vào ngày {day}, ở dòng {line}");
            units.fault(faults, later.line, Some("code"), &en, &vi);
        }
    }
}

fn check_ids(units: &Sheet<UnitVersion>, by_unit: &Timelines<'_>, faults: &mut Vec<Fault>) {
    for (unit, rows) in by_unit {
        let code = unit.rsplit_once('.').map_or(*unit, |(code, _)| code);
        if units.sound(unit) && !rows.iter().any(|row| row.value.code == code) {
            let en = format!("no version of `{unit}` has the code `{code}`");
            let vi = format!("không phiên bản nào của `{unit}` có mã `{code}`");
            units.fault(faults, rows[0].line, Some("unit"), &en, &vi);
        }
    }
}

fn check_parents(units: &Sheet<UnitVersion>, by_unit: &Timelines<'_>, faults: &mut Vec<Fault>) {
    for row in &units.rows {
        let Some(parent) = &row.value.parent else { continue };
        units.refers(faults, row.line, "parent", &parent.0, units);
        if !units.knows(&parent.0) || !units.sound(&parent.0) {
            continue;
        }
        let parents = by_unit.get(parent.0.as_str()).map_or(&[][..], Vec::as_slice);
        if let Some(day) = first_gap(parents, row.value.valid_from, row.value.last_day()) {
            let en = format!("`{parent}` is not valid on {day}, when `{}` is", row.value.unit);
            let vi = format!(
                "`{parent}` không có hiệu lực vào ngày {day}, khi `{}` đang có hiệu lực",
                row.value.unit
            );
            units.fault(faults, row.line, Some("parent"), &en, &vi);
        }
    }
}

/// The first day of a span on which no row is valid.
fn first_gap(rows: &[&Row<UnitVersion>], from: NaiveDate, to: NaiveDate) -> Option<NaiveDate> {
    let mut day = from;
    for row in rows {
        if row.value.valid_on(day) {
            // After the last day there is, nothing is left to be covered.
            day = row.value.last_day().succ_opt()?;
        }
    }
    (day <= to).then_some(day)
}

/// A cycle stands from the day on which the last of its versions begins, so a walk from every version on its first day
/// finds each.
fn check_cycles(units: &Sheet<UnitVersion>, by_unit: &Timelines<'_>, faults: &mut Vec<Fault>) {
    let mut told: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
    for row in &units.rows {
        let on = row.value.valid_from;
        let mut walked: Vec<&str> = vec![&row.value.unit.0];
        let mut parent = row.value.parent.as_ref();
        while let Some(unit) = parent {
            if *unit == row.value.unit {
                if told.insert(walked.iter().copied().collect()) {
                    let cycle = format!("{} > {unit}", walked.join(" > "));
                    let en = format!("the parents go round in a circle on {on}: {cycle}");
                    let vi = format!("đơn vị cấp trên lặp vòng vào ngày {on}: {cycle}");
                    units.fault(faults, row.line, Some("parent"), &en, &vi);
                }
                break;
            }
            if walked.contains(&unit.0.as_str()) {
                break;
            }
            walked.push(&unit.0);
            let versions = by_unit.get(unit.0.as_str()).map_or(&[][..], Vec::as_slice);
            parent = versions
                .iter()
                .find(|row| row.value.valid_on(on))
                .and_then(|row| row.value.parent.as_ref());
        }
    }
}
