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
    check_gaps(units, &by_unit, faults);
    check_ordinals(units, &by_unit, faults);
    check_orphans(units, faults);
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

/// A unit is there from its first day to its last: one that comes back is another.
fn check_gaps(units: &Sheet<UnitVersion>, by_unit: &Timelines<'_>, faults: &mut Vec<Fault>) {
    for (unit, rows) in by_unit {
        if !units.sound(unit) {
            continue;
        }
        for pair in rows.windows(2) {
            let [earlier, later] = [pair[0], pair[1]].map(|row| &row.value);
            let Some(day) = earlier.last_day().succ_opt() else { continue };
            if day < later.valid_from {
                let (from, line) = (later.valid_from, pair[0].line);
                let en = format!(
                    "`{unit}` is not valid from {day}, after line {line}, to {from}: a unit that comes \
                     back has the next ordinal"
                );
                let vi = format!(
                    "`{unit}` không có hiệu lực từ {day}, sau dòng {line}, đến {from}: đơn vị lập lại \
                     phải mang số thứ tự kế tiếp"
                );
                units.fault(faults, pair[1].line, Some("valid_from"), &en, &vi);
            }
        }
    }
}

/// The ordinals of a code count its holders in order of time.
fn check_ordinals(units: &Sheet<UnitVersion>, by_unit: &Timelines<'_>, faults: &mut Vec<Fault>) {
    let mut holders: BTreeMap<&str, Vec<(u32, &Row<UnitVersion>)>> = BTreeMap::new();
    for (unit, rows) in by_unit {
        let ordinal = unit.rsplit_once('.').and_then(|(code, n)| Some((code, n.parse().ok()?)));
        let Some((code, ordinal)) = ordinal else { continue };
        holders.entry(code).or_default().push((ordinal, rows[0]));
    }
    for holders in holders.values_mut() {
        holders.sort_by_key(|(ordinal, _)| *ordinal);
        for pair in holders.windows(2) {
            let ((_, earlier), (_, later)) = (pair[0], pair[1]);
            if later.value.valid_from <= earlier.value.valid_from {
                let (unit, line) = (&earlier.value.unit, earlier.line);
                let en =
                    format!("ordinals follow time, and `{unit}` in line {line} begins no earlier");
                let vi = format!(
                    "số thứ tự theo thời gian, mà `{unit}` ở dòng {line} không bắt đầu sớm hơn"
                );
                units.fault(faults, later.line, Some("unit"), &en, &vi);
            }
        }
    }
}

/// A unit without a unit above it is a top, and the tops of a catalogue have no others of their level below them.
fn check_orphans(units: &Sheet<UnitVersion>, faults: &mut Vec<Fault>) {
    let mut below: BTreeMap<&str, u64> = BTreeMap::new();
    for row in units.rows.iter().filter(|row| row.value.parent.is_some()) {
        below.entry(&row.value.level).or_insert(row.line);
    }
    for row in units.rows.iter().filter(|row| row.value.parent.is_none()) {
        let level = &row.value.level;
        let Some(line) = below.get(level.as_str()) else { continue };
        let en =
            format!("must not be empty: a `{level}` stands below another unit, as in line {line}");
        let vi = format!("không được để trống: `{level}` thuộc một đơn vị khác, như ở dòng {line}");
        units.fault(faults, row.line, Some("parent"), &en, &vi);
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
