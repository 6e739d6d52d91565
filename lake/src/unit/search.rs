//! Finding units by what people type, with or without accents and kind words.

use super::{UnitVersion, Units, name};
use crate::fold::plain;

/// How well a name answers a search; the first is the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Code,
    Name,
    NameWithoutKind,
    WithoutAccents,
    /// An old name, or one that the catalogue calls a synonym.
    OtherName,
    Prefix,
    Contains,
    /// An old name or a synonym has it in it.
    OtherContains,
    /// Only together with the kind word: `huyen dan` finds Huyện Đan Phượng, after all names with these words.
    WithKind,
}

impl Units {
    /// The versions that a search finds: first those whose id, code or name is the text itself, then those that equal
    /// it without accents, then those that had it as a name once or have it as a synonym, then those that start with it, then
    /// those that contain it. Among equals, names that hold its
    /// very spelling come first, then shorter ones, then larger units (shorter codes), in order of code and time. An
    /// empty text finds all.
    #[must_use]
    pub fn search(&self, q: &str) -> Vec<&UnitVersion> {
        let q = q.trim();
        let readings = name::readings(q);
        let needles: Vec<String> = readings.iter().map(|reading| plain(reading)).collect();
        let mut found: Vec<_> = (0..self.versions.len())
            .filter_map(|index| {
                let rank = self.matches(index, q, &readings, &needles)?;
                let (version, keys) = (&self.versions[index], self.names.keys(index));
                let spelled = readings.iter().any(|reading| has_words(&keys.full, reading));
                let partial = matches!(rank, Match::Prefix | Match::Contains);
                let length = if partial && !q.is_empty() { keys.plain_bare.len() } else { 0 };
                let code = (version.code.len(), &version.code, version.valid_from);
                Some(((rank, !spelled, length, code), version))
            })
            .collect();
        found.sort_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, version)| version).collect()
    }

    fn matches(
        &self,
        index: usize,
        q: &str,
        readings: &[String],
        needles: &[String],
    ) -> Option<Match> {
        let (version, keys) = (&self.versions[index], self.names.keys(index));
        if version.code == q || version.unit.0 == q {
            return Some(Match::Code);
        }
        if readings.contains(&keys.full) {
            return Some(Match::Name);
        }
        if readings.contains(&keys.bare) {
            return Some(Match::NameWithoutKind);
        }
        if q.is_empty() {
            return Some(Match::Contains);
        }
        // A text of signs only, such as `?`, is plainly nothing; it must not find everything.
        if needles.iter().all(String::is_empty) {
            return None;
        }
        let names = [&keys.plain_bare, &keys.plain_en, &keys.plain_full];
        let any = |names: &[&String], holds: fn(&str, &str) -> bool| {
            needles.iter().any(|needle| names.iter().any(|name| holds(name, needle)))
        };
        if any(&names, |name, needle| name == needle) {
            return Some(Match::WithoutAccents);
        }
        let others: Vec<&String> = keys.plain_others.iter().collect();
        if any(&others, |name, needle| name == needle) {
            return Some(Match::OtherName);
        }
        if any(&names[..2], |name, needle| name.starts_with(needle)) {
            return Some(Match::Prefix);
        }
        if any(&names[..2], |name, needle| name.contains(needle)) {
            return Some(Match::Contains);
        }
        if any(&others, |name, needle| name.contains(needle)) {
            return Some(Match::OtherContains);
        }
        any(&names, |name, needle| name.contains(needle)).then_some(Match::WithKind)
    }
}

/// Whether a name has these words in a row.
fn has_words(name: &str, words: &str) -> bool {
    name.match_indices(words).any(|(start, words)| {
        let (before, after) = (&name[..start], &name[start + words.len()..]);
        (before.is_empty() || before.ends_with(' ')) && (after.is_empty() || after.starts_with(' '))
    })
}
