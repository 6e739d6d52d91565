//! From a text to the one unit that it names: an id, a code or a path of names, each on a day where it says one
//! (`00004@2024-12-31`).
//!
//! A text that names two units, at one time or over time, is refused with both; nothing is guessed. Names are compared
//! by spelling: accents count, case and the place of the tone do not, kind words may be left out.

use chrono::NaiveDate;

use super::{Candidate, UnitError, UnitVersion, Units, name};

/// Enough to show the one that was meant, few enough to read in one line.
const NEAREST_MAX: usize = 3;

/// A first and a last day.
type Days = (NaiveDate, NaiveDate);

impl Units {
    /// The version that a text names: of an id `00004.1`, a code `00004`, a path `Hà Nội/Đan Phượng/Song Phượng`, each name
    /// directly under the one before it and the first one anywhere; or of any of them on a day, `00004@2024-12-31`.
    ///
    /// With `on` it is the version valid on that day. Without, the text must name one unit over all time, and the
    /// latest version that it names is given (with a day in the text, the version of that day).
    ///
    /// # Errors
    /// [`UnitError`] when it names no unit, none that was valid on that day, or more than one.
    pub fn resolve(&self, text: &str, on: Option<NaiveDate>) -> Result<&UnitVersion, UnitError> {
        self.resolve_over(text, on.map(|on| (on, on)))
    }

    /// As [`Units::resolve`], over the days from a first to a last one: the text must name one unit on all of them on which
    /// it names any, and the latest version that it names then is given.
    ///
    /// # Errors
    /// [`UnitError`] when it names no unit, none that was valid on any of the days, or more than one.
    pub fn resolve_over(&self, text: &str, days: Option<Days>) -> Result<&UnitVersion, UnitError> {
        let text = text.trim();
        if let Some(versions) = self.units.get(text) {
            return self.choose(text, &versions.clone().collect::<Vec<_>>(), days);
        }
        if let Some((holder, date)) = text.split_once('@') {
            return self.holder(text, holder.trim(), date.trim(), days);
        }
        if let Some(versions) = self.codes.get(text) {
            return self.choose(text, versions, days);
        }
        let found = self.named(text, days);
        // A path that held at another time is told apart from one that never did.
        let found = if found.is_empty() && days.is_some() { self.named(text, None) } else { found };
        self.choose(text, &found, days)
    }

    /// The unit of `code@date`, `id@date` or `path@date`.
    fn holder(
        &self,
        text: &str,
        holder: &str,
        date: &str,
        days: Option<Days>,
    ) -> Result<&UnitVersion, UnitError> {
        let Ok(date) = date.parse::<NaiveDate>() else { return Err(self.unknown(text, days)) };
        let day = Some((date, date));
        let of_id = self.units.get(holder).map(|versions| versions.clone().collect());
        let versions: Vec<usize> = of_id
            .or_else(|| self.codes.get(holder).cloned())
            .unwrap_or_else(|| self.named(holder, day));
        let version = self.choose(text, &versions, day)?;
        let Some(days) = days else { return Ok(version) };
        let unit = self.units.get(&version.unit).cloned().unwrap_or_default();
        self.choose(text, &unit.collect::<Vec<_>>(), Some(days))
    }

    /// The one unit among the versions that a text names.
    fn choose(
        &self,
        text: &str,
        named: &[usize],
        days: Option<Days>,
    ) -> Result<&UnitVersion, UnitError> {
        let versions = || named.iter().map(|index| &self.versions[*index]);
        let valid = |version: &&UnitVersion| {
            days.is_none_or(|(from, to)| version.valid_from <= to && from <= version.last_day())
        };
        // The latest version of each unit; they come in order of unit, then of time.
        let mut valid: Vec<&UnitVersion> = versions().filter(valid).collect();
        valid.sort_by(|a, b| (&a.unit, b.valid_from).cmp(&(&b.unit, a.valid_from)));
        valid.dedup_by(|later, first| later.unit == first.unit);
        valid.sort_by_key(|version| (version.valid_from, &version.unit));
        match (valid.as_slice(), days.filter(|_| !named.is_empty())) {
            ([version], _) => Ok(version),
            ([], None) => Err(self.unknown(text, days)),
            ([], Some((from, to))) => Err(UnitError::NotValid {
                text: text.to_owned(),
                from,
                to,
                known: self.candidates(versions()),
                successors: Vec::new(),
                nearest: self.candidates(self.nearest(text, to, NEAREST_MAX)),
            }),
            _ => {
                let candidates = self.candidates(valid);
                Err(UnitError::Ambiguous { text: text.to_owned(), candidates })
            }
        }
    }

    fn unknown(&self, text: &str, days: Option<Days>) -> UnitError {
        let nearest = self.closest(text, days.map(|(_, to)| to), NEAREST_MAX);
        UnitError::Unknown { text: text.to_owned(), nearest: self.candidates(nearest) }
    }

    /// Versions as an error shows them.
    pub(crate) fn candidates<'a>(
        &self,
        versions: impl IntoIterator<Item = &'a UnitVersion>,
    ) -> Vec<Candidate> {
        versions.into_iter().map(|version| Candidate::new(self, version)).collect()
    }

    /// The versions that a path names. Where some are named with more of their kind words than others, those are meant:
    /// `Xã Đàn` is a commune Đàn before it is a ward Xã Đàn.
    fn named(&self, path: &str, days: Option<Days>) -> Vec<usize> {
        let segments: Vec<Vec<String>> = path.split('/').map(name::readings).collect();
        let Some((last, above)) = segments.split_last() else { return Vec::new() };
        let mut found: Vec<(usize, usize)> = Vec::new();
        for index in last.iter().flat_map(|reading| self.names.spelled(reading)) {
            let version = &self.versions[*index];
            let span = days.unwrap_or((version.valid_from, version.last_day()));
            let left_out = self.left_out(*index, last, above, span);
            found.extend(left_out.map(|left_out| (left_out, *index)));
        }
        let fewest = found.iter().map(|(left_out, _)| *left_out).min();
        found.retain(|(left_out, _)| Some(*left_out) == fewest);
        let mut versions: Vec<usize> = found.into_iter().map(|(_, index)| index).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }

    /// How many kind words a path leaves out where it names this version within a span of days; none if it names
    /// another.
    fn left_out(
        &self,
        index: usize,
        readings: &[String],
        above: &[Vec<String>],
        (from, to): Days,
    ) -> Option<usize> {
        let (version, keys) = (&self.versions[index], self.names.keys(index));
        let (from, to) = (from.max(version.valid_from), to.min(version.last_day()));
        if from > to || !(readings.contains(&keys.full) || readings.contains(&keys.bare)) {
            return None;
        }
        let here = usize::from(!readings.contains(&keys.full));
        // The path grows shorter with each step up, so a cycle of parents cannot hold it.
        let Some((parent, above)) = above.split_last() else { return Some(here) };
        let parents = self.above[index].clone();
        parents
            .filter_map(|index| self.left_out(index, parent, above, (from, to)))
            .min()
            .map(|n| n + here)
    }
}
