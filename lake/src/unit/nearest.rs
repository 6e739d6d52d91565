//! The nearest valid units to a mistake: what an error about an unknown unit proposes.
//!
//! The order is total, so the same mistake always gets the same answer.

use std::cmp::Reverse;

use chrono::NaiveDate;

use super::{UnitVersion, Units, name};
use crate::fold::plain;

/// How far a unit is from a text, compared part by part: what matters most comes first.
type Distance = [usize; 5];

impl Units {
    /// The units valid on a day whose code (for a text that begins with a digit) or name is closest to a text, the
    /// closest first. It compares with every unit, so ask once for a text, not once for a row.
    #[must_use]
    pub fn nearest(&self, code_or_name: &str, on: NaiveDate, limit: usize) -> Vec<&UnitVersion> {
        self.closest(code_or_name, Some(on), limit)
    }

    /// As [`Units::nearest`]; without a day, among the latest versions of all units.
    pub(super) fn closest(
        &self,
        text: &str,
        on: Option<NaiveDate>,
        limit: usize,
    ) -> Vec<&UnitVersion> {
        // In `code@date` the code is what can be close.
        let text = text.split('@').next().unwrap_or(text).trim();
        let valid = |index: &usize| match on {
            Some(on) => self.versions[*index].valid_on(on),
            None => self.is_latest(*index),
        };
        let versions = (0..self.versions.len()).filter(valid);
        let mut scored: Vec<(Distance, &UnitVersion)> = if self.codes.contains_key(text)
            || looks_like_a_code(text)
        {
            let code = text.split('.').next().unwrap_or(text);
            versions.map(|i| &self.versions[i]).map(|v| (code_distance(code, &v.code), v)).collect()
        } else {
            let path = Path::new(text);
            versions.map(|i| (self.name_distance(i, &path), &self.versions[i])).collect()
        };
        scored.sort_by_key(|(distance, version)| {
            (*distance, version.code.len(), &version.code, Reverse(version.valid_from))
        });
        scored.into_iter().take(limit).map(|(_, version)| version).collect()
    }

    fn is_latest(&self, index: usize) -> bool {
        self.versions.get(index + 1).is_none_or(|next| next.unit != self.versions[index].unit)
    }

    /// First the name itself without accents; then whether the unit above is the one that was written; then accents;
    /// then how far the unit above is; at last whether the kind word is there.
    fn name_distance(&self, index: usize, path: &Path) -> Distance {
        let [plain, spelled, with_kind] = path.last.distance(self.names.keys(index));
        let parents = self.above[index].clone();
        let parent = path.above.as_ref().map_or(0, |above| {
            let distances = parents.map(|parent| above.distance(self.names.keys(parent))[0]);
            distances.min().unwrap_or(usize::MAX)
        });
        [plain, usize::from(parent > 0), spelled, parent, with_kind]
    }
}

/// The last name of a path and the one before it, as they were typed.
struct Path {
    last: Typed,
    above: Option<Typed>,
}

impl Path {
    fn new(text: &str) -> Self {
        let mut names = text.rsplit('/').map(Typed::new);
        let last = names.next().unwrap_or_else(|| Typed::new(text));
        Self { last, above: names.next() }
    }
}

/// A name as it was typed: its readings, without accents and as spelled.
struct Typed {
    readings: Vec<(String, String)>,
}

impl Typed {
    fn new(text: &str) -> Self {
        let readings = name::readings(text).into_iter();
        Self { readings: readings.map(|reading| (plain(&reading), reading)).collect() }
    }

    /// Edits to the closer form of a name, with or without its kind word: without accents, and as spelled; and as
    /// spelled to the whole name.
    fn distance(&self, keys: &name::Keys) -> [usize; 3] {
        let edits = |(plain, spelled): &(String, String)| {
            let to_full = strsim::osa_distance(spelled, &keys.full);
            let full = [strsim::osa_distance(plain, &keys.plain_full), to_full, to_full];
            let to_bare = strsim::osa_distance(spelled, &keys.bare);
            full.min([strsim::osa_distance(plain, &keys.plain_bare), to_bare, to_full])
        };
        self.readings.iter().map(edits).min().unwrap_or([usize::MAX; 3])
    }
}

/// Codes begin with a digit (`09829`, `00124-TDP19`), names do not.
fn looks_like_a_code(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains([' ', '/'])
}

/// Edits between codes, then how far apart they are as numbers. Leading zeroes that a spreadsheet ate do not count.
fn code_distance(typed: &str, code: &str) -> Distance {
    let number = |code: &str| code.parse::<usize>().ok();
    let apart = match (number(typed), number(code)) {
        (Some(typed), Some(code)) => typed.abs_diff(code),
        _ => usize::MAX,
    };
    let edits = strsim::osa_distance(typed, code);
    [if apart == 0 { 0 } else { edits }, apart, edits, 0, 0]
}
